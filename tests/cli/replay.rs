//! `replay`: what, where to, how fast, and going on after it was cut.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stage::{Stage, finish, signal, start, wait_for};

/// A topic of two partitions with 100 records each: `p.n`, with key `kN` of ten different ones, a header, and times that
/// are a second apart.
fn stage() -> Stage {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "t", "-p", "2", "-c", "retention.ms=-1"]);
    for partition in ["0", "1"] {
        let line = |n: i64| {
            let record = json!({
                "key": format!("k{}", n % 10),
                "value": format!("{partition}.{n}"),
                "timestamp": 1_700_000_000_000 + n * 1000,
                "headers": [{"name": "parity", "value": if n % 2 == 0 { "even" } else { "odd" }}],
            });
            format!("{record}\n")
        };
        let lines: String = (0..100).map(line).collect();
        stage.ok_with(&["produce", "t", "-p", partition, "--input", "json"], &lines);
    }
    stage
}

#[test]
fn stretch_of_time_goes_to_another_topic_as_it_was() {
    let stage = stage();
    stage.ok(&["topic", "create", "u", "-p", "2", "-c", "retention.ms=-1"]);
    let replay = ["replay", "t", "-o", "@1700000010000", "--until", "@1700000020000"];
    let said = stage.ok(&[&replay[..], &["--to-topic", "u", "-f", "json"]].concat());
    let result: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(result, json!({"replayed": 20, "left": 0}));
    for partition in ["0", "1"] {
        let show = ["-p", partition, "-f", r"%k %v %T %h\n"];
        let all = stage.consume(&[&["t"], &show[..]].concat());
        assert_eq!(stage.consume(&[&["u"], &show[..]].concat()), all[10..20]);
    }
}

