//! The records of a batch, decompressed once and then walked in place. The walk believes no length
//! and no count: it yields what is there, and an error where that is not what the header says.

use std::fmt;
use std::iter::FusedIterator;

use super::compression::{self, Decompressed};
use super::fields::Deltas;
use super::{Batch, BatchError, BatchHeader, Compression, Record};

/// The payload of a batch, ready to be walked.
pub struct Records<'a> {
    header: BatchHeader,
    payload: Payload<'a>,
}

/// Where the records lie.
enum Payload<'a> {
    /// In the batch itself, which is not compressed.
    Stored(&'a [u8]),
    Decompressed(Decompressed),
}

impl<'a> Batch<'a> {
    /// The records, decompressed if need be to at most `limit` bytes. The CRC is not checked.
    pub fn records(&self, limit: usize) -> Result<Records<'a>, BatchError> {
        let header = *self.header();
        let payload = match header.attributes.compression()? {
            // Without records there is nothing to decompress, whatever the codec once was.
            _ if self.payload().is_empty() => Payload::Stored(&[]),
            Compression::None => Payload::Stored(self.payload()),
            codec => Payload::Decompressed(compression::decompress(codec, self.payload(), limit)?),
        };
        Ok(Records { header, payload })
    }
}

impl Records<'_> {
    /// The header of the batch.
    pub const fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The bytes of all records, decompressed.
    pub fn bytes(&self) -> &[u8] {
        match &self.payload {
            Payload::Stored(bytes) => bytes,
            Payload::Decompressed(bytes) => bytes,
        }
    }

    /// Walks the records from the first.
    pub fn iter(&self) -> RecordsIter<'_> {
        RecordsIter {
            deltas: Deltas::of(&self.header),
            rest: self.bytes(),
            index: 0,
            count: self.header.record_count.cast_unsigned(),
        }
    }
}

impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("header", &self.header).finish_non_exhaustive()
    }
}

impl<'a> IntoIterator for &'a Records<'_> {
    type Item = Result<Record<'a>, BatchError>;
    type IntoIter = RecordsIter<'a>;

    fn into_iter(self) -> RecordsIter<'a> {
        self.iter()
    }
}

/// The walk over the records of a batch. It ends after the first error, which is the last item.
#[derive(Clone, Debug)]
pub struct RecordsIter<'a> {
    deltas: Deltas,
    rest: &'a [u8],
    /// How many records were yielded, of how many. An error sets both to 0 and leaves no bytes.
    index: u32,
    count: u32,
}

impl<'a> Iterator for RecordsIter<'a> {
    type Item = Result<Record<'a>, BatchError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.index == self.count {
            return self.end().map(Err);
        }
        let mut rest = self.rest;
        match Record::take(&mut rest, &self.deltas) {
            Ok(record) => {
                self.rest = rest;
                self.index += 1;
                Some(Ok(record))
            }
            Err(reason) => Some(Err(self.fail(reason))),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // The count comes from the header, so nobody may allocate by it.
        (0, Some((self.count - self.index) as usize + 1))
    }
}

impl RecordsIter<'_> {
    /// After the last record: an error, once, if bytes are left.
    #[inline]
    fn end(&mut self) -> Option<BatchError> {
        if self.rest.is_empty() {
            return None;
        }
        self.stop();
        Some(BatchError::Corrupt { reason: "bytes follow its last record" })
    }

    #[cold]
    fn fail(&mut self, reason: &'static str) -> BatchError {
        let index = self.index;
        let missing = self.rest.is_empty();
        self.stop();
        if missing {
            return BatchError::Corrupt { reason: "it has fewer records than its header says" };
        }
        BatchError::Record { index, reason }
    }

    fn stop(&mut self) {
        self.rest = &[];
        self.index = 0;
        self.count = 0;
    }
}

impl FusedIterator for RecordsIter<'_> {}
