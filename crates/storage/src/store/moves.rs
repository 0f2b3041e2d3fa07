//! Logs that are wanted in another log directory (AlterReplicaLogDirs), one moved at a time.
//!
//! What is wanted is kept in memory and, once a copy has been begun, by the copy's directory: a start begins the copy anew,
//! or goes on from one that is whole. A log that is wanted elsewhere is not cleaned meanwhile, as in Kafka.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::{Offset, Timestamp, TopicPartition};

use super::housekeeping::remove_tree;
use super::open::PartitionDir;
use super::{Dir, Storage};
use crate::compaction::Pace;
use crate::dir::LogDir;
use crate::disk::list_files;
use crate::error::{Error, IoContext, Result};
use crate::files::names::{self, DirKind};
use crate::handles::lock;
use crate::log::{Log, LogCopy, WHOLE_FILE};

/// With no more than this to copy the log is stopped for as long as that takes.
const LAST_BYTES: u64 = 1 << 20;
/// If so many passes have not come as near, appends are as fast as the copying, and have to wait.
const PASSES_MAX: u32 = 16;

/// Of so many logs at most it is remembered where they are wanted before they are made: anyone may name some.
const WANTED_MAX: usize = 20_000;

/// A pause is cut into such pieces, so that neither a stop nor another wish waits for its end.
const PAUSE: Duration = Duration::from_millis(50);

/// A log that is being copied to another directory, or is going to be.
#[derive(Debug)]
pub struct Moving {
    /// The log.
    pub log: Arc<Log>,
    /// Where it goes.
    pub dir: Arc<LogDir>,
    /// How much of it is there.
    pub copied_bytes: u64,
    /// Every record below is there.
    pub end_offset: Offset,
}

/// What is wanted where.
#[derive(Debug, Default)]
pub(super) struct Moves {
    wanted: Mutex<BTreeMap<TopicPartition, Wanted>>,
    is_stopping: AtomicBool,
}

#[derive(Debug, Clone)]
struct Wanted {
    dir: Arc<LogDir>,
    progress: Arc<Progress>,
    /// Whether the checkpoints of the directory have to speak of the log already: it may be there at any moment.
    is_arriving: bool,
}

/// How far a copy has come.
#[derive(Debug, Default)]
struct Progress {
    bytes: AtomicU64,
    end_offset: AtomicI64,
}

impl Wanted {
    fn new(dir: &Arc<LogDir>) -> Self {
        Self { dir: Arc::clone(dir), progress: Arc::default(), is_arriving: false }
    }
}

impl Moves {
    /// Looks at what copies a stop or a crash has left among what was `found` in the directories, and changes that as it
    /// changes them. A copy that is whole takes its log's place if that is gone, for which all directories have to be there;
    /// the others are begun anew.
    pub(super) fn settle(
        dirs: &[Dir],
        found: &mut [Vec<PartitionDir>],
        are_all_there: bool,
    ) -> Result<Self> {
        let live = found.iter().flatten().filter(|found| found.kind == DirKind::Live);
        let mut live: HashSet<_> = live.map(|found| found.topic_partition.clone()).collect();
        let mut wanted = BTreeMap::new();
        for (Dir { log_dir: dir, .. }, found) in dirs.iter().zip(found) {
            let is_copy = |found: &mut PartitionDir| found.kind == DirKind::Future;
            let copies: Vec<_> = found.extract_if(.., is_copy).collect();
            for mut copy in copies {
                let (topic_partition, path) = (&copy.topic_partition, &copy.path);
                let root = dir.path().display();
                if live.contains(topic_partition) {
                    tracing::info!(log = %topic_partition, dir = %root, "a move to another directory is begun anew");
                    remove_tree(dir.disk(), path)?;
                    wanted.insert(copy.topic_partition, Wanted::new(dir));
                    continue;
                }
                if are_all_there && is_whole(dir, path)? {
                    tracing::info!(log = %topic_partition, dir = %root, "a move to another directory is completed");
                    let to = dir.path().join(topic_partition.to_string());
                    dir.disk().rename(path, &to).context("rename", path)?;
                    dir.disk().sync_dir(dir.path()).context("sync", dir.path())?;
                    live.insert(topic_partition.clone());
                    (copy.kind, copy.path) = (DirKind::Live, to);
                }
                found.push(copy);
            }
        }
        Ok(Self { wanted: Mutex::new(wanted), is_stopping: AtomicBool::new(false) })
    }

    pub(super) fn is_wanted(&self, topic_partition: &TopicPartition) -> bool {
        lock(&self.wanted).contains_key(topic_partition)
    }

    fn is_wanted_in(&self, topic_partition: &TopicPartition, dir: &Arc<LogDir>) -> bool {
        let wanted = lock(&self.wanted);
        wanted.get(topic_partition).is_some_and(|wanted| Arc::ptr_eq(&wanted.dir, dir))
    }

