//! `produce` and `consume`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::stage::{Stage, finish, start};

#[test]
fn records_come_out_as_they_went_in() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "t"]);
    let produce = ["produce", "t", "-K", ":", "-H", "source=till", "-H", "n=1"];
    let said = stage.ok_with(&produce, "17:two coffees\n18:\n:no key: but empty\n");
    assert_eq!(said, "produced 3 records to t\n");
    stage.ok_with(&["produce", "t", "-K", ":", "-Z"], "17:\n");
    let shown = stage.consume(&["t", "-f", r"%o [%k] [%v] %K %V %h %H\n"]);
    let expected = [
        "0 [17] [two coffees] 2 11 source=till,n=1 2",
        "1 [18] [] 2 0 source=till,n=1 2",
        "2 [] [no key: but empty] 0 17 source=till,n=1 2",
        "3 [17] [] 2 -1  0",
    ];
    assert_eq!(shown, expected);
    assert_eq!(stage.consume(&["t", "-n", "1"]), ["two coffees"]);
    let line = stage.ok(&["consume", "t", "-n", "1", "-f", "%t %p %d %T"]);
    assert!(line.starts_with("t 0 20") && line.contains("Z 1"), "{line}");
}

#[test]
fn every_codec_and_every_acks_stores_what_was_sent() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "t", "-p", "1"]);
    let line = "the same again ".repeat(100);
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        for acks in ["0", "1", "all"] {
            let produce = ["produce", "t", "-z", codec, "--acks", acks, "--format", "json"];
            let said = stage.ok_with(&produce, &format!("{codec} {acks}\n{line}\n"));
            let produced: Value = serde_json::from_str(&said).unwrap();
            assert_eq!(produced[0]["records"], 2, "{said}");
            assert_eq!(produced[0]["last_offset"].is_null(), acks == "0", "{said}");
        }
    }
    let all = stage.ok(&["consume", "t", "-n", "30"]);
    let lines: Vec<_> = all.lines().collect();
    for (place, pair) in lines.chunks(2).enumerate() {
        let codec = ["none", "gzip", "snappy", "lz4", "zstd"][place / 3];
        let acks = ["0", "1", "all"][place % 3];
        assert_eq!(pair, [format!("{codec} {acks}"), line.clone()]);
    }
}

#[test]
fn keys_go_where_the_java_client_sends_them_and_partitions_can_be_named() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "t", "-p", "4"]);
    stage.ok_with(&["produce", "t", "-K", "="], "foobar=1\n21=2\nfoobar=3\n");
    // Murmur2 of `foobar` is -790332482 and of `21` -973932308, made positive by their lowest 31 bits.
    let partition = |hash: i32| ((hash & i32::MAX) % 4).to_string();
    let foobar = stage.consume(&["t", "-p", &partition(-790_332_482), "--key", "foobar"]);
    assert_eq!(foobar, ["1", "3"]);
    assert_eq!(stage.consume(&["t", "-p", &partition(-973_932_308), "--key", "21"]), ["2"]);
    stage.ok_with(&["produce", "t", "-p", "2", "-k", "key"], "x\ny\n");
    assert_eq!(stage.consume(&["t", "-p", "2", "--key-prefix", "ke", "-f", r"%v\n"]), ["x", "y"]);
    let none = stage.fails(&["consume", "t", "-e", "-p", "4"]);
    assert!(none.contains("no partition 4") && none.contains("numbered from 0"), "{none}");
    assert!(stage.fails(&["produce", "t", "-p", "9"]).contains("no partition 9"));
}

#[test]
fn places_to_begin_and_to_stop_are_offsets_times_and_the_last_few() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "t"]);
    let records: String = (0..10)
        .map(|n| {
            format!("{{\"value\":\"{n}\",\"timestamp\":{}}}\n", 1_700_000_000_000_i64 + n * 1000)
        })
        .collect();
    stage.ok(&["config", "set", "topic", "t", "retention.ms=-1"]);
    stage.ok_with(&["produce", "t", "--input", "json"], &records);
    for (arguments, expected) in [
        (&["-o", "start"][..], "0123456789"),
        (&["-o", "end"], ""),
        (&["-o", "7"], "789"),
        (&["-o", "-2"], "89"),
        (&["-o", "-100"], "0123456789"),
        (&["-o", "@1700000003500"], "456789"),
        (&["-o", "@2023-11-14T22:13:28Z"], "89"),
        (&["-o", "@now"], ""),
        (&["-n", "3", "-o", "2"], "234"),
    ] {
        let shown = stage.consume(&[&["t", "-f", "%v"], arguments].concat()).concat();
        assert_eq!(shown, expected, "{arguments:?}");
    }
    for (until, expected) in [("4", "0123"), ("@1700000002000", "01"), ("-8", "01"), ("start", "")]
    {
        let shown = stage.ok(&["consume", "t", "--until", until, "-f", "%v"]);
        assert_eq!(shown, expected, "{until}");
    }
    let outside = stage.fails(&["consume", "t", "-e", "-o", "-5", "-n", "0", "-p", "1"]);
    assert!(outside.contains("no partition"), "{outside}");
    let beyond = stage.fails(&["consume", "t", "-o", "4711", "--timeout", "5s"]);
    assert!(beyond.contains("OFFSET_OUT_OF_RANGE") && beyond.contains("start"), "{beyond}");
}

