//! What the cleaner does to one batch: it keeps some of its records (`MemoryRecords.filterTo`).
//!
//! What outlives the records stays: the offsets and sequences that the batch takes up, its
//! producer, its codec. A batch that keeps all its records is copied as it is, unless it must be
//! given a delete horizon (KIP-534).

use super::builder::{RecordHead, empty_batch, seal};
use super::{Batch, BatchError, BatchHeader, Record, Records, TimestampType};
use crate::Timestamp;

/// How to rewrite a batch.
#[derive(Copy, Clone, Debug)]
pub struct RewriteOptions {
    /// The horizon for a batch that has none and now holds something that is to go later: a
    /// tombstone, or the marker of [`Self::is_empty_transaction_marker`]. With none, such a batch
    /// is kept without a horizon.
    pub delete_horizon: Option<Timestamp>,
    /// True for a transaction marker with no records of its transaction left before it.
    pub is_empty_transaction_marker: bool,
    /// True to keep a batch that loses all its records, as an empty one: its producer's last.
    pub keeps_empty: bool,
    /// How many bytes the batch may decompress to.
    pub limit: usize,
}

/// What became of a batch.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RewriteOutcome {
    /// How many records were read.
    pub read: u32,
    /// How many of them were kept.
    pub retained: u32,
    /// The header of the batch that was appended, or none if nothing was.
    pub header: Option<BatchHeader>,
}

/// Shows every record of `batch` to `keep`, once and in order, and appends what is left to `out`,
/// or nothing. The CRC of `batch` is not checked. After an error `out` is as it was.
pub fn rewrite(
    batch: &Batch<'_>,
    keep: &mut impl FnMut(&Record<'_>) -> bool,
    options: RewriteOptions,
    out: &mut Vec<u8>,
) -> Result<RewriteOutcome, BatchError> {
    let records = batch.records(options.limit)?;
    let selection = Selection::make(&records, keep)?;
    let header = batch.header();
    let may_go_later = selection.has_tombstones || options.is_empty_transaction_marker;
    let new_horizon = match header.delete_horizon() {
        None if may_go_later => options.delete_horizon,
        _ => None,
    };
    let start = out.len();
    if selection.retained == 0 {
        if options.keeps_empty {
            out.extend_from_slice(&empty_batch(header));
        }
    } else if selection.is_whole() && new_horizon.is_none() {
        out.extend_from_slice(batch.bytes());
    } else {
        selection.put(&records, new_horizon.or_else(|| header.delete_horizon()), out)?;
    }
    let appended = out.get(start..).filter(|appended| !appended.is_empty());
    Ok(RewriteOutcome {
        read: selection.read(),
        retained: selection.retained,
        header: appended.map(BatchHeader::decode).transpose()?,
    })
}

/// Which records of a batch stay.
struct Selection {
    /// One a record.
    kept: Vec<bool>,
    retained: u32,
    has_tombstones: bool,
}

impl Selection {
    fn make(
        records: &Records<'_>,
        keep: &mut impl FnMut(&Record<'_>) -> bool,
    ) -> Result<Self, BatchError> {
        let mut selection = Self { kept: Vec::new(), retained: 0, has_tombstones: false };
        for record in records {
            let record = record?;
            let keeps = keep(&record);
            selection.kept.push(keeps);
            if keeps {
                selection.retained += 1;
                selection.has_tombstones |= record.value.is_none();
            }
        }
        Ok(selection)
    }

    fn read(&self) -> u32 {
        u32::try_from(self.kept.len()).expect("a batch counts its records in 31 bits")
    }

    fn is_whole(&self) -> bool {
        self.retained == self.read()
    }

    /// Appends a batch of the records that stay.
    ///
    /// Their offset deltas stay too, but times count from a new base: the horizon, or the first
    /// record that is left.
    fn put(
        &self,
        records: &Records<'_>,
        horizon: Option<Timestamp>,
        out: &mut Vec<u8>,
    ) -> Result<(), BatchError> {
        let header = records.header();
        // Kafka has no horizon before 1970.
        let horizon = horizon.filter(|horizon| !horizon.is_none());
        let mut base_timestamp = horizon;
        let mut max_timestamp = Timestamp::NONE;
        let mut bytes = Vec::with_capacity(records.bytes().len());
        for (record, _) in records.iter().zip(&self.kept).filter(|(_, kept)| **kept) {
            let record = record?;
            let base = *base_timestamp.get_or_insert(record.timestamp);
            max_timestamp = max_timestamp.max(record.timestamp);
            let head = RecordHead {
                attributes: record.raw.first().copied().unwrap_or_default(),
                timestamp_delta: record.timestamp.0.wrapping_sub(base.0),
                offset_delta: record.offset_delta,
            };
            head.put(record.tail.len(), &mut bytes)?;
            bytes.extend_from_slice(record.tail);
        }
        let by_broker = header.attributes.timestamp_type() == TimestampType::LogAppendTime;
        let rewritten = BatchHeader {
            attributes: header.attributes.with_delete_horizon(horizon.is_some()),
            base_timestamp: base_timestamp.unwrap_or(Timestamp::NONE),
            max_timestamp: if by_broker { header.max_timestamp } else { max_timestamp },
            record_count: self.retained.cast_signed(),
            ..*header
        };
        seal(rewritten, None, &bytes, out)
    }
}
