//! A file of sorted entries of one size that grows at its end: what all three indexes are.
//!
//! Nearly all look-ups are for what was written last, so the youngest entries are kept in memory (the tail), and new
//! ones go to the file in chunks. Look-ups that end before the tail read the file, and hold no lock while they do:
//! they hold the open file instead, whose first entries [`LazyFile`] never changes under a reader. An index that
//! nobody has used since it was opened, or that was closed, has no state but its name.
//!
//! Invariant: the file has the entries up to `written`, the tail those from `tail_start` on; `tail_start <= written`,
//! and the tail has at least the last entry.

mod file;

use std::fmt;
use std::io;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::disk::write_all_at;
use crate::files::FormatError;
use crate::handles::{LazyFile, lock};

pub(super) use file::decode_all;
use file::{count_entries, per_block, read_entries, search_file};

/// How many entries are written at once; as many, already written, stay in the tail.
const CHUNK_ENTRIES: usize = 512;

/// One entry as it is in the file.
pub(super) trait Entry: Copy + fmt::Debug {
    const BYTES: usize;

    fn encode(&self, out: &mut Vec<u8>);
    /// Reads `BYTES` bytes; `None` when no entry looks like this.
    fn decode(bytes: &[u8]) -> Option<Self>;
    /// Whether this entry may stand behind `previous`.
    fn follows(&self, previous: &Self) -> bool;
}

#[derive(Debug)]
pub(super) struct Entries<E> {
    file: LazyFile,
    state: Mutex<State<E>>,
}

#[derive(Debug)]
struct State<E> {
    unloaded: Unloaded,
    loaded: Option<Box<Loaded<E>>>,
}

/// What there is to load. Only a file that exists is opened for that, as opening makes one that does not.
#[derive(Debug)]
enum Unloaded {
    File,
    Nothing,
    /// The file is deleted, and a reader that comes late must not take that for an empty one.
    Removed,
}

#[derive(Debug)]
struct Loaded<E> {
    written: usize,
    tail_start: usize,
    tail: Vec<E>,
    /// Whether the file may have bytes behind what is written, which the next write must cut off.
    has_debris: bool,
    /// Whether the entries are made anew: the file is what it was until all of them take its place at once, so that a
    /// crash on the way leaves one that is seen to be missing or wrong, and not one that lacks something.
    is_anew: bool,
    /// Counts the changes of the file, and which of them have been synced.
    changes: u64,
    changes_synced: u64,
}

/// What a look-up finds: how many entries it goes past, and the last of them.
type Found<E> = (usize, Option<E>);

impl<E: Entry> Entries<E> {
    /// The entries in `file`. Nothing is read before it is needed.
    pub(super) fn new(file: LazyFile, file_exists: bool) -> Self {
        let unloaded = if file_exists { Unloaded::File } else { Unloaded::Nothing };
        Self { file, state: Mutex::new(State { unloaded, loaded: None }) }
    }

    pub(super) fn count(&self) -> io::Result<usize> {
        self.with(|loaded| Ok(loaded.count()))
    }

    pub(super) fn last(&self) -> io::Result<Option<E>> {
        self.with(|loaded| Ok(loaded.tail.last().copied()))
    }

    /// Adds an entry behind the last. It is kept in memory for as long as its file cannot be written: the appender, whose
    /// batch is in the log already, goes on, and the next flush says what is wrong.
    pub(super) fn append(&self, entry: E) -> io::Result<()> {
        self.with(|loaded| {
            if let Some(last) = loaded.tail.last().filter(|last| !entry.follows(last)) {
                let reason = format!("{entry:?} does not follow {last:?}, the last of the index");
                return Err(FormatError::new(reason).into());
            }
            if loaded.pending().len() >= CHUNK_ENTRIES && !loaded.is_anew {
                let _reported_by_flush = loaded.write(&self.file);
            }
            loaded.tail.push(entry);
            Ok(())
        })
    }

