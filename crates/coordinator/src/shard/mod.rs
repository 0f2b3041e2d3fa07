//! One shard: the groups whose ids belong to one partition of `__consumer_offsets`, whose log is their memory.
//!
//! Life of a shard: [`Shard::new`], [`Shard::replay`] of the whole log, [`Shard::on_loaded`], then requests, appends and
//! timers, and [`Shard::unload`] at the end. Invariant: what is in the log alone gives the same offsets, and each classic
//! group as it was when it was last stable or empty.

mod appends;
mod groups;
mod members;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use protocol::internal::group::GroupRecord;
use protocol::record::ControlType;
use protocol::{ErrorCode, Offset, ProducerId};

use crate::classic::Group;
use crate::offsets::Offsets;
use crate::outcome::{Action, Now};
use crate::settings::Settings;
use crate::timers::{Timer, Timers};
use crate::turn::Turn;
use appends::Waiting;

pub(crate) use groups::tombstone;
pub use members::Client;

/// The groups of one partition of `__consumer_offsets`.
#[derive(Debug)]
pub struct Shard {
    pub(crate) settings: Arc<Settings>,
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
    pub fn new(settings: Arc<Settings>, high_watermark: Offset) -> Self {
        Self {
            settings,
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
                    let group = Group::new(Arc::clone(&id), protocol::Timestamp::NONE);
                    self.groups.insert(id, group);
                }
                self.offsets.replay(offset, producer_id, key, value);
            }
            GroupRecord::GroupMetadata(key, Some(value)) => {
                // A group that lives knows more than the picture that was taken of it.
                if !self.is_loaded || !self.groups.contains_key(&*key.group_id) {
                    let id: Arc<str> = key.group_id.into();
                    self.groups.insert(Arc::clone(&id), Group::from_picture(id, value));
                }
            }
            GroupRecord::GroupMetadata(key, None) => {
                if let Some(group) = self.groups.remove(&*key.group_id) {
                    group.timers().iter().for_each(|timer| self.timers.cancel(timer));
                }
            }
            other => {
                tracing::debug!(group = other.group_id(), %offset, "a record is passed over");
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
            group.on_loaded(&mut turn);
        }
    }

    /// When [`Self::on_deadline`] is to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        let timer = self.timers.next_deadline();
        let commit = self.waiting.front().map(|waiting| waiting.deadline);
        timer.into_iter().chain(commit).min()
    }

    /// Does what is due.
    pub fn on_deadline(&mut self, now: Now, out: &mut Vec<Action>) {
        self.expire_waiting(now, out);
        let set_count = self.timers.set_count();
        while let Some(timer) = self.timers.pop_due(now.instant, set_count) {
            self.on_timer(now, timer, out);
        }
    }

    fn on_timer(&mut self, now: Now, timer: Timer, out: &mut Vec<Action>) {
        match timer {
            Timer::Session { group_id, member_id } => {
                self.with_group(now, &group_id, out, |group, turn| {
                    group.on_session_timer(&member_id, turn);
                });
            }
            Timer::Join { group_id } => {
                self.with_group(now, &group_id, out, Group::on_join_timer);
            }
            Timer::Sync { group_id } => {
                self.with_group(now, &group_id, out, Group::on_sync_timer);
            }
            Timer::Expire => self.on_expire_timer(now, out),
        }
    }

    /// Ends the shard: whoever waits for it gets the error, `NOT_COORDINATOR` if another broker leads the partition now.
    pub fn unload(mut self, now: Now, error: ErrorCode, out: &mut Vec<Action>) {
        self.fail_waiting(now, error, out);
        let (groups, mut turn) = self.split(now, out);
        for group in groups.values_mut() {
            group.unload(error, &mut turn);
        }
    }

    /// The groups, and a turn to work on them.
    pub(crate) fn split<'a>(
        &'a mut self,
        now: Now,
        out: &'a mut Vec<Action>,
    ) -> (&'a mut BTreeMap<Arc<str>, Group>, Turn<'a>) {
        let turn = Turn::new(now, &self.settings, &mut self.timers, out);
        (&mut self.groups, turn)
    }

    /// Works on one group; none if there is no such group.
    pub(crate) fn with_group<R>(
        &mut self,
        now: Now,
        group_id: &str,
        out: &mut Vec<Action>,
        work: impl FnOnce(&mut Group, &mut Turn<'_>) -> R,
    ) -> Option<R> {
        let (groups, mut turn) = self.split(now, out);
        groups.get_mut(group_id).map(|group| work(group, &mut turn))
    }
}
