//! Logs made, and taken out of use.
//!
//! Nothing is synced for a new log: its directory, and in it whose it is, are on stable storage with its first flush
//! (`log/identity.rs`). A power loss may take a log away that was never flushed; the next start makes it anew, as empty as
//! it may be for all that was promised. What then could lie under its name is settled here:
//!
//! - a directory of an earlier topic of that name has another name, on stable storage, before the name can be given again
//!   ([`Storage::delete`] returns after that), so a directory that does not say whose it is belongs to the present topic;
//! - checkpoints that speak of an earlier log of that name are written anew before one is made: an old log start would have
//!   the next start throw away what was appended since.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use config::TopicConfig;
use protocol::{Offset, Timestamp, TopicId, TopicPartition};

use super::{Dir, Storage};
use crate::dir::LogDir;
use crate::error::{Error, IoContext, Result};
use crate::files::names;
use crate::handles::lock;
use crate::log::{Log, OpenOptions};

/// A log that has been taken out of use.
struct Retired {
    log: Arc<Log>,
    dir: Arc<LogDir>,
    /// Its directory now.
    path: PathBuf,
}

impl Storage {
    /// Makes the log of a new partition, or returns the one there is, which must be of the same topic.
    pub fn create(
        &self,
        topic_partition: &TopicPartition,
        topic_id: TopicId,
        config: Arc<TopicConfig>,
        now: Timestamp,
    ) -> Result<Arc<Log>> {
        let changing = lock(&self.changing);
        if let Some(log) = self.log(topic_partition) {
            log.assign_topic_id(topic_id)?;
            return Ok(log);
        }
        self.check_not_unopened(topic_partition)?;
        let dir = self.dir_for_new_log(topic_partition)?;
        if dir.is_stale.load(Ordering::Relaxed) {
            self.forget_in_checkpoints(&dir.log_dir, &changing)?;
        }
        let log = self.create_in(&dir.log_dir, topic_partition, config, now);
        let log = dir.log_dir.offline_on_io_error(log)?;
        // A directory that is left of another topic's log, which could not be renamed, is refused here.
        log.assign_topic_id(topic_id)?;
        lock(&self.logs).insert(topic_partition.clone(), Arc::clone(&log));
        dir.log_count.fetch_add(1, Ordering::Relaxed);
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
        config: Arc<TopicConfig>,
        now: Timestamp,
    ) -> Result<Arc<Log>> {
        let path = dir.path().join(topic_partition.to_string());
        dir.disk().create_dir_all(&path).context("make", &path)?;
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
    fn dir_for_new_log(&self, topic_partition: &TopicPartition) -> Result<&Dir> {
        if let Some(dir) = self.moves.take_dir_of_new(topic_partition) {
            return Ok(self.dir_of(&dir));
        }
        let open = |dir: &&Dir| !dir.is_cordoned() && dir.log_dir.offline_reason().is_none();
        let count = |dir: &&Dir| dir.log_count.load(Ordering::Relaxed);
        let dir = self.dirs.iter().filter(open).min_by_key(count);
        dir.ok_or_else(|| Error::Unusable {
            path: self.dirs.first().map(|dir| dir.log_dir.path().to_path_buf()).unwrap_or_default(),
            reason: "every log directory is offline or cordoned, so none can take a new partition"
                .to_string(),
        })
    }

    /// Deletes the logs of partitions: they are gone at once, their files after `file.delete.delay.ms`. What fails for one
    /// does not keep it from the others; the first failure is returned.
    pub fn delete<'a>(
        &self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
        now: Timestamp,
    ) -> Result<()> {
        let changing = lock(&self.changing);
        let (retired, result) = self.retire(partitions, names::delete_dir);
        // Before the checkpoints, which take room: a deletion is what makes some.
        let deletions = retired.iter().map(|Retired { log, dir, path }| {
            let delay_ms = log.config().file_delete_delay_ms;
            (Timestamp(now.0.saturating_add(delay_ms)), Arc::clone(dir), path.clone())
        });
        lock(&self.deletions).extend(deletions);
        let settled = self.settle_names(&retired, &changing);
        result.and(settled)
    }

    /// Takes logs that this broker should not have out of use, but keeps their files under names that say so.
    pub fn mark_stray<'a>(
        &self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
    ) -> Result<()> {
        let changing = lock(&self.changing);
        let (retired, result) = self.retire(partitions, names::stray_dir);
        let settled = self.settle_names(&retired, &changing);
        result.and(settled)
    }

    /// Gives the directories of logs the names that `name` makes. Returns those that have them, and the first failure.
    fn retire<'a>(
        &self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
        name: impl Fn(&TopicPartition, &str) -> String,
    ) -> (Vec<Retired>, Result<()>) {
        let (mut retired, mut result) = (Vec::new(), Ok(()));
        for topic_partition in partitions {
            let Some(log) = lock(&self.logs).remove(topic_partition) else { continue };
            self.cleaner.forget(topic_partition);
            self.moves.forget(topic_partition);
            let dir = log.dir();
            self.dir_of(&dir).log_count.fetch_sub(1, Ordering::Relaxed);
            let unique_id = uuid::Uuid::new_v4().simple().to_string();
            let path = dir.path().join(name(topic_partition, &unique_id));
            match dir.offline_on_io_error(log.retire_to(&path)) {
                Ok(()) => retired.push(Retired { log, dir, path }),
                Err(err) => result = result.and(Err(err)),
            }
        }
        (retired, result)
    }

    /// Makes the new names durable, once a directory, and lets the checkpoints forget the old ones.
    fn settle_names(&self, retired: &[Retired], changing: &MutexGuard<'_, ()>) -> Result<()> {
        let is_touched =
            |dir: &&Dir| retired.iter().any(|retired| Arc::ptr_eq(&retired.dir, &dir.log_dir));
        let settled = self.dirs.iter().filter(is_touched).map(|dir| {
            let (dir, root) = (&dir.log_dir, dir.log_dir.path());
            let synced = dir.disk().sync_dir(root).map_err(|err| Error::failed_sync(root, err));
            dir.offline_on_io_error(synced)?;
            self.forget_in_checkpoints(dir, changing)
        });
        settled.fold(Ok(()), Result::and)
    }

    /// The checkpoints must not speak of a partition that may be made again under the same name. If they cannot be written,
    /// it is tried again before a log is made.
    pub(super) fn forget_in_checkpoints(
        &self,
        dir: &Arc<LogDir>,
        _changing: &MutexGuard<'_, ()>,
    ) -> Result<()> {
        let is_stale = &self.dir_of(dir).is_stale;
        is_stale.store(true, Ordering::Relaxed);
        self.write_checkpoints(dir)?;
        self.write_cleaned(dir)?;
        is_stale.store(false, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
