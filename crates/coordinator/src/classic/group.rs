//! The state of a classic group, and what its parts have to do with each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use protocol::{ErrorCode, Timestamp};

use super::member::Member;
use super::{join, sync};
use crate::outcome::{Now, Token};
use crate::settings::millis;
use crate::timers::Timer;
use crate::turn::Turn;

/// The protocol type of consumers, whose subscriptions we understand.
pub(super) const CONSUMER: &str = "consumer";

/// Where a group stands; the module's head draws the ways between.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// There are no members, but perhaps offsets.
    Empty,
    /// The members are to join.
    PreparingRebalance,
    /// The members have joined, and the leader is to assign.
    CompletingRebalance,
    /// Every member has its assignment, or may ask for it.
    Stable,
}

impl State {
    /// Kafka's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// How long a group that was empty goes on waiting for more members.
#[derive(Debug)]
pub(super) struct InitialDelay {
    /// How long it waits at the moment.
    pub(super) current: Duration,
    /// How much longer it may wait after that.
    pub(super) remaining: Duration,
    /// True if somebody joined meanwhile; otherwise it waits no longer.
    pub(super) has_new_member: bool,
}

/// A classic group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(super) id: Arc<str>,
    pub(super) state: State,
    /// Since when it is in this state. Unknown in old records, and for groups that only keep offsets.
    pub(super) state_since: Timestamp,
    pub(super) generation: i32,
    /// `consumer`, `connect` and so on; none for a group that only keeps offsets.
    pub(super) protocol_type: Option<Arc<str>>,
    /// What the members of this generation agreed on.
    pub(super) protocol: Option<Arc<str>>,
    /// The member that assigns; none if there are no members.
    pub(super) leader: Option<Arc<str>>,
    pub(super) members: BTreeMap<Arc<str>, Member>,
    /// The members' ids by their instance ids.
    pub(super) static_members: BTreeMap<Arc<str>, Arc<str>>,
    /// Who was given an id and is to join with it.
    pub(super) pending_joins: BTreeSet<Arc<str>>,
    /// The members that have not asked for their assignment in this generation.
    pub(super) pending_syncs: BTreeSet<Arc<str>>,
    /// How many members wait in JoinGroup.
    pub(super) joined_count: usize,
    /// How many members can follow each protocol.
    pub(super) votes: HashMap<Arc<str>, usize>,
    /// What the members of this generation subscribe to, if they are consumers that we understand.
    pub(super) subscribed_topics: Option<BTreeSet<String>>,
    /// True while it prepares its first generation after it was empty.
    pub(super) is_initial: bool,
    /// The delay of such a generation, while it runs.
    pub(super) initial_delay: Option<InitialDelay>,
    /// The leader's SyncGroup, while what it assigns is on its way into the log.
    pub(super) assigning: Option<Token>,
}

impl Group {
    /// A group that nobody has joined yet.
    pub(crate) fn new(id: Arc<str>, state_since: Timestamp) -> Self {
        Self {
            id,
            state: State::Empty,
            state_since,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending_joins: BTreeSet::new(),
            pending_syncs: BTreeSet::new(),
            joined_count: 0,
            votes: HashMap::new(),
            subscribed_topics: None,
            is_initial: false,
            initial_delay: None,
            assigning: None,
        }
    }

    /// True if it has no members: it may be deleted.
    pub(crate) const fn is_empty(&self) -> bool {
        matches!(self.state, State::Empty)
    }

    /// True if it has no record of its own: it was made to keep offsets.
    pub(crate) fn keeps_offsets_only(&self) -> bool {
        self.is_deserted() && self.protocol_type.is_none() && self.generation == 0
    }

    /// True if nobody has joined, or is about to.
    pub(crate) fn is_deserted(&self) -> bool {
        self.is_empty() && self.pending_joins.is_empty()
    }

