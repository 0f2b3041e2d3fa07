//! Files that open themselves when they are needed, and a pool that closes the ones that are not.
//!
//! A broker has far more files than a process may hold open or map, so a [`LazyFile`] knows its path and opens on first
//! use; the [`HandlePool`] closes the least recently used one (by the clock algorithm) when there are too many. Closing
//! loses nothing: what was written stays in the page cache, and the kernel reports a failed write-back to the next one
//! that syncs the file.
//!
//! Invariant: at most one [`OpenFile`] of a file is alive. Whoever reads through a mapping or sends from the descriptor
//! holds it, so [`LazyFile::truncate`] sees whether the file may be cut in place.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::disk::{Disk, File, Mapping, Open, replace_file, write_all_at};

/// Bounds how many files are open, and so how many are mapped.
#[derive(Debug)]
pub struct HandlePool {
    disk: Arc<dyn Disk>,
    open_max: usize,
    open_count: AtomicUsize,
    /// The files that may be open, in the order in which the clock's hand meets them.
    clock: Mutex<VecDeque<Weak<Shared>>>,
}

impl HandlePool {
    /// A pool that keeps about `open_max` files open; files in use by readers come on top.
    pub fn new(disk: Arc<dyn Disk>, open_max: usize) -> Arc<Self> {
        Arc::new(Self {
            disk,
            open_max: open_max.max(1),
            open_count: AtomicUsize::new(0),
            clock: Mutex::new(VecDeque::new()),
        })
    }

    /// The disk that the files are on.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// How many files are open now.
    pub fn open_count(&self) -> usize {
        self.open_count.load(Ordering::Relaxed)
    }

    /// Makes room for one more and remembers it. Called without the lock of any file.
    fn admit(&self, newcomer: &Arc<Shared>) {
        let mut clock = lock(&self.clock);
        // Two rounds of the hand: the first takes the second chance away, the second evicts.
        let mut steps_left = clock.len() * 2;
        while self.open_count() >= self.open_max && steps_left > 0 {
            steps_left -= 1;
            let Some(candidate) = clock.pop_front() else { break };
            let Some(file) = candidate.upgrade() else { continue };
            if file.was_used.swap(false, Ordering::Relaxed) || !file.close_if_idle() {
                clock.push_back(candidate);
            }
        }
        if !newcomer.is_admitted.swap(true, Ordering::Relaxed) {
            if clock.len() == clock.capacity() {
                // Files that are gone are dropped here, or a pool that is never full would keep a trace of every one.
                clock.retain(|file| file.strong_count() > 0);
                let live_count = clock.len();
                clock.reserve(live_count + 1);
            }
            clock.push_back(Arc::downgrade(newcomer));
        }
    }
}

/// A file that is opened when it is needed.
#[derive(Clone)]
pub struct LazyFile(Arc<Shared>);

struct Shared {
    pool: Arc<HandlePool>,
    was_used: AtomicBool,
    is_admitted: AtomicBool,
    state: Mutex<State>,
}

struct State {
    path: PathBuf,
    /// Kept open by the pool.
    cached: Option<Arc<OpenFile>>,
    /// The one that is alive, be it cached or only held by readers.
    alive: Weak<OpenFile>,
    /// Whoever comes late to a file that is deleted must not make a new one in its place.
    is_removed: bool,
}

impl Shared {
    /// Closes the file unless its lock is taken: then it is in use.
    fn close_if_idle(&self) -> bool {
        let Ok(mut state) = self.state.try_lock() else { return false };
        state.cached = None;
        self.is_admitted.store(false, Ordering::Relaxed);
        true
    }
}

impl LazyFile {
    /// The file at `path`, which need not exist yet.
    pub fn new(pool: &Arc<HandlePool>, path: PathBuf) -> Self {
        Self(Arc::new(Shared {
            pool: Arc::clone(pool),
            was_used: AtomicBool::new(false),
            is_admitted: AtomicBool::new(false),
            state: Mutex::new(State { path, cached: None, alive: Weak::new(), is_removed: false }),
        }))
    }

    /// Where the file is now.
    pub fn path(&self) -> PathBuf {
        lock(&self.0.state).path.clone()
    }

    /// The open file; made if it does not exist.
    pub fn open(&self) -> io::Result<Arc<OpenFile>> {
        self.0.was_used.store(true, Ordering::Relaxed);
        {
            let state = lock(&self.0.state);
            if let Some(open) = &state.cached {
                return Ok(Arc::clone(open));
            }
        }
        self.0.pool.admit(&self.0);
        let mut state = lock(&self.0.state);
        self.open_locked(&mut state)
    }

