//! One segment of a log: the batches from its base offset on, and the indexes that find them.
//!
//! A segment has one appender, which holds the log's writer lock, and any number of readers, which hold nothing.
//! Invariant: bytes below the published [`Segment::size`] never change while anyone holds a [`View`]; the size is
//! published after the bytes are written, and a view takes its size after it has pinned the file.

mod moved;
mod view;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use protocol::record::BatchHeader;
use protocol::{Offset, Timestamp};

use crate::dir::LogDir;
use crate::error::{Error, IoContext, Result};
use crate::files::names::{FileKind, FileName, Stage};
use crate::handles::{LazyFile, OpenFile, lock};
use crate::index::offset::{OffsetIndex, OffsetPosition};
use crate::index::time::{TimeIndex, TimestampOffset};
use crate::index::txn::TxnIndex;

pub use view::Slice;
pub(crate) use view::View;

/// The largest decompressed batch that is looked into; what a producer sends beyond it is refused.
pub const DECOMPRESSED_BYTES_MAX: usize = 256 << 20;

/// How far over the last index entry a read may look for its batch: what "may the answer block" asks the kernel about.
const PROBE_BYTES: u64 = 8 << 10;

/// The sizes that a segment is made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// `segment.bytes`: how much to map, so that a growing segment is mapped once.
    pub(crate) segment_bytes: u32,
    /// `segment.index.bytes`.
    pub(crate) index_bytes: u32,
}

/// What the chores have done for a segment before its appends need it. Nothing is wrong if it was not.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// Up to where blocks are set aside.
    pub(crate) reserved: AtomicU32,
    /// Up to where dirty pages have been handed to the disk.
    pub(crate) written_back: AtomicU32,
    /// Whether the file of the next segment has been made.
    pub(crate) has_spare: AtomicBool,
}

impl Ahead {
    /// The end of the file has been cut, and the blocks behind it are free again.
    pub(crate) fn forget(&self) {
        self.reserved.store(0, Ordering::Relaxed);
        self.written_back.store(0, Ordering::Relaxed);
        self.has_spare.store(false, Ordering::Relaxed);
    }
}

/// One segment of a log.
#[derive(Debug)]
pub(crate) struct Segment {
    base_offset: Offset,
    log: LazyFile,
    pub(crate) offset_index: OffsetIndex,
    pub(crate) time_index: TimeIndex,
    pub(crate) txn_index: TxnIndex,
    /// The bytes that readers may look at.
    size: AtomicU32,
    /// The bytes that are on stable storage.
    synced: AtomicU32,
    /// Whether bytes have been cut off behind the end that are on stable storage still.
    is_cut: AtomicBool,
    pub(crate) ahead: Ahead,
    map_bytes: u32,
    modified_ms: AtomicI64,
    /// The greatest timestamp and the offset of the batch that has it; `None` until it is read from the time index.
    largest: Mutex<Option<TimestampOffset>>,
    /// Set when a look-up met an index that does not fit the log; the indexes are then rebuilt by the chores.
    is_index_wrong: AtomicBool,
}

impl Segment {
    /// An empty segment that begins at `base_offset`, none of whose files exist. Touches the disk when it is written to.
    pub(crate) fn create(
        dir: &LogDir,
        partition_dir: &Path,
        base_offset: Offset,
        stage: Stage,
        limits: Limits,
    ) -> Self {
        let path =
            |kind| partition_dir.join(FileName::new(base_offset, kind).at(stage).to_string());
        Self::new(dir, base_offset, 0, limits, |kind| (path(kind), false))
    }

    /// The segment of a log file of `size` bytes in `partition_dir`; `has` says which of its indexes exist.
    pub(crate) fn existing(
        dir: &LogDir,
        partition_dir: &Path,
        base_offset: Offset,
        size: u32,
        limits: Limits,
        has: impl Fn(FileKind) -> bool,
    ) -> Self {
        let path = |kind| partition_dir.join(FileName::new(base_offset, kind).to_string());
        Self::new(dir, base_offset, size, limits, |kind| (path(kind), has(kind)))
    }

