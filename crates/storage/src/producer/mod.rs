//! What a log knows of the producers that write to it, so that a batch sent twice is stored once.

pub mod snapshot;
mod state;

pub use state::{BatchMetadata, Origin, ProducerEntry};
pub(crate) use state::{Checked, Marker, Producers, Staged};
