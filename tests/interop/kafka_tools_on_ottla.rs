//! Apache Kafka's own tools and Java clients against the real binary.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use crate::kafka_dist::kafka_dist;
use crate::ottla_broker::OttlaBroker;

const LIMIT: Duration = Duration::from_secs(300);

fn tool(class: &str, args: &[&str]) -> String {
    kafka_dist().stdout(&format!("org.apache.kafka.tools.{class}"), args, LIMIT)
}

#[test]
fn topics_are_created_described_and_deleted() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &[]);
    let server = ["--bootstrap-server", broker.bootstrap()];
    let topics = |args: &[&str]| tool("TopicCommand", &[&server, args].concat());
    topics(&[
        "--create",
        "--topic",
        "orders",
        "--partitions",
        "3",
        "--config",
        "retention.ms=1000",
    ]);
    assert_eq!(topics(&["--list"]).trim(), "orders");
    let described = topics(&["--describe", "--topic", "orders"]);
    assert!(described.contains("PartitionCount: 3"), "{described}");
    assert!(described.contains("retention.ms=1000"), "{described}");
    topics(&["--delete", "--topic", "orders"]);
    assert_eq!(topics(&["--list"]).trim(), "");
    broker.stop();
}

#[test]
fn records_go_through_console_producer_and_consumer_and_survive_a_restart() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &[]);
    produce(&broker, "lines", &["one", "two", "three"]);
    assert_eq!(consume(&broker, "lines", "first", 3), ["one", "two", "three"]);
    broker.stop();

    let broker = OttlaBroker::start(home.path(), &[]);
    produce(&broker, "lines", &["four"]);
    // The group goes on where it had committed.
    assert_eq!(consume(&broker, "lines", "first", 1), ["four"]);
    assert_eq!(consume(&broker, "lines", "second", 4), ["one", "two", "three", "four"]);
    broker.kill();

    let broker = OttlaBroker::start(home.path(), &[]);
    assert_eq!(consume(&broker, "lines", "third", 4), ["one", "two", "three", "four"]);
    let groups = tool(
        "consumer.group.ConsumerGroupCommand",
        &["--bootstrap-server", broker.bootstrap(), "--describe", "--all-groups"],
    );
    for group in ["first", "second", "third"] {
        assert!(groups.contains(group), "{groups}");
    }
    broker.stop();
}

