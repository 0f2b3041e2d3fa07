//! The limits of a setting, in words and as a check.

use std::fmt;

use crate::value::Value;

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
    /// One of these texts, in capital letters or not.
    AnyCase(&'static [&'static str]),
    /// A set of these texts; it may be empty.
    ListOf(&'static [&'static str]),
    /// A set of these texts, with one at least.
    SomeOf(&'static [&'static str]),
    /// A set of any texts but the empty one.
    Distinct {
        /// Whether none will do.
        or_empty: bool,
    },
    /// `*`, or a list of `partition:broker` (KIP-73).
    Replicas,
    /// Where a share group begins to read (`ShareGroupAutoOffsetResetStrategy`).
    OffsetReset,
    /// A set of `part of a client=regular expression` (KIP-714).
    Selectors,
}

/// Says in words what is allowed, as the end of a sentence that begins with the type.
impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::AtLeast(min) => write!(f, "of at least {min}"),
            Self::Between(min, max) => write!(f, "from {min} to {max}"),
            Self::GzipLevel => f.write_str("from 1 to 9, or -1"),
            Self::OneOf(texts) | Self::AnyCase(texts) => write!(f, "out of {}", texts.join(", ")),
            Self::ListOf(texts) => write!(f, "of {}", texts.join(", ")),
            Self::SomeOf(texts) => write!(f, "of at least one of {}", texts.join(", ")),
            Self::Distinct { or_empty: true } => f.write_str("of texts that are not empty"),
            Self::Distinct { or_empty: false } => {
                f.write_str("of at least one text, none of them empty")
            }
            Self::Replicas => f.write_str("of partition:broker, or *"),
            Self::OffsetReset => f.write_str("out of earliest, latest, by_duration:PnDTnHnMn.nS"),
            Self::Selectors => f.write_str("of selector=regular expression"),
        }
    }
}

impl Allowed {
    /// Whether a text that comes again in a list says nothing new, so that it is dropped (`ConfigDef.ValidList`).
    pub(crate) const fn is_set(self) -> bool {
        matches!(self, Self::ListOf(_) | Self::SomeOf(_) | Self::Distinct { .. } | Self::Selectors)
    }

    pub(crate) fn admits(self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::AtLeast(min) => value.is_at_least(min),
            Self::Between(min, max) => value.is_at_least(min) && value.is_at_most(max),
            Self::GzipLevel => {
                *value == Value::Int(-1) || value.is_at_least(1) && value.is_at_most(9)
            }
            Self::OneOf(texts) => {
                matches!(value, Value::String(text) if texts.contains(&text.as_str()))
            }
            Self::AnyCase(texts) => matches!(
                value, Value::String(text) if texts.iter().any(|other| other.eq_ignore_ascii_case(text))
            ),
            Self::ListOf(texts) => value.is_list(|items| are_some_of(items, texts)),
            Self::SomeOf(texts) => {
                value.is_list(|items| !items.is_empty() && are_some_of(items, texts))
            }
            Self::Distinct { or_empty } => value.is_list(|items| {
                (or_empty || !items.is_empty()) && items.iter().all(|item| !item.is_empty())
            }),
            Self::Replicas => value.is_list(|items| {
                items.concat() == "*" || items.iter().all(|item| is_replica(item))
            }),
            Self::OffsetReset => matches!(value, Value::String(text) if is_offset_reset(text)),
            Self::Selectors => value.is_list(|items| items.iter().all(|item| is_selector(item))),
        }
    }
}

fn are_some_of(items: &[String], texts: &[&str]) -> bool {
    items.iter().all(|item| texts.contains(&item.as_str()))
}

/// `partition:broker`, or nothing: Kafka lets a list begin or end with a comma.
fn is_replica(item: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    item.is_empty()
        || item
            .split_once(':')
            .is_some_and(|(partition, broker)| is_number(partition) && is_number(broker))
}

/// `earliest`, `latest`, or a duration as Java's `Duration` reads it, and not negative.
fn is_offset_reset(text: &str) -> bool {
    match text.split_once(':') {
        Some(("by_duration", duration)) => is_duration(&duration.to_ascii_uppercase()),
        Some(_) => false,
        None => text == "earliest" || text == "latest",
    }
}

fn is_duration(text: &str) -> bool {
    match text.strip_prefix('P').map(|text| text.split_once('T').unwrap_or((text, "0S"))) {
        Some((days, time)) => {
            are_amounts(days, "D") && !time.is_empty() && are_amounts(time, "HMS") && text != "P"
        }
        None => false,
    }
}

/// Numbers that are each followed by their unit, in the order of `units`; only seconds may have a fraction.
fn are_amounts(mut text: &str, units: &str) -> bool {
    let mut units = units.chars();
    while let Some((number, rest)) =
        text.find(|char: char| char.is_ascii_alphabetic()).and_then(|at| text.split_at_checked(at))
    {
        let mut rest = rest.chars();
        let unit = rest.next();
        let (whole, fraction) = match number.split_once(['.', ',']) {
            Some((whole, fraction)) if unit == Some('S') => (whole, fraction),
            _ => (number, ""),
        };
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) || fraction.len() > 9 {
            return false;
        }
        if !units.any(|known| Some(known) == unit) {
            return false;
        }
        text = rest.as_str();
    }
    text.is_empty()
}

/// What a client is selected by, and a regular expression, which is looked at where it is used: Java's are another
/// language than ours.
fn is_selector(item: &str) -> bool {
    const PARTS: &[&str] = &[
        "client_instance_id",
        "client_id",
        "client_software_name",
        "client_software_version",
        "client_source_address",
        "client_source_port",
    ];
    item.split_once('=').is_some_and(|(part, pattern)| {
        PARTS.contains(&part.trim()) && !pattern.is_empty() && !pattern.contains('=')
    })
}