#[test]
fn json_lines_of_one_topic_are_produced_to_another_as_they_were() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "t", "u"]);
    stage.ok_with(&["produce", "t", "-K", ":", "-Z", "-H", "a=b"], "k:v\nk:\n");
    let bytes = stage.path("bytes");
    fs::write(&bytes, [0xff, 0, b'\n']).unwrap();
    stage.ok(&["produce", "t", "--whole", &bytes]);
    let lines = stage.consume(&["t", "-f", "json"]);
    let first: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(
        (&first["key"], &first["value"], &first["offset"]),
        (&json!("k"), &json!("v"), &json!(0))
    );
    assert_eq!(first["headers"], json!([{"name": "a", "value": "b"}]));
    assert!(lines[2].contains("\"value_base64\":\"/wAK\""), "{}", lines[2]);
    stage.ok_with(&["produce", "u", "--input", "json"], &lines.join("\n"));
    let renamed = |line: &String| line.replace("\"topic\":\"t\"", "\"topic\":\"u\"");
    let expected: Vec<_> = lines.iter().map(renamed).collect();
    assert_eq!(stage.consume(&["u", "-f", "json"]), expected);
}

#[test]
fn input_that_is_no_record_is_named_by_its_line_and_what_came_before_is_kept() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "t"]);
    let said = stage.run_with(&["produce", "t", "-K", ":"], "a:1\nb:2\nc\nd:4\n");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("line 3") && said.err.contains("':'"), "{}", said.err);
    assert_eq!(stage.consume(&["t"]), ["1", "2"]);
    let missing = stage.fails(&["produce", "t", "/no/such/file"]);
    assert!(missing.contains("/no/such/file"), "{missing}");
}

#[test]
fn record_that_is_too_large_says_which_setting_allows_it() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "t"]);
    let line = "x".repeat(2 << 20);
    let said = stage.run_with(&["produce", "t"], &line);
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("MESSAGE_TOO_LARGE") && said.err.contains("max.message.bytes"),
        "{}",
        said.err
    );
    stage.ok(&["config", "set", "topic", "t", "max.message.bytes=4000000"]);
    stage.ok_with(&["produce", "t"], &line);
    assert_eq!(stage.ok(&["consume", "t", "-e", "-f", "%V"]), line.len().to_string());
}

#[test]
fn what_is_typed_is_there_at_once_and_who_waits_sees_it() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "t"]);
    let mut consumer = start(stage.command(&["consume", "t", "-n", "2"]).stdin(Stdio::null()));
    let mut lines = BufReader::new(consumer.stdout.take().unwrap()).lines();
    let mut producer = start(stage.command(&["produce", "t"]).stdin(Stdio::piped()));
    let mut input = producer.stdin.take().unwrap();
    for line in ["first", "second"] {
        writeln!(input, "{line}").unwrap();
        // Standard input is still open: it was not its end that sent the record.
        assert_eq!(lines.next().unwrap().unwrap(), line);
    }
    assert_eq!(finish(consumer).code, Some(0));
    drop(input);
    assert_eq!(finish(producer).out, "produced 2 records to t\n");
}

#[test]
fn reader_that_has_seen_enough_ends_the_command_without_an_error() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "t"]);
    let records: String = (0..200_000).map(|n| format!("record number {n}\n")).collect();
    stage.ok_with(&["produce", "t", "-z", "zstd"], &records);
    let mut consumer = start(stage.command(&["consume", "t"]).stdin(Stdio::null()));
    let mut lines = BufReader::new(consumer.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "record number 0");
    drop(lines);
    let said = finish(consumer);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let counted = stage.ok(&["consume", "t", "-e"]);
    assert!(counted == records, "all {} bytes come out in order", records.len());
    stage.stop_broker();
}
