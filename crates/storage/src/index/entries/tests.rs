//! The file and the tail against a simple list: what is found, what survives, and what a failing disk leaves.

use std::any::Any;
use std::io::IoSlice;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::disk::{Disk, Entry as DirEntry, File, Mapping, Open, RealDisk};
use crate::testing::ScratchFile;

/// An entry of eleven bytes, so that blocks do not end where pages do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number(u64);

impl Entry for Number {
    const BYTES: usize = 11;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"no.");
        out.extend_from_slice(&self.0.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self(u64::from_be_bytes(bytes.strip_prefix(b"no.")?.try_into().ok()?)))
    }

    fn follows(&self, previous: &Self) -> bool {
        self.0 > previous.0
    }
}

fn open(file: &ScratchFile) -> Entries<Number> {
    Entries::new(file.lazy(), file.path().exists())
}

/// Appends `count` numbers, each three more than the last.
fn append(entries: &Entries<Number>, count: usize) -> io::Result<()> {
    for _ in 0..count {
        let last = entries.last()?.map_or(0, |last| last.0);
        entries.append(Number(last + 3))?;
    }
    Ok(())
}

fn all(entries: &Entries<Number>) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        let block = entries.block(numbers.len()).unwrap();
        if block.is_empty() {
            return numbers;
        }
        numbers.extend(block.iter().map(|number| number.0));
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Search(u64),
    Truncate(u64),
    Flush,
    Close,
    /// The process ends without closing and another one starts.
    Crash,
    Reset,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..700_usize).prop_map(Step::Append),
        6 => (0..9000_u64).prop_map(Step::Search),
        2 => (0..9000_u64).prop_map(Step::Truncate),
        1 => Just(Step::Flush),
        1 => Just(Step::Close),
        1 => Just(Step::Crash),
        1 => Just(Step::Reset),
    ]
}

/// What the entries must be.
#[derive(Default)]
struct Expected {
    list: Vec<u64>,
    /// The list before a reset that is not flushed: the file is still that one's.
    before_reset: Option<Vec<u64>>,
}

/// Does one step on the entries and on the list, and compares.
fn take_step(
    file: &ScratchFile,
    entries: &mut Entries<Number>,
    expected: &mut Expected,
    step: &Step,
) {
    let Expected { list, before_reset } = expected;
    match *step {
        Step::Append(count) => {
            append(entries, count).unwrap();
            let last = list.last().copied().unwrap_or(0);
            list.extend((1..=count as u64).map(|idx| last + idx * 3));
        }
        Step::Search(limit) => {
            let count = list.partition_point(|number| *number < limit);
            let last = count.checked_sub(1).map(|idx| Number(list[idx]));
            assert_eq!(entries.search(|number| number.0 < limit).unwrap(), (count, last));
            // What has just been read, or never left memory, is in memory.
            assert!(entries.is_resident(|number| number.0 < limit));
        }
        Step::Truncate(limit) => {
            entries.truncate(|number| number.0 < limit).unwrap();
            list.retain(|number| *number < limit);
        }
        Step::Flush => {
            entries.flush().unwrap();
            *before_reset = None;
            assert_eq!(file.path().metadata().map_or(0, |m| m.len()), list.len() as u64 * 11);
        }
        Step::Close => {
            entries.close().unwrap();
            *before_reset = None;
        }
        Step::Crash => {
            *entries = open(file);
            *list = before_reset.take().unwrap_or_else(|| std::mem::take(list));
            let lost = list.len() - entries.count().unwrap();
            assert!(lost <= CHUNK_ENTRIES, "{lost} entries lost");
            list.truncate(list.len() - lost);
        }
        Step::Reset => {
            entries.reset();
            let reset = std::mem::take(list);
            before_reset.get_or_insert(reset);
        }
    }
    assert_eq!(entries.count().unwrap(), list.len());
    assert_eq!(entries.last().unwrap(), list.last().copied().map(Number));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn entries_behave_as_a_list(steps in proptest::collection::vec(any_step(), 1..40)) {
        let file = ScratchFile::new();
        let (mut entries, mut expected) = (open(&file), Expected::default());
        for step in &steps {
            take_step(&file, &mut entries, &mut expected, step);
        }
        prop_assert_eq!(all(&entries), expected.list);
        prop_assert!(entries.check().unwrap().is_ok());
    }

    #[test]
    fn zeros_behind_the_entries_are_cut_off(count in 0..900_usize, zeros in 1..900_usize) {
        let file = ScratchFile::new();
        let entries = open(&file);
        append(&entries, count).unwrap();
        entries.close().unwrap();
        let written = if count == 0 { Vec::new() } else { file.bytes() };
        std::fs::write(file.path(), [written.clone(), vec![0; zeros * 11]].concat()).unwrap();
        // One slot alone is not taken for space set aside, and these zeros are no number.
        prop_assume!(count + zeros > 1);
        let entries = open(&file);
        prop_assert_eq!(entries.count().unwrap(), count);
        prop_assert_eq!(file.bytes(), written);
    }
}

#[test]
fn tail_stays_bounded() {
    let file = ScratchFile::new();
    let entries = open(&file);
    append(&entries, 5000).unwrap();
    let tail = |entries: &Entries<Number>| {
        let state = lock(&entries.state);
        state.loaded.as_ref().map_or(0, |loaded| loaded.tail.len())
    };
    assert!(tail(&entries) <= 2 * CHUNK_ENTRIES);
    entries.flush().unwrap();
    assert!(tail(&entries) <= CHUNK_ENTRIES);
    entries.close().unwrap();
    assert_eq!(tail(&entries), 0);
    assert_eq!(entries.last().unwrap(), Some(Number(15_000)));
    assert_eq!(tail(&entries), 1);
}

