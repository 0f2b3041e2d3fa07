//! Offsets by timestamp.

use protocol::record::{BatchBuilder, BatchOptions};

use super::*;
use crate::testing::batches::{NOW, at, later, plain};
use crate::testing::logs::TestLog;

/// Batches of two records each, at `NOW` plus these milliseconds.
fn filled(times: &[(i64, i64)]) -> TestLog {
    let test = TestLog::with(|config| {
        config.segment_bytes = 400;
        config.index_interval_bytes = 0;
    });
    for (first, second) in times {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        for ms in [first, second] {
            builder.append(later(*ms), Some(b"k"), Some(&[b'v'; 50]), &[]);
        }
        test.append(&builder.build().into());
    }
    test.replicate();
    test
}

/// The offset found and its time.
fn find(test: &TestLog, ms: i64) -> Option<(i64, i64)> {
    let found = test.log.offset_for_timestamp(later(ms)).unwrap()?;
    assert_eq!(found.leader_epoch, LeaderEpoch(0));
    Some((found.offset.0, found.timestamp.0 - NOW.0))
}

fn find_max(test: &TestLog) -> Option<(i64, i64)> {
    let found = test.log.offset_of_max_timestamp().unwrap()?;
    Some((found.offset.0, found.timestamp.0 - NOW.0))
}

#[test]
fn first_record_at_or_behind_a_time_is_found_across_segments() {
    let times: Vec<_> = (0..20).map(|batch| (batch * 20, batch * 20 + 10)).collect();
    let mut test = filled(&times);
    assert!(test.log.segment_count() > 5);
    for _ in 0..2 {
        for record in 0..40 {
            assert_eq!(find(&test, record * 10), Some((record, record * 10)));
            assert_eq!(find(&test, record * 10 - 9), Some((record, record * 10)));
        }
        assert_eq!(find(&test, 391), None);
        assert_eq!(find(&test, i64::MIN / 2), Some((0, 0)));
        assert_eq!(find_max(&test), Some((39, 390)));
        test.reopen();
    }
}

#[test]
fn times_out_of_order_are_found_by_the_first_that_is_late_enough() {
    let test = filled(&[(50, 10), (20, 30), (90, 40), (60, 70), (5, 80)]);
    for (ms, expected) in [(0, 0), (50, 0), (51, 4), (90, 4)] {
        assert_eq!(find(&test, ms).map(|(offset, _)| offset), Some(expected), "{ms}");
    }
    assert_eq!(find(&test, 91), None);
    assert_eq!(find_max(&test), Some((4, 90)));
}

#[test]
fn first_of_several_records_with_the_greatest_time_is_found() {
    let test = filled(&[(1, 7), (7, 7), (7, 3)]);
    assert_eq!((find_max(&test), find(&test, 7)), (Some((1, 7)), Some((1, 7))));
}

#[test]
fn records_before_the_log_start_are_not_found() {
    let test = filled(&[(90, 91), (10, 20), (30, 40), (50, 60), (70, 95)]);
    test.log.delete_records_before(Offset(1)).unwrap();
    assert_eq!((find(&test, 90), find(&test, 0)), (Some((1, 91)), Some((1, 91))));
    // The segment's latest record is before the start; a later segment has another one.
    test.log.delete_records_before(Offset(2)).unwrap();
    assert_eq!((find(&test, 80), find(&test, 35)), (Some((9, 95)), Some((5, 40))));
}

#[test]
fn records_without_times_are_found_by_none() {
    let test = TestLog::new();
    assert_eq!((test.log.offset_for_timestamp(NOW).unwrap(), find_max(&test)), (None, None));
    test.append(&at(BatchOptions::default(), 3, 10, Timestamp::NONE));
    assert_eq!(find(&test, 0), None);
    test.append(&plain(1));
    assert_eq!((find(&test, 0), find_max(&test)), (Some((3, 0)), Some((3, 0))));
}

#[test]
fn damaged_time_index_is_not_believed() {
    let times: Vec<_> = (0..20).map(|batch| (batch * 20, batch * 20 + 10)).collect();
    let mut test = filled(&times);
    test.log.close().unwrap();
    let index = test.file("00000000000000000000.timeindex");
    let good = std::fs::read(&index).unwrap();
    let mut options = test.checkpointed();
    options.was_clean = true;
    for byte in [0, good.len() - 12] {
        let mut damaged = good.clone();
        damaged[byte] ^= 0x80;
        std::fs::write(&index, damaged).unwrap();
        test.open(options.clone());
        assert_eq!((find(&test, 15), find(&test, 20)), (Some((2, 20)), Some((2, 20))));
        test.chores(NOW);
        test.log.close().unwrap();
    }
}
