//! Offsets by timestamp.

use std::cmp::Reverse;
use std::sync::Arc;

use protocol::record::{Batch, BatchHeader};
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

    /// The first record that has the greatest timestamp of the log (ListOffsets with -3, KIP-734). What is before the
    /// log's start does not count, which it does in Kafka.
    pub fn offset_of_max_timestamp(&self) -> Result<Option<FoundTimestamp>> {
        let log_start = self.log_start_offset();
        let segments = self.segments.load();
        let timed = |segment: &Arc<Segment>| {
            Ok((segment.largest_timestamp()?.timestamp, Arc::clone(segment)))
        };
        let mut by_time = segments.iter().map(timed).collect::<Result<Vec<_>>>()?;
        by_time.sort_by_key(|(timestamp, _)| Reverse(*timestamp));
        let mut newest: Option<FoundTimestamp> = None;
        for (timestamp, segment) in by_time {
            // Of equal ones the first in the log is wanted, and the sorting has kept their order.
            if newest.is_some_and(|newest| newest.timestamp >= timestamp) {
                break;
            }
            let found = newest_of(&segment, log_start)?;
            let is_newer = |found: &FoundTimestamp| {
                newest.is_none_or(|newest| {
                    (found.timestamp, Reverse(found.offset))
                        > (newest.timestamp, Reverse(newest.offset))
                })
            };
            newest = found.filter(is_newer).or(newest);
        }
        Ok(newest)
    }
}

/// The first record that has the greatest timestamp of those from `log_start` on in the segment.
fn newest_of(segment: &Segment, log_start: Offset) -> Result<Option<FoundTimestamp>> {
    let largest = segment.largest_timestamp()?;
    let view = segment.view()?;
    let from = segment.position_before(&view, largest.offset)?;
    let found = view.first_from(from, |header| header.max_timestamp == largest.timestamp)?;
    if let Some((position, _)) = found {
        let batch = view.batch_at(position)?;
        let found = first_record(segment, &batch, largest.timestamp, log_start)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    // It is before the log's start, so the rest has to be looked through.
    let mut newest: Option<FoundTimestamp> = None;
    let mut position = segment.position_before(&view, log_start)?;
    let may_be_newer = |header: &BatchHeader, newest: &Option<FoundTimestamp>| {
        let known = newest.map_or(Timestamp::NONE, |newest| newest.timestamp);
        header.last_offset() >= log_start && header.max_timestamp > known
    };
    while let Some((at, header)) =
        view.first_from(position, |header| may_be_newer(header, &newest))?
    {
        let batch = view.batch_at(at)?;
        for record in records_of(segment, &batch, log_start)? {
            if newest.is_none_or(|newest| record.timestamp > newest.timestamp) {
                newest = Some(record);
            }
        }
        position = at.saturating_add(header.size());
    }
    Ok(newest)
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
    let records = records_of(segment, batch, log_start)?;
    Ok(records.into_iter().find(|record| record.timestamp >= target))
}

/// The records of a batch from `log_start` on.
fn records_of(
    segment: &Segment,
    batch: &Batch<'_>,
    log_start: Offset,
) -> Result<Vec<FoundTimestamp>> {
    let corrupt = |err: &dyn std::fmt::Display| Error::corrupt(&segment.log().path(), err);
    let records = batch.records(DECOMPRESSED_BYTES_MAX).map_err(|err| corrupt(&err))?;
    let leader_epoch = batch.header().leader_epoch;
    let mut found = Vec::new();
    for record in records.iter() {
        let record = record.map_err(|err| corrupt(&err))?;
        if record.offset >= log_start {
            let (offset, timestamp) = (record.offset, record.timestamp);
            found.push(FoundTimestamp { offset, timestamp, leader_epoch });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
