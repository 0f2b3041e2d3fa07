//! A disk in memory that loses power, fills up and fails when it is told to.
//!
//! It promises as little as a real one: what was written is there after a crash only if the file was synced, a name only
//! if its directory was; without, each write may have survived, be torn or be gone, in any order. What survives is drawn
//! from the seed, so a run can be replayed.
//!
//! Invariant: while the power is off every operation fails, and handles and locks from before a [`FaultDisk::reboot`]
//! or a [`FaultDisk::kill`] are dead after it.

mod content;
mod faults;
mod tree;

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use storage::disk::{Disk, Entry, File, Mapping, Open};

pub use faults::Operation;

use crate::Rng;
use content::Content;
use faults::{Faults, Outcome};
use tree::{Node, NodeId, Tree};

/// The simulated disk. Clones are the same disk.
#[derive(Clone)]
pub struct FaultDisk(Arc<Mutex<State>>);

struct State {
    rng: Rng,
    tree: Tree,
    faults: Faults,
    /// Files that somebody has locked.
    locked: BTreeSet<PathBuf>,
    /// Counts the reboots, to tell handles of earlier ones.
    boot: u64,
    now_ms: i64,
}

impl FaultDisk {
    /// An empty disk whose accidents are drawn from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            rng: Rng::new(seed),
            tree: Tree::new(),
            faults: Faults::default(),
            locked: BTreeSet::new(),
            boot: 0,
            now_ms: 0,
        })))
    }

    /// Lets the power fail during the change after the next `count` ones. Operations that only read do not count; they
    /// fail from then on like all others.
    pub fn crash_after(&self, count: u64) {
        self.state().faults.changes_left = Some(count);
    }

    /// Lets the power fail now.
    pub fn crash(&self) {
        self.state().faults.is_down = true;
    }

    /// Whether the power has failed.
    pub fn is_down(&self) -> bool {
        self.state().faults.is_down
    }

    /// Starts the machine again, whether the power had failed or not: what was not synced is there, torn or gone. All
    /// faults are forgotten but the capacity.
    pub fn reboot(&self) {
        {
            let State { rng, tree, .. } = &mut *self.state();
            tree.lose_power(rng);
        }
        self.kill();
    }

    /// Ends the process and not the machine: handles and locks are dead, and all that was written is there. Faults are
    /// forgotten as by [`FaultDisk::reboot`].
    pub fn kill(&self) {
        let mut state = self.state();
        let (change_count, capacity) = (state.faults.change_count, state.faults.capacity);
        state.faults = Faults { change_count, capacity, ..Faults::default() };
        state.locked.clear();
        state.boot += 1;
    }

    /// How many operations have changed the disk so far.
    pub fn change_count(&self) -> u64 {
        self.state().faults.change_count
    }

    /// Lets one operation fail, that before which `count` more of its kind come.
    pub fn fail_after(&self, operation: Operation, count: u64) {
        self.state().faults.failing.push((operation, count));
    }

    /// Takes back what [`FaultDisk::crash_after`] has planned.
    pub fn forget_crash(&self) {
        self.state().faults.changes_left = None;
    }

    /// Takes back what [`FaultDisk::fail_after`] has planned.
    pub fn forget_failures(&self) {
        self.state().faults.failing.clear();
    }

    /// Whether writes write less than they are asked to, as a system may.
    pub fn set_writes_short(&self, writes_short: bool) {
        self.state().faults.writes_short = writes_short;
    }

    /// How many bytes fit on the disk; `None` for any number.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.state().faults.capacity = bytes;
    }

    /// The bytes that are taken.
    pub fn used_bytes(&self) -> usize {
        self.state().tree.allocated()
    }

    /// The time at which files are modified from now on.
    pub fn set_now_ms(&self, now_ms: i64) {
        self.state().now_ms = now_ms;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for FaultDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultDisk").field("faults", &self.state().faults).finish_non_exhaustive()
    }
}

impl State {
    /// What is left of the capacity.
    fn room(&self) -> usize {
        let capacity = self.faults.capacity;
        capacity.map_or(usize::MAX, |bytes| bytes.saturating_sub(self.tree.allocated()))
    }

    fn file_at(&mut self, path: &Path, open: Open) -> io::Result<NodeId> {
        let id = match (self.tree.find(path), open) {
            (Err(err), Open::Create | Open::Truncate) if err.kind() == io::ErrorKind::NotFound => {
                self.tree.create(path, Node::File(Content::default()))?
            }
            (found, _) => found?,
        };
        let file = self.tree.file_mut(id)?;
        if open == Open::Truncate && !file.bytes().is_empty() {
            file.set_len(0);
        }
        Ok(id)
    }
}

