//! The words in which a row of a table speaks: types, importance, how a setting changes and what becomes of it.

use std::fmt;

/// Kafka's types of a setting (`ConfigDef.Type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A text.
    String,
    /// A whole number of 16 bits.
    Short,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 64 bits.
    Long,
    /// A floating-point number.
    Double,
    /// Texts with commas between them.
    List,
    /// The name of a Java class. We load none; the names of Kafka's own classes choose what is built in.
    Class,
    /// A text that is never shown or logged.
    Password,
}

impl Kind {
    /// Kafka's number for it (`DescribeConfigsResponse.ConfigType`).
    pub const fn code(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::String => 2,
            Self::Int => 3,
            Self::Short => 4,
            Self::Long => 5,
            Self::Double => 6,
            Self::List => 7,
            Self::Class => 8,
            Self::Password => 9,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Short => "short",
            Self::Int => "int",
            Self::Long => "long",
            Self::Double => "double",
            Self::List => "list",
            Self::Class => "class",
            Self::Password => "password",
        })
    }
}

/// How much a setting matters to most users; Kafka's tools sort by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// Look at it before going to production.
    High,
    /// Look at it when something is to be tuned.
    Medium,
    /// Leave it alone.
    Low,
}

impl fmt::Display for Importance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        })
    }
}

/// Whether a setting may change while the broker runs (KIP-226).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dynamic {
    /// Only by a restart.
    ReadOnly,
    /// Yes, for one broker at a time.
    PerBroker,
    /// Yes, for one broker or for all of them at once. The settings of all but brokers are of this sort.
    ClusterWide,
    /// As [`Self::ClusterWide`], and in no other way: neither in a file nor at the start.
    Only,
}

impl fmt::Display for Dynamic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ReadOnly => "read-only",
            Self::PerBroker => "per-broker",
            Self::ClusterWide => "cluster-wide",
            Self::Only => "only",
        })
    }
}

/// What becomes of a setting in Ottla.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It does what its row says.
    Used,
    /// It is taken and described, and nothing acts on it, which does no harm.
    Accepted,
    /// Only the default is taken: somebody who sets it relies on something that is not there yet.
    Missing,
}

/// A default, as it can be written in a constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Literal {
    /// Of a [`Kind::Boolean`].
    Boolean(bool),
    /// Of a [`Kind::Short`].
    Short(i16),
    /// Of a [`Kind::Int`].
    Int(i32),
    /// Of a [`Kind::Long`].
    Long(i64),
    /// Of a [`Kind::Double`].
    Double(f64),
    /// Of a [`Kind::String`].
    String(&'static str),
    /// Of a [`Kind::List`].
    List(&'static [&'static str]),
}
