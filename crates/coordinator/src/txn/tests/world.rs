//! A shard with a log that keeps what it is told to, and markers that are written when the test says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::internal::transaction::TransactionLogRecord;
use protocol::{
    CoordinatorEpoch, ErrorCode, Offset, PartitionId, ProducerEpoch, ProducerId, Timestamp,
    TopicPartition,
};

use super::super::{
    Action, Answer, Described, InitProducerId, Markers, Producer, Settings, Shard, Ticket,
    TransactionState, Turn,
};
use crate::outcome::Now;

/// The id of most tests.
pub(super) const ID: &str = "id";

/// The producer `(id, epoch)`.
pub(super) fn is(id: i64, epoch: i16) -> Answer {
    Ok((ProducerId(id), ProducerEpoch(epoch)))
}

/// A partition of the topic `t`.
pub(super) fn partition(index: i32) -> TopicPartition {
    TopicPartition::new("t", PartitionId(index))
}

pub(super) struct World {
    pub(super) shard: Shard,
    pub(super) log: Vec<TransactionLogRecord>,
    pub(super) now: Now,
    pub(super) version: i16,
    /// The producer ids that are left.
    pub(super) ids: std::ops::Range<i64>,
    /// Nothing is committed while it is held.
    pub(super) is_held: bool,
    /// The next append fails with this.
    pub(super) failure: Option<ErrorCode>,
    /// What is to be written.
    pub(super) markers: Vec<Markers>,
    answers: BTreeMap<Ticket, Answer>,
    tickets: u64,
}

impl World {
    pub(super) fn new(version: i16) -> Self {
        let now = Now { instant: start(), timestamp: Timestamp(1_000_000) };
        let mut world = Self {
            shard: Self::empty(0),
            log: Vec::new(),
            now,
            version,
            ids: 1..1_000,
            is_held: false,
            failure: None,
            markers: Vec::new(),
            answers: BTreeMap::new(),
            tickets: 0,
        };
        world.input(|shard, turn| shard.on_loaded(turn));
        world
    }

    fn empty(high_watermark: i64) -> Shard {
        let settings = Settings {
            transaction_max_timeout_ms: 900_000,
            transactional_id_expiration_ms: 604_800_000,
            abort_interval: Duration::from_secs(10),
            expire_interval: Duration::from_secs(3_600),
            marker_retry: Duration::from_millis(100),
            commit_timeout: Duration::from_secs(5),
        };
        Shard::new(Arc::new(settings), CoordinatorEpoch(3), Offset(high_watermark))
    }

    /// Calls the shard and does what it asks for.
    pub(super) fn input(&mut self, input: impl FnOnce(&mut Shard, &mut Turn<'_>)) {
        let mut actions = self.call(input);
        while !actions.is_empty() {
            let mut more = Vec::new();
            for action in actions {
                more.extend(self.carry_out(action));
            }
            actions = more;
        }
    }

    fn call(&mut self, input: impl FnOnce(&mut Shard, &mut Turn<'_>)) -> Vec<Action> {
        let mut out = Vec::new();
        let ids = &mut || self.ids.next().map(ProducerId);
        let (now, transaction_version) = (self.now, self.version);
        input(&mut self.shard, &mut Turn { now, transaction_version, ids, out: &mut out });
        out
    }

    fn carry_out(&mut self, action: Action) -> Vec<Action> {
        match action {
            Action::Answer(ticket, answer) => {
                let again = self.answers.insert(ticket, answer);
                assert_eq!(again, None, "answered twice");
                Vec::new()
            }
            Action::WriteMarkers(markers) => {
                self.markers.push(markers);
                Vec::new()
            }
            Action::Append(append) => {
                if let Some(error) = self.failure.take() {
                    return self.call(|shard, turn| shard.on_append_failed(turn, append, error));
                }
                let base = Offset(self.log.len() as i64);
                self.log.extend(append.records.iter().cloned());
                self.shard.on_appended(self.now, append, base);
                let end = Offset(self.log.len() as i64);
                if self.is_held {
                    return Vec::new();
                }
                self.call(|shard, turn| shard.on_high_watermark(turn, end))
            }
        }
    }

    /// What a request is answered; `None` if it waits.
    pub(super) fn ask(
        &mut self,
        ask: impl FnOnce(&mut Shard, &mut Turn<'_>, Ticket),
    ) -> Option<Answer> {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.input(|shard, turn| ask(shard, turn, ticket));
        self.answers.get(&ticket).copied()
    }

    pub(super) fn init(&mut self, timeout_ms: i32, expected: Option<(i64, i16)>) -> Answer {
        let expected = expected.map(|(id, epoch)| (ProducerId(id), ProducerEpoch(epoch)));
        let request = InitProducerId { transactional_id: ID, timeout_ms, expected };
        self.ask(|shard, turn, ticket| shard.init_producer_id(turn, ticket, &request)).unwrap()
    }

    pub(super) fn add(&mut self, id: i64, epoch: i16, index: i32) -> Answer {
        let version = self.version;
        let from = of(id, epoch);
        let partitions = BTreeSet::from([partition(index)]);
        self.ask(|shard, turn, ticket| {
            shard.add_partitions(turn, ticket, from, &partitions, version);
        })
        .unwrap()
    }

    pub(super) fn verify(&mut self, id: i64, epoch: i16, index: i32) -> Answer {
        let from = of(id, epoch);
        self.ask(|shard, turn, ticket| {
            shard.verify_partition(turn, ticket, from, &partition(index));
        })
        .unwrap()
    }

    pub(super) fn end(&mut self, id: i64, epoch: i16, is_commit: bool) -> Answer {
        let version = self.version;
        self.ask(|shard, turn, ticket| {
            shard.end_txn(turn, ticket, of(id, epoch), is_commit, version);
        })
        .unwrap()
    }

    /// Answers the markers that are to be written, each partition with `error`.
    pub(super) fn write_markers(&mut self, error: ErrorCode) {
        for markers in std::mem::take(&mut self.markers) {
            let results: Vec<_> =
                markers.partitions.iter().map(|partition| (partition.clone(), error)).collect();
            self.input(|shard, turn| shard.on_markers_written(turn, &markers, &results));
        }
    }

    /// Everything in the log is committed.
    pub(super) fn release(&mut self) {
        self.is_held = false;
        let end = Offset(self.log.len() as i64);
        self.input(|shard, turn| shard.on_high_watermark(turn, end));
    }

    pub(super) fn advance(&mut self, time: Duration) {
        self.now.instant += time;
        self.now.timestamp.0 += i64::try_from(time.as_millis()).unwrap();
        self.input(|shard, turn| shard.on_deadline(turn));
    }

    /// Another broker takes over with what is in the log.
    pub(super) fn reload(&mut self) {
        let mut out = Vec::new();
        let end = self.log.len() as i64;
        std::mem::replace(&mut self.shard, Self::empty(end)).unload(&mut out);
        self.markers.clear();
        for (offset, record) in self.log.clone().into_iter().enumerate() {
            self.shard.replay(Offset(offset as i64), record);
        }
        self.input(|shard, turn| shard.on_loaded(turn));
    }

    pub(super) fn described(&self) -> Described {
        self.shard.describe(ID).unwrap()
    }

    pub(super) fn state(&self) -> TransactionState {
        self.described().state
    }
}

#[expect(clippy::disallowed_methods, reason = "an instant has to begin somewhere")]
fn start() -> Instant {
    Instant::now()
}

fn of<'a>(id: i64, epoch: i16) -> Producer<'a> {
    Producer { transactional_id: ID, id: ProducerId(id), epoch: ProducerEpoch(epoch) }
}