    /// The directory that a log which is being made was wanted in.
    pub(super) fn take_dir_of_new(&self, topic_partition: &TopicPartition) -> Option<Arc<LogDir>> {
        let wanted = lock(&self.wanted).remove(topic_partition)?;
        wanted.dir.offline_reason().is_none().then_some(wanted.dir)
    }

    pub(super) fn forget(&self, topic_partition: &TopicPartition) {
        lock(&self.wanted).remove(topic_partition);
    }

    /// Lets a copying that is going on break off.
    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }

    /// Nothing but another wish brings the log into that directory.
    fn give_up(&self, topic_partition: &TopicPartition, dir: &Arc<LogDir>) {
        let mut wanted = lock(&self.wanted);
        if wanted.get(topic_partition).is_some_and(|wanted| Arc::ptr_eq(&wanted.dir, dir)) {
            wanted.remove(topic_partition);
        }
    }

    fn set_arriving(&self, topic_partition: &TopicPartition, is_arriving: bool) {
        if let Some(wanted) = lock(&self.wanted).get_mut(topic_partition) {
            wanted.is_arriving = is_arriving;
        }
    }

    fn is_arriving(&self, log: &Log, dir: &Arc<LogDir>) -> bool {
        let wanted = lock(&self.wanted);
        let wanted = wanted.get(log.topic_partition());
        wanted.is_some_and(|wanted| wanted.is_arriving && Arc::ptr_eq(&wanted.dir, dir))
    }
}

impl Storage {
    /// Asks for a log to be in `dir`, one of the log directories: it is moved there behind the appends. A log that there
    /// is not yet will be made there, unless too many are waited for already.
    pub fn want_in_dir(&self, topic_partition: &TopicPartition, dir: &Arc<LogDir>) {
        // So that the log is not made in between.
        let _changing = lock(&self.changing);
        let mut wanted = lock(&self.moves.wanted);
        let log = self.log(topic_partition);
        let is_new = wanted.get(topic_partition).is_none_or(|it| !Arc::ptr_eq(&it.dir, dir));
        if log.as_ref().is_some_and(|log| Arc::ptr_eq(&log.dir(), dir)) {
            wanted.remove(topic_partition);
        } else if is_new && (log.is_some() || wanted.len() < WANTED_MAX) {
            wanted.insert(topic_partition.clone(), Wanted::new(dir));
        }
    }

    /// The logs that are on their way to another directory.
    pub fn moving(&self) -> Vec<Moving> {
        let wanted = lock(&self.moves.wanted);
        let moving = wanted.iter().filter_map(|(topic_partition, wanted)| {
            Some(Moving {
                log: self.log(topic_partition)?,
                dir: Arc::clone(&wanted.dir),
                copied_bytes: wanted.progress.bytes.load(Ordering::Relaxed),
                end_offset: Offset(wanted.progress.end_offset.load(Ordering::Relaxed)),
            })
        });
        moving.collect()
    }

    /// Whether the checkpoints of a directory speak of a log.
    pub(super) fn is_in(&self, log: &Log, dir: &Arc<LogDir>) -> bool {
        Arc::ptr_eq(&log.dir(), dir) || self.moves.is_arriving(log, dir)
    }

    /// Moves a log that is wanted in another directory. Says whether there was one.
    pub fn move_one(&self, now: Timestamp) -> bool {
        let Some((log, wanted)) = self.next_move() else { return false };
        let topic_partition = log.topic_partition();
        let unique_id = uuid::Uuid::new_v4().simple().to_string();
        let (dir, from) = (&wanted.dir, log.dir());
        let path = dir.path().join(names::future_dir(topic_partition, &unique_id));
        let moved = self.move_log(&log, &wanted, &path, now);
        let to = dir.path().display();
        match moved {
            Ok(true) => {
                tracing::info!(log = %topic_partition, from = %from.path().display(), %to, "moved a log to another directory");
                return true;
            }
            // The next start begins it anew.
            Ok(false) if self.moves.is_stopping.load(Ordering::Acquire) => return true,
            Ok(false) => {
                tracing::info!(log = %topic_partition, %to, "a log is not wanted in another directory any more");
            }
            Err(err) => {
                tracing::error!(log = %topic_partition, %to, %err, "cannot move a log: it stays where it is");
                self.blame(&err, &wanted, &from);
                self.moves.give_up(topic_partition, dir);
            }
        }
        // If what failed was the last step, this may be all there is of the log.
        if from.offline_reason().is_none()
            && let Err(err) = remove_tree(dir.disk(), &path)
        {
            tracing::warn!(%err, "cannot delete a copy that is not needed");
        }
        true
    }

    /// The first that is there, works, and is not being cleaned.
    fn next_move(&self) -> Option<(Arc<Log>, Wanted)> {
        if self.moves.is_stopping.load(Ordering::Acquire) {
            return None;
        }
        let wanted = lock(&self.moves.wanted);
        wanted.iter().find_map(|(topic_partition, wanted)| {
            let is_ready =
                wanted.dir.offline_reason().is_none() && !self.cleaner.is_busy(topic_partition);
            let log = self.log(topic_partition).filter(|_| is_ready)?;
            log.dir().offline_reason().is_none().then(|| (log, wanted.clone()))
        })
    }

