//! `consume --group` and `group`.

use std::collections::BTreeSet;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::stage::{Stage, finish, list, signal, start, wait_for};

fn stage() -> Stage {
    let stage = Stage::with(&["group.initial.rebalance.delay.ms=0"]);
    stage.ok(&["topic", "create", "t", "-p", "2"]);
    for partition in ["0", "1"] {
        let lines: String = (0..5).map(|n| format!("{partition}.{n}\n")).collect();
        stage.ok_with(&["produce", "t", "-p", partition], &lines);
    }
    stage
}

fn lags(group: &Value) -> Vec<i64> {
    let partitions = list(group.get("partitions").expect("it is a group"));
    let lag = |partition: &Value| partition.get("lag").and_then(Value::as_i64);
    partitions.iter().map(|partition| lag(partition).expect("it is known")).collect()
}

#[test]
fn group_goes_on_where_it_has_got_to() {
    let stage = stage();
    let first = stage.consume(&["t", "-g", "g", "-n", "3"]);
    let rest = stage.consume(&["t", "-g", "g"]);
    assert_eq!((first.len(), rest.len()), (3, 7));
    let all: BTreeSet<_> = first.into_iter().chain(rest).collect();
    assert_eq!(all.len(), 10, "nothing twice: {all:?}");
    assert!(stage.consume(&["t", "-g", "g"]).is_empty());
    let group = &stage.json(&["group", "describe", "g"])[0];
    assert_eq!((&group["state"], &group["lag"]), (&json!("Empty"), &json!(0)));
    let list = stage.json(&["group", "list"]);
    assert_eq!((&list[0]["group"], &list[0]["state"]), (&json!("g"), &json!("Empty")));
    assert!(stage.json(&["group", "list", "--state", "Stable"]).as_array().unwrap().is_empty());
}

#[test]
fn lag_is_what_is_left_of_each_partition() {
    let stage = stage();
    stage.consume(&["t", "-g", "g"]);
    stage.ok_with(&["produce", "t", "-p", "1"], "a\nb\n");
    let group = &stage.json(&["group", "describe", "g"])[0];
    assert_eq!((lags(group), &group["lag"]), (vec![0, 2], &json!(2)));
    let text = stage.ok(&["group", "describe", "g"]);
    let row = text.lines().last().unwrap();
    let cells: Vec<_> = row.split_whitespace().take(5).collect();
    assert_eq!(cells, ["t", "1", "5", "7", "2"], "{text}");
}

#[test]
fn seek_moves_a_group_and_shows_from_where_to_where() {
    let stage = stage();
    stage.consume(&["t", "-g", "g"]);
    let seek = |arguments: &[&str]| stage.json(&[&["group", "seek", "g"], arguments].concat());
    for (to, expected) in [("start", 0), ("end", 5), ("3", 3), ("-1", 4), ("4711", 5), ("@-1h", 0)]
    {
        let moves = seek(&["--to", to]);
        let targets: Vec<_> = moves.as_array().unwrap().iter().map(|it| &it["to"]).collect();
        assert_eq!(targets, [expected, expected], "{to}");
        let lag = 5 - expected;
        assert_eq!(lags(&stage.json(&["group", "describe", "g"])[0]), [lag, lag], "{to}");
    }
    let dry = seek(&["--to", "end", "--dry-run"]);
    assert_eq!((&dry[0]["from"], &dry[0]["to"]), (&json!(0), &json!(5)));
    seek(&["--to", "2", "--topic", "t:1"]);
    assert_eq!(lags(&stage.json(&["group", "describe", "g"])[0]), [5, 3]);
    assert_eq!(stage.consume(&["t", "-g", "g"]).len(), 8);
    stage.ok(&["group", "seek", "new", "--to", "end", "--topic", "t"]);
    assert!(stage.consume(&["t", "-g", "new"]).is_empty());
    let nothing = stage.fails(&["group", "seek", "nobody", "--to", "start"]);
    assert!(nothing.contains("--topic"), "{nothing}");
}

#[test]
fn group_is_deleted_once_it_is_empty() {
    let stage = stage();
    stage.consume(&["t", "-g", "g"]);
    assert_eq!(stage.ok(&["group", "delete", "g"]), "deleted g\n");
    for verb in ["describe", "delete"] {
        let said = stage.fails(&["group", verb, "g"]);
        assert!(said.contains("GROUP_ID_NOT_FOUND") && said.contains("ottla group list"), "{said}");
    }
}

#[test]
fn members_share_the_partitions_and_hold_off_those_who_would_move_the_group() {
    let stage = stage();
    let consume = ["consume", "t", "-g", "g", "-f", r"%v\n"];
    let members: Vec<_> =
        (0..2).map(|_| start(stage.command(&consume).stdin(Stdio::null()))).collect();
    let group = wait_for("group of two with a partition each", || {
        let said = stage.run(&["group", "describe", "g", "--format", "json"]);
        let group = serde_json::from_str::<Value>(&said.out).ok()?[0].clone();
        let members = group["members"].as_array()?.clone();
        let is_shared = members.iter().all(|it| it["partitions"].as_array().unwrap().len() == 1);
        (members.len() == 2 && is_shared && group["lag"] == 0).then_some(group)
    });
    assert_eq!((&group["state"], &group["assignor"]), (&json!("Stable"), &json!("range")));
    assert_eq!(group["members"][0]["client_id"], "ottla-cli");
    for command in [&["group", "seek", "g", "--to", "start"][..], &["group", "delete", "g"]] {
        let said = stage.fails(command);
        assert!(said.contains("NON_EMPTY_GROUP") && said.contains("stop its members"), "{said}");
    }
    // One that is stopped leaves at once, and the other takes over.
    let mut members = members.into_iter();
    let (first, second) = (members.next().unwrap(), members.next().unwrap());
    signal(first.id(), "INT");
    let first = finish(first);
    assert_eq!(first.code, Some(0), "{first:?}");
    wait_for("member with both partitions", || {
        let group = stage.json(&["group", "describe", "g"]);
        let members = group[0]["members"].as_array().unwrap().clone();
        (members.len() == 1 && members[0]["partitions"].as_array().unwrap().len() == 2)
            .then_some(())
    });
    stage.ok_with(&["produce", "t", "-p", "0"], "late\n");
    stage.ok_with(&["produce", "t", "-p", "1"], "later\n");
    wait_for("commit of the last records", || {
        (stage.json(&["group", "describe", "g"])[0]["lag"] == 0).then_some(())
    });
    signal(second.id(), "INT");
    let second = finish(second);
    let seen: Vec<_> = first.out.lines().chain(second.out.lines()).collect();
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 12, "{seen:?}");
    assert!(second.out.contains("late\n") && second.out.contains("later\n"), "{}", second.out);
}
