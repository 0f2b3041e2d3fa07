//! What the logs of one log directory share: the disk, the handle pool, whether the directory still works, and the work
//! that is done behind the appends.
//!
//! Invariant: once [`LogDir::take_offline`] has been called, no log of the directory writes again. A failed fsync leaves
//! the kernel's pages marked clean, so writing on and syncing again would lose data in silence.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, Weak};
use std::time::Duration;

use crate::Log;
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::handles::{HandlePool, lock};
use crate::segment::Segment;

/// Is told what happens in the logs of a directory. Calls come from the thread that did it, which may hold locks of the
/// log: they must be short, and look at no more of a log than its offsets.
pub trait Observer: Send + Sync + std::fmt::Debug {
    /// Everything below [`Log::flushed_offset`] of the log is on stable storage.
    fn on_flushed(&self, log: &Log);
    /// The directory at `path` has been taken offline.
    fn on_offline(&self, path: &Path, reason: &str);
}

/// An observer that does not care.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn on_flushed(&self, _: &Log) {}
    fn on_offline(&self, _: &Path, _: &str) {}
}

/// One log directory, as its logs see it.
#[derive(Debug)]
pub struct LogDir {
    path: PathBuf,
    pool: Arc<HandlePool>,
    observer: Arc<dyn Observer>,
    offline: OnceLock<String>,
    /// Set while there is less room than the configured floor: clients' appends are refused, all else goes on.
    is_low: AtomicBool,
    chores: Mutex<Chores>,
    wake: Condvar,
}

/// Work that is done behind the appends. Bounded: a log is queued at most once, and deletions are bounded by the files.
#[derive(Debug, Default)]
struct Chores {
    logs: VecDeque<Weak<Log>>,
    /// Segments to delete, by the time at which they may go (`file.delete.delay.ms`).
    deletions: VecDeque<(i64, Arc<Segment>)>,
}

impl LogDir {
    /// The directory at `path`.
    pub fn new(path: PathBuf, pool: Arc<HandlePool>, observer: Arc<dyn Observer>) -> Arc<Self> {
        Arc::new(Self {
            path,
            pool,
            observer,
            offline: OnceLock::new(),
            is_low: AtomicBool::new(false),
            chores: Mutex::default(),
            wake: Condvar::new(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files that are open in it, and their disk.
    pub fn pool(&self) -> &Arc<HandlePool> {
        &self.pool
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        &**self.pool.disk()
    }

    pub(crate) fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    /// Why the directory is offline, if it is.
    pub fn offline_reason(&self) -> Option<&str> {
        self.offline.get().map(String::as_str)
    }

    /// Refuses to go on when the directory is offline.
    pub(crate) fn check_online(&self) -> Result<()> {
        self.offline_reason().map_or(Ok(()), |reason| {
            Err(Error::Offline { path: self.path.clone(), reason: reason.to_string() })
        })
    }

    /// Takes the directory offline for good.
    pub fn take_offline(&self, reason: &str) {
        if self.offline.set(reason.to_string()).is_ok() {
            tracing::error!(path = %self.path.display(), reason, "log directory taken offline");
            self.observer.on_offline(&self.path, reason);
        }
    }

    /// Passes a result on, taking the directory offline if the disk failed. A full disk is no failure.
    pub(crate) fn offline_on_io_error<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(err @ Error::Io { .. }) = &result {
            self.take_offline(&err.to_string());
        }
        result
    }

    /// Whether there is less room than the configured floor.
    pub fn is_low(&self) -> bool {
        self.is_low.load(Ordering::Relaxed)
    }

    /// Says whether there is less room than the floor; logged when it changes.
    pub(crate) fn set_low(&self, is_low: bool, free_bytes: u64) {
        if self.is_low.swap(is_low, Ordering::Relaxed) == is_low {
            return;
        }
        let path = self.path.display();
        if is_low {
            tracing::warn!(%path, free_bytes, "disk is nearly full: produce is refused until there is room");
        } else {
            tracing::info!(%path, free_bytes, "disk has room again: produce is accepted");
        }
    }

    /// Queues the chores of a log.
    pub(crate) fn queue(&self, log: Weak<Log>) {
        lock(&self.chores).logs.push_back(log);
        self.wake.notify_one();
    }

    /// Queues the deletion of a segment for `at_ms`.
    pub(crate) fn delete_at(&self, at_ms: i64, segment: Arc<Segment>) {
        lock(&self.chores).deletions.push_back((at_ms, segment));
    }

    /// Waits until a chore is queued, at most for `timeout`.
    pub fn wait_for_chores(&self, timeout: Duration) {
        let chores = lock(&self.chores);
        let _unused = self
            .wake
            .wait_timeout_while(chores, timeout, |chores| chores.logs.is_empty())
            .map(drop);
    }

    /// Wakes whoever waits for chores.
    pub fn wake(&self) {
        self.wake.notify_all();
    }

    /// Does what is queued: the chores of logs, and the deletions that are due at `now_ms`. What is queued meanwhile waits
    /// for the next time, so that busy logs keep neither deletions nor a stop waiting.
    pub fn run_chores(&self, now_ms: i64) {
        let queued = lock(&self.chores).logs.len();
        for _ in 0..queued {
            let Some(log) = lock(&self.chores).logs.pop_front() else { break };
            if let Some(log) = log.upgrade() {
                log.run_chores();
            }
        }
        self.run_deletions(now_ms);
    }

    fn run_deletions(&self, now_ms: i64) {
        let due: Vec<_> = {
            let mut chores = lock(&self.chores);
            let (due, later) =
                chores.deletions.drain(..).partition(|(at_ms, _): &(i64, _)| *at_ms <= now_ms);
            chores.deletions = later;
            Vec::from(due)
        };
        for (_, segment) in due {
            if let Err(err) = segment.remove() {
                tracing::warn!(%err, "cannot delete a segment that is no longer needed");
            }
        }
    }
}