    /// The last of the entries that are `before` something. As entries are sorted, all in front of it are too.
    pub(super) fn search(&self, before: impl Fn(&E) -> bool) -> io::Result<Found<E>> {
        let step = self.with(|loaded| match loaded.search_tail(&before) {
            Some(found) => Ok(ControlFlow::Break(found)),
            None => Ok(ControlFlow::Continue((self.file.open()?, loaded.tail_start))),
        })?;
        match step {
            ControlFlow::Break(found) => Ok(found),
            ControlFlow::Continue((open, end)) => {
                search_file(end, |range| read_entries(open.file(), range), before)
            }
        }
    }

    /// Whether the same search would not wait for the disk.
    pub(super) fn is_resident(&self, before: impl Fn(&E) -> bool) -> bool {
        // Whoever holds the lock may be loading the entries.
        let Ok(state) = self.state.try_lock() else { return false };
        let Some(loaded) = &state.loaded else {
            return !matches!(state.unloaded, Unloaded::File);
        };
        if loaded.search_tail(&before).is_some() {
            return true;
        }
        let end = loaded.tail_start;
        // What goes wrong here is reported by the search itself.
        let Ok(open) = self.file.open() else { return true };
        drop(state);
        let read_resident = |range: Range<usize>| {
            let (start, len) = (range.start * E::BYTES, range.len() * E::BYTES);
            if !open.file().is_resident(start as u64, len as u64) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            read_entries(open.file(), range)
        };
        let found = search_file(end, read_resident, before);
        !found.is_err_and(|err| err.kind() == io::ErrorKind::WouldBlock)
    }

    /// Some entries from `start` on, as many as are read at once; none behind the last.
    pub(super) fn block(&self, start: usize) -> io::Result<Vec<E>> {
        let step = self.with(|loaded| match start.checked_sub(loaded.tail_start) {
            Some(idx) => {
                Ok(ControlFlow::Break(loaded.tail.get(idx..).unwrap_or_default().to_vec()))
            }
            None => Ok(ControlFlow::Continue((self.file.open()?, loaded.tail_start))),
        })?;
        match step {
            ControlFlow::Break(entries) => Ok(entries),
            ControlFlow::Continue((open, tail_start)) => {
                read_entries(open.file(), start..tail_start.min(start + per_block::<E>()))
            }
        }
    }

    /// Looks at both ends of the file: whether it has whole entries only, and whether these are in order. What lies
    /// between is checked when a search reads it. Gives the first and the last entry.
    pub(super) fn check(&self) -> io::Result<Result<Option<(E, E)>, FormatError>> {
        // Damage that is met on the way is an error of the content like that which is looked for.
        self.check_ends().map_or_else(|err| err.downcast().map(Err), |ends| Ok(Ok(ends)))
    }

    fn check_ends(&self) -> io::Result<Option<(E, E)>> {
        let (has_debris, tail_start) =
            self.with(|loaded| Ok((loaded.has_debris, loaded.tail_start)))?;
        if has_debris {
            let reason = format!("the index is no multiple of {} bytes long", E::BYTES);
            return Err(FormatError::new(reason).into());
        }
        let Some(last) = self.last()? else { return Ok(None) };
        let first = self.block(0)?.first().copied().unwrap_or(last);
        let last_block = self.block(tail_start.saturating_sub(per_block::<E>()))?;
        if tail_start > 0
            && let Some(previous) = [Some(&first), last_block.last()]
                .into_iter()
                .flatten()
                .find(|previous| !last.follows(previous))
        {
            let reason = format!("{last:?}, the last of the index, does not follow {previous:?}");
            return Err(FormatError::new(reason).into());
        }
        Ok(Some((first, last)))
    }

    /// Keeps only the entries that are `before` something.
    pub(super) fn truncate(&self, before: impl Fn(&E) -> bool) -> io::Result<()> {
        let found = self.search(before)?;
        self.with(|loaded| loaded.truncate(&self.file, found))
    }

    /// Drops all entries, also those of a damaged file. What is appended from here on takes the place of the file when it
    /// is flushed.
    pub(super) fn reset(&self) {
        let mut state = lock(&self.state);
        if matches!(state.unloaded, Unloaded::Removed) {
            return;
        }
        if state.loaded.as_ref().is_some_and(|loaded| loaded.written > 0) {
            state.unloaded = Unloaded::File;
        }
        state.loaded = Some(Box::new(Loaded { is_anew: true, ..Loaded::empty() }));
    }

