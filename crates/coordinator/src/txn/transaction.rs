//! What is known of one transactional id, and what it may become. Values: nothing here changes in place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::internal::transaction::{
    PartitionsSchema, TransactionLogKey, TransactionLogRecord, TransactionLogValue,
};
use protocol::{PartitionId, ProducerEpoch, ProducerId, Timestamp, TopicPartition};

use super::state::TransactionState;

/// The epochs from here on are kept for fencing: whoever has them can always be fenced once more.
const EXHAUSTED_EPOCH: ProducerEpoch = ProducerEpoch(i16::MAX - 1);

/// The timeout of a transaction that belongs to a two-phase commit (KIP-939): there is none.
const NO_TIMEOUT_MS: i32 = i32::MAX;

/// The producer of a transactional id, and its last transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transaction {
    pub(super) producer_id: ProducerId,
    /// The producer id before the last change, whatever that changed.
    pub(super) previous_producer_id: ProducerId,
    /// The producer id that takes over when the markers are written, if the epochs of this one are used up.
    pub(super) next_producer_id: ProducerId,
    pub(super) epoch: ProducerEpoch,
    /// The epoch that the same producer had before; `NONE` if it is another one's, or not known. It is in no record:
    /// whoever asks again after the coordinator has moved is fenced, as in Kafka.
    pub(super) last_epoch: ProducerEpoch,
    pub(super) timeout_ms: i32,
    pub(super) state: TransactionState,
    pub(super) partitions: BTreeSet<TopicPartition>,
    /// When the transaction began; `NONE` if there has been none in this epoch.
    pub(super) start: Timestamp,
    pub(super) updated: Timestamp,
    /// The version of transactions that the client uses.
    pub(super) client_version: i16,
}

/// True if no transaction may be begun in the epoch.
pub(super) fn is_exhausted(epoch: ProducerEpoch) -> bool {
    epoch >= EXHAUSTED_EPOCH
}

/// The epoch that comes after.
pub(super) fn after(epoch: ProducerEpoch) -> ProducerEpoch {
    ProducerEpoch(epoch.0.saturating_add(1))
}

impl Transaction {
    /// A producer that has never been here.
    pub(super) const fn new(producer_id: ProducerId, timeout_ms: i32, now: Timestamp) -> Self {
        Self {
            producer_id,
            previous_producer_id: ProducerId::NONE,
            next_producer_id: ProducerId::NONE,
            epoch: ProducerEpoch(0),
            last_epoch: ProducerEpoch::NONE,
            timeout_ms,
            state: TransactionState::Empty,
            partitions: BTreeSet::new(),
            start: Timestamp::NONE,
            updated: now,
            client_version: 0,
        }
    }

    /// True if a transaction is open for longer than it may be.
    pub(super) fn is_timed_out(&self, now: Timestamp) -> bool {
        self.state == TransactionState::Ongoing
            && self.timeout_ms != NO_TIMEOUT_MS
            && self.start.0.saturating_add(self.timeout_ms.into()) < now.0
    }

    /// The same id after a change at `now`.
    fn changed(&self, now: Timestamp) -> Self {
        Self {
            previous_producer_id: self.producer_id,
            // Its clock may have gone back, or have been another broker's.
            updated: now.max(self.updated),
            ..self.clone()
        }
    }

    /// A producer goes on in an epoch, maybe with another id.
    pub(super) fn initialized(
        &self,
        (producer_id, epoch): (ProducerId, ProducerEpoch),
        last_epoch: ProducerEpoch,
        timeout_ms: i32,
        now: Timestamp,
    ) -> Self {
        Self {
            producer_id,
            epoch,
            last_epoch,
            timeout_ms,
            next_producer_id: ProducerId::NONE,
            state: TransactionState::Empty,
            partitions: BTreeSet::new(),
            start: Timestamp::NONE,
            ..self.changed(now)
        }
    }

    /// Partitions are added, and the transaction begins if it has not.
    pub(super) fn with_partitions(
        &self,
        added: &BTreeSet<TopicPartition>,
        client_version: i16,
        now: Timestamp,
    ) -> Self {
        let mut next = Self { client_version, ..self.changed(now) };
        if self.state != TransactionState::Ongoing {
            next.state = TransactionState::Ongoing;
            next.start = next.updated;
        }
        next.partitions.extend(added.iter().cloned());
        next
    }

