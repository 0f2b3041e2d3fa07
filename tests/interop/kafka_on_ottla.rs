//! Apache Kafka's own tools read what Ottla wrote: every codec, several segments and epochs, idempotent and transactional
//! producers, a compacted topic, and the small files beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use protocol::record::{BatchBuilder, BatchOptions, Compression, ControlType, EndTxnMarker};
use protocol::{
    CoordinatorEpoch, LeaderEpoch, PartitionId, ProducerEpoch, ProducerId, Sequence, Timestamp,
    TopicId, TopicPartition,
};
use storage::log::LeaderAppend;
use storage::producer::Origin;
use storage::validate::{Rules, validate};
use storage::{Log, Storage};

use crate::dump_log::{DumpedFile, dump_checkpoints, dump_log};
use crate::ottla_logs::{NOW, ReadRecord, open, read_whole, topic_config};

const TOPIC_ID: TopicId = TopicId([7; 16]);
const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];
/// Small, so that a few hundred records make several segments and many index entries.
const SMALL: [(&str, &str); 3] = [
    ("internal.segment.bytes", "20000"),
    ("index.interval.bytes", "500"),
    ("min.cleanable.dirty.ratio", "0.0"),
];

#[test]
fn kafka_reads_what_ottla_wrote() {
    let dir = tempfile::tempdir().expect("the temporary folder is writable");
    let (storage, _) = open(dir.path(), &|_| topic_config(&SMALL));
    let mut logs = Vec::new();
    for codec in CODECS {
        let log = create(&storage, &format!("codec-{codec}"), &SMALL);
        write_plain(&log, codec);
        logs.push(log);
    }
    logs.push(write_idempotent(&storage));
    logs.push(write_transactional(&storage));
    logs.push(write_compacted(&storage));
    let written: Vec<_> = logs.iter().map(|log| (log.path(), read_whole(log))).collect();
    storage.close(3).expect("the logs can be closed");

    check_records(&written);
    check_indexes(dir.path());
    check_transactions(dir.path());
    check_small_files(dir.path(), &logs);
}

fn create(storage: &Storage, topic: &str, settings: &[(&str, &str)]) -> Arc<Log> {
    let topic_partition = TopicPartition::new(topic, PartitionId(0));
    let config = topic_config(settings);
    storage.create(&topic_partition, TOPIC_ID, config, NOW).expect("a log can be made")
}

/// Appends a batch; two leader epochs, the second from timestamp 150 on.
fn append(log: &Log, batch: Vec<u8>, origin: Origin, time: i64) {
    let config = log.config();
    let rules = Rules { config: &config, origin, now: NOW };
    let records = validate(&Bytes::from(batch), &rules).expect("the records are valid");
    let append = LeaderAppend::new(&records, origin);
    let epoch = LeaderEpoch(if time < 150 { 0 } else { 4 });
    for appended in log.append_as_leader(&[append], epoch, NOW) {
        appended.expect("the records are appended");
    }
    log.update_high_watermark(log.log_end_offset());
}

fn time_of(idx: i64) -> Timestamp {
    // Not in order, so that the time index has something to say.
    Timestamp(NOW.0 - 1_000_000 + idx * 10 - (idx % 7) * 50)
}

fn write_plain(log: &Log, compression: Compression) {
    for batch_idx in 0..200_i64 {
        let mut builder =
            BatchBuilder::new(BatchOptions { compression, ..BatchOptions::default() });
        for record_idx in 0..3 {
            let idx = batch_idx * 3 + record_idx;
            let key = (idx % 5 != 0).then(|| format!("key-{idx}"));
            let value = (idx % 11 != 0).then(|| format!("value-{idx}-").repeat(12));
            let headers: &[(&[u8], Option<&[u8]>)] =
                if idx % 4 == 0 { &[(b"twice", Some(b"1")), (b"twice", None)] } else { &[] };
            let (key, value) = (key.as_deref(), value.as_deref());
            builder.append(time_of(idx), key.map(str::as_bytes), value.map(str::as_bytes), headers);
        }
        append(log, builder.build(), Origin::Client, batch_idx);
    }
    assert!(log.segment_count() > 1, "{} segments", log.segment_count());
}

