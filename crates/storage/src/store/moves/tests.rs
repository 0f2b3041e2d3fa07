//! Logs moved between directories, while they are used and across restarts. The model test moves them too, and takes the
//! power away meanwhile.

use std::path::PathBuf;

use config::StorageConfig;
use protocol::Offset;

use super::*;
use crate::files::checkpoint;
use crate::log::ReadRequest;
use crate::testing::batches::{NOW, later, records_in, sized};
use crate::testing::disk::Step;
use crate::testing::stores::{TestBroker, append, partition};
use config::TopicConfig;

/// Two directories, small segments, and deletions at once.
fn broker() -> TestBroker {
    TestBroker::with(2, |topic: &mut TopicConfig| {
        topic.segment_bytes = 2_000;
        topic.file_delete_delay_ms = 0;
    })
}

fn offsets(log: &Log) -> Vec<i64> {
    let mut offset = log.log_start_offset();
    let mut found = Vec::new();
    while offset < log.log_end_offset() {
        let request = ReadRequest {
            offset,
            max_bytes: u32::MAX,
            bound: log.log_end_offset(),
            at_least_one: true,
            may_block: true,
        };
        let records = records_in(&log.read(&request).unwrap().records.unwrap());
        found.extend(records.iter().map(|(offset, _, _)| *offset));
        offset = Offset(found.last().unwrap() + 1);
    }
    found
}

/// The directory that the log is not in.
fn other_dir(storage: &Storage, log: &Log) -> Arc<LogDir> {
    let mut dirs = storage.dirs().filter(|(dir, _)| !Arc::ptr_eq(dir, &log.dir()));
    Arc::clone(dirs.next().unwrap().0)
}

fn checkpointed(dir: &LogDir, name: &str) -> Vec<i64> {
    let bytes = std::fs::read(dir.path().join(name)).unwrap();
    checkpoint::decode(&bytes).unwrap().into_values().map(|offset| offset.0).collect()
}

#[test]
fn log_is_moved_with_all_that_is_known_of_it() {
    let mut broker = broker();
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    for _ in 0..20 {
        append(&log, &sized(1, 500), NOW).unwrap();
    }
    log.delete_records_before(Offset(5)).unwrap();
    let held = log.read(&ReadRequest {
        offset: Offset(19),
        max_bytes: 1,
        bound: Offset(20),
        at_least_one: true,
        may_block: true,
    });
    let held = held.unwrap().records.unwrap();
    let (from, to) = (log.dir(), other_dir(&storage, &log));
    storage.want_in_dir(log.topic_partition(), &to);
    assert_eq!(storage.moving().len(), 1);
    assert!(storage.move_one(NOW));
    assert!(Arc::ptr_eq(&log.dir(), &to) && log.path().starts_with(to.path()));
    assert_eq!(storage.moving().len(), 0);
    assert!(!storage.move_one(NOW), "it is done");
    assert_eq!(records_in(&held).len(), 1, "a reader keeps what it has");
    let appended = append(&log, &sized(1, 500), NOW).unwrap();
    assert_eq!(appended.first_offset, Offset(20));
    assert_eq!(offsets(&log), (5..21).collect::<Vec<_>>());
    assert_eq!(checkpointed(&to, checkpoint::LOG_START_OFFSET_FILE), [5]);
    assert_eq!(checkpointed(&from, checkpoint::LOG_START_OFFSET_FILE), [] as [i64; 0]);
    storage.tick(later(2_000));
    let left = |dir: &LogDir| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect()
    };
    assert_eq!((left(&from).len(), left(&to)), (0, vec![log.path()]));
    drop((log, storage));
    // As after a kill.
    broker.options.now = later(10_000);
    let (storage, report) = broker.start();
    assert_eq!((report.logs, report.failed), (1, 0));
    let log = storage.log(&partition("topic", 0)).unwrap();
    assert_eq!(offsets(&log), (5..21).collect::<Vec<_>>());
}

#[test]
fn appends_go_on_while_a_log_is_moved_back_and_forth() {
    let broker = broker();
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2_000 {
                append(&log, &sized(1, 100), NOW).unwrap();
            }
            is_done.store(true, Ordering::Release);
        });
        let mut moves = 0;
        while !is_done.load(Ordering::Acquire) || moves == 0 {
            storage.want_in_dir(log.topic_partition(), &other_dir(&storage, &log));
            assert!(storage.move_one(NOW));
            moves += 1;
        }
        assert_eq!(storage.moving().len(), 0);
    });
    assert_eq!(offsets(&log), (0..2_000).collect::<Vec<_>>());
}

#[test]
fn log_that_is_not_there_yet_is_made_where_it_is_wanted() {
    let broker = broker();
    let (storage, _) = broker.start();
    for number in 0..4 {
        let topic_partition = partition("topic", number);
        let (dir, _) = storage.dirs().nth(1).unwrap();
        storage.want_in_dir(&topic_partition, dir);
        assert!(!storage.move_one(NOW), "there is nothing to move");
        assert!(Arc::ptr_eq(&broker.create(&storage, &topic_partition).dir(), dir));
    }
}

