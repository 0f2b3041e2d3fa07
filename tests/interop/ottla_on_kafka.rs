//! Ottla opens what Apache Kafka wrote: as it was left by a clean stop, by a kill, and with its indexes gone.

use std::fs;
use std::path::Path;

use protocol::Timestamp;
use storage::Storage;

use crate::made_logs::{Ends, Fate, MadeLogs, Record, Stop, kafka_made_logs};
use crate::ottla_logs::{NOW, ReadRecord, log_of, open, read_whole, topic_config};

#[test]
fn directory_of_a_stopped_kafka_opens_without_recovery() {
    let made = kafka_made_logs(Stop::Clean);
    let copy = made.copy();
    let (storage, report) = open(copy.path(), &|_| topic_config(&[]));
    assert_eq!((report.failed, report.recovered_bytes, report.truncated_bytes), (0, 0, 0));
    check_all(&storage, made);
}

#[test]
fn directory_of_a_killed_kafka_is_recovered() {
    let made = kafka_made_logs(Stop::Killed);
    let copy = made.copy();
    let (storage, report) = open(copy.path(), &|_| topic_config(&[]));
    assert_eq!((report.failed, report.truncated_bytes), (0, 0));
    assert!(report.recovered_bytes > 0);
    check_all(&storage, made);
}

#[test]
fn directory_without_indexes_and_snapshots_is_recovered() {
    for stop in [Stop::Clean, Stop::Killed] {
        let made = kafka_made_logs(stop);
        let copy = made.copy();
        for extension in ["index", "timeindex", "txnindex", "snapshot"] {
            remove_all(copy.path(), extension);
        }
        let (storage, report) = open(copy.path(), &|_| topic_config(&[]));
        assert_eq!((report.failed, report.truncated_bytes), (0, 0));
        check_all(&storage, made);
    }
}

#[test]
fn directory_of_kafka_is_written_on_and_reopened() {
    let made = kafka_made_logs(Stop::Clean);
    let copy = made.copy();
    let (storage, _) = open(copy.path(), &|_| topic_config(&[]));
    storage.close(7).expect("the logs can be closed");
    drop(storage);
    let (storage, report) = open(copy.path(), &|_| topic_config(&[]));
    assert_eq!((report.failed, report.recovered_bytes), (0, 0));
    check_all(&storage, made);
}

fn check_all(storage: &Storage, made: &MadeLogs) {
    for ends in &made.ends {
        let log = log_of(storage, &ends.topic, ends.partition);
        let offsets =
            (log.log_start_offset().0, log.last_stable_offset().0, log.log_end_offset().0);
        let expected = (ends.log_start_offset, ends.last_stable_offset, ends.log_end_offset);
        assert_eq!(offsets, expected, "{ends:?}");
        let read = read_whole(&log);
        check_records(&read, &expected_records(made, ends), ends);
        check_aborted(storage, made, ends);
        check_timestamps(storage, &read, ends);
        assert!(log.latest_epoch().is_some() || read.is_empty(), "{ends:?} has epochs");
    }
}

fn expected_records<'a>(made: &'a MadeLogs, ends: &Ends) -> Vec<&'a Record> {
    let of_partition = made.records.iter().filter(|record| {
        (&record.topic, record.partition) == (&ends.topic, ends.partition)
            && record.offset >= ends.log_start_offset
    });
    of_partition.collect()
}

fn check_records(read: &[ReadRecord], expected: &[&Record], ends: &Ends) {
    assert_eq!(read.len(), expected.len(), "records of {ends:?}");
    for (read, expected) in read.iter().zip(expected) {
        assert_eq!(
            (read.offset, read.timestamp, &read.key, read.value_crc32c, &read.headers),
            (
                expected.offset,
                expected.timestamp,
                &expected.key,
                expected.value_crc32c,
                &expected.headers
            ),
            "{ends:?}"
        );
        if let Some(codec) = ends.topic.strip_prefix("codec-") {
            assert_eq!(read.codec.to_string(), codec);
        }
    }
}

/// The aborted records, and no others, lie in the transactions that a reader of committed records is told of.
fn check_aborted(storage: &Storage, made: &MadeLogs, ends: &Ends) {
    let log = log_of(storage, &ends.topic, ends.partition);
    let aborted = log.aborted_transactions(log.log_start_offset(), log.log_end_offset());
    let aborted = aborted.expect("the transaction indexes can be read");
    for record in expected_records(made, ends) {
        let covered = aborted
            .iter()
            .any(|txn| (txn.first_offset.0..txn.last_offset.0).contains(&record.offset));
        assert!(covered || record.fate != Fate::Aborted, "{record:?} is in none of {aborted:?}");
    }
    let has_aborted = expected_records(made, ends).iter().any(|r| r.fate == Fate::Aborted);
    assert_eq!(!aborted.is_empty(), has_aborted, "{ends:?}");
}

/// The first record that is not older than a timestamp is found through the time index, for every timestamp there is.
fn check_timestamps(storage: &Storage, read: &[ReadRecord], ends: &Ends) {
    let log = log_of(storage, &ends.topic, ends.partition);
    let newest = read.iter().map(|record| record.timestamp).max();
    for target in read.iter().map(|record| record.timestamp).step_by(7) {
        let expected = read.iter().find(|record| record.timestamp >= target);
        let found = log.offset_for_timestamp(Timestamp(target)).expect("the log can be read");
        let found = found.map(|found| (found.offset.0, found.timestamp.0));
        // A marker is a record too, and may be the first that is new enough.
        let found = found.filter(|(offset, _)| read.iter().any(|record| record.offset == *offset));
        let expected = expected.map(|record| (record.offset, record.timestamp));
        assert!(found == expected || found.is_none(), "{ends:?} {target}: {found:?} {expected:?}");
    }
    if ends.topic.starts_with("codec-") {
        let found = log.offset_of_max_timestamp().expect("the log can be read");
        assert_eq!(found.map(|found| found.timestamp.0), newest, "{ends:?}");
        let after = newest.map_or(NOW, |newest| Timestamp(newest + 1));
        assert_eq!(log.offset_for_timestamp(after).expect("the log can be read"), None);
    }
}

fn remove_all(dir: &Path, extension: &str) {
    for folder in fs::read_dir(dir).expect("the directory is there").flatten() {
        if folder.path().is_dir() {
            for file in fs::read_dir(folder.path()).expect("the folder is there").flatten() {
                if file.path().extension().is_some_and(|found| found == extension) {
                    fs::remove_file(file.path()).expect("a file of our copy");
                }
            }
        }
    }
}
