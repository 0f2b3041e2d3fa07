//! What compaction needs of a log: the segments as they are, and the swap.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use config::TopicConfig;
use protocol::{Offset, ProducerEpoch, ProducerId, Timestamp};

use super::Log;
use crate::compaction::Plan;
use crate::compaction::plan::{LogState, SegmentSize, SegmentState, plan};
use crate::error::Result;
use crate::files::names::Stage;
use crate::handles::lock;
use crate::segment::Segment;

/// The segments that a cleaning has read.
#[derive(Debug)]
pub(crate) struct CleaningSnapshot {
    pub(crate) segments: Vec<Arc<Segment>>,
    /// Where the last of them ends.
    pub(crate) end_offset: Offset,
    /// How often the log had been truncated.
    truncations: u64,
}

impl CleaningSnapshot {
    pub(crate) fn sizes(&self) -> Result<Vec<SegmentSize>> {
        let size_of = |segment: &Arc<Segment>| {
            let (base_offset, bytes) = (segment.base_offset(), segment.size());
            Ok(SegmentSize { base_offset, bytes, index_entries: segment.index_entries()? })
        };
        self.segments.iter().map(size_of).collect()
    }
}

/// Planning looks at every compacted log every few seconds, so it opens only the files that it must.
fn state_of(segment: &Segment, config: &TopicConfig, is_clean: bool) -> Result<SegmentState> {
    let mut state = SegmentState {
        base_offset: segment.base_offset(),
        bytes: segment.size(),
        largest_timestamp: Timestamp::NONE,
        first_timestamp: Timestamp::NONE,
    };
    if !is_clean && config.min_compaction_lag_ms > 0 {
        state.largest_timestamp = segment.age_timestamp()?;
    }
    if !is_clean && config.max_compaction_lag_ms != i64::MAX && segment.size() > 0 {
        state.first_timestamp = segment.view()?.header_at(0)?.max_timestamp;
    }
    Ok(state)
}

impl Log {
    /// What there is to clean, if the log has been cleaned up to `cleaned_to`.
    pub fn plan_cleaning(&self, cleaned_to: Offset, now: Timestamp) -> Result<Plan> {
        let truncations = lock(&self.writer).truncations;
        let segments = self.segments.load_full();
        let (active, closed) = segments.split_last().expect("a log always has an active segment");
        let log = LogState {
            log_start: self.log_start_offset(),
            last_stable: self.last_stable_offset(),
            active_base: active.base_offset(),
            cleaned_to,
            truncations,
        };
        let config = self.config.load();
        let ends = segments.iter().skip(1).map(|next| next.base_offset());
        let state = |(segment, end): (&Arc<Segment>, Offset)| {
            state_of(segment, &config, end <= log.first_dirty())
        };
        let closed: Vec<_> = closed.iter().zip(ends).map(state).collect::<Result<_>>()?;
        Ok(plan(&closed, &log, &config, now))
    }

    /// The closed segments that begin below `end_offset`; none if the log has been truncated since `plan` was made: what
    /// it says, and the keys that were read since, may be of records that are gone.
    pub(crate) fn cleaning_snapshot(
        &self,
        plan: &Plan,
        end_offset: Offset,
    ) -> Result<Option<CleaningSnapshot>> {
        self.dir.load().check_online()?;
        let writer = lock(&self.writer);
        if writer.truncations != plan.truncations {
            return Ok(None);
        }
        let segments = self.segments.load();
        let (active, closed) = segments.split_last().expect("a log always has an active segment");
        let count = closed.partition_point(|segment| segment.base_offset() < end_offset);
        let (wanted, later) = closed.split_at(count);
        Ok(Some(CleaningSnapshot {
            segments: wanted.to_vec(),
            end_offset: later.first().unwrap_or(active).base_offset(),
            truncations: writer.truncations,
        }))
    }

    /// An empty segment for a cleaning to write into.
    pub(crate) fn new_cleaned_segment(&self, base_offset: Offset) -> Result<Segment> {
        // What an earlier cleaning may have left behind must not show up at the end of a shorter file.
        self.new_segment(base_offset, Stage::Cleaned).remove()?;
        Ok(self.new_segment(base_offset, Stage::Cleaned))
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
        cleaned.rename_to(Stage::Swap)?;
        self.sync_names()?;
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
        let completed = self.complete_swap(segments, cleaned, now);
        if let Err(err) = &completed {
            // The names on disk are between the two, and only opening the log puts them right.
            self.dir.load().take_offline(&err.to_string());
        }
        completed
    }

    fn complete_swap(
        &self,
        segments: &[Arc<Segment>],
        cleaned: &Segment,
        now: Timestamp,
    ) -> Result<()> {
        self.discard(segments, now)?;
        cleaned.rename_to(Stage::Live)?;
        self.sync_names()?;
        let gone = |offset| segments.iter().skip(1).any(|segment| segment.base_offset() == offset);
        self.remove_snapshots(gone)
    }
}

#[cfg(test)]
mod tests;
