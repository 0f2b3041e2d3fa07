//! Cutting the end of a log off: what a follower does when its leader has another history.
//!
//! It leaves the log to end where its last batch does, as every append and every opening does.
//!
//! The cut is on stable storage before anything is appended behind it: a crash that undid it would otherwise mix the old
//! history with the new.
//!
//! IMPORTANT: a truncation below the recovery point must find the checkpoint file lowered already
//! ([`crate::Storage::truncate`] does both). Otherwise a crash after new appends would skip the recovery of what the old
//! checkpoint calls flushed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use protocol::{Offset, Timestamp};

use super::{Log, Writer};
use crate::error::Result;
use crate::files::names::Stage;
use crate::handles::lock;
use crate::segment::Segment;

impl Log {
    /// Says that nothing from `offset` on counts as flushed, ahead of a truncation to it: the caller then writes the
    /// recovery point checkpoint, and only then truncates.
    pub fn lower_recovery_point(&self, offset: Offset) {
        self.offsets.recovery_point.fetch_min(offset.0, Ordering::AcqRel);
        self.offsets.flushed.fetch_min(offset.0, Ordering::AcqRel);
    }

    /// Where the log ends once every record from `target` on is gone: behind the last batch that lies below it. A batch
    /// with records on both sides goes as a whole, and its first records are fetched again with the rest; Kafka's log
    /// would end at `target` all the same, with a hole before it.
    pub fn truncation_point(&self, target: Offset) -> Result<Offset> {
        let target = target.min(self.log_end_offset());
        let segments = self.segments.load();
        match segments.get(Self::segment_idx(&segments, target)) {
            Some(segment) if segment.base_offset() <= target => segment.end_below(target),
            _ => Ok(target),
        }
    }

    /// Removes every record from `target` on, and with them those of the batch that holds it: see
    /// [`Self::truncation_point`]. Says whether there was any. If it fails for want of room, nothing is appended before it
    /// is called again.
    pub fn truncate_to(&self, target: Offset, now: Timestamp) -> Result<bool> {
        let _structure = lock(&self.structure);
        let _flushing = lock(&self.flushing);
        let mut writer = lock(&self.writer);
        self.check_open()?;
        if target >= self.log_end_offset() && !writer.is_half_cut {
            writer.epochs_changed |= writer.epochs.truncate_from_end(self.log_end_offset());
            return Ok(false);
        }
        let target = self.offline_on_io_error(self.truncation_point(target))?;
        writer.is_half_cut = true;
        let starts_before = self.segments.load().first().is_some_and(|s| s.base_offset() <= target);
        let result = if starts_before {
            self.truncate_tail(&mut writer, target, now)
        } else {
            self.restart_at(&mut writer, target, now)
        };
        self.offline_on_io_error(result)?;
        writer.is_half_cut = false;
        Ok(true)
    }

    /// Removes every record, and lets the log begin anew at `offset`.
    pub fn truncate_fully(&self, offset: Offset, now: Timestamp) -> Result<()> {
        let _structure = lock(&self.structure);
        let _flushing = lock(&self.flushing);
        let mut writer = lock(&self.writer);
        self.check_open()?;
        writer.is_half_cut = true;
        let result = self.restart_at(&mut writer, offset, now);
        self.offline_on_io_error(result)?;
        writer.is_half_cut = false;
        Ok(())
    }

    fn truncate_tail(&self, writer: &mut Writer, target: Offset, now: Timestamp) -> Result<()> {
        self.name_active(writer)?;
        let segments = self.segments.load_full();
        let (kept, removed) = segments.split_at(Self::segment_idx(&segments, target) + 1);
        self.cut_offsets(writer, target);
        self.segments.store(Arc::new(kept.to_vec()));
        // The newest goes first, so that after a crash what is left has no hole.
        let newest_first: Vec<_> = removed.iter().rev().cloned().collect();
        self.discard(&newest_first, now)?;
        let last = kept.last().expect("the segment that holds the target is kept");
        last.truncate_to(target)?;
        writer.epochs_changed |= writer.epochs.truncate_from_end(target);
        if self.log_start_offset() > target {
            self.offsets.log_start.store(target.0, Ordering::Release);
        }
        self.remove_snapshots(|offset| offset > target)?;
        writer.producers = self.load_producers(kept, target, now)?;
        writer.producers.forget_ended_before(self.high_watermark());
        writer.continue_segment(last, now)?;
        self.publish_first_unstable(writer);
        self.sync_names()
    }

    fn restart_at(&self, writer: &mut Writer, offset: Offset, now: Timestamp) -> Result<()> {
        self.name_active(writer)?;
        let segments = self.segments.load_full();
        self.cut_offsets(writer, offset);
        self.offsets.log_start.store(offset.0, Ordering::Release);
        self.offsets.log_end.store(offset.0, Ordering::Release);
        self.offsets.high_watermark.store(offset.0, Ordering::Release);
        // The files make room before the new segment, which may take the name of an old one.
        self.discard(&segments, now)?;
        let segment = self.new_segment(offset, Stage::Live);
        self.segments.store(Arc::new(vec![Arc::new(segment)]));
        writer.epochs_changed |= writer.epochs.clear();
        self.remove_snapshots(|_| true)?;
        writer.snapshots.clear();
        writer.producers = crate::producer::Producers::empty(offset);
        writer.start_segment(now);
        self.publish_first_unstable(writer);
        self.sync_names()
    }

    /// Lowers all offsets to `target`, before anything is removed: readers stop looking behind it.
    fn cut_offsets(&self, writer: &mut Writer, target: Offset) {
        writer.truncations += 1;
        writer.snapshots.retain(|producers| producers.end_offset() <= target);
        self.lower_recovery_point(target);
        self.offsets.log_end.store(target.0, Ordering::Release);
        self.offsets.high_watermark.fetch_min(target.0, Ordering::AcqRel);
    }
}

impl Writer {
    /// Goes on appending to a segment that holds batches already.
    pub(super) fn continue_segment(&mut self, active: &Segment, now: Timestamp) -> Result<()> {
        self.start_segment(now);
        if active.size() > 0 {
            let first = active.view()?.header_at(0)?;
            self.first_timestamp = Some(first.max_timestamp);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
