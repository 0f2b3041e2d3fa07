//! The tables of settings: compared with Kafka's, consistent in themselves, and written down in `config/README.md`.

mod alter;
mod describe;
mod kafka;
mod readme;

use std::collections::HashSet;

use config::{BROKER, CLIENT_METRICS, GROUP, Settings, TOPIC, Value};

#[test]
fn table_rows_are_whole_and_allow_their_defaults() {
    for table in [&TOPIC, &BROKER, &GROUP, &CLIENT_METRICS] {
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

/// A default is that of the first of the synonyms that has one: `TopicConfig` and `GroupConfig` rely on it.
#[test]
fn defaults_of_topics_and_groups_are_those_of_the_broker() {
    let broker = Settings::new(&BROKER);
    let rows = TOPIC.definitions().chain(GROUP.definitions());
    for row in rows.filter(|row| !row.synonyms.is_empty()) {
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
