//! What is known of one producer: its epoch, its last batches, its open transaction.

use protocol::record::BatchHeader;
use protocol::{CoordinatorEpoch, Offset, ProducerEpoch, Sequence, Timestamp};

/// As many batches of a producer are remembered: clients have at most five requests in flight (KIP-98).
const BATCHES_KEPT: usize = 5;

/// One batch of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchMetadata {
    /// The sequence number of its last record.
    pub last_sequence: Sequence,
    /// The offset of its last record.
    pub last_offset: Offset,
    /// How far its first offset is below the last.
    pub offset_delta: i32,
    /// Its greatest timestamp.
    pub timestamp: Timestamp,
}

impl BatchMetadata {
    /// The sequence number of its first record.
    pub fn first_sequence(&self) -> Sequence {
        self.last_sequence.decrement(self.offset_delta)
    }

    /// The offset of its first record.
    pub fn first_offset(&self) -> Offset {
        self.last_offset + -i64::from(self.offset_delta)
    }
}

/// What is known of one producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerEntry {
    /// The epoch in which it wrote last; `NONE` before its first batch.
    pub epoch: ProducerEpoch,
    /// The epoch of the coordinator that wrote its last marker.
    pub coordinator_epoch: CoordinatorEpoch,
    /// The timestamp of its last batch or marker.
    pub last_timestamp: Timestamp,
    /// Where its open transaction begins.
    pub current_txn_first_offset: Option<Offset>,
    pub(super) batches: Vec<BatchMetadata>,
}

impl ProducerEntry {
    pub(super) const UNKNOWN: Self = Self {
        epoch: ProducerEpoch::NONE,
        coordinator_epoch: CoordinatorEpoch::NONE,
        last_timestamp: Timestamp::NONE,
        current_txn_first_offset: None,
        batches: Vec::new(),
    };

    /// Its last batches, the oldest first.
    pub fn batches(&self) -> &[BatchMetadata] {
        &self.batches
    }

    /// The last sequence number it wrote in this epoch.
    pub fn last_sequence(&self) -> Sequence {
        self.batches.last().map_or(Sequence::NONE, |batch| batch.last_sequence)
    }

    /// The offset of its last record.
    pub fn last_data_offset(&self) -> Option<Offset> {
        self.batches.last().map(|batch| batch.last_offset)
    }

    /// True if a transaction is open that was begun in this epoch.
    pub(super) fn is_in_transaction(&self, epoch: ProducerEpoch) -> bool {
        self.epoch == epoch && self.current_txn_first_offset.is_some()
    }

    pub(super) fn enter_epoch(&mut self, epoch: ProducerEpoch) {
        if self.epoch != epoch {
            self.batches.clear();
            self.epoch = epoch;
        }
    }

    pub(super) fn add_batch(&mut self, header: &BatchHeader) {
        self.enter_epoch(header.producer_epoch);
        if self.batches.len() == BATCHES_KEPT {
            self.batches.remove(0);
        }
        self.batches.push(BatchMetadata {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        });
        self.last_timestamp = header.max_timestamp;
    }

    pub(super) fn duplicate_of(&self, header: &BatchHeader) -> Option<&BatchMetadata> {
        if self.epoch != header.producer_epoch {
            return None;
        }
        self.batches.iter().find(|batch| {
            batch.first_sequence() == header.base_sequence
                && batch.last_sequence == header.last_sequence()
        })
    }
}
