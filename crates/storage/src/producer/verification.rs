//! Verification: before the first batch of a transaction goes into a partition, the transaction coordinator is asked
//! whether the transaction has that partition (KIP-890). Without that, a batch that comes late would open a transaction
//! which nobody ends, and which holds up the readers of committed records for ever.
//!
//! A guard stands for one question. Markers that are written while it is under way take the guard away, so an answer that
//! is late itself lets nothing in (`VerificationStateEntry`, `VerificationGuard`).

use std::sync::atomic::{AtomicU64, Ordering};

use protocol::record::BatchHeader;
use protocol::{ErrorCode, ProducerEpoch, ProducerId, Sequence, Timestamp};

use super::entry::ProducerEntry;
use super::state::{Origin, Producers};
use crate::error::Rejection;

/// Stands for one question to the transaction coordinator. No two of a process are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerificationGuard(u64);

impl VerificationGuard {
    fn next() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self(COUNT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What is known of the transaction that a batch belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// Nothing, and it does not matter.
    Unchecked,
    /// It was open in this partition already.
    Open,
    /// The coordinator says that it has this partition.
    By(VerificationGuard),
}

/// Who appends, and what is known of the transaction.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// Who appends.
    pub origin: Origin,
    /// What is known of the transaction.
    pub verified: Verified,
}

impl From<Origin> for Source {
    fn from(origin: Origin) -> Self {
        Self { origin, verified: Verified::Unchecked }
    }
}

/// Who begins a transaction in the partition, and how.
#[derive(Debug, Clone, Copy)]
pub struct Begin {
    /// The producer.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub epoch: ProducerEpoch,
    /// The sequence number of its first batch; `NONE` for offsets of a group, which have none.
    pub sequence: Sequence,
    /// Whether it uses the second version of transactions, in which each has an epoch of its own.
    pub bumps_epoch: bool,
}

/// A question that is under way, or has been answered and not been used.
#[derive(Debug, Clone)]
pub(super) struct Verification {
    guard: VerificationGuard,
    epoch: ProducerEpoch,
    /// The first sequence number that a batch has come with: no later one may go before it.
    lowest_sequence: Sequence,
    bumps_epoch: bool,
    pub(super) since: Timestamp,
}

impl Verification {
    /// True if a marker of this epoch is about the transaction before: in the second version the epoch of a marker is
    /// that of the next transaction.
    pub(super) fn outlives_marker(&self, epoch: ProducerEpoch) -> bool {
        self.bumps_epoch && self.epoch == epoch
    }

    /// Refuses a batch that is not the first that the producer has sent.
    pub(super) fn check_sequence(
        &self,
        entry: &ProducerEntry,
        header: &BatchHeader,
    ) -> Result<(), Rejection> {
        let first = header.base_sequence;
        let is_first = !self.bumps_epoch || first.0 == 0 || !entry.batches().is_empty();
        if is_first && first <= self.lowest_sequence {
            return Ok(());
        }
        Err(Rejection::new(
            ErrorCode::OutOfOrderSequenceNumber,
            format!(
                "producer {} begins its transaction with sequence number {first}, and has sent {} before",
                header.producer_id, self.lowest_sequence
            ),
        ))
    }
}

impl Producers {
    /// Begins to ask for the producer's transaction; `None` if it is open here already.
    pub fn begin_verification(
        &mut self,
        begin: &Begin,
        now: Timestamp,
    ) -> Result<Option<VerificationGuard>, Rejection> {
        let known = self.entry(begin.producer_id);
        if let Some(entry) = known.filter(|entry| begin.epoch < entry.epoch) {
            return Err(stale(begin.producer_id, begin.epoch, entry.epoch));
        }
        if known.is_some_and(|entry| entry.is_in_transaction(begin.epoch)) {
            return Ok(None);
        }
        let verification =
            self.verifications.entry(begin.producer_id).or_insert_with(|| Verification {
                guard: VerificationGuard::next(),
                epoch: begin.epoch,
                lowest_sequence: begin.sequence,
                bumps_epoch: begin.bumps_epoch,
                since: now,
            });
        verification.bumps_epoch = begin.bumps_epoch;
        if begin.epoch > verification.epoch {
            (verification.epoch, verification.lowest_sequence) = (begin.epoch, begin.sequence);
        } else if begin.epoch == verification.epoch {
            verification.lowest_sequence = verification.lowest_sequence.min(begin.sequence);
        }
        Ok(Some(verification.guard))
    }

    /// Refuses a batch that would open a transaction that the coordinator is not known to have.
    pub(super) fn check_verified(
        &self,
        entry: &ProducerEntry,
        header: &BatchHeader,
        verified: Verified,
    ) -> Result<(), Rejection> {
        let guard = self.verifications.get(&header.producer_id).map(|it| it.guard);
        let is_allowed = match verified {
            Verified::Unchecked => true,
            Verified::Open => false,
            Verified::By(by) => guard == Some(by),
        };
        if is_allowed || entry.is_in_transaction(header.producer_epoch) {
            return Ok(());
        }
        if header.producer_epoch < entry.epoch {
            return Err(stale(header.producer_id, header.producer_epoch, entry.epoch));
        }
        Err(Rejection::new(
            ErrorCode::InvalidTxnState,
            format!("producer {} has no transaction open in this partition", header.producer_id),
        ))
    }
}

fn stale(producer_id: ProducerId, epoch: ProducerEpoch, known: ProducerEpoch) -> Rejection {
    Rejection::new(
        ErrorCode::InvalidProducerEpoch,
        format!("producer {producer_id} writes in epoch {epoch}, but epoch {known} has been seen"),
    )
}

#[cfg(test)]
mod tests;
