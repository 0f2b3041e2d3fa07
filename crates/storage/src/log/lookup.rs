//! Offsets by timestamp.

use protocol::record::Batch;
use protocol::{LeaderEpoch, Offset, Timestamp};

use super::Log;
use crate::error::{Error, Result};
use crate::segment::{DECOMPRESSED_BYTES_MAX, Segment};

/// A record found by its timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundTimestamp {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// The epoch of the leader that appended it; `NONE` if it is not known.
    pub leader_epoch: LeaderEpoch,
}

impl Log {
    /// The first record whose timestamp is not before `target` (ListOffsets by timestamp).
    pub fn offset_for_timestamp(&self, target: Timestamp) -> Result<Option<FoundTimestamp>> {
        let log_start = self.log_start_offset();
        for segment in self.segments.load().iter() {
            // The record with the greatest timestamp may be before the log's start, or compacted away.
            if segment.largest_timestamp()?.timestamp >= target
                && let Some(found) = find_from(segment, target, log_start)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The first record that has the greatest timestamp of the log (ListOffsets with -3, KIP-734).
    pub fn offset_of_max_timestamp(&self) -> Result<Option<FoundTimestamp>> {
        let segments = self.segments.load();
        let mut newest: Option<(&Segment, Timestamp, Offset)> = None;
        for segment in segments.iter() {
            let largest = segment.largest_timestamp()?;
            if newest.is_none_or(|(_, timestamp, _)| largest.timestamp > timestamp) {
                newest = Some((segment, largest.timestamp, largest.offset));
            }
        }
        let Some((segment, timestamp, offset)) = newest else { return Ok(None) };
        let view = segment.view()?;
        let from = segment.position_before(&view, offset)?;
        let found = view.first_from(from, |header| header.max_timestamp == timestamp)?;
        let Some((position, _)) = found else { return Ok(None) };
        let batch = view.batch_at(position)?;
        first_record(segment, &batch, timestamp, self.log_start_offset())
    }
}

/// The first record of the segment from `log_start` on whose timestamp is not before `target`.
fn find_from(
    segment: &Segment,
    target: Timestamp,
    log_start: Offset,
) -> Result<Option<FoundTimestamp>> {
    let from = segment.offset_before(target)?;
    let view = segment.view()?;
    let mut position = segment.position_before(&view, from.max(log_start))?;
    while let Some((at, header)) =
        view.first_from(position, |header| header.max_timestamp >= target)?
    {
        let found = first_record(segment, &view.batch_at(at)?, target, log_start)?;
        if found.is_some() {
            return Ok(found);
        }
        position = at.saturating_add(header.size());
    }
    Ok(None)
}

fn first_record(
    segment: &Segment,
    batch: &Batch<'_>,
    target: Timestamp,
    log_start: Offset,
) -> Result<Option<FoundTimestamp>> {
    let corrupt = |err: &dyn std::fmt::Display| Error::corrupt(&segment.log().path(), err);
    let records = batch.records(DECOMPRESSED_BYTES_MAX).map_err(|err| corrupt(&err))?;
    for record in records.iter() {
        let record = record.map_err(|err| corrupt(&err))?;
        if record.timestamp >= target && record.offset >= log_start {
            return Ok(Some(FoundTimestamp {
                offset: record.offset,
                timestamp: record.timestamp,
                leader_epoch: batch.header().leader_epoch,
            }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
