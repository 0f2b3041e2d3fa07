//! The network between producers, coordinator and partitions, and what goes wrong there.

mod receive;

use std::time::{Duration, Instant};

use coordinator::Now;
use coordinator::txn::{Answer, Markers};
use protocol::messages::{OffsetFetchRequestGroup, OffsetFetchRequestTopic};
use protocol::{ErrorCode, Offset, PartitionId, Timestamp, TopicId};
use storage::producer::VerificationGuard;

use super::client::{Client, Request};
use super::coordinator::Coordinator;
use super::history::{Counts, History};
use super::mutation::Mutation;
use super::partition::Partition;
use crate::random::Random;

/// So many partitions are written to.
pub(super) const PARTITIONS: usize = 3;
/// The partition that the groups are kept in.
pub(super) const OFFSETS: usize = PARTITIONS;

const TRANSACTIONAL_IDS: usize = 2;
const IDS: [&str; TRANSACTIONAL_IDS] = ["a", "b"];
const CLIENTS_MAX: usize = 5;
/// How long a transaction may take.
const TIMEOUT_MS: i32 = 3_000;
const STEPS_MIN: usize = 100;
const STEPS_MAX: usize = 700;
/// When all is still for so many steps, something hangs.
const DRAIN_STEPS_MAX: usize = 3_000;

/// A message on its way.
#[derive(Clone, Debug)]
enum Message {
    Request(Request),
    /// A partition asks for the transaction of a request.
    Verify(Request, VerificationGuard),
    Verified(Request, VerificationGuard, Answer),
    Markers(Markers),
    MarkersWritten(Markers, ErrorCode),
    Response {
        client: usize,
        number: u64,
        answer: Answer,
    },
}

/// All of it.
#[derive(Debug)]
pub(super) struct World {
    random: Random,
    now: Now,
    coordinator: Coordinator,
    partitions: Vec<Partition>,
    clients: Vec<Client>,
    /// How far the consumer of each partition is.
    positions: [Offset; PARTITIONS],
    messages: Vec<Message>,
    requests: u64,
    client_version: i16,
    history: History,
    mutation: Option<Mutation>,
    /// Nothing goes wrong any more.
    is_calm: bool,
    /// What happens is printed.
    pub(super) is_told: bool,
}

impl World {
    pub(super) fn new(seed: u64, mutation: Option<Mutation>) -> Self {
        let mut random = Random::new(seed);
        let client_version = if random.percent(60) { 2 } else { 0 };
        let server_version = if client_version == 2 { 2 } else { [0, 1, 2][random.below(3)] };
        let partition = |number| Partition::new(number == OFFSETS, mutation);
        let mut world = Self {
            random,
            now: Now { instant: Instant::now(), timestamp: Timestamp(1_000) },
            coordinator: Coordinator::new(server_version, mutation),
            partitions: (0..=PARTITIONS).map(partition).collect(),
            clients: Vec::new(),
            positions: [Offset::ZERO; PARTITIONS],
            messages: Vec::new(),
            requests: 0,
            client_version,
            history: History::default(),
            mutation,
            is_calm: false,
            is_told: false,
        };
        world.load_coordinator();
        for id in 0..TRANSACTIONAL_IDS {
            world.start_client(id);
        }
        world
    }

    /// Plays the history, and checks it.
    pub(super) fn run(mut self) -> Result<Counts, String> {
        let steps = STEPS_MIN + self.random.below(STEPS_MAX - STEPS_MIN);
        for _ in 0..steps {
            self.step()?;
        }
        self.drain()?;
        self.check()
    }

    fn start_client(&mut self, transactional_id: usize) {
        let number = self.clients.len();
        self.clients.push(Client::new(number, transactional_id, self.client_version));
    }

    fn load_coordinator(&mut self) {
        self.coordinate(|shard, turn| shard.on_loaded(turn));
    }

    fn step(&mut self) -> Result<(), String> {
        let elapsed = self.random.below(10);
        self.advance(elapsed);
        match self.random.below(100) {
            0..60 => self.deliver()?,
            60..82 => self.send(),
            82..89 => self.send_again(),
            89..92 => self.poll(),
            92..98 => self.commit(),
            98 => self.disturb(),
            _ => {}
        }
        Ok(())
    }

    fn disturb(&mut self) {
        match self.random.below(5) {
            0 => {
                self.tell(&"the coordinator crashes");
                self.crash_coordinator();
            }
            1 => {
                self.tell(&"a partition crashes");
                let number = self.random.below(self.partitions.len());
                self.partitions[number].crash();
            }
            2 => self.replace_client(),
            3 => {
                let number = self.random.below(self.clients.len());
                self.clients[number].is_alive = false;
            }
            _ => self.advance(2_000),
        }
    }

    fn advance(&mut self, elapsed_ms: usize) {
        self.now.instant += Duration::from_millis(elapsed_ms as u64);
        self.now.timestamp.0 += i64::try_from(elapsed_ms).expect("time goes slowly");
        let due = self.coordinator.shard().next_deadline();
        if due.is_some_and(|due| due <= self.now.instant) {
            self.coordinate(|shard, turn| shard.on_deadline(turn));
        }
    }

