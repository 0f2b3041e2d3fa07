//! Starts and stops of a broker's storage, and what keeps it from starting.

use protocol::BrokerId;

use super::*;
use crate::files::meta_properties::MetaProperties;
use crate::testing::batches::{NOW, later, plain};
use crate::testing::stores::{TestBroker, append, partition};

/// Three partitions of ten records each.
fn filled(broker: &TestBroker) -> Arc<Storage> {
    let (storage, _) = broker.start();
    for number in 0..3 {
        let log = broker.create(&storage, &partition("topic", number));
        append(&log, &plain(10), NOW).unwrap();
    }
    storage
}

/// The reason why a directory cannot be used.
fn unusable(broker: &TestBroker) -> String {
    match broker.try_start() {
        Err(Error::Unusable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

fn meta(broker: &TestBroker, dir: usize) -> MetaProperties {
    let bytes = std::fs::read(broker.dir(dir).join("meta.properties")).unwrap();
    MetaProperties::decode(&bytes).unwrap()
}

#[test]
fn storage_that_was_closed_opens_without_recovery() {
    let broker = TestBroker::new(1);
    let storage = filled(&broker);
    let cluster_id = storage.cluster_id().to_string();
    storage.close(42).unwrap();
    drop(storage);
    let marker = broker.dir(0).join(".kafka_cleanshutdown");
    let text = std::fs::read_to_string(&marker).unwrap();
    assert!(text.contains("\"brokerEpoch\":42"), "{text}");
    let (storage, report) = broker.start();
    let expected = OpenReport {
        logs: 3,
        failed: 0,
        recovered_bytes: 0,
        truncated_bytes: 0,
        clean_epoch: Some(42),
    };
    assert_eq!((report, marker.exists()), (expected, false));
    assert_eq!(storage.cluster_id(), cluster_id);
    for log in storage.logs() {
        assert_eq!((log.log_end_offset(), log.high_watermark()), (Offset(10), Offset(10)));
        assert_eq!(log.topic_id(), Some(protocol::TopicId([1; 16])));
    }
}

#[test]
fn storage_that_was_killed_is_recovered() {
    let broker = TestBroker::new(1);
    drop(filled(&broker));
    let torn = broker.dir(0).join("topic-1").join("00000000000000000000.log");
    let bytes = std::fs::read(&torn).unwrap();
    std::fs::write(&torn, [&bytes[..], &bytes[..100]].concat()).unwrap();
    let (storage, report) = broker.start();
    let size = plain(10).len() as u64;
    assert_eq!((report.logs, report.truncated_bytes), (3, 100));
    assert_eq!(report.recovered_bytes, size * 3 + 100);
    assert!(storage.logs().iter().all(|log| log.log_end_offset() == Offset(10)));
}

#[test]
fn second_start_is_kept_out_until_the_first_is_gone() {
    let broker = TestBroker::new(2);
    let (storage, _) = broker.start();
    let reason = unusable(&broker);
    assert!(reason.contains("another process has locked it: stop that one"), "{reason}");
    storage.close(1).unwrap();
    assert!(broker.try_start().is_err(), "closed, but not gone");
    drop(storage);
    broker.start();
}

#[test]
fn directory_of_another_node_or_cluster_is_refused() {
    let mut broker = TestBroker::new(1);
    broker.options.cluster_id = Some("cluster-a".to_string());
    drop(broker.start());
    broker.options.cluster_id = Some("cluster-b".to_string());
    let reason = unusable(&broker);
    assert_eq!(
        reason,
        "it belongs to cluster cluster-a, and this node to cluster-b: choose another log.dirs"
    );
    broker.options.cluster_id = None;
    broker.options.node_id = BrokerId(2);
    let reason = unusable(&broker);
    assert_eq!(
        reason,
        "it belongs to node 1, and this is node 2: set node.id to 1, or choose another log.dirs"
    );
    broker.options.node_id = BrokerId(1);
    assert_eq!(broker.start().0.cluster_id(), "cluster-a");
}

#[test]
fn directories_that_do_not_belong_together_are_refused() {
    let broker = TestBroker::new(2);
    drop(broker.start());
    let (first, second) = (meta(&broker, 0), meta(&broker, 1));
    assert_eq!((&first.cluster_id, first.node_id), (&second.cluster_id, second.node_id));
    assert_ne!(first.directory_id, second.directory_id);
    let write = |meta: &MetaProperties| {
        std::fs::write(broker.dir(1).join("meta.properties"), meta.encode()).unwrap();
    };
    write(&MetaProperties { cluster_id: "other".to_string(), ..second.clone() });
    assert!(unusable(&broker).contains("it belongs to cluster other"));
    write(&MetaProperties { directory_id: first.directory_id, ..second.clone() });
    assert!(unusable(&broker).contains("of which it must be a copy"));
    write(&second);
    broker.start();
    assert_eq!((meta(&broker, 0), meta(&broker, 1)), (first, second));
}

#[test]
fn damaged_meta_properties_are_refused() {
    let broker = TestBroker::new(1);
    drop(broker.start());
    std::fs::write(broker.dir(0).join("meta.properties"), "version=99\n").unwrap();
    assert!(matches!(broker.try_start(), Err(Error::Corrupt { .. })));
}

#[test]
fn partition_in_two_directories_is_refused() {
    let broker = TestBroker::new(2);
    drop(filled(&broker));
    std::fs::create_dir_all(broker.dir(0).join("topic-1")).unwrap();
    std::fs::create_dir_all(broker.dir(1).join("topic-1")).unwrap();
    let reason = unusable(&broker);
    assert!(reason.starts_with("partition topic-1 is in "), "{reason}");
}

#[test]
fn directory_that_does_not_work_is_left_out_if_another_does() {
    let broker = TestBroker::new(2);
    std::fs::write(broker.dir(1), "not a directory").unwrap();
    let (storage, _) = broker.start();
    assert_eq!(storage.dirs().count(), 1);
    drop(storage);
    std::fs::write(broker.dir(0).with_file_name("dir-2"), "").unwrap();
    let mut alone = TestBroker::new(1);
    alone.options.config.log_dirs = vec![broker.dir(1)];
    assert!(matches!(alone.try_start(), Err(Error::Io { .. })));
}

#[test]
fn what_is_no_log_of_ours_is_left_alone() {
    let broker = TestBroker::new(1);
    drop(broker.start());
    let names =
        ["lost+found", "something", "__cluster_metadata-0", "gone-0.1a-stray", "copy-0.1a-future"];
    for name in names.into_iter().chain(["gone-0.1a-delete"]) {
        std::fs::create_dir(broker.dir(0).join(name)).unwrap();
        std::fs::write(broker.dir(0).join(name).join("file"), "x").unwrap();
    }
    let (storage, report) = broker.start();
    assert_eq!(report, OpenReport::default());
    storage.tick(NOW);
    assert!(names.iter().all(|name| broker.dir(0).join(name).join("file").exists()));
    assert!(!broker.dir(0).join("gone-0.1a-delete").exists(), "its deletion is finished");
}

#[test]
fn log_that_cannot_be_opened_is_not_given_up() {
    let broker = TestBroker::new(1);
    let storage = filled(&broker);
    storage.close(1).unwrap();
    drop(storage);
    let metadata = broker.dir(0).join("topic-1").join("partition.metadata");
    let good = std::fs::read(&metadata).unwrap();
    std::fs::write(&metadata, "garbage").unwrap();
    let (storage, report) = broker.start();
    assert_eq!((report.logs, report.failed), (2, 1));
    let topic_id = protocol::TopicId([1; 16]);
    let topic = Arc::clone(&broker.topic);
    let made = storage.create(&partition("topic", 1), topic_id, topic, NOW);
    assert!(matches!(made, Err(Error::Corrupt { .. })), "not over what is there");
    storage.checkpoint().unwrap();
    storage.close(2).unwrap();
    drop(storage);
    // When it is put right, the next start knows still how far the log was good.
    std::fs::write(&metadata, good).unwrap();
    let (storage, report) = broker.start();
    assert_eq!((report.logs, report.failed, report.truncated_bytes), (3, 0, 0));
    let log = storage.log(&partition("topic", 1)).unwrap();
    let offsets = (log.log_end_offset(), log.high_watermark(), log.recovery_point());
    assert_eq!(offsets, (Offset(10), Offset(10), Offset(10)));
}

#[test]
fn log_that_was_closed_and_yet_cannot_be_read_is_recovered() {
    let broker = TestBroker::new(1);
    let storage = filled(&broker);
    storage.close(1).unwrap();
    drop(storage);
    let log = broker.dir(0).join("topic-1").join("00000000000000000000.log");
    let good = std::fs::read(&log).unwrap();
    std::fs::write(&log, [&good[..], b"garbage"].concat()).unwrap();
    let (storage, report) = broker.start();
    assert_eq!((report.logs, report.failed, report.truncated_bytes), (3, 0, 7));
    let log = storage.log(&partition("topic", 1)).unwrap();
    let offsets = (log.log_end_offset(), log.high_watermark(), log.recovery_point());
    assert_eq!(offsets, (Offset(10), Offset(10), Offset(10)));
}

#[test]
fn many_logs_are_opened_by_several_threads() {
    let mut broker = TestBroker::new(2);
    broker.options.config.recovery_threads_per_dir = 4;
    let (storage, _) = broker.start();
    for number in 0..40 {
        let log = broker.create(&storage, &partition("topic", number));
        append(&log, &plain(3), NOW).unwrap();
    }
    storage.close(1).unwrap();
    drop(storage);
    let (storage, report) = broker.start();
    assert_eq!((report.logs, report.failed), (40, 0));
    assert!(storage.logs().iter().all(|log| log.log_end_offset() == Offset(3)));
}

#[test]
fn failed_directory_gets_no_clean_marker() {
    let broker = TestBroker::new(2);
    let storage = filled(&broker);
    let (dir, _) = storage.dirs().next().unwrap();
    dir.take_offline("a test");
    assert!(storage.close(1).is_err());
    let markers = [0, 1].map(|idx| broker.names(idx, ".kafka_cleanshutdown").len());
    assert_eq!(markers, [0, 1]);
    assert!(append(&storage.logs()[0], &plain(1), later(1)).is_err());
}
