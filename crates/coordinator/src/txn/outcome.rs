//! What comes of an input: what the driver is to do, and what is answered.

use std::sync::Arc;

use protocol::internal::transaction::TransactionLogRecord;
use protocol::{CoordinatorEpoch, ErrorCode, ProducerEpoch, ProducerId, TopicPartition};

use super::transaction::Transaction;
use crate::outcome::Now;

/// The answer to every request: the producer as it is now, or why it is refused.
pub type Answer = Result<(ProducerId, ProducerEpoch), ErrorCode>;

/// Whom an answer is for: the driver's own number, never used twice.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What an input brings with it.
pub struct Turn<'a> {
    /// The time.
    pub now: Now,
    /// The finalized level of the feature `transaction.version`.
    pub transaction_version: i16,
    /// Hands out a producer id that nobody has had; `None` if more have to be fetched first.
    pub ids: &'a mut dyn FnMut() -> Option<ProducerId>,
    /// What the driver is to do, in this order.
    pub out: &'a mut Vec<Action>,
}

impl std::fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("now", &self.now).finish_non_exhaustive()
    }
}

/// What the driver is to do.
#[derive(Debug)]
pub enum Action {
    /// Give the answer. It is said exactly once for each ticket.
    Answer(Ticket, Answer),
    /// Append the records as one batch, and hand them to [`Shard::on_appended`](super::Shard::on_appended) or
    /// [`Shard::on_append_failed`](super::Shard::on_append_failed) before any other input.
    Append(Append),
    /// Write the markers, and tell [`Shard::on_markers_written`](super::Shard::on_markers_written) what became of them.
    WriteMarkers(Markers),
}

/// Records that go into the log as one batch.
#[derive(Debug)]
pub struct Append {
    /// The records.
    pub records: Vec<TransactionLogRecord>,
    /// What no record tells: see `Transaction::last_epoch`.
    pub(super) last_epoch: ProducerEpoch,
    /// What is answered when they are committed.
    pub(super) then: Option<(Ticket, Answer)>,
}

/// The end of one transaction, to be written into its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Markers {
    /// The transactional id.
    pub transactional_id: Arc<str>,
    /// The producer.
    pub producer_id: ProducerId,
    /// The epoch to write them in. In the second version it is the one that follows the transaction's.
    pub producer_epoch: ProducerEpoch,
    /// True if the transaction is committed, false if it is aborted.
    pub is_commit: bool,
    /// The incarnation of this coordinator.
    pub coordinator_epoch: CoordinatorEpoch,
    /// The version of transactions that the transaction was made in.
    pub transaction_version: i16,
    /// Where they have yet to be written.
    pub partitions: Vec<TopicPartition>,
}

/// What a request leads to. Deciding changes nothing: only the replayed record does.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What the transactional id becomes; `None` if it stays as it is.
    pub(super) next: Option<Transaction>,
    /// The answer, once that is committed.
    pub(super) answer: Answer,
}

impl Outcome {
    /// Everything stays as it is.
    pub(super) const fn unchanged(answer: Answer) -> Self {
        Self { next: None, answer }
    }

    pub(super) const fn changed(next: Transaction, answer: Answer) -> Self {
        Self { next: Some(next), answer }
    }
}

impl From<ErrorCode> for Outcome {
    fn from(error: ErrorCode) -> Self {
        Self::unchanged(Err(error))
    }
}
