//! Transactions of Apache Kafka's clients and tools against the real binary.

use std::time::Duration;

use serde_json::Value;

use crate::jvm::{Jvm, wait_until};
use crate::kafka_dist::kafka_dist;
use crate::ottla_broker::OttlaBroker;

const LIMIT: Duration = Duration::from_secs(300);

/// Transactions that are open for too long are found soon.
const SETTINGS: &[&str] = &[
    "transaction.abort.timed.out.transaction.cleanup.interval.ms=200",
    "group.initial.rebalance.delay.ms=0",
];

fn tool(class: &str, args: &[&str]) -> String {
    kafka_dist().stdout(&format!("org.apache.kafka.tools.{class}"), args, LIMIT)
}

/// Runs one of the programs in `java/src`; a promise that is not kept fails it.
fn run(broker: &OttlaBroker, class: &str, args: &[&str]) -> String {
    let output = kafka_dist().run(class, &[&[broker.bootstrap()], args].concat(), LIMIT);
    assert!(output.failure.is_none(), "{class} {args:?}: {output:#?}\n{}", broker.log());
    output.stdout
}

fn kafka_transactions(broker: &OttlaBroker, args: &[&str]) -> String {
    tool("TransactionsCommand", &[&["--bootstrap-server", broker.bootstrap()], args].concat())
}

/// The rows of a tool's table, without its head, in columns.
fn rows(table: &str) -> Vec<Vec<String>> {
    let columns = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    table.lines().skip(1).map(columns).collect()
}

fn create_topic(broker: &OttlaBroker, topic: &str) {
    let server = broker.bootstrap();
    tool("TopicCommand", &["--bootstrap-server", server, "--create", "--topic", topic]);
}

/// What a consumer of committed records gets.
fn read_committed(broker: &OttlaBroker, topic: &str) -> Vec<String> {
    let read = run(broker, "Transactions", &["read", topic, "1"]);
    read.lines().map(str::to_owned).collect()
}

/// All that applications do, each promise checked by the program itself.
const SCENARIOS: [&str; 4] = ["all-or-nothing", "fence", "timeout", "copy"];

#[test]
fn java_producer_commits_aborts_is_fenced_runs_out_of_time_and_sends_offsets() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), SETTINGS);
    for scenario in SCENARIOS {
        run(&broker, "Transactions", &[scenario]);
    }
    broker.stop();
}

/// As before KIP-890: the client adds partitions itself, and goes on in its epoch.
#[test]
fn java_producer_of_the_first_version_of_transactions_does_the_same() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), SETTINGS);
    let server = ["--bootstrap-server", broker.bootstrap()];
    let downgrade = ["downgrade", "--feature", "transaction.version=1"];
    tool("FeatureCommand", &[&server[..], &downgrade[..]].concat());
    for scenario in SCENARIOS {
        run(&broker, "Transactions", &[scenario]);
    }
    let described =
        kafka_transactions(&broker, &["describe", "--transactional-id", "ledger-writer"]);
    assert_eq!(rows(&described)[0][3], "0", "no transaction has begun an epoch: {described}");
    broker.stop();
}

/// Starts Kafka's own copier, the one that its system tests put under stress, as one of a group.
fn copier(broker: &OttlaBroker, transactional_id: &str) -> Jvm {
    let mut command = kafka_dist().java(&[], "org.apache.kafka.tools.TransactionalMessageCopier");
    command.args(["--broker-list", broker.bootstrap(), "--transactional-id", transactional_id]);
    let flags = "--input-topic in --input-partition -1 --output-topic out --consumer-group copiers --group-mode \
                 --use-group-metadata --enable-random-aborts --transaction-size 20 --transaction-timeout 10000";
    command.args(flags.split_whitespace());
    Jvm::start(command)
}

