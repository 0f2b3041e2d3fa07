//! What is done from time to time: retention, flushes by age, checkpoints, expiry, deletions, a look at the free space;
//! and the threads that do it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use config::StorageConfig;
use protocol::Timestamp;

use super::Storage;
use crate::dir::LogDir;
use crate::disk::Disk;
use crate::error::{IoContext, Result};
use crate::handles::lock;

/// How often the periodic work is looked at.
const TICK: Duration = Duration::from_millis(250);

/// Kafka's `replica.high.watermark.checkpoint.interval.ms`.
const HIGH_WATERMARK_INTERVAL_MS: i64 = 5_000;

/// How often the free space and the ages of unflushed records are looked at.
const WATCH_INTERVAL_MS: i64 = 1_000;

/// When each kind of periodic work is due next.
#[derive(Debug)]
pub(super) struct Schedule {
    watch: Due,
    high_watermarks: Due,
    checkpoint: Due,
    retention: Due,
    expiry: Due,
}

#[derive(Debug, Clone, Copy)]
struct Due {
    next_ms: i64,
    interval_ms: i64,
}

impl Due {
    fn every(interval_ms: i64, first_ms: i64) -> Self {
        Self { next_ms: first_ms, interval_ms: interval_ms.max(1) }
    }

    /// Whether it is due; if so, the next time is one interval from now.
    fn take(&mut self, now: Timestamp) -> bool {
        let is_due = now.0 >= self.next_ms;
        if is_due {
            self.next_ms = now.0.saturating_add(self.interval_ms);
        }
        is_due
    }
}

impl Schedule {
    pub(super) fn new(config: &StorageConfig, now: Timestamp) -> Self {
        let after_start = now.0.saturating_add(config.initial_task_delay_ms);
        let after = |interval_ms: i64| now.0.saturating_add(interval_ms);
        Self {
            watch: Due::every(WATCH_INTERVAL_MS, now.0),
            high_watermarks: Due::every(
                HIGH_WATERMARK_INTERVAL_MS,
                after(HIGH_WATERMARK_INTERVAL_MS),
            ),
            checkpoint: Due::every(config.recovery_point_checkpoint_interval_ms, after_start),
            retention: Due::every(config.retention_check_interval_ms, after_start),
            expiry: Due::every(
                config.producer_id_expiration_check_interval_ms,
                after(config.producer_id_expiration_check_interval_ms),
            ),
        }
    }
}

impl Storage {
    /// Does the periodic work that is due.
    pub fn tick(&self, now: Timestamp) {
        let (watch, high_watermarks, checkpoint, retention, expiry) = {
            let mut schedule = lock(&self.schedule);
            (
                schedule.watch.take(now),
                schedule.high_watermarks.take(now),
                schedule.checkpoint.take(now),
                schedule.retention.take(now),
                schedule.expiry.take(now),
            )
        };
        if watch {
            self.check_free_space();
            self.flush_old(now);
            self.run_deletions(now);
        }
        if high_watermarks {
            for (dir, _) in self.dirs().filter(|(dir, _)| dir.offline_reason().is_none()) {
                said("write high watermarks", self.write_high_watermarks(dir));
            }
        }
        if retention {
            self.enforce_retention(now);
        }
        if checkpoint {
            said("write checkpoints", self.checkpoint());
        }
        if expiry {
            let expiration_ms = self.config.load().producer_id_expiration_ms;
            for log in self.logs() {
                log.expire_producers(now, expiration_ms);
            }
        }
    }

    /// Deletes what retention gives up in all logs.
    pub fn enforce_retention(&self, now: Timestamp) {
        for log in self.logs() {
            if log.dir().offline_reason().is_none() {
                said("enforce retention", log.enforce_retention(now).map(drop));
            }
        }
    }

    /// Flushes the logs whose oldest unflushed record has waited for `flush.ms`.
    fn flush_old(&self, now: Timestamp) {
        for log in self.logs() {
            if log.is_flush_due(now) && log.dir().offline_reason().is_none() {
                said("flush", log.flush());
            }
        }
    }

    /// Looks at the room that is left, and refuses or accepts clients' appends accordingly.
    pub(super) fn check_free_space(&self) {
        let free_bytes_min = self.free_bytes_min.load(Ordering::Relaxed);
        for (dir, _) in self.dirs() {
            if let Ok(free_bytes) = dir.disk().free_bytes(dir.path()) {
                dir.set_low(free_bytes < free_bytes_min, free_bytes);
            }
        }
    }

    fn run_deletions(&self, now: Timestamp) {
        let due: Vec<_> = lock(&self.deletions).extract_if(.., |(at, _, _)| *at <= now).collect();
        for (_, dir, path) in due {
            said("delete a partition", remove_tree(dir.disk(), &path));
        }
    }
}

