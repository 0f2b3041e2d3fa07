//! The time index of a segment (`.timeindex`): from which offset on a timestamp is looked for.
//!
//! Made together with the entries of the offset index, all numbers big-endian:
//!
//! | field           | bytes | content                                                              |
//! |-----------------|-------|----------------------------------------------------------------------|
//! | timestamp       | 8     | the greatest timestamp of the segment so far                         |
//! | relative offset | 4     | last offset of the batch that has it, less the segment's base offset |
//!
//! Invariant: timestamps grow from entry to entry, and offsets do not fall: every record with a greater timestamp
//! than an entry's lies behind the entry's offset.

use std::io;

use bytes::{Buf, BufMut};
use protocol::{Offset, Timestamp};

use super::entries::{Entries, Entry, decode_all, file_methods};
use super::{RELATIVE_OFFSET_MAX, relative_offset};
use crate::files::FormatError;
use crate::handles::LazyFile;

/// A segment's time index.
#[derive(Debug)]
pub struct TimeIndex {
    entries: Entries<TimeEntry>,
    base_offset: Offset,
    entries_max: u32,
}

/// The greatest timestamp up to an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampOffset {
    /// The timestamp, or none at the start of the segment.
    pub timestamp: Timestamp,
    /// The last offset of the batch that has it, or the segment's base offset.
    pub offset: Offset,
}

#[derive(Debug, Clone, Copy)]
struct TimeEntry {
    timestamp: Timestamp,
    relative_offset: u32,
}

impl Entry for TimeEntry {
    const BYTES: usize = 12;

    fn encode(&self, out: &mut Vec<u8>) {
        out.put_i64(self.timestamp.0);
        out.put_u32(self.relative_offset);
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let timestamp = Timestamp(bytes.try_get_i64().ok()?);
        let relative_offset = bytes.try_get_u32().ok()?;
        let is_valid = !timestamp.is_none() && relative_offset <= RELATIVE_OFFSET_MAX;
        is_valid.then_some(Self { timestamp, relative_offset })
    }

    fn follows(&self, previous: &Self) -> bool {
        self.timestamp > previous.timestamp && self.relative_offset >= previous.relative_offset
    }
}

impl TimeIndex {
    /// The index in `file` of the segment that begins at `base_offset`. Nothing is read before it is needed, and a file
    /// that does not exist is made when it has an entry.
    pub fn new(file: LazyFile, base_offset: Offset, entries_max: u32, file_exists: bool) -> Self {
        Self { entries: Entries::new(file, file_exists), base_offset, entries_max }
    }

    /// The entries in the content of an index file, for looking into one without opening it as an index.
    pub fn decode(bytes: &[u8], base_offset: Offset) -> Vec<TimestampOffset> {
        let entries: Vec<TimeEntry> = decode_all(bytes);
        let located = entries.into_iter().map(|entry| TimestampOffset {
            timestamp: entry.timestamp,
            offset: base_offset + i64::from(entry.relative_offset),
        });
        located.collect()
    }

    /// Adds the greatest timestamp of the segment so far and its offset, if it is greater than the last entry's. With
    /// `skip_full_check` it may take the room that is kept for the entry of a segment that is rolled.
    pub fn maybe_append(
        &self,
        timestamp: Timestamp,
        offset: Offset,
        skip_full_check: bool,
    ) -> io::Result<()> {
        let last = self.last()?;
        if offset < last.offset || timestamp < last.timestamp {
            let reason =
                format!("{timestamp} at {offset} does not follow {last:?}, the last entry");
            return Err(FormatError::new(reason).into());
        }
        if timestamp == last.timestamp {
            return Ok(());
        }
        if !skip_full_check && self.is_full()? {
            return Err(io::Error::other("the time index is full: the segment must be rolled"));
        }
        let relative_offset = relative_offset(self.base_offset, offset)
            .ok_or_else(|| FormatError::new(format!("offset {offset} is out of the segment")))?;
        self.entries.append(TimeEntry { timestamp, relative_offset })
    }

    /// The last entry up to `target`; without one, no timestamp and the start of the segment.
    pub fn lookup(&self, target: Timestamp) -> io::Result<TimestampOffset> {
        let found = self.entries.search(|entry| entry.timestamp <= target);
        Ok(self.located(found?.1))
    }

    /// The last entry; without one, no timestamp and the start of the segment.
    pub fn last(&self) -> io::Result<TimestampOffset> {
        Ok(self.located(self.entries.last()?))
    }

    /// Whether no entry fits in any more but the one that is made when the segment is rolled.
    pub fn is_full(&self) -> io::Result<bool> {
        Ok(self.entries.count()? >= self.entries_max.saturating_sub(1) as usize)
    }

    /// Drops the entries from `offset` on.
    pub fn truncate_to(&self, offset: Offset) -> io::Result<()> {
        let end = offset - self.base_offset;
        self.entries.truncate(|entry| i64::from(entry.relative_offset) < end)
    }

    /// Looks for what can be wrong with the content, without reading it whole. If anything is, the index must be made
    /// again.
    pub fn check(&self) -> io::Result<Result<(), FormatError>> {
        Ok(self.entries.check()?.map(drop))
    }

    file_methods!();

    fn located(&self, entry: Option<TimeEntry>) -> TimestampOffset {
        entry.map_or(
            TimestampOffset { timestamp: Timestamp::NONE, offset: self.base_offset },
            |entry| TimestampOffset {
                timestamp: entry.timestamp,
                offset: self.base_offset + i64::from(entry.relative_offset),
            },
        )
    }
}

#[cfg(test)]
mod tests;
