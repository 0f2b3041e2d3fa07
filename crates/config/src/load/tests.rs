//! Files, arguments and variables in; settings with their origins, or a text that says where the trouble is, out.

use std::io::Write;

use super::*;

/// Loads from a file of this text, these arguments and these variables.
fn load(
    text: &str,
    sets: &[&str],
    environment: &[(&str, &str)],
) -> Result<BrokerSettings, LoadError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let sets: Vec<_> = sets.iter().map(ToString::to_string).collect();
    let environment = environment.iter().map(|(key, text)| (key.to_string(), text.to_string()));
    BrokerSettings::load(Some(file.path()), &sets, environment)
}

#[test]
fn load_from_all_places_is_the_last_that_sets_it() {
    let key = "log.retention.hours";
    for (text, sets, environment, expected) in [
        ("", &[][..], &[][..], None),
        ("log.retention.hours = 1", &[], &[], Some("1")),
        ("log.retention.hours = 1", &["log.retention.hours=2"], &[], Some("2")),
        ("", &["log.retention.hours=2", "log.retention.hours=3"], &[], Some("3")),
        (
            "log.retention.hours = 1",
            &["log.retention.hours=2"],
            &[("KAFKA_LOG_RETENTION_HOURS", "4")],
            Some("4"),
        ),
    ] {
        let loaded = load(text, sets, environment).unwrap();
        let found = loaded.settings().get(key).map(ToString::to_string);
        assert_eq!(found.as_deref(), expected, "{text} {sets:?} {environment:?}");
    }
}

#[test]
fn load_without_a_file_is_the_default() {
    let loaded = BrokerSettings::load(None, &[], []).unwrap();
    assert_eq!(loaded.config().unwrap(), BrokerConfig::new(&Settings::new(&BROKER)).unwrap());
}

/// A file, arguments, variables, and what the error says.
type Refused<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

const REFUSED: &[Refused<'_>] = &[
    (
        "\nlog.retention.hour = 1",
        &[],
        &[],
        "PATH, line 2: a broker has no setting `log.retention.hour`; \
             did you mean `log.retention.hours`?",
    ),
    (
        "\nk = [[1]]",
        &[],
        &[],
        "PATH, line 2: k takes a text, a number, true, false or a list of texts without commas",
    ),
    (
        "[num]\npartitions = 0",
        &[],
        &[],
        "PATH, line 2: num.partitions cannot be `0`: it takes a value of type int of at least 1",
    ),
    (
        "",
        &["num.partitions"],
        &[],
        "--set takes key=value, and `num.partitions` has no equals sign",
    ),
    (
        "",
        &["num.partitions=x"],
        &[],
        "--set: num.partitions cannot be `x`: it takes a value of type int of at least 1",
    ),
    (
        "",
        &[],
        &[("KAFKA_NUM_PARTITION", "1")],
        "KAFKA_NUM_PARTITION: a broker has no setting `num.partition`; \
             did you mean `num.partitions`?",
    ),
    (
        "metric.reporters = ''",
        &[],
        &[],
        "PATH, line 1: metric.reporters cannot be set: \
             it names a Java class, and Ottla loads none",
    ),
    (
        "",
        &["listener.name.internal.ssl.client.auth=required"],
        &[],
        "--set: listener.name.internal.ssl.client.auth cannot be set: \
             of one listener alone only max.connections can be set yet",
    ),
    (
        "",
        &["leader.replication.throttled.rate=1"],
        &[],
        "--set: leader.replication.throttled.rate cannot be set: \
             it is set only while the broker runs, by a client",
    ),
    (
        "authorizer.class.name = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'",
        &[],
        &[],
        "PATH, line 1: authorizer.class.name cannot be set: \
             this broker does not support it yet, only its default ``",
    ),
    (
        "ssl.key.password = 'secret'",
        &[],
        &[],
        "PATH, line 1: ssl.key.password cannot be set: this broker does not support it yet",
    ),
];

#[test]
fn load_refused_names_the_place_and_the_key() {
    for (text, sets, environment, expected) in REFUSED {
        let error = load(text, sets, environment).unwrap_err();
        check(&error, expected);
    }
}

