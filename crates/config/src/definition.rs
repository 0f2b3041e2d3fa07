//! One row of a table: all that is known of a setting, built at compile time.

use crate::allowed::Allowed;
use crate::kind::{Dynamic, Effect, Importance, Kind, Literal};

/// A broker's setting that stands in where a topic or a group does not set its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synonym {
    /// The broker's key.
    pub key: &'static str,
    /// What its value is multiplied by: Kafka has keys in hours and minutes for what a topic has in milliseconds.
    pub factor: i64,
}

impl Synonym {
    /// A synonym in the same unit.
    pub const fn same(key: &'static str) -> Self {
        Self { key, factor: 1 }
    }

    /// A synonym in minutes of a setting in milliseconds.
    pub const fn minutes(key: &'static str) -> Self {
        Self { key, factor: MINUTE_MS }
    }

    /// A synonym in hours of a setting in milliseconds.
    pub const fn hours(key: &'static str) -> Self {
        Self { key, factor: HOUR_MS }
    }
}

pub(crate) const MINUTE_MS: i64 = 60 * 1000;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// A setting. Rows are written as a constructor for the type with the default, followed by what is not ordinary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Definition {
    /// Its name, which is Kafka's.
    pub key: &'static str,
    /// Its type.
    pub kind: Kind,
    /// What holds if nobody sets it; `None` where Kafka has `null`.
    pub default: Option<Literal>,
    /// The values it may have.
    pub allowed: Allowed,
    /// How much it matters.
    pub importance: Importance,
    /// Whether it may change while the broker runs.
    pub dynamic: Dynamic,
    /// True if it is meant for tests: it is not listed, and described only where it is set.
    pub internal: bool,
    /// What becomes of it.
    pub effect: Effect,
    /// The broker's settings that hold where a topic or a group does not set this one, the first that is set first.
    pub synonyms: &'static [Synonym],
    /// What it does, in a sentence or two.
    pub doc: &'static str,
}

impl Definition {
    const fn new(key: &'static str, kind: Kind, default: Option<Literal>) -> Self {
        Self {
            key,
            kind,
            default,
            allowed: Allowed::Any,
            importance: Importance::Medium,
            dynamic: Dynamic::ClusterWide,
            internal: false,
            effect: Effect::Used,
            synonyms: &[],
            doc: "",
        }
    }

    pub(crate) const fn boolean(key: &'static str, default: bool) -> Self {
        Self::new(key, Kind::Boolean, Some(Literal::Boolean(default)))
    }

    pub(crate) const fn short(key: &'static str, default: i16) -> Self {
        Self::new(key, Kind::Short, Some(Literal::Short(default)))
    }

    pub(crate) const fn int(key: &'static str, default: i32) -> Self {
        Self::new(key, Kind::Int, Some(Literal::Int(default)))
    }

    pub(crate) const fn long(key: &'static str, default: i64) -> Self {
        Self::new(key, Kind::Long, Some(Literal::Long(default)))
    }

    pub(crate) const fn double(key: &'static str, default: f64) -> Self {
        Self::new(key, Kind::Double, Some(Literal::Double(default)))
    }

    pub(crate) const fn string(key: &'static str, default: &'static str) -> Self {
        Self::new(key, Kind::String, Some(Literal::String(default)))
    }

    pub(crate) const fn list(key: &'static str, default: &'static [&'static str]) -> Self {
        Self::new(key, Kind::List, Some(Literal::List(default)))
    }

    /// A setting without a default.
    pub(crate) const fn unset(key: &'static str, kind: Kind) -> Self {
        Self::new(key, kind, None)
    }

    pub(crate) const fn allowed(self, allowed: Allowed) -> Self {
        Self { allowed, ..self }
    }

    pub(crate) const fn at_least(self, min: i64) -> Self {
        self.allowed(Allowed::AtLeast(min))
    }

    pub(crate) const fn high(self) -> Self {
        Self { importance: Importance::High, ..self }
    }

    pub(crate) const fn low(self) -> Self {
        Self { importance: Importance::Low, ..self }
    }

    pub(crate) const fn read_only(self) -> Self {
        Self { dynamic: Dynamic::ReadOnly, ..self }
    }

    pub(crate) const fn per_broker(self) -> Self {
        Self { dynamic: Dynamic::PerBroker, ..self }
    }

    pub(crate) const fn internal(self) -> Self {
        Self { internal: true, ..self }
    }

    pub(crate) const fn dynamic_only(self) -> Self {
        Self { dynamic: Dynamic::Only, ..self }
    }

    /// Nothing acts on it yet, and to set it does no harm.
    pub(crate) const fn accepted(self) -> Self {
        Self { effect: Effect::Accepted, ..self }
    }

    /// What it stands for is not there yet, and somebody would rely on it.
    pub(crate) const fn missing(self) -> Self {
        Self { effect: Effect::Missing, ..self }
    }

    pub(crate) const fn synonyms(self, synonyms: &'static [Synonym]) -> Self {
        Self { synonyms, ..self }
    }

    pub(crate) const fn doc(self, doc: &'static str) -> Self {
        Self { doc, ..self }
    }
}
