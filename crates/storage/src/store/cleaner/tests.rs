//! Which log is cleaned, and what is not tried again.

use std::io::ErrorKind;

use super::*;
use crate::testing::batches::{NOW, keyed, later};
use crate::testing::disk::Step;
use crate::testing::stores::{TestBroker, append, partition};

/// A broker of compacted topics with three records a segment.
fn broker() -> TestBroker {
    TestBroker::with(1, |topic| {
        topic.cleanup_policy.compact = true;
        topic.segment_bytes = 75 * 3;
    })
}

/// A log of so many records, all of one key but the last.
fn filled(broker: &TestBroker, storage: &Storage, number: i32, records: usize) -> Arc<Log> {
    let log = broker.create(storage, &partition("topic", number));
    fill(&log, records);
    log
}

fn fill(log: &Log, records: usize) {
    for _ in 0..records {
        append(log, &keyed(Default::default(), NOW, &[("a", Some("1"))]), NOW).unwrap();
    }
}

fn chosen(storage: &Storage, now: Timestamp) -> Option<i32> {
    let (log, _) = storage.choose(now)?;
    let topic_partition = log.topic_partition();
    lock(&storage.cleaner.progress).busy.remove(topic_partition);
    Some(topic_partition.partition.0)
}

#[test]
fn dirtiest_log_is_cleaned_first_and_none_twice() {
    let broker = broker();
    let (storage, _) = broker.start();
    let logs: Vec<_> = [10, 13, 10]
        .into_iter()
        .zip(0..)
        .map(|(records, number)| filled(&broker, &storage, number, records))
        .collect();
    assert!(storage.clean_one(NOW).unwrap() && storage.clean_one(NOW).unwrap());
    assert!(storage.clean_one(NOW).unwrap());
    assert!(!storage.clean_one(NOW).unwrap(), "all are clean");
    // The first gets as much again as is left of it, the second three times as much.
    fill(&logs[0], 3);
    fill(&logs[1], 9);
    assert_eq!(chosen(&storage, NOW), Some(1));
    let stats = storage.cleaner_stats();
    assert_eq!((stats.runs, stats.uncleanable_logs), (3, 0));
    assert!(stats.bytes_after < stats.bytes_before / 2);
    let text = std::fs::read_to_string(broker.dir(0).join("cleaner-offset-checkpoint")).unwrap();
    assert_eq!(text, "0\n3\ntopic 0 9\ntopic 1 12\ntopic 2 9\n");
}

#[test]
fn overdue_log_goes_before_dirtier_ones() {
    let broker = broker();
    let (storage, _) = broker.start();
    filled(&broker, &storage, 0, 10);
    let overdue = filled(&broker, &storage, 1, 10);
    assert!(storage.clean_one(NOW).unwrap() && storage.clean_one(NOW).unwrap());
    fill(&storage.log(&partition("topic", 0)).unwrap(), 12);
    fill(&overdue, 3);
    assert_eq!(chosen(&storage, later(100)), Some(0));
    let mut config = config::TopicConfig::clone(&overdue.config());
    config.max_compaction_lag_ms = 50;
    overdue.set_config(Arc::new(config));
    assert_eq!(chosen(&storage, later(100)), Some(1));
}

#[test]
fn only_logs_that_may_be_cleaned_are() {
    let broker = broker();
    let (storage, _) = broker.start();
    let log = filled(&broker, &storage, 0, 10);
    let mut config = config::TopicConfig::clone(&log.config());
    config.cleanup_policy.compact = false;
    log.set_config(Arc::new(config));
    assert_eq!(chosen(&storage, NOW), None, "not a compacted topic");
    log.set_config(Arc::clone(&broker.topic));
    let (chosen_log, _) = storage.choose(NOW).unwrap();
    assert!(Arc::ptr_eq(&chosen_log, &log));
    assert_eq!(chosen(&storage, NOW), None, "another thread is at it");
    lock(&storage.cleaner.progress).busy.clear();
    log.dir().take_offline("a test");
    assert_eq!(chosen(&storage, NOW), None, "the disk has failed");
}