/// How many records a copier says that it has copied.
fn copied(copier: &Jvm) -> usize {
    let lines = copier.lines();
    let status = lines.last().and_then(|line| serde_json::from_str::<Value>(line).ok());
    let count = status.and_then(|status| status.get("totalProcessed")?.as_u64());
    count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

#[test]
fn three_copiers_move_each_record_once_while_they_and_the_broker_are_killed() {
    const COUNT: usize = 3_000;
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let mut broker = OttlaBroker::start(home.path(), SETTINGS);
    let listener = format!("listeners=PLAINTEXT://{}", broker.bootstrap());
    let settings = [SETTINGS, &[listener.as_str()]].concat();
    run(&broker, "Transactions", &["fill", "in", "3", &COUNT.to_string()]);
    run(&broker, "Transactions", &["fill", "out", "3", "0"]);

    let ids = ["copier-0", "copier-1", "copier-2"];
    let mut copiers = ids.map(|id| copier(&broker, id));
    let mut copied_by_the_dead = 0;
    for round in 1..=3 {
        wait_until("more records copied", || {
            copied_by_the_dead + copiers.iter().map(copied).sum::<usize>() >= round * COUNT / 5
        });
        broker.kill();
        broker = OttlaBroker::start(home.path(), &settings);
        let killed = round % copiers.len();
        copied_by_the_dead += copied(&copiers[killed]);
        copiers[killed] = copier(&broker, ids[killed]);
    }
    for copier in &mut copiers {
        wait_until("the copiers come to their end", || copier.end().is_some());
        assert!(copier.end().is_some_and(|status| status.success()), "{:#?}", copier.lines());
    }
    let read = run(&broker, "Transactions", &["read", "out", "3"]);
    let mut found: Vec<usize> = read.lines().map(|line| line.parse().expect("a number")).collect();
    found.sort_unstable();
    assert!(found.iter().copied().eq(0..COUNT), "{} of {COUNT}: {found:?}", found.len());
    broker.stop();
}

#[test]
fn stored_transaction_is_ended_by_another_process_after_the_broker_was_killed() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let mut broker = OttlaBroker::start(home.path(), SETTINGS);
    create_topic(&broker, "sink");
    for (id, end) in [("sink-0", "commit"), ("sink-1", "abort")] {
        let stored = run(&broker, "StoredTransaction", &["sink", id, "begin"]);
        broker.kill();
        broker = OttlaBroker::start(home.path(), SETTINGS);
        let [producer_id, epoch, _] = &*stored.split_whitespace().collect::<Vec<_>>() else {
            panic!("{stored:?}")
        };
        run(&broker, "StoredTransaction", &["sink", id, end, producer_id, epoch]);
    }
    assert_eq!(read_committed(&broker, "sink"), ["stored"]);
    broker.kill();

    // What was decided is known after yet another fall.
    let broker = OttlaBroker::start(home.path(), SETTINGS);
    assert_eq!(read_committed(&broker, "sink"), ["stored"]);
    let listed = rows(&kafka_transactions(&broker, &["list"]));
    let mut states: Vec<_> = listed.iter().map(|row| (&*row[0], &*row[3])).collect();
    states.sort_unstable();
    assert_eq!(states, [("sink-0", "CompleteCommit"), ("sink-1", "CompleteAbort")]);
    broker.stop();
}