/// Checks what an error says, with `PATH` for the path of the file.
fn check(error: &LoadError, expected: &str) {
    let path = match error {
        LoadError::Syntax { path, .. }
        | LoadError::Setting { origin: Some(Origin::File { path, .. }), .. } => {
            path.display().to_string()
        }
        _ => String::new(),
    };
    assert_eq!(error.to_string(), expected.replace("PATH", &path));
}

#[test]
fn load_from_a_file_that_is_not_there_names_it() {
    let error = BrokerSettings::load(Some(Path::new("/no/such.toml")), &[], []).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("cannot read the settings in /no/such.toml: "), "{message}");
}

#[test]
fn config_in_conflict_names_the_place_of_the_setting() {
    let loaded = load("\n\nqueued.max.request.bytes = 1", &[], &[]).unwrap();
    let error = loaded.config().unwrap_err();
    check(
        &error,
        "PATH, line 3: queued.max.request.bytes cannot be `1`: \
         socket.request.max.bytes is larger, 104857600",
    );
    let loaded = load("", &["max.connections.per.ip=0"], &[]).unwrap();
    assert!(loaded.config().unwrap_err().to_string().starts_with("--set: max.connections.per.ip"));
}

#[test]
fn environment_variables_are_named_as_in_kafkas_image() {
    for (variable, expected) in [
        ("KAFKA_LOG_RETENTION_HOURS", Some("log.retention.hours")),
        ("KAFKA_A__B", Some("a_b")),
        ("KAFKA_A___B_C", Some("a-b.c")),
        ("KAFKA_", None),
        ("LOG_RETENTION_HOURS", None),
    ] {
        assert_eq!(environment_key(variable).as_deref(), expected, "{variable}");
    }
}

#[test]
fn environment_of_other_programs_is_passed_over() {
    let variables = ["KAFKA_HOME", "KAFKA_OPTS", "KAFKA_PORT_9092_TCP_ADDR", "KAFKA_BROKERS"];
    let environment = variables.map(|variable| (variable, "x"));
    let loaded = load("", &[], &environment).unwrap();
    assert_eq!(loaded.ignored(), variables);
    assert_eq!(load("", &[], &[("PATH", "x")]).unwrap().ignored(), [""; 0]);
}

#[test]
fn number_of_the_node_by_one_name_has_both() {
    for sets in [["node.id=7"], ["broker.id=7"]] {
        let loaded = load("", &sets, &[]).unwrap();
        for key in ["node.id", "broker.id"] {
            assert_eq!(loaded.settings().get(key).map(ToString::to_string).as_deref(), Some("7"));
            assert_eq!(loaded.origin(key), Some(&Origin::CommandLine));
        }
        assert_eq!(loaded.config().unwrap().node_id.0, 7);
    }
    let loaded = load("", &["node.id=7", "broker.id=8"], &[]).unwrap();
    loaded.config().unwrap_err();
    load("", &["broker.id=-2"], &[]).unwrap_err();
}

/// What the documentation of Kafka's image has for one node.
#[test]
fn environment_of_kafkas_image_is_a_cluster_of_one() {
    let loaded = load(
        "",
        &[],
        &[
            ("KAFKA_NODE_ID", "1"),
            ("KAFKA_PROCESS_ROLES", "broker,controller"),
            ("KAFKA_LISTENERS", "PLAINTEXT://:9092,CONTROLLER://:9093"),
            ("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://localhost:9092"),
            ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
            ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"),
            ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093"),
            ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1"),
            ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1"),
            ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1"),
            ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0"),
            ("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR", "1"),
            ("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR", "1"),
        ],
    );
    let loaded = loaded.unwrap();
    assert_eq!(loaded.ignored(), [""; 0]);
    let config = loaded.config().unwrap();
    assert_eq!(config.listeners[0].to_string(), "PLAINTEXT://:9092");
    assert_eq!(config.controller_listeners[0].to_string(), "CONTROLLER://:9093");
    assert_eq!(config.advertised_listeners.unwrap()[0].to_string(), "PLAINTEXT://localhost:9092");
}