impl Disk for FaultDisk {
    fn open(&self, path: &Path, open: Open) -> io::Result<Arc<dyn File>> {
        let mut state = self.state();
        let changes = match open {
            Open::Read | Open::Write => false,
            Open::Create => state.tree.find(path).is_err(),
            Open::Truncate => true,
        };
        let operation = if changes { Operation::Create } else { Operation::Open };
        let outcome = state.faults.enter(operation)?;
        let node = state.file_at(path, open)?;
        let (boot, writable) = (state.boot, open != Open::Read);
        drop(state);
        outcome.of(Arc::new(FaultFile { disk: self.clone(), node, boot, writable }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let outcome = state.faults.enter(Operation::Rename)?;
        state.tree.rename(from, to)?;
        outcome.of(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let outcome = state.faults.enter(Operation::Remove)?;
        state.tree.remove_file(path)?;
        outcome.of(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let outcome = state.faults.enter(Operation::Remove)?;
        state.tree.remove_dir(path)?;
        outcome.of(())
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let outcome = state.faults.enter(Operation::CreateDir)?;
        state.tree.create_dir_all(path)?;
        outcome.of(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut state = self.state();
        state.faults.enter(Operation::List)?;
        let entry = |(name, node): (&str, &Node)| match node {
            Node::Dir(_) => Entry { name: name.to_owned(), is_dir: true, len: 0, modified_ms: 0 },
            Node::File(content) => Entry {
                name: name.to_owned(),
                is_dir: false,
                len: content.bytes().len() as u64,
                modified_ms: content.modified_ms,
            },
        };
        Ok(state.tree.list(dir)?.into_iter().map(entry).collect())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        let outcome = state.faults.enter(Operation::SyncDir)?;
        if outcome == Outcome::Success {
            state.tree.sync_dir(dir)?;
        }
        outcome.of(())
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.state().room() as u64)
    }

    fn total_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.state().faults.capacity.map_or(u64::MAX, |bytes| bytes as u64))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        let mut state = self.state();
        let outcome = state.faults.enter(Operation::Open)?;
        state.file_at(path, Open::Create)?;
        if !state.locked.insert(path.to_path_buf()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let boot = state.boot;
        drop(state);
        outcome.of(Box::new(Lock { disk: self.clone(), path: path.to_path_buf(), boot }))
    }
}

/// A lock that is held.
struct Lock {
    disk: FaultDisk,
    path: PathBuf,
    boot: u64,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.boot == self.boot {
            state.locked.remove(&self.path);
        }
    }
}

#[derive(Debug)]
struct FaultFile {
    disk: FaultDisk,
    node: NodeId,
    boot: u64,
    writable: bool,
}

impl FaultFile {
    /// The disk, for an operation that does not count.
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.boot != self.boot {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "opened before the crash"));
        }
        Ok(state)
    }

    fn enter(&self, operation: Operation) -> io::Result<(MutexGuard<'_, State>, Outcome)> {
        let mut state = self.state()?;
        if !self.writable && !matches!(operation, Operation::Read | Operation::Sync) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let outcome = state.faults.enter(operation)?;
        Ok((state, outcome))
    }
}

impl File for FaultFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.enter(Operation::Read)?.0.tree.file(self.node)?.bytes().len() as u64)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let (state, _) = self.enter(Operation::Read)?;
        let bytes = state.tree.file(self.node)?.bytes();
        let rest = bytes.get(index(offset)?..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Ok(count)
    }

    fn write_vectored_at(&self, buffers: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let (mut state, outcome) = self.enter(Operation::Write)?;
        let mut bytes =
            buffers.iter().flat_map(|buffer| buffer.iter().copied()).collect::<Vec<u8>>();
        let at = index(offset)?;
        if state.faults.writes_short && !bytes.is_empty() {
            let len = state.rng.index(bytes.len()) + 1;
            bytes.truncate(len);
        }
        // A disk that fills up takes what fits, and refuses when nothing does.
        let free_up_to = state.tree.file(self.node)?.allocated().saturating_add(state.room());
        if at >= free_up_to {
            return Err(io::ErrorKind::StorageFull.into());
        }
        bytes.truncate(free_up_to - at);
        let now_ms = state.now_ms;
        let file = state.tree.file_mut(self.node)?;
        file.write(at, &bytes);
        file.modified_ms = now_ms;
        outcome.of(bytes.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let (mut state, outcome) = self.enter(Operation::SetLen)?;
        state.tree.file_mut(self.node)?.set_len(index(len)?);
        outcome.of(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state()?;
        let outcome = state.faults.enter(Operation::Sync);
        let State { rng, tree, faults, .. } = &mut *state;
        match &outcome {
            Ok(Outcome::Success) => tree.file_mut(self.node)?.sync(),
            Err(_) if !faults.is_down => tree.file_mut(self.node)?.sync_badly(rng),
            // What was on its way when the power went is settled by the reboot.
            _ => {}
        }
        outcome?.of(())
    }

    fn reserve(&self, offset: u64, len: u64) -> io::Result<()> {
        let (mut state, outcome) = self.enter(Operation::Reserve)?;
        let end = index(offset.saturating_add(len))?;
        if state.tree.file(self.node)?.allocated().saturating_add(state.room()) < end {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.tree.file_mut(self.node)?.reserve(end);
        outcome.of(())
    }

    fn start_writeback(&self, _: u64, _: u64) -> io::Result<()> {
        // Nothing is promised by it, and a crash draws for all that is not synced anyway.
        self.state().map(drop)
    }

    fn map(&self, len: usize) -> io::Result<Mapping> {
        let (state, _) = self.enter(Operation::Read)?;
        let bytes = state.tree.file(self.node)?.bytes();
        Ok(Mapping::snapshot(bytes.get(..len.min(bytes.len())).unwrap_or_default().into()))
    }

    fn is_resident(&self, _: u64, _: u64) -> bool {
        true
    }

    fn will_need(&self, _: u64, _: u64) {}

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// The place of a byte in memory. No test has files beyond 4 GiB, and a mistake must not allocate one.
fn index(offset: u64) -> io::Result<usize> {
    let offset = u32::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
    Ok(offset as usize)
}

#[cfg(test)]
mod tests;
