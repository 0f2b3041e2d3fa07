//! One partition's log on disk, and all logs of a broker, in Apache Kafka's own format, byte for byte.
//!
//! What it is not: it knows no network, no clock (time is an argument; [`Housekeeper`] has the one clock), no replication
//! (the high watermark and truncations come from outside) and no topics beyond their configuration.
//!
//! Reading order: [`log`] (one partition: who locks what, and the append, read, flush and recovery paths, a file each),
//! then `segment` (one file of batches and its indexes), [`store`] (all logs, directories and housekeeping),
//! [`compaction`]. Below them: [`handles`] (files that open themselves, and when they may be cut), [`disk`] (the seam to
//! the file system, and why a reader never meets SIGBUS).
//!
//! Invariants:
//! - what is below [`Log::flushed_offset`] is on stable storage, and survives a crash at any operation;
//! - the bytes behind a [`Slice`] never change and never go away while it is held;
//! - bytes from the disk are never believed: lengths are checked, and an index is checked against the log;
//! - after a failed fsync nothing is written to that directory again.

pub mod compaction;
pub mod dir;
pub mod disk;
pub mod error;
pub mod files;
pub mod handles;
pub mod index;
pub mod inspect;
pub mod log;
pub mod producer;
mod retention;
mod scan;
mod segment;
pub mod store;
pub mod validate;

pub use error::{Error, RecordRejection, Rejection, Result};
pub use log::Log;
pub use segment::{DECOMPRESSED_BYTES_MAX, Slice};
pub use store::{Housekeeper, OpenReport, Storage, StorageOptions};

#[cfg(test)]
mod testing;
