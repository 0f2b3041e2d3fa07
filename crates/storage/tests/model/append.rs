//! Appends: what producers, coordinators and leaders send, and what must become of it.

use bytes::Bytes;
use protocol::record::{BatchHeader, BatchOptions, ControlType, EndTxnMarker, TimestampType};
use protocol::{
    CoordinatorEpoch, ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence,
    Timestamp,
};
use storage::Error;
use storage::log::{Appended, LeaderAppend};
use storage::producer::Origin;
use storage::validate::{Rules, Validated, validate};

use crate::batches::{Shape, Stored, as_stored, data};
use crate::case::Case;
use crate::history::InFlight;
use crate::producers::{Producer, Producers, Verdict};

/// From here on producers write in transactions only.
const FIRST_TRANSACTIONAL: ProducerId = ProducerId(10);

/// A batch on its way to the log.
struct Sent {
    bytes: Bytes,
    validated: Validated,
    origin: Origin,
    transaction_version: i16,
}

impl Case {
    pub(crate) fn append_as_leader(&mut self) {
        if self.rng.one_in(8) {
            self.leader_epoch = LeaderEpoch(self.leader_epoch.0 + 1);
        }
        // The log may have forgotten producers whose batches are gone, so it is asked what it knows; that this is right
        // is checked elsewhere.
        let known = self.producers_of_log();
        let count = *self.rng.pick(&[1, 1, 1, 2, 4]);
        let sent: Vec<Sent> = (0..count).filter_map(|_| self.send(&known)).collect();
        let group: Vec<_> = sent.iter().map(Sent::as_append).collect();
        let (epoch, now) = (self.leader_epoch, self.world.now);
        self.note(|| format!("append {} batches in {epoch:?} at {now}", group.len()));
        self.begin_in_flight();
        let results = self.world.log().append_as_leader(&group, epoch, now);
        assert_eq!(results.len(), sent.len());
        let has_fault = results
            .iter()
            .any(|result| result.as_ref().is_err_and(|err| !matches!(err, Error::Rejected(_))));
        let mut known = known;
        let mut last = None;
        for (sent, result) in sent.iter().zip(results) {
            let judge = (!has_fault).then_some(&known);
            if let Some((stored, appended)) = self.take_result(sent, result, judge) {
                known.add(&stored);
                last = Some(appended);
            }
        }
        assert!(self.is_broken || self.world.log().log_end_offset() == self.history.log_end);
        if let Some(appended) = last.filter(|appended| appended.must_flush) {
            let flushed = self.world.log().flush_to(appended.last_offset.next());
            if self.settle(flushed).is_some() {
                assert!(self.world.log().flushed_offset() > appended.last_offset);
            }
        }
    }

    pub(crate) fn producers_of_log(&self) -> Producers {
        let producers = self.world.log().producers();
        let entries = producers.iter().map(|(id, entry)| (*id, Producer::from(entry))).collect();
        Producers { entries, ..Producers::default() }
    }

    /// Makes a batch of some producer; `None` if it is refused before it reaches the log, as it should be.
    fn send(&mut self, known: &Producers) -> Option<Sent> {
        let id = match self.rng.within(0..=5) {
            0..=1 => ProducerId::NONE,
            _ => *self.rng.pick(&self.producer_ids),
        };
        let is_marker = id >= FIRST_TRANSACTIONAL && self.rng.one_in(3);
        let transaction_version = if is_marker { *self.rng.pick(&[0, 1, 2, 2]) } else { 0 };
        let entry = known.get(id);
        let (bytes, origin) = if is_marker {
            (self.marker(id, &entry, transaction_version), Origin::Coordinator)
        } else {
            (self.client_batch(id, &entry), Origin::Client)
        };
        let bytes = Bytes::from(bytes);
        let rules = Rules { config: &self.world.topic, origin, now: self.world.now };
        let result = validate(&bytes, &rules);
        let stored = Stored::decode(&bytes);
        let lacks_key = self.world.topic.cleanup_policy.compact
            && !is_marker
            && stored.records.iter().any(|record| record.key.is_none());
        if lacks_key {
            let refused = result.expect_err("a compacted topic takes keys only");
            assert_eq!(refused.code, ErrorCode::InvalidRecord);
            return None;
        }
        let validated = result.expect("nothing is wrong with it");
        Some(Sent { bytes, validated, origin, transaction_version })
    }

