//! One shard: the groups whose ids belong to one partition of `__consumer_offsets`, whose log is their memory.
//!
//! Life of a shard: [`Shard::new`], [`Shard::replay`] of the whole log, [`Shard::on_loaded`], then requests, appends and
//! timers, and [`Shard::unload`] at the end. Invariant: what is in the log alone gives the same offsets, the same consumer
//! groups, and each classic group as it was when it was last stable or empty.

mod appends;
mod consumers;
mod groups;
mod members;
mod summary;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use protocol::internal::group::GroupRecord;
use protocol::record::ControlType;
use protocol::{ErrorCode, Offset, ProducerId};

use crate::classic;
use crate::cluster::{Cluster, ClusterChange};
use crate::consumer;
use crate::group::Group;
use crate::offsets::Offsets;
use crate::outcome::{Action, Now};
use crate::settings::Settings;
use crate::timers::{Timer, Timers};
use crate::turn::Turn;
use appends::Waiting;

pub use groups::GroupFilter;
pub(crate) use groups::tombstone;
pub use members::Client;
pub use summary::GroupSummary;

/// The groups of one partition of `__consumer_offsets`.
#[derive(Debug)]
pub struct Shard {
    pub(crate) settings: Arc<Settings>,
    pub(crate) cluster: Arc<dyn Cluster>,
    /// The version of the cluster that last brought new topics.
    new_topics_at: Offset,
    pub(crate) groups: BTreeMap<Arc<str>, Group>,
    pub(crate) offsets: Offsets,
    pub(crate) timers: Timers,
    /// Where the search for expired offsets goes on; at the first group if there is none.
    pub(crate) expire_from: Option<Arc<str>>,
    /// What follows when the log is committed so far.
    waiting: VecDeque<Waiting>,
    /// The end of the log.
    log_end: Offset,
    /// The log has committed everything before it.
    high_watermark: Offset,
    /// False until the whole log has been replayed.
    is_loaded: bool,
}

impl Shard {
    /// A shard with nothing in it. The log has committed everything before `high_watermark`.
    pub fn new(settings: Arc<Settings>, cluster: Arc<dyn Cluster>, high_watermark: Offset) -> Self {
        let new_topics_at = cluster.version();
        Self {
            settings,
            cluster,
            new_topics_at,
            groups: BTreeMap::new(),
            offsets: Offsets::new(high_watermark),
            timers: Timers::default(),
            expire_from: None,
            waiting: VecDeque::new(),
            log_end: Offset::ZERO,
            high_watermark,
            is_loaded: false,
        }
    }

    /// Takes in the record at `offset` of the log, written by a transaction if there is a producer.
    pub fn replay(&mut self, offset: Offset, producer_id: Option<ProducerId>, record: GroupRecord) {
        self.log_end = offset.next();
        match record {
            GroupRecord::OffsetCommit(key, value) => {
                if value.is_some() && !self.groups.contains_key(&*key.group_id) {
                    // A group that only keeps offsets has no record of its own, and no state that could be old.
                    let id: Arc<str> = key.group_id.as_str().into();
                    let group = classic::Group::new(Arc::clone(&id), protocol::Timestamp::NONE);
                    self.groups.insert(id, Group::Classic(group));
                }
                self.offsets.replay(offset, producer_id, key, value);
            }
            GroupRecord::GroupMetadata(key, Some(value)) => {
                // A group that lives knows more than the picture that was taken of it.
                if !self.is_loaded || !self.groups.contains_key(&*key.group_id) {
                    let id: Arc<str> = key.group_id.into();
                    let group = classic::Group::from_picture(Arc::clone(&id), value);
                    self.groups.insert(id, Group::Classic(group));
                }
            }
            GroupRecord::GroupMetadata(key, None) => {
                if matches!(self.groups.get(&*key.group_id), Some(Group::Classic(_))) {
                    self.remove(&key.group_id);
                }
            }
            GroupRecord::ConsumerGroupMetadata(key, None) => {
                // A classic group that has taken its place lives already.
                if matches!(self.groups.get(&*key.group_id), Some(Group::Consumer(_))) {
                    self.remove(&key.group_id);
                }
            }
            record => self.replay_consumer(offset, &record),
        }
    }

    fn remove(&mut self, group_id: &str) {
        if let Some(group) = self.groups.remove(group_id) {
            group.timers().iter().for_each(|timer| self.timers.cancel(timer));
        }
    }

    /// Takes in a record of a consumer group. It makes the group if there is none, or only one that keeps offsets.
    fn replay_consumer(&mut self, offset: Offset, record: &GroupRecord) {
        let group_id = record.group_id();
        let is_vacant = match self.groups.get(group_id) {
            Some(Group::Classic(group)) => group.keeps_offsets_only(),
            Some(Group::Consumer(_)) => false,
            None => true,
        };
        if is_vacant && !record.is_tombstone() {
            let id: Arc<str> = group_id.into();
            let group = consumer::Group::new(Arc::clone(&id));
            self.groups.insert(id, Group::Consumer(group));
        }
        match self.groups.get_mut(group_id) {
            Some(Group::Consumer(group)) => {
                if let GroupRecord::ConsumerGroupMemberMetadata(key, None) = record {
                    // Whoever is gone is not waited for.
                    for timer in group.timers_of(&key.member_id) {
                        self.timers.cancel(&timer);
                    }
                }
                group.replay(record);
            }
            Some(Group::Classic(_)) if !record.is_tombstone() => {
                tracing::warn!(group = group_id, %offset, "a classic group has a record of a consumer group");
            }
            _ => {}
        }
    }

