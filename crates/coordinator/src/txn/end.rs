//! EndTxn: a transaction is committed or aborted. That is decided by one record; markers tell the partitions later.
//!
//! In the second version (KIP-890) each end begins a new epoch, so a request that is sent again is told from the next one
//! by its epoch. What that leads to while no transaction is open:
//!
//! | state | abort, again | abort, new | commit, again | commit, new |
//! |---|---|---|---|---|
//! | Empty | PRODUCER_FENCED | aborts | PRODUCER_FENCED | INVALID_TXN_STATE |
//! | CompleteAbort | NONE | aborts | INVALID_TXN_STATE | INVALID_TXN_STATE |
//! | CompleteCommit | INVALID_TXN_STATE | aborts | NONE | INVALID_TXN_STATE |
//!
//! A client of the first version has one epoch for all its transactions, and Complete answers NONE to the same end.

use protocol::{ErrorCode, ProducerEpoch, ProducerId};

use super::init::{producer, rotated};
use super::outcome::{Outcome, Ticket, Turn};
use super::partitions::Producer;
use super::shard::Shard;
use super::state::TransactionState;
use super::transaction::{Transaction, after, bumps_epoch};

/// The last epoch of a producer id that a client gets to see.
const LAST_EPOCH: ProducerEpoch = ProducerEpoch(i16::MAX - 1);

impl Shard {
    /// Ends the producer's transaction.
    pub fn end_txn(
        &mut self,
        turn: &mut Turn<'_>,
        ticket: Ticket,
        from: Producer<'_>,
        is_commit: bool,
        client_version: i16,
    ) {
        let decided = match bumps_epoch(client_version) {
            true => self.decide_end(turn, from, is_commit, client_version),
            false => self.decide_end_v1(turn, from, is_commit),
        };
        let outcome = decided.unwrap_or_else(Outcome::from);
        self.conclude(turn, from.transactional_id, ticket, outcome);
    }

    fn decide_end_v1(
        &self,
        turn: &Turn<'_>,
        from: Producer<'_>,
        is_commit: bool,
    ) -> Result<Outcome, ErrorCode> {
        let known = self.known(from)?;
        if known.producer_id != from.id {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        if known.epoch != from.epoch {
            return Err(ErrorCode::ProducerFenced);
        }
        match known.state {
            TransactionState::Ongoing => {
                let ended = known.ended(is_commit, 0, ProducerId::NONE, turn.now.timestamp);
                Ok(Outcome::changed(ended, producer(known)))
            }
            _ if !is_end_of(known.state, is_commit) => Err(ErrorCode::InvalidTxnState),
            state if state.is_preparing() => Err(ErrorCode::ConcurrentTransactions),
            _ => Ok(Outcome::unchanged(producer(known))),
        }
    }

    fn decide_end(
        &self,
        turn: &mut Turn<'_>,
        from: Producer<'_>,
        is_commit: bool,
        client_version: i16,
    ) -> Result<Outcome, ErrorCode> {
        let known = self.known(from)?;
        // It is sent again if the epoch is the one that this end has left behind, or its producer id.
        let is_rotated = known.previous_producer_id == from.id
            && from.epoch == LAST_EPOCH
            && known.epoch == ProducerEpoch(0);
        let is_again = is_rotated || known.epoch == after(from.epoch);
        if known.producer_id != from.id && !is_rotated {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        let is_current = known.epoch == from.epoch;
        let is_valid = match known.state {
            TransactionState::Empty | TransactionState::Ongoing => is_current,
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => is_again,
            _ => is_again || is_current,
        };
        if !is_valid {
            return Err(ErrorCode::ProducerFenced);
        }
        match known.state {
            TransactionState::Ongoing => {}
            state if state.is_preparing() && is_end_of(state, is_commit) => {
                return Err(ErrorCode::ConcurrentTransactions);
            }
            state if is_again && is_end_of(state, is_commit) => {
                return Ok(Outcome::unchanged(producer(known)));
            }
            state if is_again || is_commit || state.is_preparing() => {
                return Err(ErrorCode::InvalidTxnState);
            }
            // A client that does not know whether its transaction has begun aborts it to be sure.
            _ => {}
        }
        let rotated = rotated(turn, known)?;
        let ended = known.ended(is_commit, client_version, rotated, turn.now.timestamp);
        let answer = producer(&ended.completed(turn.now.timestamp));
        Ok(Outcome::changed(ended, answer))
    }

    fn known(&self, from: Producer<'_>) -> Result<&Transaction, ErrorCode> {
        if from.transactional_id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        self.transaction(from.transactional_id).ok_or(ErrorCode::InvalidProducerIdMapping)
    }
}

/// True if the state is on the way to this end, or there.
const fn is_end_of(state: TransactionState, is_commit: bool) -> bool {
    match state {
        TransactionState::PrepareCommit | TransactionState::CompleteCommit => is_commit,
        TransactionState::PrepareAbort | TransactionState::CompleteAbort => !is_commit,
        TransactionState::Empty | TransactionState::Ongoing => false,
    }
}