    fn new(
        dir: &LogDir,
        base_offset: Offset,
        size: u32,
        limits: Limits,
        file: impl Fn(FileKind) -> (PathBuf, bool),
    ) -> Self {
        let file = |kind| {
            let (path, exists) = file(kind);
            (LazyFile::new(dir.pool(), path), exists)
        };
        let (log, _) = file(FileKind::Log);
        let (offset_index, has_offset_index) = file(FileKind::OffsetIndex);
        let (time_index, has_time_index) = file(FileKind::TimeIndex);
        let (txn_index, has_txn_index) = file(FileKind::TxnIndex);
        let index_bytes = limits.index_bytes;
        Self {
            base_offset,
            log,
            offset_index: OffsetIndex::new(
                offset_index,
                base_offset,
                index_bytes / 8,
                has_offset_index,
            ),
            time_index: TimeIndex::new(time_index, base_offset, index_bytes / 12, has_time_index),
            txn_index: TxnIndex::new(txn_index, base_offset, has_txn_index),
            size: AtomicU32::new(size),
            synced: AtomicU32::new(0),
            is_cut: AtomicBool::new(false),
            ahead: Ahead::default(),
            map_bytes: limits.segment_bytes.max(size).max(1),
            modified_ms: AtomicI64::new(0),
            largest: Mutex::new(None),
            is_index_wrong: AtomicBool::new(false),
        }
    }

    /// The same segment with its batches in `log`, a file that was made ahead of need under another name.
    pub(crate) fn with_log_file(self, log: LazyFile) -> Self {
        Self { log, ..self }
    }

    pub(crate) fn base_offset(&self) -> Offset {
        self.base_offset
    }

    /// The bytes that readers may look at.
    pub(crate) fn size(&self) -> u32 {
        self.size.load(Ordering::Acquire)
    }

    /// Lets readers see the bytes up to `size`, which have been written.
    pub(crate) fn publish_size(&self, size: u32) {
        self.size.store(size, Ordering::Release);
    }

    /// The file of the batches.
    pub(crate) fn log(&self) -> &LazyFile {
        &self.log
    }

