//! The transaction coordinator's driver: one shard for each partition of `__transaction_state` that this broker leads.
//!
//! A shard is called under its lock, as a shard of the groups is, and what it asks for is carried out before the lock is
//! given up. Markers for partitions of this broker are written at once, so that as a rule a transaction has come to its end
//! when EndTxn is answered. Lock order: a shard here before a shard of the groups, and both before a partition.

mod markers;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use arc_swap::ArcSwap;
use controller::image::Image;
use coordinator::txn::{Action, Answer, Append, Settings, Shard, Ticket, Turn};
use protocol::internal::transaction::TransactionLogRecord;
use protocol::record::{Batch, BatchBuilder, BatchError, BatchOptions};
use protocol::{CoordinatorEpoch, ErrorCode, Offset, PartitionId};
use storage::DECOMPRESSED_BYTES_MAX;
use storage::producer::Verified;
use tokio::sync::{Notify, oneshot};

pub(crate) use self::markers::{MarkerWriter, Unwritten, wait_for};
use crate::broker::now as wall_clock;
use crate::drivers::groups::partition_of;
use crate::drivers::producer_ids::ProducerIds;
use crate::drivers::shard_log::{self, AppendError, lock, now};
use crate::partition::Partition;
use crate::partitions::Partitions;
use crate::topics::TRANSACTION_STATE;

/// The feature whose level says which version of transactions the cluster has agreed on.
const FEATURE: &str = "transaction.version";

/// All shards.
#[derive(Debug)]
pub(crate) struct Transactions {
    me: Weak<Self>,
    settings: Arc<Settings>,
    /// By partition; as many as the topic has, or will have.
    shards: Vec<Mutex<State>>,
    next_ticket: AtomicU64,
    /// Woken when the next deadline may have come nearer.
    timers: Notify,
    ids: Arc<ProducerIds>,
    image: Arc<ArcSwap<Image>>,
    markers: MarkerWriter,
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
    waiting: HashMap<Ticket, oneshot::Sender<Answer>>,
}

