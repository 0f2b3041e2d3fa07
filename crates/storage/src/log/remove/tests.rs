//! The front of a log and its end, on a real directory.

use std::time::Duration;

use protocol::LeaderEpoch;
use protocol::record::{BatchOptions, ControlType};

use super::*;
use crate::handles::lock;
use crate::testing::batches::{NOW, at, later, marker, plain, producer, sized, transactional};
use crate::testing::disk::Step;
use crate::testing::logs::TestLog;

/// Five segments of two batches of one record: offsets 0 to 9, a second apart.
fn filled(edit: impl FnOnce(&mut config::TopicConfig)) -> TestLog {
    let test = TestLog::with(|config| {
        config.segment_bytes = u32::try_from(sized(1, 100).len()).unwrap() * 2;
        (config.retention_ms, config.retention_bytes) = (None, None);
        edit(config);
    });
    for second in 0..10 {
        let time = later((second - 10) * 1_000);
        test.append(&at(BatchOptions::default(), 1, 100, time));
    }
    test.replicate();
    assert_eq!(test.log.segment_count(), 5);
    test
}

fn segment_bytes() -> u64 {
    sized(1, 100).len() as u64 * 2
}

#[test]
fn retention_by_bytes_deletes_from_the_front() {
    let test = filled(|config| config.retention_bytes = Some(segment_bytes() * 3));
    assert_eq!(test.log.enforce_retention(NOW).unwrap(), 2);
    assert_eq!((test.log.log_start_offset(), test.offsets()), (Offset(4), (4..10).collect()));
    assert_eq!(test.log.size(), segment_bytes() * 3);
    assert_eq!(test.log.enforce_retention(NOW).unwrap(), 0);
}

#[test]
fn retention_by_time_rolls_and_deletes_the_active_segment_too() {
    let test = filled(|config| config.retention_ms = Some(500));
    assert_eq!(test.log.enforce_retention(NOW).unwrap(), 5);
    assert_eq!((test.log.segment_count(), test.log.size()), (1, 0));
    let offsets = (test.log.log_start_offset(), test.log.log_end_offset());
    assert_eq!(offsets, (Offset(10), Offset(10)));
    assert_eq!(test.append(&plain(1)).first_offset, Offset(10));
    assert_eq!(test.offsets(), [10]);
}

#[test]
fn retention_counts_from_the_write_where_records_have_no_time() {
    let test = TestLog::with(|config| config.retention_ms = Some(1_000));
    test.append(&at(BatchOptions::default(), 1, 10, Timestamp::NONE));
    test.replicate();
    assert_eq!(test.log.enforce_retention(later(1_000)).unwrap(), 0);
    assert_eq!(test.log.enforce_retention(later(1_001)).unwrap(), 1);
}

#[test]
fn retention_leaves_what_is_not_replicated() {
    let test = filled(|config| config.retention_ms = Some(0));
    test.append(&plain(1));
    assert_eq!(test.log.enforce_retention(later(60_000)).unwrap(), 5);
    assert_eq!(test.offsets(), [10]);
}

#[test]
fn retention_waits_for_the_end_of_an_open_transaction() {
    let test = filled(|config| config.retention_ms = Some(0));
    test.append(&at(transactional(7, 0, 0), 1, 100, NOW));
    test.append(&plain(1));
    test.replicate();
    assert_eq!(test.log.enforce_retention(later(60_000)).unwrap(), 5);
    assert_eq!((test.log.enforce_retention(later(90_000)).unwrap(), test.offsets()[0]), (0, 10));
    test.mark(&marker(ControlType::Commit, 7, 0, 0));
    assert_eq!(test.log.enforce_retention(later(90_000)).unwrap(), 0, "nobody may read the end");
    test.replicate();
    test.log.enforce_retention(later(90_000)).unwrap();
    assert_eq!(test.log.log_start_offset(), test.log.log_end_offset());
}

