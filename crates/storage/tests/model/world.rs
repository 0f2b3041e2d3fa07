//! The machine under test: a disk that fails, and a broker's storage on it with one partition.

use std::path::Path;
use std::sync::Arc;

use config::{BROKER, CleanupPolicy, Settings, StorageConfig, TopicConfig};
use protocol::record::TimestampType;
use protocol::{BrokerId, Offset, PartitionId, Timestamp, TopicId, TopicPartition};
use storage::dir::NoObserver;
use storage::disk::{Disk, read_file};
use storage::files::checkpoint;
use storage::files::names::{FileKind, FileName, Stage};
use storage::{Log, OpenReport, Storage, StorageOptions};
use testkit::{FaultDisk, Rng};

/// The log may lie in either.
const LOG_DIRS: [&str; 2] = ["/data", "/more"];

pub(crate) struct World {
    pub(crate) disk: FaultDisk,
    pub(crate) topic: Arc<TopicConfig>,
    broker: StorageConfig,
    open_files_max: usize,
    pub(crate) now: Timestamp,
    /// The topic, as the cluster's metadata have it, which no crash takes away; `None` while it is deleted.
    topic_id: Option<TopicId>,
    topics_made: u8,
    /// `None` between two lives.
    storage: Option<Arc<Storage>>,
    /// `None` while there is no partition.
    log: Option<Arc<Log>>,
}

