//! The periodic work by its clock, and the threads that have one.

use std::io::ErrorKind;
use std::time::Instant;

use config::TopicConfig;
use protocol::{Offset, ProducerId};

use super::*;
use crate::error::Error;
use crate::testing::batches::{NOW, at, later, plain, producer, sized};
use crate::testing::disk::Step;
use crate::testing::stores::{TestBroker, append, partition};

/// A storage with one log.
fn started(broker: &TestBroker) -> (Arc<Storage>, Arc<crate::Log>) {
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    (storage, log)
}

/// Waits for what a thread is about to do.
fn wait_until(what: &str, mut is_done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !is_done() {
        assert!(Instant::now() < deadline, "{what} does not happen");
        std::thread::yield_now();
    }
}

#[test]
fn work_is_due_once_an_interval() {
    let mut due = Due::every(100, NOW.0 + 50);
    let taken = [0, 49, 50, 51, 149, 150, 151, 1_000, 1_001, 1_100].map(|ms| due.take(later(ms)));
    assert_eq!(taken, [false, false, true, false, false, true, false, true, false, true]);
    let mut never = Due::every(i64::MAX, i64::MAX);
    assert!(!never.take(later(0)));
}

#[test]
fn unflushed_records_are_flushed_when_they_are_old() {
    let broker = TestBroker::with(1, |topic| topic.flush_ms = 3_000);
    let (storage, log) = started(&broker);
    append(&log, &plain(1), NOW).unwrap();
    storage.tick(later(2_000));
    assert_eq!(log.flushed_offset(), Offset(0));
    storage.tick(later(3_000));
    assert_eq!(log.flushed_offset(), Offset(1));
}

#[test]
fn retention_runs_at_its_interval() {
    let mut broker = TestBroker::with(1, |topic| topic.retention_ms = Some(1_000));
    broker.options.config.initial_task_delay_ms = 30_000;
    broker.options.config.retention_check_interval_ms = 60_000;
    let (storage, log) = started(&broker);
    let append = |ms| append(&log, &at(Default::default(), 1, 10, later(ms)), later(ms)).unwrap();
    append(0);
    storage.tick(later(29_999));
    assert_eq!(log.log_start_offset(), Offset(0));
    storage.tick(later(30_000));
    assert_eq!(log.log_start_offset(), Offset(1));
    append(30_000);
    storage.tick(later(89_999));
    assert_eq!(log.log_start_offset(), Offset(1));
    storage.tick(later(90_000));
    assert_eq!(log.log_start_offset(), Offset(2));
}

#[test]
fn high_watermarks_are_written_every_five_seconds() {
    let broker = TestBroker::new(1);
    let (storage, log) = started(&broker);
    append(&log, &plain(5), NOW).unwrap();
    let path = broker.dir(0).join("replication-offset-checkpoint");
    storage.tick(later(4_999));
    assert!(!path.exists());
    storage.tick(later(5_000));
    assert_eq!(std::fs::read_to_string(path).unwrap(), "0\n1\ntopic 0 5\n");
}

#[test]
fn silent_producers_are_forgotten() {
    let mut broker = TestBroker::new(1);
    broker.options.config.producer_id_expiration_ms = 60_000;
    broker.options.config.producer_id_expiration_check_interval_ms = 10_000;
    let (storage, log) = started(&broker);
    for (id, ms) in [(1, 0), (2, 30_000)] {
        append(&log, &at(producer(id, 0, 0), 1, 10, later(ms)), later(ms)).unwrap();
    }
    let known = |now| {
        storage.tick(later(now));
        let mut known: Vec<_> = log.producers().into_iter().map(|(id, _)| id).collect();
        known.sort();
        known
    };
    assert_eq!(known(59_999), [ProducerId(1), ProducerId(2)]);
    assert_eq!(known(70_000), [ProducerId(2)]);
}

#[test]
fn nearly_full_disk_refuses_clients_until_there_is_room() {
    let mut broker = TestBroker::new(1);
    broker.options.free_bytes_min = 1_000;
    let (storage, log) = started(&broker);
    append(&log, &plain(1), NOW).unwrap();
    broker.disk.set_free_bytes(999);
    storage.tick(later(1_000));
    assert!(matches!(append(&log, &plain(1), NOW), Err(Error::NoSpace { .. })));
    assert_eq!(log.log_end_offset(), Offset(1));
    broker.disk.set_free_bytes(1_000);
    storage.tick(later(2_000));
    append(&log, &plain(1), NOW).unwrap();
    drop((storage, log));
    broker.disk.set_free_bytes(0);
    let (storage, _) = broker.start();
    assert!(storage.dirs().all(|(dir, _)| dir.is_low()), "from the start on");
}

#[test]
fn work_that_fails_does_not_keep_the_rest_from_being_done() {
    let broker = TestBroker::with(1, |topic| topic.file_delete_delay_ms = 0);
    let (storage, log) = started(&broker);
    let doomed = broker.create(&storage, &partition("topic", 1));
    append(&doomed, &plain(1), NOW).unwrap();
    storage.delete([&partition("topic", 1)], NOW).unwrap();
    // A directory in a partition's directory is none of our making, and it is not deleted.
    let name = broker.names(0, "-delete").pop().unwrap();
    std::fs::create_dir_all(broker.dir(0).join(&name).join("zzz/inner")).unwrap();
    append(&log, &plain(1), NOW).unwrap();
    broker.create(&storage, &partition("topic", 2));
    storage.delete([&partition("topic", 2)], NOW).unwrap();
    storage.tick(later(10_000));
    assert_eq!(broker.names(0, "-delete"), [name]);
    let path = broker.dir(0).join("replication-offset-checkpoint");
    assert!(path.exists());
}

