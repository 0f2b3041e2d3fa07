//! `topic` and `config`.

use serde_json::json;

use crate::stage::Stage;

#[test]
fn topic_is_created_listed_described_altered_and_deleted() {
    let stage = Stage::new();
    let created = stage.ok(&["topic", "create", "orders", "-p", "3", "-c", "retention.ms=60000"]);
    assert_eq!(created, "created orders\n");
    stage.ok(&["topic", "create", "a", "b"]);
    stage.ok_with(&["produce", "orders", "-p", "1"], "one\ntwo\n");

    let list = stage.ok(&["topic", "list"]);
    assert!(list.starts_with("TOPIC   PARTITIONS  REPLICAS\n"), "{list}");
    assert!(list.contains("orders           3         1\n"), "{list}");
    let list = stage.json(&["topic", "ls"]);
    let names: Vec<_> = list.as_array().unwrap().iter().map(|topic| &topic["name"]).collect();
    assert_eq!(names, ["a", "b", "orders"]);

    let topic = &stage.json(&["topic", "describe", "orders"])[0];
    assert_eq!(topic["partitions"].as_array().unwrap().len(), 3);
    let partition = &topic["partitions"][1];
    assert_eq!((&partition["start_offset"], &partition["end_offset"]), (&json!(0), &json!(2)));
    assert_eq!(topic["configs"][0]["name"], "retention.ms");
    let text = stage.ok(&["topic", "describe", "orders", "a"]);
    assert!(text.contains("retention.ms=60000") && text.contains("topic      a"), "{text}");

    let alter = ["topic", "alter", "orders", "-p", "5", "-s", "max.message.bytes=2000000"];
    stage.ok(&[&alter[..], &["-u", "retention.ms"]].concat());
    let topic = &stage.json(&["topic", "describe", "orders"])[0];
    assert_eq!(topic["partitions"].as_array().unwrap().len(), 5);
    assert_eq!(topic["configs"].as_array().unwrap().len(), 1);
    assert_eq!(topic["configs"][0]["value"], "2000000");

    assert_eq!(stage.ok(&["topic", "delete", "orders", "a"]), "deleted orders\ndeleted a\n");
    assert_eq!(stage.json(&["topic", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn topic_that_cannot_be_says_why_and_what_to_do() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "t"]);
    for (arguments, expected) in [
        (&["topic", "create", "t"][..], ["TOPIC_ALREADY_EXISTS", "--if-not-exists"]),
        (&["topic", "create", "u", "-r", "3"], ["INVALID_REPLICATION_FACTOR", "ottla cluster"]),
        (&["topic", "create", "u", "-c", "no.such=1"], ["no.such", "ottla config get"]),
        (&["topic", "describe", "u"], ["UNKNOWN_TOPIC_OR_PARTITION", "ottla topic list"]),
        (&["topic", "delete", "u"], ["UNKNOWN_TOPIC_OR_PARTITION", "ottla topic list"]),
        (&["topic", "alter", "t", "-p", "1"], ["INVALID_PARTITIONS", "partition"]),
        (&["topic", "create", "a/b"], ["INVALID_TOPIC", "a/b"]),
    ] {
        let said = stage.fails(arguments);
        assert!(expected.iter().all(|part| said.contains(part)), "{arguments:?}: {said}");
    }
    assert_eq!(stage.ok(&["topic", "create", "t", "--if-not-exists"]), "unchanged t\n");
    assert_eq!(stage.ok(&["topic", "delete", "u", "--if-exists"]), "unchanged u\n");
    assert_eq!(stage.ok(&["topic", "create", "u", "--dry-run"]), "could create u\n");
    assert_eq!(stage.json(&["topic", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn several_topics_of_which_one_fails_are_all_accounted_for() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "b"]);
    let said = stage.run(&["topic", "create", "a", "b", "c", "--format", "json"]);
    assert_eq!(said.code, Some(1));
    let outcomes: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(outcomes[0], json!({"name": "a", "done": "created", "error": null}));
    assert_eq!((&outcomes[1]["name"], &outcomes[1]["done"]), (&json!("b"), &json!(null)));
    assert!(outcomes[1]["error"].as_str().unwrap().contains("TOPIC_ALREADY_EXISTS"));
    assert_eq!(outcomes[2]["done"], "created");
    assert_eq!(said.err.matches("TOPIC_ALREADY_EXISTS").count(), 1);
}

#[test]
fn config_is_got_set_and_unset() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "t"]);
    let get = ["config", "get", "topic", "t", "retention.ms"];
    let before = &stage.json(&get)[0];
    assert_eq!((&before["value"], &before["source"]), (&json!("604800000"), &json!("default")));
    let set = stage.ok(&["config", "set", "topic", "t", "retention.ms=1000", "segment.ms=500"]);
    assert_eq!(set, "set retention.ms\nset segment.ms\n");
    assert_eq!(stage.json(&get)[0]["source"], "dynamic topic");
    let shown = stage.ok(&["config", "get", "topic", "t"]);
    assert!(shown.contains("retention.ms") && shown.contains("segment.ms"), "{shown}");
    assert!(!shown.contains("flush.ms"), "what has its default is left out: {shown}");
    assert!(stage.ok(&["config", "get", "topic", "t", "--all"]).lines().count() > 20);
    assert!(stage.ok(&[&get[..], &["--doc"]].concat()).lines().count() > 3);
    stage.ok(&["config", "unset", "topic", "t", "retention.ms"]);
    assert_eq!(stage.json(&get)[0]["value"], "604800000");

    let all_or_none = stage.fails(&["config", "set", "topic", "t", "segment.ms=7", "no.such=1"]);
    assert!(all_or_none.contains("no.such"), "{all_or_none}");
    assert_eq!(stage.json(&["config", "get", "topic", "t", "segment.ms"])[0]["value"], "500");
    stage.ok(&["config", "set", "topic", "t", "segment.ms=7", "--dry-run"]);
    assert_eq!(stage.json(&["config", "get", "topic", "t", "segment.ms"])[0]["value"], "500");
    let unknown = stage.fails(&["config", "get", "topic", "t", "no.such"]);
    assert!(unknown.contains("--all"), "{unknown}");
}

#[test]
fn config_of_brokers_is_one_brokers_or_all_of_them() {
    let stage = Stage::new();
    let id = stage.json(&["cluster"])["brokers"][0]["id"].to_string();
    let get = ["config", "get", "broker", &id, "log.retention.ms"];
    stage.ok(&["config", "set", "broker", "", "log.retention.ms=3600000"]);
    let entry = &stage.json(&get)[0];
    assert_eq!(
        (&entry["value"], &entry["source"]),
        (&json!("3600000"), &json!("dynamic default broker"))
    );
    stage.ok(&["config", "alter", "broker", &id, "log.retention.ms=7200000"]);
    let entry = &stage.json(&["config", "describe", "broker", &id, "log.retention.ms"])[0];
    assert_eq!((&entry["value"], &entry["source"]), (&json!("7200000"), &json!("dynamic broker")));
    let other = stage.fails(&["config", "get", "broker", "4711"]);
    assert!(other.contains("broker 4711"), "{other}");
}
