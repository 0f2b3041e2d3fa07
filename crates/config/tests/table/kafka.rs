//! Compares our tables with those of Apache Kafka 4.3.1, which are kept as lines of facts beside this file: what its
//! `LogConfig` and `AbstractKafkaConfig` define, printed by a program that walks their `ConfigDef`.

use std::collections::BTreeMap;

use config::{ABSENT, Allowed, BROKER, CLIENT_METRICS, Definition, GROUP, Scope, TOPIC, Table};

const TOPIC_LINES: &str = include_str!("kafka-4.3.1-topic.txt");
const BROKER_LINES: &str = include_str!("kafka-4.3.1-broker.txt");
const GROUP_LINES: &str = include_str!("kafka-4.3.1-group.txt");
const CLIENT_METRICS_LINES: &str = include_str!("kafka-4.3.1-client-metrics.txt");

/// Where we differ on purpose: a part of Kafka's line, ours, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("node.id|int|<required>", "node.id|int|1", "a broker starts without settings"),
    ("broker.id|int|-1", "broker.id|int|1", "it is another name for node.id"),
    (
        "process.roles|list|<required>",
        "process.roles|list|broker,controller",
        "a broker starts without settings",
    ),
    (
        "controller.listener.names|list|<required>",
        "controller.listener.names|list|<unset>",
        "a cluster of one node needs no listener for controllers",
    ),
    (
        "listeners|list|PLAINTEXT://:9092|high|distinct|public|per-broker",
        "listeners|list|PLAINTEXT://127.0.0.1:9092|high|distinct|public|read-only",
        "a broker without settings is open to its own machine only, and listeners do not change yet",
    ),
    (
        "SASL_PLAINTEXT:SASL_PLAINTEXT|low||public|per-broker",
        "SASL_PLAINTEXT:SASL_PLAINTEXT|low||public|read-only",
        "listeners do not change while the broker runs yet",
    ),
    ("|low|non-null string|", "|low||", "no text of ours is null"),
    (
        "|high|non-empty list|",
        "|high||",
        "they are parsed where a broker's settings are checked together",
    ),
    (
        "interval.ms|int|300000|medium||",
        "interval.ms|int|300000|medium|[100,...,3600000]|",
        "Kafka checks this outside its table",
    ),
    (
        "match|list||medium|distinct or empty|",
        "match|list||medium|selectors|",
        "Kafka checks this outside its table",
    ),
    (
        "remote.log.storage.manager.class.name|string|<unset>|medium|non-empty string|",
        "remote.log.storage.manager.class.name|string|<unset>|medium||",
        "only the default is taken",
    ),
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
        Scope::Topic | Scope::Group | Scope::ClientMetrics => row
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
        Allowed::AnyCase(texts) => format!("(case insensitive) [{}]", texts.join(", ")),
        Allowed::SomeOf(texts) => format!("distinct [{}]", texts.join(", ")),
        Allowed::ListOf(texts) => format!("distinct or empty [{}]", texts.join(", ")),
        Allowed::Distinct { or_empty: true } => "distinct or empty".to_owned(),
        Allowed::Distinct { or_empty: false } => "distinct".to_owned(),
        Allowed::Replicas => "[partitionId]:[brokerId],[partitionId]:[brokerId],...".to_owned(),
        Allowed::OffsetReset => "[latest, earliest, by_duration:PnDTnHnMn.nS]".to_owned(),
        Allowed::Selectors => "selectors".to_owned(),
    }
}

/// The settings that Kafka has in no table of a broker's: it lets them only be set while a broker runs.
const UNTABLED: &[&str] = &[
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
];

fn check(table: &Table, lines: &str) {
    let facts = facts(lines);
    let is_ours = |key: &str| key.starts_with("ottla.") || UNTABLED.contains(&key);
    for row in table.definitions().filter(|row| !is_ours(row.key)) {
        let kafka = facts.get(row.key).map(String::as_str);
        assert_eq!(kafka, Some(line(table.scope, row).as_str()), "{}", row.key);
    }
}

/// The keys of Kafka's that our table lacks.
fn missing<'a>(table: &Table, lines: &'a str) -> Vec<&'a str> {
    let has = |key: &str| table.definitions().any(|row| row.key == key);
    facts(lines).into_keys().filter(|key| !has(key)).collect()
}

#[test]
fn tables_without_exceptions_are_kafkas() {
    for (table, lines) in
        [(&TOPIC, TOPIC_LINES), (&GROUP, GROUP_LINES), (&CLIENT_METRICS, CLIENT_METRICS_LINES)]
    {
        check(table, lines);
        assert_eq!(missing(table, lines), [""; 0]);
    }
}

#[test]
fn broker_table_is_kafkas_but_for_what_is_absent() {
    check(&BROKER, BROKER_LINES);
    let mut absent: Vec<_> = ABSENT.iter().flat_map(|(_, keys)| *keys).copied().collect();
    absent.sort_unstable();
    assert_eq!(missing(&BROKER, BROKER_LINES), absent);
}

#[test]
fn differences_are_of_lines_that_exist() {
    let all = [TOPIC_LINES, BROKER_LINES, GROUP_LINES, CLIENT_METRICS_LINES];
    for (kafka, _, why) in DIFFERENCES {
        assert!(all.iter().any(|lines| lines.contains(kafka)), "{kafka}: {why}");
    }
}