    /// The end of the transaction is decided. In the second version that begins a new epoch, and `rotated` takes over
    /// where there is none left.
    pub(super) fn ended(
        &self,
        is_commit: bool,
        client_version: i16,
        rotated: ProducerId,
        now: Timestamp,
    ) -> Self {
        let mut next = Self { client_version, next_producer_id: rotated, ..self.changed(now) };
        next.state = match is_commit {
            true => TransactionState::PrepareCommit,
            false => TransactionState::PrepareAbort,
        };
        if bumps_epoch(client_version) {
            next.last_epoch = self.epoch;
            next.epoch = after(self.epoch);
        }
        // An abort in the second version may come before anything was added.
        if self.state.is_idle() {
            next.start = next.updated;
        }
        next
    }

    /// The open transaction is aborted on behalf of somebody else, in an epoch that fences its producer.
    pub(super) fn fenced(&self, server_version: i16, rotated: ProducerId, now: Timestamp) -> Self {
        if bumps_epoch(server_version) {
            return self.ended(false, server_version, rotated, now);
        }
        Self {
            epoch: after(self.epoch),
            last_epoch: ProducerEpoch::NONE,
            ..self.ended(false, 0, ProducerId::NONE, now)
        }
    }

    /// All markers are written.
    pub(super) fn completed(&self, now: Timestamp) -> Self {
        let mut next = self.changed(now);
        if bumps_epoch(self.client_version) && !self.next_producer_id.is_none() {
            next.producer_id = self.next_producer_id;
            next.epoch = ProducerEpoch(0);
        }
        next.next_producer_id = ProducerId::NONE;
        next.partitions = BTreeSet::new();
        next.state = match self.state {
            TransactionState::PrepareCommit => TransactionState::CompleteCommit,
            _ => TransactionState::CompleteAbort,
        };
        next
    }

    /// The record of it.
    pub(super) fn record(&self, transactional_id: &str) -> TransactionLogRecord {
        let has_partitions = self.state != TransactionState::Empty;
        let value = TransactionLogValue {
            producer_id: self.producer_id,
            previous_producer_id: self.previous_producer_id,
            next_producer_id: self.next_producer_id,
            producer_epoch: self.epoch,
            next_producer_epoch: ProducerEpoch::NONE,
            transaction_timeout_ms: self.timeout_ms,
            transaction_status: self.state.id(),
            transaction_partitions: has_partitions.then(|| by_topic(&self.partitions)),
            transaction_last_update_timestamp: self.updated,
            transaction_start_timestamp: self.start,
            client_transaction_version: self.client_version,
        };
        TransactionLogRecord { key: key(transactional_id), value: Some(value) }
    }

    /// What a record says; `None` if it has a state that we do not know.
    pub(super) fn from_record(value: TransactionLogValue) -> Option<Self> {
        let state = TransactionState::from_id(value.transaction_status)?;
        let mut partitions = BTreeSet::new();
        for schema in value.transaction_partitions.into_iter().flatten() {
            let topic: Arc<str> = schema.topic.into();
            let of_topic = schema.partition_ids.into_iter();
            partitions.extend(of_topic.map(|id| TopicPartition::new(Arc::clone(&topic), id)));
        }
        Some(Self {
            producer_id: value.producer_id,
            previous_producer_id: value.previous_producer_id,
            next_producer_id: value.next_producer_id,
            epoch: value.producer_epoch,
            last_epoch: ProducerEpoch::NONE,
            timeout_ms: value.transaction_timeout_ms,
            state,
            partitions,
            start: value.transaction_start_timestamp,
            updated: value.transaction_last_update_timestamp,
            client_version: value.client_transaction_version,
        })
    }
}

/// True if every transaction ends its epoch, as in the second version (KIP-890).
pub(super) const fn bumps_epoch(transaction_version: i16) -> bool {
    transaction_version >= 2
}

/// Deletes what is known of an id.
pub(super) fn tombstone(transactional_id: &str) -> TransactionLogRecord {
    TransactionLogRecord { key: key(transactional_id), value: None }
}

fn key(transactional_id: &str) -> TransactionLogKey {
    TransactionLogKey { transactional_id: transactional_id.to_owned() }
}

fn by_topic(partitions: &BTreeSet<TopicPartition>) -> Vec<PartitionsSchema> {
    let mut topics: BTreeMap<&str, Vec<PartitionId>> = BTreeMap::new();
    for TopicPartition { topic, partition } in partitions {
        topics.entry(topic).or_default().push(*partition);
    }
    let schema = |(topic, partition_ids): (&str, _)| PartitionsSchema {
        topic: topic.to_owned(),
        partition_ids,
    };
    topics.into_iter().map(schema).collect()
}
