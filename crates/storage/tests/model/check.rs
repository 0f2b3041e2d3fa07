//! The log's answers beside the model's.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{LeaderEpoch, Offset, ProducerId, Timestamp};
use storage::Error;
use storage::log::{FoundTimestamp, ReadRequest};

use crate::batches::{Rec, Stored};
use crate::case::Case;
use crate::producers::{Aborted, Producer, Producers};

impl Case {
    /// Compares everything that can be asked, unless something is planned to fail, which would hit the questions.
    pub(crate) fn check(&mut self) {
        if self.expects_fault || self.is_broken || self.world.disk.is_down() {
            return;
        }
        let log = self.world.log();
        let (start, end) = (self.history.log_start, self.history.log_end);
        assert_eq!((log.log_start_offset(), log.log_end_offset()), (start, end));
        assert_eq!(log.high_watermark(), self.history.high_watermark);
        assert!(log.flushed_offset() <= end);
        if self.may_be_cleaned {
            self.adopt_cleaned();
        }
        let found = self.read_all();
        assert_eq!(found.len(), self.history.readable().len(), "{}", self.difference(&found));
        assert!(found == self.history.readable(), "{}", self.difference(&found));
        self.check_producers();
        self.check_transactions();
        self.check_epochs();
        self.check_held();
    }

    fn difference(&self, found: &[Stored]) -> String {
        let bases = |batches: &[Stored]| -> Vec<_> {
            batches.iter().map(|batch| (batch.base().0, batch.last().0)).collect()
        };
        let wanted = self.history.readable();
        let wrong = found.iter().zip(wanted).find(|(found, wanted)| found != wanted);
        let wrong = wrong.map(|(found, wanted)| format!("{found} and not {wanted}"));
        format!("found {:?}\nnot {:?}, and above all {wrong:?}", bases(found), bases(wanted))
    }

    /// All batches of the log that reach beyond its start.
    pub(crate) fn read_all(&self) -> Vec<Stored> {
        let log = self.world.log();
        let (mut offset, end) = (log.log_start_offset(), log.log_end_offset());
        let mut found: Vec<Stored> = Vec::new();
        while offset < end {
            let fetched =
                log.read(&request(offset, 1 << 20, end)).expect("every offset is readable");
            let Some(records) = fetched.records else { break };
            for batch in Stored::all(&records) {
                let last = found.last().map_or(Offset(-1), Stored::last);
                assert!(batch.base() > last, "offset {} comes after {last}", batch.base());
                found.push(batch);
            }
            let read_to = found.last().map_or(offset, Stored::next);
            let context = format!("from {offset} to {read_to}, and on at {}", fetched.next_offset);
            assert!(fetched.next_offset >= read_to && read_to > offset, "{context}");
            offset = fetched.next_offset;
        }
        found
    }

    pub(crate) fn read_somewhere(&mut self) {
        let (start, end) = (self.history.log_start, self.history.log_end);
        let offset = self.offset_within(Offset((start.0 - 1).max(0)), end + 1);
        let bounds = [end, self.history.high_watermark, self.history.high_watermark, end];
        let bound = match self.rng.pick(&bounds) {
            bound if self.rng.one_in(3) => self.batch_start_near(*bound),
            bound => *bound,
        };
        let max_bytes = *self.rng.pick(&[0, 1, 200, 1_000, 5_000, u32::MAX]);
        let request =
            ReadRequest { at_least_one: self.rng.one_in(2), ..request(offset, max_bytes, bound) };
        self.note(|| format!("read {request:?}"));
        if self.may_be_cleaned {
            return;
        }
        let fetched = match self.world.log().read(&request) {
            Err(Error::OutOfRange { .. }) => {
                assert!(offset < start || offset > end, "offset {offset} is in the log");
                return;
            }
            Err(err) => return self.excuse(&err),
            Ok(fetched) => fetched,
        };
        assert!(start <= offset && offset <= end, "offset {offset} is not in the log");
        let found = fetched.records.as_deref().map(Stored::all).unwrap_or_default();
        self.check_answer(&request, &found, fetched.next_offset);
        if let Some(records) = fetched.records.filter(|_| self.rng.one_in(3)) {
            let bytes = records.to_vec();
            self.held.push((records, bytes));
        }
        if self.held.len() > 3 {
            self.held.remove(0);
        }
    }

    /// Where the batch begins that holds an offset below `limit`.
    fn batch_start_near(&mut self, limit: Offset) -> Offset {
        let below: Vec<_> = self.history.readable().iter().map(Stored::base).collect();
        let below: Vec<_> = below.into_iter().filter(|base| *base <= limit).collect();
        if below.is_empty() { limit } else { *self.rng.pick(&below) }
    }