    fn open_locked(&self, state: &mut State) -> io::Result<Arc<OpenFile>> {
        if let Some(open) = state.cached.as_ref() {
            return Ok(Arc::clone(open));
        }
        if state.is_removed {
            return Err(io::Error::new(io::ErrorKind::NotFound, "file is deleted"));
        }
        let open = if let Some(open) = state.alive.upgrade() {
            open
        } else {
            let pool = &self.0.pool;
            let file = pool.disk.open(&state.path, Open::Create)?;
            pool.open_count.fetch_add(1, Ordering::Relaxed);
            let (path, pool) = (state.path.clone(), Arc::clone(pool));
            Arc::new(OpenFile { path, file, mapping: Mutex::new(None), pool })
        };
        state.alive = Arc::downgrade(&open);
        state.cached = Some(Arc::clone(&open));
        Ok(open)
    }

    /// Gives the file another name.
    pub fn rename(&self, to: &Path) -> io::Result<()> {
        let mut state = lock(&self.0.state);
        self.0.pool.disk.rename(&state.path, to)?;
        state.path = to.to_path_buf();
        Ok(())
    }

    /// Says that the file has been given another name (its directory was renamed).
    pub fn set_path(&self, path: PathBuf) {
        lock(&self.0.state).path = path;
    }

    /// Deletes the file; one that does not exist is no error. Readers keep what they hold, and it is not opened again.
    pub fn remove(&self) -> io::Result<()> {
        let mut state = lock(&self.0.state);
        (state.cached, state.alive, state.is_removed) = (None, Weak::new(), true);
        match self.0.pool.disk.remove_file(&state.path) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Closes the file; readers keep what they hold.
    pub fn close(&self) {
        lock(&self.0.state).cached = None;
    }

    /// Cuts the file to `len` bytes, which it has.
    ///
    /// If anyone holds the file, its prefix moves to a new file that takes its place: a reader's mapping is never cut,
    /// and what a reader sends never changes under it.
    pub fn truncate(&self, len: u64) -> io::Result<()> {
        let mut state = lock(&self.0.state);
        let open = self.open_locked(&mut state)?;
        // Two of the references are the pool's and ours.
        if Arc::strong_count(&open) <= 2 {
            *lock(&open.mapping) = None;
            return open.file.set_len(len);
        }
        let disk = &self.0.pool.disk;
        let staged = state.path.with_extension("truncated");
        let copy = disk.open(&staged, Open::Truncate)?;
        copy_prefix(&*open.file, &*copy, len)?;
        copy.sync_data()?;
        disk.rename(&staged, &state.path)?;
        drop(open);
        state.cached = None;
        state.alive = Weak::new();
        self.open_locked(&mut state).map(drop)
    }

    /// Puts a file with these bytes in the place of the one there is, on stable storage. Readers keep what they hold.
    pub fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = lock(&self.0.state);
        if state.is_removed {
            return Err(io::Error::new(io::ErrorKind::NotFound, "file is deleted"));
        }
        replace_file(&*self.0.pool.disk, &state.path, bytes)?;
        (state.cached, state.alive) = (None, Weak::new());
        Ok(())
    }
}

impl fmt::Debug for LazyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LazyFile").field(&self.path()).finish()
    }
}

/// How much is copied at a time when the prefix of a file moves.
const COPY_BYTES: usize = 1 << 20;

fn copy_prefix(from: &dyn File, to: &dyn File, len: u64) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BYTES];
    let mut position = 0;
    while position < len {
        let wanted = usize::try_from(len - position).unwrap_or(COPY_BYTES).min(COPY_BYTES);
        let chunk = buffer.get_mut(..wanted).unwrap_or_default();
        let count = from.read_at(chunk, position)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_all_at(to, chunk.get(..count).unwrap_or_default(), position)?;
        position += count as u64;
    }
    Ok(())
}

/// An open file and, once somebody has asked for it, its mapping.
pub struct OpenFile {
    /// Where the file was when it was opened, for messages.
    path: PathBuf,
    file: Arc<dyn File>,
    mapping: Mutex<Option<Arc<Mapping>>>,
    pool: Arc<HandlePool>,
}

impl OpenFile {
    /// The file itself.
    pub fn file(&self) -> &dyn File {
        &*self.file
    }

    /// Where the file was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A mapping of at least `needed` bytes, made over `capacity` bytes so that a growing file is mapped once.
    pub fn mapping(&self, needed: usize, capacity: usize) -> io::Result<Arc<Mapping>> {
        let mut slot = lock(&self.mapping);
        if let Some(mapping) = slot.as_ref().filter(|mapping| mapping.capacity() >= needed) {
            return Ok(Arc::clone(mapping));
        }
        let mapping = Arc::new(self.file.map(needed.max(capacity))?);
        *slot = Some(Arc::clone(&mapping));
        Ok(mapping)
    }
}

impl fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenFile").field(&self.path).finish()
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.pool.open_count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Locks a mutex whose data is whole between any two statements, so that a panic elsewhere does not spread.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
