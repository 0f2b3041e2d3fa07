//! The real binary is killed under load, again and again, and goes on where its clients believe it to be; and how soon it
//! is ready, and how little memory it has when nobody asks for anything.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use testkit::ottla_broker::binary;
use testkit::{OttlaBroker, process, python, say};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crash/kill.py");
/// A round takes about a second.
const ROUND_LIMIT: Duration = Duration::from_secs(30);
const ROUNDS: u32 = 15;

/// README's promise is 100 ms and 30 MB for what `cargo run --release` builds. These bounds are for the build of the tests,
/// which is slower and larger, on a machine that does other things as well.
const READY_MAX: Duration = Duration::from_secs(1);
const IDLE_BYTES_MAX: usize = 60 << 20;
const STARTS: usize = 5;

#[test]
fn nothing_acknowledged_is_lost_or_doubled_when_the_broker_is_killed() {
    let rounds = match std::env::var("OTTLA_ROUNDS") {
        Ok(rounds) => rounds.parse().expect("OTTLA_ROUNDS is a number"),
        Err(_) => ROUNDS,
    };
    let _turn = turn();
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let mut command = python::script(SCRIPT);
    command.arg(binary()).arg(home.path()).arg(rounds.to_string());
    let output = process::run(&mut command, ROUND_LIMIT * (rounds + 2));
    let output = output.unwrap_or_else(|err| panic!("{err}"));
    say(&output.stdout);
    let log = fs::read_to_string(home.path().join("ottla.log")).unwrap_or_default();
    assert!(output.failure.is_none(), "{}\nthe broker's log:\n{log}", output.stderr);
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn broker_is_ready_at_once_and_small_when_idle() {
    let _turn = turn();
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let mut times = Vec::new();
    let mut memory = 0;
    for _ in 0..STARTS {
        let start = Instant::now();
        let broker = OttlaBroker::start(home.path(), &[]);
        times.push(start.elapsed());
        memory = memory.max(resident(broker.pid()));
        broker.stop();
    }
    times.sort();
    // What a busy machine adds to a start is not the same each time: the quickest has the least of it.
    let quickest = times.first().copied().unwrap_or_default();
    say(format!("ready after {quickest:?} (of {times:?}), {} KiB of memory", memory >> 10));
    assert!(quickest < READY_MAX, "{quickest:?}");
    assert!(memory < IDLE_BYTES_MAX, "{memory} bytes");
}

/// The tests go one after the other: one makes load, and one measures.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The memory of a process, in bytes.
fn resident(pid: u32) -> usize {
    let page = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = page.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux has it");
    let kib = line.split_whitespace().next().expect("it has a number");
    kib.parse::<usize>().expect("it is a number") << 10
}
