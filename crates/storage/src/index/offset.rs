//! The offset index of a segment (`.index`): where in the log a look-up begins to read.
//!
//! One entry for every `index.interval.bytes` or so of the log, all numbers big-endian:
//!
//! | field           | bytes | content                                                |
//! |-----------------|-------|--------------------------------------------------------|
//! | relative offset | 4     | last offset of a batch, less the segment's base offset |
//! | position        | 4     | where this batch begins in the log                     |
//!
//! Invariant: offsets and positions both grow from entry to entry.

use std::io;

use bytes::{Buf, BufMut};
use protocol::Offset;

use super::entries::{Entries, Entry, decode_all, file_methods};
use super::{RELATIVE_OFFSET_MAX, relative_offset};
use crate::files::FormatError;
use crate::handles::LazyFile;

/// A segment's offset index.
#[derive(Debug)]
pub struct OffsetIndex {
    entries: Entries<OffsetEntry>,
    base_offset: Offset,
    entries_max: u32,
}

/// Where the batch that holds an offset begins in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetPosition {
    /// The last offset of the batch, or the segment's base offset.
    pub offset: Offset,
    /// Its position in the log.
    pub position: u32,
}

#[derive(Debug, Clone, Copy)]
struct OffsetEntry {
    relative_offset: u32,
    position: u32,
}

impl Entry for OffsetEntry {
    const BYTES: usize = 8;

    fn encode(&self, out: &mut Vec<u8>) {
        out.put_u32(self.relative_offset);
        out.put_u32(self.position);
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let relative_offset = bytes.try_get_u32().ok()?;
        let position = bytes.try_get_u32().ok()?;
        // Kafka reads signed numbers, so it writes none above.
        let is_valid = relative_offset <= RELATIVE_OFFSET_MAX && position <= RELATIVE_OFFSET_MAX;
        is_valid.then_some(Self { relative_offset, position })
    }

    fn follows(&self, previous: &Self) -> bool {
        self.relative_offset > previous.relative_offset && self.position > previous.position
    }
}

impl OffsetIndex {
    /// The index in `file` of the segment that begins at `base_offset`. Nothing is read before it is needed, and a file
    /// that does not exist is made when it has an entry.
    pub fn new(file: LazyFile, base_offset: Offset, entries_max: u32, file_exists: bool) -> Self {
        Self { entries: Entries::new(file, file_exists), base_offset, entries_max }
    }

    /// The entries in the content of an index file, for looking into one without opening it as an index.
    pub fn decode(bytes: &[u8], base_offset: Offset) -> Vec<OffsetPosition> {
        let entries: Vec<OffsetEntry> = decode_all(bytes);
        let located = entries.into_iter().map(|entry| OffsetPosition {
            offset: base_offset + i64::from(entry.relative_offset),
            position: entry.position,
        });
        located.collect()
    }

    /// Adds the batch that begins at `position` and ends with `last_offset`.
    pub fn append(&self, last_offset: Offset, position: u32) -> io::Result<()> {
        let relative_offset = relative_offset(self.base_offset, last_offset).ok_or_else(|| {
            FormatError::new(format!("offset {last_offset} is out of the segment"))
        })?;
        self.entries.append(OffsetEntry { relative_offset, position })
    }

    /// The last entry up to `target`; without one, the start of the segment.
    pub fn lookup(&self, target: Offset) -> io::Result<OffsetPosition> {
        let target = target - self.base_offset;
        let found = self.entries.search(|entry| i64::from(entry.relative_offset) <= target);
        Ok(self.located(found?.1))
    }

    /// The last entry whose batch begins at `position_max` or before; without one, the start of the segment.
    pub fn floor_of_position(&self, position_max: u32) -> io::Result<OffsetPosition> {
        let found = self.entries.search(|entry| entry.position <= position_max);
        Ok(self.located(found?.1))
    }

    /// The last entry; without one, the start of the segment.
    pub fn last(&self) -> io::Result<OffsetPosition> {
        Ok(self.located(self.entries.last()?))
    }

    /// Whether no entry fits in any more, so that the segment must be rolled.
    pub fn is_full(&self) -> io::Result<bool> {
        Ok(self.entries.count()? >= self.entries_max as usize)
    }

    /// Drops the entries from `offset` on.
    pub fn truncate_to(&self, offset: Offset) -> io::Result<()> {
        let end = offset - self.base_offset;
        self.entries.truncate(|entry| i64::from(entry.relative_offset) < end)
    }

    /// Whether [`OffsetIndex::lookup`] would not wait for the disk.
    pub fn is_resident(&self, target: Offset) -> bool {
        let target = target - self.base_offset;
        self.entries.is_resident(|entry| i64::from(entry.relative_offset) <= target)
    }

    /// Looks for what can be wrong with the content, beside a log of `log_size` bytes, without reading it whole. If
    /// anything is, the index must be made again.
    pub fn check(&self, log_size: u32) -> io::Result<Result<(), FormatError>> {
        Ok(self.entries.check()?.and_then(|ends| match ends {
            Some((_, last)) if last.position >= log_size => Err(FormatError::new(format!(
                "{last:?}, the last of the index, is behind the end of the log at {log_size}"
            ))),
            _ => Ok(()),
        }))
    }

    file_methods!();

    fn located(&self, entry: Option<OffsetEntry>) -> OffsetPosition {
        entry.map_or(OffsetPosition { offset: self.base_offset, position: 0 }, |entry| {
            OffsetPosition {
                offset: self.base_offset + i64::from(entry.relative_offset),
                position: entry.position,
            }
        })
    }
}

#[cfg(test)]
mod tests;
