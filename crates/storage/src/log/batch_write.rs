//! Batches on their way into a segment: gathered, then written by one system call, then made visible.
//!
//! Nothing that a reader or a later append can see changes before the bytes are written, so a failed write leaves the
//! log as it was.

use std::io::{self, IoSlice};
use std::ops::Range;

use protocol::Offset;
use protocol::record::BatchHeader;

use crate::disk::File;
use crate::producer::Staged;

/// Batches below this many bytes are copied behind one another: a buffer of its own in the system call costs as much.
const COPY_BELOW_BYTES: usize = 1 << 10;

/// The most that a log keeps of its scratch buffer for the next append.
const SCRATCH_KEPT_BYTES: usize = 16 << 10;

/// The batches of one write.
#[derive(Debug)]
pub(super) struct BatchWrite<'a> {
    /// Where in the segment it begins.
    pub(super) position: u32,
    pub(super) len: u32,
    /// The offset after its last record.
    pub(super) end_offset: Offset,
    pub(super) headers: Vec<BatchHeader>,
    pub(super) staged: Staged,
    /// Patched prefixes and small batches.
    scratch: Vec<u8>,
    parts: Vec<Part<'a>>,
}

#[derive(Debug)]
enum Part<'a> {
    Scratch(Range<usize>),
    Borrowed(&'a [u8]),
}

impl<'a> BatchWrite<'a> {
    /// An empty write at the end of a log, reusing `scratch`.
    pub(super) fn new(position: u32, end_offset: Offset, mut scratch: Vec<u8>) -> Self {
        scratch.clear();
        let (headers, parts) = (Vec::with_capacity(1), Vec::with_capacity(2));
        Self { position, len: 0, end_offset, headers, staged: Staged::default(), scratch, parts }
    }

    /// Begins anew elsewhere, with the memory that it has.
    pub(super) fn restart(&mut self, position: u32, end_offset: Offset) {
        (self.position, self.end_offset, self.len) = (position, end_offset, 0);
        self.headers.clear();
        self.staged = Staged::default();
        self.scratch.clear();
        self.parts.clear();
    }

    /// Gives the scratch buffer back, unless it has grown beyond what a quiet log should hold on to.
    pub(super) fn into_scratch(self) -> Vec<u8> {
        if self.scratch.capacity() > SCRATCH_KEPT_BYTES { Vec::new() } else { self.scratch }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a batch: `header` has its final offsets, `prefix` takes the place of the first bytes of `bytes`.
    pub(super) fn push(&mut self, header: BatchHeader, prefix: &[u8], bytes: &'a [u8]) {
        let start = self.scratch.len();
        self.scratch.extend_from_slice(prefix);
        let body = bytes.get(prefix.len()..).unwrap_or_default();
        if body.len() < COPY_BELOW_BYTES {
            self.scratch.extend_from_slice(body);
        }
        match self.parts.last_mut() {
            Some(Part::Scratch(range)) if range.end == start => range.end = self.scratch.len(),
            _ if self.scratch.len() == start => {}
            _ => self.parts.push(Part::Scratch(start..self.scratch.len())),
        }
        if body.len() >= COPY_BELOW_BYTES {
            self.parts.push(Part::Borrowed(body));
        }
        self.len = self.len.saturating_add(header.size());
        self.end_offset = header.next_offset();
        self.headers.push(header);
    }

    /// Writes all bytes.
    pub(super) fn write_to(&self, file: &dyn File) -> io::Result<()> {
        let mut slices: Vec<_> =
            self.parts.iter().map(|part| IoSlice::new(self.bytes(part))).collect();
        let mut slices = slices.as_mut_slice();
        let mut position = u64::from(self.position);
        while !slices.is_empty() {
            let written = file.write_vectored_at(slices, position)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            position += written as u64;
            IoSlice::advance_slices(&mut slices, written);
        }
        Ok(())
    }

    fn bytes(&self, part: &Part<'a>) -> &[u8] {
        match part {
            Part::Scratch(range) => self.scratch.get(range.clone()).unwrap_or_default(),
            Part::Borrowed(bytes) => bytes,
        }
    }
}
