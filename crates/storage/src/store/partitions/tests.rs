//! Logs made and deleted, and what a crash leaves of new ones. The model test makes them too, and takes the power away.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use super::*;
use crate::files::{checkpoint, partition_metadata};
use crate::testing::batches::{NOW, later, plain};
use crate::testing::disk::Step;
use crate::testing::stores::{TestBroker, append, partition};

#[test]
fn partition_is_made_once() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    assert!(storage.log(&partition("topic", 0)).is_none());
    let log = broker.create(&storage, &partition("topic", 0));
    append(&log, &plain(1), NOW).unwrap();
    assert!(Arc::ptr_eq(&log, &broker.create(&storage, &partition("topic", 0))));
    assert!(Arc::ptr_eq(&log, &storage.log(&partition("topic", 0)).unwrap()));
    let metadata = fs::read_to_string(log.path().join("partition.metadata")).unwrap();
    assert_eq!(metadata, format!("version: 0\ntopic_id: {}", TopicId([1; 16])));
}

#[test]
fn new_partitions_go_where_there_are_fewest() {
    let mut broker = TestBroker::new(3);
    broker.options.config.cordoned_log_dirs = vec![broker.dir(1)];
    let (storage, _) = broker.start();
    for number in 0..4 {
        broker.create(&storage, &partition("topic", number));
    }
    let counts = || {
        [0, 1, 2].map(|idx| {
            broker.names(idx, "").iter().filter(|name| name.starts_with("topic-")).count()
        })
    };
    assert_eq!(counts(), [2, 0, 2]);
    let in_first = storage.logs().into_iter().find(|log| log.path().starts_with(broker.dir(0)));
    storage.delete([in_first.unwrap().topic_partition()], NOW).unwrap();
    broker.create(&storage, &partition("topic", 9));
    assert_eq!(broker.names(0, "-9"), ["topic-9"], "where one has been deleted");
    let (first, _) = storage.dirs().next().unwrap();
    first.take_offline("a test");
    broker.create(&storage, &partition("topic", 4));
    assert_eq!(broker.names(2, "-4"), ["topic-4"]);
    for (dir, _) in storage.dirs() {
        dir.take_offline("a test");
    }
    let topic = Arc::clone(&broker.topic);
    let refused = storage.create(&partition("topic", 5), TopicId([1; 16]), topic, NOW);
    assert!(matches!(refused, Err(Error::Unusable { reason, .. }) if reason.contains("cordoned")));
}

#[test]
fn deleted_partition_is_gone_at_once_and_its_files_after_the_delay() {
    let broker = TestBroker::with(1, |topic| topic.file_delete_delay_ms = 5_000);
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    append(&log, &plain(1), NOW).unwrap();
    storage.checkpoint().unwrap();
    storage.delete([&partition("topic", 0)], NOW).unwrap();
    assert!(storage.log(&partition("topic", 0)).is_none());
    assert!(append(&log, &plain(1), NOW).is_err());
    assert_eq!((broker.names(0, "topic-0").len(), broker.names(0, "-delete").len()), (0, 1));
    assert_eq!(broker.checkpointed(checkpoint::HIGH_WATERMARK_FILE), BTreeMap::new());
    // It may be made again meanwhile.
    let again = broker.create(&storage, &partition("topic", 0));
    assert_eq!(again.log_end_offset(), Offset(0));
    storage.tick(later(4_999));
    assert_eq!(broker.names(0, "-delete").len(), 1);
    storage.tick(later(6_000));
    assert_eq!((broker.names(0, "-delete").len(), broker.names(0, "topic-0").len()), (0, 1));
    storage.delete([&partition("other", 0)], NOW).unwrap();
}

#[test]
fn partition_is_deleted_from_a_full_disk() {
    let broker = TestBroker::with(1, |topic| topic.file_delete_delay_ms = 0);
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    append(&log, &plain(1), NOW).unwrap();
    broker.disk.fail(Step::Write, ErrorKind::StorageFull);
    assert!(matches!(storage.delete([&partition("topic", 0)], NOW), Err(Error::NoSpace { .. })));
    assert!(storage.log(&partition("topic", 0)).is_none());
    storage.tick(later(1));
    assert_eq!(broker.names(0, "-delete"), Vec::<String>::new(), "the files are gone all the same");
}

#[test]
fn stray_partition_keeps_its_files_under_another_name() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    append(&log, &plain(1), NOW).unwrap();
    storage.mark_stray([&partition("topic", 0)]).unwrap();
    assert!(storage.log(&partition("topic", 0)).is_none());
    storage.tick(later(i64::MAX / 2));
    let name = broker.names(0, "-stray").pop().unwrap();
    let file = broker.dir(0).join(name).join("00000000000000000000.log");
    assert_eq!(fs::metadata(file).unwrap().len(), plain(1).len() as u64);
}

#[test]
fn new_log_syncs_nothing_before_its_first_flush() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    for step in [Step::Sync, Step::SyncDir] {
        broker.disk.fail(step, ErrorKind::Other);
        broker.create(&storage, &partition(&format!("{step:?}"), 0));
    }
    broker.disk.heal();
    let log = broker.create(&storage, &partition("topic", 0));
    append(&log, &plain(1), NOW).unwrap();
    let steps = broker.disk.step_count();
    log.flush().unwrap();
    assert_eq!(broker.disk.step_count() - steps, 4, "batches, topic id, and the names of both");
    append(&log, &plain(1), NOW).unwrap();
    log.flush().unwrap();
    assert_eq!(broker.disk.step_count() - steps, 6, "one write and one sync");
}

