//! Which segments have served their time. Pure: it is given what the log knows, and names what to delete.

use config::TopicConfig;
use protocol::{Offset, Timestamp};

/// What retention needs to know of a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentAge {
    /// The offset after its last.
    pub(crate) end_offset: Offset,
    pub(crate) bytes: u32,
    /// The greatest timestamp of its records, or when it was last written if they have none.
    pub(crate) timestamp: Timestamp,
}

/// What retention needs to know of a log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogAge {
    pub(crate) now: Timestamp,
    pub(crate) log_start: Offset,
    pub(crate) high_watermark: Offset,
    /// Where open transactions begin, or the high watermark.
    pub(crate) last_stable: Offset,
}

/// How many segments from the front can go, of `segments` with the active one last, as `UnifiedLog.deleteOldSegments`
/// finds them: those before the log's start; then, where the policy is to delete, those that the log can lose and still
/// have `retention.bytes`; then those whose every record is older than `retention.ms`.
///
/// The active segment is among them when all of its records are: the log then goes on in a new one.
///
/// Where Kafka goes up to the high watermark, time and size take nothing that belongs to an open transaction or comes after
/// the beginning of one: who reads committed records has not been able to read it.
pub(crate) fn plan(segments: &[SegmentAge], log: &LogAge, config: &TopicConfig) -> usize {
    let mut count = count_while(segments, 0, log.high_watermark, |idx, segment| {
        idx + 1 < segments.len() && segment.end_offset <= log.log_start
    });
    if !config.cleanup_policy.delete {
        return count;
    }
    if let Some(retention_bytes) = config.retention_bytes {
        let bytes: u64 = segments.iter().skip(count).map(|segment| u64::from(segment.bytes)).sum();
        let mut surplus = bytes.checked_sub(retention_bytes);
        count += count_while(segments, count, log.last_stable, |_, segment| {
            surplus = surplus.and_then(|left| left.checked_sub(segment.bytes.into()));
            surplus.is_some()
        });
    }
    if let Some(retention_ms) = config.retention_ms {
        count += count_while(segments, count, log.last_stable, |_, segment| {
            log.now.0.saturating_sub(segment.timestamp.0) > retention_ms
        });
    }
    count
}

/// How many segments from `from` on end before `bound` and breach a limit, up to the first that does not.
fn count_while(
    segments: &[SegmentAge],
    from: usize,
    bound: Offset,
    mut is_breached: impl FnMut(usize, &SegmentAge) -> bool,
) -> usize {
    let is_deletable = |idx: usize, segment: &SegmentAge| {
        let is_empty_active = idx + 1 == segments.len() && segment.bytes == 0;
        segment.end_offset <= bound && !is_empty_active
    };
    let rest = segments.iter().enumerate().skip(from);
    rest.take_while(|(idx, segment)| is_deletable(*idx, segment) && is_breached(*idx, segment))
        .count()
}

#[cfg(test)]
mod tests;