#[test]
fn offline_directory_is_left_alone() {
    let broker = TestBroker::with(2, |topic| topic.retention_ms = Some(0));
    let (storage, log) = started(&broker);
    append(&log, &plain(1), NOW).unwrap();
    log.dir().take_offline("a test");
    let steps = broker.disk.step_count();
    storage.tick(later(3_600_000));
    storage.enforce_retention(later(3_600_000));
    // The other directory has its three checkpoint files, of an open, a write, two syncs and a rename each.
    assert!(broker.disk.step_count() - steps <= 4 * 5);
    assert_eq!((log.log_start_offset(), broker.names(0, "-checkpoint").len()), (Offset(0), 0));
}

#[test]
fn threads_start_do_the_work_and_stop() {
    let broker = TestBroker::with(1, |topic| {
        (topic.segment_bytes, topic.file_delete_delay_ms) = (500, 0);
        // Records of these tests are old, and the first tick of the real clock would delete them.
        topic.retention_ms = None;
    });
    let (storage, log) = started(&broker);
    let keeper = Housekeeper::start(&storage).unwrap();
    for _ in 0..3 {
        append(&log, &sized(1, 300), now()).unwrap();
    }
    wait_until("the snapshot of a roll", || log.recovery_point() == Offset(2));
    storage.delete([&partition("topic", 0)], Timestamp(0)).unwrap();
    wait_until("the deletion", || broker.names(0, "-delete").is_empty());
    keeper.stop();
    let (again, other) = (Housekeeper::start(&storage).unwrap(), partition("topic", 1));
    let log = broker.create(&storage, &other);
    for _ in 0..2 {
        append(&log, &sized(1, 300), now()).unwrap();
    }
    wait_until("the snapshot of a roll", || log.recovery_point() == Offset(1));
    drop(again);
    storage.close(1).unwrap();
}

#[test]
fn compaction_goes_on_in_its_threads() {
    let mut broker = TestBroker::with(1, |topic| {
        // Records of these tests are old: retention would leave nothing to compact.
        (topic.cleanup_policy.compact, topic.cleanup_policy.delete) = (true, false);
        (topic.segment_bytes, topic.min_cleanable_dirty_ratio) = (300, 0.0);
    });
    broker.options.config.cleaner.backoff_ms = 1;
    let (storage, log) = started(&broker);
    let keeper = Housekeeper::start(&storage).unwrap();
    for _ in 0..40 {
        append(&log, &plain(1), now()).unwrap();
    }
    wait_until("a cleaning", || storage.cleaner_stats().runs > 0);
    keeper.stop();
    assert!(!storage.clean_one(now()).unwrap(), "none is begun any more");
    let stats = storage.cleaner_stats();
    assert!(stats.bytes_after < stats.bytes_before, "{stats:?}");
}

#[test]
fn settings_take_effect_while_the_threads_run() {
    let mut broker = TestBroker::with(1, |topic| {
        // Records of these tests are old: retention would leave nothing to compact.
        (topic.cleanup_policy.compact, topic.cleanup_policy.delete) = (true, false);
        (topic.segment_bytes, topic.min_cleanable_dirty_ratio) = (300, 0.0);
    });
    broker.options.config.cleaner.enable = false;
    let (storage, log) = started(&broker);
    let keeper = Housekeeper::start(&storage).unwrap();
    for _ in 0..40 {
        append(&log, &plain(1), now()).unwrap();
    }
    let mut config = broker.options.config.clone();
    (config.cleaner.enable, config.cleaner.threads, config.cleaner.backoff_ms) = (true, 2, 1);
    config.cordoned_log_dirs.clone_from(&config.log_dirs);
    config.free_bytes_min = 1_000;
    storage.set_config(config);
    wait_until("a cleaning", || storage.cleaner_stats().runs > 0);
    broker.disk.set_free_bytes(999);
    let (dir, id) = storage.dirs().next().unwrap();
    assert_eq!(storage.cordoned_dirs().collect::<Vec<_>>(), [id]);
    wait_until("a look at the free space", || dir.is_low());
    keeper.stop();
}

#[test]
fn chores_of_a_directory_that_fails_take_it_offline_once() {
    let broker = TestBroker::with(1, |topic: &mut TopicConfig| topic.segment_bytes = 300);
    let (storage, log) = started(&broker);
    for _ in 0..3 {
        append(&log, &sized(1, 100), NOW).unwrap();
    }
    broker.disk.fail(Step::Sync, ErrorKind::Other);
    let (dir, _) = storage.dirs().next().unwrap();
    dir.run_chores(NOW.0);
    assert_eq!(broker.told.offline.lock().unwrap().len(), 1);
    broker.disk.heal();
    dir.run_chores(NOW.0);
    assert_eq!(log.recovery_point(), Offset(0));
}