impl Transactions {
    pub(crate) fn new(
        settings: Settings,
        partitions: u32,
        ids: Arc<ProducerIds>,
        image: Arc<ArcSwap<Image>>,
        markers: MarkerWriter,
    ) -> Arc<Self> {
        let shards = (0..partitions).map(|_| Mutex::new(State::Absent)).collect();
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            settings: Arc::new(settings),
            shards,
            next_ticket: AtomicU64::new(0),
            timers: Notify::new(),
            ids,
            image,
            markers,
        })
    }

    /// Writes markers, for this coordinator and for others.
    pub(crate) fn markers(&self) -> &MarkerWriter {
        &self.markers
    }

    /// Asks the shard of a transactional id. The answer comes when the shard gives it.
    pub(crate) fn ask(
        &self,
        transactional_id: &str,
        ask: impl FnOnce(&mut Shard, &mut Turn<'_>, Ticket),
    ) -> Result<oneshot::Receiver<Answer>, ErrorCode> {
        let ticket = Ticket(self.next_ticket.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = oneshot::channel();
        let number = partition_of(transactional_id, self.shards.len());
        self.input(number, |active, turn| {
            active.waiting.insert(ticket, sender);
            ask(&mut active.shard, turn, ticket);
        })?;
        Ok(receiver)
    }

    /// Looks at every shard that is led here.
    pub(crate) fn look<T>(&self, look: impl Fn(&Shard) -> T) -> Vec<T> {
        let shards = self.shards.iter().map(lock);
        let look = |state: MutexGuard<'_, State>| match &*state {
            State::Active(active) => Some(look(&active.shard)),
            State::Absent => None,
        };
        shards.filter_map(look).collect()
    }

    /// Looks at the shard of a transactional id.
    pub(crate) fn look_at<T>(
        &self,
        transactional_id: &str,
        look: impl FnOnce(&Shard) -> T,
    ) -> Result<T, ErrorCode> {
        let number = partition_of(transactional_id, self.shards.len());
        match &*self.lock(number)? {
            State::Active(active) => Ok(look(&active.shard)),
            State::Absent => Err(ErrorCode::NotCoordinator),
        }
    }

    /// Loads the shards of partitions that are led here now, and unloads those that are not any more.
    pub(crate) fn follow(&self, partitions: &Partitions) {
        let topic = partitions.topic(TRANSACTION_STATE);
        for (number, state) in (0..).map(PartitionId).zip(&self.shards) {
            let led = topic.as_ref().and_then(|topic| topic.partitions.get(&number));
            let mut state = lock(state);
            match (&mut *state, led) {
                (State::Active(active), Some(led)) if Arc::ptr_eq(&active.partition, led) => {}
                (State::Absent, None) => {}
                (_, led) => {
                    unload(&mut state);
                    if let Some(led) = led {
                        *state = self.load(number, led);
                    }
                }
            }
        }
        self.timers.notify_one();
    }

    /// Ends all shards, answering everybody who waits.
    pub(crate) fn stop(&self) {
        for state in &self.shards {
            unload(&mut lock(state));
        }
    }

    /// Waits until the next deadline of a shard.
    pub(crate) async fn due(&self) {
        loop {
            let next = self.look(Shard::next_deadline).into_iter().flatten().min();
            match next {
                None => self.timers.notified().await,
                Some(next) => {
                    let due = tokio::time::sleep_until(next.into());
                    tokio::select! {
                        () = due => return,
                        () = self.timers.notified() => {}
                    }
                }
            }
        }
    }

    /// Calls the shards whose deadline has come.
    pub(crate) fn run_due(&self) {
        for number in (0..).map(PartitionId).take(self.shards.len()) {
            // A shard that is not here has no deadline.
            let _absent = self.input(number, |active, turn| {
                let due = active.shard.next_deadline();
                if due.is_some_and(|due| due <= turn.now.instant) {
                    active.shard.on_deadline(turn);
                }
            });
        }
    }

    /// Calls a shard and does what it asks for. A shard whose log has failed is loaded anew.
    fn input(
        &self,
        number: PartitionId,
        input: impl FnOnce(&mut Active, &mut Turn<'_>),
    ) -> Result<(), ErrorCode> {
        let mut state = self.lock(number)?;
        let State::Active(active) = &mut *state else { return Err(ErrorCode::NotCoordinator) };
        let before = active.shard.next_deadline();
        let actions = self.turn(|turn| input(active, turn));
        let is_log_whole = self.carry_out(number, active, actions);
        if active.shard.next_deadline() != before {
            self.timers.notify_one();
        }
        if !is_log_whole {
            let partition = Arc::clone(&active.partition);
            tracing::warn!(partition = %partition.topic_partition(), "loading transactions anew");
            unload(&mut state);
            *state = self.load(number, &partition);
        }
        Ok(())
    }

    fn turn(&self, input: impl FnOnce(&mut Turn<'_>)) -> Vec<Action> {
        let mut out = Vec::new();
        let ids = &mut || self.ids.take();
        let transaction_version = self.image.load().feature_level(FEATURE);
        input(&mut Turn { now: now(), transaction_version, ids, out: &mut out });
        out
    }

    /// Does what the shard asks for, and what it asks for in turn. False if its log may hold what the shard does not know.
    fn carry_out(&self, number: PartitionId, active: &mut Active, actions: Vec<Action>) -> bool {
        let mut is_log_whole = true;
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Answer(ticket, answer) => {
                    if let Some(sender) = active.waiting.remove(&ticket) {
                        // A client that has gone waits no more.
                        let _gone = sender.send(answer);
                    }
                }
                Action::Append(append) => match active.append(&append) {
                    Ok(base_offset) => {
                        active.shard.on_appended(now(), append, base_offset);
                        let high_watermark = active.partition.log.high_watermark();
                        actions.extend(self.turn(|turn| {
                            active.shard.on_high_watermark(turn, high_watermark);
                        }));
                    }
                    Err(AppendError { failure, is_doubtful }) => {
                        is_log_whole &= !is_doubtful;
                        actions.extend(self.turn(|turn| {
                            active.shard.on_append_failed(turn, append, failure.code);
                        }));
                    }
                },
                Action::WriteMarkers(markers) => {
                    let (done, unwritten) = self.markers.append_for_coordinator(&markers);
                    actions.extend(self.turn(|turn| {
                        active.shard.on_markers_written(turn, &markers, &done);
                    }));
                    if !unwritten.is_empty() {
                        self.report_later(number, markers, unwritten);
                    }
                }
            }
        }
        is_log_whole
    }

    /// Tells the shard of markers when they are replicated.
    fn report_later(
        &self,
        number: PartitionId,
        markers: coordinator::txn::Markers,
        unwritten: Vec<Unwritten>,
    ) {
        let me = Weak::clone(&self.me);
        tokio::spawn(async move {
            let results = wait_for(unwritten).await;
            if let Some(me) = me.upgrade() {
                // A shard that is gone has no use for it.
                let _gone = me.input(number, |active, turn| {
                    active.shard.on_markers_written(turn, &markers, &results);
                });
            }
        });
    }

    fn load(&self, number: PartitionId, partition: &Arc<Partition>) -> State {
        let log = &partition.log;
        let epoch = CoordinatorEpoch(partition.epoch().0);
        let mut shard = Shard::new(Arc::clone(&self.settings), epoch, log.high_watermark());
        if let Err(err) = shard_log::replay(log, |batch| replay_batch(&mut shard, batch)) {
            tracing::error!(partition = %log.topic_partition(), %err, "cannot load the transactions of a partition");
            return State::Absent;
        }
        let mut active =
            Active { shard, partition: Arc::clone(partition), waiting: HashMap::new() };
        let actions = self.turn(|turn| active.shard.on_loaded(turn));
        // What could not be appended is tried again.
        let _is_log_whole = self.carry_out(number, &mut active, actions);
        State::Active(Box::new(active))
    }

    fn lock(&self, partition: PartitionId) -> Result<MutexGuard<'_, State>, ErrorCode> {
        let idx = usize::try_from(partition.0).ok();
        let state = idx.and_then(|idx| self.shards.get(idx));
        state.map(lock).ok_or(ErrorCode::NotCoordinator)
    }
}

