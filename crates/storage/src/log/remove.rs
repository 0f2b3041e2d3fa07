//! The front of a log, and its end: retention, DeleteRecords, closing and deleting.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use protocol::{Offset, Timestamp};

use super::flush::snapshot_name;
use super::{Log, Writer};
use crate::error::{Error, IoContext, Result};
use crate::files::names::Stage;
use crate::handles::lock;
use crate::retention::{self, LogAge, SegmentAge};
use crate::segment::Segment;

impl Log {
    /// Moves the start of the log up to `offset` (DeleteRecords); segments before it are deleted by retention.
    pub fn delete_records_before(&self, offset: Offset) -> Result<Offset> {
        let mut writer = lock(&self.writer);
        self.check_open()?;
        let (log_start, log_end) = (self.log_start_offset(), self.high_watermark());
        if offset > log_end {
            return Err(Error::OutOfRange { requested: offset, log_start, log_end });
        }
        if offset > log_start {
            self.set_log_start(&mut writer, offset);
        }
        Ok(self.log_start_offset())
    }

    /// Deletes the segments that retention gives up. Returns how many.
    pub fn enforce_retention(&self, now: Timestamp) -> Result<usize> {
        let _structure = lock(&self.structure);
        self.check_open()?;
        let segments = self.segments.load_full();
        let log = LogAge {
            now,
            log_start: self.log_start_offset(),
            high_watermark: self.high_watermark(),
            last_stable: self.last_stable_offset(),
        };
        let ages = self.ages(&segments)?;
        let count = retention::plan(&ages, &log, &self.config.load());
        let Some(last) = count.checked_sub(1).and_then(|idx| ages.get(idx)) else { return Ok(0) };
        let result = self.remove_front(count, last.end_offset, now);
        self.offline_on_io_error(result)
    }

    fn ages(&self, segments: &[Arc<Segment>]) -> Result<Vec<SegmentAge>> {
        let ends = segments.iter().skip(1).map(|next| next.base_offset());
        let ends = ends.chain(std::iter::once(self.log_end_offset()));
        let age = |(segment, end_offset): (&Arc<Segment>, Offset)| {
            let timestamp = segment.age_timestamp()?;
            Ok(SegmentAge { end_offset, bytes: segment.size(), timestamp })
        };
        segments.iter().zip(ends).map(age).collect()
    }

    /// Removes the first `count` segments, which end at `end_offset`. The caller holds the structure lock.
    fn remove_front(&self, count: usize, end_offset: Offset, now: Timestamp) -> Result<usize> {
        let removed = {
            let mut writer = lock(&self.writer);
            if writer.is_half_cut {
                return Ok(0);
            }
            let next = self.segments.load().get(count).map(|segment| segment.base_offset());
            // What was appended since it was planned is not for retention to take.
            let has_grown = next.unwrap_or_else(|| self.log_end_offset()) > end_offset;
            let count = count - usize::from(has_grown);
            if count >= self.segments.load().len() {
                self.roll(&mut writer, self.log_end_offset(), now)?;
            }
            self.name_active(&mut writer)?;
            let segments = self.segments.load_full();
            let (removed, kept) = segments.split_at(count.min(segments.len() - 1));
            let first = kept.first().expect("the active segment is kept");
            let log_start = first.base_offset().max(self.log_start_offset());
            self.set_log_start(&mut writer, log_start);
            self.segments.store(Arc::new(kept.to_vec()));
            writer.is_dir_dirty = true;
            removed.to_vec()
        };
        if removed.is_empty() {
            return Ok(0);
        }
        let log_start = self.log_start_offset();
        tracing::info!(log = %self.topic_partition, count = removed.len(), %log_start, "deleted segments");
        self.discard(&removed, now)?;
        self.remove_snapshots(|offset| {
            removed.iter().any(|segment| segment.base_offset() == offset)
        })?;
        Ok(removed.len())
    }

    /// Takes the files of segments that are no longer listed out of use, and queues their deletion.
    pub(super) fn discard(&self, segments: &[Arc<Segment>], now: Timestamp) -> Result<()> {
        let at_ms = now.0.saturating_add(self.config.load().file_delete_delay_ms);
        for segment in segments {
            segment.rename_to(Stage::Deleted)?;
            self.dir.load().delete_at(at_ms, Arc::clone(segment));
        }
        Ok(())
    }

    /// Deletes the snapshots whose end offset is `unwanted`.
    pub(super) fn remove_snapshots(&self, unwanted: impl Fn(Offset) -> bool) -> Result<()> {
        let path = self.path();
        for offset in self.snapshot_offsets()?.into_iter().filter(|offset| unwanted(*offset)) {
            let path = path.join(snapshot_name(offset));
            self.dir.load().disk().remove_file(&path).context("delete", &path)?;
        }
        Ok(())
    }

    /// Ends all writing and leaves the log so that the next start need not recover anything. A log to which nothing was
    /// appended since its last checkpoint costs no access to the disk.
    pub fn close(&self) -> Result<()> {
        self.finish_chores();
        let _structure = lock(&self.structure);
        let is_checkpointed = {
            let mut writer = lock(&self.writer);
            if self.is_closed.swap(true, Ordering::AcqRel) {
                return Ok(());
            }
            self.dir.load().check_online()?;
            self.name_active(&mut writer)?;
            self.remove_spare(&mut writer)?;
            let active = self.active();
            if active.ahead.reserved.load(Ordering::Relaxed) > 0 {
                active.release_reserved()?;
            }
            let is_checkpointed =
                self.recovery_point() >= self.log_end_offset() && !writer.epochs_changed;
            if !is_checkpointed {
                active.seal()?;
            }
            is_checkpointed
        };
        let result = if !is_checkpointed {
            let producers = lock(&self.writer).producers.clone();
            self.checkpoint_at(&producers)
        } else if self.active().is_cut() {
            // All that can be missing on the disk is what a crash came upon: a cut after a failed write, a change of names.
            self.active().sync().and_then(|_| self.sync_names())
        } else {
            Ok(())
        };
        let result = result.and_then(|()| self.segments.load().iter().try_for_each(|s| s.close()));
        self.offline_on_io_error(result)
    }

    fn finish_chores(&self) {
        if self.has_chores.load(Ordering::Acquire) {
            self.run_chores();
        }
    }

    fn remove_spare(&self, writer: &mut Writer) -> Result<()> {
        writer.spare.take().map_or(Ok(()), |spare| spare.remove().context("delete", &spare.path()))
    }

    /// Renames the partition's directory, as a deletion begins; nothing is appended, flushed or cleaned from here on.
    pub(crate) fn retire_to(&self, path: &Path) -> Result<()> {
        let _structure = lock(&self.structure);
        let _flushing = lock(&self.flushing);
        let mut writer = lock(&self.writer);
        self.name_active(&mut writer)?;
        self.is_closed.store(true, Ordering::Release);
        let from = self.path();
        self.dir.load().disk().rename(&from, path).context("rename", &from)?;
        self.path.store(Arc::new(path.to_path_buf()));
        for segment in self.segments.load().iter() {
            segment.set_dir(path);
            segment.log().close();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
