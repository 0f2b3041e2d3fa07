//! Carries a cleaning out.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use config::TopicConfig;
use protocol::record::{Batch, BatchError, BatchHeader, Record, RewriteOptions, rewrite};
use protocol::{Offset, ProducerEpoch, ProducerId, Timestamp};

use super::cleaned::CleanedWriter;
use super::offset_map::OffsetMap;
use super::plan::{Plan, group};
use super::transactions::{Ended, Transactions};
use crate::Log;
use crate::error::{Error, Result};
use crate::log::CleaningSnapshot;
use crate::scan::{SCAN_BYTES, Scan, ScanError};
use crate::segment::{DECOMPRESSED_BYTES_MAX, Segment};
use crate::validate::control_type_of;

/// Sets the pace of a cleaning.
pub trait Pace {
    /// Is told that `bytes` have been read or written; waits as long as it takes, or says to give up.
    fn spend(&mut self, bytes: usize) -> ControlFlow<()>;
}

/// A pace without a limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unhurried;

impl Pace for Unhurried {
    fn spend(&mut self, _: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// What a cleaning has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// The log is clean up to here.
    pub end_offset: Offset,
    /// Bytes of the segments before and after.
    pub bytes_before: u64,
    /// Bytes of the segments after.
    pub bytes_after: u64,
    /// Records that were read.
    pub records_read: u64,
    /// Records that were kept.
    pub records_kept: u64,
}

/// Cleans a log as planned. `Ok(None)` if it was told to give up, or the log changed under it: nothing is lost then, and
/// what has been swapped in stays.
pub fn clean(
    log: &Log,
    plan: &Plan,
    map: &mut OffsetMap,
    pace: &mut dyn Pace,
    seed: u64,
    now: Timestamp,
) -> Result<Option<Cleaned>> {
    map.start(seed, plan.first_uncleanable - plan.first_dirty);
    let mut run = Run {
        log,
        config: log.config(),
        first_uncleanable: plan.first_uncleanable,
        pace,
        now,
        cleaned: Cleaned::default(),
    };
    let result = run.clean(plan, map);
    map.finish();
    match result {
        Ok(()) => Ok(Some(run.cleaned)),
        Err(Stop::GivenUp) => Ok(None),
        Err(Stop::Failed(err)) => Err(err),
    }
}

/// Why a cleaning ends early.
enum Stop {
    GivenUp,
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(err: E) -> Self {
        Self::Failed(err.into())
    }
}

struct Run<'a> {
    log: &'a Log,
    config: Arc<TopicConfig>,
    first_uncleanable: Offset,
    pace: &'a mut dyn Pace,
    now: Timestamp,
    cleaned: Cleaned,
}

/// The last that a producer wrote: it is kept, were it as an empty batch, or the producer's next sequence number could
/// not be checked after a restart.
type LastRecords = HashMap<ProducerId, (Option<Offset>, ProducerEpoch)>;