    fn check_answer(&self, request: &ReadRequest, found: &[Stored], next_offset: Offset) {
        let batches = self.history.readable();
        let from = batches.partition_point(|batch| batch.last() < request.offset);
        let rest = batches.get(from..).unwrap_or_default();
        let shown: Vec<_> = rest.iter().take_while(|batch| batch.next() <= request.bound).collect();
        let mut room = request.max_bytes as usize;
        if let Some(first) = shown.first().filter(|_| request.at_least_one) {
            room = room.max(first.size());
        }
        let fitting = shown.iter().take_while(|batch| {
            let fits = batch.size() <= room;
            room = room.saturating_sub(batch.size());
            fits
        });
        let expected: Vec<_> = fitting.copied().cloned().collect();
        assert!(expected.starts_with(found), "{}", self.difference(found));
        let Some(last) = found.last() else {
            assert!(expected.is_empty(), "nothing was read of {}", expected.len());
            assert_eq!(next_offset, request.offset);
            return;
        };
        if let Some(next) = expected.get(found.len()) {
            let bases = self.world.segment_bases();
            let is_boundary = bases.iter().any(|base| last.base() < *base && *base <= next.base())
                || bases.last().is_some_and(|base| *base <= last.base());
            assert!(is_boundary || self.expects_fault, "the read ends within a segment");
        }
        let limit = rest.get(found.len()).map_or(self.history.log_end, Stored::base);
        assert!((last.next()..=limit).contains(&next_offset), "goes on at {next_offset}");
    }

    pub(crate) fn check_held(&self) {
        for (slice, bytes) in &self.held {
            assert!(**slice == **bytes, "a slice has changed under its reader");
            assert!(!slice.is_broken());
        }
    }

    fn check_producers(&self) {
        let found = self.producers_of_log().entries;
        let history = &self.history;
        let all = history.producers();
        for id in found.keys() {
            assert!(all.entries.contains_key(id), "{id} is unknown");
        }
        let is_in_log = |id: &ProducerId| {
            history.remembered().iter().any(|batch| batch.header.producer_id == *id)
        };
        for (id, expected) in &all.entries {
            match found.get(id) {
                // What has left the log may have been forgotten in a restart.
                None => assert!(!is_in_log(id), "{id} is forgotten"),
                Some(found) => self.check_producer(*id, found, expected),
            }
        }
    }