    /// Takes the directory offline that has failed.
    fn blame(&self, err: &Error, wanted: &Wanted, from: &LogDir) {
        if let Error::Io { path, .. } = err {
            let is_target = path.starts_with(wanted.dir.path());
            let dir = if is_target { &*wanted.dir } else { from };
            dir.take_offline(&err.to_string());
        }
    }

    /// Copies a log and lets it go on from the copy. Says no if that is not wanted any more.
    fn move_log(
        &self,
        log: &Arc<Log>,
        wanted: &Wanted,
        path: &Path,
        now: Timestamp,
    ) -> Result<bool> {
        let mut pace = MovePace { storage: self, log, wanted };
        let mut copy = LogCopy::begin(&wanted.dir, path.to_path_buf())?;
        let progress = &wanted.progress;
        progress.end_offset.store(log.log_start_offset().0, Ordering::Relaxed);
        while self.moves.is_wanted_in(log.topic_partition(), &wanted.dir) {
            for _ in 0..PASSES_MAX {
                let end_offset = log.log_end_offset();
                let caught_up = copy.catch_up(log, &mut pace)?;
                if caught_up.is_continue() {
                    progress.end_offset.store(end_offset.0, Ordering::Relaxed);
                }
                match caught_up {
                    ControlFlow::Break(()) => return Ok(false),
                    ControlFlow::Continue(bytes) if bytes <= LAST_BYTES => break,
                    ControlFlow::Continue(_) => {}
                }
            }
            if self.arrive(log, wanted, &mut copy, now)? {
                return Ok(true);
            }
            // The log is being truncated.
            std::thread::sleep(PAUSE);
        }
        Ok(false)
    }

    /// IMPORTANT: the checkpoints of the new directory speak of the log before it is there, or a crash would let it begin
    /// before its start, and take gaps for holes.
    fn arrive(
        &self,
        log: &Arc<Log>,
        wanted: &Wanted,
        copy: &mut LogCopy,
        now: Timestamp,
    ) -> Result<bool> {
        let topic_partition = log.topic_partition();
        let from = log.dir();
        log.checkpoint()?;
        self.moves.set_arriving(topic_partition, true);
        self.write_checkpoints(&wanted.dir)?;
        self.write_cleaned(&wanted.dir)?;
        let unique_id = uuid::Uuid::new_v4().simple().to_string();
        let retired = from.path().join(names::delete_dir(topic_partition, &unique_id));
        {
            // Nobody may delete the log, or ask for another directory, while it is between the two.
            let changing = lock(&self.changing);
            if !self.moves.is_wanted_in(topic_partition, &wanted.dir) {
                return Ok(false);
            }
            if !log.move_to(copy, &retired)? {
                return Ok(false);
            }
            self.moves.forget(topic_partition);
            self.dir_of(&from).log_count.fetch_sub(1, Ordering::Relaxed);
            self.dir_of(&wanted.dir).log_count.fetch_add(1, Ordering::Relaxed);
            let at = Timestamp(now.0.saturating_add(log.config().file_delete_delay_ms));
            lock(&self.deletions).push((at, Arc::clone(&from), retired));
            self.forget_in_checkpoints(&from, &changing)?;
        }
        Ok(true)
    }
}

fn is_whole(dir: &LogDir, copy: &Path) -> Result<bool> {
    let files = list_files(dir.disk(), copy).context("list", copy)?;
    Ok(files.iter().any(|file| file.name == WHOLE_FILE))
}

/// Copies at the rate of `replica.alter.log.dirs.io.max.bytes.per.second`, for as long as the copy is wanted.
struct MovePace<'a> {
    storage: &'a Storage,
    log: &'a Log,
    wanted: &'a Wanted,
}

impl Pace for MovePace<'_> {
    fn spend(&mut self, bytes: usize) -> ControlFlow<()> {
        let moves = &self.storage.moves;
        self.wanted.progress.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let mut owed_bytes = f64::from(u32::try_from(bytes).unwrap_or(u32::MAX));
        loop {
            let is_stopping = moves.is_stopping.load(Ordering::Acquire);
            if is_stopping || !moves.is_wanted_in(self.log.topic_partition(), &self.wanted.dir) {
                return ControlFlow::Break(());
            }
            // It may be changed meanwhile; at a rate of 0 nothing moves until then.
            let rate = self.storage.config.load().move_max_bytes_per_second;
            let due = Duration::try_from_secs_f64(owed_bytes / rate).unwrap_or(Duration::MAX);
            if due.is_zero() || owed_bytes <= 0.0 {
                return ControlFlow::Continue(());
            }
            let pause = due.min(PAUSE);
            std::thread::sleep(pause);
            owed_bytes -= rate * pause.as_secs_f64();
        }
    }
}

#[cfg(test)]
mod tests;
