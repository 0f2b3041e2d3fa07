//! Cleanings of a log in a real directory: which records are left, and that offsets and the rest of the log stay.

use std::collections::BTreeMap;

use bytes::Bytes;
use protocol::Sequence;
use protocol::record::{BatchBuilder, BatchOptions, Compression, ControlType};

use super::*;
use crate::compaction::{OffsetMap, Unhurried};
use crate::testing::batches::{
    NOW, Stored, at, keyed, later, marker, plain, producer, transactional,
};
use crate::testing::logs::TestLog;

const DAY_MS: i64 = 86_400_000;

/// A compacted log whose segments hold this many batches of one short record, or as many as come within 5 s.
fn compacted(batches: u32) -> TestLog {
    TestLog::with(|config| {
        config.cleanup_policy.compact = true;
        config.segment_bytes = batches * 75;
        config.segment_ms = 5_000;
        config.index_interval_bytes = 0;
    })
}

fn put(test: &TestLog, key: &str, value: Option<&str>) {
    test.append(&keyed(BatchOptions::default(), NOW, &[(key, value)]));
}

/// Writes a record so much later than the others that they are in closed segments, and replicates all.
fn close(test: &TestLog, seconds: i64) {
    let end = keyed(BatchOptions::default(), later(seconds * 1_000), &[("end", Some("x"))]);
    test.append(&end);
    test.replicate();
}

fn clean_with(
    test: &TestLog,
    cleaned_to: i64,
    budget_bytes: u64,
    now: Timestamp,
) -> Result<Option<Cleaned>> {
    let plan = test.log.plan_cleaning(Offset(cleaned_to), now)?;
    let mut map = OffsetMap::new(budget_bytes, 0.9);
    super::clean(&test.log, &plan, &mut map, &mut Unhurried, 7, now)
}

/// Cleans all that may be cleaned.
fn clean(test: &TestLog, now: Timestamp) -> Cleaned {
    clean_with(test, -1, 1 << 20, now).unwrap().unwrap()
}

fn stored(offset: i64, key: &str, value: Option<&str>) -> Stored {
    (offset, Some(key.to_string()), value.map(str::to_string))
}

/// What a reader from the start ends up with.
fn table(records: &[Stored]) -> BTreeMap<String, String> {
    let mut table = BTreeMap::new();
    for (_, key, value) in records {
        let key = key.clone().unwrap();
        match value {
            Some(value) => drop(table.insert(key, value.clone())),
            None => drop(table.remove(&key)),
        }
    }
    table
}

/// The offsets of all batches, and how many records each has.
fn batches(test: &TestLog) -> Vec<(i64, i32)> {
    test.headers().iter().map(|header| (header.base_offset.0, header.record_count)).collect()
}

#[test]
fn last_record_of_each_key_is_kept_at_its_offset() {
    let mut test = compacted(4);
    for (key, value) in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1"), ("a", "3"), ("b", "2")] {
        put(&test, key, Some(value));
    }
    close(&test, 10);
    put(&test, "a", Some("not seen"));
    test.replicate();
    let cleaned = clean(&test, NOW);
    let expected = [
        stored(3, "c", Some("1")),
        stored(4, "a", Some("3")),
        stored(5, "b", Some("2")),
        stored(6, "end", Some("x")),
        stored(7, "a", Some("not seen")),
    ];
    assert_eq!(test.records(), expected);
    assert_eq!((cleaned.end_offset, cleaned.records_read, cleaned.records_kept), (Offset(6), 6, 3));
    assert!(cleaned.bytes_after < cleaned.bytes_before);
    assert_eq!((test.log.log_start_offset(), test.log.log_end_offset()), (Offset(0), Offset(8)));
    let again = clean_with(&test, 6, 1 << 20, NOW).unwrap().unwrap();
    assert_eq!((again.end_offset, test.records()), (Offset(6), expected.to_vec()));
    for was_clean in [true, false] {
        if was_clean {
            test.reopen()
        } else {
            test.kill()
        };
        assert_eq!(test.records(), expected);
    }
    assert_eq!(test.files(".cleaned").len() + test.files(".swap").len(), 0);
}

