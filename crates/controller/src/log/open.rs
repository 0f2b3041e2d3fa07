//! Opening the metadata's log: the newest snapshot that is whole, the records behind it, and the beginning of an epoch.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{MetadataLogConfig, Settings, TopicConfig};
use protocol::internal::metadata::{AbortTransactionRecord, MetadataRecord};
use protocol::record::Batches;
use protocol::{BrokerId, LeaderEpoch, Offset, PartitionId, Timestamp, TopicId, TopicPartition};
use storage::Log;
use storage::dir::{LogDir, NoObserver};
use storage::disk::{Disk, replace_file};
use storage::files::partition_metadata;
use storage::handles::HandlePool;
use storage::log::{OpenOptions as LogOptions, ReadRequest};

use super::batches::{self, BATCH_BYTES_MAX};
use super::error::{Error, Result};
use super::replay::Replay;
use super::snapshot::{self, Snapshot, SnapshotId, failed};
use super::{MetadataLog, Quorum as _};
use crate::decide::{METADATA_VERSION, first_records};
use crate::image::Image;

/// The topic and its id, which Kafka has laid down (`Uuid.METADATA_TOPIC_ID`).
const TOPIC_NAME: &str = "__cluster_metadata";
const TOPIC_ID: TopicId = TopicId([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

/// Keeps a second process of ours out.
const LOCK_FILE: &str = ".lock";

/// As many files of the log are kept open: the active segment with its indexes, and a few more.
const OPEN_FILES_MAX: usize = 16;

/// How much of the log is read at a time.
const READ_BYTES: u32 = 1 << 20;

/// What is known before the metadata is read.
#[derive(Debug)]
pub struct OpenOptions<'a> {
    /// The log directory that the log lies in (`metadata.log.dir`).
    pub dir: PathBuf,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// This node.
    pub node_id: BrokerId,
    /// The cluster, as the log directories name it.
    pub cluster_id: &'a str,
    /// What this node was started with: a new cluster begins with some of it.
    pub settings: &'a Settings,
    /// `metadata.*`.
    pub config: &'a MetadataLogConfig,
    /// The time.
    pub now: Timestamp,
}

impl MetadataLog {
    /// Opens the log, or begins one, and becomes the leader of a new epoch.
    pub fn open(options: &OpenOptions<'_>) -> Result<Self> {
        let disk = &*options.disk;
        let path = options.dir.join(format!("{TOPIC_NAME}-0"));
        let lock = claim(disk, &path)?;
        let pool = HandlePool::new(Arc::clone(&options.disk), OPEN_FILES_MAX);
        let dir = LogDir::new(options.dir.clone(), pool, Arc::new(NoObserver));
        let mut snapshots = snapshot::list(disk, &path)?;
        let flushed_to = snapshots.last().map_or(Offset::ZERO, |newest| newest.id.end_offset);
        let log = open_log(&dir, &path, flushed_to, options)?;
        let empty = Image::new(options.cluster_id);
        let (id, mut replay) = newest(disk, &path, &mut snapshots, &empty)?;
        if log.log_end_offset() < id.end_offset {
            log.truncate_fully(id.end_offset, options.now)?;
        }
        let bytes_since_snapshot = read_log(&log, id.end_offset, &mut replay)?;
        let latest_epoch = log.latest_epoch().unwrap_or(LeaderEpoch(0)).max(id.epoch);
        let is_in_transaction = replay.is_in_transaction();
        let mut opened = Self {
            log,
            dir,
            node_id: options.node_id,
            leader_epoch: LeaderEpoch(latest_epoch.0.saturating_add(1)),
            image: replay.image,
            config: options.config.clone(),
            last_timestamp: replay.last_timestamp,
            since: snapshots.last().map_or(options.now, |newest| newest.taken),
            snapshots,
            bytes_since_snapshot,
            _lock: lock,
        };
        opened.begin_epoch(is_in_transaction, options)?;
        Ok(opened)
    }

    /// Writes what an epoch begins with, which also puts on stable storage what was read: a crash may have left records
    /// in the log that were never synced.
    fn begin_epoch(&mut self, is_in_transaction: bool, options: &OpenOptions<'_>) -> Result<()> {
        let now = options.now;
        let mut first = vec![batches::leader_change(self.node_id, self.leader_epoch, now)?];
        if is_in_transaction {
            let reason = Some("the node stopped before its end".to_owned());
            let abort = MetadataRecord::AbortTransaction(AbortTransactionRecord { reason });
            first.extend(batches::encode(&[abort], self.leader_epoch, now)?);
        }
        self.append(&first, now)?;
        if self.image.feature_level(METADATA_VERSION) == 0 {
            self.propose(&first_records(options.settings), now)?;
        }
        Ok(())
    }
}

/// Makes the log's directory, says whose it is, and locks it.
fn claim(disk: &dyn Disk, path: &Path) -> Result<Box<dyn Any + Send + Sync>> {
    disk.create_dir_all(path).map_err(|err| failed("make", path, err))?;
    let lock = disk.lock(&path.join(LOCK_FILE)).map_err(|err| match err.kind() {
        io::ErrorKind::WouldBlock => storage::Error::Unusable {
            path: path.to_path_buf(),
            reason: "another process has locked it: stop that one, or give this one a directory of its own".to_owned(),
        },
        _ => failed("lock", path, err),
    })?;
    let metadata = path.join(partition_metadata::FILE_NAME);
    let read = storage::files::read(disk, &metadata, partition_metadata::decode);
    if read.map_err(|err| failed("read", &metadata, err))?.is_none() {
        replace_file(disk, &metadata, &partition_metadata::encode(TOPIC_ID))
            .map_err(|err| failed("write", &metadata, err))?;
        let parent = path.parent().unwrap_or(path);
        disk.sync_dir(parent).map_err(|err| failed("sync", parent, err))?;
    }
    Ok(lock)
}

/// Opens the log itself. What lies before `flushed_to`, where the newest snapshot was taken, is on stable storage.
fn open_log(
    dir: &Arc<LogDir>,
    path: &Path,
    flushed_to: Offset,
    options: &OpenOptions<'_>,
) -> Result<Arc<Log>> {
    let opened = Log::open(
        dir,
        LogOptions {
            topic_partition: TopicPartition::new(TOPIC_NAME, PartitionId(0)),
            path: path.to_path_buf(),
            config: Arc::new(log_config(options.config)),
            was_clean: false,
            recovery_point: flushed_to,
            log_start: Offset::ZERO,
            high_watermark: Offset::MAX,
            cleaned_to: Offset::ZERO,
            producer_expiration_ms: i64::MAX,
            now: options.now,
        },
    )?;
    if opened.truncated_bytes > 0 {
        tracing::warn!(bytes = opened.truncated_bytes, "cut an unfinished change off the metadata");
    }
    Ok(opened.log)
}

/// The log's own configuration: nothing in it is old or too much until a snapshot stands for it.
fn log_config(config: &MetadataLogConfig) -> TopicConfig {
    TopicConfig {
        max_message_bytes: BATCH_BYTES_MAX,
        segment_bytes: config.segment_bytes,
        segment_ms: i64::try_from(config.segment_ms).unwrap_or(i64::MAX),
        retention_ms: None,
        retention_bytes: None,
        ..TopicConfig::default()
    }
}

/// The newest snapshot that is whole; without one, the beginning. Those that are not are taken off the list.
fn newest(
    disk: &dyn Disk,
    path: &Path,
    snapshots: &mut Vec<Snapshot>,
    empty: &Image,
) -> Result<(SnapshotId, Replay)> {
    while let Some(Snapshot { id, .. }) = snapshots.last().copied() {
        match snapshot::read(disk, path, id, empty.clone()) {
            Ok(replay) => return Ok((id, replay)),
            Err(Error::Unreadable { offset, reason }) => {
                tracing::error!(snapshot = %id, %offset, reason, "snapshot of the metadata is damaged and not used");
                snapshots.pop();
            }
            Err(err) => return Err(err),
        }
    }
    let beginning = SnapshotId { end_offset: Offset::ZERO, epoch: LeaderEpoch(0) };
    Ok((beginning, Replay::new(empty.clone())))
}

/// Replays the log from `start` to its end; returns how many bytes that are.
fn read_log(log: &Log, start: Offset, replay: &mut Replay) -> Result<u64> {
    if start < log.log_start_offset() {
        let reason = format!(
            "the log begins only at offset {}, and no snapshot that is whole stands for what was before",
            log.log_start_offset()
        );
        return Err(Error::unreadable(start, reason));
    }
    let (mut offset, mut bytes) = (start, 0);
    while offset < log.log_end_offset() {
        let fetched = log.read(&ReadRequest {
            offset,
            max_bytes: READ_BYTES,
            bound: log.log_end_offset(),
            at_least_one: true,
            may_block: true,
        })?;
        let Some(records) = fetched.records else {
            return Err(Error::unreadable(offset, "the log has a gap"));
        };
        for batch in Batches::new(&records) {
            let batch = batch.map_err(|err| Error::unreadable(offset, err))?;
            replay.batch(&batch, offset)?;
            bytes += u64::from(batch.header().size());
            offset = offset.max(batch.header().next_offset());
        }
    }
    Ok(bytes)
}
