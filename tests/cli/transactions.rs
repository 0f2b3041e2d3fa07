//! `txn`, and what `doctor` says of transactions.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::stage::{Stage, finish, list, signal, start, text, wait_for};
use crate::writer::Writer;

/// However busy the machine is, a transaction is not aborted before its time.
const LONG_MS: i32 = 600_000;

/// The timestamps of the records are none that a retention would take.
fn stage(settings: &[&str]) -> Stage {
    let stage = Stage::with(settings);
    stage.ok(&["topic", "create", "orders", "audit", "-p", "1", "-c", "retention.ms=-1"]);
    stage.ok_with(&["produce", "orders"], "plain\n");
    stage
}

fn ids(listed: &Value) -> Vec<&str> {
    list(listed).iter().map(|row| text(row, "transactional_id")).collect()
}

/// What the doctor has to say of transactions.
fn findings(stage: &Stage) -> Vec<Value> {
    let said = stage.run(&["doctor", "--format", "json"]);
    let all: Value =
        serde_json::from_str(&said.out).unwrap_or_else(|err| panic!("{err}: {said:?}"));
    list(&all).iter().filter(|finding| finding["check"] == "transactions").cloned().collect()
}

/// The command that aborts what hangs in `orders-0`.
fn abort_at<'a>(which: &[&'a str]) -> Vec<&'a str> {
    [&["txn", "abort", "--topic", "orders", "--partition", "0"], which].concat()
}

#[test]
fn open_transaction_is_listed_described_and_aborted() {
    let stage = stage(&[]);
    let open = Writer::new(stage.bootstrap(), "open-1", LONG_MS);
    open.begin("orders");
    open.begin("audit");
    let idle = Writer::new(stage.bootstrap(), "idle-1", LONG_MS);

    assert_eq!(ids(&stage.json(&["txn", "list"])), ["idle-1", "open-1"]);
    let only = |filter: &[&str]| stage.json(&[&["txn", "list"], filter].concat());
    assert_eq!(ids(&only(&["--state", "Ongoing"])), ["open-1"]);
    assert_eq!(ids(&only(&["--producer", &idle.producer_id.to_string()])), ["idle-1"]);
    assert_eq!(ids(&only(&["--pattern", "open-."])), ["open-1"]);
    assert!(ids(&only(&["--state", "Ongoing", "--longer-than", "1h"])).is_empty());
    let unknown = stage.fails(&["txn", "list", "--state", "Open"]);
    assert!(unknown.contains("no state 'Open'") && unknown.contains("Ongoing"), "{unknown}");

    let described = stage.json(&["txn", "describe", "open-1", "idle-1"]);
    let (first, second) = (&described[0], &described[1]);
    assert_eq!((text(first, "state"), text(second, "state")), ("Ongoing", "Empty"));
    assert_eq!(first["producer_id"], open.producer_id.0);
    assert_eq!((&first["timeout_ms"], &second["started"]), (&json!(LONG_MS), &Value::Null));
    assert!(first["open_for_ms"].as_i64().unwrap() < LONG_MS.into(), "{first}");
    let partition =
        |topic: &str, from: i64| json!({"topic": topic, "partition": 0, "start_offset": from});
    assert_eq!(first["partitions"], json!([partition("audit", 0), partition("orders", 1)]));
    let shown = stage.ok(&["txn", "describe", "open-1"]);
    assert!(shown.contains("state             Ongoing\n"), "{shown}");
    assert!(shown.ends_with("orders          0     1\n"), "{shown}");

    let committed = ["orders", "--read-committed"];
    assert_eq!(stage.consume(&committed), ["plain"]);
    stage.ok_with(&["produce", "orders"], "later\n");
    assert_eq!(stage.consume(&committed), ["plain"]);
    assert_eq!(stage.ok(&["txn", "abort", "open-1"]), "aborted open-1\n");
    assert_eq!(stage.consume(&committed), ["plain", "later"]);
    assert_eq!(stage.json(&["txn", "describe", "open-1"])[0]["state"], "Empty");

    let nothing = stage.fails(&["txn", "abort", "open-1"]);
    assert!(nothing.contains("there is nothing to abort"), "{nothing}");
    let nobody = stage.fails(&["txn", "describe", "nobody"]);
    assert!(
        nobody.contains("TRANSACTIONAL_ID_NOT_FOUND") && nobody.contains("txn list"),
        "{nobody}"
    );
    stage.stop_broker();
}

