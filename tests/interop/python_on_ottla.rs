//! Python's clients against the real binary: librdkafka, kafka-python and aiokafka, each with the scenarios of
//! `python/scenarios.py`.

use std::path::Path;
use std::time::Duration;

use testkit::python;

use crate::ottla_broker::OttlaBroker;
use crate::process;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/python");
/// All scenarios of one client, with two others beside it.
const LIMIT: Duration = Duration::from_secs(600);

/// Groups that do not wait for long, and transactions that are open for too long are found soon.
const QUICK: [&str; 5] = [
    "transaction.abort.timed.out.transaction.cleanup.interval.ms=200",
    "group.initial.rebalance.delay.ms=500",
    "group.consumer.min.heartbeat.interval.ms=300",
    "group.consumer.heartbeat.interval.ms=300",
    "group.consumer.assignment.interval.ms=0",
];

#[test]
fn librdkafka_does_all_that_a_client_does() {
    check("on_librdkafka.py", &[]);
}

#[test]
fn librdkafka_reads_in_groups_of_the_new_protocol() {
    check("on_librdkafka_new_groups.py", &["a_group_of_three_reads_all_once_while_one_leaves"]);
}

#[test]
fn kafka_python_does_all_that_a_client_does() {
    check("on_kafka_python.py", &[]);
}

#[test]
fn aiokafka_does_all_that_a_client_does() {
    check("on_aiokafka.py", &[]);
}

/// Runs the scenarios of one client, or those that are named, on a broker of its own.
fn check(script: &str, scenarios: &[&str]) {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &QUICK);
    let mut command = python::script(Path::new(SCRIPTS).join(script));
    command.arg(broker.bootstrap()).args(scenarios);
    let output = process::run(&mut command, LIMIT).unwrap_or_else(|err| panic!("{err}"));
    assert!(
        output.failure.is_none() && output.stdout.contains(" passed, 0 failed"),
        "{script}: {}\n{}\nthe broker's log:\n{}",
        output.stdout,
        output.stderr,
        broker.log()
    );
    broker.stop();
}
