//! Compares descriptions of settings with what Apache Kafka 4.3.1 told its own client: the file beside this one.
//!
//! Its broker was started with `FIXED` and asked to change `ALL`, `OWN`, and the settings of a topic, a group and
//! a subscription; another topic was left as it was. `min.insync.replicas` it had set for all brokers by itself.

use std::collections::BTreeMap;

use config::{
    ABSENT, BROKER, BrokerLayers, CLIENT_METRICS, ConfigSource, Described, GROUP, Resource,
    Settings, TOPIC, Table, describe,
};

const LINES: &str = include_str!("kafka-4.3.1-describe.txt");

const FIXED: &[(&str, &str)] = &[
    ("process.roles", "broker,controller"),
    ("node.id", "1"),
    ("broker.id", "1"),
    ("controller.quorum.voters", "1@localhost:19393"),
    ("listeners", "PLAINTEXT://127.0.0.1:19392,CONTROLLER://127.0.0.1:19393"),
    ("controller.listener.names", "CONTROLLER"),
    ("listener.security.protocol.map", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"),
    ("log.dirs", "/data"),
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("log.retention.hours", "100"),
    ("log.flush.scheduler.interval.ms", "5000"),
    ("log.roll.jitter.ms", "7"),
    ("log.initial.task.delay.ms", "500"),
    ("num.partitions", "2"),
    ("log.cleaner.min.cleanable.ratio", "0.25"),
];

const ALL: &[(&str, &str)] = &[
    ("log.retention.ms", "86400000"),
    ("log.cleaner.threads", "2"),
    ("log.roll.ms", "1000000"),
    ("group.consumer.assignment.interval.ms", "2000"),
    ("min.insync.replicas", "1"),
];

const OWN: &[(&str, &str)] = &[
    ("log.cleaner.threads", "1"),
    ("message.max.bytes", "2000000"),
    ("leader.replication.throttled.rate", "1000000"),
];

/// Where we differ on purpose: a part of Kafka's line, ours, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("log.dir|/tmp/kafka-logs|", "log.dir|./ottla-data|", "/tmp does not last"),
    ("log.dir=/tmp/kafka-logs@", "log.dir=./ottla-data@", "/tmp does not last"),
    ("broker.id=-1@DEFAULT", "broker.id=1@DEFAULT", "it is another name for node.id"),
    ("node.id=1@STATIC_BROKER", "node.id=1@STATIC_BROKER;node.id=1@DEFAULT", "it has a default"),
    (
        "process.roles=broker,controller@STATIC_BROKER",
        "process.roles=broker,controller@STATIC_BROKER;process.roles=broker,controller@DEFAULT",
        "it has a default",
    ),
    (
        "listeners=PLAINTEXT://:9092@DEFAULT",
        "listeners=PLAINTEXT://127.0.0.1:9092@DEFAULT",
        "a broker without settings is open to its own machine only",
    ),
    (
        "127.0.0.1:19393|STATIC_BROKER||",
        "127.0.0.1:19393|STATIC_BROKER|read-only|",
        "listeners do not change while the broker runs yet",
    ),
    (
        "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT|STATIC_BROKER||",
        "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT|STATIC_BROKER|read-only|",
        "listeners do not change while the broker runs yet",
    ),
];

fn settings(table: &'static Table, pairs: &[(&str, &str)]) -> Settings {
    Settings::parse(table, pairs.iter().copied()).expect("Kafka took them, too")
}

/// A source in the words of Kafka's client.
const fn source(source: ConfigSource) -> &'static str {
    match source {
        ConfigSource::DynamicTopic => "DYNAMIC_TOPIC",
        ConfigSource::DynamicBroker => "DYNAMIC_BROKER",
        ConfigSource::DynamicDefaultBroker => "DYNAMIC_DEFAULT_BROKER",
        ConfigSource::StaticBroker => "STATIC_BROKER",
        ConfigSource::Default => "DEFAULT",
        ConfigSource::DynamicClientMetrics => "DYNAMIC_CLIENT_METRICS",
        ConfigSource::DynamicGroup => "DYNAMIC_GROUP",
    }
}

/// A description as a line of the file, without the resource.
fn line(described: &Described) -> String {
    let null = || "null".to_owned();
    let row = described.definition;
    let synonyms: Vec<_> = described
        .synonyms
        .iter()
        .map(|synonym| {
            let value = synonym.value.clone().unwrap_or_else(null);
            format!("{}={value}@{}", synonym.key, source(synonym.source))
        })
        .collect();
    format!(
        "{}|{}|{}|{}|{}|{}|{}",
        row.key,
        described.value.clone().unwrap_or_else(null),
        source(described.source),
        if described.read_only { "read-only" } else { "" },
        if described.sensitive() { "sensitive" } else { "" },
        row.kind.to_string().to_uppercase(),
        synonyms.join(";"),
    )
}

/// Kafka's lines of a resource, by key, with our differences carried in.
fn facts(resource: &str) -> BTreeMap<&'static str, String> {
    let absent = |key: &str| ABSENT.iter().any(|(_, keys)| keys.contains(&key));
    LINES
        .lines()
        .filter_map(|line| line.strip_prefix(resource)?.strip_prefix('|'))
        .map(|line| {
            let key = line.split('|').next().expect("a line begins with a key");
            let line = DIFFERENCES
                .iter()
                .fold(line.to_owned(), |line, (kafka, ours, _)| line.replace(kafka, ours));
            (key, line)
        })
        .filter(|(key, _)| !absent(key))
        .collect()
}

fn check(name: &str, resource: Resource<'_>) {
    let fixed = settings(&BROKER, FIXED);
    let layers = BrokerLayers::new(fixed, ALL.iter().copied(), OWN.iter().copied());
    let described = describe(resource, &layers);
    let ours: BTreeMap<_, _> = described
        .iter()
        .filter(|described| !described.definition.key.starts_with("ottla."))
        .map(|described| (described.definition.key, line(described)))
        .collect();
    for (key, kafka) in facts(name) {
        assert_eq!(ours.get(key), Some(&kafka), "{name}");
    }
    assert_eq!(ours.len(), facts(name).len(), "{name}");
}

#[test]
fn description_of_a_broker_is_kafkas() {
    check("broker", Resource::Broker);
    check("all", Resource::AllBrokers);
}

#[test]
fn description_of_a_topic_is_kafkas() {
    let set = [
        ("retention.ms", "1000"),
        ("cleanup.policy", "compact"),
        ("internal.segment.bytes", "1000"),
    ];
    check("set", Resource::Topic(&settings(&TOPIC, &set)));
    check("plain", Resource::Topic(&settings(&TOPIC, &[])));
}

#[test]
fn description_of_a_group_is_kafkas() {
    let group = [("consumer.session.timeout.ms", "50000"), ("share.auto.offset.reset", "earliest")];
    check("group", Resource::Group(&settings(&GROUP, &group)));
}

#[test]
fn description_of_a_subscription_is_kafkas() {
    let subscription = settings(&CLIENT_METRICS, &[("interval.ms", "1000")]);
    check("metrics", Resource::ClientMetrics(&subscription));
}

#[test]
fn differences_are_of_lines_that_exist() {
    for (kafka, _, why) in DIFFERENCES {
        assert!(LINES.contains(kafka), "{kafka}: {why}");
    }
}
