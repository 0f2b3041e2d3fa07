//! What there is to clean in a log, and in which groups. Pure.

use std::ops::Range;

use config::TopicConfig;
use protocol::{Offset, Timestamp};

/// What planning needs to know of a closed segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentState {
    pub(crate) base_offset: Offset,
    pub(crate) bytes: u32,
    /// The greater of its two indexes, each as a share of the room that an index has.
    pub(crate) index_entries: u32,
    pub(crate) largest_timestamp: Timestamp,
    /// The timestamp of its first batch.
    pub(crate) first_timestamp: Timestamp,
}

/// What planning needs to know of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogState {
    pub(crate) log_start: Offset,
    pub(crate) last_stable: Offset,
    /// Where the active segment begins: it is never cleaned.
    pub(crate) active_base: Offset,
    /// Up to where the log was cleaned the last time.
    pub(crate) cleaned_to: Offset,
}

/// What there is to clean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The first offset that has not been cleaned.
    pub first_dirty: Offset,
    /// The first offset that may not be cleaned yet.
    pub first_uncleanable: Offset,
    /// Bytes that a cleaning has passed already.
    pub clean_bytes: u64,
    /// Bytes that it would pass for the first time.
    pub dirty_bytes: u64,
    /// Whether a record has waited for longer than `max.compaction.lag.ms`.
    pub is_overdue: bool,
}

impl Plan {
    /// The dirty part of what can be cleaned: the greater, the more a cleaning is worth.
    pub fn dirty_ratio(&self) -> f64 {
        let total = self.clean_bytes + self.dirty_bytes;
        if total == 0 { 0.0 } else { as_float(self.dirty_bytes) / as_float(total) }
    }

    /// Whether the log is to be cleaned.
    pub fn is_due(&self, config: &TopicConfig) -> bool {
        self.dirty_bytes > 0
            && (self.is_overdue || self.dirty_ratio() > config.min_cleanable_dirty_ratio)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of sizes needs no more than 53 bits")]
fn as_float(bytes: u64) -> f64 {
    bytes as f64
}

/// Finds what there is to clean among the closed segments.
pub(crate) fn plan(
    closed: &[SegmentState],
    log: &LogState,
    config: &TopicConfig,
    now: Timestamp,
) -> Plan {
    // A checkpoint from before a truncation, or of another life of the log, says nothing.
    let is_known = (log.log_start..=log.active_base).contains(&log.cleaned_to);
    let first_dirty = if is_known { log.cleaned_to } else { log.log_start };
    let is_young = |segment: &&SegmentState| {
        let age_ms = now.0.saturating_sub(segment.largest_timestamp.0);
        segment.base_offset >= first_dirty && age_ms < config.min_compaction_lag_ms
    };
    let first_young = closed.iter().find(is_young).map(|segment| segment.base_offset);
    let first_uncleanable = log.last_stable.min(log.active_base);
    let first_uncleanable = first_young.map_or(first_uncleanable, |young| young.min(first_uncleanable));
    let bytes = |wanted: &dyn Fn(Offset) -> bool| {
        let segments = closed.iter().filter(|segment| wanted(segment.base_offset));
        segments.map(|segment| u64::from(segment.bytes)).sum()
    };
    let is_dirty = |base: Offset| base >= first_dirty && base < first_uncleanable;
    let waiting_since = closed
        .iter()
        .filter(|segment| is_dirty(segment.base_offset) && !segment.first_timestamp.is_none())
        .map(|segment| segment.first_timestamp)
        .min();
    let is_overdue = waiting_since
        .is_some_and(|since| now.0.saturating_sub(since.0) > config.max_compaction_lag_ms);
    Plan {
        first_dirty,
        first_uncleanable: first_uncleanable.max(first_dirty),
        clean_bytes: bytes(&|base| base < first_dirty),
        dirty_bytes: bytes(&is_dirty),
        is_overdue,
    }
}

/// Cuts closed segments into the runs that are each written into one: as many as fit in `segment.bytes` and its indexes,
/// and as lie within the reach of a relative offset. `end_offset` is where the last of them ends.
pub(crate) fn group(
    segments: &[SegmentState],
    end_offset: Offset,
    segment_bytes: u32,
    index_entries_max: u32,
) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut start = 0;
    while let Some(first) = segments.get(start) {
        let (mut bytes, mut entries) = (first.bytes, first.index_entries);
        let mut end = start + 1;
        while let Some(next) = segments.get(end) {
            bytes = bytes.saturating_add(next.bytes);
            entries = entries.saturating_add(next.index_entries);
            let next_end = segments.get(end + 1).map_or(end_offset, |after| after.base_offset);
            let reach = next_end - first.base_offset;
            if bytes > segment_bytes || entries > index_entries_max || reach > i64::from(i32::MAX) {
                break;
            }
            end += 1;
        }
        groups.push(start..end);
        start = end;
    }
    groups
}

#[cfg(test)]
mod tests;
