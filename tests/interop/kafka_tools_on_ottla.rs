//! Apache Kafka's own tools and Java clients against the real binary.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use crate::kafka_dist::kafka_dist;
use crate::ottla_broker::OttlaBroker;

const LIMIT: Duration = Duration::from_secs(60);

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
        "20000",
    ];
    tool("consumer.ConsoleConsumer", &args).lines().map(str::to_owned).collect()
}