impl Active {
    /// Appends records as one batch, and puts them on stable storage if the topic asks for it.
    fn append(&self, append: &Append) -> Result<Offset, AppendError> {
        let now = wall_clock();
        let mut builder = BatchBuilder::new(BatchOptions::default());
        for record in &append.records {
            let record = record.encode().map_err(|_| ErrorCode::MessageTooLarge)?;
            builder.append(now, Some(&record.key), record.value.as_deref(), &[]);
        }
        shard_log::append(&self.partition, builder, Verified::Unchecked)
    }
}

/// Ends a shard: everybody who waits is told to look for another coordinator.
fn unload(state: &mut State) {
    if let State::Active(active) = std::mem::replace(state, State::Absent) {
        let Active { shard, mut waiting, .. } = *active;
        let mut actions = Vec::new();
        shard.unload(&mut actions);
        for action in actions {
            if let Action::Answer(ticket, answer) = action
                && let Some(sender) = waiting.remove(&ticket)
            {
                let _gone = sender.send(answer);
            }
        }
    }
}

/// Takes the records of one batch into the shard.
fn replay_batch(shard: &mut Shard, batch: &Batch<'_>) -> Result<(), BatchError> {
    if batch.header().is_control() {
        return Ok(());
    }
    let records = batch.records(DECOMPRESSED_BYTES_MAX)?;
    for record in records.iter() {
        let record = record?;
        let key = record.key.unwrap_or_default();
        match TransactionLogRecord::decode(key, record.value) {
            Ok(decoded) => shard.replay(record.offset, decoded),
            // A record of a later version is another broker's business (`TransactionLog.read`).
            Err(err) => {
                tracing::warn!(offset = %record.offset, %err, "a transaction is passed over");
            }
        }
    }
    Ok(())
}
