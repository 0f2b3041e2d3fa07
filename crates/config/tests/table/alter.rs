//! Compares which changes of settings are taken with those that Apache Kafka 4.3.1 took when its own client asked for
//! them, one after the other; none of those in the file beside this one depends on another.

use config::{
    BROKER, BrokerConfig, BrokerLayers, CLIENT_METRICS, GROUP, GroupConfig, Settings, TOPIC,
    TopicConfig,
};

const LINES: &str = include_str!("kafka-4.3.1-alter.txt");

/// Where our answer is another: the beginning of the line, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("broker|no.such.key|", "a key that does nothing is a mistake, and is said to be one"),
    ("broker|listener.name.plaintext.ssl.", "listeners have no TLS yet"),
    ("broker|listeners|PLAINTEXT", "listeners do not change while the broker runs yet"),
    ("broker|log.cleaner.threads|3|", "threads may change by any number at once"),
    ("broker|num.io.threads|", "threads may change by any number at once"),
    ("all|log.flush.interval.ms|", "topics would inherit what they cannot have"),
    ("broker|min.insync.replicas|", "it is for the controller, which knows the features in use"),
    ("metrics|match|client_id=[|", "the patterns are looked at where they are used"),
];

/// Whether our tables and checks take the change.
fn is_taken(resource: &str, key: &str, text: &str) -> bool {
    let fixed = Settings::parse(&BROKER, [("log.dirs", "/data")]).expect("it is a directory");
    let parse = |table| Settings::parse(table, [(key, text)]);
    let layers = match resource {
        "broker" => BrokerLayers::new(fixed, [], [(key, text)]),
        "all" => BrokerLayers::new(fixed, [(key, text)], []),
        _ => BrokerLayers::new(fixed, [], []),
    };
    let effective = layers.effective();
    match resource {
        "topic" => parse(&TOPIC).and_then(|topic| TopicConfig::check(&topic, &effective)).is_ok(),
        "group" => parse(&GROUP).and_then(|group| GroupConfig::check(&group, &effective)).is_ok(),
        "metrics" => parse(&CLIENT_METRICS).is_ok(),
        _ => layers.refused().is_empty() && BrokerConfig::new(&effective).is_ok(),
    }
}

#[test]
fn change_is_taken_where_kafka_takes_it() {
    for line in LINES.lines().filter(|line| !line.starts_with('#')) {
        let [resource, key, text, error] = line.splitn(4, '|').collect::<Vec<_>>()[..] else {
            panic!("{line} has not four parts");
        };
        let differs = DIFFERENCES.iter().any(|(start, _)| line.starts_with(start));
        assert_eq!(is_taken(resource, key, text) == (error == "NONE"), !differs, "{line}");
    }
}

#[test]
fn differences_are_of_lines_that_exist() {
    for (start, why) in DIFFERENCES {
        assert!(LINES.lines().any(|line| line.starts_with(start)), "{start}: {why}");
    }
}
