//! What tests of several crates share: random numbers that can be replayed, a disk that fails when it is told to, and
//! brokers as processes: our own binary, and the real Apache Kafka.
//!
//! The numbers and the disk know no time and have no order of their own: the same seed makes the same run.

pub mod fault_disk;
pub mod kafka_broker;
pub mod kafka_dist;
pub mod machine;
pub mod ottla_broker;
pub mod process;
pub mod python;
mod rng;

pub use fault_disk::{FaultDisk, Operation};
pub use ottla_broker::OttlaBroker;
pub use rng::Rng;

/// Tells what was measured, past the test harness, which swallows what a passing test prints.
pub fn say(text: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
