//! From files to a log that can be trusted: what is past the recovery point is read and checked, what is torn is cut,
//! what is missing is built anew.
//!
//! Below the recovery point everything was synced, indexes and a producer snapshot included, so recovery begins there
//! and not at the start of the segment. What an index says is believed only where the log agrees.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use protocol::record::{Batch, BatchHeader};
use protocol::{LeaderEpoch, Offset, Timestamp};

use super::append::GAP_MAX;
use super::open::{Listed, OpenOptions};
use super::replay::replay;
use super::{Log, Writer};
use crate::disk::Disk;
use crate::error::{Error, IoContext, Result};
use crate::files::names::Stage;
use crate::handles::lock;
use crate::inspect::for_each_batch;
use crate::producer::Producers;
use crate::scan::{SCAN_BYTES, Scan, ScanError};
use crate::segment::Segment;

/// What a recovery has done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recovered {
    pub(super) recovered_bytes: u64,
    pub(super) truncated_bytes: u64,
    /// Whether the producers' state is that at the end of the last segment that was looked at.
    has_producers: bool,
}

impl Log {
    /// Makes the listed segments a log.
    pub(super) fn load(
        &self,
        writer: &mut Writer,
        options: &OpenOptions,
        listed: &Listed,
        all_anew: bool,
    ) -> Result<Recovered> {
        let has_lost_epochs = !options.was_clean && self.has_lost_epochs(writer, options.log_start);
        if has_lost_epochs {
            writer.epochs_changed |= writer.epochs.clear();
        }
        let mut recovered = self.recover(writer, options, listed, all_anew || has_lost_epochs)?;
        let segments = self.segments.load_full();
        let active = self.active();
        if !options.was_clean && listed.has_files {
            // The last process may have died behind a failed write.
            active.mark_cut();
        }
        if active.size() > 0 {
            active.observe_tail()?;
        }
        if active.take_index_wrong() {
            active.rebuild_indexes(self.config.load().index_interval_bytes)?;
        }
        let end_offset = end_offset_of(&active)?;
        let first = segments.first().map_or(Offset::ZERO, |segment| segment.base_offset());
        let log_start = options.log_start.max(first);
        if log_start > end_offset {
            tracing::warn!(log = %self.topic_partition, %log_start, %end_offset,
                "log ends before its start, so its files are gone: starting anew");
            segments.iter().try_for_each(|segment| segment.remove())?;
            let segment = self.new_segment(log_start, Stage::Live);
            self.segments.store(Arc::new(vec![Arc::new(segment)]));
            writer.epochs_changed |= writer.epochs.clear();
            recovered.has_producers = false;
        }
        let end_offset = end_offset.max(log_start);
        self.offsets.log_start.store(log_start.0, Ordering::Release);
        self.offsets.log_end.store(end_offset.0, Ordering::Release);
        let flushed =
            if options.was_clean { end_offset } else { options.recovery_point.min(end_offset) };
        self.offsets.flushed.store(flushed.0, Ordering::Release);
        self.offsets.recovery_point.store(flushed.0, Ordering::Release);
        // Without a flush to show for it, nobody knows what of its names is on stable storage.
        writer.is_new = flushed == Offset::ZERO;
        let high_watermark = options.high_watermark.clamp(log_start, end_offset);
        self.offsets.high_watermark.store(high_watermark.0, Ordering::Release);
        writer.epochs_changed |= writer.epochs.truncate_from_end(end_offset);
        writer.epochs_changed |= writer.epochs.truncate_from_start(log_start);
        if listed.snapshots.iter().any(|offset| *offset > end_offset) {
            self.remove_snapshots(|offset| offset > end_offset)?;
        }
        // A snapshot may have known more than is there.
        if !recovered.has_producers || writer.producers.end_offset() > end_offset {
            writer.producers = match listed.is_blank() {
                true => Producers::empty(log_start),
                false => self.load_producers(&self.segments.load(), end_offset, options.now)?,
            };
        }
        writer.producers.advance_to(end_offset);
        writer.producers.expire(options.now, options.producer_expiration_ms);
        writer.producers.forget_ended_before(high_watermark);
        writer.continue_segment(&self.active(), options.now)?;
        writer.roll_jitter_ms = self.roll_jitter_ms(options.now);
        self.publish_first_unstable(writer);
        Ok(recovered)
    }

