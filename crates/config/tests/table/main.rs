//! The tables of settings: compared with Kafka's, consistent in themselves, and written down in `config/README.md`.

mod kafka;
mod readme;

use std::collections::HashSet;

use config::{BROKER, Settings, TOPIC, Value};

#[test]
fn table_rows_are_whole_and_allow_their_defaults() {
    for table in [&TOPIC, &BROKER] {
        let mut keys = HashSet::new();
        for row in table.definitions() {
            assert!(keys.insert(row.key), "{} comes twice", row.key);
            assert!(row.doc.ends_with('.'), "{} is not explained", row.key);
            assert_eq!(table.get(row.key).unwrap(), row);
            if let Some(default) = row.default_value() {
                assert_eq!(row.parse(&default.to_string()).unwrap(), default, "{}", row.key);
            }
        }
    }
}

/// A topic's default is that of the first of its synonyms that has one: `TopicConfig` relies on it.
#[test]
fn topic_defaults_are_those_of_the_broker() {
    let broker = Settings::new(&BROKER);
    for row in TOPIC.definitions().filter(|row| !row.synonyms.is_empty()) {
        let inherited = row.synonyms.iter().find_map(|synonym| {
            BROKER.get(synonym.key).unwrap();
            broker.get_or_default(synonym.key).map(|value| match value {
                Value::Int(value) if synonym.factor > 1 => {
                    Value::Long(i64::from(value) * synonym.factor)
                }
                value => value,
            })
        });
        assert_eq!(inherited, row.default_value(), "{}", row.key);
    }
}
