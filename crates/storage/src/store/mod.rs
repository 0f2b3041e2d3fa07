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
mod partitions;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;
use config::StorageConfig;
use protocol::{BrokerId, Offset, Timestamp, TopicPartition};

pub use cleaner::CleanerStats;
pub use housekeeping::Housekeeper;
pub use moves::Moving;
pub use open::OpenReport;

use crate::dir::{LogDir, Observer};
use crate::disk::Disk;
use crate::error::Result;
use crate::files::meta_properties::DirectoryId;
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
    /// Locked for a look-up or a change of the map, and for nothing else.
    logs: Mutex<HashMap<TopicPartition, Arc<Log>>>,
    /// Held while logs are made or deleted, by one at a time, with all that it means on disk.
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
    /// How many logs are in it.
    log_count: AtomicUsize,
    /// Whether its checkpoints may speak of logs that are gone.
    is_stale: AtomicBool,
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
    fn dir_of(&self, dir: &Arc<LogDir>) -> &Dir {
        let dir = self.dirs.iter().find(|it| Arc::ptr_eq(&it.log_dir, dir));
        dir.expect("a log lies in one of the log directories")
    }

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
        lock(&self.logs).get(topic_partition).cloned()
    }

    /// All logs, in no order.
    pub fn logs(&self) -> Vec<Arc<Log>> {
        lock(&self.logs).values().cloned().collect()
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
}

#[cfg(test)]
mod tests;