#[test]
fn checkpoint_outlives_a_restart() {
    let broker = broker();
    let (storage, _) = broker.start();
    filled(&broker, &storage, 0, 10);
    assert!(storage.clean_one(NOW).unwrap());
    storage.close(1).unwrap();
    drop(storage);
    let (storage, _) = broker.start();
    assert!(!storage.clean_one(NOW).unwrap());
}

#[test]
fn damaged_log_is_given_up_and_others_are_cleaned() {
    // Damage that the plan meets, and damage that the cleaning meets.
    for (byte, lag_ms) in [(16, 1), (16, i64::MAX), (70, i64::MAX)] {
        let mut broker = broker();
        let (storage, _) = broker.start();
        filled(&broker, &storage, 0, 10);
        filled(&broker, &storage, 1, 10);
        storage.close(1).unwrap();
        drop(storage);
        let path = broker.dir(0).join("topic-0/00000000000000000003.log");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[byte] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        broker.topic = Arc::new(config::TopicConfig {
            max_compaction_lag_ms: lag_ms,
            ..config::TopicConfig::clone(&broker.topic)
        });
        let (storage, report) = broker.start();
        assert_eq!(report.failed, 0);
        while storage.clean_one(later(1_000)).unwrap() {}
        let stats = storage.cleaner_stats();
        assert_eq!((stats.runs, stats.uncleanable_logs), (1, 1), "{byte} {lag_ms}");
        // A partition that is made again is another one.
        storage.delete([&partition("topic", 0)], NOW).unwrap();
        assert_eq!(storage.cleaner_stats().uncleanable_logs, 0);
        filled(&broker, &storage, 0, 10);
        assert!(storage.clean_one(later(1_000)).unwrap());
    }
}

#[test]
fn want_of_room_is_no_reason_to_give_a_log_up() {
    let broker = broker();
    let (storage, _) = broker.start();
    let log = filled(&broker, &storage, 0, 10);
    log.flush().unwrap();
    broker.disk.fail(Step::Write, ErrorKind::StorageFull);
    assert!(matches!(storage.clean_one(NOW), Err(Error::NoSpace { .. })));
    broker.disk.heal();
    assert_eq!(storage.cleaner_stats().uncleanable_logs, 0);
    assert!(storage.clean_one(NOW).unwrap());
}

#[test]
fn disturbed_cleaning_says_nothing_of_how_far_it_came() {
    let broker = broker();
    let (storage, _) = broker.start();
    let log = filled(&broker, &storage, 0, 10);
    let key = log.topic_partition();
    let cleaner = &storage.cleaner;
    assert!(!cleaner.lower(key, Offset(3)));
    lock(&cleaner.progress).cleaned_to.insert(key.clone(), Offset(9));
    assert!(!cleaner.lower(key, Offset(9)) && cleaner.lower(key, Offset(3)));
    assert_eq!(lock(&cleaner.progress).cleaned_to[key], Offset(3));
    assert!(lock(&cleaner.progress).disturbed.is_empty(), "nobody was cleaning");
    let (chosen_log, _) = storage.choose(NOW).unwrap();
    cleaner.lower(chosen_log.topic_partition(), Offset(5));
    assert!(lock(&cleaner.progress).disturbed.contains(key));
    assert_eq!(lock(&cleaner.progress).cleaned_to[key], Offset(3));
    cleaner.forget(key);
    assert!(lock(&cleaner.progress).cleaned_to.is_empty());
}

#[test]
fn pace_keeps_to_its_rate_and_stops_when_told() {
    let is_stopping = AtomicBool::new(false);
    let mut fast = Throttle::new(f64::MAX, &is_stopping);
    assert!((0..1_000).all(|_| fast.spend(1 << 30).is_continue()));
    let mut slow = Throttle::new(2_000_000.0, &is_stopping);
    // What is read is written as well: 40 ms for 40 kB.
    assert!((0..4).all(|_| slow.spend(10_000).is_continue()));
    assert!(slow.started.elapsed() >= Duration::from_millis(39));
    is_stopping.store(true, Ordering::Relaxed);
    assert!(Throttle::new(1.0, &is_stopping).spend(1 << 30).is_break());
}
