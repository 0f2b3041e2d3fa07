//! What can be wrong with a batch, cut by what the caller does about it.

use super::Compression;

/// Why bytes are not a batch, or not one that we read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes end before the batch does: a torn tail, or the edge of a partial read.
    #[error("the batch is cut off: it takes {needed} bytes and {have} are here")]
    Incomplete {
        /// How many bytes it takes at least; the whole batch once its header is here.
        needed: usize,
        /// How many there are.
        have: usize,
    },
    /// A batch of another format, or no batch at all.
    #[error("the batch has magic {0}, and only magic 2 is supported")]
    Magic(i8),
    /// The bytes under the checksum are not those that were written.
    #[error("the batch fails its checksum: {stored:#010x} is stored, {computed:#010x} computed")]
    Crc {
        /// The checksum in the header.
        stored: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// The header contradicts itself or the records that follow it.
    #[error("the batch is corrupt: {reason}")]
    Corrupt {
        /// What is wrong.
        reason: &'static str,
    },
    /// One record is not what the format, or the check that was asked for, says it must be.
    #[error("record {index} of the batch is corrupt: {reason}")]
    Record {
        /// Which record, counted from 0.
        index: u32,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The payload does not decompress.
    #[error("the batch does not decompress as {codec}: {reason}")]
    Compression {
        /// The codec that the attributes name.
        codec: Compression,
        /// What the codec says about it.
        reason: String,
    },
    /// The payload decompresses to more than the caller allows.
    #[error("the batch decompresses to more than the {limit} bytes allowed")]
    TooLarge {
        /// The bound that was given.
        limit: usize,
    },
}
