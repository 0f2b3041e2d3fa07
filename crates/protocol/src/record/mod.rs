//! The record batch v2: the unit that producers send, logs keep and consumers fetch.
//!
//! A batch is never decoded into an owned form. [`Batch`] looks at its bytes where they lie,
//! [`Records`] walks its records, and whoever changes a batch patches its header in place or builds
//! new bytes. What Kafka keeps, we keep: duplicate header keys, empty batches, unknown attribute
//! bits.

mod attributes;
mod batch;
mod builder;
pub mod compression;
mod control;
mod error;
mod fields;
mod header;
mod patch;
mod records;
mod rewrite;
mod validate;

pub use attributes::{Attributes, Compression, TimestampType};
pub use batch::{Batch, Batches};
pub use builder::{BatchBuilder, BatchOptions, empty_batch};
pub use control::{ControlType, EndTxnMarker};
pub use error::BatchError;
pub use fields::{Headers, Record};
pub use header::BatchHeader;
pub use patch::{patched_prefix, set_base_offset, set_leader_epoch, set_max_timestamp_and_type};
pub use records::{Records, RecordsIter};
pub use rewrite::{RewriteOptions, RewriteOutcome, rewrite};

/// The length of a batch's header; the records follow it.
pub const HEADER_BYTES: usize = 61;
/// What the length field does not count of the header: the base offset and the length itself.
pub const LOG_OVERHEAD: usize = 12;
/// The one format we read and write; the formats before it went with Kafka 4.0 (KIP-896, KIP-724).
pub const MAGIC: i8 = 2;

#[cfg(test)]
mod tests;