    pub(super) fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    /// `consumer`, `connect` and so on.
    pub(crate) fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    /// True if the members are consumers, or the last ones were.
    pub(crate) fn has_consumers(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER)
    }

    /// True if its members may need the offsets of the topic. While we do not know what consumers subscribe to, they
    /// may subscribe to everything.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.has_consumers(),
        }
    }

    /// From when on an offset committed at `committed_at` ages; none while it does not.
    pub(crate) fn offset_ages_from(&self, committed_at: Timestamp) -> Option<Timestamp> {
        match self.state {
            _ if self.protocol_type.is_none() => Some(committed_at),
            State::Empty if self.state_since.is_none() => Some(committed_at),
            State::Empty => Some(self.state_since),
            State::Stable if self.has_consumers() && self.subscribed_topics.is_some() => {
                Some(committed_at)
            }
            _ => None,
        }
    }

    pub(super) const fn enter(&mut self, state: State, now: Now) {
        self.state = state;
        self.state_since = now.timestamp;
    }

    /// The group waits as long as its slowest member needs.
    pub(super) fn rebalance_timeout(&self) -> Duration {
        millis(self.members.values().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0))
    }

    pub(super) fn session_timer(&self, member_id: &Arc<str>) -> Timer {
        Timer::Session { group_id: Arc::clone(&self.id), member_id: Arc::clone(member_id) }
    }

    /// All the timers that a group without members may have. Those of pending members find nothing when they are due.
    pub(crate) fn timers(&self) -> [Timer; 2] {
        let group_id = || Arc::clone(&self.id);
        [Timer::Join { group_id: group_id() }, Timer::Sync { group_id: group_id() }]
    }

    /// Makes sure that the request is from a member, and not from one that another static member has replaced.
    pub(super) fn validate(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(current) if **current != *member_id => {
                    return Err(ErrorCode::FencedInstanceId);
                }
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    /// Adds a member that follows one of the group's protocols, or the first member.
    pub(super) fn add(&mut self, protocol_type: &Arc<str>, member: Member) {
        if self.members.is_empty() {
            self.protocol_type = Some(Arc::clone(protocol_type));
        }
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(Arc::clone(instance_id), Arc::clone(&member.id));
        }
        self.leader.get_or_insert_with(|| Arc::clone(&member.id));
        self.pending_joins.remove(&member.id);
        self.count_votes(&member.protocols, true);
        if let Some(same) = self.members.insert(Arc::clone(&member.id), member) {
            // Only a damaged record has a member twice.
            self.count_votes(&same.protocols, false);
        }
    }

    /// Removes a member, or one that is yet to join. What it waits for is answered: if it is still there, it joins anew.
    pub(super) fn remove(&mut self, member_id: &str, turn: &mut Turn<'_>) {
        self.pending_syncs.remove(member_id);
        if let Some(pending) = self.pending_joins.take(member_id) {
            turn.cancel(&self.session_timer(&pending));
        }
        let Some(member) = self.members.remove(member_id) else { return };
        turn.cancel(&self.session_timer(&member.id));
        self.count_votes(&member.protocols, false);
        if let Some(instance_id) = &member.instance_id {
            self.static_members.remove(instance_id);
        }
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        if let Some(token) = member.awaiting_join {
            self.joined_count -= 1;
            turn.respond(token, join::refusal("", ErrorCode::UnknownMemberId));
        }
        if let Some(token) = member.awaiting_sync {
            turn.respond(token, sync::refusal(ErrorCode::UnknownMemberId));
        }
    }

    /// Parks the JoinGroup of a member. One that it sent before, on a connection that it has given up, is answered.
    pub(super) fn park_join(&mut self, member_id: &str, token: Token, turn: &mut Turn<'_>) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        match member.awaiting_join.replace(token) {
            None => self.joined_count += 1,
            Some(old) => {
                turn.respond(old, join::refusal(member_id, ErrorCode::RebalanceInProgress));
            }
        }
    }

    /// Answers the parked JoinGroup of a member, if it has one.
    pub(super) fn answer_join(
        &mut self,
        member_id: &str,
        response: JoinGroupResponse,
        turn: &mut Turn<'_>,
    ) {
        let member = self.members.get_mut(member_id);
        if let Some(token) = member.and_then(|member| member.awaiting_join.take()) {
            self.joined_count -= 1;
            turn.respond(token, response);
        }
    }

    /// Answers the parked SyncGroup of a member, if it has one.
    pub(super) fn answer_sync(
        &mut self,
        member_id: &str,
        response: SyncGroupResponse,
        turn: &mut Turn<'_>,
    ) -> bool {
        let member = self.members.get_mut(member_id);
        let token = member.and_then(|member| member.awaiting_sync.take());
        token.inspect(|&token| turn.respond(token, response)).is_some()
    }

    /// True if everybody who is to join has joined.
    pub(super) fn has_all_joined(&self) -> bool {
        self.joined_count == self.members.len() && self.pending_joins.is_empty()
    }

    /// Answers everything that is parked, because the shard is unloaded.
    pub(crate) fn unload(&mut self, error: ErrorCode, turn: &mut Turn<'_>) {
        for member_id in self.members.keys().cloned().collect::<Vec<_>>() {
            self.answer_join(&member_id, join::refusal(&member_id, error), turn);
            self.answer_sync(&member_id, sync::refusal(error), turn);
        }
    }
}