impl Run<'_> {
    fn clean(&mut self, plan: &Plan, map: &mut OffsetMap) -> Result<(), Stop> {
        // No record goes for one that a crash could take away.
        self.log.flush_to(plan.first_uncleanable)?;
        self.fill_map(plan, map)?;
        let end_offset = map.latest().next();
        let snapshot = self.log.cleaning_snapshot(plan, end_offset)?.ok_or(Stop::GivenUp)?;
        let sizes = snapshot.sizes()?;
        let limits = (self.config.segment_bytes, self.config.segment_index_bytes / 12);
        let mut transactions = Transactions::default();
        for range in group(&sizes, snapshot.end_offset, limits.0, limits.1) {
            let segments = snapshot.segments.get(range.clone()).unwrap_or_default();
            let next = snapshot.segments.get(range.end).map(|next| next.base_offset());
            let end = next.unwrap_or(snapshot.end_offset);
            self.clean_group(&snapshot, segments, end, map, &mut transactions)?;
        }
        self.cleaned.end_offset = end_offset;
        Ok(())
    }

    /// Reads the keys of the dirty part into the map, as far as it has room.
    fn fill_map(&mut self, plan: &Plan, map: &mut OffsetMap) -> Result<(), Stop> {
        let snapshot = self.log.cleaning_snapshot(plan, plan.first_uncleanable)?;
        let snapshot = snapshot.ok_or(Stop::GivenUp)?;
        let mut transactions = Transactions::default();
        let (from, to) = (plan.first_dirty, plan.first_uncleanable);
        map.advance_to(from + -1);
        transactions.add(self.log.aborted_transactions(from, to)?);
        for (segment_idx, segment) in snapshot.segments.iter().enumerate() {
            let next = snapshot.segments.get(segment_idx + 1).map(|next| next.base_offset());
            let segment_end = next.unwrap_or(to).min(to);
            if segment_end <= from {
                continue;
            }
            let start = segment.position_before(&segment.view()?, from)?;
            let mut is_full = false;
            self.for_each_batch(segment, start, |batch| {
                if batch.header().base_offset >= to {
                    return Ok(ControlFlow::Break(()));
                }
                is_full = !add_keys(map, &mut transactions, batch, from)
                    .map_err(|err| Error::corrupt(&segment.log().path(), err))?;
                Ok(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            if is_full {
                break;
            }
            // What compaction has removed at the end of the segment is in the map as well.
            map.advance_to(segment_end + -1);
        }
        Ok(())
    }

    /// Writes a run of segments into one, and swaps it in.
    fn clean_group(
        &mut self,
        snapshot: &CleaningSnapshot,
        segments: &[Arc<Segment>],
        end: Offset,
        map: &OffsetMap,
        transactions: &mut Transactions,
    ) -> Result<(), Stop> {
        let Some(first) = segments.first() else { return Ok(()) };
        let cleaned = self.log.new_cleaned_segment(first.base_offset())?;
        let mut writer = CleanedWriter::new(cleaned, self.config.index_interval_bytes);
        let last_records = self.log.last_records();
        let aborted = self.log.aborted_transactions(first.base_offset(), end)?;
        transactions.add(aborted);
        let mut copy =
            |segment| self.clean_into(segment, &mut writer, map, transactions, &last_records);
        let written = segments.iter().try_for_each(&mut copy);
        if let Err(stop) = written.and_then(|()| Ok(writer.finish()?)) {
            writer.discard()?;
            return Err(stop);
        }
        let cleaned = writer.into_segment();
        self.cleaned.bytes_before += segments.iter().map(|s| u64::from(s.size())).sum::<u64>();
        self.cleaned.bytes_after += u64::from(cleaned.size());
        let swapped = self.log.swap_in(snapshot, segments, &cleaned, self.now);
        match swapped {
            Ok(true) => return Ok(()),
            // A swap that failed half-way has taken the directory offline; then the new files may be all there is.
            _ if self.log.dir().offline_reason().is_some() => {}
            _ => cleaned.remove()?,
        }
        Err(swapped.map_or_else(Stop::Failed, |_| Stop::GivenUp))
    }

    fn clean_into(
        &mut self,
        segment: &Arc<Segment>,
        writer: &mut CleanedWriter,
        map: &OffsetMap,
        transactions: &mut Transactions,
        last_records: &LastRecords,
    ) -> Result<(), Stop> {
        let (now, config, round_end) = (self.now, Arc::clone(&self.config), self.first_uncleanable);
        let mut counts = (0, 0);
        let corrupt = |err| Error::corrupt(&segment.log().path(), err);
        self.for_each_batch(segment, 0, |batch| {
            let header = batch.header();
            let fate = fate_of(batch, transactions, now).map_err(corrupt)?;
            if let Some(txn) = fate.aborted {
                writer.keep_aborted(txn)?;
            }
            let options = RewriteOptions {
                delete_horizon: Some(Timestamp(now.0.saturating_add(config.delete_retention_ms))),
                is_empty_transaction_marker: fate.is_empty_marker,
                keeps_empty: is_last_of_producer(header, last_records)
                    || header.next_offset() == round_end,
                limit: DECOMPRESSED_BYTES_MAX,
            };
            let mut keep = |record: &Record<'_>| {
                !fate.drops_records && (header.is_control() || is_kept(map, header, record, now))
            };
            let outcome = rewrite(batch, &mut keep, options, writer.buffer());
            let outcome = outcome.map_err(corrupt)?;
            counts = (counts.0 + u64::from(outcome.read), counts.1 + u64::from(outcome.retained));
            if let Some(header) = outcome.header {
                writer.added(&header)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.cleaned.records_read += counts.0;
        self.cleaned.records_kept += counts.1;
        Ok(())
    }

    /// Walks the batches of a segment from `start` at the pace. A batch that the disk has damaged is not given a new
    /// checksum.
    fn for_each_batch(
        &mut self,
        segment: &Segment,
        start: u32,
        mut visit: impl FnMut(&Batch<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<(), Stop> {
        let open = segment.open()?;
        let mut scan = Scan::new(open.file(), start, segment.size(), SCAN_BYTES);
        let mut paid = start;
        loop {
            let step = match scan.next() {
                Ok(Some((position, batch))) => {
                    batch.check_crc().map_err(|err| {
                        Error::corrupt(open.path(), format!("at position {position}, {err}"))
                    })?;
                    visit(&batch)?
                }
                Ok(None) => ControlFlow::Break(()),
                Err(ScanError::Io(source)) => {
                    return Err(Error::io("read", open.path(), source).into());
                }
                Err(err @ ScanError::Torn { .. }) => {
                    return Err(Error::corrupt(open.path(), err).into());
                }
            };
            let unpaid = (scan.position() - paid) as usize;
            if unpaid >= SCAN_BYTES || step.is_break() {
                paid = scan.position();
                if self.pace.spend(unpaid).is_break() || self.log.is_closed() {
                    return Err(Stop::GivenUp);
                }
            }
            if step.is_break() {
                return Ok(());
            }
        }
    }
}

/// Adds the keys of a batch from the offset `from` on. Says no when the map is full.
fn add_keys(
    map: &mut OffsetMap,
    transactions: &mut Transactions,
    batch: &Batch<'_>,
    from: Offset,
) -> Result<bool, BatchError> {
    let header = batch.header();
    if header.is_control() {
        transactions.on_control(header, control_type_of(batch)?);
    } else if !transactions.on_batch(header) {
        let records = batch.records(DECOMPRESSED_BYTES_MAX)?;
        for record in records.iter() {
            let record = record?;
            let Some(key) = record.key.filter(|_| record.offset >= from) else { continue };
            if !map.put(key, record.offset) {
                return Ok(false);
            }
        }
    }
    if header.last_offset() >= from {
        map.advance_to(header.last_offset());
    }
    Ok(true)
}

/// What becomes of a batch, before its records are looked at.
struct Fate {
    drops_records: bool,
    is_empty_marker: bool,
    /// The index entry to keep.
    aborted: Option<crate::index::txn::AbortedTxn>,
}

fn fate_of(
    batch: &Batch<'_>,
    transactions: &mut Transactions,
    now: Timestamp,
) -> Result<Fate, BatchError> {
    let header = batch.header();
    if !header.is_control() {
        let drops_records = transactions.on_batch(header);
        return Ok(Fate { drops_records, is_empty_marker: false, aborted: None });
    }
    Ok(match transactions.on_control(header, control_type_of(batch)?) {
        Ended::Empty => Fate {
            drops_records: header.delete_horizon().is_some_and(|horizon| horizon <= now),
            is_empty_marker: true,
            aborted: None,
        },
        Ended::WithBatches(aborted) => {
            Fate { drops_records: false, is_empty_marker: false, aborted }
        }
    })
}

fn is_last_of_producer(header: &BatchHeader, last_records: &LastRecords) -> bool {
    match last_records.get(&header.producer_id) {
        None => false,
        Some((Some(last_offset), _)) => header.last_offset() == *last_offset,
        Some((None, epoch)) => header.is_control() && header.producer_epoch == *epoch,
    }
}

/// Whether a record outlives the cleaning: it is the last of its key, and if it is a tombstone its time has not come.
fn is_kept(map: &OffsetMap, header: &BatchHeader, record: &Record<'_>, now: Timestamp) -> bool {
    if record.offset > map.latest() {
        return true;
    }
    let Some(key) = record.key else { return false };
    let is_last = map.last_offset_of(key).is_none_or(|last| record.offset >= last);
    let is_needed =
        record.value.is_some() || header.delete_horizon().is_none_or(|horizon| now < horizon);
    is_last && is_needed
}

#[cfg(test)]
mod tests;
