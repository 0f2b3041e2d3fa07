//! What a broker is told at its start: by a file, by the command line, and by the environment, each over the one before.
//!
//! Whatever is wrong is said with the place where it was set. A setting that no table has is an error, too: a typing
//! error would otherwise be found when the disk is full. Only in the environment, where variables of other programs
//! begin with `KAFKA_` as well, a name that resembles no setting is passed over.

mod file;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::broker::BROKER;
use crate::broker_config::BrokerConfig;
use crate::error::Error;
use crate::kind::Dynamic;
use crate::settings::Settings;

/// A larger file is none of settings.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The settings of a broker at its start, and where each comes from.
#[derive(Debug, Clone)]
pub struct BrokerSettings {
    settings: Settings,
    origins: BTreeMap<&'static str, Origin>,
    ignored: Vec<String>,
}

/// Where a setting was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the file.
    File {
        /// Its path, as it was given.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// By `--set`.
    CommandLine,
    /// By this variable of the environment.
    Environment(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::CommandLine => f.write_str("--set"),
            Self::Environment(variable) => f.write_str(variable),
        }
    }
}

/// Why a broker cannot start with what it was told.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is not there, cannot be read, or is no text.
    #[error("cannot read the settings in {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no TOML, or something in it is no setting.
    #[error("{}, line {line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// An argument of `--set` has no equals sign.
    #[error("--set takes key=value, and `{0}` has no equals sign")]
    Argument(String),
    /// A setting is wrong, or it does not fit the others.
    #[error("{}{error}", at(origin.as_ref()))]
    Setting {
        /// Where it was set; `None` for a default.
        origin: Option<Origin>,
        /// What is wrong.
        error: Error,
    },
}

fn at(origin: Option<&Origin>) -> String {
    origin.map_or_else(String::new, |origin| format!("{origin}: "))
}

impl BrokerSettings {
    /// Reads `file`, then sets each `key=value` of `sets`, then what `environment` has in the form of Kafka's image:
    /// `KAFKA_LOG_RETENTION_HOURS` for `log.retention.hours`.
    pub fn load(
        file: Option<&Path>,
        sets: &[String],
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, LoadError> {
        let settings = Settings::new(&BROKER);
        let mut loaded = Self { settings, origins: BTreeMap::new(), ignored: Vec::new() };
        if let Some(path) = file {
            loaded.set_file(path)?;
        }
        for set in sets {
            let (key, text) =
                set.split_once('=').ok_or_else(|| LoadError::Argument(set.clone()))?;
            loaded.set(key.trim(), text, Origin::CommandLine)?;
        }
        for (variable, text) in environment {
            if let Some(key) = environment_key(&variable) {
                loaded.set_environment(&key, &text, variable)?;
            }
        }
        loaded.name_node_twice()?;
        Ok(loaded)
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where `key` was set.
    fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(key)
    }

    /// The variables that begin with `KAFKA_` and resemble no setting; to be logged, in case one was meant to be.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// What the broker makes of the settings.
    pub fn config(&self) -> Result<BrokerConfig, LoadError> {
        BrokerConfig::new(&self.settings).map_err(|error| {
            let origin = error.key().and_then(|key| self.origin(key)).cloned();
            LoadError::Setting { origin, error }
        })
    }

    fn set(&mut self, key: &str, text: &str, origin: Origin) -> Result<(), LoadError> {
        let refused = |error| LoadError::Setting { origin: Some(origin.clone()), error };
        let definition = BROKER.get(key).map_err(refused)?;
        if definition.dynamic == Dynamic::Only {
            let reason = "it is set only while the broker runs, by a client";
            return Err(refused(Error::unsupported(key, reason)));
        }
        self.settings.set(key, text).map_err(refused)?;
        self.origins.insert(definition.key, origin);
        Ok(())
    }

    fn set_file(&mut self, path: &Path) -> Result<(), LoadError> {
        let text = read(path).map_err(|source| LoadError::Read { path: path.into(), source })?;
        let entries = file::parse(&text).map_err(|file::Problem { line, message }| {
            LoadError::Syntax { path: path.into(), line, message }
        })?;
        for file::Entry { key, text, line } in entries {
            self.set(&key, &text, Origin::File { path: path.into(), line })?;
        }
        Ok(())
    }

    fn set_environment(
        &mut self,
        key: &str,
        text: &str,
        variable: String,
    ) -> Result<(), LoadError> {
        if let Err(Error::UnknownKey { nearest: None, .. }) = BROKER.get(key) {
            self.ignored.push(variable);
            return Ok(());
        }
        self.set(key, text, Origin::Environment(variable))
    }

    /// Whoever sets one name of the node's number sets both, as in Kafka, so that tools that ask for either see it.
    fn name_node_twice(&mut self) -> Result<(), LoadError> {
        for (from, to) in [("node.id", "broker.id"), ("broker.id", "node.id")] {
            let value = self.settings.get(from).map(ToString::to_string);
            if let (Some(text), None, Some(origin)) =
                (value, self.settings.get(to), self.origins.get(from).cloned())
            {
                self.set(to, &text, origin)?;
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        let message = format!("it is larger than {FILE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

/// The key that a variable stands for: after `KAFKA_`, one underscore is a dot, two are an underscore, and three are
/// a dash.
fn environment_key(variable: &str) -> Option<String> {
    let name = variable.strip_prefix("KAFKA_").filter(|name| !name.is_empty())?;
    let name = name.to_ascii_lowercase();
    Some(name.replace("___", "-").replace("__", "\u{0}").replace('_', ".").replace('\u{0}', "_"))
}

#[cfg(test)]
mod tests;
