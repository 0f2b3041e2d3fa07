//! The check of a batch that a producer sent. It runs on every produced batch, so it walks the
//! records once, where they lie.

use super::{Batch, BatchError, Record};
use crate::Timestamp;

impl Batch<'_> {
    /// Checks what must hold in a batch that no cleaner has touched: there are records, and their
    /// offsets are the base offset and those that follow it, one by one, to the last. Each record
    /// is shown to `visit`, for the rules of the topic.
    ///
    /// Returns the largest timestamp of the records, which a producer may have got wrong in the
    /// header. The CRC is not checked. More than `limit` bytes, decompressed, are refused.
    ///
    /// (Kafka's `LogValidator` renumbers the records of a compressed batch that break the rule on
    /// offsets, for producers of an older format. No producer of this format needs that.)
    pub fn validate(
        &self,
        limit: usize,
        mut visit: impl FnMut(&Record<'_>),
    ) -> Result<Timestamp, BatchError> {
        let header = self.header();
        if header.record_count == 0 {
            return Err(BatchError::Corrupt { reason: "it has no records" });
        }
        if header.record_count - 1 != header.last_offset_delta {
            return Err(BatchError::Corrupt { reason: "its record count contradicts its offsets" });
        }
        let mut max_timestamp = Timestamp::NONE;
        for (index, record) in (0..).zip(&self.records(limit)?) {
            let record = record?;
            if record.offset_delta != index {
                return Err(BatchError::Record {
                    index: index.cast_unsigned(),
                    reason: "its offset does not follow the one before it",
                });
            }
            max_timestamp = max_timestamp.max(record.timestamp);
            visit(&record);
        }
        Ok(max_timestamp)
    }
}
