//! What has been appended to a log: the model's whole knowledge, and what a crash may make of it.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use protocol::{LeaderEpoch, Offset};

use crate::batches::Stored;
use crate::producers::Producers;

/// The model of one log.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// All batches that were appended and not truncated, those before the start of the log included.
    pub(crate) appended: Vec<Stored>,
    /// The same as the log has them: compaction thins them out.
    pub(crate) batches: Vec<Stored>,
    pub(crate) log_start: Offset,
    /// The latest that the log has begun. After a crash it may begin before, but what its producers did is forgotten, and the
    /// epochs of its leaders.
    pub(crate) forgotten_to: Offset,
    pub(crate) log_end: Offset,
    pub(crate) high_watermark: Offset,
    /// No cleaning has reached beyond this offset.
    pub(crate) cleanable_to: Offset,
    /// The keys of truncated records that cleanings had seen: earlier records of these keys may be gone.
    pub(crate) overtaken: BTreeSet<Option<Vec<u8>>>,
    /// The records that were aborted by markers that cleanings had seen and that were truncated.
    pub(crate) were_aborted: BTreeSet<Offset>,
}

/// Batches of an append that has failed.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    /// Where the log ended when they were written; those of a leader that has compacted its log may begin later.
    pub(crate) log_end: Offset,
    pub(crate) batches: Vec<Stored>,
}

impl History {
    pub(crate) fn append(&mut self, batch: Stored) {
        assert!(batch.base() >= self.log_end);
        self.log_end = batch.next();
        self.appended.push(batch.clone());
        self.batches.push(batch);
    }

    /// The batches that readers can find.
    pub(crate) fn readable(&self) -> &[Stored] {
        let from = self.batches.partition_point(|batch| batch.last() < self.log_start);
        self.batches.get(from..).unwrap_or_default()
    }

    /// Where the log may end when it is truncated to `target`: behind the last batch below it, or later if cleanings
    /// have removed what came next.
    pub(crate) fn ends_of_truncation(&self, target: Offset) -> RangeInclusive<Offset> {
        let mut low = self.batches.iter().rfind(|batch| batch.last() < target);
        // What lies before the start may have been cleaned since anyone could look at it.
        if self.cleanable_to > Offset::ZERO {
            low = low.filter(|batch| batch.last() >= self.log_start);
        }
        let low = low.map_or(Offset::ZERO, Stored::next);
        let straddled = self.batches.iter().find(|batch| batch.last() >= target);
        let high = straddled.map_or(target, |batch| batch.base().min(target));
        // The segment may be gone already that the target was in.
        let high = if target < self.log_start { target } else { high };
        low..=high.max(low)
    }

    pub(crate) fn start_at(&mut self, offset: Offset) {
        self.log_start = offset;
        self.forgotten_to = self.forgotten_to.max(offset);
    }

    /// The batches that readers can find and whose producers and epochs must be known.
    pub(crate) fn remembered(&self) -> &[Stored] {
        let from = self.batches.partition_point(|batch| batch.last() < self.forgotten_to);
        self.batches.get(from..).unwrap_or_default()
    }

    /// What the log would be with these batches at its end, in the place of what has been written there since.
    pub(crate) fn with(&self, in_flight: &InFlight) -> Self {
        let mut history = self.clone();
        history.truncate_to(in_flight.log_end);
        in_flight.batches.iter().for_each(|batch| history.append(batch.clone()));
        history
    }

    /// Notes what cleanings have removed for the sake of records from `offset` on, which are going to be cut.
    pub(crate) fn overtake_from(&mut self, offset: Offset) {
        if self.cleanable_to > Offset::ZERO {
            self.were_aborted = self.aborted_offsets();
        }
        // A transaction whose marker is cut may end otherwise.
        let loses_marker = |batch: &Stored| {
            let id = batch.header.producer_id;
            let is_marker = |it: &&Stored| it.header.is_control() && it.header.producer_id == id;
            let next = self.appended.iter().filter(is_marker).find(|it| it.base() > batch.base());
            batch.header.is_transactional() && next.is_some_and(|marker| marker.base() >= offset)
        };
        let is_doubtful = |batch: &&Stored| batch.last() >= offset || loses_marker(batch);
        let doubtful = self.appended.iter().filter(is_doubtful).flat_map(|batch| &batch.records);
        let doubtful = doubtful.filter(|record| record.offset < self.cleanable_to);
        self.overtaken.extend(doubtful.map(|record| record.key.clone()));
    }

    /// Removes the batches that reach to `end` or beyond, where the log ends from here on.
    pub(crate) fn truncate_to(&mut self, end: Offset) {
        self.overtake_from(end);
        self.appended.retain(|batch| batch.last() < end);
        self.batches.retain(|batch| batch.last() < end);
        self.log_end = end;
        self.log_start = self.log_start.min(end);
        self.forgotten_to = self.forgotten_to.min(end);
        self.high_watermark = self.high_watermark.min(end);
        self.cleanable_to = self.cleanable_to.min(end);
    }

    pub(crate) fn restart_at(&mut self, offset: Offset) {
        *self = Self {
            log_start: offset,
            forgotten_to: offset,
            log_end: offset,
            high_watermark: offset,
            ..Self::default()
        };
    }

    pub(crate) fn producers(&self) -> Producers {
        Producers::of(&self.appended)
    }

    /// Where the first transaction begins that is open, or whose marker is not replicated.
    pub(crate) fn first_unstable(&self, producers: &Producers) -> Offset {
        let ended = producers.ended.iter().filter(|(_, marker)| *marker >= self.high_watermark);
        let unreplicated = ended.map(|(first, _)| *first).min().unwrap_or(Offset::MAX);
        unreplicated.min(producers.first_undecided())
    }

    pub(crate) fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.readable().last().map(|batch| batch.header.leader_epoch)
    }
}
