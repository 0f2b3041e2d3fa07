//! Reads the batches of a log file one after the other, by large reads: what recovery and the cleaner do.
//!
//! Reads, unlike mapped pages, answer a failing disk with an error. Nothing is believed that the file cannot hold: a
//! batch that reaches over the end is torn, whatever its length says.

use std::io;

use protocol::record::{Batch, BatchError, BatchHeader, HEADER_BYTES};

use crate::disk::{File, read_exact_at};

/// How much recovery and the cleaner read at a time.
pub(crate) const SCAN_BYTES: usize = 1 << 20;

/// Why a scan cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bytes at `position` are no whole batch.
    #[error("no whole batch at position {position}: {reason}")]
    Torn { position: u32, reason: BatchError },
}

/// A walk over the batches of a file.
pub(crate) struct Scan<'a> {
    file: &'a dyn File,
    /// The position after the last batch that was returned.
    position: u32,
    end: u32,
    read_bytes: usize,
    buffer: Vec<u8>,
    /// The position of the buffer's first byte.
    buffer_start: u32,
}

impl<'a> Scan<'a> {
    /// A walk from `start`, where a batch begins, to `end`, reading at least `read_bytes` at a time.
    pub(crate) fn new(file: &'a dyn File, start: u32, end: u32, read_bytes: usize) -> Self {
        let buffer = Vec::new();
        Self { file, position: start, end, read_bytes, buffer, buffer_start: start }
    }

    /// The position after the last batch that was returned.
    pub(crate) fn position(&self) -> u32 {
        self.position
    }

    /// The next batch and its position.
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Batch<'_>)>, ScanError> {
        let position = self.position;
        if position >= self.end {
            return Ok(None);
        }
        let torn = |reason| ScanError::Torn { position, reason };
        let header = BatchHeader::decode(self.bytes(HEADER_BYTES)?).map_err(torn)?;
        let batch_end = position.checked_add(header.size()).filter(|end| *end <= self.end);
        self.position = batch_end.ok_or_else(|| {
            let have = (self.end - position) as usize;
            torn(BatchError::Incomplete { needed: header.size() as usize, have })
        })?;
        let bytes = self.bytes_at(position, header.size() as usize)?;
        let batch = Batch::first(bytes).map_err(torn)?;
        Ok(Some((position, batch)))
    }

    /// Up to `len` bytes at the position; fewer only at the end of the file.
    fn bytes(&mut self, len: usize) -> io::Result<&[u8]> {
        self.bytes_at(self.position, len)
    }

    fn bytes_at(&mut self, position: u32, len: usize) -> io::Result<&[u8]> {
        let rest = (self.end - position) as usize;
        let len = len.min(rest);
        let mut start = (position - self.buffer_start) as usize;
        if self.buffer.len() < start + len {
            self.buffer.resize(len.max(self.read_bytes).min(rest), 0);
            read_exact_at(self.file, &mut self.buffer, position.into())?;
            self.buffer_start = position;
            start = 0;
        }
        Ok(self.buffer.get(start..start + len).unwrap_or_default())
    }
}
