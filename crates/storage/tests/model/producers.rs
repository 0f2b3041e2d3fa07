//! What a log must know of its producers, found out the simple way: by reading all batches from the start.
//!
//! The rules are Kafka's (`ProducerAppendInfo`), written a second time, so that the two can be compared.

use std::collections::BTreeMap;

use protocol::record::{BatchHeader, ControlType};
use protocol::{
    CoordinatorEpoch, ErrorCode, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp,
};
use storage::producer::ProducerEntry;

use crate::batches::Stored;

/// One producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) epoch: ProducerEpoch,
    pub(crate) coordinator_epoch: CoordinatorEpoch,
    pub(crate) last_timestamp: Timestamp,
    pub(crate) txn_first: Option<Offset>,
    pub(crate) batches: Vec<Sent>,
}

/// One batch of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) first_sequence: Sequence,
    pub(crate) last_sequence: Sequence,
    pub(crate) first_offset: Offset,
    pub(crate) last_offset: Offset,
}

/// A transaction that was aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Aborted {
    pub(crate) marker: Offset,
    pub(crate) first: Offset,
    pub(crate) producer_id: ProducerId,
}

/// All producers and transactions of a log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Producers {
    pub(crate) entries: BTreeMap<ProducerId, Producer>,
    pub(crate) aborted: Vec<Aborted>,
    /// First offset and marker of the transactions that have ended.
    pub(crate) ended: Vec<(Offset, Offset)>,
}

/// What becomes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Stored,
    Duplicate { first_offset: Offset, last_offset: Offset },
    Refused(ErrorCode),
}

impl Producer {
    const UNKNOWN: Self = Self {
        epoch: ProducerEpoch::NONE,
        coordinator_epoch: CoordinatorEpoch::NONE,
        last_timestamp: Timestamp::NONE,
        txn_first: None,
        batches: Vec::new(),
    };

    /// The sequence number that comes next in `epoch`.
    pub(crate) fn next_sequence(&self, epoch: ProducerEpoch) -> Sequence {
        let last = self.batches.last().filter(|_| self.epoch == epoch);
        last.map_or(Sequence(0), |sent| sent.last_sequence.advance(1))
    }

    fn enter(&mut self, epoch: ProducerEpoch) {
        if self.epoch != epoch {
            self.batches.clear();
        }
        self.epoch = epoch;
    }
}

impl From<&ProducerEntry> for Producer {
    fn from(entry: &ProducerEntry) -> Self {
        let sent = entry.batches().iter().map(|batch| Sent {
            first_sequence: batch.first_sequence(),
            last_sequence: batch.last_sequence,
            first_offset: batch.first_offset(),
            last_offset: batch.last_offset,
        });
        Self {
            epoch: entry.epoch,
            coordinator_epoch: entry.coordinator_epoch,
            last_timestamp: entry.last_timestamp,
            txn_first: entry.current_txn_first_offset,
            batches: sent.collect(),
        }
    }
}

impl Producers {
    pub(crate) fn of<'a>(batches: impl IntoIterator<Item = &'a Stored>) -> Self {
        let mut producers = Self::default();
        for batch in batches {
            producers.add(batch);
        }
        producers
    }

    pub(crate) fn get(&self, id: ProducerId) -> Producer {
        self.entries.get(&id).cloned().unwrap_or(Producer::UNKNOWN)
    }

    /// Where the first open transaction begins.
    pub(crate) fn first_undecided(&self) -> Offset {
        let open = self.entries.values().filter_map(|producer| producer.txn_first);
        open.min().unwrap_or(Offset::MAX)
    }

    /// Takes a batch in that is in the log.
    pub(crate) fn add(&mut self, batch: &Stored) {
        let header = &batch.header;
        if header.producer_id == ProducerId::NONE {
            return;
        }
        let entry = self.entries.entry(header.producer_id).or_insert(Producer::UNKNOWN);
        if header.is_control() {
            let Some((control, coordinator_epoch)) = batch.marker() else { return };
            if let Some(first) = entry.txn_first.take() {
                let (marker, producer_id) = (header.base_offset, header.producer_id);
                self.ended.push((first, marker));
                if control == ControlType::Abort {
                    self.aborted.push(Aborted { marker, first, producer_id });
                }
            }
            entry.enter(header.producer_epoch);
            entry.coordinator_epoch = coordinator_epoch;
        } else {
            entry.enter(header.producer_epoch);
            entry.batches.push(Sent {
                first_sequence: header.base_sequence,
                last_sequence: header.last_sequence(),
                first_offset: header.base_offset,
                last_offset: header.last_offset(),
            });
            let surplus = entry.batches.len().saturating_sub(5);
            entry.batches.drain(..surplus);
            if header.is_transactional() {
                entry.txn_first.get_or_insert(header.base_offset);
            }
        }
        entry.last_timestamp = header.max_timestamp;
    }

    /// What becomes of a client's batch.
    pub(crate) fn judge_data(&self, header: &BatchHeader) -> Verdict {
        if header.producer_id == ProducerId::NONE {
            return Verdict::Stored;
        }
        let entry = self.get(header.producer_id);
        let is_same = |sent: &&Sent| {
            sent.first_sequence == header.base_sequence
                && sent.last_sequence == header.last_sequence()
        };
        let duplicate = entry.batches.iter().find(is_same);
        match duplicate.filter(|_| entry.epoch == header.producer_epoch) {
            Some(sent) => Verdict::Duplicate {
                first_offset: sent.first_offset,
                last_offset: sent.last_offset,
            },
            None if header.producer_epoch < entry.epoch => {
                Verdict::Refused(ErrorCode::InvalidProducerEpoch)
            }
            None if !entry.epoch.is_none()
                && header.base_sequence != entry.next_sequence(header.producer_epoch) =>
            {
                Verdict::Refused(ErrorCode::OutOfOrderSequenceNumber)
            }
            None if entry.txn_first.is_some() && !header.is_transactional() => {
                Verdict::Refused(ErrorCode::InvalidTxnState)
            }
            None => Verdict::Stored,
        }
    }

    /// What becomes of a marker that is written under `transaction_version`.
    pub(crate) fn judge_marker(&self, marker: &Stored, transaction_version: i16) -> Verdict {
        let header = &marker.header;
        let entry = self.get(header.producer_id);
        let (_, coordinator_epoch) = marker.marker().expect("a marker");
        let is_repeated = header.producer_epoch == entry.epoch && entry.txn_first.is_none();
        let is_fenced = if transaction_version >= 2 {
            header.producer_epoch <= entry.epoch && !is_repeated
        } else {
            header.producer_epoch < entry.epoch
        };
        if is_fenced {
            Verdict::Refused(ErrorCode::InvalidProducerEpoch)
        } else if coordinator_epoch < entry.coordinator_epoch {
            Verdict::Refused(ErrorCode::TransactionCoordinatorFenced)
        } else {
            Verdict::Stored
        }
    }
}
