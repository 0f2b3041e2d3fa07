//! Whether the broker can do its work, and why not.

use std::sync::atomic::{AtomicU8, Ordering};

use super::Status;

/// Where the broker is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// It has not opened its listeners, or has not registered.
    Starting,
    /// It accepts connections.
    Serving,
    /// It answers what is under way, and closes its logs.
    Stopping,
}

/// A phase that is written by one and read by many.
#[derive(Debug)]
pub(crate) struct PhaseCell(AtomicU8);

impl Default for PhaseCell {
    fn default() -> Self {
        Self(AtomicU8::new(Phase::Starting as u8))
    }
}

impl PhaseCell {
    pub(crate) fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Release);
    }

    fn load(&self) -> Phase {
        let phases = [Phase::Starting, Phase::Serving];
        let now = self.0.load(Ordering::Acquire);
        phases.into_iter().find(|phase| *phase as u8 == now).unwrap_or(Phase::Stopping)
    }
}

impl Status {
    /// Where the broker is in its life.
    pub fn phase(&self) -> Phase {
        self.0.phase.load()
    }

    /// What keeps the broker from its work; nothing if it is ready.
    pub fn hindrances(&self) -> Vec<String> {
        let mut hindrances = Vec::new();
        match self.phase() {
            Phase::Starting => hindrances.push("the broker is starting".to_owned()),
            Phase::Serving => {}
            Phase::Stopping => hindrances.push("the broker is stopping".to_owned()),
        }
        let image = self.0.image.load();
        match image.broker(self.0.node_id) {
            None => hindrances.push("the broker has not registered with the controller".to_owned()),
            Some(broker) if broker.is_fenced => {
                hindrances.push("the controller has fenced the broker".to_owned());
            }
            Some(_) => {}
        }
        for dir in self.log_dirs() {
            if let Some(reason) = dir.offline_reason {
                hindrances
                    .push(format!("log directory {} is offline: {reason}", dir.path.display()));
            }
        }
        hindrances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phase_is_what_was_set() {
        let cell = PhaseCell::default();
        assert_eq!(cell.load(), Phase::Starting);
        for phase in [Phase::Serving, Phase::Stopping, Phase::Starting] {
            cell.set(phase);
            assert_eq!(cell.load(), phase);
        }
    }
}