#[test]
fn flush_after_a_crash_makes_up_for_what_was_not_synced_before() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    append(&broker.create(&storage, &partition("topic", 0)), &plain(1), NOW).unwrap();
    drop(storage);
    let (storage, _) = broker.start();
    let log = storage.log(&partition("topic", 0)).unwrap();
    let steps = broker.disk.step_count();
    log.flush().unwrap();
    assert_eq!(broker.disk.step_count() - steps, 4);
    storage.close(1).unwrap();
    drop((storage, log));
    let (storage, _) = broker.start();
    let log = storage.log(&partition("topic", 0)).unwrap();
    append(&log, &plain(1), NOW).unwrap();
    let steps = broker.disk.step_count();
    log.flush().unwrap();
    assert_eq!(broker.disk.step_count() - steps, 2, "batches and names: it has been flushed once");
}

#[test]
fn log_that_was_never_written_to_costs_a_crash_and_a_stop_nothing() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    let path = broker.create(&storage, &partition("topic", 0)).path();
    drop(storage);
    let (storage, report) = broker.start();
    assert_eq!((report.logs, report.failed), (1, 0));
    let steps = broker.disk.step_count();
    storage.logs().iter().for_each(|log| log.close().unwrap());
    assert_eq!(broker.disk.step_count(), steps);
    let names: Vec<_> = fs::read_dir(path).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, [partition_metadata::FILE_NAME]);
}

#[test]
fn log_that_a_crash_has_left_without_its_topic_id_gets_the_present_one() {
    for left in [None, Some(""), Some("version: 0\ntopic_id: AAAA")] {
        let broker = TestBroker::new(1);
        let (storage, _) = broker.start();
        let path = broker.create(&storage, &partition("topic", 0)).path();
        let path = path.join(partition_metadata::FILE_NAME);
        // A stop in order does not make up for it, as nothing was written.
        storage.close(1).unwrap();
        drop(storage);
        match left {
            None => fs::remove_file(&path).unwrap(),
            Some(text) => fs::write(&path, text).unwrap(),
        }
        let (storage, report) = broker.start();
        assert_eq!((report.logs, report.failed), (1, 0), "{left:?}");
        assert_eq!(storage.log(&partition("topic", 0)).unwrap().topic_id(), None);
        let log = broker.create(&storage, &partition("topic", 0));
        assert_eq!(log.topic_id(), Some(TopicId([1; 16])));
        assert_eq!(fs::read(&path).unwrap(), partition_metadata::encode(TopicId([1; 16])));
    }
}

#[test]
fn log_of_another_topic_is_not_gone_on_with() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    let create = |partition: &TopicPartition| {
        storage.create(partition, TopicId([2; 16]), Arc::clone(&broker.topic), NOW)
    };
    let log = broker.create(&storage, &partition("topic", 0));
    append(&log, &plain(1), NOW).unwrap();
    assert!(matches!(create(&partition("topic", 0)), Err(Error::Corrupt { .. })));
    // Its directory could not be renamed, and so it is still there.
    broker.disk.fail(Step::Rename, ErrorKind::StorageFull);
    assert!(storage.delete([&partition("topic", 0)], NOW).is_err());
    broker.disk.heal();
    assert!(storage.log(&partition("topic", 0)).is_none());
    assert!(matches!(create(&partition("topic", 0)), Err(Error::Corrupt { .. })));
    let metadata = fs::read(log.path().join(partition_metadata::FILE_NAME)).unwrap();
    assert_eq!(metadata, partition_metadata::encode(TopicId([1; 16])));
}

#[test]
fn checkpoints_have_forgotten_a_log_before_one_of_its_name_is_made() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    append(&broker.create(&storage, &partition("topic", 0)), &plain(5), NOW).unwrap();
    broker.create(&storage, &partition("topic", 1)).delete_records_before(Offset(0)).unwrap();
    storage.log(&partition("topic", 0)).unwrap().delete_records_before(Offset(3)).unwrap();
    storage.checkpoint().unwrap();
    drop(storage);
    // What a power loss does to a log that was never flushed.
    fs::remove_dir_all(broker.dir(0).join("topic-0")).unwrap();
    let (storage, _) = broker.start();
    broker.disk.fail(Step::Write, ErrorKind::StorageFull);
    let topic = Arc::clone(&broker.topic);
    let refused = storage.create(&partition("topic", 0), TopicId([1; 16]), topic, NOW);
    assert!(matches!(refused, Err(Error::NoSpace { .. })));
    assert_eq!(broker.checkpointed(checkpoint::LOG_START_OFFSET_FILE)[&0], 3);
    broker.disk.heal();
    let log = broker.create(&storage, &partition("topic", 0));
    assert_eq!(broker.checkpointed(checkpoint::LOG_START_OFFSET_FILE), BTreeMap::from([(1, 0)]));
    append(&log, &plain(2), NOW).unwrap();
    log.flush().unwrap();
    drop((storage, log));
    let (storage, _) = broker.start();
    let log = storage.log(&partition("topic", 0)).unwrap();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (Offset(0), Offset(2)));
}

#[test]
fn many_partitions_are_deleted_by_as_many_renames_and_little_else() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    let partitions: Vec<_> = (0..100).map(|number| partition("topic", number)).collect();
    partitions.iter().for_each(|partition| drop(broker.create(&storage, partition)));
    let steps = broker.disk.step_count();
    storage.delete(&partitions, NOW).unwrap();
    let steps = broker.disk.step_count() - steps;
    assert!((100..130).contains(&steps), "{steps} steps");
    assert_eq!((storage.logs().len(), broker.names(0, "-delete").len()), (0, 100));
}
