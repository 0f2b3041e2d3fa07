//! InitProducerId: a producer gets its id and an epoch that fences everybody who had the transactional id before.

use protocol::wire::STRING_BYTES_MAX;
use protocol::{ErrorCode, ProducerEpoch, ProducerId};

use super::outcome::{Answer, Outcome, Ticket, Turn};
use super::shard::Shard;
use super::state::TransactionState;
use super::transaction::{Transaction, after, is_exhausted};

/// What a producer asks for.
#[derive(Clone, Copy, Debug)]
pub struct InitProducerId<'a> {
    /// Its transactional id.
    pub transactional_id: &'a str,
    /// How long its transactions may take.
    pub timeout_ms: i32,
    /// The id and the epoch that it has had, if it goes on after an error (KIP-360).
    pub expected: Option<(ProducerId, ProducerEpoch)>,
}

impl Shard {
    /// Gives a producer its id and epoch. An open transaction is aborted first, and the producer told to ask again.
    pub fn init_producer_id(
        &mut self,
        turn: &mut Turn<'_>,
        ticket: Ticket,
        request: &InitProducerId<'_>,
    ) {
        let outcome = self.decide_init(turn, request).unwrap_or_else(Outcome::from);
        self.conclude(turn, request.transactional_id, ticket, outcome);
    }

    fn decide_init(
        &self,
        turn: &mut Turn<'_>,
        request: &InitProducerId<'_>,
    ) -> Result<Outcome, ErrorCode> {
        let InitProducerId { transactional_id, timeout_ms, expected } = *request;
        if transactional_id.is_empty() || transactional_id.len() > STRING_BYTES_MAX {
            return Err(ErrorCode::InvalidRequest);
        }
        if !(1..=self.settings.transaction_max_timeout_ms).contains(&timeout_ms) {
            return Err(ErrorCode::InvalidTransactionTimeout);
        }
        let now = turn.now.timestamp;
        let Some(known) = self.transaction(transactional_id) else {
            let new = Transaction::new(fresh_id(turn)?, timeout_ms, now);
            let answer = Ok((new.producer_id, new.epoch));
            return Ok(Outcome::changed(new, answer));
        };
        check_expected(known, expected)?;
        match known.state {
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
                Err(ErrorCode::ConcurrentTransactions)
            }
            TransactionState::Ongoing => {
                let fenced = known.fenced(turn.transaction_version, rotated(turn, known)?, now);
                Ok(Outcome::changed(fenced, Err(ErrorCode::ConcurrentTransactions)))
            }
            _ => {
                let (producer, last_epoch) = next_producer(turn, known, expected)?;
                let next = known.initialized(producer, last_epoch, timeout_ms, now);
                Ok(Outcome::changed(next, Ok(producer)))
            }
        }
    }
}

/// Refuses a producer that has been fenced: one whose id is neither the present one nor, with all epochs used up, the one
/// before.
///
/// Kafka looks at the epoch only when no transaction is open. We do always: a zombie must not abort the transaction of
/// whoever has fenced it.
fn check_expected(
    known: &Transaction,
    expected: Option<(ProducerId, ProducerEpoch)>,
) -> Result<(), ErrorCode> {
    let Some((producer_id, epoch)) = expected else { return Ok(()) };
    let is_current = producer_id == known.producer_id;
    let is_rotated = producer_id == known.previous_producer_id && is_exhausted(epoch);
    let is_zombie = known.state == TransactionState::Ongoing && epoch != known.epoch;
    if (is_current || is_rotated) && !is_zombie { Ok(()) } else { Err(ErrorCode::ProducerFenced) }
}

/// The id and epoch that a producer goes on with, and the epoch that it may ask again with.
fn next_producer(
    turn: &mut Turn<'_>,
    known: &Transaction,
    expected: Option<(ProducerId, ProducerEpoch)>,
) -> Result<((ProducerId, ProducerEpoch), ProducerEpoch), ErrorCode> {
    let expected = expected.map(|(_, epoch)| epoch);
    let last_epoch = expected.map_or(ProducerEpoch::NONE, |_| known.epoch);
    let is_current = expected.is_none_or(|epoch| epoch == known.epoch);
    if is_current && is_exhausted(known.epoch) {
        return Ok(((fresh_id(turn)?, ProducerEpoch(0)), last_epoch));
    }
    if is_current {
        return Ok(((known.producer_id, after(known.epoch)), last_epoch));
    }
    // It asks again, having missed the answer. Nobody else has come in between: that would have reset the last epoch.
    if !known.last_epoch.is_none() && expected == Some(known.last_epoch) {
        return Ok(((known.producer_id, known.epoch), known.last_epoch));
    }
    Err(ErrorCode::ProducerFenced)
}

/// A new producer id. While the broker fetches more of them clients are told to come back, as by Kafka.
fn fresh_id(turn: &mut Turn<'_>) -> Result<ProducerId, ErrorCode> {
    (turn.ids)().ok_or(ErrorCode::CoordinatorLoadInProgress)
}

/// The producer id that follows at the end of a transaction in the second version: a new one if the epochs are used up.
pub(super) fn rotated(turn: &mut Turn<'_>, known: &Transaction) -> Result<ProducerId, ErrorCode> {
    if is_exhausted(known.epoch) { fresh_id(turn) } else { Ok(ProducerId::NONE) }
}

/// The answer that shows a producer as it is.
pub(super) const fn producer(transaction: &Transaction) -> Answer {
    Ok((transaction.producer_id, transaction.epoch))
}
