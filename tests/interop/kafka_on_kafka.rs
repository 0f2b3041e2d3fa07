//! The harness, proven on Kafka itself: what a real broker wrote, Kafka's own tools read back whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::dump_log::{Dump, DumpedFile, DumpedRecord, dump_checkpoints, dump_log};
use crate::made_logs::{Ends, Fate, MadeLogs, Stop, kafka_made_logs};

/// A topic and a partition of it.
type Partition = (String, i32);

#[test]
fn kafka_dist_makes_a_log_directory_and_dump_log_reads_it() {
    for stop in [Stop::Clean, Stop::Killed] {
        let made = kafka_made_logs(stop);
        let marked_clean = made.dir.join(".kafka_cleanshutdown").exists();
        assert_eq!(marked_clean, stop == Stop::Clean);
        assert_eq!(made.ends.len(), 12);
        assert!(made.records.len() > 1_400, "{} records", made.records.len());
        check_records(made);
        check_transactions(made);
        if stop == Stop::Clean {
            check_indexes(made);
            check_producers(made);
            check_checkpoints(made);
        }
    }
}

/// Every record that MakeLogs reports is in the log, and nothing else but markers.
fn check_records(made: &MadeLogs) {
    let dump = dump_log(&["--deep-iteration", "--print-data-log"], &files(&made.dir, "log"));
    assert_eq!(dump.findings, [""; 0]);
    let mut dumped = BTreeMap::new();
    for file in &dump.files {
        check_codec(file);
        for record in &file.records {
            dumped.insert((partition_of(file), record.offset), record);
        }
    }
    for ends in &made.ends {
        check_end(&dump, ends);
    }
    for record in &made.records {
        let partition = (record.topic.clone(), record.partition);
        if record.offset < ends_of(made, &partition).log_start_offset {
            continue;
        }
        let read = dumped.remove(&(partition, record.offset));
        let Some(read) = read else { panic!("not in the log: {record:?}") };
        let header_keys: Vec<_> = record.headers.iter().map(|(key, _)| key).collect();
        assert_eq!(read.timestamp, record.timestamp, "{record:?}");
        assert_eq!(read.key, record.key, "{record:?}");
        assert_eq!(value_crc32c(read), record.value_crc32c, "{record:?}");
        assert_eq!(read.header_keys.iter().collect::<Vec<_>>(), header_keys, "{record:?}");
    }
    dumped.retain(|(partition, offset), record| {
        record.marker.is_none() && *offset >= ends_of(made, partition).log_start_offset
    });
    assert!(dumped.is_empty(), "nobody wrote these: {dumped:?}");
}

fn check_codec(file: &DumpedFile) {
    let (topic, _) = partition_of(file);
    if let Some(codec) = topic.strip_prefix("codec-") {
        assert!(!file.batches.is_empty(), "{} is empty", file.path.display());
        assert!(file.batches.iter().all(|batch| batch.text("compresscodec") == codec), "{file:?}");
    }
}

fn check_end(dump: &Dump, ends: &Ends) {
    let of_partition =
        dump.files.iter().filter(|file| partition_of(file) == (ends.topic.clone(), ends.partition));
    let batches: Vec<_> = of_partition.flat_map(|file| &file.batches).collect();
    let end = batches.iter().map(|batch| batch.number("lastOffset") + 1).max();
    assert_eq!(end.unwrap_or(0), ends.log_end_offset, "{ends:?}");
}

/// The open transaction holds the last stable offset, and the aborted-transaction index covers what was aborted.
fn check_transactions(made: &MadeLogs) {
    let dump = dump_log(&[], &files(&made.dir, "txnindex"));
    assert_eq!(dump.findings, [""; 0]);
    for ends in made.ends.iter().filter(|ends| ends.topic == "transactional") {
        let partition = (ends.topic.clone(), ends.partition);
        let of = |fate| {
            made.records
                .iter()
                .filter(|record| (&record.topic, record.partition) == (&partition.0, partition.1))
                .filter(move |record| record.fate == fate)
                .map(|record| record.offset)
        };
        assert_eq!(of(Fate::Open).min(), Some(ends.last_stable_offset));
        assert!(of(Fate::Committed).count() > 10 && of(Fate::Plain).count() > 5);
        let index = dump.files.iter().filter(|file| partition_of(file) == partition);
        let aborted: Vec<_> = index.flat_map(|file| &file.entries).collect();
        assert!(aborted.len() >= 7, "{aborted:?}");
        for offset in of(Fate::Aborted) {
            let covered = aborted.iter().any(|aborted| {
                (aborted.number("firstOffset")..aborted.number("lastOffset")).contains(&offset)
            });
            assert!(covered, "{offset} is in none of {aborted:?}");
        }
    }
}