/// Deletes a partition's directory with the files in it.
pub(super) fn remove_tree(disk: &dyn Disk, path: &std::path::Path) -> Result<()> {
    for entry in disk.list(path).context("list", path)? {
        let file = path.join(entry.name);
        disk.remove_file(&file).context("delete", &file)?;
    }
    disk.remove_dir(path).context("delete", path)
}

fn said(what: &str, result: Result<()>) {
    if let Err(err) = result {
        tracing::warn!(%err, "cannot {what}");
    }
}

/// The threads behind the logs: one a directory for the chores, one for the periodic work, one that moves logs to other
/// directories, and the cleaners.
#[derive(Debug)]
pub struct Housekeeper {
    storage: Arc<Storage>,
    is_stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Housekeeper {
    /// Starts the threads.
    pub fn start(storage: &Arc<Storage>) -> std::io::Result<Self> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let mut keeper = Self { storage: Arc::clone(storage), is_stopping, threads: Vec::new() };
        for (dir, _) in storage.dirs() {
            let dir = Arc::clone(dir);
            keeper.spawn("log-chores", move |_| run_chores(&dir))?;
        }
        keeper.spawn("log-moves", |storage| {
            if !storage.move_one(now()) {
                std::thread::park_timeout(TICK);
            }
        })?;
        let mut cleaners = Cleaners::default();
        cleaners.resize(storage)?;
        keeper.spawn("log-housekeeping", move |storage| {
            std::thread::park_timeout(TICK);
            storage.tick(now());
            if let Err(err) = cleaners.resize(storage) {
                tracing::warn!(%err, "cannot start a thread for compaction");
            }
        })?;
        Ok(keeper)
    }

    /// Runs `step` over and over until the keeper is stopped.
    fn spawn(
        &mut self,
        name: &str,
        mut step: impl FnMut(&Arc<Storage>) + Send + 'static,
    ) -> std::io::Result<()> {
        let (storage, is_stopping) = (Arc::clone(&self.storage), Arc::clone(&self.is_stopping));
        let thread = std::thread::Builder::new().name(name.to_string()).spawn(move || {
            while !is_stopping.load(Ordering::Acquire) {
                step(&storage);
            }
        })?;
        self.threads.push(thread);
        Ok(())
    }

    /// Stops the threads and waits for them.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        self.is_stopping.store(true, Ordering::Release);
        self.storage.cleaner.stop();
        self.storage.moves.stop();
        for (dir, _) in self.storage.dirs() {
            dir.wake();
        }
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("a housekeeping thread has panicked");
            }
        }
    }
}

impl Drop for Housekeeper {
    fn drop(&mut self) {
        self.halt();
    }
}

fn run_chores(dir: &LogDir) {
    dir.wait_for_chores(TICK);
    dir.run_chores(now().0);
}

/// The threads that compact logs, as many as the settings have at the moment.
#[derive(Debug, Default)]
struct Cleaners {
    working: Vec<Cleaner>,
    /// Those that end when they have finished what they clean.
    leaving: Vec<Cleaner>,
}

#[derive(Debug)]
struct Cleaner {
    is_stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Cleaners {
    /// Starts or ends threads until there are as many as there should be.
    fn resize(&mut self, storage: &Arc<Storage>) -> std::io::Result<()> {
        let config = storage.config.load();
        let count = if config.cleaner.enable { config.cleaner.threads } else { 0 };
        self.leaving.retain(|cleaner| !cleaner.thread.is_finished());
        while self.working.len() > count {
            self.leaving.extend(self.working.pop().inspect(Cleaner::tell));
        }
        while self.working.len() < count {
            self.working.push(Cleaner::start(storage)?);
        }
        Ok(())
    }
}

impl Drop for Cleaners {
    fn drop(&mut self) {
        self.working.iter().for_each(Cleaner::tell);
        for Cleaner { thread, .. } in self.working.drain(..).chain(self.leaving.drain(..)) {
            if thread.join().is_err() {
                tracing::error!("a cleaner thread has panicked");
            }
        }
    }
}

impl Cleaner {
    fn start(storage: &Arc<Storage>) -> std::io::Result<Self> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (storage, stopped) = (Arc::clone(storage), Arc::clone(&is_stopping));
        let thread =
            std::thread::Builder::new().name("log-cleaner".to_string()).spawn(move || {
                while !stopped.load(Ordering::Acquire) {
                    clean_or_wait(&storage);
                }
            })?;
        Ok(Self { is_stopping, thread })
    }

    fn tell(&self) {
        self.is_stopping.store(true, Ordering::Release);
        self.thread.thread().unpark();
    }
}

fn clean_or_wait(storage: &Storage) {
    let cleaned = storage.clean_one(now()).unwrap_or_else(|err| {
        tracing::warn!(%err, "cannot clean");
        false
    });
    if !cleaned {
        let backoff_ms = storage.config.load().cleaner.backoff_ms;
        std::thread::park_timeout(Duration::from_millis(u64::try_from(backoff_ms).unwrap_or(0)));
    }
}

/// The time; the one clock of this crate.
fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