#[test]
fn transaction_is_late_when_its_producer_has_been_silent_for_too_long() {
    const LIMIT_MS: i64 = 60_000;
    let test = TestLog::new();
    test.append(&at(transactional(7, 0, 0), 1, 10, NOW));
    test.append(&at(transactional(8, 0, 0), 1, 10, later(LIMIT_MS)));
    let is_late = |ms| test.log.has_late_transaction(later(ms), LIMIT_MS);
    assert_eq!((is_late(6 * LIMIT_MS), is_late(6 * LIMIT_MS + 1)), (false, true));
    test.mark(&marker(ControlType::Abort, 7, 0, 0));
    assert_eq!((is_late(7 * LIMIT_MS), is_late(7 * LIMIT_MS + 1)), (false, true));
    test.mark(&marker(ControlType::Commit, 8, 0, 0));
    assert!(!is_late(i64::from(i32::MAX)));
}

#[test]
fn retention_does_not_take_what_was_appended_since_it_was_planned() {
    let test = filled(|config| config.retention_ms = Some(0));
    let ages = test.log.ages(&test.log.segments.load_full()).unwrap();
    // All five were planned; then the active one got another batch.
    let planned_end = ages.last().unwrap().end_offset;
    test.log.set_config(Arc::new(config::TopicConfig::clone(&test.config)));
    lock(&test.log.writer).first_timestamp = None;
    test.append(&plain(1));
    assert_eq!(test.log.segment_count(), 6, "it did not fit");
    assert_eq!(test.log.remove_front(5, planned_end, NOW).unwrap(), 5);
    let planned_end = test.log.log_end_offset();
    test.append(&plain(1));
    assert_eq!(test.log.remove_front(1, planned_end, NOW).unwrap(), 0);
    assert_eq!(test.offsets(), [10, 11]);
}

#[test]
fn deleted_segments_keep_their_files_for_the_delay() {
    let test = filled(|config| {
        (config.retention_bytes, config.file_delete_delay_ms) = (Some(segment_bytes()), 5_000);
    });
    test.chores(NOW);
    test.log.enforce_retention(NOW).unwrap();
    assert_eq!(test.files(".log").len(), 1);
    assert_eq!(test.files(".log.deleted").len(), 4);
    test.chores(later(4_999));
    assert_eq!(test.files(".log.deleted").len(), 4);
    test.chores(later(5_000));
    assert_eq!(test.files(".deleted"), Vec::<String>::new());
    // The snapshots of what is gone have gone at once.
    assert_eq!(test.files(".snapshot").len(), 1);
    assert_eq!(test.offsets(), [8, 9]);
}

#[test]
fn delete_records_moves_the_start_into_a_segment() {
    let test = filled(|_| {});
    for (offset, start) in [(3, 3), (1, 3), (3, 3), (5, 5)] {
        assert_eq!(test.log.delete_records_before(Offset(offset)).unwrap(), Offset(start));
    }
    assert_eq!(test.offsets(), (5..10).collect::<Vec<_>>());
    assert_eq!(test.log.segment_count(), 5);
    assert_eq!(test.log.enforce_retention(NOW).unwrap(), 2, "those before the start");
    assert_eq!(test.offsets(), (5..10).collect::<Vec<_>>());
    assert_eq!(test.log.log_start_offset(), Offset(5));
    // A start in the active segment leaves it.
    test.log.delete_records_before(Offset(10)).unwrap();
    assert_eq!(test.log.enforce_retention(NOW).unwrap(), 2);
    assert_eq!((test.log.segment_count(), test.offsets()), (1, vec![]));
}

#[test]
fn delete_records_behind_the_high_watermark_is_refused() {
    let test = TestLog::new();
    test.append(&plain(5));
    test.log.update_high_watermark(Offset(3));
    let refused = test.log.delete_records_before(Offset(4));
    assert!(matches!(refused, Err(Error::OutOfRange { log_end: Offset(3), .. })));
    assert_eq!(test.log.delete_records_before(Offset(3)).unwrap(), Offset(3));
}

#[test]
fn delete_records_promises_nothing_about_what_is_on_the_disk() {
    let test = filled(|_| {});
    test.log.delete_records_before(Offset(7)).unwrap();
    assert_eq!((test.log.recovery_point(), test.log.flushed_offset()), (Offset(0), Offset(0)));
    assert_eq!(test.log.epoch_for_offset(Offset(7)), Some(LeaderEpoch(0)));
    assert_eq!(test.log.epoch_for_offset(Offset(6)), None);
}