fn producer_batch(producer_id: i64, sequence: i32, is_transactional: bool, key: &str) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions {
        producer_id: ProducerId(producer_id),
        producer_epoch: ProducerEpoch(1),
        base_sequence: Sequence(sequence),
        is_transactional,
        ..BatchOptions::default()
    });
    builder.append(time_of(sequence.into()), Some(key.as_bytes()), Some(&[b'v'; 300]), &[]);
    builder.build()
}

fn write_idempotent(storage: &Storage) -> Arc<Log> {
    let log = create(storage, "idempotent", &SMALL);
    for sequence in 0..120 {
        for producer_id in [1000, 1001, 1002] {
            append(&log, producer_batch(producer_id, sequence, false, "k"), Origin::Client, 0);
        }
    }
    log
}

fn marker(producer_id: i64, control: ControlType) -> Vec<u8> {
    let options = BatchOptions {
        producer_id: ProducerId(producer_id),
        producer_epoch: ProducerEpoch(1),
        ..BatchOptions::default()
    };
    EndTxnMarker { coordinator_epoch: CoordinatorEpoch(2) }.batch(control, NOW, &options)
}

/// Transactions of three producers side by side, every third aborted; one stays open.
fn write_transactional(storage: &Storage) -> Arc<Log> {
    let log = create(storage, "transactional", &SMALL);
    for round in 0..40 {
        for producer_id in [2000, 2001, 2002] {
            append(&log, producer_batch(producer_id, round, true, "t"), Origin::Client, 0);
        }
        for producer_id in [2000, 2001, 2002] {
            let is_aborted = (i64::from(round) + producer_id) % 3 == 0;
            let control = if is_aborted { ControlType::Abort } else { ControlType::Commit };
            append(&log, marker(producer_id, control), Origin::Coordinator, 0);
        }
    }
    append(&log, producer_batch(2000, 40, true, "open"), Origin::Client, 0);
    log
}

fn write_compacted(storage: &Storage) -> Arc<Log> {
    let settings = [&SMALL[..], &[("cleanup.policy", "compact")]].concat();
    let log = create(storage, "compacted", &settings);
    for idx in 0..300_i64 {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        let key = format!("key-{}", idx % 10);
        builder.append(time_of(idx), Some(key.as_bytes()), Some(&[b'c'; 200]), &[]);
        append(&log, builder.build(), Origin::Client, 0);
    }
    assert!(storage.clean_one(NOW).expect("the log can be cleaned"));
    assert!(read_whole(&log).len() < 200, "the log was cleaned");
    log
}

/// Every record that we read from our logs, Kafka's tool reads as well, and nothing else.
fn check_records(written: &[(PathBuf, Vec<ReadRecord>)]) {
    for (path, records) in written {
        let dump = dump_log(&["--deep-iteration", "--print-data-log"], &files(path, "log"));
        assert_eq!(dump.findings, [""; 0], "{path:?}");
        let dumped = dump.files.iter().flat_map(|file| &file.records);
        let dumped: Vec<_> = dumped.filter(|record| record.marker.is_none()).collect();
        assert_eq!(dumped.len(), records.len(), "{path:?}");
        for (dumped, record) in dumped.into_iter().zip(records) {
            assert_eq!((dumped.offset, dumped.timestamp), (record.offset, record.timestamp));
            assert_eq!(dumped.key, record.key);
            let payload = dumped.payload.as_ref().map(|text| crc32c::crc32c(text.as_bytes()));
            assert_eq!(payload, record.value_crc32c, "{record:?}");
            let header_keys: Vec<_> = record.headers.iter().map(|(key, _)| key).collect();
            assert_eq!(dumped.header_keys.iter().collect::<Vec<_>>(), header_keys);
        }
        for batch in dump.files.iter().flat_map(|file| &file.batches) {
            assert_eq!(batch.text("isvalid"), "true");
        }
    }
}