    /// Whether a crash has brought deleted segments back whose epochs were forgotten already.
    fn has_lost_epochs(&self, writer: &Writer, log_start: Offset) -> bool {
        let Some(first_entry) = writer.epochs.entries().first() else { return false };
        let segments = self.segments.load();
        let view = segments.first().and_then(|segment| segment.view().ok());
        let header = view.and_then(|view| view.header_at(0).ok());
        header.is_some_and(|header| {
            !header.leader_epoch.is_none()
                && first_entry.start_offset > header.base_offset.max(log_start)
        })
    }

    /// Checks what is past the recovery point, cuts what is torn, and builds missing indexes.
    fn recover(
        &self,
        writer: &mut Writer,
        options: &OpenOptions,
        listed: &Listed,
        all_anew: bool,
    ) -> Result<Recovered> {
        let flushed_to = if options.was_clean { Offset::MAX } else { options.recovery_point };
        if !options.was_clean {
            // What was noted behind it may speak of a history that has been truncated since.
            writer.epochs_changed |= writer.epochs.truncate_from_end(flushed_to);
            if listed.snapshots.iter().any(|offset| *offset > flushed_to) {
                self.remove_snapshots(|offset| offset > flushed_to)?;
            }
        }
        let segments = self.segments.load_full();
        let mut pass = Pass {
            log: self,
            writer,
            now: options.now,
            flushed_to,
            recovered: Recovered::default(),
        };
        // There is nothing to read where nothing was ever written, and no file is to be made for that.
        let in_files = segments.iter().enumerate().filter(|_| listed.has_files);
        for (segment_idx, segment) in in_files {
            let next_base = segments.get(segment_idx + 1).map(|next| next.base_offset());
            // A segment that ends at the recovery point is looked at: it may have been sealed after the checkpoint, and bytes
            // of a failed write may have come back behind its end.
            let is_flushed = options.was_clean || next_base.is_some_and(|next| next < flushed_to);
            let is_incomplete = listed.incomplete.contains(&segment.base_offset());
            if is_flushed && !is_incomplete && !all_anew {
                pass.recovered.has_producers = false;
                continue;
            }
            let base_offset = segment.base_offset();
            let from = From {
                offset: if is_incomplete || all_anew { base_offset } else { flushed_to },
                known_to: if is_incomplete { base_offset } else { flushed_to },
            };
            let damage = match pass.recover_segment(&segments, segment_idx, from)? {
                // Bytes of a failed write, which a crash has brought back: nothing is missing.
                Some(damage) if next_base == Some(damage.end_offset) => {
                    pass.cut(segment, &damage, &[])?;
                    continue;
                }
                Some(damage) => damage,
                None if is_flushed => continue,
                None => match hole_after(segment, next_base, options.cleaned_to)? {
                    Some(damage) => damage,
                    None => continue,
                },
            };
            if is_flushed && next_base.is_some() {
                // This is no torn tail, and what comes after it is good: reads of the damaged part will fail.
                tracing::error!(path = %segment.log().path().display(), position = damage.position,
                    reason = damage.reason, "log is damaged in the middle");
                continue;
            }
            let (kept, later) = segments.split_at(segment_idx + 1);
            pass.cut(segment, &damage, later)?;
            self.segments.store(Arc::new(kept.to_vec()));
            break;
        }
        Ok(pass.recovered)
    }

    /// Where reading can begin to recover from `from` on: at the index entry before it if the indexes can be trusted up
    /// to there, else at the start with the indexes emptied. All entries below `from` are kept: they are on stable storage,
    /// and if the power failed while they are written again, the next recovery would miss what was lost.
    fn trusted_start(&self, segment: &Segment, from: From) -> Result<Start> {
        let path = segment.log().path();
        let base_offset = segment.base_offset();
        let is_known = from.known_to > base_offset
            && segment.txn_index.check().context("read transaction index of", &path)?.is_ok();
        let known_to = if is_known { from.known_to } else { base_offset };
        if is_known {
            let truncated = segment.txn_index.truncate_to(known_to);
            truncated.context("truncate transaction index of", &path)?;
        } else {
            segment.txn_index.reset();
        }
        let is_sane =
            segment.offset_index.check(segment.size()).context("read index of", &path)?.is_ok()
                && segment.time_index.check().context("read time index of", &path)?.is_ok();
        if is_sane && is_known && from.offset > base_offset {
            segment.offset_index.truncate_to(from.offset).context("truncate index of", &path)?;
            let entry = segment.offset_index.last().context("read index of", &path)?;
            let header = segment.view()?.header_at(entry.position);
            if entry.position > 0 && header.as_ref().is_ok_and(|h| h.last_offset() == entry.offset)
            {
                let truncated = segment.time_index.truncate_to(from.offset);
                truncated.context("truncate time index of", &path)?;
                let offset = header?.base_offset;
                return Ok(Start { position: entry.position, offset, known_to });
            }
        }
        segment.reset_indexes();
        Ok(Start { position: 0, offset: base_offset, known_to })
    }

