//! A driver in memory: its log, its clock, and what has been answered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::{Assignor, ConsumerGroupsConfig, MigrationPolicy};
use protocol::internal::KeyValue;
use protocol::internal::group::GroupRecord;
use protocol::messages::Response;
use protocol::record::ControlType;
use protocol::{ErrorCode, Offset, ProducerId, Timestamp, TopicId};

use super::cluster::TestCluster;
use crate::{Action, Append, ClusterChange, Now, Settings, Shard, Token};

/// What Kafka has where nothing is configured.
pub(super) fn kafka_settings() -> Settings {
    Settings {
        group_min_session_timeout_ms: 6_000,
        group_max_session_timeout_ms: 1_800_000,
        group_initial_rebalance_delay: Duration::from_secs(3),
        group_max_size: usize::MAX,
        consumer_protocol: true,
        consumer: ConsumerGroupsConfig {
            max_size: usize::MAX,
            assignors: vec![Assignor::Uniform, Assignor::Range],
            migration_policy: MigrationPolicy { upgrade: true, downgrade: true },
            regex_refresh_interval_ms: 600_000,
        },
        offset_metadata_max_bytes: 4_096,
        offsets_retention_ms: 7 * 24 * 60 * 60 * 1_000,
        offsets_retention_check_interval: Duration::from_mins(10),
        offsets_commit_timeout: Duration::from_secs(5),
        append_bytes_max: 1_048_588,
    }
}

/// One entry of the log.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Record { producer_id: Option<ProducerId>, record: KeyValue },
    Marker { producer_id: ProducerId, marker: ControlType },
}

/// What came of an input, in order.
#[derive(Debug)]
pub(super) enum Event {
    /// Timers were due.
    Time(Duration),
    Answered(Token, Box<Response>),
    Appended(Box<GroupRecord>),
    Failed(ErrorCode),
}

/// The driver.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) shard: Shard,
    pub(super) events: Vec<Event>,
    /// True while nothing is committed.
    pub(super) is_held: bool,
    /// What the next append fails with.
    pub(super) next_failure: Option<ErrorCode>,
    pub(super) elapsed: Duration,
    pub(super) cluster: Arc<TestCluster>,
    settings: Arc<Settings>,
    log: Vec<Entry>,
    committed: usize,
    start: Instant,
    token_count: u64,
}

/// The position of an index in the log.
fn offset(idx: usize) -> Offset {
    Offset(idx.try_into().unwrap())
}

