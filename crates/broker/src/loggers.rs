//! The loggers of the broker and their levels, which clients see and change as they do settings (KIP-412).
//!
//! A logger is a target of `tracing`: a crate of ours, or a module in it (`broker::net`). What has no level goes by the
//! nearest one above it, and in the end by `root`. Levels last until the process ends.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use controller::decide::{ApiError, ConfigOp};
use protocol::ErrorCode;

/// Kafka's number for loggers as resources (`ConfigResource.Type.BROKER_LOGGER`).
pub(crate) const RESOURCE_TYPE: i8 = 8;

/// Kafka's name for the logger above all others.
const ROOT: &str = "root";

/// The crates that log.
const CRATES: &[&str] = &["broker", "console", "controller", "coordinator", "ottla", "storage"];

/// Kafka's levels, with those of `tracing` that they stand for. We log nothing that ends the process.
const LEVELS: &[(&str, &str)] = &[
    ("TRACE", "trace"),
    ("DEBUG", "debug"),
    ("INFO", "info"),
    ("WARN", "warn"),
    ("ERROR", "error"),
    ("FATAL", "off"),
];

/// Has the log go by directives, in the form of `RUST_LOG`.
type Apply = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// The loggers.
pub struct Loggers {
    state: Mutex<State>,
    apply: Apply,
}

#[derive(Debug, Clone)]
struct State {
    /// Levels by logger; the root's is always there.
    levels: BTreeMap<String, &'static str>,
    /// Directives that are no logger's level, such as those for spans.
    others: Vec<String>,
}

/// A change of one logger's level.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) logger: &'a str,
    pub(crate) op: Option<ConfigOp>,
    pub(crate) value: Option<&'a str>,
}

impl Loggers {
    /// The loggers of a process that logs by `directives`, in the form of `RUST_LOG`, and by others when `apply` is called.
    pub fn new(
        directives: &str,
        apply: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { state: Mutex::new(State::parse(directives)), apply: Box::new(apply) }
    }

    /// Loggers whose levels nobody changes.
    pub fn fixed() -> Self {
        Self::new("", |_| Err("the levels of this process cannot be changed".to_owned()))
    }

    /// All loggers and their levels.
    pub(crate) fn levels(&self) -> BTreeMap<String, &'static str> {
        let state = self.lock();
        let named = CRATES.iter().map(|name| ((*name).to_owned(), state.level(name)));
        named.chain(state.levels.clone()).collect()
    }

    /// Checks all changes, then makes them, unless they are only to be checked.
    pub(crate) fn alter(
        &self,
        changes: &[Change<'_>],
        validate_only: bool,
    ) -> Result<(), ApiError> {
        let mut state = self.lock();
        let mut next = state.clone();
        for change in changes {
            next.change(change)?;
        }
        if validate_only {
            return Ok(());
        }
        (self.apply)(&next.directives()).map_err(|reason| {
            let message = format!("the levels cannot be changed: {reason}");
            ApiError { code: ErrorCode::InvalidRequest, message }
        })?;
        tracing::warn!(levels = next.directives(), "the levels of loggers have been changed");
        *state = next;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Loggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Loggers").field(&*self.lock()).finish()
    }
}

