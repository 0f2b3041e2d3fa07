//! What readers hold of a segment: its readable bytes, pinned, and slices of them.

use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use protocol::record::{Batch, BatchHeader};

use crate::disk::Mapping;
use crate::error::{Error, Result};
use crate::handles::OpenFile;

/// The readable bytes of a segment, pinned.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(super) open: Arc<OpenFile>,
    pub(super) mapping: Arc<Mapping>,
    pub(super) size: u32,
}

impl View {
    /// How many bytes there are.
    pub(crate) fn size(&self) -> u32 {
        self.size
    }

    /// The header of the batch at `position`.
    pub(crate) fn header_at(&self, position: u32) -> Result<BatchHeader> {
        let bytes = self.bytes(position, self.size);
        BatchHeader::decode(bytes).map_err(|err| self.corrupt(position, &err))
    }

    /// The batch at `position`.
    pub(crate) fn batch_at(&self, position: u32) -> Result<Batch<'_>> {
        let bytes = self.bytes(position, self.size);
        Batch::first(bytes).map_err(|err| self.corrupt(position, &err))
    }

    /// The first batch at or after `position`, where a batch begins, that `wanted` says yes to.
    pub(crate) fn first_from(
        &self,
        mut position: u32,
        wanted: impl Fn(&BatchHeader) -> bool,
    ) -> Result<Option<(u32, BatchHeader)>> {
        while position < self.size {
            let header = self.header_at(position)?;
            if wanted(&header) {
                return Ok(Some((position, header)));
            }
            position = position.saturating_add(header.size());
        }
        Ok(None)
    }

    /// Calls `visit` with every batch from `position` on.
    pub(crate) fn for_each_from(
        &self,
        mut position: u32,
        mut visit: impl FnMut(u32, &BatchHeader) -> Result<()>,
    ) -> Result<()> {
        while position < self.size {
            let header = self.header_at(position)?;
            visit(position, &header)?;
            position = position.saturating_add(header.size());
        }
        Ok(())
    }

    /// The bytes from `start` up to `end` as a slice that keeps them pinned.
    pub(crate) fn slice(&self, start: u32, end: u32) -> Slice {
        let end = end.min(self.size);
        let (open, mapping) = (Arc::clone(&self.open), Arc::clone(&self.mapping));
        Slice { open, mapping, start: start.min(end), end }
    }

    fn bytes(&self, start: u32, end: u32) -> &[u8] {
        self.mapping.get(start as usize, end as usize).unwrap_or_default()
    }

    fn corrupt(&self, position: u32, err: &impl std::fmt::Display) -> Error {
        let reason = if self.mapping.is_broken() {
            "the disk cannot read it".to_string()
        } else {
            err.to_string()
        };
        Error::corrupt(self.open.path(), format!("at position {position}, {reason}"))
    }
}

/// A read that waits for the disk lets it read on for as many reads of the same length: whoever catches up finds the next
/// ones in memory.
const PREFETCH_READS: u64 = 4;

/// Bytes of a segment, without a copy: valid for as long as it is held, whatever happens to the log.
#[derive(Clone)]
pub struct Slice {
    open: Arc<OpenFile>,
    mapping: Arc<Mapping>,
    start: u32,
    end: u32,
}

impl Slice {
    /// The file and the position of the first byte in it, for sendfile; `None` on a simulated disk.
    pub fn descriptor(&self) -> Option<(BorrowedFd<'_>, u32)> {
        self.open.file().descriptor().map(|descriptor| (descriptor, self.start))
    }

    /// Whether all pages are in memory, so that touching them does not wait for the disk.
    pub fn is_resident(&self) -> bool {
        self.open.file().is_resident(self.start.into(), (self.end - self.start).into())
    }

    /// Lets the disk begin to read the pages, and those behind them that as long a read needs next: [`Self::populate`] then
    /// waits for the first of them while the others come.
    pub fn prefetch(&self) {
        let len = u64::from(self.end - self.start);
        self.open.file().will_need(self.start.into(), len * PREFETCH_READS);
    }

    /// Reads every page in, waiting for the disk where it must, so that touching or sending the bytes does not wait.
    pub fn populate(&self) {
        let pages = self.iter().step_by(4096).chain(self.last());
        let read = pages.fold(0_u8, |sum, byte| sum ^ byte);
        std::hint::black_box(read);
    }

    /// Whether a page could not be read from the disk: bytes that have been taken may be zeros.
    pub fn is_broken(&self) -> bool {
        self.mapping.is_broken()
    }
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.mapping.get(self.start as usize, self.end as usize).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl std::fmt::Debug for Slice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slice").field("start", &self.start).field("end", &self.end).finish()
    }
}
