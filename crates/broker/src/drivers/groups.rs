//! The group coordinator's driver: one shard for each partition of `__consumer_offsets` that this broker leads.
//!
//! A shard is called under its lock. What it asks for is carried out before the lock is given up: records are appended
//! and handed back, answers go to whoever waits for them. Its timers run on one task for all shards.
//!
//! Invariant: a shard is what its log says. When an append fails that may be in the log all the same, the shard is given up
//! and loaded anew; from a directory that is offline nothing is loaded, and the broker does not coordinate those groups.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;
use coordinator::{Action, Append, ClusterChange, DeletedTopic, Now, Settings, Shard, Token};
use protocol::internal::group::GroupRecord;
use protocol::messages::Response;
use protocol::record::{Batch, BatchBuilder, BatchError, BatchOptions, ControlType};
use protocol::{ErrorCode, Offset, PartitionId, ProducerId};
use storage::DECOMPRESSED_BYTES_MAX;
use storage::log::Appended;
use storage::producer::Verified;
use tokio::sync::{Notify, oneshot};

use super::cluster_view::ClusterView;
use super::shard_log::{self, AppendError, lock, now};
use crate::broker::now as wall_clock;
use crate::errors::Failure;
use crate::partition::Partition;
use crate::partitions::Partitions;
use crate::topics::CONSUMER_OFFSETS;

/// All shards.
#[derive(Debug)]
pub(crate) struct Groups {
    settings: Arc<Settings>,
    /// The cluster as of the last change.
    cluster: ArcSwap<ClusterView>,
    /// By partition; as many as the topic has, or will have.
    shards: Vec<Mutex<State>>,
    next_token: AtomicU64,
    /// Woken when the next deadline may have come nearer.
    timers: Notify,
}

#[derive(Debug)]
enum State {
    /// This broker does not lead the partition.
    Absent,
    Active(Box<Active>),
}

#[derive(Debug)]
struct Active {
    shard: Shard,
    partition: Arc<Partition>,
    /// Who waits for which answer.
    waiting: HashMap<u64, oneshot::Sender<Box<Response>>>,
    /// What is known of the transaction that the next offsets belong to.
    verified: Verified,
}

/// An append failed that may be in the log all the same: the shard does not know what it is.
#[derive(Debug)]
struct Doubtful;

impl Groups {
    pub(crate) fn new(settings: Settings, cluster: ClusterView, partitions: u32) -> Self {
        let shards = (0..partitions).map(|_| Mutex::new(State::Absent)).collect();
        Self {
            settings: Arc::new(settings),
            cluster: ArcSwap::from_pointee(cluster),
            shards,
            next_token: AtomicU64::new(0),
            timers: Notify::new(),
        }
    }

    /// The partition that a group belongs to.
    pub(crate) fn partition_of(&self, group_id: &str) -> PartitionId {
        partition_of(group_id, self.shards.len())
    }

    /// Asks the shard of a group. The answer comes when the shard gives it.
    pub(crate) fn ask(
        &self,
        group_id: &str,
        api_version: i16,
        ask: impl FnOnce(&mut Shard, Now, Token, &mut Vec<Action>),
    ) -> Result<oneshot::Receiver<Box<Response>>, ErrorCode> {
        self.ask_verified(group_id, api_version, Verified::Unchecked, ask)
    }

    /// Asks the shard of a group for something that belongs to a transaction.
    pub(crate) fn ask_verified(
        &self,
        group_id: &str,
        api_version: i16,
        verified: Verified,
        ask: impl FnOnce(&mut Shard, Now, Token, &mut Vec<Action>),
    ) -> Result<oneshot::Receiver<Box<Response>>, ErrorCode> {
        let mut state = self.lock(self.partition_of(group_id)).ok_or(ErrorCode::NotCoordinator)?;
        let State::Active(active) = &mut *state else { return Err(ErrorCode::NotCoordinator) };
        let token = Token { id: self.next_token.fetch_add(1, Ordering::Relaxed), api_version };
        let (sender, receiver) = oneshot::channel();
        active.waiting.insert(token.id, sender);
        active.verified = verified;
        let before = active.shard.next_deadline();
        let (now, mut actions) = (now(), Vec::new());
        ask(&mut active.shard, now, token, &mut actions);
        let carried_out = active.carry_out(now, actions);
        let after = active.shard.next_deadline();
        if let Err(Doubtful) = carried_out {
            self.reload(&mut state);
        }
        if after != before {
            self.timers.notify_one();
        }
        Ok(receiver)
    }

    /// Ends a transaction in a partition of the groups: its offsets count from then on, or never.
    pub(crate) fn end_txn(
        &self,
        number: PartitionId,
        producer_id: ProducerId,
        control: ControlType,
        append: impl FnOnce() -> Result<Appended, Failure>,
    ) -> Result<Appended, Failure> {
        // Kafka's coordinator knows the partition that is being loaded by this error, and comes back.
        let mut state = self.lock(number).ok_or(ErrorCode::NotLeaderOrFollower)?;
        let State::Active(active) = &mut *state else {
            return Err(ErrorCode::NotLeaderOrFollower.into());
        };
        let appended = append()?;
        let high_watermark = active.partition.log.high_watermark();
        self.run(&mut state, |shard, now, actions| {
            shard.replay_marker(appended.first_offset, producer_id, control);
            shard.on_high_watermark(now, high_watermark, actions);
        });
        Ok(appended)
    }

