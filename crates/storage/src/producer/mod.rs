//! What a log knows of the producers that write to it, so that a batch sent twice is stored once, and that a transaction
//! ends where it was begun.

pub mod snapshot;
mod state;
mod verification;

pub use state::{BatchMetadata, Checked, Marker, Origin, ProducerEntry, Producers, Staged};
pub use verification::{Begin, Source, VerificationGuard, Verified};
