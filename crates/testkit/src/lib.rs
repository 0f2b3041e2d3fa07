//! What tests of several crates share: random numbers that can be replayed, and a disk that fails when it is told to.
//!
//! Nothing here knows the time or has an order of its own: the same seed makes the same run.

pub mod fault_disk;
mod rng;

pub use fault_disk::{FaultDisk, Operation};
pub use rng::Rng;