#[test]
fn kafka_transactions_shows_and_ends_what_is_open() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &[]);
    create_topic(&broker, "open");
    let stored = run(&broker, "StoredTransaction", &["open", "first", "begin"]);
    let [producer_id, epoch, offset] = &*stored.split_whitespace().collect::<Vec<_>>() else {
        panic!("{stored:?}")
    };
    run(&broker, "StoredTransaction", &["open", "second", "begin"]);

    let list = |args: &[&str]| -> Vec<String> {
        let listed = rows(&kafka_transactions(&broker, &[&["list"], args].concat()));
        let mut ids: Vec<_> = listed.into_iter().map(|row| row[0].clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(list(&[]), ["first", "second"]);
    assert_eq!(list(&["--transactional-id-pattern", "f.*t"]), ["first"]);
    assert_eq!(list(&["--duration-filter", "3600000"]), Vec::<String>::new());

    let described =
        &rows(&kafka_transactions(&broker, &["describe", "--transactional-id", "first"]))[0];
    let shown = (&*described[2], &*described[3], &*described[4], &*described[8]);
    assert_eq!(shown, (*producer_id, *epoch, "Ongoing", "open-0"));

    let producers =
        kafka_transactions(&broker, &["describe-producers", "--topic", "open", "--partition", "0"]);
    let first = rows(&producers).into_iter().find(|row| row[0] == *producer_id);
    assert_eq!(first.expect("it has written")[5], *offset);

    // Whatever is open here, the coordinator knows of.
    let hanging = ["find-hanging", "--topic", "open", "--max-transaction-timeout", "0"];
    assert_eq!(rows(&kafka_transactions(&broker, &hanging)), Vec::<Vec<String>>::new());

    // By a marker in the partition, and by the coordinator.
    kafka_transactions(
        &broker,
        &["abort", "--topic", "open", "--partition", "0", "--start-offset", offset],
    );
    kafka_transactions(&broker, &["forceTerminateTransaction", "--transactionalId", "second"]);
    let producers =
        kafka_transactions(&broker, &["describe-producers", "--topic", "open", "--partition", "0"]);
    assert!(rows(&producers).iter().all(|row| row[5] == "None"), "{producers}");
    assert_eq!(read_committed(&broker, "open"), Vec::<String>::new());
    broker.stop();
}

#[test]
fn kafka_transactions_finds_and_ends_what_hangs() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let settings = ["transaction.state.log.num.partitions=1"];
    let broker = OttlaBroker::start(home.path(), &settings);
    create_topic(&broker, "open");
    run(&broker, "StoredTransaction", &["open", "lost", "begin"]);
    broker.kill();
    // The coordinator's memory is lost.
    let log = home.path().join("data/__transaction_state-0");
    std::fs::remove_dir_all(log).expect("the coordinator has a log");
    let broker = OttlaBroker::start(home.path(), &settings);
    let find = ["find-hanging", "--topic", "open", "--max-transaction-timeout", "0"];
    let found = rows(&kafka_transactions(&broker, &find));
    assert_eq!((found.len(), &*found[0][0], &*found[0][5]), (1, "open", "0"), "{found:?}");
    let place = ["abort", "--topic", "open", "--partition", "0", "--start-offset", "0"];
    kafka_transactions(&broker, &place);
    assert_eq!(rows(&kafka_transactions(&broker, &find)), Vec::<Vec<String>>::new());
    assert_eq!(read_committed(&broker, "open"), Vec::<String>::new());
    broker.stop();
}

#[test]
fn perf_test_writes_in_transactions_and_dump_log_reads_their_log() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &["transaction.state.log.num.partitions=1"]);
    create_topic(&broker, "measured");
    let bootstrap = format!("bootstrap.servers={}", broker.bootstrap());
    let args = [
        "--topic",
        "measured",
        "--num-records",
        "5000",
        "--record-size",
        "100",
        "--throughput",
        "-1",
        "--transactional-id",
        "measurer",
        "--transaction-duration-ms",
        "20",
        "--command-property",
        &bootstrap,
    ];
    let output = kafka_dist().run("org.apache.kafka.tools.ProducerPerformance", &args, LIMIT);
    assert!(output.stdout.contains("5000 records sent"), "{output:#?}\n{}", broker.log());
    broker.stop();

    let log = home.path().join("data/__transaction_state-0/00000000000000000000.log");
    let log = log.display().to_string();
    let dumped = tool("DumpLogSegments", &["--transaction-log-decoder", "--files", &log]);
    let states: Vec<_> = ["\"transactionStatus\":1", "\"transactionStatus\":2"]
        .map(|status| dumped.matches(status).count())
        .into();
    assert!(dumped.contains(r#""transactionalId":"measurer""#), "{dumped}");
    assert!(states[0] > 0 && states[0] == states[1], "{states:?}: {dumped}");
    assert!(dumped.contains(r#""clientTransactionVersion":2"#), "{dumped}");
    assert!(!dumped.contains("corrupt") && !dumped.contains("Error"), "{dumped}");
}