#[test]
fn hanging_transaction_is_found_by_the_doctor_with_the_groups_that_it_blocks_and_aborted() {
    let stage = stage(&[
        "transaction.partition.verification.enable=false",
        "group.initial.rebalance.delay.ms=0",
    ]);
    let writer = Writer::new(stage.bootstrap(), "forgotten", LONG_MS);
    writer.begin_unheard("orders");
    stage.ok_with(&["produce", "orders"], "later\n");

    let read = |group| {
        let command = ["consume", "orders", "-g", group, "--read-committed"];
        start(stage.command(&command).stdin(Stdio::null()))
    };
    let reader = read("billing");
    stage.consume(&["orders", "-g", "uncommitted"]);
    wait_for("commit of what is stable", || {
        let group = stage.run(&["group", "describe", "billing", "--format", "json"]);
        let group: Value = serde_json::from_str(&group.out).ok()?;
        (group[0]["partitions"][0]["committed"] == 1 && group[0]["state"] == "Stable").then_some(())
    });

    let found = findings(&stage);
    let producer = writer.producer_id;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(text(&found[0], "status"), "fail");
    let what = text(&found[0], "what");
    assert!(what.starts_with(&format!("orders-0: a transaction of producer {producer}")), "{what}");
    assert!(what.contains("hangs at offset 1") && what.contains("2026-11-21T10:00:00"), "{what}");
    assert!(what.contains("it blocks group billing (ottla-cli at "), "{what}");
    assert!(!what.contains("uncommitted"), "{what}");

    let wrong = stage.fails(&abort_at(&["--start-offset", "0"]));
    assert!(wrong.contains(&format!("that of producer {producer} (epoch 0) from 1 on")), "{wrong}");
    let advice = text(&found[0], "advice").strip_prefix("ottla ").expect("it is a command");
    stage.ok(&advice.split(' ').collect::<Vec<_>>());
    let found = findings(&stage);
    assert_eq!((found.len(), text(&found[0], "status")), (1, "ok"), "{found:?}");
    let gone = stage.fails(&abort_at(&["--producer-id", &producer.to_string()]));
    assert!(gone.contains("none is"), "{gone}");

    // The group goes on by itself.
    wait_for("commit of the rest", || {
        let group = stage.json(&["group", "describe", "billing"]);
        (group[0]["lag"] == 0).then_some(())
    });
    signal(reader.id(), "INT");
    assert_eq!(finish(reader).out, "plain\nlater\n");
    stage.stop_broker();
}

#[test]
fn offsets_that_hang_are_found_with_the_group_that_waits_for_them() {
    let stage = stage(&[
        "transaction.partition.verification.enable=false",
        "offsets.topic.num.partitions=1",
    ]);
    let reads_on = |group| stage.consume(&["orders", "-g", group]);
    assert_eq!((reads_on("billing").len(), reads_on("shipping").len()), (1, 1));
    let writer = Writer::new(stage.bootstrap(), "forgotten", LONG_MS);
    writer.send_offset_unheard("billing", "orders", 1);
    let found = findings(&stage);
    let what = text(&found[0], "what");
    assert!(what.starts_with("__consumer_offsets-0: a transaction of producer"), "{what}");
    assert!(what.ends_with("it blocks group billing"), "{what}");
    let advice = text(&found[0], "advice").strip_prefix("ottla ").expect("it is a command");
    stage.ok(&advice.split(' ').collect::<Vec<_>>());
    assert_eq!(text(&findings(&stage)[0], "status"), "ok");
    stage.stop_broker();
}

#[test]
fn transaction_that_its_coordinator_knows_is_not_torn() {
    let stage = stage(&[]);
    let writer = Writer::new(stage.bootstrap(), "alive", LONG_MS);
    writer.begin("orders");
    let producer = writer.producer_id.to_string();
    let refused = stage.fails(&abort_at(&["--producer-id", &producer]));
    assert!(refused.contains("alive, which is Ongoing; `ottla txn abort alive`"), "{refused}");
    assert_eq!(stage.json(&["txn", "describe", "alive"])[0]["state"], "Ongoing");
    let found = findings(&stage);
    assert_eq!(text(&found[0], "what"), "none hangs, and of 1 open ones none is late");
    stage.ok(&["txn", "abort", "alive"]);
    stage.stop_broker();
}

#[test]
fn transaction_of_a_producer_that_is_gone_is_aborted_in_time_by_a_broker_that_was_killed() {
    let looks_every =
        |ms: &str| format!("transaction.abort.timed.out.transaction.cleanup.interval.ms={ms}");
    // Nobody looks for it before the kill, however long that takes.
    let stage = stage(&[&looks_every("3600000")]);
    Writer::new(stage.bootstrap(), "gone", 1_000).begin("orders");
    stage.ok_with(&["produce", "orders"], "later\n");
    assert_eq!(stage.consume(&["orders", "--read-committed"]), ["plain"]);
    let stage = stage.restart(&[&looks_every("200")]);
    wait_for("end of the transaction", || {
        let read = stage.consume(&["orders", "--read-committed"]);
        (read == ["plain", "later"]).then_some(())
    });
    assert_eq!(stage.json(&["txn", "describe", "gone"])[0]["state"], "CompleteAbort");
    stage.stop_broker();
}
