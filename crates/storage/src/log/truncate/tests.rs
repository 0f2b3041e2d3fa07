//! Cutting the end off, and what must not be left of it.

use protocol::record::{BatchOptions, ControlType};
use protocol::{LeaderEpoch, ProducerId};

use super::*;
use crate::error::Error;
use crate::testing::batches::{
    NOW, at, later, marker, plain, producer, replicated, sized, transactional,
};
use crate::testing::disk::Step;
use crate::testing::logs::TestLog;

/// Five segments of two batches of two records: offsets 0 to 19, a second apart.
fn filled() -> TestLog {
    let test = TestLog::with(|config| {
        config.segment_bytes = u32::try_from(sized(2, 100).len()).unwrap() * 2;
        config.index_interval_bytes = 0;
    });
    for second in 0..10 {
        test.append(&at(BatchOptions::default(), 2, 100, later(second * 1_000)));
    }
    assert_eq!(test.log.segment_count(), 5);
    test
}

#[test]
fn truncation_removes_every_record_from_the_offset_on() {
    // What of the batches 0–1, 2–3, … is left, and how many segments.
    let rows =
        [(19, 18, 5), (18, 18, 5), (17, 16, 5), (16, 16, 5), (5, 4, 2), (4, 4, 2), (0, 0, 1)];
    for (target, left, segments) in rows {
        let mut test = filled();
        test.replicate();
        assert!(test.log.truncate_to(Offset(target), NOW).unwrap());
        let check = |test: &TestLog| {
            assert_eq!(test.offsets(), (0..left).collect::<Vec<_>>(), "{target}");
            assert_eq!(test.log.segment_count(), segments, "{target}");
            assert!(test.log.high_watermark() <= test.log.log_end_offset());
            let newest = test.log.offset_of_max_timestamp().unwrap();
            let seconds = (left > 0).then(|| later((left / 2 - 1) * 1_000));
            assert_eq!(newest.map(|found| found.timestamp), seconds, "{target}");
        };
        check(&test);
        assert_eq!(test.log.log_end_offset(), Offset(left), "{target}");
        test.kill();
        check(&test);
        assert_eq!(test.append(&plain(1)).first_offset, Offset(left));
    }
}

#[test]
fn truncation_behind_the_end_changes_no_record() {
    let test = filled();
    for target in [20, 21, 1_000] {
        assert!(!test.log.truncate_to(Offset(target), NOW).unwrap());
    }
    assert_eq!(test.offsets().len(), 20);
    // But an epoch in which nothing was written is forgotten.
    test.log.assign_epoch(LeaderEpoch(4), Offset(20));
    assert!(!test.log.truncate_to(Offset(20), NOW).unwrap());
    assert_eq!(test.log.latest_epoch(), Some(LeaderEpoch(0)));
}

#[test]
fn truncation_before_the_start_begins_anew_there() {
    let test = filled();
    test.replicate();
    test.log.delete_records_before(Offset(11)).unwrap();
    test.log.enforce_retention(NOW).unwrap();
    assert_eq!(test.log.segments.load()[0].base_offset(), Offset(8));
    assert!(test.log.truncate_to(Offset(9), NOW).unwrap());
    let offsets = (test.log.log_start_offset(), test.log.log_end_offset());
    assert_eq!((offsets, test.offsets()), ((Offset(8), Offset(8)), vec![]));
    assert!(!test.log.truncate_to(Offset(9), NOW).unwrap());
    assert!(test.log.truncate_to(Offset(3), NOW).unwrap());
    let offsets = (test.log.log_start_offset(), test.log.log_end_offset());
    assert_eq!(offsets, (Offset(3), Offset(3)));
    assert_eq!(test.append(&plain(1)).first_offset, Offset(3));
}

#[test]
fn full_truncation_begins_anew_anywhere() {
    for offset in [0, 10, 20, 5_000] {
        let mut test = filled();
        test.append(&at(producer(1, 0, 0), 1, 10, NOW));
        test.replicate();
        test.chores(NOW);
        test.log.truncate_fully(Offset(offset), NOW).unwrap();
        let log = &test.log;
        let offsets = [log.log_start_offset(), log.high_watermark(), log.log_end_offset()];
        assert_eq!(offsets, [Offset(offset); 3]);
        assert_eq!((log.latest_epoch(), log.producers().len()), (None, 0));
        assert_eq!((test.files(".snapshot").len(), test.offsets()), (0, vec![]));
        test.append(&plain(2));
        assert_eq!(test.offsets(), [offset, offset + 1]);
        test.kill();
        assert_eq!(test.offsets(), [offset, offset + 1], "after a kill");
    }
}

#[test]
fn truncation_takes_back_what_producers_and_epochs_have_done() {
    let test = TestLog::new();
    test.append(&at(producer(1, 0, 0), 2, 10, NOW));
    test.append(&at(transactional(2, 0, 0), 1, 10, NOW));
    test.replicate();
    test.log.append_as_follower(&replicated(3, 5, 1), LeaderEpoch(5), NOW).unwrap();
    let second = at(producer(1, 0, 2), 2, 10, NOW);
    test.append(&second);
    test.mark(&marker(ControlType::Abort, 2, 0, 0));
    test.log.truncate_to(Offset(3), NOW).unwrap();
    assert_eq!(test.log.latest_epoch(), Some(LeaderEpoch(0)));
    assert_eq!(test.log.aborted_transactions(Offset(0), Offset(9)).unwrap(), []);
    assert_eq!(test.log.last_stable_offset(), Offset(2), "the transaction is open again");
    let appended = test.append(&second);
    assert_eq!((appended.first_offset, appended.is_duplicate), (Offset(3), false));
}

