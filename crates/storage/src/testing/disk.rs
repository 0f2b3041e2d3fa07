//! A real disk that fails when a test wants it to. It syncs nothing: no test here takes the power away.

use std::any::Any;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::disk::{Disk, Entry, File, Mapping, Open, RealDisk};
use crate::handles::lock;

/// What changes something on the disk, or makes it durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Open,
    Write,
    SetLen,
    Sync,
    SyncDir,
    Rename,
    Remove,
}

/// Shared by the disk and its files.
#[derive(Debug)]
struct Plan {
    /// So many steps still work, and none after them: the process has died, as far as the disk can tell.
    steps_left: AtomicU64,
    failing: Mutex<Option<(Step, io::ErrorKind)>>,
    free_bytes: AtomicU64,
    step_count: AtomicU64,
    /// Answers to "is it in memory?".
    resident: AtomicU64,
}

/// See the head of this file.
#[derive(Debug, Clone)]
pub(crate) struct BrittleDisk(Arc<Plan>);

impl BrittleDisk {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Plan {
            steps_left: AtomicU64::new(u64::MAX),
            failing: Mutex::new(None),
            free_bytes: AtomicU64::new(u64::MAX),
            step_count: AtomicU64::new(0),
            resident: AtomicU64::new(1),
        }))
    }

    /// Nothing changes any more after `steps` more steps.
    pub(crate) fn die_after(&self, steps: u64) {
        self.0.steps_left.store(steps, Ordering::Relaxed);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.0.steps_left.load(Ordering::Relaxed) == 0
    }

    /// Every such step fails until [`BrittleDisk::heal`].
    pub(crate) fn fail(&self, step: Step, kind: io::ErrorKind) {
        *lock(&self.0.failing) = Some((step, kind));
    }

    pub(crate) fn heal(&self) {
        *lock(&self.0.failing) = None;
    }

    pub(crate) fn set_free_bytes(&self, bytes: u64) {
        self.0.free_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn set_resident(&self, is_resident: bool) {
        self.0.resident.store(u64::from(is_resident), Ordering::Relaxed);
    }

    /// How many steps there have been.
    pub(crate) fn step_count(&self) -> u64 {
        self.0.step_count.load(Ordering::Relaxed)
    }
}

impl Plan {
    fn step(&self, step: Step) -> io::Result<()> {
        self.step_count.fetch_add(1, Ordering::Relaxed);
        if self.steps_left.load(Ordering::Relaxed) == 0 {
            return Err(io::Error::other("the process has died"));
        }
        if self.steps_left.load(Ordering::Relaxed) != u64::MAX {
            self.steps_left.fetch_sub(1, Ordering::Relaxed);
        }
        match *lock(&self.failing) {
            Some((failing, kind)) if failing == step => Err(kind.into()),
            _ => Ok(()),
        }
    }
}

impl Disk for BrittleDisk {
    fn open(&self, path: &Path, open: Open) -> io::Result<Arc<dyn File>> {
        if open != Open::Read && !path.exists() {
            self.0.step(Step::Open)?;
        }
        let file = RealDisk.open(path, open)?;
        Ok(Arc::new(BrittleFile { file, plan: Arc::clone(&self.0) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.step(Step::Rename)?;
        RealDisk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.0.step(Step::Remove)?;
        RealDisk.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.0.step(Step::Remove)?;
        RealDisk.remove_dir(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir_all(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        RealDisk.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.step(Step::SyncDir)?;
        if dir.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.0.free_bytes.load(Ordering::Relaxed))
    }

    fn total_bytes(&self, path: &Path) -> io::Result<u64> {
        RealDisk.total_bytes(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        RealDisk.lock(path)
    }
}

#[derive(Debug)]
struct BrittleFile {
    file: Arc<dyn File>,
    plan: Arc<Plan>,
}

impl File for BrittleFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn write_vectored_at(&self, buffers: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        self.plan.step(Step::Write)?;
        self.file.write_vectored_at(buffers, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.plan.step(Step::SetLen)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.plan.step(Step::Sync)
    }

    fn reserve(&self, offset: u64, len: u64) -> io::Result<()> {
        self.file.reserve(offset, len)
    }

    fn start_writeback(&self, offset: u64, len: u64) -> io::Result<()> {
        self.file.start_writeback(offset, len)
    }

    fn map(&self, len: usize) -> io::Result<Mapping> {
        self.file.map(len)
    }

    fn is_resident(&self, offset: u64, len: u64) -> bool {
        self.plan.resident.load(Ordering::Relaxed) == 1 && self.file.is_resident(offset, len)
    }

    fn will_need(&self, offset: u64, len: u64) {
        self.file.will_need(offset, len);
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.file.descriptor()
    }
}
