//! What a log knows of the producers that write to it, so that a batch sent twice is stored once, and that a transaction
//! ends where it was begun.

mod entry;
pub mod snapshot;
mod state;
mod verification;

pub use entry::{BatchMetadata, ProducerEntry};
pub use state::{Checked, Marker, Origin, Producers, Staged};
pub use verification::{Begin, Source, VerificationGuard, Verified};