    /// A producer sends something new.
    fn send(&mut self) {
        self.requests += 1;
        let number = self.random.below(self.clients.len());
        let client = &mut self.clients[number];
        let request = client.next(self.requests, &mut self.random, &mut self.history);
        self.messages.extend(request.map(Message::Request));
    }

    /// A producer has waited for an answer for too long.
    fn send_again(&mut self) {
        let number = self.random.below(self.clients.len());
        let client = &self.clients[number];
        if client.under_way.is_empty() || !client.is_alive {
            return;
        }
        let request = client.under_way[self.random.below(client.under_way.len())].clone();
        if request.version < 2 {
            self.coordinator.forget(request.number);
            self.messages.retain(|message| message.request() != Some(request.number));
        }
        self.messages.push(Message::Request(request));
    }

    /// A second producer takes the transactional id. The first does not know.
    fn replace_client(&mut self) {
        if self.clients.len() < CLIENTS_MAX {
            let id = self.random.below(TRANSACTIONAL_IDS);
            self.start_client(id);
        }
    }

    fn commit(&mut self) {
        let actions = self.coordinator.commit(self.now);
        self.coordinate(|_, turn| turn.out.extend(actions));
    }

    fn crash_coordinator(&mut self) {
        self.coordinator.crash(&mut self.random);
        self.load_coordinator();
    }

    /// A consumer of committed records reads on.
    fn poll(&mut self) {
        let number = self.random.below(PARTITIONS);
        self.poll_partition(number);
    }

    fn poll_partition(&mut self, number: usize) {
        let (values, next) = self.partitions[number].read_committed(self.positions[number]);
        self.positions[number] = next;
        self.history.see(number, &values);
    }

    /// Some message arrives, or is lost.
    fn deliver(&mut self) -> Result<(), String> {
        if self.messages.is_empty() {
            return Ok(());
        }
        let idx = self.random.below(self.messages.len());
        let message = self.messages.swap_remove(idx);
        if !self.is_calm && self.random.percent(5) {
            // The broker knows that it has lost a connection to another.
            if let Message::Markers(markers) | Message::MarkersWritten(markers, _) = message {
                let error = ErrorCode::RequestTimedOut;
                self.messages.push(Message::MarkersWritten(markers, error));
            }
            return Ok(());
        }
        if !self.is_calm && self.random.percent(8) && self.may_double(&message) {
            self.messages.push(message.clone());
        }
        self.receive(message)
    }

    /// Prints what happens, if somebody wants to read it.
    fn tell(&self, what: &dyn std::fmt::Debug) {
        if self.is_told {
            eprintln!("{} ms: {what:?}", self.now.timestamp);
        }
    }

    fn may_double(&self, message: &Message) -> bool {
        match message {
            Message::Request(_) | Message::Verify(..) | Message::Markers(_) => {
                self.client_version >= 2
            }
            Message::Verified(..) => false,
            _ => true,
        }
    }

    /// Lets everything come to rest: the producers stop, and open transactions time out.
    fn drain(&mut self) -> Result<(), String> {
        self.is_calm = true;
        self.clients.iter_mut().for_each(|client| client.is_alive = false);
        for _ in 0..DRAIN_STEPS_MAX {
            self.commit();
            while !self.messages.is_empty() {
                self.deliver()?;
                self.commit();
            }
            let is_stable = |it: &Partition| it.last_stable_offset() == it.end();
            if self.partitions.iter().all(is_stable) && self.is_idle() {
                return Ok(());
            }
            self.advance(500);
        }
        let stable: Vec<_> =
            self.partitions.iter().map(|it| (it.last_stable_offset(), it.end())).collect();
        Err(format!("a transaction hangs: last stable offsets and ends are {stable:?}"))
    }

    fn is_idle(&self) -> bool {
        IDS.iter()
            .filter_map(|id| self.coordinator.shard().describe(id))
            .all(|it| it.state.is_idle())
    }

    fn check(mut self) -> Result<Counts, String> {
        let mut logs = Vec::new();
        for number in 0..PARTITIONS {
            self.poll_partition(number);
            logs.push(self.partitions[number].read_committed(Offset::ZERO).0);
        }
        let mut offsets = Vec::new();
        for id in IDS {
            let topic = OffsetFetchRequestTopic {
                name: "in".to_owned(),
                topic_id: TopicId::ZERO,
                partition_indexes: vec![PartitionId(0)],
            };
            let request = OffsetFetchRequestGroup {
                group_id: id.to_owned(),
                member_id: None,
                member_epoch: -1,
                topics: Some(vec![topic]),
            };
            let (offset, error) = self.partitions[OFFSETS].offset(self.now, &request);
            if error != 0 {
                return Err(format!("the offset of {id} hangs: {error}"));
            }
            offsets.push(offset);
        }
        self.history.check(&logs, &offsets)
    }
}

impl Message {
    /// The request that it is about. A client that gives it up closes the connection that the answer would have come by.
    fn request(&self) -> Option<u64> {
        match self {
            Self::Request(request) | Self::Verify(request, _) | Self::Verified(request, ..) => {
                Some(request.number)
            }
            Self::Response { number, .. } => Some(*number),
            Self::Markers(_) | Self::MarkersWritten(..) => None,
        }
    }
}
