//! From the bytes of the log and its snapshots back to an image.

use protocol::internal::metadata::{ControlRecord, MetadataRecord};
use protocol::record::{Batch, BatchError};
use protocol::{Offset, Timestamp};
use storage::DECOMPRESSED_BYTES_MAX;

use super::error::{Error, Result};
use crate::image::Image;

/// An image in the making. Records of a transaction wait for its end (KIP-868).
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) image: Image,
    /// The records of the transaction that is open, if one is.
    transaction: Option<Vec<(Offset, MetadataRecord)>>,
    /// The time of the last record.
    pub(super) last_timestamp: Timestamp,
}

impl Replay {
    pub(super) const fn new(image: Image) -> Self {
        Self { image, transaction: None, last_timestamp: Timestamp(0) }
    }

    /// Whether the log has ended within a transaction, which then counts for nothing.
    pub(super) const fn is_in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Takes the records of a batch from `start` on.
    pub(super) fn batch(&mut self, batch: &Batch<'_>, start: Offset) -> Result<()> {
        let base_offset = batch.header().base_offset;
        let damaged = |err: BatchError| Error::unreadable(base_offset, err);
        batch.check_crc().map_err(damaged)?;
        self.last_timestamp = batch.header().max_timestamp;
        if batch.header().is_control() {
            return Ok(());
        }
        for record in &batch.records(DECOMPRESSED_BYTES_MAX).map_err(damaged)? {
            let record = record.map_err(damaged)?;
            if record.offset >= start {
                let decoded = MetadataRecord::decode(record.value.unwrap_or_default());
                let decoded = decoded.map_err(|err| Error::unreadable(record.offset, err))?;
                self.record(record.offset, decoded)?;
            }
        }
        Ok(())
    }

    fn record(&mut self, offset: Offset, record: MetadataRecord) -> Result<()> {
        let out_of_turn = |what: &str| Err(Error::unreadable(offset, what));
        match (record, self.transaction.take()) {
            (MetadataRecord::BeginTransaction(_), None) => self.transaction = Some(Vec::new()),
            (MetadataRecord::BeginTransaction(_), Some(_)) => {
                return out_of_turn("a transaction begins within another");
            }
            (MetadataRecord::EndTransaction(_), Some(records)) => {
                for (offset, record) in records {
                    self.apply(offset, &record)?;
                }
            }
            (MetadataRecord::AbortTransaction(_), Some(_)) => {}
            (MetadataRecord::EndTransaction(_) | MetadataRecord::AbortTransaction(_), None) => {
                return out_of_turn("a transaction ends that has not begun");
            }
            (record, Some(mut records)) => {
                records.push((offset, record));
                self.transaction = Some(records);
            }
            (record, None) => self.apply(offset, &record)?,
        }
        Ok(())
    }

    fn apply(&mut self, offset: Offset, record: &MetadataRecord) -> Result<()> {
        self.image.apply(record).map_err(|err| Error::unreadable(offset, err))
    }
}

/// The records of a control batch.
pub(super) fn control_records(batch: &Batch<'_>) -> Result<Vec<ControlRecord>> {
    let base_offset = batch.header().base_offset;
    let records = batch.records(DECOMPRESSED_BYTES_MAX);
    let records = records.map_err(|err| Error::unreadable(base_offset, err))?;
    let decode = |record: std::result::Result<protocol::record::Record<'_>, BatchError>| {
        let record = record.map_err(|err| Error::unreadable(base_offset, err))?;
        let (key, value) = (record.key.unwrap_or_default(), record.value.unwrap_or_default());
        ControlRecord::decode(key, value).map_err(|err| Error::unreadable(record.offset, err))
    };
    records.iter().map(decode).collect()
}