    /// Lets a shard do something that nobody waits for, if it is led here.
    fn run(&self, state: &mut State, run: impl FnOnce(&mut Shard, Now, &mut Vec<Action>)) {
        let State::Active(active) = &mut *state else { return };
        let (now, mut actions) = (now(), Vec::new());
        run(&mut active.shard, now, &mut actions);
        if let Err(Doubtful) = active.carry_out(now, actions) {
            self.reload(state);
        }
    }

    /// Makes a shard anew from its log.
    fn reload(&self, state: &mut State) {
        let State::Active(active) = &*state else { return };
        let partition = Arc::clone(&active.partition);
        tracing::warn!(
            partition = %partition.topic_partition(),
            "an append failed that may be in the log: the groups of the partition are loaded anew"
        );
        unload(state);
        *state = self.load(&partition);
        self.timers.notify_one();
    }

    /// Looks at every shard that is led here.
    pub(crate) fn look<T>(&self, look: impl Fn(&Shard) -> T) -> Vec<T> {
        let shards = self.shards.iter().map(|state| lock(state));
        shards
            .filter_map(|state| match &*state {
                State::Active(active) => Some(look(&active.shard)),
                State::Absent => None,
            })
            .collect()
    }

    /// Looks at the shard of a group.
    pub(crate) fn look_at<T>(
        &self,
        group_id: &str,
        look: impl FnOnce(&Shard) -> T,
    ) -> Result<T, ErrorCode> {
        let state = self.lock(self.partition_of(group_id)).ok_or(ErrorCode::NotCoordinator)?;
        match &*state {
            State::Active(active) => Ok(look(&active.shard)),
            State::Absent => Err(ErrorCode::NotCoordinator),
        }
    }

    /// Loads the shards of partitions that are led here now, and unloads those that are not any more.
    pub(crate) fn follow(&self, partitions: &Partitions) {
        let topic = partitions.topic(CONSUMER_OFFSETS);
        for (number, state) in (0..).map(PartitionId).zip(&self.shards) {
            let led = topic.as_ref().and_then(|topic| topic.partitions.get(&number));
            let mut state = lock(state);
            match (&mut *state, led) {
                (State::Active(active), Some(led)) if Arc::ptr_eq(&active.partition, led) => {}
                (State::Absent, None) => {}
                (_, led) => {
                    unload(&mut state);
                    if let Some(led) = led {
                        *state = self.load(led);
                    }
                }
            }
        }
        self.timers.notify_one();
    }

    /// Tells all shards that the metadata have changed, and deletes the offsets of topics that are gone.
    pub(crate) fn on_cluster(
        &self,
        cluster: ClusterView,
        change: &ClusterChange,
        deleted: &[DeletedTopic],
    ) {
        let cluster = Arc::new(cluster);
        self.cluster.store(Arc::clone(&cluster));
        for state in &self.shards {
            self.run(&mut lock(state), |shard, now, actions| {
                shard.on_cluster(Arc::clone(&cluster) as _, change);
                if !deleted.is_empty() {
                    shard.on_topics_deleted(now, deleted, actions);
                }
            });
        }
    }

    /// Ends all shards, answering everybody who waits.
    pub(crate) fn stop(&self) {
        for state in &self.shards {
            unload(&mut lock(state));
        }
    }

    fn load(&self, partition: &Arc<Partition>) -> State {
        let log = &partition.log;
        if let Some(reason) = log.dir().offline_reason() {
            tracing::error!(partition = %log.topic_partition(), reason, "cannot load the groups of a partition");
            return State::Absent;
        }
        let cluster = self.cluster.load_full();
        let settings = Arc::clone(&self.settings);
        let mut shard = Shard::new(settings, cluster, log.high_watermark());
        if let Err(err) = shard_log::replay(log, |batch| replay_batch(&mut shard, batch)) {
            tracing::error!(partition = %log.topic_partition(), %err, "cannot load the groups of a partition");
            return State::Absent;
        }
        let mut active = Active {
            shard,
            partition: Arc::clone(partition),
            waiting: HashMap::new(),
            verified: Verified::Unchecked,
        };
        let (now, mut actions) = (now(), Vec::new());
        active.shard.on_loaded(now, &mut actions);
        let mut state = State::Active(Box::new(active));
        if let State::Active(active) = &mut state
            && active.carry_out(now, actions).is_err()
        {
            // What it appends when it is loaded it would append again.
            unload(&mut state);
        }
        state
    }

