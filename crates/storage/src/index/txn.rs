//! The transaction index of a segment (`.txnindex`): the aborted transactions whose end lies in the segment.
//!
//! A reader that wants committed records only is told which transactions to leave out. Most segments have none, and
//! then no file. All numbers are big-endian (`AbortedTxn`):
//!
//! | field              | bytes | content                                            |
//! |--------------------|-------|----------------------------------------------------|
//! | version            | 2     | 0                                                  |
//! | producer id        | 8     | whose transaction                                  |
//! | first offset       | 8     | of its first record, perhaps in an earlier segment |
//! | last offset        | 8     | of its abort marker                                |
//! | last stable offset | 8     | of the log, once the transaction was aborted       |
//!
//! Invariant: last offsets grow from entry to entry.

use std::io;

use bytes::{Buf, BufMut};
use protocol::{Offset, ProducerId};

use super::entries::{Entries, Entry, decode_all, file_methods};
use crate::files::FormatError;
use crate::handles::LazyFile;

const VERSION: i16 = 0;

/// A segment's transaction index.
#[derive(Debug)]
pub struct TxnIndex {
    entries: Entries<AbortedTxn>,
    base_offset: Offset,
}

/// An aborted transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTxn {
    /// Whose it was.
    pub producer_id: ProducerId,
    /// The offset of its first record.
    pub first_offset: Offset,
    /// The offset of its abort marker.
    pub last_offset: Offset,
    /// The last stable offset of the log, once it was aborted.
    pub last_stable_offset: Offset,
}

/// What one segment knows of the aborted transactions of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbortedTxns {
    /// In the order of their markers.
    pub transactions: Vec<AbortedTxn>,
    /// Whether no later segment can have more.
    pub is_complete: bool,
}

impl Entry for AbortedTxn {
    const BYTES: usize = 34;

    fn encode(&self, out: &mut Vec<u8>) {
        out.put_i16(VERSION);
        out.put_i64(self.producer_id.0);
        out.put_i64(self.first_offset.0);
        out.put_i64(self.last_offset.0);
        out.put_i64(self.last_stable_offset.0);
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let version = bytes.try_get_i16().ok()?;
        let txn = Self {
            producer_id: ProducerId(bytes.try_get_i64().ok()?),
            first_offset: Offset(bytes.try_get_i64().ok()?),
            last_offset: Offset(bytes.try_get_i64().ok()?),
            last_stable_offset: Offset(bytes.try_get_i64().ok()?),
        };
        (version == VERSION).then_some(txn)
    }

    fn follows(&self, previous: &Self) -> bool {
        self.last_offset > previous.last_offset
    }
}

impl TxnIndex {
    /// The index in `file` of the segment that begins at `base_offset`. Nothing is read before it is needed, and a file
    /// that does not exist is made when it has an entry.
    pub fn new(file: LazyFile, base_offset: Offset, file_exists: bool) -> Self {
        Self { entries: Entries::new(file, file_exists), base_offset }
    }

    /// The transactions in the content of an index file, for looking into one without opening it as an index.
    pub fn decode(bytes: &[u8]) -> Vec<AbortedTxn> {
        decode_all(bytes)
    }

    /// Adds an aborted transaction, whose marker lies behind all others.
    pub fn append(&self, txn: AbortedTxn) -> io::Result<()> {
        self.entries.append(txn)
    }

    /// The aborted transactions with records from `fetch_offset` up to `upper_bound`, which is not included.
    pub fn collect_aborted(
        &self,
        fetch_offset: Offset,
        upper_bound: Offset,
    ) -> io::Result<AbortedTxns> {
        let mut transactions = Vec::new();
        let (mut idx, _) = self.entries.search(|txn| txn.last_offset < fetch_offset)?;
        loop {
            let block = self.entries.block(idx)?;
            if block.is_empty() {
                return Ok(AbortedTxns { transactions, is_complete: false });
            }
            idx += block.len();
            for txn in block {
                if txn.first_offset < upper_bound {
                    transactions.push(txn);
                }
                // Whatever is aborted later began at this offset or behind it.
                if txn.last_stable_offset >= upper_bound {
                    return Ok(AbortedTxns { transactions, is_complete: true });
                }
            }
        }
    }

    /// All aborted transactions.
    pub fn all(&self) -> io::Result<Vec<AbortedTxn>> {
        Ok(self.collect_aborted(Offset(i64::MIN), Offset::MAX)?.transactions)
    }

    /// Drops the transactions whose marker lies at `offset` or behind it.
    pub fn truncate_to(&self, offset: Offset) -> io::Result<()> {
        self.entries.truncate(|txn| txn.last_offset < offset)
    }

    /// Looks for what can be wrong with the content, without reading it whole. If anything is, the index must be made
    /// again.
    pub fn check(&self) -> io::Result<Result<(), FormatError>> {
        Ok(self.entries.check()?.and_then(|ends| match ends {
            Some((first, _)) if first.last_offset < self.base_offset => Err(FormatError::new(
                format!("{first:?} ends before the segment, which begins at {}", self.base_offset),
            )),
            _ => Ok(()),
        }))
    }

    file_methods!();
}

#[cfg(test)]
mod tests;
