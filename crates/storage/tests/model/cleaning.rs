//! Compaction: the cleaner may thin the log out, and the model says what it may not lose.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Offset, ProducerId};
use storage::files::checkpoint;

use crate::batches::{Rec, Stored};
use crate::case::Case;
use crate::history::History;

impl Case {
    pub(crate) fn clean(&mut self) {
        if !self.world.topic.cleanup_policy.compact {
            return;
        }
        self.note(|| "clean".to_owned());
        let (log, now) = (self.world.log(), self.world.now);
        let reach = log.last_stable_offset();
        let cleaned = self.world.storage().clean_one(now);
        self.is_broken |= self.world.has_failed_dir();
        assert!(!self.is_broken || self.expects_fault || self.world.disk.is_down());
        self.history.cleanable_to = self.history.cleanable_to.max(reach);
        let done = self.settle(cleaned);
        self.may_be_cleaned = true;
        if self.is_broken || self.expects_fault || self.world.disk.is_down() {
            return;
        }
        let found = self.adopt_cleaned();
        if done == Some(true) && !self.expects_full_disk {
            self.check_is_clean(&found);
        }
        self.check();
    }

    /// Finds out what cleanings have left.
    pub(crate) fn adopt_cleaned(&mut self) -> Vec<Stored> {
        let found = self.read_all();
        let explained = self.history.explains_cleaned(&found, self.history.log_start);
        explained.unwrap_or_else(|reason| panic!("{reason}"));
        self.history.check_keys(&found, self.history.log_start, self.history.log_end);
        self.history.batches.retain(|batch| batch.last() < self.history.log_start);
        self.history.batches.extend(found.iter().cloned());
        self.may_be_cleaned = false;
        found
    }

    /// Up to where the cleaner says that it has been, every key is there once.
    fn check_is_clean(&self, found: &[Stored]) {
        let cleaned_to = self.world.checkpoint(checkpoint::CLEANER_FILE).unwrap_or_default();
        assert!(cleaned_to <= self.history.cleanable_to);
        let aborted = self.history.aborted_offsets();
        let mut seen = BTreeSet::new();
        let start = self.history.log_start;
        for record in data_records(found).filter(|record| record.offset >= start) {
            if record.offset < cleaned_to && !aborted.contains(&record.offset) {
                assert!(seen.insert(&record.key), "{:?} is there twice", record.key);
            }
        }
    }
}

/// The records that are not control records.
fn data_records(batches: &[Stored]) -> impl Iterator<Item = &Rec> {
    batches.iter().filter(|batch| !batch.header.is_control()).flat_map(|batch| &batch.records)
}

impl History {
    /// The offsets of records in aborted transactions, and of those that cleanings have taken for such.
    pub(crate) fn aborted_offsets(&self) -> BTreeSet<Offset> {
        self.aborted_now().union(&self.were_aborted).copied().collect()
    }

    /// The offsets of records in transactions whose abort is in the log.
    fn aborted_now(&self) -> BTreeSet<Offset> {
        let producers = self.producers();
        let is_aborted = |id: ProducerId, offset: Offset| {
            producers
                .aborted
                .iter()
                .any(|txn| txn.producer_id == id && (txn.first..txn.marker).contains(&offset))
        };
        let batches = self.appended.iter().filter(|batch| batch.header.is_transactional());
        let records = batches.flat_map(|batch| {
            batch.records.iter().map(|record| (batch.header.producer_id, record.offset))
        });
        let aborted = records.filter(|(id, offset)| is_aborted(*id, *offset));
        aborted.map(|(_, offset)| offset).collect()
    }

    /// Whether `found` is this log from `start` on, perhaps cut at the end, perhaps cleaned as far as cleanings went:
    /// nothing is there that was not appended, and what is gone was overtaken, aborted or a tombstone.
    pub(crate) fn explains_cleaned(&self, found: &[Stored], start: Offset) -> Result<(), String> {
        let originals: BTreeMap<_, _> =
            self.appended.iter().map(|batch| (batch.base(), batch)).collect();
        for batch in found {
            let original = originals.get(&batch.base());
            original
                .filter(|original| is_rest_of(batch, original))
                .ok_or_else(|| format!("{:?} is no rest of {original:?}", batch.header))?;
        }
        let end = found.last().map_or(start, Stored::next);
        let kept: BTreeSet<_> =
            found.iter().flat_map(|batch| &batch.records).map(|r| r.offset).collect();
        let (aborted, aborted_now) = (self.aborted_offsets(), self.aborted_now());
        let mut later = BTreeSet::new();
        for batch in self.appended.iter().rev() {
            for record in batch.records.iter().rev() {
                let is_control = batch.header.is_control();
                let may_go = record.offset < self.cleanable_to
                    && (is_control
                        || aborted.contains(&record.offset)
                        || record.value.is_none()
                        || later.contains(&record.key)
                        || self.overtaken.contains(&record.key));
                let is_within = start <= record.offset && record.offset < end;
                if is_within && !kept.contains(&record.offset) && !may_go {
                    return Err(format!("the record at {} is gone", record.offset));
                }
                if record.offset < self.cleanable_to
                    && !is_control
                    && !aborted_now.contains(&record.offset)
                {
                    later.insert(record.key.clone());
                }
            }
        }
        Ok(())
    }

    /// The last record of every key below `safe_to` is in `found`, or a later one of the same key is.
    pub(crate) fn check_keys(&self, found: &[Stored], start: Offset, safe_to: Offset) {
        let aborted = self.aborted_offsets();
        let is_safe = |record: &&Rec| {
            (start..safe_to).contains(&record.offset) && !aborted.contains(&record.offset)
        };
        let last: BTreeMap<_, _> = data_records(&self.appended)
            .filter(is_safe)
            .map(|record| (&record.key, record))
            .collect();
        let last = last.into_iter().filter(|(key, _)| !self.overtaken.contains(key));
        for (key, record) in last.filter(|(_, record)| record.value.is_some()) {
            let is_there =
                data_records(found).any(|other| other.key == *key && other.offset >= record.offset);
            assert!(is_there, "the record of {key:?} at {} is lost", record.offset);
        }
    }
}

/// Whether a batch is what a cleaning may have left of `original`.
fn is_rest_of(batch: &Stored, original: &Stored) -> bool {
    let (rest, whole) = (&batch.header, &original.header);
    let is_same = |get: fn(&protocol::record::BatchHeader) -> i64| get(rest) == get(whole);
    is_same(|header| header.last_offset().0)
        && is_same(|header| header.leader_epoch.0.into())
        && is_same(|header| header.producer_id.0)
        && is_same(|header| header.producer_epoch.0.into())
        && is_same(|header| header.base_sequence.0.into())
        && is_same(|header| header.is_control().into())
        && is_same(|header| header.is_transactional().into())
        && batch.records.iter().all(|record| original.records.contains(record))
}