#[test]
fn filters_choose_records_by_key_and_header() {
    let stage = stage();
    for (filter, count) in [
        (&["--key", "k3"][..], 20),
        (&["--key", "k3", "--key", "k4"], 40),
        (&["--key-prefix", "k", "--header", "parity=even"], 100),
        (&["--key", "k3", "--header", "parity=even"], 0),
        (&["--header", "parity", "-p", "1"], 100),
    ] {
        let said = stage.run(&[&["replay", "t", "-f", r"%v\n"], filter].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(said.out.lines().count(), count, "{filter:?}");
        assert!(said.err.contains(&format!("replayed {count} records")), "{}", said.err);
    }
    let first: Value = serde_json::from_str(
        stage.ok(&["replay", "t", "--key", "k7", "-p", "0"]).lines().next().unwrap(),
    )
    .unwrap();
    assert_eq!((&first["value"], &first["offset"]), (&json!("0.7"), &json!(7)));
}

#[test]
fn topic_with_other_partitions_gets_each_key_in_one_of_them() {
    let stage = stage();
    stage.ok(&["topic", "create", "u", "-p", "3"]);
    let now = ["replay", "t", "--to-topic", "u", "--timestamps", "now"];
    stage.ok(&now);
    let mut total = 0;
    for key in (0..10).map(|n| format!("k{n}")) {
        let places = stage.consume(&["u", "--key", &key, "-f", r"%p\n"]);
        assert!(places.iter().all(|place| *place == places[0]), "{key}: {places:?}");
        total += places.len();
    }
    assert_eq!(total, 200);
    let oldest = stage.ok(&["consume", "u", "-n", "1", "-f", "%T"]);
    assert!(oldest.parse::<i64>().unwrap() > 1_700_000_200_000, "{oldest}");
}

#[test]
fn rate_is_a_bound() {
    let stage = stage();
    let began = Instant::now();
    let said = stage.run(&["replay", "t", "-p", "0", "--rate", "50", "--until", "51"]);
    let took = began.elapsed();
    assert_eq!((said.code, said.out.lines().count()), (Some(0), 51), "{}", said.err);
    // The first goes at once, and the other 50 take a second.
    assert!(took >= Duration::from_millis(950), "{took:?}");
}

/// Replays slowly with a state until some of it is done, and cuts it off by this signal. Returns its exit code.
fn cut(stage: &Stage, target: &[&str], name: &str) -> Option<i32> {
    let state = stage.path("replay.state");
    let arguments = [&["replay", "t", "--rate", "20", "--state", &state], target].concat();
    let replay = start(stage.command(&arguments).stdin(Stdio::null()));
    wait_for("progress", || (replayed(stage) >= 30).then_some(()));
    signal(replay.id(), name);
    let said = finish(replay);
    if name == "INT" {
        assert!(said.err.contains("the same command goes on"), "{}", said.err);
    }
    assert!((30..200).contains(&replayed(stage)), "it was cut in the middle");
    said.code
}

fn replayed(stage: &Stage) -> u64 {
    let text = fs::read(stage.path("replay.state")).unwrap_or_default();
    let state = serde_json::from_slice::<Value>(&text).unwrap_or_default();
    state.get("replayed").and_then(Value::as_u64).unwrap_or(0)
}

fn resume(stage: &Stage, target: &[&str]) -> String {
    let state = stage.path("replay.state");
    stage.ok(&[&["replay", "t", "--state", &state], target].concat())
}

#[test]
fn replay_to_a_file_that_was_killed_goes_on_with_nothing_lost_and_nothing_twice() {
    let stage = stage();
    let file = stage.path("out.json");
    let target = ["--to-file", &file];
    assert_eq!(cut(&stage, &target, "KILL"), None);
    // What is produced meanwhile belongs to no replay that has begun.
    stage.ok_with(&["produce", "t", "-p", "0"], "later\n");
    resume(&stage, &target);
    let text = fs::read_to_string(&file).unwrap();
    let records: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 200);
    for partition in 0..2 {
        let of_partition = records.iter().filter(|record| record["partition"] == partition);
        let offsets: Vec<_> = of_partition.map(|it| it["offset"].as_i64().unwrap()).collect();
        assert_eq!(offsets, (0..100).collect::<Vec<_>>());
    }
    // A finished one has nothing left to do.
    resume(&stage, &target);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn replay_to_a_topic_that_was_stopped_goes_on_where_it_was() {
    let stage = stage();
    stage.ok(&["topic", "create", "u", "-p", "2", "-c", "retention.ms=-1"]);
    let target = ["--to-topic", "u"];
    assert_eq!(cut(&stage, &target, "INT"), Some(1));
    let done = stage.consume(&["u"]).len() as u64;
    assert_eq!(done, replayed(&stage));
    resume(&stage, &target);
    for partition in ["0", "1"] {
        let values = stage.consume(&["u", "-p", partition]);
        let expected: Vec<_> = (0..100).map(|n| format!("{partition}.{n}")).collect();
        assert_eq!(values, expected);
    }
}

#[test]
fn replay_that_would_do_harm_is_refused() {
    let stage = stage();
    let itself = stage.fails(&["replay", "t", "--to-topic", "t"]);
    assert!(itself.contains("into itself"), "{itself}");
    let unknown = stage.fails(&["replay", "t", "--to-topic", "u"]);
    assert!(unknown.contains("UNKNOWN_TOPIC_OR_PARTITION"), "{unknown}");
    let file = stage.path("full");
    fs::write(&file, "precious\n").unwrap();
    let full = stage.fails(&["replay", "t", "--to-file", &file]);
    assert!(full.contains("there is something in it"), "{full}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious\n");

    let state = &stage.path("replay.state");
    stage.ok(&["replay", "t", "--state", state]);
    let other = stage.fails(&["replay", "t", "--key", "k1", "--state", state]);
    assert!(other.contains("another replay"), "{other}");
    stage.ok(&["topic", "delete", "t"]);
    stage.ok(&["topic", "create", "t", "-p", "2"]);
    let anew = stage.fails(&["replay", "t", "--state", state]);
    assert!(anew.contains("another replay"), "{anew}");
}
