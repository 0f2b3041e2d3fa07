//! What compaction needs of a log: the segments as they are, and the swap.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use protocol::{Offset, ProducerEpoch, ProducerId, Timestamp};

use super::Log;
use crate::compaction::Plan;
use crate::compaction::plan::{LogState, SegmentState, plan};
use crate::error::{IoContext, Result};
use crate::files::names::Stage;
use crate::handles::lock;
use crate::segment::Segment;

/// The segments that a cleaning has read.
#[derive(Debug)]
pub(crate) struct CleaningSnapshot {
    pub(crate) segments: Vec<Arc<Segment>>,
    /// How often the log had been truncated.
    truncations: u64,
}

impl CleaningSnapshot {
    pub(crate) fn states(&self) -> Result<Vec<SegmentState>> {
        self.segments.iter().map(|segment| state_of(segment)).collect()
    }
}

fn state_of(segment: &Segment) -> Result<SegmentState> {
    let path = || segment.log().path();
    let first_timestamp = if segment.size() == 0 {
        Timestamp::NONE
    } else {
        segment.view()?.header_at(0)?.base_timestamp
    };
    let offset_entries = segment.offset_index.entry_count().context("read index of", &path())?;
    let time_entries = segment.time_index.entry_count().context("read time index of", &path())?;
    Ok(SegmentState {
        base_offset: segment.base_offset(),
        bytes: segment.size(),
        index_entries: u32::try_from(offset_entries.max(time_entries)).unwrap_or(u32::MAX),
        largest_timestamp: segment.largest_timestamp()?.timestamp,
        first_timestamp,
    })
}

impl Log {
    /// What there is to clean, if the log has been cleaned up to `cleaned_to`.
    pub fn plan_cleaning(&self, cleaned_to: Offset, now: Timestamp) -> Result<Plan> {
        let segments = self.segments.load_full();
        let (active, closed) = segments.split_last().expect("a log always has an active segment");
        let closed: Vec<_> =
            closed.iter().map(|segment| state_of(segment)).collect::<Result<_>>()?;
        let log = LogState {
            log_start: self.log_start_offset(),
            last_stable: self.last_stable_offset(),
            active_base: active.base_offset(),
            cleaned_to,
        };
        Ok(plan(&closed, &log, &self.config.load(), now))
    }

    /// The closed segments that begin below `end_offset`.
    pub(crate) fn cleaning_snapshot(&self, end_offset: Offset) -> Result<CleaningSnapshot> {
        self.dir.check_online()?;
        let writer = lock(&self.writer);
        let segments = self.segments.load();
        let (_, closed) = segments.split_last().expect("a log always has an active segment");
        let wanted = closed.iter().take_while(|segment| segment.base_offset() < end_offset);
        Ok(CleaningSnapshot {
            segments: wanted.cloned().collect(),
            truncations: writer.truncations,
        })
    }

    /// An empty segment for a cleaning to write into.
    pub(crate) fn new_cleaned_segment(&self, base_offset: Offset) -> Segment {
        self.new_segment(base_offset, Stage::Cleaned)
    }

    /// The last data offset, if any, and the epoch of every producer.
    pub(crate) fn last_records(&self) -> HashMap<ProducerId, (Option<Offset>, ProducerEpoch)> {
        let writer = lock(&self.writer);
        let last = |(id, entry): (ProducerId, &crate::producer::ProducerEntry)| {
            (id, (entry.last_data_offset(), entry.epoch))
        };
        writer.producers.iter().map(last).collect()
    }

    /// Whether the log has been closed or deleted.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Puts `cleaned` in the place of `segments`. Says no if they are not all in the log any more, or if the log has
    /// been truncated since they were read.
    ///
    /// The order on disk is Kafka's (`LocalLog.replaceSegments`), so that opening finishes or undoes it from any point:
    /// the new files become `.swap` when they are complete, the old ones go, the new ones get their names.
    pub(crate) fn swap_in(
        &self,
        snapshot: &CleaningSnapshot,
        segments: &[Arc<Segment>],
        cleaned: &Arc<Segment>,
        now: Timestamp,
    ) -> Result<bool> {
        let _structure = lock(&self.structure);
        let listed = self.segments.load_full();
        let from = Self::segment_idx(&listed, cleaned.base_offset());
        let replaced = listed.get(from..from + segments.len()).unwrap_or_default();
        let is_same = replaced.len() == segments.len()
            && replaced.iter().zip(segments).all(|(a, b)| Arc::ptr_eq(a, b))
            && lock(&self.writer).truncations == snapshot.truncations
            && !self.is_closed();
        if !is_same {
            return Ok(false);
        }
        let result = self.replace(&listed, from, segments, cleaned, now);
        self.offline_on_io_error(result).map(|()| true)
    }

    fn replace(
        &self,
        listed: &[Arc<Segment>],
        from: usize,
        segments: &[Arc<Segment>],
        cleaned: &Arc<Segment>,
        now: Timestamp,
    ) -> Result<()> {
        let path = self.path();
        let sync = || self.dir.disk().sync_dir(&path).context("sync", &path);
        cleaned.rename_to(Stage::Swap)?;
        sync()?;
        let modified_ms = segments.last().map_or(now.0, |segment| segment.modified_ms());
        cleaned.set_modified_ms(modified_ms);
        {
            // The appender may have rolled since; what it has added stays.
            let _writer = lock(&self.writer);
            let current = self.segments.load_full();
            let mut after = listed.get(..from).unwrap_or_default().to_vec();
            after.push(Arc::clone(cleaned));
            after.extend(current.iter().skip(from + segments.len()).cloned());
            self.segments.store(Arc::new(after));
        }
        self.discard(segments, now)?;
        cleaned.rename_to(Stage::Live)?;
        sync()?;
        let gone = |offset| segments.iter().skip(1).any(|segment| segment.base_offset() == offset);
        self.remove_snapshots(gone)
    }
}