    /// Makes the file, be it without entries: Kafka takes a segment that lacks one for damaged.
    pub(super) fn make_file(&self) -> io::Result<()> {
        self.file.open().map(drop)
    }

    /// Writes what is pending and makes the file durable.
    pub(super) fn flush(&self) -> io::Result<()> {
        let mut state = lock(&self.state);
        let State { unloaded, loaded } = &mut *state;
        let Some(loaded) = loaded else { return Ok(()) };
        if loaded.is_anew {
            return loaded.replace(&self.file, matches!(unloaded, Unloaded::File));
        }
        loaded.write(&self.file)?;
        let changes = loaded.changes;
        if changes == loaded.changes_synced {
            return Ok(());
        }
        let open = self.file.open()?;
        drop(state);
        open.file().sync_data()?;
        if let Some(loaded) = &mut lock(&self.state).loaded {
            loaded.changes_synced = loaded.changes_synced.max(changes);
        }
        Ok(())
    }

    /// Flushes and forgets everything; the next use reads the file again.
    pub(super) fn close(&self) -> io::Result<()> {
        self.flush()?;
        let mut state = lock(&self.state);
        let is_flushed = |loaded: &Loaded<E>| {
            loaded.changes == loaded.changes_synced
                && loaded.pending().is_empty()
                && !loaded.is_anew
        };
        if let Some(loaded) = state.loaded.take_if(|loaded| is_flushed(loaded)) {
            state.unloaded = if loaded.count() > 0 { Unloaded::File } else { Unloaded::Nothing };
        }
        self.file.close();
        Ok(())
    }

    /// Gives the file another name. Without a file, only the name changes.
    pub(super) fn rename(&self, to: &Path) -> io::Result<()> {
        match self.file.rename(to) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                self.file.set_path(to.to_path_buf());
                Ok(())
            }
            result => result,
        }
    }

    pub(super) fn set_path(&self, path: PathBuf) {
        self.file.set_path(path);
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        let mut state = lock(&self.state);
        *state = State { unloaded: Unloaded::Removed, loaded: None };
        self.file.remove()
    }

    /// Runs `action` on the loaded state.
    fn with<T>(&self, action: impl FnOnce(&mut Loaded<E>) -> io::Result<T>) -> io::Result<T> {
        let mut state = lock(&self.state);
        let State { unloaded, loaded } = &mut *state;
        match (loaded, unloaded) {
            (Some(loaded), _) => action(loaded),
            (slot, Unloaded::File) => action(slot.insert(Box::new(Loaded::load(&self.file)?))),
            (slot, Unloaded::Nothing) => action(slot.insert(Box::new(Loaded::empty()))),
            (_, Unloaded::Removed) => {
                Err(io::Error::new(io::ErrorKind::NotFound, "index is deleted"))
            }
        }
    }
}

impl<E: Entry> Loaded<E> {
    const fn empty() -> Self {
        Self {
            written: 0,
            tail_start: 0,
            tail: Vec::new(),
            has_debris: false,
            is_anew: false,
            changes: 0,
            changes_synced: 0,
        }
    }

    /// Finds the end of the entries in the file. Kafka sets space aside for an index and, when it crashes, leaves it
    /// there as zeros; these are cut off.
    fn load(file: &LazyFile) -> io::Result<Self> {
        let open = file.open()?;
        let len = usize::try_from(open.file().len()?)
            .map_err(|_| FormatError::new("the file is larger than memory"))?;
        let has_debris = !len.is_multiple_of(E::BYTES);
        let slots = len / E::BYTES;
        let written = count_entries::<E>(open.file(), slots)?;
        let tail_start = written.saturating_sub(1);
        let tail = read_entries(open.file(), tail_start..written)?;
        drop(open);
        if written < slots && !has_debris {
            file.truncate((written * E::BYTES) as u64)?;
        }
        Ok(Self { written, tail_start, tail, has_debris, ..Self::empty() })
    }

    const fn count(&self) -> usize {
        self.tail_start + self.tail.len()
    }

