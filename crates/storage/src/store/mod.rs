//! All logs of a broker: its log directories, their checkpoints, and the work that goes on behind the appends.
//!
//! Every operation takes the time as an argument; [`Housekeeper`] is the thread that has a clock and calls them.
//!
//! Invariant: a checkpoint on disk never promises more than is on stable storage.

mod checkpoints;
mod cleaner;
mod housekeeping;
mod meta;
mod moves;
mod open;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;
use config::{StorageConfig, TopicConfig};
use protocol::{BrokerId, Offset, Timestamp, TopicId, TopicPartition};

pub use cleaner::CleanerStats;
pub use housekeeping::Housekeeper;
pub use moves::Moving;
pub use open::OpenReport;

use crate::dir::{LogDir, Observer};
use crate::disk::{Disk, replace_file};
use crate::error::{Error, IoContext, Result};
use crate::files::meta_properties::DirectoryId;
use crate::files::{names, partition_metadata};
use crate::handles::lock;
use crate::log::{Log, OpenOptions};

/// What a broker says of itself and its storage before it is opened.
#[derive(Debug)]
pub struct StorageOptions {
    /// The broker's storage settings.
    pub config: StorageConfig,
    /// The broker.
    pub node_id: BrokerId,
    /// Its cluster; `None` takes the one that the directories name, or a new one.
    pub cluster_id: Option<String>,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// Is told of flushes and failed directories.
    pub observer: Arc<dyn Observer>,
    /// About how many files are kept open, and so mapped.
    pub open_files_max: usize,
    /// Below this many free bytes clients' appends are refused.
    pub free_bytes_min: u64,
    /// The time.
    pub now: Timestamp,
}

/// All logs of a broker.
#[derive(Debug)]
pub struct Storage {
    config: ArcSwap<StorageConfig>,
    cluster_id: String,
    dirs: Vec<Dir>,
    logs: ArcSwap<HashMap<TopicPartition, Arc<Log>>>,
    /// Held while a log is made or deleted, so that `logs` is replaced by one at a time.
    changing: Mutex<()>,
    /// Held while checkpoint files are written, so that none overtakes another, and through a truncation, which must not
    /// find its recovery point raised again. No lock of a log is held when it is taken.
    checkpointing: Mutex<()>,
    /// Partition directories on their way out, by the time at which they may go.
    deletions: Mutex<Vec<(Timestamp, Arc<LogDir>, PathBuf)>>,
    cleaner: cleaner::CleanerState,
    moves: moves::Moves,
    schedule: Mutex<housekeeping::Schedule>,
    free_bytes_min: AtomicU64,
}

/// One log directory.
#[derive(Debug)]
struct Dir {
    log_dir: Arc<LogDir>,
    id: DirectoryId,
    /// Gets no new partitions.
    is_cordoned: AtomicBool,
    /// The logs in it that could not be opened. The next start looks at them as after a crash, with what the checkpoints
    /// said of them.
    unopened: Mutex<Vec<OpenOptions>>,
    /// Keeps other processes out for as long as it lives.
    _lock: Box<dyn std::any::Any + Send + Sync>,
}

impl Dir {
    fn is_cordoned(&self) -> bool {
        self.is_cordoned.load(Ordering::Relaxed)
    }
}

impl Storage {
    /// The cluster that the directories belong to.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// The log directories and their ids.
    pub fn dirs(&self) -> impl Iterator<Item = (&Arc<LogDir>, DirectoryId)> {
        self.dirs.iter().map(|dir| (&dir.log_dir, dir.id))
    }

    /// The log directories that get no new partitions.
    pub fn cordoned_dirs(&self) -> impl Iterator<Item = DirectoryId> {
        self.dirs.iter().filter(|dir| dir.is_cordoned()).map(|dir| dir.id)
    }

    /// The settings that it goes by.
    pub fn config(&self) -> Arc<StorageConfig> {
        self.config.load_full()
    }

    /// Goes by other settings from now on, as far as they may change while the logs are open: all but where these are, and
    /// how often the periodic work is done.
    pub fn set_config(&self, config: StorageConfig) {
        for dir in &self.dirs {
            let is_cordoned = config.cordoned_log_dirs.iter().any(|it| it == dir.log_dir.path());
            dir.is_cordoned.store(is_cordoned, Ordering::Relaxed);
        }
        self.free_bytes_min.store(config.free_bytes_min, Ordering::Relaxed);
        self.config.store(Arc::new(config));
    }

