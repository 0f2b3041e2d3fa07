//! What there is to clean in a log, and in which groups. Pure.

use std::ops::Range;

use config::TopicConfig;
use protocol::{Offset, Timestamp};

/// What planning needs to know of a closed segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentState {
    pub(crate) base_offset: Offset,
    pub(crate) bytes: u32,
    /// The greatest timestamp of its records, or when it was last written if they have none.
    pub(crate) largest_timestamp: Timestamp,
    /// The greatest timestamp of its first batch.
    pub(crate) first_timestamp: Timestamp,
}

/// What grouping needs to know of a closed segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentSize {
    pub(crate) base_offset: Offset,
    pub(crate) bytes: u32,
    /// The entries of the greater of its two indexes.
    pub(crate) index_entries: u32,
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
    /// How often the log has been truncated.
    pub(crate) truncations: u64,
}

impl LogState {
    /// The first offset that has not been cleaned.
    pub(crate) fn first_dirty(&self) -> Offset {
        // A checkpoint of another life of the log says nothing.
        let is_known = (self.log_start..=self.active_base).contains(&self.cleaned_to);
        if is_known { self.cleaned_to } else { self.log_start }
    }
}

/// What there is to clean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The first offset that has not been cleaned.
    pub first_dirty: Offset,
    /// The first offset that may not be cleaned yet, where a segment begins.
    pub first_uncleanable: Offset,
    /// Bytes that a cleaning has passed already.
    pub clean_bytes: u64,
    /// Bytes that it would pass for the first time.
    pub dirty_bytes: u64,
    /// Whether a record has waited for longer than `max.compaction.lag.ms`.
    pub is_overdue: bool,
    /// How often the log had been truncated.
    pub(crate) truncations: u64,
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
    let first_dirty = log.first_dirty();
    let ends = closed.iter().skip(1).map(|next| next.base_offset);
    let ends = ends.chain(std::iter::once(log.active_base));
    // A cleaning that ran out of memory ends in the middle of a segment, which is dirty still.
    let (clean, dirty): (Vec<_>, Vec<_>) =
        closed.iter().zip(ends).partition(|(_, end)| *end <= first_dirty);
    let dirty = || dirty.iter().map(|(segment, _)| *segment);
    let is_young = |segment: &&SegmentState| {
        let age_ms = now.0.saturating_sub(segment.largest_timestamp.0);
        config.min_compaction_lag_ms > 0 && age_ms < config.min_compaction_lag_ms
    };
    let first_young = dirty().find(is_young).map_or(log.active_base, |young| young.base_offset);
    let bound = log.last_stable.min(first_young);
    // Segments are cleaned whole: the one that holds the bound waits.
    let at_bound = closed.iter().rev().find(|segment| segment.base_offset <= bound);
    let first_uncleanable = match at_bound {
        Some(segment) if bound < log.active_base => segment.base_offset,
        _ => bound,
    };
    let cleanable = || dirty().filter(|segment| segment.base_offset < first_uncleanable);
    let waiting_since = cleanable().map(|segment| segment.first_timestamp).filter(|t| !t.is_none());
    let is_overdue = waiting_since
        .min()
        .is_some_and(|since| now.0.saturating_sub(since.0) > config.max_compaction_lag_ms);
    Plan {
        first_dirty,
        first_uncleanable: first_uncleanable.max(first_dirty),
        clean_bytes: clean.iter().map(|(segment, _)| u64::from(segment.bytes)).sum(),
        dirty_bytes: cleanable().map(|segment| u64::from(segment.bytes)).sum(),
        is_overdue,
        truncations: log.truncations,
    }
}

/// Cuts closed segments into the runs that are each written into one: as many as fit in `segment.bytes` and its indexes,
/// and as lie within the reach of a relative offset. `end_offset` is where the last of them ends.
pub(crate) fn group(
    segments: &[SegmentSize],
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