    /// The entries that are not in the file yet.
    fn pending(&self) -> &[E] {
        self.tail.get(self.written - self.tail_start..).unwrap_or_default()
    }

    /// Puts a file with these entries in the place of the one there is, if any.
    fn replace(&mut self, file: &LazyFile, file_exists: bool) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(self.tail.len() * E::BYTES);
        self.tail.iter().for_each(|entry| entry.encode(&mut bytes));
        if file_exists || !bytes.is_empty() {
            file.replace(&bytes)?;
        }
        self.is_anew = false;
        self.written = self.count();
        self.forget_surplus();
        Ok(())
    }

    /// Writes what is pending. If that fails the entries are still pending, and are written again in the same place.
    fn write(&mut self, file: &LazyFile) -> io::Result<()> {
        if self.has_debris {
            self.cut(file, self.written)?;
        }
        if self.pending().is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(self.pending().len() * E::BYTES);
        for entry in self.pending() {
            entry.encode(&mut bytes);
        }
        let open = file.open()?;
        self.has_debris = true;
        write_all_at(open.file(), &bytes, (self.written * E::BYTES) as u64)?;
        self.has_debris = false;
        self.changes += 1;
        self.written = self.count();
        self.forget_surplus();
        Ok(())
    }

    /// The file has what is older.
    fn forget_surplus(&mut self) {
        let surplus = self.tail.len().saturating_sub(CHUNK_ENTRIES);
        self.tail.drain(..surplus);
        self.tail_start += surplus;
    }

    /// The last entry `before` something, unless it lies in front of the tail.
    fn search_tail(&self, before: impl Fn(&E) -> bool) -> Option<Found<E>> {
        let count = self.tail.partition_point(before);
        match count.checked_sub(1) {
            Some(last_idx) => Some((self.tail_start + count, self.tail.get(last_idx).copied())),
            None => (self.tail_start == 0).then_some((0, None)),
        }
    }

    /// Keeps the first `count` entries, of which `last` is the last.
    fn truncate(&mut self, file: &LazyFile, (count, last): Found<E>) -> io::Result<()> {
        if count < self.written || self.has_debris {
            self.cut(file, self.written.min(count))?;
        }
        if count > self.tail_start {
            self.tail.truncate(count - self.tail_start);
        } else {
            self.tail = last.into_iter().collect();
            self.tail_start = count - self.tail.len();
        }
        Ok(())
    }

    fn cut(&mut self, file: &LazyFile, written: usize) -> io::Result<()> {
        file.truncate((written * E::BYTES) as u64)?;
        self.written = written;
        self.has_debris = false;
        self.changes += 1;
        Ok(())
    }
}

/// The methods of an index that concern only its file, the same for all three; they need a field `entries`.
macro_rules! file_methods {
    () => {
        /// How many entries there are.
        pub fn entry_count(&self) -> std::io::Result<usize> {
            self.entries.count()
        }

        /// Drops all entries, also those of a damaged file; the file goes with the next flush.
        pub fn reset(&self) {
            self.entries.reset();
        }

        /// Makes the file, be it without entries: Kafka takes a segment that lacks one for damaged.
        pub fn make_file(&self) -> std::io::Result<()> {
            self.entries.make_file()
        }

        /// Writes what is only in memory and makes the file durable.
        pub fn flush(&self) -> std::io::Result<()> {
            self.entries.flush()
        }

        /// Flushes, closes the file and gives its memory back. The index stays usable: its next use reads the file.
        pub fn close(&self) -> std::io::Result<()> {
            self.entries.close()
        }

        /// Gives the file another name. If it was never made, only the name changes.
        pub fn rename(&self, to: &std::path::Path) -> std::io::Result<()> {
            self.entries.rename(to)
        }

        /// Says that the file has been given another name (its directory was renamed).
        pub fn set_path(&self, path: std::path::PathBuf) {
            self.entries.set_path(path);
        }

        /// Deletes the file; one that does not exist is no error. All later use is `NotFound`.
        pub fn remove(&self) -> std::io::Result<()> {
            self.entries.remove()
        }
    };
}
pub(super) use file_methods;

#[cfg(test)]
mod tests;
