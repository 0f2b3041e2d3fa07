//! A producer: what it sends, sends again, and makes of the answers, as Java's `TransactionManager` does.

use std::collections::BTreeSet;

use coordinator::txn::Answer;
use protocol::{ErrorCode, ProducerEpoch, ProducerId};

use super::history::{End, History};
use super::partition::Value;
use super::world::{OFFSETS, PARTITIONS};
use crate::random::Random;

/// A producer begins so many transactions.
const TRANSACTIONS_MAX: usize = 4;

/// A producer id and epoch.
pub(super) type Producer = (ProducerId, ProducerEpoch);

/// A request under way, with which it is sent again.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Its number: the answer to any copy is an answer.
    pub(super) number: u64,
    /// Who sends it.
    pub(super) client: usize,
    pub(super) transactional_id: usize,
    pub(super) producer: Producer,
    pub(super) version: i16,
    pub(super) body: Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// With the id and epoch so far, if it goes on after an error.
    Init {
        expected: Option<Producer>,
    },
    Add {
        partition: usize,
    },
    Produce {
        partition: usize,
        value: Value,
        sequence: i32,
    },
    CommitOffset {
        offset: i64,
    },
    End {
        is_commit: bool,
    },
}

/// Something that a transaction is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Write { partition: usize },
    CommitOffset,
}

#[derive(Debug)]
struct Transaction {
    number: usize,
    ops: Vec<Op>,
    is_commit: bool,
    /// The partitions that are added, in the first version.
    added: BTreeSet<usize>,
    /// Something has failed: the sequence numbers are in doubt.
    has_failed: bool,
}

/// A producer.
#[derive(Debug)]
pub(super) struct Client {
    number: usize,
    pub(super) transactional_id: usize,
    version: i16,
    producer: Option<Producer>,
    /// It must ask for an epoch again before it goes on (KIP-360).
    must_init: bool,
    sequences: [i32; PARTITIONS],
    pub(super) under_way: Vec<Request>,
    transaction: Option<Transaction>,
    transactions_left: usize,
    pub(super) is_alive: bool,
}

impl Client {
    pub(super) fn new(number: usize, transactional_id: usize, version: i16) -> Self {
        Self {
            number,
            transactional_id,
            version,
            producer: None,
            must_init: false,
            sequences: [0; PARTITIONS],
            under_way: Vec::new(),
            transaction: None,
            transactions_left: TRANSACTIONS_MAX,
            is_alive: true,
        }
    }

    /// The next request, if there is one to send.
    pub(super) fn next(
        &mut self,
        number: u64,
        random: &mut Random,
        history: &mut History,
    ) -> Option<Request> {
        if !self.is_alive {
            return None;
        }
        let producer = self.producer.unwrap_or((ProducerId::NONE, ProducerEpoch::NONE));
        let body = match self.producer {
            _ if self.under_way.iter().any(|it| !matches!(it.body, Body::Produce { .. })) => {
                return None;
            }
            None => Body::Init { expected: None },
            Some(expected) if self.must_init => Body::Init { expected: Some(expected) },
            Some(_) => self.work(random, history)?,
        };
        let request = Request {
            number,
            client: self.number,
            transactional_id: self.transactional_id,
            producer,
            version: self.version,
            body,
        };
        self.under_way.push(request.clone());
        Some(request)
    }

    fn work(&mut self, random: &mut Random, history: &mut History) -> Option<Body> {
        if self.transaction.is_none() {
            self.transactions_left = self.transactions_left.checked_sub(1)?;
            self.transaction = Some(begin(random, history, self.transactional_id));
        }
        let transaction = self.transaction.as_mut().expect("it has just begun");
        let Some(op) = transaction.ops.last().copied() else {
            if !self.under_way.is_empty() {
                return None;
            }
            let is_commit = transaction.is_commit && !transaction.has_failed;
            return Some(Body::End { is_commit });
        };
        let partition = match op {
            Op::Write { partition } => partition,
            Op::CommitOffset => OFFSETS,
        };
        if self.version < 2 && !transaction.added.contains(&partition) {
            // What was sent before has been answered: the first version adds before it writes.
            return self.under_way.is_empty().then_some(Body::Add { partition });
        }
        let is_writing = |it: &Request| matches!(it.body, Body::Produce { partition: other, .. } if other == partition);
        if self.under_way.iter().any(is_writing)
            || (op == Op::CommitOffset && !self.under_way.is_empty())
        {
            return None;
        }
        transaction.ops.pop();
        Some(match op {
            Op::Write { partition } => {
                let value = history.send(transaction.number, partition);
                Body::Produce { partition, value, sequence: self.sequences[partition] }
            }
            Op::CommitOffset => {
                Body::CommitOffset { offset: history.send_offset(transaction.number) }
            }
        })
    }

    /// An answer has come.
    pub(super) fn on_answer(&mut self, number: u64, answer: Answer, history: &mut History) {
        let Some(idx) = self.under_way.iter().position(|request| request.number == number) else {
            return;
        };
        if !self.is_alive || answer.is_err_and(is_retriable) {
            return;
        }
        let request = self.under_way.remove(idx);
        match request.body {
            Body::Init { .. } => match answer {
                Ok(producer) => {
                    self.producer = Some(producer);
                    self.must_init = false;
                    self.sequences = [0; PARTITIONS];
                }
                Err(_) => self.is_alive = false,
            },
            Body::End { is_commit } => self.on_end(is_commit, answer, history),
            body => self.on_written(body, answer, history),
        }
    }

    fn on_written(&mut self, body: Body, answer: Answer, history: &mut History) {
        let Some(transaction) = &mut self.transaction else { return };
        if let Err(error) = answer {
            // The last two are the end for a producer of the first version.
            if matches!(error, ErrorCode::ProducerFenced | ErrorCode::InvalidProducerIdMapping) {
                self.is_alive = false;
            }
            transaction.has_failed = true;
            transaction.ops.clear();
            return;
        }
        match body {
            Body::Add { partition } => {
                transaction.added.insert(partition);
            }
            Body::Produce { partition, value, .. } => {
                self.sequences[partition] += 1;
                history.acknowledge(transaction.number, value);
            }
            _ => history.acknowledge_offset(transaction.number),
        }
    }

    fn on_end(&mut self, is_commit: bool, answer: Answer, history: &mut History) {
        let Some(transaction) = self.transaction.take() else { return };
        match answer {
            Ok(producer) => {
                let end = if is_commit { End::Committed } else { End::Aborted };
                history.end(transaction.number, end);
                if self.version >= 2 {
                    self.producer = Some(producer);
                    self.sequences = [0; PARTITIONS];
                } else {
                    self.must_init = transaction.has_failed;
                }
            }
            // An abort of what had not begun.
            Err(ErrorCode::InvalidTxnState) if !is_commit && self.version < 2 => {
                self.must_init = true;
            }
            Err(_) => self.is_alive = false,
        }
    }
}

fn begin(random: &mut Random, history: &mut History, transactional_id: usize) -> Transaction {
    let count = 1 + random.below(4);
    let mut ops: Vec<_> =
        (0..count).map(|_| Op::Write { partition: random.below(PARTITIONS) }).collect();
    if random.percent(30) {
        ops.insert(random.below(ops.len()), Op::CommitOffset);
    }
    Transaction {
        number: history.begin(transactional_id),
        ops,
        is_commit: random.percent(75),
        added: BTreeSet::new(),
        has_failed: false,
    }
}

fn is_retriable(error: ErrorCode) -> bool {
    error == ErrorCode::ConcurrentTransactions || error.is_retriable()
}