impl State {
    fn parse(directives: &str) -> Self {
        // As `tracing` has it where nothing is said.
        let mut levels = BTreeMap::from([(ROOT.to_owned(), "ERROR")]);
        let mut others = Vec::new();
        for directive in directives.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let (logger, level) = directive.split_once('=').unwrap_or((ROOT, directive));
            let is_span = directive.contains(['[', '{']);
            match kafka_level(level).filter(|_| !is_span) {
                Some(level) => drop(levels.insert(logger.to_owned(), level)),
                None => others.push(directive.to_owned()),
            }
        }
        Self { levels, others }
    }

    /// The level that a logger goes by.
    fn level(&self, logger: &str) -> &'static str {
        let above = std::iter::successors(Some(logger), |name| Some(name.rsplit_once("::")?.0));
        above.chain([ROOT]).find_map(|name| self.levels.get(name)).copied().unwrap_or("ERROR")
    }

    fn change(&mut self, change: &Change<'_>) -> Result<(), ApiError> {
        let Change { logger, op, value } = *change;
        let refuse = |code, message| Err(ApiError { code, message });
        let of_crate = logger.split("::").next().is_some_and(|name| CRATES.contains(&name));
        let exists = of_crate && logger.split("::").all(is_name) || logger == ROOT;
        match op {
            Some(ConfigOp::Set | ConfigOp::Delete) if !exists => {
                refuse(ErrorCode::InvalidConfig, format!("there is no logger `{logger}`"))
            }
            Some(ConfigOp::Set) => {
                let value = value.unwrap_or_default();
                let level = LEVELS.iter().find(|(name, _)| *name == value);
                let Some((level, _)) = level else {
                    let names: Vec<_> = LEVELS.iter().map(|(name, _)| *name).collect();
                    let message =
                        format!("`{value}` is no level: take one of {}", names.join(", "));
                    return refuse(ErrorCode::InvalidConfig, message);
                };
                self.levels.insert(logger.to_owned(), level);
                Ok(())
            }
            Some(ConfigOp::Delete) if logger == ROOT => {
                let message = "the level of the root logger cannot be taken away".to_owned();
                refuse(ErrorCode::InvalidRequest, message)
            }
            Some(ConfigOp::Delete) => {
                self.levels.remove(logger);
                Ok(())
            }
            Some(ConfigOp::Append | ConfigOp::Subtract) | None => {
                let message = "the level of a logger is set or deleted".to_owned();
                refuse(ErrorCode::InvalidRequest, message)
            }
        }
    }

    /// In the form of `RUST_LOG`.
    fn directives(&self) -> String {
        let levels = self.levels.iter().map(|(logger, level)| {
            let level = LEVELS.iter().find(|(name, _)| name == level).map_or("error", |it| it.1);
            if logger == ROOT { level.to_owned() } else { format!("{logger}={level}") }
        });
        levels.chain(self.others.iter().cloned()).collect::<Vec<_>>().join(",")
    }
}

/// A part of the name of a module.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Kafka's level that one of `tracing` stands for.
fn kafka_level(text: &str) -> Option<&'static str> {
    let level = LEVELS.iter().find(|(_, ours)| ours.eq_ignore_ascii_case(text));
    level.map(|(kafka, _)| *kafka)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn loggers(directives: &str) -> (Loggers, Arc<Mutex<String>>) {
        let applied = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&applied);
        let apply = move |directives: &str| {
            directives.clone_into(&mut seen.lock().unwrap());
            Ok(())
        };
        (Loggers::new(directives, apply), applied)
    }

    fn change<'a>(logger: &'a str, op: ConfigOp, value: Option<&'a str>) -> Change<'a> {
        Change { logger, op: Some(op), value }
    }

    #[test]
    fn level_is_changed_and_taken_back() {
        let (loggers, applied) = loggers("info,broker::net=debug,[span]=trace");
        assert_eq!(loggers.levels()["storage"], "INFO");
        assert_eq!(loggers.levels()["broker::net"], "DEBUG");
        let changes = [
            change("storage", ConfigOp::Set, Some("TRACE")),
            change("root", ConfigOp::Set, Some("FATAL")),
            change("broker::net", ConfigOp::Delete, None),
        ];
        loggers.alter(&changes, true).unwrap();
        assert_eq!(*applied.lock().unwrap(), "", "they were only checked");
        loggers.alter(&changes, false).unwrap();
        assert_eq!(*applied.lock().unwrap(), "off,storage=trace,[span]=trace");
        let levels = loggers.levels();
        assert_eq!(
            (levels["root"], levels["broker"], levels["storage"]),
            ("FATAL", "FATAL", "TRACE")
        );
        assert_eq!(levels.get("broker::net"), None);
    }

    #[test]
    fn change_that_makes_no_sense_is_refused() {
        let (loggers, applied) = loggers("warn");
        for (change, code) in [
            (change("kafka", ConfigOp::Set, Some("INFO")), ErrorCode::InvalidConfig),
            (change("broker::a,b", ConfigOp::Set, Some("INFO")), ErrorCode::InvalidConfig),
            (change("nothing", ConfigOp::Delete, None), ErrorCode::InvalidConfig),
            (change("broker", ConfigOp::Set, Some("info")), ErrorCode::InvalidConfig),
            (change("root", ConfigOp::Delete, None), ErrorCode::InvalidRequest),
            (change("broker", ConfigOp::Append, Some("INFO")), ErrorCode::InvalidRequest),
            (Change { logger: "broker", op: None, value: None }, ErrorCode::InvalidRequest),
        ] {
            let result = loggers.alter(&[change], false);
            assert_eq!(result.map_err(|err| err.code), Err(code), "{change:?}");
        }
        assert_eq!(*applied.lock().unwrap(), "");
        let fixed = Loggers::fixed();
        let change = change("broker", ConfigOp::Set, Some("INFO"));
        assert!(fixed.alter(&[change], true).is_ok() && fixed.alter(&[change], false).is_err());
    }
}