#[test]
fn truncation_forgets_transactions_that_are_replicated() {
    let test = TestLog::new();
    test.append(&at(transactional(1, 0, 0), 1, 10, NOW));
    test.mark(&marker(ControlType::Commit, 1, 0, 0));
    test.replicate();
    test.append(&plain(1));
    test.log.truncate_to(Offset(2), NOW).unwrap();
    assert_eq!(test.log.last_stable_offset(), Offset(2));
}

#[test]
fn truncation_uses_no_snapshot_of_what_it_has_cut() {
    let test = filled();
    test.append(&at(producer(9, 0, 0), 1, 10, NOW));
    // Snapshots at every segment, and one at the end.
    test.chores(NOW);
    test.log.checkpoint().unwrap();
    assert!(test.files(".snapshot").len() >= 5);
    test.log.truncate_to(Offset(10), NOW).unwrap();
    let newest = test.files(".snapshot").pop();
    assert_eq!(newest.as_deref(), Some("00000000000000000008.snapshot"));
    let known: Vec<_> = test.log.producers().iter().map(|(id, _)| *id).collect();
    assert!(!known.contains(&ProducerId(9)));
}

#[test]
fn offsets_on_the_disk_are_lowered_with_the_end() {
    let test = filled();
    test.log.checkpoint().unwrap();
    assert_eq!((test.log.flushed_offset(), test.log.recovery_point()), (Offset(20), Offset(20)));
    test.log.truncate_to(Offset(6), NOW).unwrap();
    assert_eq!((test.log.flushed_offset(), test.log.recovery_point()), (Offset(6), Offset(6)));
    // What is written in place of it is synced anew.
    let steps = test.disk.step_count();
    test.append(&sized(2, 100));
    test.log.flush().unwrap();
    assert!(test.disk.step_count() >= steps + 2);
    assert_eq!(test.log.flushed_offset(), Offset(8));
}

#[test]
fn truncation_that_finds_no_room_is_tried_again_before_anything_is_appended() {
    let test = filled();
    let steady = test.bytes();
    // Somebody reads the segment, so its prefix has to move.
    let reader = test.log.segments.load()[2].view().unwrap();
    test.disk.fail(Step::Write, std::io::ErrorKind::StorageFull);
    let failed = test.log.truncate_to(Offset(10), NOW);
    assert!(matches!(failed, Err(Error::NoSpace { .. })), "{failed:?}");
    test.disk.heal();
    assert!(matches!(test.try_append(&plain(1), NOW), Err(Error::NoSpace { .. })));
    let follower = test.log.append_as_follower(&replicated(10, 0, 1), LeaderEpoch(0), NOW);
    assert!(matches!(follower, Err(Error::NoSpace { .. })));
    assert!(test.log.truncate_to(Offset(10), NOW).unwrap());
    assert_eq!(test.offsets(), (0..10).collect::<Vec<_>>());
    assert_eq!(test.append(&plain(1)).first_offset, Offset(10));
    assert_eq!(test.dir.offline_reason(), None);
    let slice = reader.slice(0, reader.size());
    let start = steady.len() / 5 * 2;
    assert_eq!(
        &slice[..],
        &steady[start..start + slice.len()],
        "the reader's bytes are as they were"
    );
}

#[test]
fn truncation_that_dies_anywhere_leaves_a_prefix_of_whole_segments() {
    for steps in 0.. {
        let mut test = filled();
        test.replicate();
        test.chores(NOW);
        test.log.lower_recovery_point(Offset(7));
        test.disk.die_after(steps);
        let done = test.log.truncate_to(Offset(7), NOW).is_ok();
        test.kill_with(Offset(7));
        let offsets = test.offsets();
        let len = i64::try_from(offsets.len()).unwrap();
        assert_eq!(offsets, (0..len).collect::<Vec<_>>(), "after {steps} steps");
        assert!(len >= 6, "{len} records after {steps} steps");
        // Whatever is left can be cut again, and then appended to.
        test.log.truncate_to(Offset(6), NOW).unwrap();
        test.append(&plain(1));
        assert_eq!(test.offsets(), (0..7).collect::<Vec<_>>());
        if done {
            assert!(steps > 5, "{steps} steps");
            return;
        }
    }
}

#[test]
fn high_watermark_stays_within_the_log_when_both_move() {
    let test = filled();
    std::thread::scope(|scope| {
        let mover = scope.spawn(|| {
            while test.log.log_end_offset() != Offset(3) {
                test.log.update_high_watermark(Offset(20));
            }
        });
        for target in (5..20).rev() {
            test.log.truncate_to(Offset(target), NOW).unwrap();
        }
        test.log.truncate_fully(Offset(1_000), NOW).unwrap();
        test.log.truncate_fully(Offset(3), NOW).unwrap();
        mover.join().unwrap();
    });
    assert_eq!(test.log.high_watermark(), Offset(3));
}