    fn client_batch(&mut self, id: ProducerId, entry: &Producer) -> Vec<u8> {
        let record_count = *self.rng.pick(&[1, 1, 2, 5, 12]);
        let is_transactional = id >= FIRST_TRANSACTIONAL && !self.rng.one_in(30);
        let mut options = BatchOptions { is_transactional, ..BatchOptions::default() };
        let mut record_count = record_count;
        if id != ProducerId::NONE {
            let epoch = entry.epoch.0.max(0);
            let (epoch, base_sequence) = match self.rng.within(0..=19) {
                0 => (epoch, Sequence(77)),
                1 => (epoch - 1, Sequence(0)),
                2 => (epoch + 1, Sequence(0)),
                3 => (epoch + 1, Sequence(3)),
                4..=6 if !entry.batches.is_empty() => {
                    let again = self.rng.pick(&entry.batches);
                    let count = again.last_offset - again.first_offset + 1;
                    record_count = u64::try_from(count).expect("it is positive");
                    (epoch, again.first_sequence)
                }
                _ => (epoch, entry.next_sequence(entry.epoch)),
            };
            options.producer_id = id;
            options.producer_epoch = ProducerEpoch(epoch.max(0));
            options.base_sequence = base_sequence;
        }
        let shape = Shape {
            now: self.world.now,
            value_bytes_max: *self.rng.pick(&[10, 80, 700]),
            needs_keys: self.world.topic.cleanup_policy.compact && !self.rng.one_in(40),
            may_have_gaps: false,
        };
        data(&mut self.rng, options, record_count, &shape)
    }

    fn marker(&mut self, id: ProducerId, entry: &Producer, transaction_version: i16) -> Vec<u8> {
        let control = *self.rng.pick(&[ControlType::Commit, ControlType::Abort]);
        let raised = i16::from(transaction_version >= 2 && !self.rng.one_in(10));
        let lowered = i16::from(self.rng.one_in(20));
        let epoch = ProducerEpoch((entry.epoch.0 + raised - lowered).max(0));
        let coordinator_epoch = match self.rng.within(0..=9) {
            0 => entry.coordinator_epoch.0 - 1,
            1 => entry.coordinator_epoch.0 + 1,
            _ => entry.coordinator_epoch.0,
        };
        let marker = EndTxnMarker { coordinator_epoch: CoordinatorEpoch(coordinator_epoch.max(0)) };
        let options =
            BatchOptions { producer_id: id, producer_epoch: epoch, ..BatchOptions::default() };
        marker.batch(control, self.world.now, &options)
    }

    /// Compares an answer with what must be; gives the batch if it is in the log now.
    fn take_result(
        &mut self,
        sent: &Sent,
        result: storage::Result<Appended>,
        known: Option<&Producers>,
    ) -> Option<(Stored, Appended)> {
        let first_offset = self.history.log_end;
        let append_time = self.world.topic.message_timestamp_type == TimestampType::LogAppendTime;
        let append_time = append_time.then_some(self.world.now);
        let stored =
            Stored::decode(&as_stored(&sent.bytes, first_offset, self.leader_epoch, append_time));
        let verdict = known.map(|known| self.verdict(sent, &stored, known));
        match result {
            Ok(appended) if appended.is_duplicate => {
                let Appended { first_offset, last_offset, .. } = appended;
                let duplicate = Verdict::Duplicate { first_offset, last_offset };
                assert!(verdict.is_none_or(|verdict| verdict == duplicate), "{verdict:?}");
                None
            }
            Ok(appended) => {
                self.note(|| format!("    {stored}"));
                assert!(verdict.is_none_or(|verdict| verdict == Verdict::Stored), "{verdict:?}");
                assert_eq!(appended.first_offset, first_offset);
                assert_eq!(appended.last_offset, stored.last());
                assert_eq!(appended.log_append_time, append_time.unwrap_or(Timestamp::NONE));
                self.history.append(stored.clone());
                self.begin_in_flight();
                Some((stored, appended))
            }
            Err(Error::Rejected(refused)) => {
                let expected = Verdict::Refused(refused.code);
                assert!(
                    verdict.is_none_or(|verdict| verdict == expected),
                    "{verdict:?}: {refused}"
                );
                None
            }
            Err(err) => {
                self.note(|| format!("    failed: {err}: {stored}"));
                self.excuse(&err);
                self.add_in_flight(&sent.bytes, append_time);
                None
            }
        }
    }

    fn verdict(&self, sent: &Sent, stored: &Stored, known: &Producers) -> Verdict {
        if stored.size() > self.world.topic.segment_bytes as usize {
            Verdict::Refused(ErrorCode::RecordListTooLarge)
        } else if sent.origin == Origin::Coordinator {
            known.judge_marker(stored, sent.transaction_version)
        } else {
            known.judge_data(&stored.header)
        }
    }

    /// What is written from here on may fail.
    fn begin_in_flight(&mut self) {
        self.in_flight_from = self.in_flight.len();
    }

    /// A batch whose write has failed may turn up at the end of the log when that is recovered: behind those that failed
    /// before it in its group, or by itself, for after a write that has failed the next one begins at the same place.
    fn add_in_flight(&mut self, bytes: &[u8], append_time: Option<Timestamp>) {
        let log_end = self.history.log_end;
        self.in_flight.push(InFlight { log_end, batches: Vec::new() });
        let (epoch, from) = (self.leader_epoch, self.in_flight_from);
        for InFlight { batches, .. } in self.in_flight.iter_mut().skip(from) {
            let end = batches.last().map_or(log_end, Stored::next);
            let stored = Stored::decode(&as_stored(bytes, end, epoch, append_time));
            // A duplicate of another one fails with it, and is not written.
            if !batches.iter().any(|batch| has_same_sequence(batch, &stored)) {
                batches.push(stored);
            }
        }
    }

