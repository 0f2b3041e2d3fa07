//! Which log is cleaned next, and how fast.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use config::CleanerConfig;
use protocol::{Offset, Timestamp, TopicPartition};

use super::Storage;
use super::checkpoints::write_offsets;
use crate::compaction::{OffsetMap, Pace, Plan, clean};
use crate::dir::LogDir;
use crate::error::{Error, Result};
use crate::files::checkpoint;
use crate::handles::lock;
use crate::log::Log;

/// What cleaning has done since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanerStats {
    /// How many cleanings were finished.
    pub runs: u64,
    /// Bytes that they read in whole segments.
    pub bytes_before: u64,
    /// Bytes that they left of them.
    pub bytes_after: u64,
    /// How many logs cannot be cleaned, because something in them cannot be read.
    pub uncleanable_logs: u64,
}

/// What the cleaning of all logs shares.
#[derive(Debug, Default)]
pub(super) struct CleanerState {
    progress: Mutex<Progress>,
    is_stopping: AtomicBool,
    runs: AtomicU64,
    bytes_before: AtomicU64,
    bytes_after: AtomicU64,
}

/// What one thread may use.
struct Shares {
    budget_bytes: u64,
    load_factor: f64,
    bytes_per_second: f64,
}

impl Shares {
    fn new(config: &CleanerConfig) -> Self {
        let threads = config.threads.max(1);
        Self {
            budget_bytes: config.dedupe_buffer_bytes / threads as u64,
            load_factor: config.dedupe_buffer_load_factor,
            bytes_per_second: config.io_max_bytes_per_second
                / f64::from(u16::try_from(threads).unwrap_or(u16::MAX)),
        }
    }
}

#[derive(Debug, Default)]
struct Progress {
    cleaned_to: BTreeMap<TopicPartition, Offset>,
    /// Being cleaned by a thread.
    busy: BTreeSet<TopicPartition>,
    /// Of these, those that have been truncated or deleted meanwhile: how far the cleaning came says nothing any more.
    disturbed: BTreeSet<TopicPartition>,
    uncleanable: BTreeSet<TopicPartition>,
}

impl Progress {
    fn disturb(&mut self, topic_partition: &TopicPartition) {
        if self.busy.contains(topic_partition) {
            self.disturbed.insert(topic_partition.clone());
        }
    }

    fn give_up(&mut self, topic_partition: &TopicPartition, err: &Error) {
        tracing::warn!(log = %topic_partition, %err, "cannot clean a log, and will not try again before a restart");
        self.uncleanable.insert(topic_partition.clone());
    }
}

impl CleanerState {
    pub(super) fn extend(&self, cleaned_to: BTreeMap<TopicPartition, Offset>) {
        lock(&self.progress).cleaned_to.extend(cleaned_to);
    }

    /// Notes that nothing of a log from `offset` on is clean. Says whether anything was.
    pub(super) fn lower(&self, topic_partition: &TopicPartition, offset: Offset) -> bool {
        let mut progress = lock(&self.progress);
        progress.disturb(topic_partition);
        let cleaned_to = progress.cleaned_to.get_mut(topic_partition);
        let Some(cleaned_to) = cleaned_to.filter(|cleaned_to| **cleaned_to > offset) else {
            return false;
        };
        *cleaned_to = offset;
        true
    }

    pub(super) fn forget(&self, topic_partition: &TopicPartition) {
        let mut progress = lock(&self.progress);
        progress.disturb(topic_partition);
        progress.cleaned_to.remove(topic_partition);
        progress.uncleanable.remove(topic_partition);
    }

    /// Whether a log is being cleaned.
    pub(super) fn is_busy(&self, topic_partition: &TopicPartition) -> bool {
        lock(&self.progress).busy.contains(topic_partition)
    }

    /// Lets cleanings that are going on give up.
    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }
}

impl Storage {
    /// What cleaning has done since the start.
    pub fn cleaner_stats(&self) -> CleanerStats {
        let cleaner = &self.cleaner;
        CleanerStats {
            runs: cleaner.runs.load(Ordering::Relaxed),
            bytes_before: cleaner.bytes_before.load(Ordering::Relaxed),
            bytes_after: cleaner.bytes_after.load(Ordering::Relaxed),
            uncleanable_logs: lock(&cleaner.progress).uncleanable.len() as u64,
        }
    }

