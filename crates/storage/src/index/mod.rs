//! The three indexes of a segment: from an offset to a position, from a timestamp to an offset, and the aborted
//! transactions.
//!
//! Owned by the segment. An index is never the only copy of anything: one that is missing or wrong is made again from
//! the log. Any thread may look up and flush beside the one that appends and truncates. What is wrong with the content
//! of a file is an [`io::Error`](std::io::Error) of kind `InvalidData` around a
//! [`FormatError`](crate::files::FormatError).

mod entries;
pub mod offset;
pub mod time;
pub mod txn;

use protocol::Offset;

pub use offset::OffsetPosition;
pub use time::TimestampOffset;

/// The greatest distance from the base offset that Kafka, which reads a signed number, can hold in an entry.
const RELATIVE_OFFSET_MAX: u32 = i32::MAX.unsigned_abs();

/// How far `offset` is behind `base_offset`, if an entry can hold it.
fn relative_offset(base_offset: Offset, offset: Offset) -> Option<u32> {
    u32::try_from(offset - base_offset).ok().filter(|&relative| relative <= RELATIVE_OFFSET_MAX)
}
