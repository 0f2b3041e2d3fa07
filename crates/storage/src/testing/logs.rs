//! One log on a real directory, for tests.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use config::TopicConfig;
use protocol::record::{BatchHeader, Batches};
use protocol::{LeaderEpoch, Offset, PartitionId, Timestamp, TopicPartition};
use tempfile::TempDir;

use super::batches::{NOW, Stored, records_in};
use super::disk::BrittleDisk;
use crate::dir::{LogDir, NoObserver};
use crate::error::Result;
use crate::handles::HandlePool;
use crate::log::{Appended, LeaderAppend, Log, OpenOptions, Opened, ReadRequest};
use crate::producer::Origin;
use crate::validate::{Rules, validate};

/// A log, in a directory that goes with it.
pub(crate) struct TestLog {
    pub(crate) log: Arc<Log>,
    pub(crate) dir: Arc<LogDir>,
    pub(crate) disk: BrittleDisk,
    pub(crate) config: Arc<TopicConfig>,
    root: TempDir,
}

impl TestLog {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A log of a topic whose configuration is changed by `edit`.
    pub(crate) fn with(edit: impl FnOnce(&mut TopicConfig)) -> Self {
        let mut config = TopicConfig::default();
        edit(&mut config);
        let config = Arc::new(config);
        let root = tempfile::tempdir().unwrap();
        let disk = BrittleDisk::new();
        let dir = log_dir(&root, &disk);
        std::fs::create_dir(root.path().join("topic-0")).unwrap();
        let log = Log::open(&dir, options(&dir, &config)).unwrap().log;
        Self { log, dir, disk, config, root }
    }

    /// The partition's directory.
    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("topic-0")
    }

    /// The file of that name in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The names of the files in it that end with `suffix`.
    pub(crate) fn files(&self, suffix: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.ends_with(suffix)).collect();
        names.sort();
        names
    }

    /// Appends a client's batch at [`NOW`].
    pub(crate) fn append(&self, records: &Bytes) -> Appended {
        self.try_append(records, NOW).unwrap()
    }

    pub(crate) fn try_append(&self, records: &Bytes, now: Timestamp) -> Result<Appended> {
        self.append_from(records, Origin::Client, 0, now)
    }

    /// Appends a marker of a transaction of the first kind.
    pub(crate) fn mark(&self, marker: &Bytes) -> Appended {
        self.append_from(marker, Origin::Coordinator, 0, NOW).unwrap()
    }

    pub(crate) fn append_from(
        &self,
        records: &Bytes,
        origin: Origin,
        transaction_version: i16,
        now: Timestamp,
    ) -> Result<Appended> {
        let config = self.log.config();
        let records = validate(records, &Rules { config: &config, origin, now })?;
        let append = LeaderAppend { transaction_version, ..LeaderAppend::new(&records, origin) };
        let epoch = self.log.latest_epoch().unwrap_or(LeaderEpoch(0));
        self.log.append_as_leader(&[append], epoch, now).pop().unwrap()
    }

    /// Appends `count` batches of `records` and lets consumers see them.
    pub(crate) fn fill(&self, records: &Bytes, count: usize) {
        for _ in 0..count {
            self.append(records);
        }
        self.replicate();
    }

    /// Moves the high watermark to the end.
    pub(crate) fn replicate(&self) {
        self.log.update_high_watermark(self.log.log_end_offset());
    }

    /// Does the chores, and the deletions that are due at `now`.
    pub(crate) fn chores(&self, now: Timestamp) {
        self.dir.run_chores(now.0);
    }

    /// The bytes of all batches.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut offset = self.log.log_start_offset();
        loop {
            let request = ReadRequest {
                offset,
                max_bytes: 1 << 20,
                bound: Offset::MAX,
                at_least_one: true,
                may_block: true,
            };
            let fetched = self.log.read(&request).unwrap();
            let Some(records) = fetched.records else { return bytes };
            bytes.extend_from_slice(&records);
            offset = fetched.next_offset;
        }
    }

    /// The headers of all batches.
    pub(crate) fn headers(&self) -> Vec<BatchHeader> {
        Batches::new(&self.bytes()).map(|batch| *batch.unwrap().header()).collect()
    }

    /// All records.
    pub(crate) fn records(&self) -> Vec<Stored> {
        records_in(&self.bytes())
    }

    /// The offsets of all records.
    pub(crate) fn offsets(&self) -> Vec<i64> {
        self.records().into_iter().map(|(offset, ..)| offset).collect()
    }

    /// Closes the log and opens it again.
    pub(crate) fn reopen(&mut self) -> Opened {
        self.log.close().unwrap();
        let mut options = self.checkpointed();
        options.was_clean = true;
        self.open(options)
    }

    /// Opens the log as after a kill, with checkpoints of this moment.
    pub(crate) fn kill(&mut self) -> Opened {
        self.open(self.checkpointed())
    }

    /// The same with the recovery point that was checkpointed before.
    pub(crate) fn kill_with(&mut self, recovery_point: Offset) -> Opened {
        self.open(OpenOptions { recovery_point, ..self.checkpointed() })
    }

    /// What a start after a kill would know of the log.
    pub(crate) fn checkpointed(&self) -> OpenOptions {
        OpenOptions {
            config: self.log.config(),
            recovery_point: self.log.recovery_point(),
            log_start: self.log.log_start_offset(),
            high_watermark: self.log.high_watermark(),
            ..options(&self.dir, &self.config)
        }
    }

    /// Opens what is on the disk, as a new process does.
    pub(crate) fn open(&mut self, options: OpenOptions) -> Opened {
        self.try_open(options).unwrap()
    }

    pub(crate) fn try_open(&mut self, options: OpenOptions) -> Result<Opened> {
        self.disk = BrittleDisk::new();
        self.dir = log_dir(&self.root, &self.disk);
        let opened = Log::open(&self.dir, options)?;
        self.log = Arc::clone(&opened.log);
        Ok(opened)
    }
}

fn log_dir(root: &TempDir, disk: &BrittleDisk) -> Arc<LogDir> {
    let pool = HandlePool::new(Arc::new(disk.clone()), 64);
    LogDir::new(root.path().to_path_buf(), pool, Arc::new(NoObserver))
}

fn options(dir: &LogDir, config: &Arc<TopicConfig>) -> OpenOptions {
    OpenOptions {
        topic_partition: TopicPartition::new("topic", PartitionId(0)),
        path: dir.path().join("topic-0"),
        config: Arc::clone(config),
        was_clean: false,
        recovery_point: Offset::ZERO,
        log_start: Offset::ZERO,
        high_watermark: Offset::ZERO,
        cleaned_to: Offset::ZERO,
        producer_expiration_ms: 86_400_000,
        now: NOW,
    }
}