fn check_indexes(dir: &Path) {
    let mut indexes = Vec::new();
    for folder in partitions(dir) {
        indexes.extend([files(&folder, "index"), files(&folder, "timeindex")].concat());
    }
    assert!(indexes.len() > 40, "{} indexes", indexes.len());
    assert_eq!(dump_log(&["--verify-index-only"], &indexes).findings, [""; 0]);
    let sanity = dump_log(&["--index-sanity-check"], &indexes);
    assert_eq!(sanity.findings, [""; 0]);
    assert!(sanity.files.iter().all(|file| file.passed), "{sanity:?}");
    let entries = dump_log(&[], &indexes);
    assert_eq!(entries.findings, [""; 0]);
    assert!(entries.files.iter().map(|file| file.entries.len()).sum::<usize>() > 300);
}

fn check_transactions(dir: &Path) {
    let path = dir.join("transactional-0");
    let aborted = dump_log(&[], &files(&path, "txnindex"));
    assert_eq!(aborted.findings, [""; 0]);
    let count: usize = aborted.files.iter().map(|file| file.entries.len()).sum();
    assert_eq!(count, 40, "each round aborts one of three");

    let producers = newest_snapshot(&path);
    assert_eq!(producers.entries.len(), 3);
    let open = producers.entries.iter().find(|producer| producer.number("producerId") == 2000);
    let open = open.expect("the producer is known");
    assert_eq!((open.number("producerEpoch"), open.number("lastSequence")), (1, 40));
    assert_eq!(open.number("currentTxnFirstOffset"), 240);
    assert_eq!(open.number("coordinatorEpoch"), 2);

    let idempotent = newest_snapshot(&dir.join("idempotent-0"));
    assert_eq!(idempotent.entries.len(), 3);
    assert!(idempotent.entries.iter().all(|producer| producer.number("lastSequence") == 119));
}

fn newest_snapshot(path: &Path) -> DumpedFile {
    let newest = files(path, "snapshot").pop().expect("closing writes a snapshot");
    let mut dump = dump_log(&[], &[newest]);
    assert_eq!(dump.findings, [""; 0]);
    dump.files.pop().expect("one file was dumped")
}

fn check_small_files(dir: &Path, logs: &[Arc<Log>]) {
    let names = [
        "recovery-point-offset-checkpoint",
        "replication-offset-checkpoint",
        "log-start-offset-checkpoint",
        "cleaner-offset-checkpoint",
        "codec-none-0/leader-epoch-checkpoint",
        "codec-none-0/partition.metadata",
        ".kafka_cleanshutdown",
        "meta.properties",
    ];
    let read = dump_checkpoints(&names.map(|name| dir.join(name)));
    let [recovery_points, high_watermarks, starts, cleaned, epochs, partition, shutdown, meta] =
        &read[..]
    else {
        panic!("not a list for each of {names:?}: {read:?}");
    };
    for log in logs {
        let entry = format!("{} {}", log.topic_partition(), log.log_end_offset());
        assert!(recovery_points.contains(&entry), "{entry} is not in {recovery_points:?}");
        assert!(high_watermarks.contains(&entry), "{entry} is not in {high_watermarks:?}");
    }
    assert_eq!(starts.len(), logs.len());
    assert!(cleaned.concat().starts_with("compacted-0 "), "{cleaned:?}");
    assert_eq!(*epochs, ["0 0", "4 450"]);
    assert_eq!(*partition, [format!("0 {TOPIC_ID}")]);
    assert_eq!(*shutdown, ["OptionalLong[3]"]);
    assert!(meta.concat().contains("nodeId=1"), "{meta:?}");
}

fn partitions(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("the directory is there").flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// The files of a partition that have this extension, in the order of their offsets.
fn files(path: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).expect("the folder is there").flatten();
    let mut found: Vec<_> = entries.map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|found| found == extension));
    found.sort();
    found
}
