//! What can be wrong with a setting. Each variant names the key and says what would be right.

use crate::broker::why_absent;
use crate::definition::Definition;
use crate::nearest::nearest;
use crate::table::{Scope, Table};
use crate::value::Value;

/// A setting that is refused. To a client it is INVALID_CONFIG, or for a broker's setting INVALID_REQUEST; at the start
/// it stops the broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The table has no such key.
    #[error("{scope} has no setting `{key}`{}", hint(*.nearest))]
    UnknownKey {
        /// Whose table was asked.
        scope: Scope,
        /// The key that was given.
        key: String,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
    },
    /// The text is of another type, or outside what is allowed.
    #[error("{key} cannot be `{value}`: it takes {takes}")]
    InvalidValue {
        /// The setting.
        key: &'static str,
        /// The text that was given; a password is not repeated.
        value: String,
        /// The type and limits.
        takes: String,
    },
    /// The setting is known, but it cannot be set here: what it stands for is not there, or it is set in another way.
    #[error("{key} cannot be set: {reason}")]
    Unsupported {
        /// The setting.
        key: String,
        /// Why it cannot be set.
        reason: String,
    },
    /// Each setting is right, but together they are not.
    #[error("{key} cannot be `{value}`: {reason}")]
    Conflict {
        /// The setting to change.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it is in conflict with.
        reason: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |key| format!("; did you mean `{key}`?"))
}

impl Error {
    /// The setting whose value is wrong; `None` if it could not be set at all.
    pub fn key(&self) -> Option<&'static str> {
        match self {
            Self::InvalidValue { key, .. } | Self::Conflict { key, .. } => Some(key),
            Self::UnknownKey { .. } | Self::Unsupported { .. } => None,
        }
    }

    pub(crate) fn unknown_key(table: &Table, key: &str) -> Self {
        if let Some(reason) = why_absent(key).filter(|_| table.scope == Scope::Broker) {
            return Self::unsupported(key, reason);
        }
        let keys = table.definitions().map(|definition| definition.key);
        Self::UnknownKey { scope: table.scope, key: key.to_owned(), nearest: nearest(key, keys) }
    }

    pub(crate) fn invalid_value(definition: &Definition, text: String) -> Self {
        let Definition { key, kind, allowed, .. } = *definition;
        let takes = format!("a value of type {kind} {allowed}").trim_end().to_owned();
        Self::InvalidValue { key, value: text, takes }
    }

    /// Refuses a setting that is known, for a reason that is not its value.
    pub(crate) fn unsupported(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unsupported { key: key.into(), reason: reason.into() }
    }

    pub(crate) fn conflict(key: &'static str, value: &Value, reason: impl Into<String>) -> Self {
        Self::Conflict { key, value: value.to_string(), reason: reason.into() }
    }
}
