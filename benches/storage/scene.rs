//! What is measured on: a log directory of its own on the disk that the project is on, and batches of a wanted size.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use config::{BROKER, Settings, StorageConfig, TopicConfig};
use protocol::record::{BatchBuilder, BatchOptions, HEADER_BYTES};
use protocol::{BrokerId, LeaderEpoch, PartitionId, Timestamp, TopicId, TopicPartition};
use storage::dir::NoObserver;
use storage::disk::{Disk, File, Open, RealDisk};
use storage::log::LeaderAppend;
use storage::producer::Origin;
use storage::validate::{Rules, Validated, validate};
use storage::{Log, OpenReport, Storage, StorageOptions};

/// A directory that is deleted at the end.
#[derive(Debug)]
pub(crate) struct Scene {
    dir: PathBuf,
    pub(crate) now: Timestamp,
}

impl Scene {
    /// An empty directory.
    pub(crate) fn new(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-data").join(name);
        let _leftover = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("the directory can be made");
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { dir, now: Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)) }
    }

    /// Where it is.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Opens it as a broker does.
    pub(crate) fn open(&self, config: &Arc<TopicConfig>) -> (Arc<Storage>, OpenReport) {
        let mut settings = Settings::new(&BROKER);
        settings.set("log.dirs", &self.dir.to_string_lossy()).expect("a path is allowed");
        let options = StorageOptions {
            config: StorageConfig::new(&settings).expect("the settings fit each other"),
            node_id: BrokerId(1),
            cluster_id: None,
            disk: Arc::new(RealDisk),
            observer: Arc::new(NoObserver),
            open_files_max: 1000,
            free_bytes_min: 0,
            now: self.now,
        };
        Storage::open(&options, &|_| Arc::clone(config)).expect("the directory opens")
    }

    /// The one log of the scene.
    pub(crate) fn log(&self, storage: &Storage, config: &Arc<TopicConfig>) -> Arc<Log> {
        let partition = TopicPartition::new("bench", PartitionId(0));
        storage
            .create(&partition, TopicId([1; 16]), Arc::clone(config), self.now)
            .expect("the log can be made")
    }

    /// A file of no log, with blocks set aside for `bytes`.
    pub(crate) fn file(&self, name: &str, bytes: usize) -> Arc<dyn File> {
        let file = RealDisk.open(&self.dir.join(name), Open::Truncate).expect("it can be made");
        file.reserve(0, bytes as u64).expect("the disk has room");
        file
    }

    /// One batch of about `bytes` bytes, with values of `value_bytes`.
    pub(crate) fn batch(&self, bytes: usize, value_bytes: usize) -> Bytes {
        let value = vec![b'v'; value_bytes];
        let mut builder = BatchBuilder::new(BatchOptions::default());
        let mut left = bytes.saturating_sub(HEADER_BYTES);
        while left > 0 {
            // What a record takes beside its value.
            let len = value_bytes.min(left.saturating_sub(12));
            builder.append(self.now, None, value.get(..len), &[]);
            left = left.saturating_sub(len + 12);
        }
        builder.build().into()
    }

    /// Appends sets of records as a client's produce request is appended, the check included.
    pub(crate) fn append(&self, log: &Log, config: &TopicConfig, sets: &[Bytes]) {
        let rules = Rules { config, origin: Origin::Client, now: self.now };
        let check = |records| validate(records, &rules).expect("the batch is good");
        let sets: Vec<Validated> = sets.iter().map(check).collect();
        let set = |records| LeaderAppend::new(records, Origin::Client);
        let sets: Vec<_> = sets.iter().map(set).collect();
        for appended in log.append_as_leader(&sets, LeaderEpoch(0), self.now) {
            appended.expect("the log takes it");
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.dir);
    }
}

/// Kafka's defaults, but for batches that are as large as they are here.
pub(crate) fn config() -> TopicConfig {
    TopicConfig { max_message_bytes: 4 << 20, ..TopicConfig::default() }
}
