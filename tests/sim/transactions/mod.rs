//! Transactions: producers, the coordinator and partitions, with the real machine of `coordinator::txn`, the real rules of
//! `storage::producer` and, for the offsets of a group, the real group coordinator.
//!
//! What happens to them: messages are lost, doubled and reordered; coordinator and partitions crash, with the end of the
//! coordinator's log that was not committed; markers are lost and written again; producers are replaced while they go on
//! as zombies; transactions time out. Producers of the first version are spared old messages, theirs and the
//! markers, that come back from a connection which has been given up: that version has no defence against them, on any
//! broker (KAFKA-17754).
//!
//! What must hold is in `history`. `mutation` breaks the machines on purpose, to see that it is noticed.
//!
//! - `OTTLA_CASES=10000000 cargo test --test sim transactions` tries so many histories;
//! - `OTTLA_SEED=n cargo test --test sim transactions` plays the history of one seed, and prints it.

mod client;
mod coordinator;
mod history;
mod mutation;
mod partition;
mod world;

use std::env;

use mutation::Mutation;
use world::World;

/// As many histories are tried by the gate.
const CASES: u64 = 100_000;

/// As many histories are tried with each mutation; all are found far earlier.
const MUTATED_CASES: u64 = 20_000;

fn number_from_env(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
}

#[test]
fn transactions_hold_their_promises_in_every_history() {
    let seeds = match number_from_env("OTTLA_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number_from_env("OTTLA_CASES").unwrap_or(CASES),
    };
    let (mut committed, mut aborted) = (0, 0);
    for seed in seeds.clone() {
        let mut world = World::new(seed, None);
        world.is_told = seeds.end - seeds.start == 1;
        match world.run() {
            Ok(counts) => {
                committed += counts.committed;
                aborted += counts.aborted;
            }
            Err(violation) => panic!("OTTLA_SEED={seed}: {violation}"),
        }
    }
    // A world in which nothing gets through proves nothing.
    let cases = seeds.end - seeds.start;
    assert!(cases < 100 || (committed > cases && aborted > cases / 4), "{committed} {aborted}");
}

#[test]
fn broken_machine_is_found_out() {
    for mutation in Mutation::ALL {
        let mut seeds = 0..MUTATED_CASES;
        let found = seeds.find_map(|seed| World::new(seed, Some(mutation)).run().err());
        let violation = found.unwrap_or_else(|| panic!("{mutation:?} goes unnoticed"));
        eprintln!("{mutation:?} is found by the seed {}: {violation}", seeds.start - 1);
    }
}
