//! Ottla's storage as the interop tests use it: opened on a directory, read whole, written to.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use config::{Settings, StorageConfig, TOPIC, TopicConfig};
use protocol::record::{Batches, Compression};
use protocol::{BrokerId, Offset, Timestamp, TopicPartition};
use storage::dir::NoObserver;
use storage::disk::RealDisk;
use storage::log::ReadRequest;
use storage::{DECOMPRESSED_BYTES_MAX, Log, OpenReport, Storage, StorageOptions};

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadRecord {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) key: Option<String>,
    pub(crate) value_crc32c: Option<u32>,
    pub(crate) headers: Vec<(String, Option<String>)>,
    pub(crate) codec: Compression,
}

/// A topic's configuration: Kafka's defaults and `settings`.
pub(crate) fn topic_config(settings: &[(&str, &str)]) -> Arc<TopicConfig> {
    let overrides = Settings::parse(&TOPIC, settings.iter().copied()).expect("valid settings");
    Arc::new(TopicConfig::new(&overrides, &Settings::new(&config::BROKER)))
}

/// Opens all logs in `dir`, as node 1.
pub(crate) fn open(
    dir: &Path,
    topic: &(dyn Fn(&str) -> Arc<TopicConfig> + Sync),
) -> (Arc<Storage>, OpenReport) {
    let mut config = StorageConfig::new(&Settings::new(&config::BROKER)).expect("Kafka's defaults");
    config.log_dirs = vec![dir.to_path_buf()];
    let options = StorageOptions {
        config,
        node_id: BrokerId(1),
        cluster_id: None,
        disk: Arc::new(RealDisk),
        observer: Arc::new(NoObserver),
        open_files_max: 64,
        free_bytes_min: 0,
        now: NOW,
    };
    let (storage, report) = Storage::open(&options, topic).expect("the directory opens");
    for log in storage.logs() {
        log.update_high_watermark(log.log_end_offset());
    }
    (storage, report)
}

/// The log of a partition.
pub(crate) fn log_of(storage: &Storage, topic: &str, partition: i32) -> Arc<Log> {
    let topic_partition = TopicPartition::new(topic, protocol::PartitionId(partition));
    storage.log(&topic_partition).unwrap_or_else(|| panic!("no log of {topic_partition}"))
}

/// Reads a log from its start to its end, by reads of 10,000 bytes.
pub(crate) fn read_whole(log: &Log) -> Vec<ReadRecord> {
    let mut records = Vec::new();
    let mut offset = log.log_start_offset();
    while offset < log.log_end_offset() {
        let request = ReadRequest {
            offset,
            max_bytes: 10_000,
            bound: log.log_end_offset(),
            at_least_one: true,
            may_block: true,
        };
        let fetched = log.read(&request).expect("the log can be read");
        // Nothing is left between here and the end when compaction has removed the last records of a log.
        let Some(slice) = fetched.records else { break };
        let bytes = Bytes::copy_from_slice(&slice);
        for batch in Batches::new(&bytes) {
            let batch = batch.expect("whole batches are returned");
            batch.check_crc().expect("the checksum is good");
            if !batch.header().is_control() {
                records.extend(records_of(&batch, offset));
            }
            offset = batch.header().next_offset();
        }
        assert_eq!(offset.min(fetched.next_offset), offset, "the answer ends where it says");
    }
    records
}

fn records_of(batch: &protocol::record::Batch<'_>, from: Offset) -> Vec<ReadRecord> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the tests write text");
    let codec = batch.header().attributes.compression().expect("a known codec");
    let records = batch.records(DECOMPRESSED_BYTES_MAX).expect("the batch decompresses");
    let records = records.iter().map(|record| {
        let record = record.expect("a whole record");
        ReadRecord {
            offset: record.offset.0,
            timestamp: record.timestamp.0,
            key: record.key.map(text),
            value_crc32c: record.value.map(crc32c::crc32c),
            headers: record.headers.map(|(key, value)| (text(key), value.map(text))).collect(),
            codec,
        }
    });
    records.filter(|record| record.offset >= from.0).collect()
}