/// Only a clean stop leaves indexes that the tool can judge: it takes the room made ahead in an open one for entries.
fn check_indexes(made: &MadeLogs) {
    let copy = made.copy();
    let indexes = [files(copy.path(), "index"), files(copy.path(), "timeindex")].concat();
    assert_eq!(dump_log(&["--verify-index-only"], &indexes).findings, [""; 0]);
    let sanity = dump_log(&["--index-sanity-check"], &indexes);
    assert_eq!(sanity.findings, [""; 0]);
    assert!(sanity.files.iter().all(|file| file.passed), "{sanity:?}");
}

/// The newest snapshot of a partition holds its producers, among them the one whose transaction is open.
fn check_producers(made: &MadeLogs) {
    let dump = dump_log(&[], &files(&made.dir, "snapshot"));
    assert_eq!(dump.findings, [""; 0]);
    let newest = |partition: &Partition| {
        let of_partition = dump.files.iter().filter(|file| partition_of(file) == *partition);
        of_partition.max_by_key(|file| &file.path).expect("a clean stop leaves a snapshot")
    };
    for ends in made.ends.iter().filter(|ends| ends.topic == "transactional") {
        let producers = &newest(&(ends.topic.clone(), ends.partition)).entries;
        let open = |first: &str| *first == format!("OptionalLong[{}]", ends.last_stable_offset);
        assert!(producers.iter().any(|p| open(p.text("currentTxnFirstOffset"))), "{producers:?}");
    }
    let idempotent = &newest(&("idempotent".to_owned(), 0)).entries;
    assert_eq!(idempotent.len(), 4, "two producers in each of two rounds");
    assert!(newest(&("codec-none".to_owned(), 0)).entries.is_empty());
}

fn check_checkpoints(made: &MadeLogs) {
    let files = [
        "recovery-point-offset-checkpoint",
        "log-start-offset-checkpoint",
        "deleted-records-0/leader-epoch-checkpoint",
        "codec-none-0/partition.metadata",
        ".kafka_cleanshutdown",
        "meta.properties",
    ];
    let read = dump_checkpoints(&files.map(|file| made.dir.join(file)));
    let [recovery_points, starts, epochs, partition, shutdown, meta] = &read[..] else {
        panic!("not a list for each of {files:?}: {read:?}");
    };
    for ends in &made.ends {
        let entry = format!("{}-{} {}", ends.topic, ends.partition, ends.log_end_offset);
        assert!(recovery_points.contains(&entry), "{entry} is not in {recovery_points:?}");
    }
    assert_eq!(*starts, ["deleted-records-0 173"]);
    assert_eq!(epochs.len(), 2);
    assert!(partition.concat().starts_with("0 "), "{partition:?}");
    assert!(shutdown.concat().starts_with("OptionalLong["), "{shutdown:?}");
    assert!(meta.concat().contains("nodeId=1"), "{meta:?}");
}

fn ends_of<'a>(made: &'a MadeLogs, (topic, partition): &Partition) -> &'a Ends {
    let mut ends = made.ends.iter();
    ends.find(|ends| (&ends.topic, ends.partition) == (topic, *partition)).expect("it was made")
}

fn value_crc32c(record: &DumpedRecord) -> Option<u32> {
    record.payload.as_ref().map(|payload| crc32c::crc32c(payload.as_bytes()))
}

/// The partition that a file belongs to, by the name of its folder.
fn partition_of(file: &DumpedFile) -> Partition {
    let folder = file.path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let (topic, partition) =
        folder.and_then(|name| name.rsplit_once('-')).expect("TOPIC-PARTITION");
    (topic.to_owned(), partition.parse().expect("a partition is a number"))
}

/// The files of the users' topics that have this extension, in the order of their offsets.
fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in fs::read_dir(dir).expect("the directory is there").flatten() {
        let name = folder.file_name().to_string_lossy().into_owned();
        if folder.path().is_dir() && !name.starts_with("__") && !name.ends_with("-delete") {
            let entries = fs::read_dir(folder.path()).expect("the folder is there").flatten();
            found.extend(entries.map(|entry| entry.path()));
        }
    }
    found.retain(|path| path.extension().is_some_and(|found| found == extension));
    found.sort();
    found
}