#[test]
fn damaged_block_is_found_by_the_search_that_reads_it() {
    let file = ScratchFile::new();
    let entries = open(&file);
    append(&entries, 3000).unwrap();
    entries.close().unwrap();
    let mut bytes = file.bytes();
    bytes[1500 * 11] ^= 1;
    std::fs::write(file.path(), bytes).unwrap();
    let entries = open(&file);
    assert!(entries.check().unwrap().is_ok());
    assert_eq!(entries.search(|number| number.0 <= 30).unwrap(), (10, Some(Number(30))));
    let err = entries.search(|number| number.0 <= 1500 * 3).unwrap_err();
    assert_eq!(err.kind(), io::ErrorKind::InvalidData);
    assert_eq!(err.to_string(), "entry 1500 is damaged or out of order");
}

#[test]
fn readers_beside_the_appender_find_what_was_there() {
    let file = ScratchFile::new();
    let entries = open(&file);
    append(&entries, 2000).unwrap();
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for seed in 0..3_u64 {
            let (entries, is_done) = (&entries, &is_done);
            scope.spawn(move || {
                let mut limit = seed;
                while !is_done.load(Ordering::Relaxed) {
                    limit = (limit * 48_271 + 11) % 30_000;
                    // The first 2000 numbers are never truncated, so nothing below them may go missing.
                    let (count, last) = entries.search(|number| number.0 <= limit).unwrap();
                    assert_eq!(last.map_or(0, |last| last.0), count as u64 * 3);
                    assert!(count as u64 >= (limit / 3).min(2000));
                }
            });
        }
        for round in 0..60 {
            append(&entries, 300 + round * 20).unwrap();
            entries.truncate(|number| number.0 <= 6000 + round as u64 * 30).unwrap();
            if round % 7 == 0 {
                entries.close().unwrap();
            }
        }
        is_done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn renamed_and_removed_file_is_neither_made_nor_taken_for_empty() {
    let file = ScratchFile::new();
    let entries = open(&file);
    let renamed = file.path().with_extension("renamed");
    entries.rename(&renamed).unwrap();
    assert_eq!(all(&entries), [0_u64; 0]);
    assert!(!renamed.exists());
    append(&entries, 1).unwrap();
    entries.flush().unwrap();
    entries.rename(&file.path()).unwrap();
    assert!(file.path().exists() && !renamed.exists());
    entries.remove().unwrap();
    assert_eq!(entries.count().unwrap_err().kind(), io::ErrorKind::NotFound);
    entries.close().unwrap();
    assert!(!file.path().exists());
    entries.remove().unwrap();
}

#[test]
fn disk_full_loses_no_entry() {
    let disk = Arc::new(FullDisk::default());
    let file = ScratchFile::on(disk.clone());
    let entries = Entries::<Number>::new(file.lazy(), false);
    // Room for one chunk and a part of the next.
    disk.room.store(CHUNK_ENTRIES * 11 + 1000, Ordering::Relaxed);
    append(&entries, 5000).unwrap();
    let count = entries.count().unwrap();
    assert_eq!(count, 5000);
    assert_eq!(entries.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(entries.search(|number| number.0 <= 30).unwrap(), (10, Some(Number(30))));

    disk.room.store(usize::MAX, Ordering::Relaxed);
    append(&entries, 100).unwrap();
    entries.flush().unwrap();
    assert_eq!(all(&open(&file)), (1..=count as u64 + 100).map(|idx| idx * 3).collect::<Vec<_>>());
}

#[test]
fn disk_full_and_truncated_leaves_nothing_behind_the_end() {
    let disk = Arc::new(FullDisk::default());
    let file = ScratchFile::on(disk.clone());
    let entries = Entries::<Number>::new(file.lazy(), false);
    append(&entries, 300).unwrap();
    disk.room.store(1000, Ordering::Relaxed);
    entries.flush().unwrap_err();
    assert_eq!(file.bytes().len(), 1000);

    disk.room.store(usize::MAX, Ordering::Relaxed);
    entries.truncate(|number| number.0 <= 6).unwrap();
    entries.close().unwrap();
    assert_eq!(all(&open(&file)), [3, 6]);
    assert_eq!(file.bytes().len(), 22);
}

/// A real disk on which only `room` more bytes can be written.
#[derive(Debug, Default)]
struct FullDisk {
    room: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct FullFile(Arc<dyn File>, Arc<AtomicUsize>);

impl Disk for FullDisk {
    fn open(&self, path: &Path, open: Open) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(FullFile(RealDisk.open(path, open)?, Arc::clone(&self.room))))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_file(path)
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_dir(path)
    }
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir_all(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        RealDisk.list(dir)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }
    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(path)
    }
    fn total_bytes(&self, path: &Path) -> io::Result<u64> {
        RealDisk.total_bytes(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        RealDisk.lock(path)
    }
}

impl File for FullFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }
    fn write_vectored_at(&self, buffers: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let wanted = &buffers[0];
        let room = self.1.load(Ordering::Relaxed).min(wanted.len());
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.1.fetch_sub(room, Ordering::Relaxed);
        self.0.write_vectored_at(&[IoSlice::new(&wanted[..room])], offset)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
    fn reserve(&self, offset: u64, len: u64) -> io::Result<()> {
        self.0.reserve(offset, len)
    }
    fn start_writeback(&self, offset: u64, len: u64) -> io::Result<()> {
        self.0.start_writeback(offset, len)
    }
    fn map(&self, len: usize) -> io::Result<Mapping> {
        self.0.map(len)
    }
    fn is_resident(&self, offset: u64, len: u64) -> bool {
        self.0.is_resident(offset, len)
    }
    fn will_need(&self, offset: u64, len: u64) {
        self.0.will_need(offset, len);
    }
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
