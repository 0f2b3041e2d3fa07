//! What is done behind the appends.

use protocol::Offset;

use super::*;
use crate::testing::batches::{NOW, at, plain, producer, sized};
use crate::testing::disk::Step;
use crate::testing::logs::TestLog;

#[test]
fn roll_leaves_its_work_to_the_chores() {
    let test = TestLog::with(|config| config.segment_bytes = 500);
    test.append(&at(producer(1, 0, 0), 1, 300, NOW));
    let steps = test.disk.step_count();
    test.append(&sized(1, 300));
    assert_eq!(test.log.segment_count(), 2);
    assert_eq!(test.disk.step_count() - steps, 2, "a file and a write");
    assert_eq!(test.files(".snapshot"), Vec::<String>::new());
    test.chores(NOW);
    assert_eq!(test.files(".snapshot"), ["00000000000000000001.snapshot"]);
    assert_eq!(test.log.recovery_point(), Offset(1));
    let sealed = test.log.segments.load()[0].size();
    let length = std::fs::metadata(test.file("00000000000000000000.log")).unwrap().len();
    assert_eq!(length, u64::from(sealed));
}

#[test]
fn next_file_is_made_ahead_and_renamed_behind_the_roll() {
    let mut test = TestLog::with(|config| config.segment_bytes = 1_000);
    test.append(&sized(1, 100));
    test.chores(NOW);
    assert_eq!(test.files(SPARE_FILE), Vec::<String>::new(), "not half full yet");
    test.append(&sized(1, 400));
    test.chores(NOW);
    assert_eq!(test.files(SPARE_FILE).len(), 1);
    test.append(&sized(1, 350));
    assert_eq!((test.log.segment_count(), test.files(".log").len()), (2, 1));
    assert_eq!(test.offsets(), [0, 1, 2], "read from the file without a name");
    test.chores(NOW);
    assert_eq!((test.files(".log").len(), test.files(SPARE_FILE).len()), (2, 0));
    test.reopen();
    assert_eq!(test.offsets(), [0, 1, 2]);
}

#[test]
fn flush_names_the_active_file_before_it_promises_anything() {
    let mut test = TestLog::with(|config| config.segment_bytes = 1_000);
    test.append(&sized(1, 600));
    test.chores(NOW);
    test.append(&sized(1, 600));
    assert_eq!(test.files(SPARE_FILE).len(), 1);
    test.log.flush().unwrap();
    assert_eq!((test.files(".log").len(), test.files(SPARE_FILE).len()), (2, 0));
    test.kill();
    assert_eq!(test.offsets(), [0, 1]);
}

#[test]
fn blocks_are_reserved_ahead_and_given_back() {
    use std::os::unix::fs::MetadataExt;
    let test = TestLog::new();
    test.append(&plain(1));
    test.chores(NOW);
    let path = test.file("00000000000000000000.log");
    let blocks = || std::fs::metadata(&path).unwrap().blocks() * 512;
    // Not every file system can reserve; where it can, the length shows nothing of it.
    let has_reserved = blocks() >= u64::from(RESERVE_MIN_BYTES);
    let reserved = test.log.active().ahead.reserved.load(Ordering::Relaxed);
    assert_eq!(reserved, reserve_ahead(0) + test.log.active().size());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), plain(1).len() as u64);
    test.log.close().unwrap();
    assert!(!has_reserved || blocks() < u64::from(RESERVE_MIN_BYTES));
}

#[test]
fn reservation_grows_with_the_segment_between_its_bounds() {
    let rows = [
        (0, RESERVE_MIN_BYTES),
        (RESERVE_MIN_BYTES + 1, RESERVE_MIN_BYTES + 1),
        (RESERVE_MAX_BYTES - 1, RESERVE_MAX_BYTES - 1),
        (u32::MAX, RESERVE_MAX_BYTES),
    ];
    for (size, expected) in rows {
        assert_eq!(reserve_ahead(size), expected);
    }
}

#[test]
fn chores_without_room_leave_the_log_working() {
    let test = TestLog::with(|config| config.segment_bytes = 500);
    for _ in 0..3 {
        test.append(&sized(1, 300));
    }
    test.disk.fail(Step::Rename, std::io::ErrorKind::StorageFull);
    test.chores(NOW);
    test.disk.heal();
    assert_eq!(test.dir.offline_reason(), None);
    test.append(&sized(1, 300));
    test.chores(NOW);
    test.log.checkpoint().unwrap();
    assert_eq!((test.log.recovery_point(), test.offsets()), (Offset(4), vec![0, 1, 2, 3]));
}

#[test]
fn busy_log_is_queued_once() {
    let test = TestLog::new();
    for _ in 0..10 {
        test.log.queue_chores();
    }
    test.chores(NOW);
    assert!(!test.log.has_chores.load(Ordering::Relaxed));
    test.log.queue_chores();
    assert!(test.log.has_chores.load(Ordering::Relaxed));
}
