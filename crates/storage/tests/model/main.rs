//! The log against a simple model of it, over random operations, crashes and faults.
//!
//! A case is made from its seed alone: the configuration, the operations, and what the disk does to them. The log and the
//! model get the same operations and must give the same answers; after a crash the log must be one that the model allows.
//!
//! - `OTTLA_CASES=1000000 cargo test -p storage --test model` tries so many new seeds;
//! - `OTTLA_SEED=7 cargo test -p storage --test model` replays one and tells its story.

mod append;
mod batches;
mod case;
mod check;
mod cleaning;
mod history;
mod producers;
mod restart;
mod steps;
mod story;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use case::Case;

/// What the gate runs.
const CASES: u64 = 5_000;

fn number_from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("it is a number"))
}

#[test]
fn log_is_as_the_model_says() {
    if let Some(seed) = number_from_env("OTTLA_SEED") {
        Case::new(seed).loud().run();
        return;
    }
    let first = number_from_env("OTTLA_FIRST").unwrap_or_default();
    let end = first + number_from_env("OTTLA_CASES").unwrap_or(CASES);
    let next = AtomicU64::new(first);
    let failed = Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| run_until_failure(&next, end, &failed));
        }
    });
    if let Some(seed) = failed.into_inner().expect("no thread has panicked with it") {
        panic!("OTTLA_SEED={seed} cargo test -p storage --test model   replays the failure");
    }
}

/// Runs cases until all are run or one has failed.
fn run_until_failure(next: &AtomicU64, end: u64, failed: &Mutex<Option<u64>>) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return;
        }
        let mut case = Case::new(seed);
        if catch_unwind(AssertUnwindSafe(|| case.run())).is_err() {
            case.tell();
            next.store(end, Ordering::Relaxed);
            failed.lock().expect("no thread has panicked with it").get_or_insert(seed);
            return;
        }
    }
}