#[test]
fn batch_loses_some_of_its_records_whatever_its_codec() {
    for compression in [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let test = compacted(10);
        let options = BatchOptions { compression, ..producer(4, 2, 8) };
        let records = [("a", Some("1")), ("b", Some("1")), ("a", Some("2")), ("c", None)];
        test.append(&keyed(options, NOW, &records));
        test.append(&keyed(producer(4, 2, 12), NOW, &[("b", Some("2"))]));
        close(&test, 10);
        clean(&test, NOW);
        let expected = [
            stored(2, "a", Some("2")),
            stored(3, "c", None),
            stored(4, "b", Some("2")),
            stored(5, "end", Some("x")),
        ];
        assert_eq!(test.records(), expected, "{compression}");
        let header = test.headers()[0];
        let range = (header.base_offset, header.last_offset(), header.base_sequence);
        assert_eq!(range, (Offset(0), Offset(3), Sequence(8)), "what it takes up stays");
        assert_eq!(header.attributes.compression().unwrap(), compression);
    }
}

#[test]
fn tombstone_stays_for_its_retention_and_then_goes() {
    let test = compacted(10);
    put(&test, "a", Some("1"));
    put(&test, "a", None);
    put(&test, "b", Some("1"));
    close(&test, 10);
    clean(&test, NOW);
    let with_tombstone =
        vec![stored(1, "a", None), stored(2, "b", Some("1")), stored(3, "end", Some("x"))];
    assert_eq!(test.records(), with_tombstone);
    assert_eq!(test.headers()[0].delete_horizon(), Some(later(DAY_MS)));
    clean(&test, later(DAY_MS - 1));
    assert_eq!(test.records(), with_tombstone);
    clean(&test, later(DAY_MS));
    assert_eq!(test.records(), with_tombstone[1..]);
}

#[test]
fn record_without_a_key_goes() {
    let test = compacted(10);
    test.log.set_config(Arc::default());
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(NOW, None, Some(b"from before the topic was compacted"), &[]);
    builder.append(NOW, Some(b"k"), Some(b"v"), &[]);
    test.append(&builder.build().into());
    test.log.set_config(Arc::clone(&test.config));
    close(&test, 10);
    clean(&test, NOW);
    assert_eq!(test.records(), [stored(1, "k", Some("v")), stored(2, "end", Some("x"))]);
}

#[test]
fn last_batch_of_a_producer_is_kept_empty() {
    let mut test = compacted(10);
    test.append(&keyed(producer(1, 0, 0), NOW, &[("a", Some("1"))]));
    test.append(&keyed(producer(1, 0, 1), NOW, &[("a", Some("2")), ("a", Some("3"))]));
    test.append(&keyed(producer(2, 0, 0), NOW, &[("a", Some("4"))]));
    put(&test, "b", Some("1"));
    close(&test, 10);
    clean(&test, NOW);
    assert_eq!(batches(&test), [(1, 0), (3, 1), (4, 1), (5, 1)]);
    test.log.close().unwrap();
    for name in test.files(".snapshot") {
        std::fs::remove_file(test.file(&name)).unwrap();
    }
    let mut options = test.checkpointed();
    options.was_clean = true;
    test.open(options);
    // Its sequence is known by nothing but the empty batch.
    assert!(test.append(&keyed(producer(1, 0, 1), NOW, &[("a", None), ("a", None)])).is_duplicate);
    let skipped = test.try_append(&keyed(producer(1, 0, 4), NOW, &[("c", None)]), NOW);
    assert!(matches!(skipped, Err(Error::Rejected(_))));
    // It goes when the producer is forgotten.
    test.log.expire_producers(later(DAY_MS), 1);
    clean(&test, NOW);
    assert_eq!(batches(&test), [(3, 1), (4, 1), (5, 1)]);
}

#[test]
fn last_batch_of_a_round_is_kept_empty() {
    let mut test = compacted(10);
    put(&test, "a", Some("1"));
    put(&test, "end", Some("old"));
    put(&test, "a", None);
    close(&test, 10);
    clean(&test, NOW);
    clean(&test, later(DAY_MS));
    // All its records are gone, but where the next segment begins is still told by a batch.
    assert_eq!(batches(&test), [(1, 1), (2, 0), (3, 1)]);
    test.reopen();
    assert_eq!(test.append(&plain(1)).first_offset, Offset(4));
}

