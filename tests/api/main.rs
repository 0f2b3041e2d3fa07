//! Every API that Ottla advertises, in every version, asked over a socket with the codec of PyPI's `kio`, which is
//! generated from Kafka's schemas and is not ours; and the same questions to a real Apache Kafka 4.3.1.
//!
//! The scripts in `python` ask and compare; this starts the two brokers, and holds the table of what is asked to
//! `tests/README.md`. `UPDATE=1` writes it there.

use std::fs;
use std::thread;
use std::time::Duration;

use testkit::kafka_broker::Broker as KafkaBroker;
use testkit::{OttlaBroker, process, python, say};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/python/main.py");
const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/README.md");
/// What is before and after the table.
const MARKS: [&str; 2] = ["<!-- apis: begin -->\n", "<!-- apis: end -->\n"];
/// It takes half a minute on two cores that do nothing else.
const LIMIT: Duration = Duration::from_secs(900);

#[test]
fn every_api_in_every_version_answers_as_it_should_and_as_kafka_does() {
    let [ottla_home, kafka_home] =
        [(); 2].map(|()| tempfile::tempdir().expect("the temporary folder is writable"));
    let kafka = thread::spawn(move || (KafkaBroker::start(kafka_home.path()), kafka_home));
    // As `testkit::kafka_broker` sets them.
    let settings = ["group.initial.rebalance.delay.ms=0", "log.retention.ms=-1"];
    let ottla = OttlaBroker::start(ottla_home.path(), &settings);
    let (kafka, _kafka_home) = kafka.join().expect("Kafka starts");

    let mut command = python::script(SCRIPT);
    command.arg(ottla.bootstrap()).arg(kafka.bootstrap());
    let output = process::run(&mut command, LIMIT).unwrap_or_else(|err| panic!("{err}"));
    assert!(output.failure.is_none(), "{}\n{}", output.stdout, output.stderr);
    ottla.stop();
    let (said, table) = output.stdout.split_once("the table:\n").expect("the script prints it");
    say(said);
    check_readme(table);
}

/// The table in the README is what was asked.
fn check_readme(table: &str) {
    let readme = fs::read_to_string(README).expect("the README is there");
    let (before, rest) = readme.split_once(MARKS[0]).expect("the README has the marks");
    let (current, after) = rest.split_once(MARKS[1]).expect("the README has the marks");
    if std::env::var_os("UPDATE").is_some() {
        let written = [before, MARKS[0], table, MARKS[1], after].concat();
        fs::write(README, written).expect("the README can be written");
        return;
    }
    assert_eq!(current, table, "UPDATE=1 cargo test --test api writes the table of APIs anew");
}
