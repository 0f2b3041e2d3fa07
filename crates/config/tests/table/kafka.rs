//! Compares our tables with those of Apache Kafka 4.3.1, which are kept as lines of facts beside this file: what its
//! `LogConfig` and `AbstractKafkaConfig` define, printed by a program that walks their `ConfigDef`.

use std::collections::BTreeMap;

use config::{Allowed, BROKER, Definition, Scope, TOPIC, Table};

const TOPIC_LINES: &str = include_str!("kafka-4.3.1-topic.txt");
const BROKER_LINES: &str = include_str!("kafka-4.3.1-broker.txt");

/// Where we differ on purpose: a part of Kafka's line, ours, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("log.dir|list|/tmp/kafka-logs", "log.dir|list|./ottla-data", "/tmp does not last"),
    (
        "internal.segment.bytes|int|<unset>|medium||",
        "internal.segment.bytes|int|<unset>|medium|[1,...]|",
        "a segment that is full before its first record never ends rolling",
    ),
];

/// The lines of a file of facts, by key, with our differences carried in.
fn facts(lines: &str) -> BTreeMap<&str, String> {
    lines
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let key = line.split('|').next().expect("a line begins with a key");
            let line = DIFFERENCES
                .iter()
                .fold(line.to_owned(), |line, (kafka, ours, _)| line.replace(kafka, ours));
            (key, line)
        })
        .collect()
}

/// Our definition as a line of such a file.
fn line(scope: Scope, row: &Definition) -> String {
    let default =
        row.default_value().map_or_else(|| "<unset>".to_owned(), |value| value.to_string());
    let visibility = if row.internal { "internal" } else { "public" };
    let last = match scope {
        Scope::Broker => row.dynamic.to_string(),
        Scope::Topic => row
            .synonyms
            .iter()
            .map(|synonym| format!("{}*{}", synonym.key, synonym.factor))
            .collect::<Vec<_>>()
            .join(","),
    };
    let (key, kind, importance, allowed) = (row.key, row.kind, row.importance, allowed(row));
    format!("{key}|{kind}|{default}|{importance}|{allowed}|{visibility}|{last}")
}

/// Our limits as Kafka's validators print themselves.
fn allowed(row: &Definition) -> String {
    match row.allowed {
        Allowed::Any => String::new(),
        Allowed::AtLeast(min) => format!("[{min},...]"),
        Allowed::Between(min, max) => format!("[{min},...,{max}]"),
        Allowed::GzipLevel => "[1,...,9] or -1".to_owned(),
        Allowed::OneOf(texts) => format!("[{}]", texts.join(", ")),
        Allowed::ListOf(texts) => format!("distinct or empty [{}]", texts.join(", ")),
        Allowed::Distinct { or_empty: true } => "distinct or empty".to_owned(),
        Allowed::Distinct { or_empty: false } => "distinct".to_owned(),
        Allowed::Replicas => "[partitionId]:[brokerId],[partitionId]:[brokerId],...".to_owned(),
    }
}

fn check(table: &Table, lines: &str) {
    let facts = facts(lines);
    for row in table.definitions() {
        let kafka = facts.get(row.key).map(String::as_str);
        assert_eq!(kafka, Some(line(table.scope, row).as_str()), "{}", row.key);
    }
}

/// The keys of Kafka's that our table lacks.
fn missing<'a>(table: &Table, lines: &'a str) -> Vec<&'a str> {
    facts(lines).into_keys().filter(|key| table.get(key).is_err()).collect()
}

#[test]
fn topic_table_is_kafkas() {
    check(&TOPIC, TOPIC_LINES);
    assert_eq!(missing(&TOPIC, TOPIC_LINES), [""; 0]);
}

#[test]
fn broker_table_has_kafkas_log_settings() {
    check(&BROKER, BROKER_LINES);
    let missing = missing(&BROKER, BROKER_LINES);
    eprintln!("{} settings of Kafka's brokers are not in our table: {missing:?}", missing.len());
    assert!(missing.iter().all(|key| !key.starts_with("log.")), "{missing:?}");
}

#[test]
fn differences_are_of_lines_that_exist() {
    for (kafka, _, why) in DIFFERENCES {
        let exists = |lines: &str| lines.lines().any(|line| line.starts_with(kafka));
        assert!(exists(TOPIC_LINES) || exists(BROKER_LINES), "{kafka}: {why}");
    }
}