    /// Compares what is known of one producer with what it did, all in all and in any part that was left of the log when
    /// it was read last.
    fn check_producer(&self, id: ProducerId, found: &Producer, all: &Producer) {
        let history = &self.history;
        let is_compacted = history.cleanable_to > Offset::ZERO;
        let suffixes = |batches: &'_ [Stored]| -> Vec<Producer> {
            let forgotten = match is_compacted {
                true => batches.len(),
                false => batches.partition_point(|it| it.last() < history.forgotten_to),
            };
            let left = |from| batches.get(from..).unwrap_or_default();
            (0..=forgotten).map(|from| Producers::of(left(from)).get(id)).collect()
        };
        // A truncation goes back to a snapshot, and what followed may have been cleaned away for the sake of what was cut.
        let snapshots = |batches: &'_ [Stored]| -> Vec<Producer> {
            let count = if is_compacted { batches.len() } else { 0 };
            let until = |to| batches.get(..to).unwrap_or_default();
            (0..count).map(|to| Producers::of(until(to)).get(id)).collect()
        };
        let lefts = suffixes(&history.appended).into_iter().chain(suffixes(&history.batches));
        let lefts = lefts.chain(snapshots(&history.appended));
        let lefts: Vec<_> = if found == all { Vec::new() } else { lefts.collect() };
        let context = || format!("{id}: found {found:?}\nall {all:?}");
        let fits = |get: &dyn Fn(&Producer) -> i64| {
            get(found) == get(all) || lefts.iter().any(|left| get(found) == get(left))
        };
        assert!(fits(&|producer| producer.epoch.0.into()), "{}", context());
        assert!(fits(&|producer| producer.coordinator_epoch.0.into()), "{}", context());
        assert!(fits(&|producer| producer.last_timestamp.0), "{}", context());
        let txn_first = |producer: &Producer| producer.txn_first.map_or(-1, |offset| offset.0);
        assert!(fits(&txn_first), "{}", context());
        let common = found.batches.len().min(all.batches.len());
        let is_recent =
            all.batches.last().is_some_and(|sent| sent.last_offset >= history.forgotten_to);
        assert!(common > 0 || !is_recent || is_compacted, "{}", context());
        let tail = |producer: &Producer| {
            producer.batches.iter().rev().take(common).copied().collect::<Vec<_>>()
        };
        assert!(tail(found) == tail(all) || is_compacted, "{}", context());
    }

    fn check_transactions(&self) {
        let (log, history) = (self.world.log(), &self.history);
        let producers = history.producers();
        // What lies before the start of the log may have been forgotten, and so may which markers were not replicated.
        let (all, left) = (&producers, Producers::of(history.remembered()));
        let lowest = history.first_unstable(all);
        let highest = left.first_undecided().max(all.first_undecided());
        let clamp = |offset: Offset| offset.max(history.log_start).min(history.high_watermark);
        let expected = clamp(lowest)..=clamp(highest);
        let found = log.last_stable_offset();
        assert!(expected.contains(&found), "last stable offset is {found}, not in {expected:?}");
        if history.cleanable_to > Offset::ZERO {
            return;
        }
        let (start, end) = (history.log_start, history.log_end);
        let found = log.aborted_transactions(start, end).expect("the index is readable");
        let found = found.iter().map(|txn| Aborted {
            marker: txn.last_offset,
            first: txn.first_offset,
            producer_id: txn.producer_id,
        });
        let found: BTreeSet<_> = found.filter(|aborted| aborted.first >= start).collect();
        let required = all.aborted.iter().filter(|aborted| aborted.first >= history.forgotten_to);
        for aborted in required {
            assert!(found.contains(aborted), "{aborted:?} is not in {found:?}");
        }
        for aborted in found.iter().filter(|aborted| !all.aborted.contains(aborted)) {
            // Its first records were gone when the log was read.
            let forgotten = history.appended.partition_point(|it| it.last() < history.forgotten_to);
            let left = |from| history.appended.get(from..).unwrap_or_default();
            let is_known =
                (0..=forgotten).any(|it| Producers::of(left(it)).aborted.contains(aborted));
            assert!(is_known, "{aborted:?} was not aborted");
        }
    }

    fn check_epochs(&self) {
        let (log, history) = (self.world.log(), &self.history);
        for batch in history.readable() {
            let offset = batch.base().max(history.log_start);
            let (found, epoch) = (log.epoch_for_offset(offset), batch.header.leader_epoch);
            let is_forgotten = found.is_none() && offset < history.forgotten_to;
            assert!(is_forgotten || found == Some(epoch), "epoch of {offset}: {found:?}");
        }
        let batches = history.remembered();
        let mut first_of: BTreeMap<LeaderEpoch, Offset> = BTreeMap::new();
        for batch in batches {
            let offset = batch.base().max(history.forgotten_to);
            first_of.entry(batch.header.leader_epoch).or_insert(offset);
        }
        if let Some(epoch) = history.latest_epoch() {
            assert_eq!(log.latest_epoch(), Some(epoch));
        }
        for epoch in first_of.keys() {
            let found = log.end_offset_for_epoch(*epoch).expect("the epoch is known");
            assert_eq!(found.epoch, *epoch);
            let next = first_of.range(LeaderEpoch(epoch.0 + 1)..).next();
            let end = next.map_or(history.log_end, |(_, first)| *first);
            let last = batches.iter().rfind(|batch| batch.header.leader_epoch == *epoch);
            let low = last.map_or(end, Stored::next);
            let is_right = if history.cleanable_to == Offset::ZERO {
                found.end_offset == end
            } else {
                (low..=end).contains(&found.end_offset)
            };
            assert!(is_right, "{epoch:?} ends at {} and not at {end}", found.end_offset);
        }
    }

    pub(crate) fn find_timestamps(&mut self) {
        let back = i64::try_from(self.rng.within(0..=200_000)).expect("it is small");
        let target = Timestamp(self.world.now.0 - back);
        self.note(|| format!("look for {target}"));
        if self.may_be_cleaned {
            // What is there is not known.
            return;
        }
        let (log, start) = (self.world.log(), self.history.log_start);
        let records = || self.stored_records().filter(|(record, _)| record.offset >= start);
        let expected = records().find(|(record, _)| record.timestamp >= target);
        let greatest = records().map(|(record, _)| record.timestamp).max();
        let newest = records().find(|(record, _)| Some(record.timestamp) == greatest);
        let answers = [
            (log.offset_for_timestamp(target), expected.map(found)),
            (log.offset_of_max_timestamp(), newest.map(found)),
        ];
        for (answer, expected) in answers {
            if let Some(answer) = self.settle(answer) {
                assert_eq!(answer, expected);
            }
        }
    }

    /// All records that readers can find, with the timestamps that readers see.
    fn stored_records(&self) -> impl Iterator<Item = (Rec, LeaderEpoch)> {
        let batches = self.history.readable().iter();
        batches.flat_map(|batch| {
            let epoch = batch.header.leader_epoch;
            batch.records.iter().map(move |record| (record.clone(), epoch))
        })
    }
}

fn found((record, leader_epoch): (Rec, LeaderEpoch)) -> FoundTimestamp {
    FoundTimestamp { offset: record.offset, timestamp: record.timestamp, leader_epoch }
}

pub(crate) fn request(offset: Offset, max_bytes: u32, bound: Offset) -> ReadRequest {
    ReadRequest { offset, max_bytes, bound, at_least_one: true, may_block: true }
}
