//! Durability: what is synced when, and how one sync serves all who wait.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use protocol::Offset;

use super::{Log, Writer};
use crate::disk::{list_files, replace_file};
use crate::error::{Error, IoContext, Result};
use crate::files::leader_epochs;
use crate::files::names::{FileKind, FileName};
use crate::handles::lock;
use crate::producer::Producers;
use crate::segment::Segment;

impl Log {
    /// Returns when everything below `offset` is on stable storage.
    ///
    /// This is the group commit: the first caller syncs all that is written, and those who came meanwhile find, when it
    /// is their turn, that their offset is covered.
    pub fn flush_to(&self, offset: Offset) -> Result<()> {
        if self.flushed_offset() >= offset {
            return Ok(());
        }
        let flushing = lock(&self.flushing);
        if self.flushed_offset() >= offset {
            return Ok(());
        }
        self.check_open()?;
        self.sync_to(offset, &flushing)
    }

    fn sync_to(&self, offset: Offset, _flushing: &MutexGuard<'_, ()>) -> Result<()> {
        if self.flushed_offset() >= offset {
            return Ok(());
        }
        self.dir.load().check_online()?;
        let result = self.sync();
        self.offline_on_io_error(result)
    }

    /// Puts everything that has been appended on stable storage.
    pub fn flush(&self) -> Result<()> {
        self.flush_to(self.log_end_offset())
    }

    /// Syncs what is written. The caller holds the flush lock.
    fn sync(&self) -> Result<()> {
        let (target, segments, dirty_dir, is_new) = {
            let mut writer = lock(&self.writer);
            self.name_active(&mut writer)?;
            let dirty_dir = std::mem::take(&mut writer.is_dir_dirty).then(|| self.path());
            self.unflushed_since_ms.store(i64::MAX, Ordering::Relaxed);
            let is_new = std::mem::take(&mut writer.is_new);
            (self.log_end_offset(), self.segments.load_full(), dirty_dir, is_new)
        };
        for segment in segments.iter().skip(Self::segment_idx(&segments, self.flushed_offset())) {
            segment.sync()?;
        }
        if is_new {
            self.sync_identity()?;
        } else if let Some(path) = dirty_dir {
            self.dir.load().disk().sync_dir(&path).map_err(|err| Error::failed_sync(&path, err))?;
        }
        self.offsets.flushed.fetch_max(target.0, Ordering::AcqRel);
        self.dir.load().observer().on_flushed(self);
        Ok(())
    }

    /// Makes durable which files are in the partition's directory.
    pub(super) fn sync_names(&self) -> Result<()> {
        let path = self.path();
        self.dir.load().disk().sync_dir(&path).map_err(|err| Error::failed_sync(&path, err))
    }

    /// Makes recovery after a crash begin at today's end: syncs the batches, a producer snapshot, the indexes and the
    /// epochs, and moves the recovery point, which the caller then writes to its checkpoint.
    pub fn checkpoint(&self) -> Result<()> {
        if self.recovery_point() >= self.log_end_offset() {
            return Ok(());
        }
        let _structure = lock(&self.structure);
        self.check_open()?;
        let producers = lock(&self.writer).producers.clone();
        let result = self.checkpoint_at(&producers);
        self.offline_on_io_error(result)
    }

    /// The same at the end offset of `producers`. The caller holds the structure lock.
    pub(super) fn checkpoint_at(&self, producers: &Producers) -> Result<()> {
        let end_offset = producers.end_offset();
        self.sync_to(end_offset, &lock(&self.flushing))?;
        let segments = self.segments.load_full();
        // From the segment on that ends at the recovery point: recovery still looks at it, and will not any more.
        let from = Self::segment_idx(&segments, self.recovery_point() + -1);
        for segment in segments.iter().skip(from) {
            // Nothing is left to sync but the cut after a failed write.
            segment.sync()?;
            segment.sync_indexes()?;
        }
        self.write_snapshot(producers)?;
        self.write_epochs()?;
        self.offsets.recovery_point.fetch_max(end_offset.0, Ordering::AcqRel);
        self.unchecked_bytes.store(0, Ordering::Relaxed);
        self.remove_old_snapshots(&segments)
    }

    /// Writes the producers' state to the snapshot file of its end offset.
    pub(super) fn write_snapshot(&self, producers: &Producers) -> Result<()> {
        let path = self.path().join(snapshot_name(producers.end_offset()));
        let bytes = crate::producer::snapshot::encode(&producers.to_snapshot());
        replace_file(self.dir.load().disk(), &path, &bytes).context("write", &path)
    }

    /// Writes the leader epochs if they have changed.
    pub(super) fn write_epochs(&self) -> Result<()> {
        let (path, bytes) = {
            let mut writer = lock(&self.writer);
            if !std::mem::take(&mut writer.epochs_changed) {
                return Ok(());
            }
            (self.path().join(leader_epochs::FILE_NAME), writer.epochs.encode())
        };
        let written = replace_file(self.dir.load().disk(), &path, &bytes).context("write", &path);
        if written.is_err() {
            lock(&self.writer).epochs_changed = true;
        }
        written
    }

    /// Keeps the snapshots that recovery or a truncation may want: those at the base of a segment, and the newest two.
    fn remove_old_snapshots(&self, segments: &[Arc<Segment>]) -> Result<()> {
        let path = self.path();
        let mut offsets = self.snapshot_offsets()?;
        offsets.truncate(offsets.len().saturating_sub(2));
        for offset in offsets {
            if segments.binary_search_by_key(&offset, |segment| segment.base_offset()).is_err() {
                let path = path.join(snapshot_name(offset));
                self.dir.load().disk().remove_file(&path).context("delete", &path)?;
            }
        }
        Ok(())
    }

    /// The end offsets of the snapshots on disk, in rising order.
    pub(super) fn snapshot_offsets(&self) -> Result<Vec<Offset>> {
        let path = self.path();
        let entries = list_files(self.dir.load().disk(), &path).context("list", &path)?;
        let names = entries.iter().filter_map(|entry| FileName::parse(&entry.name));
        let snapshots = names
            .filter(|name| *name == FileName::new(name.base_offset, FileKind::ProducerSnapshot));
        Ok(snapshots.map(|name| name.base_offset).collect())
    }

    /// Gives the active segment's file its name, if it still has the one under which it was made ahead of need.
    pub(super) fn name_active(&self, writer: &mut Writer) -> Result<()> {
        if !writer.is_unnamed {
            return Ok(());
        }
        let active = self.active();
        let name = FileName::new(active.base_offset(), FileKind::Log);
        let path = self.path().join(name.to_string());
        active.log().rename(&path).context("rename", &path)?;
        writer.is_unnamed = false;
        writer.is_dir_dirty = true;
        Ok(())
    }
}

/// The name of the producer snapshot at `end_offset`.
pub(super) fn snapshot_name(end_offset: Offset) -> String {
    FileName::new(end_offset, FileKind::ProducerSnapshot).to_string()
}

#[cfg(test)]
mod tests;