#[test]
fn verifiable_clients_agree_and_the_group_is_reset() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &["num.partitions=2"]);
    let server = ["--bootstrap-server", broker.bootstrap()];
    let run = |class: &str, args: &[&str]| tool(class, &[&server, args].concat());
    let topic = ["--topic", "counted", "--max-messages", "1000"];
    let written = run(
        "VerifiableProducer",
        &[&topic[..], &["--acks", "-1", "--repeating-keys", "10"]].concat(),
    );
    assert!(written.contains(r#""acked":1000"#), "{written}");
    let read = run("VerifiableConsumer", &[&topic[..], &["--group-id", "group"]].concat());
    let counts = read.matches(r#""name":"records_consumed""#).count();
    assert!(counts > 0 && read.contains("shutdown_complete"), "{read}");

    let listed = run("GroupsCommand", &["--list"]);
    assert!(listed.contains("group") && listed.contains("Classic"), "{listed}");
    let groups = |args: &[&str]| run("consumer.group.ConsumerGroupCommand", args);
    let lags = || {
        let described = groups(&["--describe", "--group", "group"]);
        let rows = described.lines().filter(|line| line.contains("counted"));
        // Group, topic, partition, current offset, end, lag.
        let lag =
            |line: &str| line.split_whitespace().nth(5).and_then(|lag| lag.parse::<u64>().ok());
        rows.map(|line| lag(line).unwrap_or_else(|| panic!("{described}"))).collect::<Vec<_>>()
    };
    assert_eq!(lags(), [0, 0]);
    let reset = ["--reset-offsets", "--group", "group", "--topic", "counted", "--execute"];
    groups(&[&reset[..], &["--shift-by", "-100"]].concat());
    assert_eq!(lags(), [100, 100]);
    groups(&[&reset[..], &["--to-earliest"]].concat());
    assert_eq!(lags().iter().sum::<u64>(), 1000);
    groups(&["--delete", "--group", "group"]);
    assert!(!run("GroupsCommand", &["--list"]).contains("Classic"));
    broker.stop();
}

#[test]
fn offsets_are_told_and_records_deleted() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &[]);
    produce(&broker, "lines", &["a", "b", "c", "d"]);
    let server = ["--bootstrap-server", broker.bootstrap()];
    let offsets = |time: &str| {
        let args = ["--topic-partitions", "lines:0", "--time", time];
        tool("GetOffsetShell", &[&server[..], &args].concat()).trim().to_owned()
    };
    assert_eq!((offsets("-1"), offsets("-2")), ("lines:0:4".to_owned(), "lines:0:0".to_owned()));
    let file = home.path().join("deleted.json");
    let json = r#"{"partitions":[{"topic":"lines","partition":0,"offset":3}],"version":1}"#;
    std::fs::write(&file, json).expect("the folder is writable");
    let path = file.display().to_string();
    let deleted =
        tool("DeleteRecordsCommand", &[&server[..], &["--offset-json-file", &path]].concat());
    assert!(deleted.contains("low_watermark: 3"), "{deleted}");
    assert_eq!(offsets("earliest"), "lines:0:3");
    let dirs =
        tool("LogDirsCommand", &[&server[..], &["--describe", "--topic-list", "lines"]].concat());
    assert!(
        dirs.contains(r#""partition":"lines-0""#) && dirs.contains(r#""error":null"#),
        "{dirs}"
    );
    broker.stop();
}

#[test]
fn configs_are_changed_and_performance_is_measured() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &[]);
    let server = ["--bootstrap-server", broker.bootstrap()];
    let fast = ["--topic", "fast", "--num-records", "20000"];
    let size = ["--record-size", "200", "--throughput", "-1"];
    let written = tool("ProducerPerformance", &[&server[..], &fast, &size].concat());
    assert!(written.contains("20000 records sent"), "{written}");
    let read = tool("ConsumerPerformance", &[&server[..], &fast, &["--hide-header"]].concat());
    // Start, end, MB, MB a second, records, records a second …
    let count = read.split(',').nth(4).map(|count| count.trim().parse::<u64>());
    assert!(matches!(count, Some(Ok(20_000..))), "{read}");

    let configs = |args: &[&str]| {
        let entity = ["--entity-type", "topics", "--entity-name", "fast"];
        let args = [&server[..], &entity, args].concat();
        kafka_dist().stdout("kafka.admin.ConfigCommand", &args, LIMIT)
    };
    configs(&["--alter", "--add-config", "retention.ms=77000,cleanup.policy=[compact,delete]"]);
    let described = configs(&["--describe"]);
    assert!(described.contains("retention.ms=77000"), "{described}");
    assert!(described.contains("cleanup.policy=compact,delete"), "{described}");
    configs(&["--alter", "--delete-config", "retention.ms"]);
    assert!(!configs(&["--describe"]).contains("retention.ms"));
    broker.stop();
}

/// Writes lines with the console producer, which is idempotent and asks for acks=all.
fn produce(broker: &OttlaBroker, topic: &str, lines: &[&str]) {
    let mut command = kafka_dist().java_reading_stdin("org.apache.kafka.tools.ConsoleProducer");
    command.args(["--bootstrap-server", broker.bootstrap(), "--topic", topic]);
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Java runs");
    let mut stdin = process.stdin.take().expect("it is piped");
    stdin.write_all((lines.join("\n") + "\n").as_bytes()).expect("the producer reads");
    drop(stdin);
    let output = process.wait_with_output().expect("it is our child");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !errors.contains("ERROR"), "{errors}\n{}", broker.log());
}

/// Reads so many records with the console consumer.
fn consume(broker: &OttlaBroker, topic: &str, group: &str, count: usize) -> Vec<String> {
    let count = count.to_string();
    let args = [
        "--bootstrap-server",
        broker.bootstrap(),
        "--topic",
        topic,
        "--group",
        group,
        "--from-beginning",
        "--max-messages",
        &count,
        "--timeout-ms",
        "120000",
    ];
    tool("consumer.ConsoleConsumer", &args).lines().map(str::to_owned).collect()
}
