//! One row of a table: all that is known of a setting, built at compile time.

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
    /// Yes, for one broker or for all of them at once. A topic's settings are all of this sort.
    ClusterWide,
}

impl fmt::Display for Dynamic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ReadOnly => "read-only",
            Self::PerBroker => "per-broker",
            Self::ClusterWide => "cluster-wide",
        })
    }
}

/// A default, as it can be written in a constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Literal {
    /// Of a [`Kind::Boolean`].
    Boolean(bool),
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

/// Which values of the right type are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// All of them.
    Any,
    /// Numbers from this one on.
    AtLeast(i64),
    /// Numbers from the first to the second, both included.
    Between(i64, i64),
    /// The levels of gzip: 1 to 9, and -1 for the library's own choice.
    GzipLevel,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list of these texts, each at most once; it may be empty.
    ListOf(&'static [&'static str]),
    /// A list of any texts but the empty one, each at most once.
    Distinct {
        /// Whether a list without a text will do.
        or_empty: bool,
    },
    /// `*`, or a list of `partition:broker` (KIP-73).
    Replicas,
}

/// Says in words what is allowed, as the end of a sentence that begins with the type.
impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::AtLeast(min) => write!(f, "of at least {min}"),
            Self::Between(min, max) => write!(f, "from {min} to {max}"),
            Self::GzipLevel => f.write_str("from 1 to 9, or -1"),
            Self::OneOf(texts) => write!(f, "out of {}", texts.join(", ")),
            Self::ListOf(texts) => write!(f, "of {}, each at most once", texts.join(", ")),
            Self::Distinct { or_empty: true } => f.write_str("without duplicates"),
            Self::Distinct { or_empty: false } => f.write_str("without duplicates, not empty"),
            Self::Replicas => f.write_str("of partition:broker, or *"),
        }
    }
}

/// A broker's setting that stands in where a topic does not set its own.
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
    /// True if it is meant for tests: it is neither listed nor described.
    pub internal: bool,
    /// The broker's settings that hold where a topic does not set this one, the first that is set first.
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
            synonyms: &[],
            doc: "",
        }
    }

    pub(crate) const fn boolean(key: &'static str, default: bool) -> Self {
        Self::new(key, Kind::Boolean, Some(Literal::Boolean(default)))
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

    pub(crate) const fn synonyms(self, synonyms: &'static [Synonym]) -> Self {
        Self { synonyms, ..self }
    }

    pub(crate) const fn doc(self, doc: &'static str) -> Self {
        Self { doc, ..self }
    }
}