    /// When the file was last written, in milliseconds since 1970.
    pub(crate) fn modified_ms(&self) -> i64 {
        self.modified_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn set_modified_ms(&self, modified_ms: i64) {
        self.modified_ms.store(modified_ms, Ordering::Relaxed);
    }

    /// Whether an offset can be told from the base in the four bytes that an index has for it.
    pub(crate) fn can_hold(&self, offset: Offset) -> bool {
        (0..=i64::from(i32::MAX)).contains(&(offset - self.base_offset))
    }

    /// Pins the bytes that are readable now.
    pub(crate) fn view(&self) -> Result<View> {
        let open = self.open()?;
        // IMPORTANT: the size is taken after the file is pinned. A truncation lowers the size first and then looks for
        // pins, so either it sees this one and leaves the file alone, or this size is the lowered one.
        let size = self.size();
        let mapping =
            open.mapping(size as usize, self.map_bytes as usize).context_of("map", &self.log)?;
        Ok(View { open, mapping, size })
    }

    /// The open file of the batches.
    pub(crate) fn open(&self) -> Result<Arc<OpenFile>> {
        self.log.open().context_of("open", &self.log)
    }

    /// A position at or before the batch that holds `offset`, from which a reader hops on.
    pub(crate) fn position_before(&self, view: &View, offset: Offset) -> Result<u32> {
        self.believed(view, self.offset_index.lookup(offset))
    }

    /// The last position known from the index that is not over `position`.
    pub(crate) fn position_at_or_before(&self, view: &View, position: u32) -> Result<u32> {
        self.believed(view, self.offset_index.floor_of_position(position))
    }

    /// Believes the index only if its entry names the batch at its position; the start of the segment is always right.
    fn believed(&self, view: &View, found: std::io::Result<OffsetPosition>) -> Result<u32> {
        let entry = match found.context_of("read index of", &self.log) {
            Err(err @ Error::Corrupt { .. }) => {
                self.mark_index_wrong(&err);
                return Ok(0);
            }
            found => found?,
        };
        if entry.position == 0 {
            return Ok(0);
        }
        let header = view.header_at(entry.position);
        if header.is_ok_and(|header| header.last_offset() == entry.offset) {
            return Ok(entry.position);
        }
        self.mark_index_wrong(&format_args!("{entry:?} names no batch"));
        Ok(0)
    }

    /// Whether a look-up has found the indexes wrong.
    pub(crate) fn is_index_wrong(&self) -> bool {
        self.is_index_wrong.load(Ordering::Relaxed)
    }

    /// The same; asking takes the mark away.
    pub(crate) fn take_index_wrong(&self) -> bool {
        self.is_index_wrong.swap(false, Ordering::Relaxed)
    }

    /// Whether looking for `offset` would wait for the disk: in the index, or in the log behind the index's answer.
    pub(crate) fn would_block(&self, offset: Offset) -> Result<bool> {
        if !self.offset_index.is_resident(offset) {
            return Ok(true);
        }
        let from = match self.offset_index.lookup(offset).context_of("read", &self.log) {
            // The whole segment will be searched.
            Err(Error::Corrupt { .. }) => return Ok(true),
            found => found?.position,
        };
        let len = u64::from(self.size().saturating_sub(from)).min(PROBE_BYTES);
        Ok(!self.open()?.file().is_resident(from.into(), len))
    }

    /// The greatest timestamp, and the offset of the batch that has it.
    pub(crate) fn largest_timestamp(&self) -> Result<TimestampOffset> {
        let mut largest = lock(&self.largest);
        if let Some(largest) = *largest {
            return Ok(largest);
        }
        let last = match self.time_index.last().context_of("read", &self.log) {
            Err(err @ Error::Corrupt { .. }) => {
                self.mark_index_wrong(&err);
                self.scan_largest()?
            }
            last => last?,
        };
        *largest = Some(last);
        Ok(last)
    }

    /// What the age of the segment counts from: its greatest timestamp, or when it was last written if it has none.
    pub(crate) fn age_timestamp(&self) -> Result<Timestamp> {
        let largest = self.largest_timestamp()?.timestamp;
        Ok(if largest.is_none() { Timestamp(self.modified_ms()) } else { largest })
    }

    /// The greatest timestamp from the batches.
    fn scan_largest(&self) -> Result<TimestampOffset> {
        let (timestamp, offset) = (Timestamp::NONE, self.base_offset);
        let mut largest = TimestampOffset { timestamp, offset };
        self.view()?.for_each_from(0, |_, header| {
            if header.max_timestamp > largest.timestamp {
                let (timestamp, offset) = (header.max_timestamp, header.last_offset());
                largest = TimestampOffset { timestamp, offset };
            }
            Ok(())
        })?;
        Ok(largest)
    }

    /// The last batch known from the time index before which no timestamp is as great as `target`.
    pub(crate) fn offset_before(&self, target: Timestamp) -> Result<Offset> {
        match self.time_index.lookup(target).context_of("read time index of", &self.log) {
            Err(err @ Error::Corrupt { .. }) => {
                self.mark_index_wrong(&err);
                Ok(self.base_offset)
            }
            found => Ok(found?.offset),
        }
    }

    /// Learns of a batch that has been appended. The largest timestamp has been asked for before, if there are others.
    pub(crate) fn observe(&self, header: &BatchHeader) {
        let mut largest = lock(&self.largest);
        let known = largest.map_or(Timestamp::NONE, |largest| largest.timestamp);
        if header.max_timestamp > known || largest.is_none() {
            let (timestamp, offset) = (header.max_timestamp, header.last_offset());
            *largest = Some(TimestampOffset { timestamp, offset });
        }
    }

    /// Adds an entry for a batch at `position` to the offset index, and the greatest timestamp to the time index.
    /// A full index stays as it is, and one that takes no entry is built anew by the chores: the batch is in the log, and
    /// look-ups do without.
    pub(crate) fn add_index_entries(&self, last_offset: Offset, position: u32) {
        let (timestamp, offset) = (*lock(&self.largest))
            .map_or((Timestamp::NONE, self.base_offset), |it| (it.timestamp, it.offset));
        let added = self.has_full_index().and_then(|is_full| {
            if is_full {
                return Ok(());
            }
            self.offset_index.append(last_offset, position)?;
            self.time_index.maybe_append(timestamp, offset, false)
        });
        if let Err(err) = added {
            self.mark_index_wrong(&err);
        }
    }

    /// How many entries the greater of the two indexes has; none that is known when one is damaged.
    pub(crate) fn index_entries(&self) -> Result<u32> {
        let counted = self.offset_index.entry_count();
        let counted = counted.and_then(|count| Ok(count.max(self.time_index.entry_count()?)));
        match counted.context_of("read index of", &self.log) {
            Err(err @ Error::Corrupt { .. }) => {
                self.mark_index_wrong(&err);
                Ok(0)
            }
            counted => Ok(u32::try_from(counted?).unwrap_or(u32::MAX)),
        }
    }

    fn has_full_index(&self) -> std::io::Result<bool> {
        Ok(self.offset_index.is_full()? || self.time_index.is_full()?)
    }

    fn mark_index_wrong(&self, reason: &dyn std::fmt::Display) {
        if !self.is_index_wrong.swap(true, Ordering::Relaxed) {
            let path = self.log.path();
            tracing::warn!(log = %path.display(), %reason, "index is wrong and will be built anew");
        }
    }

    /// Completes the time index when the segment takes no more batches, so that its last entry is the greatest.
    pub(crate) fn seal(&self) -> Result<()> {
        let largest = self.largest_timestamp()?;
        self.time_index
            .maybe_append(largest.timestamp, largest.offset, true)
            .context_of("write time index of", &self.log)
    }

    /// Whether an index has no room for another entry. Asking reads what later entries are compared with.
    pub(crate) fn is_index_full(&self) -> Result<bool> {
        self.largest_timestamp()?;
        self.has_full_index().context_of("read index of", &self.log)
    }

    /// Makes the batches up to the current size durable, and says up to where.
    pub(crate) fn sync(&self) -> Result<u32> {
        let size = self.size();
        if self.synced.load(Ordering::Acquire) < size || self.is_cut.swap(false, Ordering::AcqRel) {
            let synced = self.open()?.file().sync_data();
            synced.map_err(|err| Error::failed_sync(&self.log.path(), err))?;
            self.synced.fetch_max(size, Ordering::AcqRel);
        }
        Ok(size)
    }

    /// Makes the indexes durable.
    pub(crate) fn sync_indexes(&self) -> Result<()> {
        // The file of an index that is made anew comes with its entries, so the empty ones are made after that.
        let flushed = self.txn_index.flush().and_then(|()| self.offset_index.flush());
        let flushed = flushed.and_then(|()| self.time_index.flush());
        let made = flushed.and_then(|()| self.offset_index.make_file());
        made.and_then(|()| self.time_index.make_file()).context_of("sync index of", &self.log)
    }

    /// Whether bytes have been cut off behind the end that are on stable storage still.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    /// Says that bytes may have been cut off so.
    pub(crate) fn mark_cut(&self) {
        self.is_cut.store(true, Ordering::Release);
    }

    /// Cuts off what a failed write has left behind the end, on the disk with the next sync.
    pub(crate) fn cut_to_size(&self) -> Result<()> {
        self.mark_cut();
        self.ahead.forget();
        self.release_reserved()
    }

    /// Frees the blocks that were reserved behind the end. Nobody looks there, so it needs no care for readers.
    pub(crate) fn release_reserved(&self) -> Result<()> {
        self.open()?.file().set_len(self.size().into()).context_of("trim", &self.log)
    }

    /// Where the last batch ends that lies wholly below `offset`; the base offset if there is none.
    pub(crate) fn end_below(&self, offset: Offset) -> Result<Offset> {
        let view = self.view()?;
        // What the index has at or before the offset before it is such a batch.
        let mut position = self.position_before(&view, offset + -1)?;
        let mut end_offset = self.base_offset;
        while position < view.size() {
            let header = view.header_at(position)?;
            if header.last_offset() >= offset {
                break;
            }
            end_offset = header.next_offset();
            position = position.saturating_add(header.size());
        }
        Ok(end_offset)
    }

    /// Removes the batch that holds `offset` and all after it, from the disk too. Nobody appends meanwhile. If there was
    /// no room, the batches are all there still, and it can be tried again.
    pub(crate) fn truncate_to(&self, offset: Offset) -> Result<()> {
        self.truncate_indexes(offset)?;
        let cut = {
            let view = self.view()?;
            let from = self.position_before(&view, offset)?;
            view.first_from(from, |header| header.last_offset() >= offset)?
        };
        if let Some((position, _)) = cut {
            let size = self.size();
            // IMPORTANT: before the file is cut; see `view`.
            self.publish_size(position);
            self.synced.fetch_min(position, Ordering::AcqRel);
            if let Err(err) = self.log.truncate(position.into()) {
                self.publish_size(size);
                return Err(Error::io("truncate", &self.log.path(), err));
            }
            self.ahead.forget();
            let synced = self.open()?.file().sync_data();
            synced.map_err(|err| Error::failed_sync(&self.log.path(), err))?;
        }
        self.sync_indexes()?;
        *lock(&self.largest) = None;
        self.observe_tail()
    }

    fn truncate_indexes(&self, offset: Offset) -> Result<()> {
        let path = self.log.path();
        let truncated = self.offset_index.truncate_to(offset);
        let truncated = truncated.and_then(|()| self.time_index.truncate_to(offset));
        match truncated.context("truncate index of", &path) {
            Err(err @ Error::Corrupt { .. }) => {
                self.mark_index_wrong(&err);
                self.reset_indexes();
            }
            result => result?,
        }
        self.txn_index.truncate_to(offset).context("truncate transaction index of", &path)
    }

    /// Looks at the batches that came after the last index entry, for their timestamps.
    pub(crate) fn observe_tail(&self) -> Result<()> {
        self.largest_timestamp()?;
        let view = self.view()?;
        let from = self.position_at_or_before(&view, self.size())?;
        view.for_each_from(from, |_, header| {
            self.observe(header);
            Ok(())
        })
    }

    /// Renames the files to those of another stage. The log goes last on the way into use and first on the way out,
    /// so that after a crash indexes never stand for a log that is not theirs.
    pub(crate) fn rename_to(&self, stage: Stage) -> Result<()> {
        if stage == Stage::Deleted {
            self.rename_log(stage)?;
        }
        let log = self.log.path();
        let path = |kind| self.path_of(&log, kind, stage);
        let renamed = self.offset_index.rename(&path(FileKind::OffsetIndex));
        let renamed = renamed.and_then(|()| self.time_index.rename(&path(FileKind::TimeIndex)));
        let renamed = renamed.and_then(|()| self.txn_index.rename(&path(FileKind::TxnIndex)));
        renamed.context("rename the indexes of", &log)?;
        if stage == Stage::Deleted { Ok(()) } else { self.rename_log(stage) }
    }

    fn rename_log(&self, stage: Stage) -> Result<()> {
        let from = self.log.path();
        let to = self.path_of(&from, FileKind::Log, stage);
        match self.log.rename(&to) {
            // A segment that nothing was written to has no file yet.
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => self.log.set_path(to),
            result => result.context("rename", &from)?,
        }
        Ok(())
    }

    fn path_of(&self, sibling: &Path, kind: FileKind, stage: Stage) -> PathBuf {
        sibling.with_file_name(FileName::new(self.base_offset, kind).at(stage).to_string())
    }

    /// Learns that the partition's directory has been renamed.
    pub(crate) fn set_dir(&self, partition_dir: &Path) {
        let path = |kind| partition_dir.join(FileName::new(self.base_offset, kind).to_string());
        self.log.set_path(path(FileKind::Log));
        self.offset_index.set_path(path(FileKind::OffsetIndex));
        self.time_index.set_path(path(FileKind::TimeIndex));
        self.txn_index.set_path(path(FileKind::TxnIndex));
    }

    /// Deletes all files.
    pub(crate) fn remove(&self) -> Result<()> {
        let removed = self.log.remove().and_then(|()| self.offset_index.remove());
        let removed = removed.and_then(|()| self.time_index.remove());
        removed.and_then(|()| self.txn_index.remove()).context_of("delete", &self.log)
    }

    /// Writes what is pending in the indexes, and closes all files.
    pub(crate) fn close(&self) -> Result<()> {
        self.log.close();
        let closed = self.offset_index.close().and_then(|()| self.time_index.close());
        closed.and_then(|()| self.txn_index.close()).context_of("close index of", &self.log)
    }

    /// Empties the offset and the time index, before the segment is read anew.
    pub(crate) fn reset_indexes(&self) {
        self.offset_index.reset();
        self.time_index.reset();
        *lock(&self.largest) = None;
    }

    /// Builds the offset and time indexes anew from the batches. Nobody appends meanwhile.
    pub(crate) fn rebuild_indexes(&self, interval: u32) -> Result<()> {
        self.reset_indexes();
        let mut bytes_since = 0_u32;
        self.view()?.for_each_from(0, |position, header| {
            self.observe(header);
            if bytes_since > interval {
                self.add_index_entries(header.last_offset(), position);
                bytes_since = 0;
            }
            bytes_since = bytes_since.saturating_add(header.size());
            Ok(())
        })?;
        self.seal()
    }
}
