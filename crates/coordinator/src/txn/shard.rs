//! One shard: the transactional ids of one partition of `__transaction_state`, whose log is their memory.
//!
//! Life of a shard: [`Shard::new`], [`Shard::replay`] of the whole log, [`Shard::on_loaded`], then requests, appends and
//! deadlines, and [`Shard::unload`] at the end. Invariant: what is in the log alone gives the same transactions.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::internal::transaction::TransactionLogRecord;
use protocol::{CoordinatorEpoch, ErrorCode, Offset, ProducerEpoch};

use super::markers::Completing;
use super::outcome::{Action, Answer, Append, Outcome, Ticket, Turn};
use super::transaction::Transaction;
use crate::answer::coordinator_error;
use crate::outcome::Now;

/// What the broker's configuration says to one shard.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `transaction.max.timeout.ms`: no transaction may ask for more.
    pub transaction_max_timeout_ms: i32,
    /// `transactional.id.expiration.ms`.
    pub transactional_id_expiration_ms: i64,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`.
    pub abort_interval: Duration,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`.
    pub expire_interval: Duration,
    /// How long markers that could not be written wait for another try.
    pub marker_retry: Duration,
    /// How long an answer waits for its record to be committed.
    pub commit_timeout: Duration,
}

/// How many answers may wait for the log at a time. More only come together when the replicas do not keep up, and then
/// clients are told to try again rather than to wait for the timeout.
const WAITING_MAX: usize = 10_000;

/// An answer that waits for the log.
#[derive(Debug)]
struct Waiting {
    /// Everything before this is to be committed. It never falls from one to the next.
    end: Offset,
    deadline: Instant,
    ticket: Ticket,
    answer: Answer,
}

/// The transactional ids of one partition of `__transaction_state`.
#[derive(Debug)]
pub struct Shard {
    pub(super) settings: Arc<Settings>,
    /// The incarnation of this coordinator: the leader epoch of the partition.
    pub(super) coordinator_epoch: CoordinatorEpoch,
    transactions: BTreeMap<Arc<str>, Transaction>,
    /// The transactions whose end is committed to the log, and whose markers are being written.
    pub(super) completing: BTreeMap<Arc<str>, Completing>,
    /// The transactions whose end is in the log, which is to be committed up to there.
    prepared: VecDeque<(Offset, Arc<str>)>,
    waiting: VecDeque<Waiting>,
    log_end: Offset,
    high_watermark: Offset,
    /// When to look for transactions that are open for too long; `None` until the shard is loaded, as with the others.
    pub(super) next_abort: Option<Instant>,
    /// When to look for ids that nobody has used for long.
    pub(super) next_expire: Option<Instant>,
    /// When to try again to write markers.
    pub(super) next_retry: Option<Instant>,
}

impl Shard {
    /// A shard with nothing in it. The log has committed everything before `high_watermark`.
    pub fn new(
        settings: Arc<Settings>,
        coordinator_epoch: CoordinatorEpoch,
        high_watermark: Offset,
    ) -> Self {
        Self {
            settings,
            coordinator_epoch,
            transactions: BTreeMap::new(),
            completing: BTreeMap::new(),
            prepared: VecDeque::new(),
            waiting: VecDeque::new(),
            log_end: Offset::ZERO,
            high_watermark,
            next_abort: None,
            next_expire: None,
            next_retry: None,
        }
    }

    /// Takes in the record at `offset` of the log.
    pub fn replay(&mut self, offset: Offset, record: TransactionLogRecord) {
        self.log_end = offset.next();
        let TransactionLogRecord { key, value } = record;
        let id: Arc<str> = key.transactional_id.into();
        let Some(value) = value else {
            self.transactions.remove(&id);
            return;
        };
        let status = value.transaction_status;
        match Transaction::from_record(value) {
            Some(transaction) => {
                if !transaction.state.is_preparing() {
                    self.completing.remove(&id);
                }
                self.transactions.insert(id, transaction);
            }
            None => {
                tracing::warn!(%id, %offset, status, "a transaction of an unknown state is passed over");
            }
        }
    }

    /// The whole log has been replayed: what had been decided goes on.
    pub fn on_loaded(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now.instant;
        self.next_abort = now.checked_add(self.settings.abort_interval);
        self.next_expire = now.checked_add(self.settings.expire_interval);
        let preparing = self.transactions.iter().filter(|(_, known)| known.state.is_preparing());
        self.prepared = preparing.map(|(id, _)| (self.log_end, Arc::clone(id))).collect();
        self.follow_high_watermark(turn);
    }