impl World {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let disk = FaultDisk::new(rng.next());
        for dir in LOG_DIRS {
            disk.create_dir_all(Path::new(dir)).expect("an empty disk has room");
        }
        disk.sync_dir(Path::new("/")).expect("nothing is planned to fail");
        disk.set_writes_short(rng.one_in(4));
        let mut broker = StorageConfig::new(&Settings::new(&BROKER)).expect("the defaults fit");
        broker.log_dirs = LOG_DIRS.map(Into::into).to_vec();
        broker.recovery_threads_per_dir = 1;
        broker.cleaner.threads = 1;
        // Room for a few keys only in some cases, so that a cleaning takes several passes.
        broker.cleaner.dedupe_buffer_bytes = *rng.pick(&[100, 200, 1 << 20]);
        Self {
            disk,
            topic: Arc::new(topic_config(rng)),
            broker,
            open_files_max: *rng.pick(&[1, 3, 1_000]),
            now: Timestamp(1_700_000_000_000),
            topic_id: None,
            topics_made: 0,
            storage: None,
            log: None,
        }
    }

    pub(crate) fn topic_partition() -> TopicPartition {
        TopicPartition::new("t", PartitionId(0))
    }

    /// Starts the broker, which puts aside what is of another topic, and makes the partition if it is not there.
    pub(crate) fn start(&mut self) -> storage::Result<OpenReport> {
        assert!(self.storage.is_none());
        let options = StorageOptions {
            config: self.broker.clone(),
            node_id: BrokerId(1),
            cluster_id: Some("cluster".to_owned()),
            disk: Arc::new(self.disk.clone()),
            observer: Arc::new(NoObserver),
            open_files_max: self.open_files_max,
            free_bytes_min: 0,
            now: self.now,
        };
        let topic = Arc::clone(&self.topic);
        let (storage, report) = Storage::open(&options, &move |_| Arc::clone(&topic))?;
        if report.failed == 0 {
            let is_stray = |log: &&Arc<Log>| {
                let is_other = |id| log.topic_id().is_some_and(|own| own != id);
                self.topic_id.is_none_or(is_other)
            };
            let logs = storage.logs();
            let strays = logs.iter().filter(is_stray);
            storage.mark_stray(strays.map(|log| log.topic_partition()))?;
            self.storage = Some(storage);
            self.create_partition()?;
        }
        Ok(report)
    }

    /// Makes the partition, of a new topic if it was deleted.
    pub(crate) fn create_partition(&mut self) -> storage::Result<()> {
        let id = *self.topic_id.get_or_insert_with(|| {
            self.topics_made += 1;
            TopicId([self.topics_made; 16])
        });
        let topic = Arc::clone(&self.topic);
        let log = self.storage().create(&Self::topic_partition(), id, topic, self.now)?;
        assert_eq!(log.topic_id(), Some(id));
        self.log = Some(log);
        Ok(())
    }

    /// Deletes the topic. It is gone from the metadata whether that works or not.
    pub(crate) fn delete_partition(&mut self) -> storage::Result<()> {
        (self.topic_id, self.log) = (None, None);
        self.storage().delete([&Self::topic_partition()], self.now)
    }

    /// Drops all that is in memory.
    pub(crate) fn stop(&mut self) {
        (self.storage, self.log) = (None, None);
    }

    pub(crate) fn storage(&self) -> Arc<Storage> {
        Arc::clone(self.storage.as_ref().expect("the broker runs"))
    }

    pub(crate) fn log(&self) -> Arc<Log> {
        Arc::clone(self.log.as_ref().expect("the broker has the partition"))
    }

    pub(crate) fn has_log(&self) -> bool {
        self.log.is_some()
    }

    /// Whether a log directory is offline; the log may lie in the other.
    pub(crate) fn has_failed_dir(&self) -> bool {
        self.storage().dirs().any(|(dir, _)| dir.offline_reason().is_some())
    }

    pub(crate) fn pass_time(&mut self, ms: u64) {
        self.now.0 += i64::try_from(ms).expect("it is small");
        self.disk.set_now_ms(self.now.0);
    }

    /// Does what is done behind the appends.
    pub(crate) fn run_chores(&self) {
        self.log().dir().run_chores(self.now.0);
    }

    /// Where segments begin; nowhere if a planned failure hits the question. The active one's file may still have the name
    /// under which it was made ahead of need, and is left out then.
    pub(crate) fn segment_bases(&self) -> Vec<Offset> {
        let entries = self.disk.list(&self.log().path()).unwrap_or_default();
        let names = entries.iter().filter_map(|entry| FileName::parse(&entry.name));
        let logs = names.filter(|name| name.kind == FileKind::Log && name.stage == Stage::Live);
        logs.map(|name| name.base_offset).collect()
    }

    /// What a checkpoint file says of the partition.
    pub(crate) fn checkpoint(&self, name: &str) -> Option<Offset> {
        let has_log = |dir: &&&str| {
            let entries = self.disk.list(Path::new(**dir)).unwrap_or_default();
            entries.iter().any(|entry| entry.name == Self::topic_partition().to_string())
        };
        let dir = LOG_DIRS.iter().find(has_log)?;
        let bytes = read_file(&self.disk, &Path::new(dir).join(name)).ok()?;
        checkpoint::decode(&bytes).expect("a checkpoint").get(&Self::topic_partition()).copied()
    }
}

fn topic_config(rng: &mut Rng) -> TopicConfig {
    let compact = rng.one_in(3);
    let by_log = rng.one_in(4);
    TopicConfig {
        segment_bytes: *rng.pick(&[1_200, 4_000, 20_000]),
        segment_index_bytes: *rng.pick(&[48, 240, 10 << 20]),
        index_interval_bytes: *rng.pick(&[0, 300, 4_096]),
        segment_ms: *rng.pick(&[60_000, i64::MAX]),
        segment_jitter_ms: *rng.pick(&[0, 1_000]),
        file_delete_delay_ms: *rng.pick(&[0, 60_000]),
        flush_messages: *rng.pick(&[1, 20, u64::MAX]),
        message_timestamp_type: if by_log {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        },
        cleanup_policy: CleanupPolicy { compact, delete: !compact || rng.one_in(3) },
        retention_ms: *rng.pick(&[None, Some(120_000)]),
        retention_bytes: *rng.pick(&[None, Some(8_000)]),
        min_cleanable_dirty_ratio: 0.0,
        min_compaction_lag_ms: *rng.pick(&[0, 0, 30_000]),
        delete_retention_ms: *rng.pick(&[0, 50_000]),
        ..TopicConfig::default()
    }
}
