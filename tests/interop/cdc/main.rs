//! The whole change-data pipeline on the real binary: PostgreSQL and MariaDB, Kafka Connect 4.3 with two distributed workers,
//! Debezium's connectors and sink, MirrorMaker 2; all of it as it comes, and under SIGKILL.
//!
//! The Python scripts beside this file start the processes and check what arrives; here they are only run, one at a time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use testkit::kafka_dist::interop_dir;
use testkit::ottla_broker::binary;
use testkit::{process, python, say};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/cdc");
/// The first run downloads 100 MB as well.
const LIMIT: Duration = Duration::from_secs(2400);
const KILLS: u32 = 20;
/// On a machine that is busy with other things.
const KILL_LIMIT: Duration = Duration::from_secs(30);

#[test]
fn a_pipeline_does_all_that_connect_and_debezium_offer() {
    run("pipeline.py", &[], LIMIT);
}

#[test]
fn every_change_arrives_whatever_is_killed() {
    let number = |name: &str, default| match std::env::var(name) {
        Ok(value) => value.parse().unwrap_or_else(|err| panic!("{name}: {err}")),
        Err(_) => default,
    };
    let kills = number("OTTLA_KILLS", KILLS);
    let seed = number("OTTLA_SEED", 1);
    run("kills.py", &[&kills.to_string(), &seed.to_string()], LIMIT + KILL_LIMIT * kills);
}

#[test]
fn mirror_maker_copies_topics_and_group_offsets_both_ways() {
    run("mirror.py", &[], LIMIT);
}

/// Runs a script to its end. Two at once would be more than a small machine can bear.
fn run(script: &str, arguments: &[&str], limit: Duration) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = python::script(format!("{SCRIPTS}/{script}"));
    command.env("OTTLA_INTEROP", interop_dir()).arg(binary()).args(arguments);
    let output = process::run(&mut command, limit).unwrap_or_else(|err| panic!("{err}"));
    assert!(output.failure.is_none(), "{script}:\n{}\n{}", output.stdout, output.stderr);
    say(format!("{script}:\n{}", output.stdout.trim_end()));
}
