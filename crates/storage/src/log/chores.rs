//! What is done behind the appends, so that no append waits for it: blocks reserved ahead, dirty pages sent to the disk
//! early and evenly, the next segment's file made, and after a roll the snapshot written and the old segment synced.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Log, SPARE_FILE, Writer};
use crate::error::{IoContext, Result};
use crate::handles::{LazyFile, lock};
use crate::segment::Segment;

/// Reserved ahead of the end of the active segment, growing with it between these two: a small log takes little room.
const RESERVE_MIN_BYTES: u32 = 256 << 10;
const RESERVE_MAX_BYTES: u32 = 32 << 20;

/// So many dirty bytes are handed to the disk at a time: enough to be sequential, too few to make a flush wait long.
const WRITE_BACK_BYTES: u32 = 4 << 20;

impl Log {
    /// Asks for chores when the active segment has grown enough for one.
    pub(super) fn queue_chores_if_due(&self, writer: &Writer, active: &Segment) {
        let size = active.size();
        let reserve_due = size.saturating_add(reserve_ahead(size) / 2) > writer.reserved_bytes;
        let write_back_due = size - writer.written_back_bytes.min(size) >= WRITE_BACK_BYTES;
        if reserve_due || write_back_due {
            self.queue_chores();
        }
    }

    /// Does the chores that are due. Called by the housekeeper, never under a lock of the log.
    pub(crate) fn run_chores(&self) {
        self.has_chores.store(false, Ordering::Release);
        if self.is_closed.load(Ordering::Acquire) || self.dir.offline_reason().is_some() {
            return;
        }
        let result = self.after_rolls().and_then(|()| self.look_ahead());
        if let Err(err) = self.offline_on_io_error(result) {
            tracing::warn!(log = %self.topic_partition, %err, "cannot do the chores of a log");
        }
    }

    /// Completes the rolls since the last time.
    fn after_rolls(&self) -> Result<()> {
        let _structure = lock(&self.structure);
        let snapshots = {
            let mut writer = lock(&self.writer);
            if self.is_closed.load(Ordering::Acquire) {
                return Ok(());
            }
            self.name_active(&mut writer)?;
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
        self.rebuild_wrong_indexes()
    }

    /// Reserves, writes back and makes the next file ready.
    fn look_ahead(&self) -> Result<()> {
        let active = self.active();
        let (reserved, written_back, wants_spare, path) = {
            let writer = lock(&self.writer);
            let half = self.config.load().segment_bytes / 2;
            let wants_spare = writer.spare.is_none() && !writer.is_unnamed && active.size() > half;
            (writer.reserved_bytes, writer.written_back_bytes, wants_spare, self.path())
        };
        let size = active.size();
        let reserve_to = size.saturating_add(reserve_ahead(size)).min(self.limits().segment_bytes);
        if reserve_to > reserved {
            // Without room the reservation fails and appends go on into the last blocks: the write itself says when
            // there is none left.
            let open = active.open()?;
            let start = reserved.max(size);
            let _unused = open.file().reserve(start.into(), (reserve_to.max(start) - start).into());
        }
        let write_back_to = size - size % WRITE_BACK_BYTES;
        if write_back_to > written_back {
            let open = active.open()?;
            let len = (write_back_to - written_back).into();
            open.file()
                .start_writeback(written_back.into(), len)
                .context("write back", open.path())?;
        }
        let spare = if wants_spare { Some(self.make_spare(&path)?) } else { None };
        let mut writer = lock(&self.writer);
        if Arc::ptr_eq(&active, &self.active()) {
            writer.reserved_bytes = writer.reserved_bytes.max(reserve_to);
            writer.written_back_bytes = writer.written_back_bytes.max(write_back_to);
        }
        if spare.is_some() {
            writer.spare = spare;
        }
        Ok(())
    }

    fn make_spare(&self, partition_dir: &std::path::Path) -> Result<LazyFile> {
        let spare = LazyFile::new(self.dir.pool(), partition_dir.join(SPARE_FILE));
        let open = spare.open().context("make", &spare.path())?;
        let _unused = open.file().reserve(0, RESERVE_MIN_BYTES.into());
        Ok(spare)
    }
}

/// How far ahead of `size` blocks are reserved.
fn reserve_ahead(size: u32) -> u32 {
    size.clamp(RESERVE_MIN_BYTES, RESERVE_MAX_BYTES)
}
