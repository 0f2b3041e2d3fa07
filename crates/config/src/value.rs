//! A value of a setting: typed, and within what its definition allows.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;

use crate::definition::Definition;
use crate::error::Error;
use crate::kind::{Effect, Kind, Literal};

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of a [`Kind::Boolean`].
    Boolean(bool),
    /// Of a [`Kind::String`] or a [`Kind::Class`].
    String(String),
    /// Of a [`Kind::Short`].
    Short(i16),
    /// Of a [`Kind::Int`].
    Int(i32),
    /// Of a [`Kind::Long`].
    Long(i64),
    /// Of a [`Kind::Double`].
    Double(f64),
    /// Of a [`Kind::List`].
    List(Vec<String>),
    /// Of a [`Kind::Password`].
    Password(Password),
}

/// A text that neither `Debug` nor `Display` shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// What is printed in its place, as in Kafka.
    const HIDDEN: &str = "[hidden]";

    /// The text itself, for whoever has to check it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::HIDDEN)
    }
}

/// The text that Kafka's DescribeConfigs gives for a value.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::String(value) => value.fmt(f),
            Self::Short(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Long(value) => value.fmt(f),
            Self::Double(value) => f.write_str(&java_double(*value)),
            Self::List(values) => f.write_str(&values.join(",")),
            Self::Password(_) => f.write_str(Password::HIDDEN),
        }
    }
}

/// Java writes numbers from a thousandth to ten million plainly and others with an exponent, always with a point.
fn java_double(value: f64) -> String {
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        return format!("{value:?}");
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

impl From<Literal> for Value {
    fn from(literal: Literal) -> Self {
        match literal {
            Literal::Boolean(value) => Self::Boolean(value),
            Literal::Short(value) => Self::Short(value),
            Literal::Int(value) => Self::Int(value),
            Literal::Long(value) => Self::Long(value),
            Literal::Double(value) => Self::Double(value),
            Literal::String(value) => Self::String(value.to_owned()),
            Literal::List(values) => Self::List(values.iter().map(ToString::to_string).collect()),
        }
    }
}

impl Value {
    fn parse(kind: Kind, text: &str) -> Option<Self> {
        Some(match kind {
            Kind::Boolean if text.eq_ignore_ascii_case("true") => Self::Boolean(true),
            Kind::Boolean if text.eq_ignore_ascii_case("false") => Self::Boolean(false),
            Kind::Boolean => return None,
            Kind::String | Kind::Class => Self::String(text.to_owned()),
            Kind::Short => Self::Short(text.parse().ok()?),
            Kind::Int => Self::Int(text.parse().ok()?),
            Kind::Long => Self::Long(text.parse().ok()?),
            Kind::Double => Self::Double(text.parse().ok().filter(|value: &f64| !value.is_nan())?),
            Kind::List if text.is_empty() => Self::List(Vec::new()),
            Kind::List => Self::List(text.split(',').map(|item| item.trim().to_owned()).collect()),
            Kind::Password => Self::Password(Password(text.to_owned())),
        })
    }

    /// How a number compares with a limit; `None` for what is no number.
    fn compare(&self, limit: i64) -> Option<Ordering> {
        match self {
            Self::Short(value) => Some(i64::from(*value).cmp(&limit)),
            Self::Int(value) => Some(i64::from(*value).cmp(&limit)),
            Self::Long(value) => Some(value.cmp(&limit)),
            Self::Double(value) => value.partial_cmp(&(limit as f64)),
            _ => None,
        }
    }

    pub(crate) fn is_at_least(&self, min: i64) -> bool {
        self.compare(min).is_some_and(Ordering::is_ge)
    }

    pub(crate) fn is_at_most(&self, max: i64) -> bool {
        self.compare(max).is_some_and(Ordering::is_le)
    }

    pub(crate) fn is_list(&self, holds: impl FnOnce(&[String]) -> bool) -> bool {
        matches!(self, Self::List(items) if holds(items))
    }
}

impl Definition {
    /// The value that `text` stands for. White space around it and around the items of a list does not count.
    pub fn parse(&self, text: &str) -> Result<Value, Error> {
        let refused = || {
            let shown = if self.kind == Kind::Password { Password::HIDDEN } else { text };
            Error::invalid_value(self, shown.to_owned())
        };
        let mut value = Value::parse(self.kind, text.trim()).ok_or_else(refused)?;
        if let Value::List(items) = &mut value
            && self.allowed.is_set()
        {
            let mut seen = HashSet::new();
            items.retain(|item| seen.insert(item.clone()));
        }
        if !self.allowed.admits(&value) {
            return Err(refused());
        }
        if self.effect == Effect::Missing && self.default_value().as_ref() != Some(&value) {
            return Err(Error::unsupported(self.key, self.missing_reason()));
        }
        Ok(value)
    }

    /// What to say to somebody who sets what is not there yet.
    fn missing_reason(&self) -> String {
        let reason = "this broker does not support it yet";
        match self.default_value() {
            Some(default) => format!("{reason}, only its default `{default}`"),
            None => reason.to_owned(),
        }
    }

    /// What holds if nobody sets it.
    pub fn default_value(&self) -> Option<Value> {
        self.default.map(Value::from)
    }

    /// Whether `value`, which is of the right type, is allowed.
    pub(crate) fn admits(&self, value: &Value) -> bool {
        self.allowed.admits(value)
    }
}

#[cfg(test)]
mod tests;