impl Driver {
    #[expect(
        clippy::disallowed_methods,
        reason = "time begins somewhere, and nothing depends on it"
    )]
    pub(super) fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let cluster = Arc::new(TestCluster::default());
        let shard = Shard::new(Arc::clone(&settings), Arc::clone(&cluster) as _, Offset::ZERO);
        let mut driver = Self {
            shard,
            cluster,
            events: Vec::new(),
            is_held: false,
            next_failure: None,
            elapsed: Duration::ZERO,
            settings,
            log: Vec::new(),
            committed: 0,
            start: Instant::now(),
            token_count: 0,
        };
        driver.load();
        driver
    }

    /// Changes the settings of the running shard, which a broker cannot.
    pub(super) fn configure(&mut self, change: impl FnOnce(&mut Settings)) {
        change(Arc::make_mut(&mut self.settings));
        self.shard.settings = Arc::clone(&self.settings);
    }

    /// Hands the cluster to the shard, with changes that concern no topic.
    pub(super) fn tell_cluster(&mut self) {
        self.shard.on_cluster(Arc::clone(&self.cluster) as _, &ClusterChange::default());
    }

    /// Changes a topic of the cluster; to none for no partitions.
    pub(super) fn set_topic(&mut self, name: &str, id: TopicId, partition_count: i32) {
        let is_new = Arc::make_mut(&mut self.cluster).set(name, id, partition_count);
        let change = ClusterChange { topics: vec![name.into()], has_new_topics: is_new };
        self.shard.on_cluster(Arc::clone(&self.cluster) as _, &change);
    }

    pub(super) fn now(&self) -> Now {
        let elapsed_ms: i64 = self.elapsed.as_millis().try_into().unwrap();
        Now { instant: self.start + self.elapsed, timestamp: Timestamp(1_000_000 + elapsed_ms) }
    }

    pub(super) fn token(&mut self, api_version: i16) -> Token {
        self.token_count += 1;
        Token { id: self.token_count, api_version }
    }

    /// Gives the shard an input, and carries out what comes of it.
    pub(super) fn input(&mut self, input: impl FnOnce(&mut Shard, Now, &mut Vec<Action>)) {
        let (now, mut out) = (self.now(), Vec::new());
        input(&mut self.shard, now, &mut out);
        self.carry_out(out);
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Respond { token, response } => {
                    self.events.push(Event::Answered(token, response));
                }
                Action::Append(append) => {
                    let mut out = Vec::new();
                    self.append(append, &mut out);
                    actions.extend(out);
                }
            }
        }
    }

    fn append(&mut self, append: Append, out: &mut Vec<Action>) {
        let now = self.now();
        if let Some(error) = self.next_failure.take() {
            self.events.push(Event::Failed(error));
            return self.shard.on_append_failed(now, append, error, out);
        }
        let base_offset = offset(self.log.len());
        for (record, key_value) in append.records.iter().zip(&append.batch) {
            self.events.push(Event::Appended(Box::new(record.clone())));
            let producer_id = append.producer.map(|(id, _)| id);
            self.log.push(Entry::Record { producer_id, record: key_value.clone() });
        }
        self.shard.on_appended(now, append, base_offset);
        self.commit(out);
    }

    fn commit(&mut self, out: &mut Vec<Action>) {
        if !self.is_held {
            self.commit_to(self.log.len(), out);
        }
    }

    fn commit_to(&mut self, end: usize, out: &mut Vec<Action>) {
        self.committed = end;
        self.shard.on_high_watermark(self.now(), offset(end), out);
    }

    /// Commits one entry more.
    pub(super) fn commit_one(&mut self) {
        let mut out = Vec::new();
        self.commit_to(self.log.len().min(self.committed + 1), &mut out);
        self.carry_out(out);
    }

    /// Commits everything, now and from now on.
    pub(super) fn release(&mut self) {
        self.is_held = false;
        let mut out = Vec::new();
        self.commit(&mut out);
        self.carry_out(out);
    }

    /// Ends the transaction of a producer.
    pub(super) fn end_txn(&mut self, producer_id: ProducerId, marker: ControlType) {
        self.shard.replay_marker(offset(self.log.len()), producer_id, marker);
        self.log.push(Entry::Marker { producer_id, marker });
        let mut out = Vec::new();
        self.commit(&mut out);
        self.carry_out(out);
    }

    /// Puts a record into the log that the shard did not write, and loads the log again.
    pub(super) fn inject(&mut self, record: &GroupRecord) {
        let record = record.encode().unwrap();
        self.log.push(Entry::Record { producer_id: None, record });
        self.reload();
    }

    /// Lets time pass, and timers become due one after the other.
    pub(super) fn advance(&mut self, by: Duration) {
        let end = self.elapsed + by;
        while let Some(deadline) = self.shard.next_deadline() {
            let deadline = deadline.duration_since(self.start).max(self.elapsed);
            if deadline > end {
                break;
            }
            self.elapsed = deadline;
            self.events.push(Event::Time(deadline));
            self.input(Shard::on_deadline);
        }
        self.elapsed = end;
    }

    /// A shard that knows what the log knows.
    pub(super) fn replayed(&self) -> Shard {
        self.replayed_to(self.log.len())
    }

    /// A shard that knows what the log has committed.
    pub(super) fn replayed_to_high_watermark(&self) -> Shard {
        self.replayed_to(self.committed)
    }

    fn replayed_to(&self, end: usize) -> Shard {
        let cluster = Arc::clone(&self.cluster) as _;
        let mut shard = Shard::new(Arc::clone(&self.settings), cluster, offset(self.committed));
        for (idx, entry) in self.log.iter().take(end).enumerate() {
            match entry {
                Entry::Record { producer_id, record } => {
                    let record = GroupRecord::decode(&record.key, record.value.as_deref());
                    shard.replay(offset(idx), *producer_id, record.unwrap());
                }
                Entry::Marker { producer_id, marker } => {
                    shard.replay_marker(offset(idx), *producer_id, *marker);
                }
            }
        }
        shard
    }

    /// The shard is unloaded and loaded again.
    pub(super) fn reload(&mut self) {
        let new = self.replayed();
        let old = std::mem::replace(&mut self.shard, new);
        let (now, mut out) = (self.now(), Vec::new());
        old.unload(now, ErrorCode::NotCoordinator, &mut out);
        self.carry_out(out);
        self.load();
    }

    fn load(&mut self) {
        self.input(Shard::on_loaded);
        self.release();
    }
}