    /// The log of a partition.
    pub fn log(&self, topic_partition: &TopicPartition) -> Option<Arc<Log>> {
        self.logs.load().get(topic_partition).cloned()
    }

    /// All logs, in no order.
    pub fn logs(&self) -> Vec<Arc<Log>> {
        self.logs.load().values().cloned().collect()
    }

    /// Makes the log of a new partition, or returns the one there is.
    pub fn create(
        &self,
        topic_partition: &TopicPartition,
        topic_id: TopicId,
        config: Arc<TopicConfig>,
        now: Timestamp,
    ) -> Result<Arc<Log>> {
        let _changing = lock(&self.changing);
        if let Some(log) = self.log(topic_partition) {
            return Ok(log);
        }
        self.check_not_unopened(topic_partition)?;
        let dir = self.dir_for_new_log(topic_partition)?;
        let result = self.create_in(&dir, topic_partition, topic_id, config, now);
        let log = dir.offline_on_io_error(result)?;
        self.update_logs(|logs| {
            logs.insert(topic_partition.clone(), Arc::clone(&log));
        });
        Ok(log)
    }

    /// A log that is there and could not be opened is not made anew over its files.
    fn check_not_unopened(&self, topic_partition: &TopicPartition) -> Result<()> {
        for dir in &self.dirs {
            let unopened = lock(&dir.unopened);
            if let Some(log) = unopened.iter().find(|log| log.topic_partition == *topic_partition) {
                let reason = "it could not be opened; see the error of this start".to_string();
                return Err(Error::Corrupt { path: log.path.clone(), reason });
            }
        }
        Ok(())
    }

    fn create_in(
        &self,
        dir: &Arc<LogDir>,
        topic_partition: &TopicPartition,
        topic_id: TopicId,
        config: Arc<TopicConfig>,
        now: Timestamp,
    ) -> Result<Arc<Log>> {
        let disk = dir.disk();
        let path = dir.path().join(topic_partition.to_string());
        disk.create_dir_all(&path).context("make", &path)?;
        let metadata = path.join(partition_metadata::FILE_NAME);
        let bytes = partition_metadata::encode(topic_id);
        replace_file(disk, &metadata, &bytes).context("write", &metadata)?;
        disk.sync_dir(dir.path()).context("sync", dir.path())?;
        let opened = Log::open(
            dir,
            OpenOptions {
                topic_partition: topic_partition.clone(),
                path,
                config,
                was_clean: true,
                recovery_point: Offset::ZERO,
                log_start: Offset::ZERO,
                high_watermark: Offset::ZERO,
                cleaned_to: Offset::ZERO,
                producer_expiration_ms: self.config.load().producer_id_expiration_ms,
                now,
            },
        )?;
        Ok(opened.log)
    }

    /// The directory that the log has been asked into, or else the one with the fewest logs, as Kafka chooses it.
    fn dir_for_new_log(&self, topic_partition: &TopicPartition) -> Result<Arc<LogDir>> {
        if let Some(dir) = self.moves.take_dir_of_new(topic_partition) {
            return Ok(dir);
        }
        let logs = self.logs.load();
        let count_in =
            |dir: &Dir| logs.values().filter(|log| Arc::ptr_eq(&log.dir(), &dir.log_dir)).count();
        let open = |dir: &&Dir| !dir.is_cordoned() && dir.log_dir.offline_reason().is_none();
        let dir = match &*self.dirs {
            [only] if open(&only) => Some(only),
            dirs => dirs.iter().filter(open).min_by_key(|dir| count_in(dir)),
        };
        dir.map(|dir| Arc::clone(&dir.log_dir)).ok_or_else(|| Error::Unusable {
            path: self.dirs.first().map(|dir| dir.log_dir.path().to_path_buf()).unwrap_or_default(),
            reason: "every log directory is offline or cordoned, so none can take a new partition"
                .to_string(),
        })
    }

    /// Deletes the log of a partition: it is gone at once, its files after `file.delete.delay.ms`.
    pub fn delete(&self, topic_partition: &TopicPartition, now: Timestamp) -> Result<()> {
        let delay_ms = self.log(topic_partition).map_or(0, |log| log.config().file_delete_delay_ms);
        let at = Timestamp(now.0.saturating_add(delay_ms));
        let Some((dir, path)) = self.retire(topic_partition, names::delete_dir)? else {
            return Ok(());
        };
        // Before the checkpoints, which take room: a deletion is what makes some.
        lock(&self.deletions).push((at, Arc::clone(&dir), path));
        self.forget_in_checkpoints(&dir)
    }

