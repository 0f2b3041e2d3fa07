//! A storage in a directory of its own, for tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use config::{BROKER, Settings, StorageConfig, TopicConfig};
use protocol::{BrokerId, LeaderEpoch, PartitionId, Timestamp, TopicId, TopicPartition};
use tempfile::TempDir;

use super::batches::NOW;
use super::disk::BrittleDisk;
use crate::dir::Observer;
use crate::error::Result;
use crate::files::checkpoint;
use crate::handles::lock;
use crate::log::{Appended, LeaderAppend, Log};
use crate::producer::Origin;
use crate::store::{OpenReport, Storage, StorageOptions};
use crate::validate::{Rules, validate};

/// What an observer was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) flushed: Mutex<Vec<(TopicPartition, i64)>>,
    pub(crate) offline: Mutex<Vec<(PathBuf, String)>>,
}

impl Observer for Told {
    fn on_flushed(&self, log: &Log) {
        let told = (log.topic_partition().clone(), log.flushed_offset().0);
        lock(&self.flushed).push(told);
    }

    fn on_offline(&self, path: &Path, reason: &str) {
        lock(&self.offline).push((path.to_path_buf(), reason.to_string()));
    }
}

/// What a broker starts with, and the directories that go with it.
pub(crate) struct TestBroker {
    pub(crate) disk: BrittleDisk,
    pub(crate) told: Arc<Told>,
    pub(crate) options: StorageOptions,
    pub(crate) topic: Arc<TopicConfig>,
    root: TempDir,
}

impl TestBroker {
    /// A broker with `dirs` log directories.
    pub(crate) fn new(dirs: usize) -> Self {
        Self::with(dirs, |_| {})
    }

    /// The same with topics whose configuration is changed by `edit`.
    pub(crate) fn with(dirs: usize, edit: impl FnOnce(&mut TopicConfig)) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (disk, told) = (BrittleDisk::new(), Arc::new(Told::default()));
        let mut topic = TopicConfig::default();
        edit(&mut topic);
        let mut config = StorageConfig::new(&Settings::new(&BROKER)).unwrap();
        config.log_dirs = (0..dirs).map(|idx| root.path().join(format!("dir-{idx}"))).collect();
        config.cleaner.dedupe_buffer_bytes = 2 << 20;
        let options = StorageOptions {
            config,
            node_id: BrokerId(1),
            cluster_id: None,
            disk: Arc::new(disk.clone()),
            observer: Arc::clone(&told) as Arc<dyn Observer>,
            open_files_max: 256,
            free_bytes_min: 0,
            now: NOW,
        };
        Self { disk, told, options, topic: Arc::new(topic), root }
    }

    /// A log directory.
    pub(crate) fn dir(&self, idx: usize) -> PathBuf {
        self.root.path().join(format!("dir-{idx}"))
    }

    /// The names in a log directory that end with `suffix`.
    pub(crate) fn names(&self, idx: usize, suffix: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir(idx)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.ends_with(suffix)).collect();
        names.sort();
        names
    }

    /// What a checkpoint file of the first directory says of the partitions of one topic.
    pub(crate) fn checkpointed(&self, name: &str) -> BTreeMap<i32, i64> {
        let bytes = std::fs::read(self.dir(0).join(name)).unwrap();
        let offsets = checkpoint::decode(&bytes).unwrap();
        offsets.into_iter().map(|(key, offset)| (key.partition.0, offset.0)).collect()
    }

    pub(crate) fn start(&self) -> (Arc<Storage>, OpenReport) {
        self.try_start().unwrap()
    }

    pub(crate) fn try_start(&self) -> Result<(Arc<Storage>, OpenReport)> {
        let topic = |_: &str| Arc::clone(&self.topic);
        Storage::open(&self.options, &topic)
    }

    /// Makes a partition.
    pub(crate) fn create(&self, storage: &Storage, partition: &TopicPartition) -> Arc<Log> {
        let topic_id = TopicId([1; 16]);
        storage.create(partition, topic_id, Arc::clone(&self.topic), NOW).unwrap()
    }
}

pub(crate) fn partition(topic: &str, number: i32) -> TopicPartition {
    TopicPartition::new(topic, PartitionId(number))
}

/// Appends a client's batch.
pub(crate) fn append(log: &Log, records: &Bytes, now: Timestamp) -> Result<Appended> {
    let (config, origin) = (log.config(), Origin::Client);
    let records = validate(records, &Rules { config: &config, origin, now })?;
    let append = LeaderAppend::new(&records, origin);
    let appended = log.append_as_leader(&[append], LeaderEpoch(0), now).pop().unwrap();
    log.update_high_watermark(log.log_end_offset());
    appended
}