    /// The log has taken the records of an [`Action::Append`], the first at `base_offset`.
    pub fn on_appended(&mut self, now: Now, append: Append, base_offset: Offset) {
        let Append { records, last_epoch, then } = append;
        let mut offset = base_offset;
        for record in records {
            let id = record.key.transactional_id.clone();
            self.replay(offset, record);
            offset = offset.next();
            let Some((id, transaction)) = self.transactions.get_key_value(id.as_str()) else {
                continue;
            };
            if transaction.state.is_preparing() {
                self.prepared.push_back((offset, Arc::clone(id)));
            }
            self.set_last_epoch(&id.clone(), last_epoch);
        }
        if let Some((ticket, answer)) = then {
            self.wait(now, ticket, answer);
        }
    }

    /// The log has not taken the records of an [`Action::Append`], and will never have them.
    pub fn on_append_failed(&mut self, turn: &mut Turn<'_>, append: Append, error: ErrorCode) {
        if let Some((ticket, _)) = append.then {
            turn.out.push(Action::Answer(ticket, Err(coordinator_error(error))));
        }
        for record in append.records {
            // The markers are written all the same, and it is said when the log takes records again.
            if let Some(completing) = self.completing.get_mut(record.key.transactional_id.as_str())
            {
                completing.is_ending = false;
                self.retry_later(turn.now.instant);
            }
        }
    }

    /// The log has committed everything before `high_watermark`.
    pub fn on_high_watermark(&mut self, turn: &mut Turn<'_>, high_watermark: Offset) {
        self.high_watermark = high_watermark;
        self.follow_high_watermark(turn);
    }

    /// When [`Self::on_deadline`] is to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        let answer = self.waiting.front().map(|waiting| waiting.deadline);
        [self.next_abort, self.next_expire, self.next_retry, answer].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn on_deadline(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now.instant;
        while let Some(waiting) = self.waiting.pop_front_if(|first| first.deadline <= now) {
            // Its record may still be committed, as in Kafka.
            let error = ErrorCode::CoordinatorNotAvailable;
            turn.out.push(Action::Answer(waiting.ticket, Err(error)));
        }
        self.run_expiry(turn);
        if self.next_retry.take_if(|due| *due <= now).is_some() {
            self.retry_markers(turn);
        }
    }

    /// Ends the shard: whoever waits for it is told to look for another coordinator.
    pub fn unload(self, out: &mut Vec<Action>) {
        for Waiting { ticket, .. } in self.waiting {
            out.push(Action::Answer(ticket, Err(ErrorCode::NotCoordinator)));
        }
    }

    /// What is known of a transactional id.
    pub(super) fn transaction(&self, transactional_id: &str) -> Option<&Transaction> {
        self.transactions.get(transactional_id)
    }

    /// All that is known.
    pub(super) fn transactions(&self) -> impl Iterator<Item = (&Arc<str>, &Transaction)> {
        self.transactions.iter()
    }

    /// Has a decision appended, and answered when that is committed.
    pub(super) fn conclude(
        &mut self,
        turn: &mut Turn<'_>,
        transactional_id: &str,
        ticket: Ticket,
        outcome: Outcome,
    ) {
        let Outcome { next, answer } = outcome;
        if self.waiting.len() >= WAITING_MAX {
            let error = ErrorCode::CoordinatorLoadInProgress;
            return turn.out.push(Action::Answer(ticket, Err(error)));
        }
        match next {
            Some(next) => {
                append(turn, transactional_id, &next, Some((ticket, answer)));
            }
            // It rests on what was appended before.
            None if self.log_end > self.high_watermark => self.wait(turn.now, ticket, answer),
            None => turn.out.push(Action::Answer(ticket, answer)),
        }
    }

    fn wait(&mut self, now: Now, ticket: Ticket, answer: Answer) {
        let deadline = now.instant + self.settings.commit_timeout;
        self.waiting.push_back(Waiting { end: self.log_end, deadline, ticket, answer });
    }

    fn set_last_epoch(&mut self, transactional_id: &str, last_epoch: ProducerEpoch) {
        if let Some(transaction) = self.transactions.get_mut(transactional_id) {
            transaction.last_epoch = last_epoch;
        }
    }

    fn follow_high_watermark(&mut self, turn: &mut Turn<'_>) {
        let high_watermark = self.high_watermark;
        while let Some(waiting) = self.waiting.pop_front_if(|first| first.end <= high_watermark) {
            turn.out.push(Action::Answer(waiting.ticket, waiting.answer));
        }
        while let Some((_, id)) = self.prepared.pop_front_if(|(end, _)| *end <= high_watermark) {
            self.begin_markers(turn, &id);
        }
    }
}

/// Has what a transactional id becomes appended.
pub(super) fn append(
    turn: &mut Turn<'_>,
    transactional_id: &str,
    next: &Transaction,
    then: Option<(Ticket, Answer)>,
) {
    let records = vec![next.record(transactional_id)];
    turn.out.push(Action::Append(Append { records, last_epoch: next.last_epoch, then }));
}