#[test]
fn start_outlives_a_restart_by_its_checkpoint() {
    let mut test = filled(|_| {});
    test.log.delete_records_before(Offset(7)).unwrap();
    test.reopen();
    assert_eq!((test.log.log_start_offset(), test.offsets()), (Offset(7), vec![7, 8, 9]));
    let mut options = test.checkpointed();
    options.log_start = Offset(0);
    test.open(options);
    assert_eq!(test.log.log_start_offset(), Offset(0), "without it, what is there is back");
}

#[test]
fn closed_log_opens_with_all_it_knew_and_recovers_nothing() {
    let mut test = filled(|_| {});
    test.append(&at(producer(5, 2, 7), 3, 10, NOW));
    test.log.assign_epoch(LeaderEpoch(3), Offset(13));
    test.append(&plain(1));
    test.replicate();
    let (bytes, producers) = (test.bytes(), test.log.producers());
    for _ in 0..2 {
        let opened = test.reopen();
        assert_eq!((opened.recovered_bytes, opened.truncated_bytes), (0, 0));
        assert_eq!((test.bytes(), test.log.producers()), (bytes.clone(), producers.clone()));
        let offsets = (test.log.log_end_offset(), test.log.flushed_offset());
        assert_eq!(offsets, (Offset(14), Offset(14)));
        assert_eq!(test.log.high_watermark(), Offset(14));
        assert_eq!(test.log.latest_epoch(), Some(LeaderEpoch(3)));
    }
    assert!(test.append(&at(producer(5, 2, 7), 3, 10, NOW)).is_duplicate);
    assert_eq!(test.append(&plain(1)).first_offset, Offset(14));
}

#[test]
fn closing_trims_and_names_and_leaves_no_spare() {
    let test = TestLog::with(|config| config.segment_bytes = 1_000);
    // Over half full: the chores make the next file; then it is rolled into.
    test.append(&sized(1, 600));
    test.chores(NOW);
    test.append(&sized(1, 600));
    assert_eq!(test.files("next-segment").len(), 1);
    test.log.close().unwrap();
    assert_eq!(test.files("next-segment"), Vec::<String>::new());
    let names = ["00000000000000000000.log", "00000000000000000001.log"];
    assert_eq!(test.files(".log"), names);
    for name in names {
        let length = std::fs::metadata(test.file(name)).unwrap().len();
        assert_eq!(length, sized(1, 600).len() as u64, "{name}");
    }
    test.log.close().unwrap();
}

#[test]
fn deleted_log_is_left_alone_by_what_comes_late() {
    let test = TestLog::with(|config| config.segment_bytes = 1_000);
    test.append(&sized(1, 600));
    test.chores(NOW);
    test.append(&sized(1, 600));
    let retired = test.path().with_file_name("topic-0.1-delete");
    test.log.retire_to(&retired).unwrap();
    assert!(retired.join("00000000000000000001.log").exists(), "the spare got its name");
    test.log.queue_chores();
    test.chores(NOW);
    std::fs::remove_dir_all(&retired).unwrap();
    test.log.queue_chores();
    test.chores(NOW);
    assert!(test.log.flush().is_err());
    assert!(test.log.checkpoint().is_err());
    assert!(test.log.truncate_to(Offset(0), NOW).is_err());
    assert!(test.log.truncate_fully(Offset(0), NOW).is_err());
    assert!(test.log.delete_records_before(Offset(0)).is_err());
    assert!(test.log.enforce_retention(NOW).is_err());
    assert!(test.log.close().is_ok());
    assert_eq!(test.dir.offline_reason(), None);
}

#[test]
fn deletion_needs_no_room_on_the_disk() {
    let test = TestLog::with(|config| config.index_interval_bytes = 0);
    test.fill(&plain(1), 20);
    for step in [Step::Write, Step::Sync, Step::Open, Step::SetLen] {
        test.disk.fail(step, std::io::ErrorKind::StorageFull);
    }
    test.log.retire_to(&test.path().with_file_name("topic-0.1-delete")).unwrap();
    assert!(test.log.is_closed());
}

#[test]
fn chores_behind_a_deletion_do_not_wait_for_its_files() {
    let test = TestLog::new();
    test.append(&plain(1));
    test.dir.wait_for_chores(Duration::from_secs(60));
    test.chores(NOW);
    test.dir.wait_for_chores(Duration::ZERO);
}
