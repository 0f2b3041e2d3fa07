//! The four checkpoint files of a log directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use protocol::{Offset, TopicPartition};

use super::Storage;
use crate::dir::LogDir;
use crate::disk::{Disk, replace_file};
use crate::error::{Error, IoContext, Result};
use crate::files::{self, checkpoint};
use crate::log::Log;

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
    /// Moves recovery points on where much has been appended, and writes all checkpoint files.
    pub fn checkpoint(&self) -> Result<()> {
        for log in self.logs() {
            if log.bytes_since_checkpoint() >= CHECKPOINT_BYTES
                && log.dir().offline_reason().is_none()
            {
                log.checkpoint()?;
            }
        }
        for (dir, _) in self.dirs() {
            if dir.offline_reason().is_none() {
                self.write_checkpoints(dir)?;
            }
        }
        Ok(())
    }

    /// Writes the checkpoint files of one directory.
    pub(super) fn write_checkpoints(&self, dir: &Arc<LogDir>) -> Result<()> {
        self.write_recovery_points(dir)?;
        self.write_log_starts(dir)?;
        self.write_high_watermarks(dir)
    }

    pub(super) fn write_recovery_points(&self, dir: &Arc<LogDir>) -> Result<()> {
        self.write(dir, checkpoint::RECOVERY_POINT_FILE, Log::recovery_point)
    }

    pub(super) fn write_log_starts(&self, dir: &Arc<LogDir>) -> Result<()> {
        self.write(dir, checkpoint::LOG_START_OFFSET_FILE, Log::log_start_offset)
    }

    pub(super) fn write_high_watermarks(&self, dir: &Arc<LogDir>) -> Result<()> {
        self.write(dir, checkpoint::HIGH_WATERMARK_FILE, Log::high_watermark)
    }

    fn write(&self, dir: &Arc<LogDir>, name: &str, offset: impl Fn(&Log) -> Offset) -> Result<()> {
        let logs = self.logs();
        let offsets: BTreeMap<_, _> = logs
            .iter()
            .filter(|log| Arc::ptr_eq(log.dir(), dir))
            .map(|log| (log.topic_partition(), offset(log)))
            .collect();
        write_offsets(dir, name, offsets)
    }
}

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