#[test]
fn logs_that_are_not_there_are_remembered_up_to_a_bound() {
    let broker = broker();
    let (storage, _) = broker.start();
    let (dir, _) = storage.dirs().nth(1).unwrap();
    let last = i32::try_from(WANTED_MAX).unwrap();
    for number in 0..=last {
        storage.want_in_dir(&partition("absent", number), dir);
    }
    let is_wanted = |number| storage.moves.is_wanted(&partition("absent", number));
    assert_eq!([last - 1, last].map(is_wanted), [true, false]);
    let log = broker.create(&storage, &partition("topic", 0));
    storage.want_in_dir(log.topic_partition(), &other_dir(&storage, &log));
    assert!(storage.move_one(NOW), "it is moved all the same");
}

#[test]
fn move_that_is_not_wanted_any_more_leaves_nothing() {
    let broker = broker();
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    let (from, to) = (log.dir(), other_dir(&storage, &log));
    storage.want_in_dir(log.topic_partition(), &to);
    storage.want_in_dir(log.topic_partition(), &from);
    assert!(!storage.move_one(NOW));
    storage.want_in_dir(log.topic_partition(), &to);
    storage.delete([log.topic_partition()], NOW).unwrap();
    assert!(!storage.move_one(NOW));
}

#[test]
fn move_goes_at_the_rate_that_is_set_and_stands_still_without_one() {
    let broker = broker();
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    append(&log, &sized(1, 500), NOW).unwrap();
    let set_rate = |rate| {
        let config =
            StorageConfig { move_max_bytes_per_second: rate, ..broker.options.config.clone() };
        storage.set_config(config);
    };
    set_rate(0.0);
    let to = other_dir(&storage, &log);
    storage.want_in_dir(log.topic_partition(), &to);
    std::thread::scope(|scope| {
        let moving = scope.spawn(|| storage.move_one(NOW));
        // It has copied, and waits.
        while storage.moving()[0].copied_bytes == 0 {
            std::thread::yield_now();
        }
        assert!(!moving.is_finished() && !Arc::ptr_eq(&log.dir(), &to));
        set_rate(f64::MAX);
        assert!(moving.join().unwrap());
    });
    assert!(Arc::ptr_eq(&log.dir(), &to));
}

#[test]
fn target_without_room_or_that_fails_leaves_the_log_where_it_is() {
    for (kind, is_offline) in
        [(std::io::ErrorKind::StorageFull, false), (std::io::ErrorKind::Other, true)]
    {
        let broker = broker();
        let (storage, _) = broker.start();
        let log = broker.create(&storage, &partition("topic", 0));
        append(&log, &sized(1, 500), NOW).unwrap();
        log.checkpoint().unwrap();
        let (from, to) = (log.dir(), other_dir(&storage, &log));
        storage.want_in_dir(log.topic_partition(), &to);
        broker.disk.fail(Step::Write, kind);
        assert!(storage.move_one(NOW));
        broker.disk.heal();
        assert!(Arc::ptr_eq(&log.dir(), &from) && from.offline_reason().is_none(), "{kind}");
        assert_eq!(to.offline_reason().is_some(), is_offline, "{kind}");
        assert_eq!(storage.moving().len(), 0, "{kind}");
        assert_eq!(append(&log, &sized(1, 500), NOW).unwrap().first_offset, Offset(1));
        assert_eq!(broker.names(0, "-future").len() + broker.names(1, "-future").len(), 0);
    }
}

#[test]
fn copies_that_a_crash_has_left_are_begun_anew_or_completed() {
    let broker = broker();
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    append(&log, &sized(1, 500), NOW).unwrap();
    let (from, to) = (log.dir(), other_dir(&storage, &log));
    let copy = to.path().join("topic-0.1a-future");
    std::fs::create_dir(&copy).unwrap();
    std::fs::write(copy.join("00000000000000000000.log"), "half").unwrap();
    drop((log, storage));
    // Half a copy.
    let (storage, _) = broker.start();
    let log = storage.log(&partition("topic", 0)).unwrap();
    assert!(log.path().starts_with(from.path()) && !copy.exists());
    let moving = storage.moving();
    assert!(moving.iter().all(|moving| moving.dir.path() == to.path()) && moving.len() == 1);
    assert!(storage.move_one(NOW));
    assert_eq!(offsets(&log), [0]);
    drop((moving, log, storage));
    // A whole one, whose log is gone.
    std::fs::rename(to.path().join("topic-0"), &copy).unwrap();
    let (storage, _) = broker.start();
    assert!(storage.log(&partition("topic", 0)).is_none(), "it does not say that it is whole");
    drop(storage);
    std::fs::write(copy.join(WHOLE_FILE), "").unwrap();
    let (storage, _) = broker.start();
    assert_eq!(offsets(&storage.log(&partition("topic", 0)).unwrap()), [0]);
    assert!(storage.moving().is_empty());
}
