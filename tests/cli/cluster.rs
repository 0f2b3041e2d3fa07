//! `cluster` and `doctor`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};

use crate::stage::{NOBODY, Stage, finish, list, ottla, start, text};

#[test]
fn cluster_shows_its_brokers_its_controller_and_its_features() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "t", "-p", "3"]);
    let cluster = stage.json(&["cluster"]);
    assert_eq!(cluster["brokers"].as_array().unwrap().len(), 1);
    assert_eq!(cluster["controller"], cluster["brokers"][0]["id"]);
    assert_eq!(cluster["brokers"][0]["leads"], 3);
    assert!(cluster["features"]["metadata.version"]["finalized"].as_i64().unwrap() > 0);
    let text = stage.ok(&["cluster"]);
    assert!(text.contains(cluster["cluster_id"].as_str().unwrap()), "{text}");
    assert!(text.contains("metadata.version"), "{text}");
}

/// The findings of a check, each with its status.
fn findings<'a>(all: &'a Value, check: &str) -> Vec<(&'a str, &'a str)> {
    let of_check = list(all).iter().filter(|finding| finding.get("check") == Some(&check.into()));
    let pairs = of_check.map(|it| (text(it, "status"), text(it, "what")));
    pairs.collect()
}

#[test]
fn doctor_finds_a_healthy_cluster_healthy() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "connect-configs", "-p", "1", "-c", "cleanup.policy=compact"]);
    let all = stage.run(&["doctor", "--format", "json"]);
    let all: Value = serde_json::from_str(&all.out).unwrap();
    assert_eq!(findings(&all, "addresses").len(), 2, "{all}");
    assert!(findings(&all, "addresses").iter().all(|(status, _)| *status == "ok"), "{all}");
    assert_eq!(findings(&all, "partitions")[0].0, "ok");
    assert_eq!(findings(&all, "topics"), [("ok", "connect-configs is compacted")]);
    assert_eq!(
        findings(&all, "clock"),
        [("ok", "the controller's clock and this machine's agree")]
    );
    // How full this machine's disk is says nothing about us.
    assert_eq!(findings(&all, "disks").len(), 1, "{all}");
    assert!(findings(&all, "disks")[0].1.contains(" GB free"), "{all}");
}

#[test]
fn doctor_finds_what_connect_and_debezium_will_stumble_over() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "connect-configs", "-p", "3", "-c", "cleanup.policy=compact"]);
    stage.ok(&["topic", "create", "my_connect_offsets", "schema-history.shop", "-p", "1"]);
    let said = stage.run(&["doctor", "--format", "json"]);
    assert_eq!(said.code, Some(1));
    let all: Value = serde_json::from_str(&said.out).unwrap();
    let expected = [
        "connect-configs has 3 partitions, and must have one",
        "my_connect_offsets has cleanup.policy=delete, and must have compact alone",
        "schema-history.shop forgets schema changes: retention.ms=604800000 retention.bytes=-1",
    ];
    let topics = findings(&all, "topics");
    assert_eq!(topics.iter().map(|(_, what)| *what).collect::<Vec<_>>(), expected);
    assert!(topics.iter().all(|(status, _)| *status == "fail"));
    // What it advises helps.
    let advice = list(&all).iter().filter(|it| it["check"] == "topics");
    for command in advice.filter_map(|it| it["advice"].as_str()?.strip_prefix("ottla ")) {
        stage.ok(&command.split(' ').collect::<Vec<_>>());
    }
    let text = stage.run(&["doctor"]).out;
    assert!(text.contains("ok    topics        my_connect_offsets is compacted"), "{text}");
    assert!(text.contains("ok    topics        schema-history.shop keeps every"), "{text}");
    assert!(text.contains("FAIL  topics        connect-configs has 3"), "{text}");
}

/// A server that answers each GET with what is at its path.
fn worker(pages: &'static [(&str, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("127.0.0.1 has a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).expect("a request comes");
            let path = request.split(' ').nth(1).unwrap_or_default();
            let page = pages.iter().find(|(of, _)| *of == path).expect("it is one of the pages");
            write!(stream, "HTTP/1.1 200 OK\r\n\r\n{}", page.1).expect("it waits for the answer");
        }
    });
    url
}

#[test]
fn doctor_asks_a_worker_of_connect_for_its_connectors_and_their_topics() {
    let stage = Stage::new();
    stage.ok(&["topic", "create", "ddl", "shop-signals", "-p", "2"]);
    let url = worker(&[
        ("/", r#"{"version":"4.3.1","kafka_cluster_id":"elsewhere"}"#),
        (
            "/connectors?expand=status&expand=info",
            r#"{"shop":{"info":{"config":{"schema.history.internal.kafka.topic":"ddl",
                "signal.enabled.channels":"source,kafka","signal.kafka.topic":"shop-signals"}},
                "status":{"connector":{"state":"RUNNING"},"tasks":[{"state":"FAILED","trace":"no way"}]}}}"#,
        ),
    ]);
    let said = stage.run(&["doctor", "--connect", &url, "--format", "json"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let all: Value = serde_json::from_str(&said.out).unwrap();
    let expected = [
        format!("{url} is a worker of another cluster: elsewhere"),
        "shop has failed: no way".to_owned(),
        "shop-signals, with the signals for shop, has 2 partitions".to_owned(),
    ];
    let told = findings(&all, "connect");
    assert_eq!(told.iter().map(|(_, what)| *what).collect::<Vec<_>>(), expected);
    assert!(told.iter().all(|(status, _)| *status == "fail"));
    assert_eq!(findings(&all, "topics"), [("fail", "ddl has 2 partitions, and must have one")]);

    let said = stage.run(&["doctor", "--connect", "http://127.0.0.1:1"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("http://127.0.0.1:1 is no worker that can be asked"), "{}", said.out);
}

#[test]
fn doctor_finds_an_advertised_address_that_leads_nowhere() {
    let stage = Stage::with(&["advertised.listeners=PLAINTEXT://127.0.0.1:1"]);
    let said = stage.run(&["doctor"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.out.contains("advertised as 127.0.0.1:1, which cannot be reached"),
        "{}",
        said.out
    );
    assert!(said.out.contains("set advertised.listeners"), "{}", said.out);
}

#[test]
fn doctor_of_a_dead_broker_says_so() {
    let said = finish(start(&mut ottla(&["doctor", "-b", NOBODY, "--format", "json"])));
    assert_eq!(said.code, Some(1), "{said:?}");
    let all: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(list(&all).len(), 1);
    assert_eq!(all[0]["status"], json!("fail"));
    assert!(all[0]["what"].as_str().unwrap().contains(NOBODY));
}