    /// The metadata of the cluster have changed: groups that are subscribed to a topic that has look at it again.
    pub fn on_cluster(&mut self, cluster: Arc<dyn Cluster>, change: &ClusterChange) {
        self.cluster = cluster;
        if change.has_new_topics {
            self.new_topics_at = self.cluster.version();
        }
        for group in self.groups.values_mut() {
            if let Group::Consumer(group) = group
                && change.topics.iter().any(|topic| group.is_subscribed_to(topic))
            {
                group.mark_stale();
            }
        }
    }

    /// Takes in the marker at `offset` of the log that ends a transaction of the producer.
    pub fn replay_marker(&mut self, offset: Offset, producer_id: ProducerId, marker: ControlType) {
        self.log_end = offset.next();
        if matches!(marker, ControlType::Commit | ControlType::Abort) {
            let is_commit = marker == ControlType::Commit;
            self.offsets.replay_marker(offset, producer_id, is_commit);
        }
    }

    /// The whole log has been replayed: the sessions of all members begin.
    pub fn on_loaded(&mut self, now: Now, out: &mut Vec<Action>) {
        self.is_loaded = true;
        let interval = self.settings.offsets_retention_check_interval;
        let (groups, mut turn) = self.split(now, out);
        turn.set(Timer::Expire, interval);
        for group in groups.values_mut() {
            match group {
                Group::Classic(group) => group.on_loaded(&mut turn),
                Group::Consumer(group) => group.on_loaded(&mut turn),
            }
        }
    }

    /// When [`Self::on_deadline`] is to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        let timer = self.timers.next_deadline();
        let commit = self.waiting.front().map(|waiting| waiting.deadline);
        timer.into_iter().chain(commit).min()
    }

    /// Does what is due. Where records come of it that change a group, the rest is due at once, and waits for them.
    pub fn on_deadline(&mut self, now: Now, out: &mut Vec<Action>) {
        self.expire_waiting(now, out);
        let set_count = self.timers.set_count();
        while let Some(timer) = self.timers.pop_due(now.instant, set_count) {
            if self.on_timer(now, timer, out) {
                break;
            }
        }
    }

    /// True if a group changes when what it asks for is carried out.
    fn on_timer(&mut self, now: Now, timer: Timer, out: &mut Vec<Action>) -> bool {
        match timer {
            Timer::Session { group_id, member_id } => {
                self.with_classic(now, &group_id, out, |group, turn| {
                    group.on_session_timer(&member_id, turn);
                });
                self.fence(now, &group_id, &member_id, "its session has ended", out)
            }
            Timer::Join { group_id } => {
                self.with_classic(now, &group_id, out, classic::Group::on_join_timer);
                false
            }
            Timer::Sync { group_id } => {
                self.with_classic(now, &group_id, out, classic::Group::on_sync_timer);
                false
            }
            Timer::Revocation { group_id, member_id } => {
                self.on_revocation_timer(now, &group_id, &member_id, out)
            }
            Timer::Rejoin { group_id, member_id } => {
                self.fence(now, &group_id, &member_id, "it has not joined again in time", out)
            }
            Timer::Resync { group_id, member_id } => {
                let reason = "it has not asked for its assignment in time";
                self.fence(now, &group_id, &member_id, reason, out)
            }
            Timer::Expire => {
                self.on_expire_timer(now, out);
                false
            }
        }
    }

    /// Ends the shard: whoever waits for it gets the error, `NOT_COORDINATOR` if another broker leads the partition now.
    pub fn unload(mut self, now: Now, error: ErrorCode, out: &mut Vec<Action>) {
        self.fail_waiting(now, error, out);
        let (groups, mut turn) = self.split(now, out);
        for group in groups.values_mut() {
            if let Group::Classic(group) = group {
                group.unload(error, &mut turn);
            }
        }
    }

    /// The groups, and a turn to work on them.
    pub(crate) fn split<'a>(
        &'a mut self,
        now: Now,
        out: &'a mut Vec<Action>,
    ) -> (&'a mut BTreeMap<Arc<str>, Group>, Turn<'a>) {
        let cluster = (&*self.cluster, self.new_topics_at);
        let turn = Turn::new(now, &self.settings, cluster, &mut self.timers, out);
        (&mut self.groups, turn)
    }

    /// Works on one classic group; none if there is no such group.
    pub(crate) fn with_classic<R>(
        &mut self,
        now: Now,
        group_id: &str,
        out: &mut Vec<Action>,
        work: impl FnOnce(&mut classic::Group, &mut Turn<'_>) -> R,
    ) -> Option<R> {
        let (groups, mut turn) = self.split(now, out);
        match groups.get_mut(group_id) {
            Some(Group::Classic(group)) => Some(work(group, &mut turn)),
            _ => None,
        }
    }
}
