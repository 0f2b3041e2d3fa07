//! A log on its way into another log directory of the broker (AlterReplicaLogDirs).
//!
//! Its files are copied while it is in use, pass by pass. What has come since the last pass is copied under the locks of
//! the log, and from then on the log is the copy: whoever holds the log notices nothing. As in Kafka, the copy's directory
//! is called `-future` until then.
//!
//! Invariant: on disk the old files go only when the copy is whole and on stable storage, and says so by [`WHOLE_FILE`]: a
//! start that finds no log but such a copy goes on from that.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::Offset;

use super::{Log, Writer};
use crate::compaction::{Pace, Unhurried};
use crate::dir::LogDir;
use crate::disk::{Disk, Open, list_files, read_exact_at, read_file, replace_file, write_all_at};
use crate::error::{IoContext, Result};
use crate::files::names::{FileKind, FileName, Stage};
use crate::files::{leader_epochs, partition_metadata};
use crate::handles::lock;
use crate::segment::Segment;

/// What a copy has in its directory once nothing is missing in it.
pub(crate) const WHOLE_FILE: &str = "copy-is-whole";

/// How much is copied at a time.
const COPY_BYTES: u32 = 1 << 20;

/// The files of a segment beside its batches.
const INDEXES: [FileKind; 3] = [FileKind::OffsetIndex, FileKind::TimeIndex, FileKind::TxnIndex];

/// A copy of a log that is being made.
#[derive(Debug)]
pub(crate) struct LogCopy {
    dir: Arc<LogDir>,
    path: PathBuf,
    /// By their base offsets.
    segments: BTreeMap<Offset, SegmentCopy>,
    /// How often the log had been truncated when the first of them was copied.
    truncations: u64,
}

#[derive(Debug)]
struct SegmentCopy {
    of: Arc<Segment>,
    bytes: u32,
    /// The indexes that have been copied, with everything on stable storage; `None` before that.
    indexes: Option<Vec<FileKind>>,
}

impl LogCopy {
    /// An empty copy at `path`, in the log directory `dir`.
    pub(crate) fn begin(dir: &Arc<LogDir>, path: PathBuf) -> Result<Self> {
        dir.disk().create_dir_all(&path).context("make", &path)?;
        Ok(Self { dir: Arc::clone(dir), path, segments: BTreeMap::new(), truncations: 0 })
    }

    /// Copies what the log has more than the copy, and says how many bytes that was; breaks off if the pace says so.
    pub(crate) fn catch_up(
        &mut self,
        log: &Log,
        pace: &mut dyn Pace,
    ) -> Result<ControlFlow<(), u64>> {
        let (segments, truncations) = {
            let writer = lock(&log.writer);
            (log.segments.load_full(), writer.truncations)
        };
        self.follow(&segments, truncations)?;
        let before = self.bytes();
        for (idx, segment) in segments.iter().enumerate() {
            if self.copy_batches(segment, pace)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if idx + 1 < segments.len() {
                self.complete(segment, &log.path())?;
            }
        }
        Ok(ControlFlow::Continue(self.bytes() - before))
    }

    fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| u64::from(segment.bytes)).sum()
    }

    /// Drops what the log has dropped: by retention, by a cleaning that put other segments in their place, or, as nobody
    /// knows how far the copied bytes are still those of the log, by a truncation.
    fn follow(&mut self, segments: &[Arc<Segment>], truncations: u64) -> Result<()> {
        let is_truncated = std::mem::replace(&mut self.truncations, truncations) != truncations;
        let is_gone = |copy: &SegmentCopy| {
            is_truncated || !segments.iter().any(|segment| Arc::ptr_eq(segment, &copy.of))
        };
        for (base_offset, _) in self.segments.extract_if(.., |_, copy| is_gone(copy)) {
            for kind in [FileKind::Log].into_iter().chain(INDEXES) {
                let path = self.path.join(FileName::new(base_offset, kind).to_string());
                match self.dir.disk().remove_file(&path) {
                    Err(err) if err.kind() == std::io::ErrorKind::NotFound => {}
                    result => result.context("delete", &path)?,
                }
            }
        }
        Ok(())
    }

    fn copy_batches(
        &mut self,
        segment: &Arc<Segment>,
        pace: &mut dyn Pace,
    ) -> Result<ControlFlow<()>> {
        // Pinned before its size is taken, so that a truncation leaves these bytes alone.
        let from = segment.open()?;
        let size = segment.size();
        let copy = self.segments.entry(segment.base_offset()).or_insert_with(|| SegmentCopy {
            of: Arc::clone(segment),
            bytes: 0,
            indexes: None,
        });
        let path = path_of(&self.path, segment, FileKind::Log);
        let to = self.dir.disk().open(&path, Open::Create).context("make", &path)?;
        let mut buffer = vec![0; size.saturating_sub(copy.bytes).min(COPY_BYTES) as usize];
        while copy.bytes < size {
            let len = (size - copy.bytes).min(COPY_BYTES);
            let chunk = buffer.get_mut(..len as usize).unwrap_or_default();
            let position = copy.bytes.into();
            read_exact_at(from.file(), chunk, position).context("read", from.path())?;
            write_all_at(&*to, chunk, position).context("write to", &path)?;
            // Early, so that the sync at the end does not wait long; it is the sync that counts.
            let _unused = to.start_writeback(position, len.into());
            copy.bytes += len;
            copy.indexes = None;
            if pace.spend(len as usize).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Copies the indexes, which lie in `from`, of a segment that takes no more batches for now, and syncs its copy.
    fn complete(&mut self, segment: &Segment, from: &Path) -> Result<()> {
        let copy = self.segments.get_mut(&segment.base_offset());
        let copy = copy.expect("its batches have been copied");
        if copy.indexes.is_some() {
            return Ok(());
        }
        segment.sync_indexes()?;
        let mut indexes = Vec::new();
        for kind in INDEXES {
            let (from, to) = (path_of(from, segment, kind), path_of(&self.path, segment, kind));
            if copy_file(self.dir.disk(), &from, &to)? {
                indexes.push(kind);
            }
        }
        let path = path_of(&self.path, segment, FileKind::Log);
        let file = self.dir.disk().open(&path, Open::Write).context("open", &path)?;
        file.sync_data().context("sync", &path)?;
        copy.indexes = Some(indexes);
        Ok(())
    }

    /// Copies all that is missing still, while the log stands still, and says on disk that the copy is whole.
    fn finish(&mut self, log: &Log, segments: &[Arc<Segment>]) -> Result<()> {
        self.follow(segments, self.truncations)?;
        for segment in segments {
            // It has no reason to break off.
            let _whole = self.copy_batches(segment, &mut Unhurried)?;
            self.complete(segment, &log.path())?;
        }
        let (disk, from) = (self.dir.disk(), log.path());
        for entry in list_files(disk, &from).context("list", &from)? {
            let is_snapshot = FileName::parse(&entry.name).is_some_and(|name| {
                name.kind == FileKind::ProducerSnapshot && name.stage == Stage::Live
            });
            let is_state = [leader_epochs::FILE_NAME, partition_metadata::FILE_NAME]
                .contains(&entry.name.as_str());
            if is_snapshot || is_state {
                copy_file(disk, &from.join(&entry.name), &self.path.join(&entry.name))?;
            }
        }
        let whole = self.path.join(WHOLE_FILE);
        replace_file(disk, &whole, &[]).context("write", &whole)
    }
}

impl Log {
    /// Goes on from a copy, in its directory; the old one gets the name `retired`. Says no if the copy has to catch up
    /// first, because the log has been truncated.
    pub(crate) fn move_to(&self, copy: &mut LogCopy, retired: &Path) -> Result<bool> {
        let _structure = lock(&self.structure);
        let _flushing = lock(&self.flushing);
        let mut writer = lock(&self.writer);
        self.check_open()?;
        if writer.is_half_cut || copy.truncations != writer.truncations {
            return Ok(false);
        }
        self.name_active(&mut writer)?;
        let segments = self.segments.load_full();
        copy.finish(self, &segments)?;
        let path = copy.dir.path().join(self.topic_partition.to_string());
        self.swap_directories(copy, &path, retired)?;
        self.go_on_in(copy, &segments, path, &mut writer);
        for segment in segments.iter() {
            segment.set_dir(retired);
            segment.log().close();
        }
        Ok(true)
    }

    /// IMPORTANT: at any moment there is one directory on disk with the log's name, or else a copy that says it is whole.
    fn swap_directories(&self, copy: &LogCopy, path: &Path, retired: &Path) -> Result<()> {
        let (dir, from) = (self.dir(), self.path());
        dir.disk().rename(&from, retired).context("rename", &from)?;
        let synced = dir.disk().sync_dir(dir.path()).context("sync", dir.path());
        let moved = synced.and_then(|()| {
            copy.dir.disk().rename(&copy.path, path).context("rename", &copy.path)?;
            copy.dir.disk().sync_dir(copy.dir.path()).context("sync", copy.dir.path())
        });
        if moved.is_err() {
            // The log is where it was, or, if that fails as well, on disk only.
            let back = dir.disk().rename(retired, &from).context("rename", retired);
            dir.offline_on_io_error(back)?;
        }
        moved
    }

    fn go_on_in(
        &self,
        copy: &LogCopy,
        segments: &[Arc<Segment>],
        path: PathBuf,
        writer: &mut Writer,
    ) {
        let limits = self.limits();
        let moved = segments.iter().map(|segment| {
            let copied = copy.segments.get(&segment.base_offset());
            let indexes = copied.and_then(|copied| copied.indexes.as_deref()).unwrap_or_default();
            Arc::new(segment.moved_to(&copy.dir, &path, limits, |kind| indexes.contains(&kind)))
        });
        self.segments.store(Arc::new(moved.collect()));
        // A copy is whole by its name now. One that keeps the file is none the worse.
        let _unused = copy.dir.disk().remove_file(&path.join(WHOLE_FILE));
        self.path.store(Arc::new(path));
        self.dir.store(Arc::clone(&copy.dir));
        // The spare lies where the log was.
        writer.spare = None;
        // A cleaning that is under way must not put what it has made of the old segments among the new ones.
        writer.truncations += 1;
    }
}

fn path_of(dir: &Path, segment: &Segment, kind: FileKind) -> PathBuf {
    dir.join(FileName::new(segment.base_offset(), kind).to_string())
}

/// Copies a small file and syncs the copy. Says whether there was one.
fn copy_file(disk: &dyn Disk, from: &Path, to: &Path) -> Result<bool> {
    let bytes = match read_file(disk, from) {
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        bytes => bytes.context("read", from)?,
    };
    let file = disk.open(to, Open::Truncate).context("make", to)?;
    write_all_at(&*file, &bytes, 0).context("write to", to)?;
    file.sync_data().context("sync", to)?;
    Ok(true)
}
