//! The coordinator's broker: the shard, its log, and who waits for which answer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use coordinator::Now;
use coordinator::txn::{Action, Answer, Append, Markers, Settings, Shard, Ticket, Turn};
use protocol::internal::transaction::TransactionLogRecord;
use protocol::{CoordinatorEpoch, Offset, ProducerId};
use storage::producer::VerificationGuard;

use super::client::Request;
use super::mutation::Mutation;
use crate::random::Random;

/// Whom an answer is for.
#[derive(Clone, Debug)]
pub(super) enum Waiting {
    Client(Request),
    /// A partition that asks for the transaction of a request.
    Partition(Request, VerificationGuard),
}

/// The coordinator.
#[derive(Debug)]
pub(super) struct Coordinator {
    shard: Shard,
    log: Vec<TransactionLogRecord>,
    /// So much of the log survives a crash.
    committed: usize,
    epoch: i32,
    next_id: i64,
    next_ticket: u64,
    waiting: BTreeMap<Ticket, Waiting>,
    version: i16,
    mutation: Option<Mutation>,
}

/// What the coordinator has to say.
#[derive(Debug)]
pub(super) enum Said {
    Answer(Waiting, Answer),
    Markers(Markers),
}

impl Coordinator {
    pub(super) fn new(version: i16, mutation: Option<Mutation>) -> Self {
        Self {
            shard: shard(0, 0),
            log: Vec::new(),
            committed: 0,
            epoch: 0,
            next_id: 0,
            next_ticket: 0,
            waiting: BTreeMap::new(),
            version,
            mutation,
        }
    }

    pub(super) fn shard(&self) -> &Shard {
        &self.shard
    }

    /// A ticket for an answer.
    pub(super) fn ticket(&mut self, waiting: Waiting) -> Ticket {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.waiting.insert(ticket, waiting);
        ticket
    }

    /// Nobody waits any more for the answer to this request.
    pub(super) fn forget(&mut self, number: u64) {
        self.waiting.retain(|_, waiting| match waiting {
            Waiting::Client(request) | Waiting::Partition(request, _) => request.number != number,
        });
    }

    /// Calls the shard and does what it asks for. The log commits at once, or later.
    pub(super) fn input(
        &mut self,
        now: Now,
        random: &mut Random,
        input: impl FnOnce(&mut Shard, &mut Turn<'_>),
    ) -> Vec<Said> {
        let mut actions = VecDeque::from(self.call(now, input));
        let mut said = Vec::new();
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Answer(ticket, answer) => {
                    said.extend(self.waiting.remove(&ticket).map(|it| Said::Answer(it, answer)));
                }
                Action::WriteMarkers(markers) => said.push(Said::Markers(markers)),
                Action::Append(append) => {
                    self.append(now, append);
                    if self.mutation == Some(Mutation::AnswerTooSoon) {
                        let end = offset(self.log.len());
                        actions.extend(self.call(now, |it, turn| it.on_high_watermark(turn, end)));
                    } else if random.percent(80) {
                        actions.extend(self.commit(now));
                    }
                }
            }
        }
        said
    }

    /// Commits all of the log.
    pub(super) fn commit(&mut self, now: Now) -> Vec<Action> {
        self.committed = self.log.len();
        let end = offset(self.committed);
        self.call(now, |shard, turn| shard.on_high_watermark(turn, end))
    }

    /// Another broker takes over with the log up to where it was committed, and maybe with more of it.
    pub(super) fn crash(&mut self, random: &mut Random) {
        let uncommitted = self.log.len() - self.committed;
        self.log.truncate(self.committed + random.below(uncommitted + 1));
        self.epoch += 1;
        self.waiting.clear();
        self.shard = shard(self.epoch, self.committed);
        for (idx, record) in self.log.iter().enumerate() {
            self.shard.replay(offset(idx), record.clone());
        }
    }

    fn append(&mut self, now: Now, mut append: Append) {
        let base = offset(self.log.len());
        for record in &mut append.records {
            if let Some(mutation) = self.mutation {
                mutation.tamper(record);
            }
            // What is read later is what was written.
            let written = record.encode().expect("its strings are short");
            let read = TransactionLogRecord::decode(&written.key, written.value.as_deref());
            self.log.push(read.expect("we wrote it"));
        }
        self.shard.on_appended(now, append, base);
    }

    fn call(&mut self, now: Now, input: impl FnOnce(&mut Shard, &mut Turn<'_>)) -> Vec<Action> {
        let mut out = Vec::new();
        let next_id = &mut self.next_id;
        let ids = &mut || {
            *next_id += 1;
            Some(ProducerId(*next_id))
        };
        let turn = &mut Turn { now, transaction_version: self.version, ids, out: &mut out };
        input(&mut self.shard, turn);
        out
    }
}

fn shard(epoch: i32, committed: usize) -> Shard {
    let settings = Settings {
        transaction_max_timeout_ms: 60_000,
        transactional_id_expiration_ms: 604_800_000,
        abort_interval: Duration::from_millis(500),
        expire_interval: Duration::from_secs(3_600),
        marker_retry: Duration::from_millis(50),
        commit_timeout: Duration::from_secs(5),
    };
    Shard::new(Arc::new(settings), CoordinatorEpoch(epoch), offset(committed))
}

fn offset(idx: usize) -> Offset {
    Offset(i64::try_from(idx).expect("the log is short"))
}