    /// Takes a log that this broker should not have out of use, but keeps its files under a name that says so.
    pub fn mark_stray(&self, topic_partition: &TopicPartition) -> Result<()> {
        let retired = self.retire(topic_partition, names::stray_dir)?;
        retired.map_or(Ok(()), |(dir, _)| self.forget_in_checkpoints(&dir))
    }

    /// The checkpoints must not speak of a partition that may be made again under the same name.
    fn forget_in_checkpoints(&self, dir: &Arc<LogDir>) -> Result<()> {
        self.write_checkpoints(dir)?;
        self.write_cleaned(dir)
    }

    fn retire(
        &self,
        topic_partition: &TopicPartition,
        name: impl FnOnce(&TopicPartition, &str) -> String,
    ) -> Result<Option<(Arc<LogDir>, PathBuf)>> {
        let _changing = lock(&self.changing);
        let Some(log) = self.log(topic_partition) else { return Ok(None) };
        self.update_logs(|logs| {
            logs.remove(topic_partition);
        });
        self.cleaner.forget(topic_partition);
        self.moves.forget(topic_partition);
        let dir = log.dir();
        let unique_id = uuid::Uuid::new_v4().simple().to_string();
        let path = dir.path().join(name(topic_partition, &unique_id));
        dir.offline_on_io_error(log.retire_to(&path))?;
        Ok(Some((dir, path)))
    }

    /// Cuts logs back to offsets, as followers do whose leader has another history.
    pub fn truncate(&self, logs: &[(Arc<Log>, Offset)], now: Timestamp) -> Result<()> {
        let checkpointing = lock(&self.checkpointing);
        let cut = |(log, target): &(Arc<Log>, Offset)| {
            Ok((Arc::clone(log), log.truncation_point(*target)?))
        };
        let cuts: Vec<_> = logs.iter().map(cut).collect::<Result<_>>()?;
        self.lower_checkpoints(&cuts, &checkpointing)?;
        // By its target and not by the point: that a log has nothing to cut is for it to say.
        for (log, target) in logs {
            log.truncate_to(*target, now)?;
        }
        Ok(())
    }

    /// Empties a log and lets it begin anew at `offset`, as a follower does that its leader is too far ahead of.
    pub fn truncate_fully(&self, log: &Arc<Log>, offset: Offset, now: Timestamp) -> Result<()> {
        let checkpointing = lock(&self.checkpointing);
        self.lower_checkpoints(&[(Arc::clone(log), offset)], &checkpointing)?;
        log.truncate_fully(offset, now)
    }

    /// IMPORTANT: the checkpoints are on disk before the logs are cut; see `log/truncate.rs`. What comes after the cut has
    /// not been cleaned either: a tombstone in it would go before the values that it stands for. And a log that will begin
    /// before its old start must not be opened at that one.
    fn lower_checkpoints(
        &self,
        cuts: &[(Arc<Log>, Offset)],
        checkpointing: &MutexGuard<'_, ()>,
    ) -> Result<()> {
        let (mut has_cleaned, mut has_started) = (false, false);
        for (log, offset) in cuts {
            log.lower_recovery_point(*offset);
            has_cleaned |= self.cleaner.lower(log.topic_partition(), *offset);
            has_started |= *offset < log.log_start_offset();
        }
        for dir in &self.dirs {
            if cuts.iter().any(|(log, _)| Arc::ptr_eq(&log.dir(), &dir.log_dir)) {
                self.write_recovery_points(&dir.log_dir, checkpointing)?;
                if has_started {
                    self.write_log_starts(&dir.log_dir, cuts, checkpointing)?;
                }
                if has_cleaned {
                    self.write_cleaned(&dir.log_dir)?;
                }
            }
        }
        Ok(())
    }

    fn update_logs(&self, change: impl FnOnce(&mut HashMap<TopicPartition, Arc<Log>>)) {
        let mut logs = HashMap::clone(&self.logs.load());
        change(&mut logs);
        self.logs.store(Arc::new(logs));
    }
}

#[cfg(test)]
mod tests;
