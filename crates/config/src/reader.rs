//! Takes the values of a typed struct out of settings. That the tables have each key with the type that is asked for is
//! this crate's own doing, and building the structs once tests it: another type is a bug, not an error.

use crate::error::Error;
use crate::value::Value;

/// Reads by key from `F`, which gives the value that holds.
pub(crate) struct Reader<F>(pub(crate) F);

impl<F: Fn(&str) -> Option<Value>> Reader<F> {
    pub(crate) fn boolean(&self, key: &str) -> bool {
        match (self.0)(key) {
            Some(Value::Boolean(value)) => value,
            other => wrong_type(key, other.as_ref()),
        }
    }

    /// A whole number that may be negative.
    pub(crate) fn long(&self, key: &str) -> i64 {
        match (self.0)(key) {
            Some(Value::Short(value)) => i64::from(value),
            Some(Value::Int(value)) => i64::from(value),
            Some(Value::Long(value)) => value,
            other => wrong_type(key, other.as_ref()),
        }
    }

    /// A whole number that the table does not let be negative, nor larger than `T` holds.
    pub(crate) fn number<T: TryFrom<i64> + Default>(&self, key: &str) -> T {
        T::try_from(self.long(key)).unwrap_or_default()
    }

    pub(crate) fn double(&self, key: &str) -> f64 {
        match (self.0)(key) {
            Some(Value::Double(value)) => value,
            other => wrong_type(key, other.as_ref()),
        }
    }

    pub(crate) fn string(&self, key: &str) -> String {
        match (self.0)(key) {
            Some(Value::String(value)) => value,
            other => wrong_type(key, other.as_ref()),
        }
    }

    /// A text that may not be there.
    pub(crate) fn optional_string(&self, key: &str) -> Option<String> {
        (self.0)(key).map(|_| self.string(key))
    }

    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        match (self.0)(key) {
            Some(Value::List(value)) => value,
            other => wrong_type(key, other.as_ref()),
        }
    }

    /// Refuses the value of `key`, for a reason that its row alone does not show.
    pub(crate) fn refuse(&self, key: &'static str, reason: impl Into<String>) -> Error {
        let value = (self.0)(key).unwrap_or_else(|| Value::String(String::new()));
        Error::conflict(key, &value, reason)
    }
}

fn wrong_type(key: &str, value: Option<&Value>) -> ! {
    unreachable!("the table gives {key} the value {value:?}, of another type than it is read with")
}
