//! The bounds of `LogCleanerManager.cleanableOffsets` and the groups of `Cleaner.groupSegmentsBySize`.

use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

/// Closed segments of 100 bytes and 10 offsets each, whose records are 1,000 ms apart; the last was written 1,000 ms ago.
fn closed(count: i64) -> Vec<SegmentState> {
    let segment = |number: i64| SegmentState {
        base_offset: Offset(number * 10),
        bytes: 100,
        largest_timestamp: Timestamp(NOW.0 - (count - number) * 1_000),
        first_timestamp: Timestamp(NOW.0 - (count - number) * 1_000 - 500),
    };
    (0..count).map(segment).collect()
}

/// A log of such segments, all readable, never cleaned.
fn log(count: i64) -> LogState {
    LogState {
        log_start: Offset(0),
        last_stable: Offset(count * 10 + 5),
        active_base: Offset(count * 10),
        cleaned_to: Offset::NONE,
        truncations: 3,
    }
}

fn plan_of(log: &LogState, edit: impl FnOnce(&mut TopicConfig)) -> Plan {
    let mut config = TopicConfig::default();
    edit(&mut config);
    plan(&closed(5), log, &config, NOW)
}

/// First dirty and first uncleanable offset, clean and dirty bytes.
fn bounds(plan: &Plan) -> (i64, i64, u64, u64) {
    (plan.first_dirty.0, plan.first_uncleanable.0, plan.clean_bytes, plan.dirty_bytes)
}

#[test]
fn dirty_part_lies_between_the_checkpoint_and_what_may_not_be_cleaned() {
    let rows = [
        // Cleaned to, log start, last stable offset; what is planned.
        (-1, 0, 55, (0, 50, 0, 500)),
        (20, 0, 55, (20, 50, 200, 300)),
        (50, 0, 55, (50, 50, 500, 0)),
        // In the middle of a segment, where a cleaning ran out of memory: the segment is dirty.
        (25, 0, 55, (25, 50, 200, 300)),
        // Checkpoints of another life: before the start, and behind the end.
        (10, 20, 55, (20, 50, 200, 300)),
        (60, 20, 55, (20, 50, 200, 300)),
        // An open transaction or the high watermark: the segment that holds it waits.
        (-1, 0, 30, (0, 30, 0, 300)),
        (-1, 0, 35, (0, 30, 0, 300)),
        (-1, 0, 0, (0, 0, 0, 0)),
        (20, 0, 5, (20, 20, 200, 0)),
        // Everything readable, and the active segment begins right there.
        (-1, 0, 50, (0, 50, 0, 500)),
        // DeleteRecords into the first segment.
        (-1, 5, 55, (5, 50, 0, 500)),
    ];
    for (cleaned_to, log_start, last_stable, expected) in rows {
        let log = LogState {
            cleaned_to: Offset(cleaned_to),
            log_start: Offset(log_start),
            last_stable: Offset(last_stable),
            ..log(5)
        };
        let plan = plan_of(&log, |_| {});
        assert_eq!(bounds(&plan), expected, "{cleaned_to} {log_start} {last_stable}");
    }
}

#[test]
fn records_stay_for_the_min_compaction_lag() {
    let rows = [
        // Segments are 5,000 to 1,000 ms old; a segment as old as the lag may be cleaned.
        (0, 50),
        (1_000, 50),
        (1_001, 40),
        (3_000, 30),
        (5_000, 10),
        (5_001, 0),
        (i64::MAX, 0),
    ];
    for (lag_ms, first_uncleanable) in rows {
        let plan = plan_of(&log(5), |config| config.min_compaction_lag_ms = lag_ms);
        assert_eq!(plan.first_uncleanable, Offset(first_uncleanable), "{lag_ms}");
    }
    // What has been cleaned once has waited once.
    let cleaned = LogState { cleaned_to: Offset(50), ..log(5) };
    let plan = plan_of(&cleaned, |config| config.min_compaction_lag_ms = i64::MAX);
    assert_eq!(plan.first_uncleanable, Offset(50));
}

#[test]
fn times_in_the_future_hold_nothing_back_without_a_lag() {
    let mut segments = closed(2);
    segments[0].largest_timestamp = Timestamp(NOW.0 + 60_000);
    let plan = plan(&segments, &log(2), &TopicConfig::default(), NOW);
    assert_eq!(plan.first_uncleanable, Offset(20));
}

