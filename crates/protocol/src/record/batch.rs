//! A batch where it lies: a checked header and the bytes that belong to it, borrowed from a frame
//! or a mapped segment.

use std::fmt;
use std::iter::FusedIterator;

use super::header::ATTRIBUTES_AT;
use super::{BatchError, BatchHeader, HEADER_BYTES};

/// One whole batch in borrowed bytes, with its header decoded once.
#[derive(Copy, Clone)]
pub struct Batch<'a> {
    header: BatchHeader,
    /// Exactly the batch: `header.size()` bytes.
    bytes: &'a [u8],
}

impl<'a> Batch<'a> {
    /// The batch that `bytes` begin with; what follows it is left alone. The CRC is not checked.
    pub fn first(bytes: &'a [u8]) -> Result<Self, BatchError> {
        let header = BatchHeader::decode(bytes)?;
        let needed = header.size() as usize;
        match bytes.get(..needed) {
            Some(bytes) => Ok(Self { header, bytes }),
            None => Err(BatchError::Incomplete { needed, have: bytes.len() }),
        }
    }

    /// The header.
    pub const fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The whole batch, header included.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What follows the header: the records, compressed or not.
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(HEADER_BYTES..).unwrap_or_default()
    }

    /// Compares the stored CRC with the bytes under it.
    pub fn check_crc(&self) -> Result<(), BatchError> {
        let stored = self.header.crc;
        let computed = crc(self.bytes);
        if stored == computed { Ok(()) } else { Err(BatchError::Crc { stored, computed }) }
    }
}

/// The CRC-32C of a batch's bytes: of all that follows the CRC field.
pub(super) fn crc(batch: &[u8]) -> u32 {
    crc32c::crc32c(batch.get(ATTRIBUTES_AT..).unwrap_or_default())
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The payload may be megabytes of somebody's data: it does not belong in a log line.
        f.debug_struct("Batch").field("header", &self.header).finish_non_exhaustive()
    }
}

/// The consecutive batches of a byte slice. It ends after the first error, which is the last item.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    /// What has not been read.
    rest: &'a [u8],
    position: usize,
    failed: bool,
}

impl<'a> Batches<'a> {
    /// Reads `bytes` from their start.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, position: 0, failed: false }
    }

    /// How many bytes the batches yielded so far take up: after an error, where the damage begins.
    pub const fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<Batch<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.rest.is_empty() {
            return None;
        }
        let batch = Batch::first(self.rest);
        match &batch {
            Ok(batch) => {
                self.position += batch.bytes.len();
                self.rest = self.rest.get(batch.bytes.len()..).unwrap_or_default();
            }
            Err(_) => self.failed = true,
        }
        Some(batch)
    }
}

impl FusedIterator for Batches<'_> {}
