//! What one source sets: a file, a command line, the overrides of a topic.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::Error;
use crate::table::Table;
use crate::value::Value;

/// Values for some keys of one table; each is parsed, typed and allowed. What is not in here is not set.
#[derive(Clone)]
pub struct Settings {
    table: &'static Table,
    values: BTreeMap<&'static str, Value>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.values).finish()
    }
}

impl Settings {
    /// Nothing set yet.
    pub const fn new(table: &'static Table) -> Self {
        Self { table, values: BTreeMap::new() }
    }

    /// Sets all `pairs` of key and text, or says what is wrong with the first that is wrong.
    pub fn parse<'a>(
        table: &'static Table,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Error> {
        let mut settings = Self::new(table);
        for (key, text) in pairs {
            settings.set(key, text)?;
        }
        Ok(settings)
    }

    /// Sets `key` to what `text` stands for, in place of what it was.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), Error> {
        let definition = self.table.get(key)?;
        let value = definition.parse(text)?;
        self.values.insert(definition.key, value);
        Ok(())
    }

    /// All that is set, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.values.iter().map(|(key, value)| (*key, value))
    }

    /// Sets a key of the table to a value that its row has parsed.
    pub(crate) fn insert(&mut self, key: &'static str, value: Value) {
        self.values.insert(key, value);
    }

    /// Leaves `key` unset.
    pub(crate) fn remove(&mut self, key: &str) {
        self.values.remove(key);
    }

    /// What `key` is set to.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// What `key` is set to, or its default if it is not.
    pub fn get_or_default(&self, key: &str) -> Option<Value> {
        self.get(key).cloned().or_else(|| self.table.get(key).ok()?.default_value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BROKER;

    #[test]
    fn set_unknown_key_names_the_nearest() {
        let error = Settings::parse(&BROKER, [("log.retention.hour", "1")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a broker has no setting `log.retention.hour`; did you mean `log.retention.hours`?"
        );
        let error = Settings::parse(&crate::TOPIC, [("zookeeper.connect", "a:1")]).unwrap_err();
        assert_eq!(error.to_string(), "a topic has no setting `zookeeper.connect`");
    }

    #[test]
    fn set_refused_value_leaves_the_old_one() {
        let mut settings = Settings::parse(&BROKER, [("log.retention.hours", "1")]).unwrap();
        settings.set("log.retention.hours", "a day").unwrap_err();
        assert_eq!(settings.get("log.retention.hours"), Some(&Value::Int(1)));
    }

    #[test]
    fn get_or_default_prefers_what_is_set() {
        let mut settings = Settings::new(&BROKER);
        assert_eq!(settings.get("log.retention.hours"), None);
        assert_eq!(settings.get_or_default("log.retention.hours"), Some(Value::Int(168)));
        assert_eq!(settings.get_or_default("log.retention.ms"), None);
        settings.set("log.retention.hours", "1").unwrap();
        assert_eq!(settings.get_or_default("log.retention.hours"), Some(Value::Int(1)));
    }
}