    /// Cleans the log that is worth it most. Says whether there was one.
    pub fn clean_one(&self, now: Timestamp) -> Result<bool> {
        let Some((log, plan)) = self.choose(now) else { return Ok(false) };
        // Recovery takes a gap for a hole where the checkpoint has not passed it.
        if let Err(err) = log.checkpoint().and_then(|()| self.write_checkpoints(&log.dir())) {
            lock(&self.cleaner.progress).busy.remove(log.topic_partition());
            return Err(err);
        }
        let Shares { budget_bytes, load_factor, bytes_per_second } =
            Shares::new(&self.config.load().cleaner);
        let mut map = OffsetMap::new(budget_bytes, load_factor);
        let mut pace = Throttle::new(bytes_per_second, &self.cleaner.is_stopping);
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        let result = clean(&log, &plan, &mut map, &mut pace, seed, now);
        let topic_partition = log.topic_partition();
        let mut progress = lock(&self.cleaner.progress);
        progress.busy.remove(topic_partition);
        let was_disturbed = progress.disturbed.remove(topic_partition);
        match result {
            Ok(Some(cleaned)) => {
                if !was_disturbed {
                    progress.cleaned_to.insert(topic_partition.clone(), cleaned.end_offset);
                }
                drop(progress);
                tracing::info!(log = %topic_partition, ?cleaned, "cleaned a log");
                self.cleaner.runs.fetch_add(1, Ordering::Relaxed);
                self.cleaner.bytes_before.fetch_add(cleaned.bytes_before, Ordering::Relaxed);
                self.cleaner.bytes_after.fetch_add(cleaned.bytes_after, Ordering::Relaxed);
                self.write_cleaned(&log.dir())?;
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(_) if log.is_closed() => Ok(false),
            Err(err @ (Error::NoSpace { .. } | Error::Offline { .. })) => Err(err),
            Err(err) => {
                progress.give_up(topic_partition, &err);
                Ok(true)
            }
        }
    }

    /// The log with the greatest dirty ratio; one that is overdue goes first.
    fn choose(&self, now: Timestamp) -> Option<(Arc<Log>, Plan)> {
        let mut best: Option<(Arc<Log>, Plan)> = None;
        let mut progress = lock(&self.cleaner.progress);
        for log in self.logs() {
            let config = log.config();
            let topic_partition = log.topic_partition();
            let is_out = progress.busy.contains(topic_partition)
                || progress.uncleanable.contains(topic_partition)
                || self.moves.is_wanted(topic_partition)
                || log.dir().offline_reason().is_some();
            if !config.cleanup_policy.compact || is_out {
                continue;
            }
            let cleaned_to = progress.cleaned_to.get(topic_partition).copied();
            let plan = match log.plan_cleaning(cleaned_to.unwrap_or(Offset::NONE), now) {
                Ok(plan) => plan,
                Err(err) => {
                    progress.give_up(topic_partition, &err);
                    continue;
                }
            };
            let urgency = |plan: &Plan| (plan.is_overdue, plan.dirty_ratio());
            if plan.is_due(&config)
                && best.as_ref().is_none_or(|(_, best)| urgency(&plan) > urgency(best))
            {
                best = Some((log, plan));
            }
        }
        if let Some((log, _)) = &best {
            progress.busy.insert(log.topic_partition().clone());
        }
        best
    }

    /// Writes up to where the logs of a directory have been cleaned.
    pub(super) fn write_cleaned(&self, dir: &Arc<LogDir>) -> Result<()> {
        let progress = lock(&self.cleaner.progress);
        let offsets = progress.cleaned_to.iter().filter_map(|(topic_partition, offset)| {
            let other = self.log(topic_partition)?;
            self.is_in(&other, dir).then_some((topic_partition, *offset))
        });
        write_offsets(dir, checkpoint::CLEANER_FILE, offsets)
    }
}

/// Reads and writes at a rate, and gives up when the broker stops.
struct Throttle<'a> {
    bytes_per_second: f64,
    is_stopping: &'a AtomicBool,
    started: Instant,
    spent_bytes: f64,
}

/// A pause is cut into such pieces, so that stopping does not wait for its end.
const PAUSE: Duration = Duration::from_millis(50);

impl<'a> Throttle<'a> {
    fn new(bytes_per_second: f64, is_stopping: &'a AtomicBool) -> Self {
        Self { bytes_per_second, is_stopping, started: Instant::now(), spent_bytes: 0.0 }
    }
}

impl Pace for Throttle<'_> {
    fn spend(&mut self, bytes: usize) -> ControlFlow<()> {
        // What is written is about as much as what is read.
        self.spent_bytes += 2.0 * f64::from(u32::try_from(bytes).unwrap_or(u32::MAX));
        let due = Duration::try_from_secs_f64(self.spent_bytes / self.bytes_per_second);
        let due = due.unwrap_or(Duration::MAX);
        loop {
            if self.is_stopping.load(Ordering::Acquire) {
                return ControlFlow::Break(());
            }
            let Some(left) = due.checked_sub(self.started.elapsed()).filter(|left| !left.is_zero())
            else {
                return ControlFlow::Continue(());
            };
            std::thread::sleep(left.min(PAUSE));
        }
    }
}

#[cfg(test)]
mod tests;