#[test]
fn aborted_records_go_and_their_marker_when_nothing_is_left() {
    let test = compacted(100);
    test.append(&keyed(transactional(1, 0, 0), NOW, &[("a", Some("aborted"))]));
    put(&test, "a", Some("kept"));
    test.append(&keyed(transactional(2, 0, 0), NOW, &[("b", Some("committed"))]));
    test.mark(&marker(ControlType::Abort, 1, 0, 0));
    test.mark(&marker(ControlType::Commit, 2, 0, 0));
    put(&test, "c", Some("1"));
    close(&test, 10);
    let aborted = |test: &TestLog| test.log.aborted_transactions(Offset(0), Offset(99)).unwrap();
    assert_eq!(aborted(&test).len(), 1);

    // Empty batches of producers that are still known are left, until those expire.
    test.log.expire_producers(later(2 * DAY_MS), 1);
    clean(&test, NOW);
    let kept = vec![
        stored(1, "a", Some("kept")),
        stored(2, "b", Some("committed")),
        stored(5, "c", Some("1")),
        stored(6, "end", Some("x")),
    ];
    assert_eq!(test.records(), kept);
    assert_eq!(batches(&test), [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1)], "both markers");
    assert_eq!(aborted(&test).len(), 1, "a reader may be between the two");

    clean(&test, later(1));
    assert_eq!((test.records(), aborted(&test).len()), (kept.clone(), 0));
    let horizons: Vec<_> = test.headers().iter().map(|header| header.delete_horizon()).collect();
    assert_eq!(horizons, [None, None, Some(later(DAY_MS + 1)), None, None, None]);

    clean(&test, later(DAY_MS + 1));
    assert_eq!(batches(&test), [(1, 1), (2, 1), (4, 1), (5, 1), (6, 1)]);
    assert_eq!(test.records(), kept);
}

#[test]
fn marker_goes_with_the_last_record_that_was_committed() {
    let test = compacted(100);
    test.append(&keyed(transactional(2, 0, 0), NOW, &[("b", Some("committed"))]));
    test.mark(&marker(ControlType::Commit, 2, 0, 0));
    put(&test, "b", Some("newer"));
    close(&test, 10);
    test.log.expire_producers(later(2 * DAY_MS), 1);
    clean(&test, NOW);
    assert_eq!(batches(&test), [(1, 1), (2, 1), (3, 1)]);
    clean(&test, NOW);
    clean(&test, later(DAY_MS));
    assert_eq!(batches(&test), [(2, 1), (3, 1)]);
}

#[test]
fn nothing_is_cleaned_past_an_open_transaction() {
    let test = compacted(3);
    for _ in 0..3 {
        put(&test, "a", Some("1"));
    }
    test.append(&keyed(transactional(1, 0, 0), NOW, &[("a", Some("open"))]));
    for _ in 0..6 {
        put(&test, "a", Some("2"));
    }
    close(&test, 10);
    let plan = test.log.plan_cleaning(Offset(-1), NOW).unwrap();
    assert_eq!(plan.first_uncleanable, test.log.last_stable_offset());
    clean(&test, NOW);
    let offsets = test.offsets();
    assert_eq!(offsets, [2, 3, 4, 5, 6, 7, 8, 9, 10]);
    test.mark(&marker(ControlType::Abort, 1, 0, 0));
    test.replicate();
    clean(&test, NOW);
    assert_eq!(table(&test.records())["a"], "2");
    assert_eq!(test.offsets().len(), 2);
}

#[test]
fn aborted_transaction_behind_a_full_map_stays_aborted() {
    let test = compacted(100);
    for number in 0..4 {
        put(&test, &format!("key {number}"), Some("1"));
    }
    test.append(&keyed(transactional(1, 0, 0), NOW, &[("key 0", Some("aborted"))]));
    test.mark(&marker(ControlType::Abort, 1, 0, 0));
    close(&test, 10);
    test.log.expire_producers(later(2 * DAY_MS), 1);
    // Room for three keys: the rest of the segment is copied, and what was aborted in it must not come to light.
    let cleaned = clean_with(&test, -1, 25 * 4, NOW).unwrap().unwrap();
    assert_eq!(cleaned.end_offset, Offset(3));
    assert!(test.records().iter().all(|(_, _, value)| value.as_deref() != Some("aborted")));
    assert_eq!(test.log.aborted_transactions(Offset(0), Offset(99)).unwrap().len(), 1);
}

