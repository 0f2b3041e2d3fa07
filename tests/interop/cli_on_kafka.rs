//! Our command line is a client of Apache Kafka as well: what it asks, Kafka answers, and what it writes, Kafka takes.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::broker::Broker;
use crate::jvm::wait_until;
use crate::kafka_dist::kafka_dist;
use crate::process;

const LIMIT: Duration = Duration::from_secs(300);

/// Runs a command against `broker`, and returns what it prints.
#[track_caller]
fn ottla(broker: &Broker, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
    command.args(arguments).env("OTTLA_BOOTSTRAP", broker.bootstrap());
    let output = process::run(&mut command, LIMIT).unwrap_or_else(|err| panic!("{err}"));
    assert!(output.failure.is_none(), "{arguments:?}: {output:?}");
    output.stdout
}

#[track_caller]
fn json(broker: &Broker, arguments: &[&str]) -> Value {
    let text = ottla(broker, &[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|err| panic!("{err} in {text}"))
}

#[test]
fn operators_commands_work_on_kafka() {
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(home.path());
    let input = home.path().join("input");
    std::fs::write(&input, "k1:one\nk2:two\nk1:three\n").unwrap();
    let input = input.to_str().unwrap();

    ottla(&broker, &["topic", "create", "t", "-p", "2", "-c", "segment.ms=3600000"]);
    ottla(&broker, &["topic", "create", "u", "-p", "2"]);
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let produce = ["produce", "t", input, "-K", ":", "-H", "a=b", "-z", codec];
        assert_eq!(ottla(&broker, &produce), "produced 3 records to t\n", "{codec}");
    }
    let show = ["-e", "-f", r"%k %v %h\n"];
    let consumed = ottla(&broker, &[&["consume", "t"], &show[..]].concat());
    assert_eq!(consumed.lines().count(), 15);
    assert_eq!(consumed.matches("k1 three a=b").count(), 5, "{consumed}");

    assert_eq!(ottla(&broker, &["consume", "t", "-g", "g", "-n", "4"]).lines().count(), 4);
    assert_eq!(json(&broker, &["group", "describe", "g"])[0]["lag"], 11);
    ottla(&broker, &["group", "seek", "g", "--to", "start"]);
    assert_eq!(ottla(&broker, &["consume", "t", "-g", "g", "-e"]).lines().count(), 15);
    assert_eq!(json(&broker, &["group", "list"])[0]["group"], "g");
    assert_eq!(ottla(&broker, &["group", "delete", "g"]), "deleted g\n");

    let replay = ["replay", "t", "--key", "k1", "--to-topic", "u", "-f", "json"];
    let replayed: Value = serde_json::from_str(&ottla(&broker, &replay)).unwrap();
    assert_eq!(replayed, json!({"replayed": 10, "left": 0}));
    assert_eq!(ottla(&broker, &["consume", "u", "-e"]).lines().count(), 10);

    ottla(&broker, &["config", "set", "topic", "t", "retention.ms=1000000"]);
    ottla(&broker, &["config", "unset", "topic", "t", "segment.ms"]);
    // A broker of Kafka hears a moment later what its controller has decided.
    wait_until("the one setting that is left", || {
        let topic = &json(&broker, &["topic", "describe", "t"])[0];
        topic["configs"].as_array().is_some_and(|configs| configs.len() == 1)
    });
    ottla(&broker, &["topic", "alter", "t", "-p", "3"]);
    let cluster = json(&broker, &["cluster"]);
    assert_eq!(cluster["features"]["transaction.version"]["finalized"], 2);

    let begin = [broker.bootstrap(), "u", "writer", "begin"];
    kafka_dist().stdout("StoredTransaction", &begin, LIMIT);
    assert_eq!(json(&broker, &["txn", "list"])[0]["state"], "Ongoing");
    let transaction = &json(&broker, &["txn", "describe", "writer"])[0];
    assert_eq!(transaction["partitions"].as_array().unwrap().len(), 1, "{transaction}");
    assert!(transaction["partitions"][0]["start_offset"].is_i64(), "{transaction}");
    assert_eq!(ottla(&broker, &["txn", "abort", "writer"]), "aborted writer\n");
    assert_eq!(json(&broker, &["txn", "list"])[0]["state"], "Empty");

    assert_eq!(ottla(&broker, &["topic", "delete", "t", "u"]), "deleted t\ndeleted u\n");
    broker.stop();
}

#[test]
fn doctor_reads_kafkas_clock_and_disks() {
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(home.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
    command.args(["doctor", "-b", broker.bootstrap()]);
    // Whether the disk of this machine has room is not ours to say.
    let text = process::run(&mut command, LIMIT).unwrap_or_else(|err| panic!("{err}")).stdout;
    assert!(text.contains("the controller's clock and this machine's agree"), "{text}");
    assert!(text.contains("GB free"), "{text}");
}
