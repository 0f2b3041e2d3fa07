//! How many files the process may have open, and who gets how many: logs and connections.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Logs get up to this share, in percent, of what the process may open: a log whose file is closed opens it again, and a
/// connection for which there is no room has to wait.
const LOGS_PERCENT: u64 = 40;
/// And up to this many: each may be mapped, and Linux gives a process 65,530 mappings.
const LOGS_MAX: u64 = 16_384;

/// What neither logs nor connections may have: listeners, the HTTP port, files of the metadata, a scrape.
const RESERVE: u64 = 128;

/// How many files of logs are kept open.
pub(crate) fn for_logs() -> usize {
    usize::try_from(logs(allowed())).unwrap_or(usize::MAX)
}

/// How many connections there may be.
pub(crate) fn left_for_connections() -> usize {
    let allowed = allowed();
    let left = allowed.saturating_sub(logs(allowed)).saturating_sub(RESERVE);
    usize::try_from(left.max(1)).unwrap_or(usize::MAX)
}

fn logs(allowed: u64) -> u64 {
    (allowed / 100).saturating_mul(LOGS_PERCENT).min(LOGS_MAX)
}

/// What the administrator allows, which is taken without asking for it by `ulimit`.
fn allowed() -> u64 {
    static ALLOWED: OnceLock<u64> = OnceLock::new();
    *ALLOWED.get_or_init(|| {
        let limits = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: limits.maximum, ..limits };
        let allowed = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limits.maximum,
            Err(_) => limits.current,
        };
        allowed.unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_and_connections_fit_side_by_side() {
        for allowed in [1_024, 20_000, 1 << 20] {
            let logs = logs(allowed);
            assert!(logs <= LOGS_MAX && logs + RESERVE < allowed, "{logs} of {allowed}");
        }
        assert!(for_logs() + left_for_connections() <= usize::try_from(allowed()).unwrap());
    }
}
