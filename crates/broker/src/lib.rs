//! The broker: listeners, connections, one handler an API, and the partitions that it leads.
//!
//! Reading order: [`net`] (a connection's life), `handlers` (the table of APIs, one file each), `partition` (an append
//! and who waits for it), `drivers` (the machines of the engines and what they say is carried out), `start`;
//! [`metrics`] and [`status`] for those who watch.
//!
//! Invariants: requests of a connection are taken on in order and answered in order; nothing waits on a worker thread
//! for the disk or for another broker; wire messages stop in `handlers`.

mod broker;
mod drivers;
mod dynamic;
mod endpoints;
mod errors;
mod flusher;
mod handlers;
mod listeners;
mod loggers;
pub mod metrics;
pub mod net;
mod open_files;
mod partition;
mod partitions;
mod start;
pub mod status;
mod topics;
mod watchers;
mod wire;

#[cfg(test)]
mod tests;

pub use loggers::Loggers;
pub use start::{RunningBroker, StartError, start, start_with};
