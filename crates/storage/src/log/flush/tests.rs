//! What is durable when, and how one sync serves all who wait.

use std::io::ErrorKind;
use std::sync::Barrier;

use protocol::{LeaderEpoch, Timestamp};

use super::*;
use crate::testing::batches::{NOW, at, later, plain, producer, sized};
use crate::testing::disk::Step;
use crate::testing::logs::TestLog;

#[test]
fn flush_makes_everything_durable_and_says_so() {
    let test = TestLog::new();
    test.append(&plain(3));
    assert_eq!(test.log.flushed_offset(), Offset(0));
    test.log.flush().unwrap();
    assert_eq!((test.log.flushed_offset(), test.log.recovery_point()), (Offset(3), Offset(0)));
    let steps = test.disk.step_count();
    test.log.flush_to(Offset(2)).unwrap();
    test.log.flush().unwrap();
    assert_eq!(test.disk.step_count(), steps, "nothing to do");
}

#[test]
fn flush_reaches_over_segments_and_syncs_each_once() {
    let bytes = sized(1, 100);
    let test = TestLog::with(|config| config.segment_bytes = u32::try_from(bytes.len()).unwrap());
    test.fill(&bytes, 5);
    let steps = test.disk.step_count();
    test.log.flush().unwrap();
    assert_eq!(test.disk.step_count() - steps, 7, "five files, their directory and its own");
    test.append(&bytes);
    let steps = test.disk.step_count();
    test.log.flush().unwrap();
    assert_eq!(test.disk.step_count() - steps, 2, "one file and the directory");
}

#[test]
fn those_who_wait_together_are_served_by_one_sync() {
    let test = TestLog::new();
    let threads = 8;
    let barrier = Barrier::new(threads);
    let steps = test.disk.step_count();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let appended = test.append(&plain(1));
                barrier.wait();
                test.log.flush_to(appended.last_offset.next()).unwrap();
                assert!(test.log.flushed_offset() > appended.last_offset);
            });
        }
    });
    // Every append is a write of its own; the file is made once, and it, its directory and that one's are synced once.
    assert_eq!(test.disk.step_count() - steps, threads as u64 + 4);
}

#[test]
fn failed_sync_takes_the_directory_offline_and_promises_nothing() {
    // A sync that finds no room has lost what it could not write, like any other that fails.
    for (step, kind) in [
        (Step::Sync, ErrorKind::Other),
        (Step::Sync, ErrorKind::StorageFull),
        (Step::SyncDir, ErrorKind::StorageFull),
    ] {
        let test = TestLog::new();
        test.append(&plain(1));
        test.disk.fail(step, kind);
        assert!(matches!(test.log.flush(), Err(Error::Io { .. })), "{step:?} {kind}");
        test.disk.heal();
        assert!(matches!(test.log.flush(), Err(Error::Offline { .. })));
        assert_eq!(test.log.flushed_offset(), Offset(0));
        assert!(test.try_append(&plain(1), NOW).is_err());
    }
}

#[test]
fn record_waits_no_longer_than_flush_ms() {
    let test = TestLog::with(|config| config.flush_ms = 1_000);
    assert!(!test.log.is_flush_due(later(i64::MAX / 2)));
    test.try_append(&plain(1), NOW).unwrap();
    test.try_append(&plain(1), later(900)).unwrap();
    assert_eq!([999, 1_000].map(|ms| test.log.is_flush_due(later(ms))), [false, true]);
    test.log.flush().unwrap();
    assert!(!test.log.is_flush_due(later(5_000)));
    test.try_append(&plain(1), later(5_000)).unwrap();
    assert_eq!([5_999, 6_000].map(|ms| test.log.is_flush_due(later(ms))), [false, true]);
    let never = TestLog::new();
    never.append(&plain(1));
    assert!(!never.log.is_flush_due(Timestamp(i64::MAX - 1)));
}

#[test]
fn checkpoint_moves_the_recovery_point_and_leaves_a_snapshot_there() {
    let mut test = TestLog::new();
    test.append(&at(producer(1, 0, 0), 4, 10, NOW));
    test.log.checkpoint().unwrap();
    assert_eq!((test.log.flushed_offset(), test.log.recovery_point()), (Offset(4), Offset(4)));
    assert_eq!(test.files(".snapshot"), ["00000000000000000004.snapshot"]);
    assert_eq!(test.log.bytes_since_checkpoint(), 0);
    let steps = test.disk.step_count();
    test.log.checkpoint().unwrap();
    assert_eq!(test.disk.step_count(), steps);
    test.append(&plain(1));
    test.kill();
    assert_eq!(test.log.producers().len(), 1);
}

#[test]
fn checkpoint_keeps_the_newest_snapshots_and_those_of_segments() {
    let test = TestLog::with(|config| config.segment_bytes = 400);
    let mut snapshots = Vec::new();
    for _ in 0..6 {
        test.append(&sized(1, 100));
        test.log.checkpoint().unwrap();
        test.chores(NOW);
        snapshots = test.files(".snapshot");
    }
    assert!(test.log.segment_count() > 2);
    let bases =
        test.log.segments.load().iter().skip(1).map(|it| it.base_offset()).collect::<Vec<_>>();
    let mut expected: Vec<_> =
        bases.into_iter().chain([Offset(5), Offset(6)]).map(snapshot_name).collect();
    expected.sort();
    expected.dedup();
    assert_eq!(snapshots, expected);
}

#[test]
fn checkpoint_that_fails_forgets_nothing() {
    let mut test = TestLog::new();
    test.append(&plain(1));
    test.log.assign_epoch(LeaderEpoch(7), Offset(1));
    test.append(&plain(1));
    test.log.flush().unwrap();
    test.disk.fail(Step::Rename, ErrorKind::StorageFull);
    assert!(matches!(test.log.checkpoint(), Err(Error::NoSpace { .. })));
    assert_eq!((test.log.recovery_point(), test.dir.offline_reason()), (Offset(0), None));
    test.disk.heal();
    test.log.checkpoint().unwrap();
    assert_eq!(test.log.recovery_point(), Offset(2));
    let mut options = test.checkpointed();
    options.was_clean = true;
    test.open(options);
    assert_eq!(test.log.latest_epoch(), Some(LeaderEpoch(7)));
}

#[test]
fn epochs_that_could_not_be_written_are_written_the_next_time() {
    let test = TestLog::new();
    test.log.assign_epoch(LeaderEpoch(7), Offset(0));
    test.disk.fail(Step::Rename, ErrorKind::StorageFull);
    assert!(test.log.write_epochs().is_err());
    test.disk.heal();
    test.log.write_epochs().unwrap();
    let text = std::fs::read_to_string(test.file(leader_epochs::FILE_NAME)).unwrap();
    assert_eq!(text, "0\n1\n7 0\n");
}