    /// Calls shards when their deadlines come; for ever.
    pub(crate) async fn run_timers(&self) {
        loop {
            let next = self.look(Shard::next_deadline).into_iter().flatten().min();
            match next {
                None => self.timers.notified().await,
                Some(next) => {
                    let due = tokio::time::sleep_until(next.into());
                    tokio::select! {
                        () = due => self.run_due(),
                        () = self.timers.notified() => {}
                    }
                }
            }
        }
    }

    fn run_due(&self) {
        for state in &self.shards {
            self.run(&mut lock(state), |shard, now, actions| {
                if shard.next_deadline().is_some_and(|deadline| deadline <= now.instant) {
                    shard.on_deadline(now, actions);
                }
            });
        }
    }

    fn lock(&self, partition: PartitionId) -> Option<MutexGuard<'_, State>> {
        let idx = usize::try_from(partition.0).ok()?;
        self.shards.get(idx).map(lock)
    }
}

impl Active {
    /// Does what the shard asks for, and what it asks for in turn.
    fn carry_out(&mut self, now: Now, actions: Vec<Action>) -> Result<(), Doubtful> {
        let mut actions = VecDeque::from(actions);
        let mut result = Ok(());
        while let Some(action) = actions.pop_front() {
            let mut more = Vec::new();
            match action {
                Action::Respond { token, response } => respond(&mut self.waiting, token, response),
                Action::Append(append) if result.is_err() => {
                    let code = ErrorCode::NotCoordinator;
                    self.shard.on_append_failed(now, append, code, &mut more);
                }
                Action::Append(append) => match self.append(&append) {
                    Ok(base_offset) => {
                        self.shard.on_appended(now, append, base_offset);
                        let high_watermark = self.partition.log.high_watermark();
                        self.shard.on_high_watermark(now, high_watermark, &mut more);
                    }
                    Err(AppendError { failure, is_doubtful }) => {
                        self.shard.on_append_failed(now, append, failure.code, &mut more);
                        if is_doubtful {
                            result = Err(Doubtful);
                        }
                    }
                },
            }
            actions.extend(more);
        }
        result
    }

    /// Appends records as one batch, and puts them on stable storage if the topic asks for it.
    fn append(&self, append: &Append) -> Result<Offset, AppendError> {
        let now = wall_clock();
        let mut options = BatchOptions::default();
        if let Some((producer_id, producer_epoch)) = append.producer {
            options.producer_id = producer_id;
            options.producer_epoch = producer_epoch;
            options.is_transactional = true;
        }
        let mut builder = BatchBuilder::new(options);
        for record in &append.batch {
            builder.append(now, Some(&record.key), record.value.as_deref(), &[]);
        }
        // Deletions and the like belong to no transaction.
        let verified = append.producer.map_or(Verified::Unchecked, |_| self.verified);
        shard_log::append(&self.partition, builder, verified)
    }
}

/// Ends a shard: everybody who waits is told to look for another coordinator.
fn unload(state: &mut State) {
    if let State::Active(active) = std::mem::replace(state, State::Absent) {
        let Active { shard, mut waiting, .. } = *active;
        let mut actions = Vec::new();
        shard.unload(now(), ErrorCode::NotCoordinator, &mut actions);
        for action in actions {
            // A shard that ends appends nothing.
            if let Action::Respond { token, response } = action {
                respond(&mut waiting, token, response);
            }
        }
    }
}

fn respond(
    waiting: &mut HashMap<u64, oneshot::Sender<Box<Response>>>,
    token: Token,
    response: Box<Response>,
) {
    if let Some(sender) = waiting.remove(&token.id) {
        // A client that has gone waits no more.
        let _gone = sender.send(response);
    }
}

/// Takes the records of one batch into the shard.
fn replay_batch(shard: &mut Shard, batch: &Batch<'_>) -> Result<(), BatchError> {
    let header = batch.header();
    let producer_id = header.is_transactional().then_some(header.producer_id);
    let records = batch.records(DECOMPRESSED_BYTES_MAX)?;
    for record in records.iter() {
        let record = record?;
        let key = record.key.unwrap_or_default();
        if header.is_control() {
            shard.replay_marker(record.offset, header.producer_id, ControlType::parse(key)?);
            continue;
        }
        match GroupRecord::decode(key, record.value) {
            Ok(decoded) => shard.replay(record.offset, producer_id, decoded),
            // A record of a later version is another broker's business (`GroupCoordinatorRecordSerde`).
            Err(err) => {
                tracing::warn!(offset = %record.offset, %err, "a group record is passed over")
            }
        }
    }
    Ok(())
}

/// The partition of a group or a transactional id, of so many.
pub(crate) fn partition_of(id: &str, count: usize) -> PartitionId {
    let count = i32::try_from(count).unwrap_or(i32::MAX).max(1);
    // `Utils.abs` of Kafka: the sign bit is dropped.
    PartitionId((java_hash(id) & i32::MAX) % count)
}

/// `String.hashCode` of Java, by which Kafka spreads groups over partitions.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

#[cfg(test)]
mod tests;