    /// Builds the indexes anew of segments in which a reader has found them wrong. The caller holds the structure lock.
    pub(super) fn rebuild_wrong_indexes(&self) -> Result<()> {
        let segments = self.segments.load_full();
        for segment in segments.iter().filter(|segment| segment.take_index_wrong()) {
            // Only a segment that takes appends needs the appender to wait: it is a rare repair.
            let writer = Arc::ptr_eq(segment, &self.active()).then(|| lock(&self.writer));
            segment.rebuild_indexes(self.config.load().index_interval_bytes)?;
            drop(writer);
            segment.sync_indexes()?;
        }
        Ok(())
    }
}

/// What is wrong if a segment ends before the next one begins: each began where the last one ended, so the end of this
/// one was never written. Only compaction leaves gaps, and only below `cleaned_to`.
fn hole_after(
    segment: &Segment,
    next_base: Option<Offset>,
    cleaned_to: Offset,
) -> Result<Option<Damage>> {
    let end_offset = end_offset_of(segment)?;
    let Some(next_base) = next_base.filter(|next| end_offset < *next) else { return Ok(None) };
    let is_missing = end_offset >= cleaned_to && next_base - end_offset <= GAP_MAX;
    Ok(is_missing.then(|| Damage {
        position: segment.size(),
        end_offset,
        reason: format!("it ends at {end_offset}, and the next one begins at {next_base}"),
    }))
}

/// A walk through the segments that have to be read again.
struct Pass<'a> {
    log: &'a Log,
    writer: &'a mut Writer,
    now: Timestamp,
    /// Everything below was on stable storage.
    flushed_to: Offset,
    recovered: Recovered,
}

/// From where on a segment cannot be read, and why.
struct Damage {
    position: u32,
    /// Where the batches before it end.
    end_offset: Offset,
    reason: String,
}

impl Pass<'_> {
    /// Recovers one of `segments`. Says where it is damaged, if it is.
    fn recover_segment(
        &mut self,
        segments: &[Arc<Segment>],
        segment_idx: usize,
        from: From,
    ) -> Result<Option<Damage>> {
        let Some(segment) = segments.get(segment_idx) else { return Ok(None) };
        let limit = segments.get(segment_idx + 1).map_or(Offset::MAX, |next| next.base_offset());
        let start = self.log.trusted_start(segment, from)?;
        if !std::mem::replace(&mut self.recovered.has_producers, true) {
            self.writer.producers = self.log.load_producers(segments, start.known_to, self.now)?;
        }
        self.writer.bytes_since_index = 0;
        segment.largest_timestamp()?;
        let size = segment.size();
        let open = segment.open()?;
        let mut scan = Scan::new(open.file(), start.position, size, SCAN_BYTES);
        let mut expected = Expected { offset: start.offset, limit, epoch: LeaderEpoch::NONE };
        let damage = loop {
            match scan.next() {
                Ok(None) => break None,
                Ok(Some((position, batch))) => {
                    if let Err(reason) = self.check(segment, &batch, &mut expected) {
                        break Some(Damage { position, end_offset: expected.offset, reason });
                    }
                    self.accept(segment, &batch, position)?;
                }
                Err(ScanError::Torn { position, reason }) => {
                    let reason = reason.to_string();
                    break Some(Damage { position, end_offset: expected.offset, reason });
                }
                Err(ScanError::Io(source)) => return Err(Error::io("read", open.path(), source)),
            }
        };
        self.recovered.recovered_bytes += u64::from(size - start.position);
        segment.seal()?;
        segment.sync_indexes()?;
        Ok(damage)
    }

    /// Says what is wrong with a batch. What was on stable storage is not given up for a wrong checksum, as long as the
    /// batches behind it can be told.
    fn check(
        &self,
        segment: &Segment,
        batch: &Batch<'_>,
        expected: &mut Expected,
    ) -> std::result::Result<(), String> {
        let header = batch.header();
        if let Err(err) = batch.check_crc() {
            if header.next_offset() > self.flushed_to {
                return Err(err.to_string());
            }
            tracing::error!(path = %segment.log().path().display(), offset = %header.base_offset, %err,
                "a batch is damaged");
        }
        if !segment.can_hold(header.last_offset()) {
            return Err(format!("offset {} is out of the segment's reach", header.last_offset()));
        }
        expected.accept(header)
    }

    /// Takes one batch of a segment under recovery in.
    fn accept(&mut self, segment: &Segment, batch: &Batch<'_>, position: u32) -> Result<()> {
        let interval = self.log.config.load().index_interval_bytes;
        self.log.observe(self.writer, segment, batch.header(), position, interval);
        if batch.header().base_offset < self.writer.producers.end_offset() {
            return Ok(());
        }
        for aborted in replay(&mut self.writer.producers, batch) {
            segment
                .txn_index
                .append(aborted)
                .context("write transaction index of", &segment.log().path())?;
        }
        Ok(())
    }

    /// Cuts the torn tail off a segment. The segments behind it go first, the newest before the others, so that a crash
    /// leaves no hole.
    fn cut(&mut self, segment: &Segment, damage: &Damage, later: &[Arc<Segment>]) -> Result<()> {
        later.iter().rev().try_for_each(|segment| segment.remove())?;
        let Damage { position, reason, .. } = damage;
        let path = segment.log().path();
        let cut_bytes = u64::from(segment.size() - position);
        tracing::warn!(path = %path.display(), position, cut_bytes, reason, "cut a torn tail off the log");
        segment.publish_size(*position);
        // As after a truncation, what is cut must not come back behind what is appended next.
        segment.log().truncate((*position).into()).context("truncate", &path)?;
        segment.open()?.file().sync_data().map_err(|err| Error::failed_sync(&path, err))?;
        if damage.end_offset < self.flushed_to {
            // Entries of what was on stable storage were kept, and that is what is damaged.
            segment.rebuild_indexes(self.log.config.load().index_interval_bytes)?;
            segment.sync_indexes()?;
        }
        self.log.sync_names()?;
        let later_bytes: u64 = later.iter().map(|segment| u64::from(segment.size())).sum();
        self.recovered.truncated_bytes += cut_bytes + later_bytes;
        Ok(())
    }
}