#[test]
fn map_that_is_full_takes_several_passes() {
    let test = compacted(1_000);
    let keys = 20;
    for round in 0..3 {
        for key in 0..keys {
            put(&test, &format!("key {key}"), Some(&round.to_string()));
        }
    }
    close(&test, 10);
    let expected = table(&test.records());
    let mut cleaned_to = -1;
    let mut passes = 0;
    loop {
        let plan = test.log.plan_cleaning(Offset(cleaned_to), NOW).unwrap();
        if plan.dirty_bytes == 0 {
            break;
        }
        // Seven keys a pass.
        let cleaned = clean_with(&test, cleaned_to, 25 * 8, NOW).unwrap().unwrap();
        assert!(cleaned.end_offset.0 > cleaned_to, "{cleaned:?}");
        assert_eq!(table(&test.records()), expected);
        (cleaned_to, passes) = (cleaned.end_offset.0, passes + 1);
    }
    assert!((8..=10).contains(&passes), "{passes} passes");
    let offsets: Vec<_> = (2 * keys..=3 * keys).collect();
    assert_eq!(test.offsets(), offsets);
}

#[test]
fn small_segments_become_one_again() {
    let test = compacted(5);
    for number in 0..50 {
        put(&test, &format!("{}", number % 4), Some("v"));
    }
    close(&test, 10);
    assert!(test.log.segment_count() > 10);
    test.chores(NOW);
    // As large as they were they do not fit together; as small as they are then they do.
    clean(&test, NOW);
    clean(&test, NOW);
    assert_eq!((test.log.segment_count(), test.offsets()), (2, vec![46, 47, 48, 49, 50]));
    let found = test.log.offset_for_timestamp(NOW).unwrap();
    assert_eq!(found.map(|found| found.offset), Some(Offset(46)));
    test.chores(later(60_000));
    assert_eq!((test.files(".log").len(), test.files(".deleted").len()), (2, 0));
    assert_eq!(test.files(".snapshot").len(), 1, "the one of the active segment");
}

#[test]
fn cleaned_part_is_on_stable_storage_first() {
    let test = compacted(3);
    for _ in 0..9 {
        put(&test, "a", Some("1"));
    }
    close(&test, 10);
    assert_eq!(test.log.flushed_offset(), Offset(0));
    let cleaned = clean(&test, NOW);
    assert!(test.log.flushed_offset() >= cleaned.end_offset);
}

#[test]
fn compaction_lag_and_ratio_are_seen_by_the_plan_of_a_log() {
    let test = TestLog::with(|config| {
        config.cleanup_policy.compact = true;
        config.segment_bytes = 150;
        (config.min_compaction_lag_ms, config.max_compaction_lag_ms) = (2_000, 8_000);
    });
    for second in 0..6 {
        let bytes: Bytes = at(BatchOptions::default(), 1, 30, later(second * 1_000));
        test.try_append(&bytes, later(second * 1_000)).unwrap();
    }
    test.replicate();
    assert_eq!(test.log.segment_count(), 6);
    let plan = |cleaned_to, now| test.log.plan_cleaning(Offset(cleaned_to), now).unwrap();
    assert_eq!(plan(-1, later(4_999)).first_uncleanable, Offset(3));
    assert_eq!(plan(-1, later(5_000)).first_uncleanable, Offset(4));
    assert_eq!(plan(-1, later(60_000)).first_uncleanable, Offset(5));
    let overdue = [(-1, 8_000), (-1, 8_001), (2, 10_000), (2, 10_001)];
    assert_eq!(
        overdue.map(|(cleaned_to, ms)| plan(cleaned_to, later(ms)).is_overdue),
        [false, true, false, true]
    );
    let half = plan(3, later(60_000));
    assert!((half.dirty_ratio() - 0.4).abs() < 0.01, "{half:?}");
}
