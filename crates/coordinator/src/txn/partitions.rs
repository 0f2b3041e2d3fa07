//! AddPartitionsToTxn and AddOffsetsToTxn: which partitions a transaction writes to, before it does.

use std::collections::BTreeSet;

use protocol::{ErrorCode, ProducerEpoch, ProducerId, TopicPartition};

use super::init::producer;
use super::outcome::{Outcome, Ticket, Turn};
use super::shard::Shard;
use super::state::TransactionState;
use super::transaction::Transaction;

/// Whoever claims to be the producer of a transactional id.
#[derive(Clone, Copy, Debug)]
pub struct Producer<'a> {
    /// The transactional id.
    pub transactional_id: &'a str,
    /// The producer id.
    pub id: ProducerId,
    /// Its epoch.
    pub epoch: ProducerEpoch,
}

impl Shard {
    /// Adds partitions to the producer's transaction, and begins it if there is none. The client uses
    /// `client_version` of transactions.
    pub fn add_partitions(
        &mut self,
        turn: &mut Turn<'_>,
        ticket: Ticket,
        from: Producer<'_>,
        partitions: &BTreeSet<TopicPartition>,
        client_version: i16,
    ) {
        let outcome = self.in_transaction(from).map_or_else(Outcome::from, |known| {
            let is_known = known.state == TransactionState::Ongoing
                && known.partitions.is_superset(partitions);
            match is_known {
                true => Outcome::unchanged(producer(known)),
                false => Outcome::changed(
                    known.with_partitions(partitions, client_version, turn.now.timestamp),
                    producer(known),
                ),
            }
        });
        self.conclude(turn, from.transactional_id, ticket, outcome);
    }

    /// Whether a partition is part of the producer's open transaction: what is written to it otherwise would belong to
    /// a transaction that nobody ends (KIP-890).
    pub fn verify_partition(
        &mut self,
        turn: &mut Turn<'_>,
        ticket: Ticket,
        from: Producer<'_>,
        partition: &TopicPartition,
    ) {
        let answer = self.in_transaction(from).and_then(|known| {
            let is_added = known.partitions.contains(partition);
            if is_added { producer(known) } else { Err(ErrorCode::TransactionAbortable) }
        });
        self.conclude(turn, from.transactional_id, ticket, Outcome::unchanged(answer));
    }

    /// What is known of the producer, if it may write.
    fn in_transaction(&self, from: Producer<'_>) -> Result<&Transaction, ErrorCode> {
        if from.transactional_id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        let known = self.transaction(from.transactional_id);
        let known = known.filter(|known| known.producer_id == from.id);
        let known = known.ok_or(ErrorCode::InvalidProducerIdMapping)?;
        if known.epoch != from.epoch {
            return Err(ErrorCode::ProducerFenced);
        }
        if known.state.is_preparing() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        Ok(known)
    }
}
