//! The rows of `UnifiedLog.deleteOldSegments`.

use config::CleanupPolicy;

use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

/// Segments of 10 offsets and 100 bytes, 400, 300, 200 and 100 ms old; the last is the active one.
fn segments() -> Vec<SegmentAge> {
    let segment = |number: i64| SegmentAge {
        end_offset: Offset((number + 1) * 10),
        bytes: 100,
        timestamp: Timestamp(NOW.0 - (4 - number) * 100),
    };
    (0..4).map(segment).collect()
}

fn log() -> LogAge {
    LogAge { now: NOW, log_start: Offset(0), high_watermark: Offset(40), last_stable: Offset(40) }
}

/// A topic that keeps everything.
fn config() -> TopicConfig {
    TopicConfig { retention_ms: None, retention_bytes: None, ..TopicConfig::default() }
}

#[test]
fn segments_before_the_log_start_go_whatever_the_policy() {
    let rows = [(0, 0), (9, 0), (10, 1), (25, 2), (30, 3), (40, 3)];
    let policies = [(true, false), (false, true), (true, true), (false, false)];
    for (log_start, expected) in rows {
        for (compact, delete) in policies {
            let config =
                TopicConfig { cleanup_policy: CleanupPolicy { compact, delete }, ..config() };
            let log = LogAge { log_start: Offset(log_start), ..log() };
            assert_eq!(
                plan(&segments(), &log, &config),
                expected,
                "{log_start} {compact} {delete}"
            );
        }
    }
}

#[test]
fn log_keeps_at_least_retention_bytes() {
    let rows = [(401, 0), (400, 0), (301, 0), (300, 1), (250, 1), (200, 2), (1, 3), (0, 4)];
    for (retention_bytes, expected) in rows {
        let config = TopicConfig { retention_bytes: Some(retention_bytes), ..config() };
        assert_eq!(plan(&segments(), &log(), &config), expected, "{retention_bytes}");
    }
}

#[test]
fn segment_whose_every_record_is_too_old_goes() {
    let rows = [(500, 0), (400, 0), (399, 1), (300, 1), (299, 2), (100, 3), (99, 4), (0, 4)];
    for (retention_ms, expected) in rows {
        let config = TopicConfig { retention_ms: Some(retention_ms), ..config() };
        assert_eq!(plan(&segments(), &log(), &config), expected, "{retention_ms}");
    }
    // One young segment protects all behind it.
    let mut young_first = segments();
    young_first[0].timestamp = Timestamp(NOW.0 + 1_000);
    let config = TopicConfig { retention_ms: Some(0), ..config() };
    assert_eq!(plan(&young_first, &log(), &config), 0);
}

#[test]
fn rules_go_on_where_the_one_before_ended() {
    let log = LogAge { log_start: Offset(10), ..log() };
    // One by the start; of the 300 bytes left one by the bytes; one by the age.
    let config = TopicConfig { retention_bytes: Some(200), retention_ms: Some(150), ..config() };
    assert_eq!(plan(&segments(), &log, &config), 3);
}

#[test]
fn compacted_log_keeps_what_is_old_and_large() {
    let limits = TopicConfig { retention_bytes: Some(0), retention_ms: Some(0), ..config() };
    for (compact, delete, expected) in [(true, false, 0), (true, true, 4), (false, false, 0)] {
        let config =
            TopicConfig { cleanup_policy: CleanupPolicy { compact, delete }, ..limits.clone() };
        assert_eq!(plan(&segments(), &log(), &config), expected, "{compact} {delete}");
    }
}

#[test]
fn nothing_goes_that_is_not_replicated_or_that_an_open_transaction_holds() {
    let by_age = TopicConfig { retention_ms: Some(0), ..config() };
    let by_size = TopicConfig { retention_bytes: Some(0), ..config() };
    for (stable, expected) in [(0, 0), (9, 0), (10, 1), (29, 2), (39, 3), (40, 4)] {
        for high_watermark in [stable, 40] {
            let (high_watermark, last_stable) = (Offset(high_watermark), Offset(stable));
            let log = LogAge { high_watermark, last_stable, ..log() };
            assert_eq!(plan(&segments(), &log, &by_age), expected, "{stable}");
            assert_eq!(plan(&segments(), &log, &by_size), expected, "{stable}");
        }
    }
    // Whoever deletes records knows what they do.
    let log = LogAge { log_start: Offset(25), last_stable: Offset(0), ..log() };
    assert_eq!(plan(&segments(), &log, &by_age), 2);
}

#[test]
fn empty_active_segment_stays() {
    let config = TopicConfig { retention_ms: Some(0), retention_bytes: Some(0), ..config() };
    let mut segments = segments();
    segments[3].bytes = 0;
    assert_eq!(plan(&segments, &log(), &config), 3);
    assert_eq!(plan(&segments[3..], &log(), &config), 0);
}