/// From where on a segment has to be recovered.
#[derive(Debug, Clone, Copy)]
struct From {
    /// What begins here has to be checked, and found in the indexes.
    offset: Offset,
    /// What the batches below have done to producers and transactions is on stable storage, in a snapshot and in the
    /// transaction index.
    known_to: Offset,
}

/// Where the recovery of a segment begins.
struct Start {
    position: u32,
    offset: Offset,
    /// See [`From::known_to`].
    known_to: Offset,
}

/// What the next batch of a segment under recovery must be: after the last one, before the next segment, and not of an
/// older epoch. Bytes of a failed write, or of a history that was truncated, left behind newer ones by a crash, fail this
/// although their checksum is good.
struct Expected {
    offset: Offset,
    /// Where the next segment begins.
    limit: Offset,
    epoch: LeaderEpoch,
}

impl Expected {
    fn accept(&mut self, header: &BatchHeader) -> std::result::Result<(), String> {
        if header.base_offset < self.offset {
            return Err(format!("offset {} comes after {}", header.base_offset, self.offset));
        }
        if header.last_offset() >= self.limit {
            return Err(format!("offset {} is in the next segment", header.last_offset()));
        }
        if !header.leader_epoch.is_none() && header.leader_epoch < self.epoch {
            return Err(format!("epoch {} comes after {}", header.leader_epoch, self.epoch));
        }
        self.offset = header.next_offset();
        self.epoch = self.epoch.max(header.leader_epoch);
        Ok(())
    }
}

/// The offset after the last batch of a segment.
pub(super) fn end_offset_of(segment: &Segment) -> Result<Offset> {
    if segment.size() == 0 {
        return Ok(segment.base_offset());
    }
    let view = segment.view()?;
    let from = segment.position_at_or_before(&view, view.size())?;
    let mut end_offset = segment.base_offset();
    view.for_each_from(from, |_, header| {
        end_offset = header.next_offset();
        Ok(())
    })?;
    Ok(end_offset)
}

/// The same of a file that is no segment yet.
pub(super) fn end_offset_of_file(
    disk: &dyn Disk,
    path: &Path,
    base_offset: Offset,
) -> Result<Offset> {
    let mut end_offset = base_offset;
    for_each_batch(disk, path, |_, batch| {
        end_offset = batch.header().next_offset();
        Ok(())
    })?;
    Ok(end_offset)
}

#[cfg(test)]
mod tests;
