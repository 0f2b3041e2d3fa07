//! What is done behind the appends, so that no append waits for it: blocks reserved ahead, dirty pages sent to the disk
//! early and evenly, the next segment's file made, and after a roll the snapshot written and the old segment synced.
//!
//! The writer lock is taken for what a roll has left and for the next segment's file, and for nothing that is done every
//! few megabytes: a thread that is put aside while it holds the lock would hold up every append.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::{Log, SPARE_FILE};
use crate::error::{IoContext, Result};
use crate::handles::{LazyFile, lock};
use crate::segment::Segment;

/// Reserved ahead of the end of the active segment, growing with it between these two: a small log takes little room.
const RESERVE_MIN_BYTES: u32 = 256 << 10;
const RESERVE_MAX_BYTES: u32 = 32 << 20;

/// So many dirty bytes are handed to the disk at a time: enough to be sequential, too few to make a flush wait long.
const WRITE_BACK_BYTES: u32 = 8 << 20;

impl Log {
    /// Asks for chores when the active segment has grown enough for one.
    pub(super) fn queue_chores_if_due(&self, active: &Segment) {
        let size = active.size();
        let written_back = active.ahead.written_back.load(Ordering::Relaxed);
        let is_write_back_due = size.saturating_sub(written_back) >= WRITE_BACK_BYTES;
        let is_due = is_write_back_due
            || self.is_spare_due(active)
            || self.blocks_to_reserve(active).is_some();
        if is_due {
            self.queue_chores();
        }
    }

    /// Does the chores that are due. Called by the housekeeper, never under a lock of the log.
    pub(crate) fn run_chores(&self) {
        self.has_chores.store(false, Ordering::Release);
        if self.is_closed.load(Ordering::Acquire) || self.dir.load().offline_reason().is_some() {
            return;
        }
        let result = self.after_rolls().and_then(|()| self.look_ahead(&self.active()));
        // A deletion that comes in between takes the files away; that is no failure of the disk.
        let result = if self.is_closed() { Ok(()) } else { self.offline_on_io_error(result) };
        if let Err(err) = result {
            tracing::warn!(log = %self.topic_partition, %err, "cannot do the chores of a log");
        }
    }

    /// Completes the rolls since the last time.
    fn after_rolls(&self) -> Result<()> {
        let _structure = lock(&self.structure);
        if self.has_rolled.load(Ordering::Acquire) {
            self.complete_rolls()?;
        }
        self.rebuild_wrong_indexes()
    }

    fn complete_rolls(&self) -> Result<()> {
        let snapshots = {
            let mut writer = lock(&self.writer);
            if self.is_closed.load(Ordering::Acquire) {
                return Ok(());
            }
            self.name_active(&mut writer)?;
            self.has_rolled.store(false, Ordering::Release);
            std::mem::take(&mut writer.snapshots)
        };
        for producers in snapshots {
            self.checkpoint_at(&producers)?;
            let segments = self.segments.load();
            let sealed_idx = Self::segment_idx(&segments, producers.end_offset() + -1);
            if let Some(sealed) =
                segments.get(sealed_idx).filter(|_| sealed_idx + 1 < segments.len())
            {
                sealed.release_reserved()?;
            }
        }
        Ok(())
    }

    /// Reserves, writes back and makes the next file ready.
    fn look_ahead(&self, active: &Segment) -> Result<()> {
        let (ahead, size) = (&active.ahead, active.size());
        if let Some(blocks) = self.blocks_to_reserve(active) {
            // Without room the reservation fails and appends go on into the last blocks: the write itself says when
            // there is none left.
            let open = active.open()?;
            let _unused =
                open.file().reserve(blocks.start.into(), (blocks.end - blocks.start).into());
            ahead.reserved.store(blocks.end, Ordering::Relaxed);
        }
        let written_back = ahead.written_back.load(Ordering::Relaxed);
        let write_back_to = size - size % WRITE_BACK_BYTES;
        if write_back_to > written_back {
            let open = active.open()?;
            let len = (write_back_to - written_back).into();
            // What the disk cannot write is reported by the next sync; not every file system knows this call.
            let _unused = open.file().start_writeback(written_back.into(), len);
            ahead.written_back.store(write_back_to, Ordering::Relaxed);
        }
        if self.is_spare_due(active) {
            self.make_spare()?;
            ahead.has_spare.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The blocks to set aside, once half of what should lie ahead of the end has been used. Appends stand still while the
    /// file system does it, so it is done seldom, and for many at once.
    fn blocks_to_reserve(&self, active: &Segment) -> Option<Range<u32>> {
        let (size, segment_bytes) = (active.size(), self.limits().segment_bytes);
        let reserved = active.ahead.reserved.load(Ordering::Relaxed);
        let ahead = reserve_ahead(size);
        let is_due = size.saturating_add(ahead / 2) > reserved;
        let blocks = reserved.max(size)..size.saturating_add(ahead).min(segment_bytes);
        (is_due && !blocks.is_empty()).then_some(blocks)
    }

    /// Whether the file of the next segment should be there and is not.
    fn is_spare_due(&self, active: &Segment) -> bool {
        active.size() > self.limits().segment_bytes / 2
            && !active.ahead.has_spare.load(Ordering::Relaxed)
    }

    fn make_spare(&self) -> Result<()> {
        let path = {
            let writer = lock(&self.writer);
            let has_one = writer.spare.is_some() || writer.is_unnamed;
            if has_one {
                return Ok(());
            }
            self.path().join(SPARE_FILE)
        };
        let spare = LazyFile::new(self.dir.load().pool(), path);
        let open = spare.open().context("make", &spare.path())?;
        let _unused = open.file().reserve(0, RESERVE_MIN_BYTES.into());
        lock(&self.writer).spare = Some(spare);
        Ok(())
    }
}

/// How far ahead of `size` blocks are reserved.
fn reserve_ahead(size: u32) -> u32 {
    size.clamp(RESERVE_MIN_BYTES, RESERVE_MAX_BYTES)
}

#[cfg(test)]
mod tests;
