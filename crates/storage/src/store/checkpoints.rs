//! The four checkpoint files of a log directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, MutexGuard};

use protocol::{Offset, TopicPartition};

use super::Storage;
use crate::dir::LogDir;
use crate::disk::{Disk, replace_file};
use crate::error::{Error, IoContext, Result};
use crate::files::{self, checkpoint};
use crate::handles::lock;
use crate::log::{Log, OpenOptions};

/// A log is checkpointed by itself when this much has been appended since: recovery then reads no more than about twice
/// as much of it, and a broker with many quiet logs does not sync them all every minute.
const CHECKPOINT_BYTES: u64 = 32 << 20;

/// What the checkpoint files of a directory say.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    pub(super) recovery_points: BTreeMap<TopicPartition, Offset>,
    pub(super) log_starts: BTreeMap<TopicPartition, Offset>,
    pub(super) high_watermarks: BTreeMap<TopicPartition, Offset>,
    pub(super) cleaned: BTreeMap<TopicPartition, Offset>,
}

impl Checkpoints {
    /// The partitions that they speak of, some of them several times.
    pub(super) fn names(&self) -> impl Iterator<Item = &TopicPartition> {
        let offsets =
            [&self.recovery_points, &self.log_starts, &self.high_watermarks, &self.cleaned];
        offsets.into_iter().flat_map(BTreeMap::keys)
    }

    pub(super) fn read(disk: &dyn Disk, dir: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path = dir.join(name);
            match files::read(disk, &path, checkpoint::decode) {
                Ok(offsets) => Ok(offsets.unwrap_or_default()),
                Err(err) if err.kind() == std::io::ErrorKind::InvalidData => {
                    // Each of them only saves work: without it, more is recovered, kept or cleaned than needed.
                    tracing::warn!(%err, "checkpoint is damaged and taken for empty");
                    Ok(BTreeMap::new())
                }
                Err(err) => Err(Error::io("read", &path, err)),
            }
        };
        Ok(Self {
            recovery_points: read(checkpoint::RECOVERY_POINT_FILE)?,
            log_starts: read(checkpoint::LOG_START_OFFSET_FILE)?,
            high_watermarks: read(checkpoint::HIGH_WATERMARK_FILE)?,
            cleaned: read(checkpoint::CLEANER_FILE)?,
        })
    }
}

impl Storage {
    /// Moves recovery points on where much has been appended, and writes all checkpoint files. What fails for one log or
    /// directory does not keep it from the others; the first failure is returned.
    pub fn checkpoint(&self) -> Result<()> {
        let logs = self.logs();
        let is_due = |log: &&Arc<Log>| {
            log.bytes_since_checkpoint() >= CHECKPOINT_BYTES && log.dir().offline_reason().is_none()
        };
        let moved = logs.iter().filter(is_due).map(|log| log.checkpoint());
        let moved = moved.fold(Ok(()), Result::and);
        let online = self.dirs().filter(|(dir, _)| dir.offline_reason().is_none());
        let written = online.map(|(dir, _)| self.write_checkpoints(dir));
        written.fold(moved, Result::and)
    }

    /// Writes the checkpoint files of one directory.
    pub(super) fn write_checkpoints(&self, dir: &Arc<LogDir>) -> Result<()> {
        let checkpointing = lock(&self.checkpointing);
        self.write(dir, &RECOVERY_POINTS, &[], &checkpointing)?;
        self.write(dir, &LOG_STARTS, &[], &checkpointing)?;
        self.write(dir, &HIGH_WATERMARKS, &[], &checkpointing)
    }

    pub(super) fn write_recovery_points(
        &self,
        dir: &Arc<LogDir>,
        checkpointing: &MutexGuard<'_, ()>,
    ) -> Result<()> {
        self.write(dir, &RECOVERY_POINTS, &[], checkpointing)
    }

    /// Writes where logs begin, and those that are going to be cut no later than their cut.
    pub(super) fn write_log_starts(
        &self,
        dir: &Arc<LogDir>,
        cuts: &[(Arc<Log>, Offset)],
        checkpointing: &MutexGuard<'_, ()>,
    ) -> Result<()> {
        self.write(dir, &LOG_STARTS, cuts, checkpointing)
    }

    pub(super) fn write_high_watermarks(&self, dir: &Arc<LogDir>) -> Result<()> {
        self.write(dir, &HIGH_WATERMARKS, &[], &lock(&self.checkpointing))
    }

    fn write(
        &self,
        dir: &Arc<LogDir>,
        checkpoint: &Checkpoint,
        cuts: &[(Arc<Log>, Offset)],
        _checkpointing: &MutexGuard<'_, ()>,
    ) -> Result<()> {
        let logs = self.logs();
        let here = logs.iter().filter(|log| self.is_in(log, dir));
        let mut offsets: BTreeMap<_, _> =
            here.map(|log| (log.topic_partition().clone(), (checkpoint.of_log)(log))).collect();
        for (log, cut) in cuts {
            let offset = offsets.get_mut(log.topic_partition());
            offset.into_iter().for_each(|offset| *offset = (*offset).min(*cut));
        }
        for unopened in self.dirs.iter().filter(|other| Arc::ptr_eq(&other.log_dir, dir)) {
            for log in &*lock(&unopened.unopened) {
                offsets.insert(log.topic_partition.clone(), (checkpoint.of_unopened)(log));
            }
        }
        write_offsets(dir, checkpoint.name, offsets.iter().map(|(key, offset)| (key, *offset)))
    }
}

/// A checkpoint file, and what it says of a log.
struct Checkpoint {
    name: &'static str,
    of_log: fn(&Log) -> Offset,
    /// A log that could not be opened keeps what the file said of it.
    of_unopened: fn(&OpenOptions) -> Offset,
}

const RECOVERY_POINTS: Checkpoint = Checkpoint {
    name: checkpoint::RECOVERY_POINT_FILE,
    of_log: Log::recovery_point,
    of_unopened: |log| log.recovery_point,
};
const LOG_STARTS: Checkpoint = Checkpoint {
    name: checkpoint::LOG_START_OFFSET_FILE,
    of_log: Log::log_start_offset,
    of_unopened: |log| log.log_start,
};
const HIGH_WATERMARKS: Checkpoint = Checkpoint {
    name: checkpoint::HIGH_WATERMARK_FILE,
    of_log: Log::high_watermark,
    of_unopened: |log| log.high_watermark,
};

/// Writes one checkpoint file.
pub(super) fn write_offsets<'a>(
    dir: &LogDir,
    name: &str,
    offsets: impl IntoIterator<Item = (&'a TopicPartition, Offset)>,
) -> Result<()> {
    let path = dir.path().join(name);
    let written = replace_file(dir.disk(), &path, &checkpoint::encode(offsets));
    dir.offline_on_io_error(written.context("write", &path))
}