#[test]
fn oldest_dirty_batch_makes_a_log_overdue() {
    let rows = [
        // The first batch of the first segment is 5,500 ms old.
        (0, 5_499, true),
        (0, 5_500, false),
        // That of the fourth is 2,500 ms old.
        (30, 2_499, true),
        (30, 2_500, false),
        (50, 1, false),
    ];
    for (cleaned_to, lag_ms, expected) in rows {
        let log = LogState { cleaned_to: Offset(cleaned_to), ..log(5) };
        let plan = plan_of(&log, |config| config.max_compaction_lag_ms = lag_ms);
        assert_eq!(plan.is_overdue, expected, "{cleaned_to} {lag_ms}");
    }
    let mut untimed = closed(1);
    untimed[0].first_timestamp = Timestamp::NONE;
    let config = TopicConfig { max_compaction_lag_ms: 1, ..TopicConfig::default() };
    assert!(!plan(&untimed, &log(1), &config, NOW).is_overdue);
}

#[test]
fn log_is_due_by_its_dirty_ratio_or_when_overdue() {
    let rows = [
        (0, 0.5, i64::MAX, true),
        (20, 0.5, i64::MAX, true),
        (30, 0.5, i64::MAX, false),
        (30, 0.39, i64::MAX, true),
        (30, 0.4, i64::MAX, false),
        (30, 0.5, 1, true),
        (50, 0.0, 1, false),
        (0, 1.0, i64::MAX, false),
    ];
    for (cleaned_to, ratio, lag_ms, expected) in rows {
        let config = TopicConfig {
            min_cleanable_dirty_ratio: ratio,
            max_compaction_lag_ms: lag_ms,
            ..TopicConfig::default()
        };
        let log = LogState { cleaned_to: Offset(cleaned_to), ..log(5) };
        let plan = plan(&closed(5), &log, &config, NOW);
        assert_eq!(plan.is_due(&config), expected, "{cleaned_to} {ratio} {lag_ms}");
    }
}

#[test]
fn log_without_closed_segments_has_nothing_to_clean() {
    let config = TopicConfig { max_compaction_lag_ms: 1, ..TopicConfig::default() };
    let plan = plan(&[], &log(0), &config, NOW);
    assert_eq!((bounds(&plan), plan.dirty_ratio()), ((0, 0, 0, 0), 0.0));
    assert!(!plan.is_due(&config));
}

/// Base offset, bytes and index entries.
fn sizes(segments: &[(i64, u32, u32)]) -> Vec<SegmentSize> {
    let size = |&(base_offset, bytes, index_entries): &(i64, u32, u32)| SegmentSize {
        base_offset: Offset(base_offset),
        bytes,
        index_entries,
    };
    segments.iter().map(size).collect()
}

#[test]
fn segments_are_grouped_as_far_as_they_fit_in_one() {
    /// A name, the segments, where the last of them ends, and how many each group has.
    type Row = (&'static str, &'static [(i64, u32, u32)], i64, &'static [usize]);
    const REACH: i64 = i32::MAX as i64;
    const ROWS: [Row; 9] = [
        ("none", &[], 0, &[]),
        ("all fit", &[(0, 40, 1), (10, 40, 1), (20, 20, 1)], 30, &[3]),
        ("bytes", &[(0, 40, 1), (10, 61, 1), (20, 39, 1)], 30, &[1, 2]),
        ("one too large", &[(0, 400, 1), (10, 1, 1)], 30, &[1, 1]),
        ("entries", &[(0, 1, 6), (10, 1, 4), (20, 1, 1)], 30, &[2, 1]),
        ("empty ones", &[(0, 0, 0), (10, 0, 0), (20, 100, 9)], 30, &[3]),
        ("reach by the next", &[(0, 1, 1), (9, 1, 1), (REACH + 1, 1, 1)], REACH + 2, &[1, 2]),
        ("reach by the end", &[(0, 1, 1), (10, 1, 1)], REACH + 1, &[1, 1]),
        ("just in reach", &[(0, 1, 1), (10, 1, 1)], REACH, &[2]),
    ];
    for (name, segments, end_offset, expected) in ROWS {
        let groups = group(&sizes(segments), Offset(end_offset), 100, 10);
        let lens: Vec<_> = groups.iter().map(|group| group.len()).collect();
        assert_eq!(lens, expected, "{name}");
        let in_order: Vec<_> = groups.into_iter().flatten().collect();
        assert_eq!(in_order, (0..segments.len()).collect::<Vec<_>>(), "{name}");
    }
}