    pub(crate) fn append_as_follower(&mut self) {
        if self.rng.one_in(4) {
            self.leader_epoch = LeaderEpoch(self.leader_epoch.0 + 1);
        }
        let count = self.rng.within(1..=3);
        let mut producers = self.history.producers();
        let mut end = self.history.log_end;
        let mut sent = Vec::new();
        for _ in 0..count {
            // A compacted leader has gaps.
            let gap = *self.rng.pick(&[0, 0, 0, 3]);
            let batch = Stored::decode(&self.fetched_batch(&producers, end + gap));
            end = batch.next();
            producers.add(&batch);
            sent.push(batch);
        }
        // The last batch may be of an epoch that the follower has not heard of yet: it is left for a later fetch.
        let known_epoch = self.leader_epoch;
        let leaves_last = count > 1 && self.rng.one_in(5);
        if leaves_last && let Some(last) = sent.last_mut() {
            let later = LeaderEpoch(known_epoch.0 + 1);
            *last = Stored::decode(&as_stored(&last.bytes, last.base(), later, None));
        }
        let bytes: Vec<u8> = sent.iter().flat_map(|batch| batch.bytes.clone()).collect();
        if leaves_last {
            sent.pop();
        }
        self.note(|| format!("fetch {} batches", sent.len()));
        let now = self.world.now;
        match self.world.log().append_as_follower(&bytes.into(), known_epoch, now) {
            Ok(appended) => {
                assert_eq!(Some(appended.last_offset), sent.last().map(Stored::last));
                assert_eq!(Some(appended.first_offset), sent.first().map(Stored::base));
                for batch in sent {
                    self.note(|| format!("    {batch}"));
                    self.history.append(batch);
                }
            }
            Err(Error::Rejected(refused)) => panic!("{refused}"),
            Err(err) => {
                self.note(|| format!("    failed: {err}"));
                self.excuse(&err);
                // What was written before a roll is in the log.
                let end = self.world.log().log_end_offset();
                let appended = sent.iter().take_while(|batch| batch.next() <= end).count();
                let batches = sent.split_off(appended);
                for batch in sent {
                    self.note(|| format!("    {batch}"));
                    self.history.append(batch);
                }
                self.in_flight.push(InFlight { log_end: self.history.log_end, batches });
            }
        }
        assert!(self.is_broken || self.world.log().log_end_offset() == self.history.log_end);
    }

    /// What a leader has at `base_offset`; it has checked everything itself.
    fn fetched_batch(&mut self, producers: &Producers, base_offset: Offset) -> Vec<u8> {
        let id = match self.rng.within(0..=3) {
            0 => ProducerId::NONE,
            _ => *self.rng.pick(&self.producer_ids),
        };
        let entry = producers.get(id);
        let is_marker = id >= FIRST_TRANSACTIONAL && self.rng.one_in(3);
        let raised = i16::from(id != ProducerId::NONE && self.rng.one_in(6));
        let epoch = if id == ProducerId::NONE { -1 } else { entry.epoch.0.max(0) + raised };
        let producer_epoch = ProducerEpoch(epoch);
        if is_marker {
            let marker = self.marker(id, &entry, 0);
            return as_stored(&marker, base_offset, self.leader_epoch, None);
        }
        let has_sequence = id != ProducerId::NONE;
        let options = BatchOptions {
            base_offset,
            leader_epoch: self.leader_epoch,
            producer_id: id,
            producer_epoch,
            base_sequence: if has_sequence {
                entry.next_sequence(producer_epoch)
            } else {
                Sequence::NONE
            },
            is_transactional: id >= FIRST_TRANSACTIONAL,
            ..BatchOptions::default()
        };
        let shape = Shape {
            now: self.world.now,
            value_bytes_max: 200,
            needs_keys: self.world.topic.cleanup_policy.compact,
            may_have_gaps: true,
        };
        let record_count = *self.rng.pick(&[1, 2, 6]);
        data(&mut self.rng, options, record_count, &shape)
    }
}

fn has_same_sequence(one: &Stored, other: &Stored) -> bool {
    let sequence_of = |batch: &Stored| {
        let BatchHeader { producer_id, producer_epoch, base_sequence, .. } = batch.header;
        (producer_id, producer_epoch, base_sequence)
    };
    one.header.base_sequence != Sequence::NONE && sequence_of(one) == sequence_of(other)
}

impl Sent {
    fn as_append(&self) -> LeaderAppend<'_> {
        let (records, origin) = (&self.validated, self.origin);
        LeaderAppend {
            transaction_version: self.transaction_version,
            ..LeaderAppend::new(records, origin)
        }
    }
}
