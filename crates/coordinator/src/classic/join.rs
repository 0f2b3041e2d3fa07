//! JoinGroup: who may join, with which id, and what a join means in each state of the group.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::ErrorCode;
use protocol::messages::JoinGroupResponse;
use protocol::messages::join_group_response::JoinGroupResponseMember;

use super::group::{Group, State};
use super::member::{Member, Protocol};
use super::sync;
use crate::answer::coordinator_error;
use crate::outcome::{Replaced, Then, Token};
use crate::settings::millis;
use crate::turn::Turn;
use crate::wire;

/// How long a new member may wait in its first JoinGroup. It sends no heartbeats, so this alone removes those who have
/// gone away. It cannot be set in Kafka either (`GroupCoordinatorConfig`).
const NEW_MEMBER_JOIN_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How many ids that nobody has joined with yet a group keeps. Kafka has no such bound; real members join at once.
const PENDING_JOINS_MAX: usize = 10_000;

/// From this version on, a member is given its id first and joins with it (KIP-394).
pub(crate) const REQUIRES_MEMBER_ID: i16 = 4;

/// From this version on, a leader can be told to skip the assignment (KIP-814).
const SKIPS_ASSIGNMENT: i16 = 9;

/// A JoinGroup whose values are possible.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) token: Token,
    /// Empty for who has none yet.
    pub(crate) member_id: Arc<str>,
    /// The id for who has none yet.
    pub(crate) new_member_id: Arc<str>,
    pub(crate) instance_id: Option<Arc<str>>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout_ms: i32,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) protocol_type: Arc<str>,
    /// With distinct names.
    pub(crate) protocols: Vec<Protocol>,
    /// Why, in the client's words (KIP-800).
    pub(crate) reason: String,
}

impl Join {
    /// The member that it is about to be.
    fn into_member(self, id: Arc<str>) -> Member {
        Member {
            id,
            instance_id: self.instance_id,
            client_id: self.client_id,
            client_host: self.client_host,
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            session_timeout_ms: self.session_timeout_ms,
            protocols: self.protocols,
            assignment: Bytes::new(),
            awaiting_join: None,
            awaiting_sync: None,
            is_new: true,
        }
    }
}

/// The response to a JoinGroup that is refused.
pub(crate) fn refusal(member_id: &str, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_error_code(error.code())
        .with_member_id(wire(member_id))
        .with_protocol_type(None)
        .with_protocol_name(None)
}

impl Group {
    /// Somebody joins, or joins again.
    pub(crate) fn join(&mut self, join: Join, turn: &mut Turn<'_>) {
        if !self.accepts(&join.member_id, turn.settings.group_max_size) {
            // A member is thus sent away where the limit was lowered and it is the last to join again.
            self.remove(&join.member_id, turn);
            turn.respond(join.token, refusal("", ErrorCode::GroupMaxSizeReached));
        } else if !self.supports(&join.protocol_type, &join.protocols) {
            let error = ErrorCode::InconsistentGroupProtocol;
            turn.respond(join.token, refusal(&join.member_id, error));
        } else if join.member_id.is_empty() {
            self.join_new(join, turn);
        } else if self.pending_joins.contains(&join.member_id) {
            self.join_pending(join, turn);
        } else {
            self.join_again(join, turn);
        }
    }

    /// True if the group has room for the member. While members join again, those who have done so are counted: the
    /// group may have more members than it may have now.
    fn accepts(&self, member_id: &str, size_max: usize) -> bool {
        let member = self.members.get(member_id);
        match self.state {
            State::Empty => true,
            State::PreparingRebalance => {
                member.is_some_and(|member| member.awaiting_join.is_some())
                    || self.joined_count < size_max
            }
            State::CompletingRebalance | State::Stable => {
                member.is_some() || self.members.len() < size_max
            }
        }
    }

    /// Somebody without an id joins.
    fn join_new(&mut self, join: Join, turn: &mut Turn<'_>) {
        let instance_id = join.instance_id.as_ref();
        if let Some(old_id) = instance_id.and_then(|id| self.static_members.get(id)).cloned() {
            self.replace(&old_id, join, turn);
        } else if instance_id.is_some() || join.token.api_version < REQUIRES_MEMBER_ID {
            let id = Arc::clone(&join.new_member_id);
            self.add_joining(id, join, turn);
        } else if self.pending_joins.len() >= PENDING_JOINS_MAX {
            turn.respond(join.token, refusal("", ErrorCode::GroupMaxSizeReached));
        } else {
            let id = join.new_member_id;
            turn.set(self.session_timer(&id), millis(join.session_timeout_ms));
            turn.respond(join.token, refusal(&id, ErrorCode::MemberIdRequired));
            self.pending_joins.insert(id);
        }
    }

    /// Somebody joins with the id that it was given.
    fn join_pending(&mut self, join: Join, turn: &mut Turn<'_>) {
        if join.instance_id.is_some() {
            // Static members get their ids when they join, so this id is another's.
            turn.respond(join.token, refusal(&join.member_id, ErrorCode::UnknownMemberId));
        } else {
            let id = Arc::clone(&join.member_id);
            self.add_joining(id, join, turn);
        }
    }

    /// Adds a new member that waits for the others.
    fn add_joining(&mut self, id: Arc<str>, join: Join, turn: &mut Turn<'_>) {
        if let Some(delay) = &mut self.initial_delay {
            delay.has_new_member = true;
        }
        let reason = format!("new member {id}: {}", join.reason);
        let (token, protocol_type) = (join.token, Arc::clone(&join.protocol_type));
        self.add(&protocol_type, join.into_member(Arc::clone(&id)));
        self.park_join(&id, token, turn);
        turn.set(self.session_timer(&id), NEW_MEMBER_JOIN_TIMEOUT);
        self.rebalance_or_complete(&reason, turn);
    }

    /// A member joins again.
    fn join_again(&mut self, join: Join, turn: &mut Turn<'_>) {
        let known = self.validate(&join.member_id, join.instance_id.as_deref());
        let member = self.members.get(&join.member_id);
        let (Ok(()), Some(member)) = (known, member) else {
            let error = known.err().unwrap_or(ErrorCode::UnknownMemberId);
            return turn.respond(join.token, refusal(&join.member_id, error));
        };
        let has_changed = match self.state {
            // A member that did not get the response asks again, and changes nothing.
            State::CompletingRebalance => member.protocols != join.protocols,
            // A leader joins again to assign anew, for instance because a topic has more partitions.
            State::Stable => self.is_leader(&join.member_id) || member.protocols != join.protocols,
            State::Empty | State::PreparingRebalance => true,
        };
        if has_changed {
            let reason = format!("member {} joins again: {}", join.member_id, join.reason);
            self.update(&Arc::clone(&join.member_id), join, turn);
            self.rebalance_or_complete(&reason, turn);
        } else {
            turn.respond(join.token, self.joined(&join.member_id));
        }
    }

    /// Takes over what a member says of itself, and parks its JoinGroup.
    fn update(&mut self, member_id: &str, join: Join, turn: &mut Turn<'_>) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        member.rebalance_timeout_ms = join.rebalance_timeout_ms;
        member.session_timeout_ms = join.session_timeout_ms;
        let old_protocols = mem::replace(&mut member.protocols, join.protocols.clone());
        self.count_votes(&old_protocols, false);
        self.count_votes(&join.protocols, true);
        self.park_join(member_id, join.token, turn);
    }

    /// A static member comes back, without the id that it had: it takes its own place under a new id.
    fn replace(&mut self, old_id: &str, join: Join, turn: &mut Turn<'_>) {
        let id = Arc::clone(&join.new_member_id);
        let old_leader = self.leader.clone().unwrap_or_else(|| Arc::clone(&id));
        let token = join.token;
        let reason = format!("static member {id} replaces {old_id}: {}", join.reason);
        self.rename(old_id, &id, turn);
        self.update(&id, join, turn);
        self.renew_session(&id, turn);
        match self.state {
            State::Stable if self.elect_protocol() == self.protocol => {
                self.append_replaced(Replaced { token, member_id: id, old_leader }, turn);
            }
            // The leader may have seen the old id, and would assign to it.
            State::CompletingRebalance => self.prepare_rebalance(&reason, turn),
            _ => self.rebalance_or_complete(&reason, turn),
        }
    }

    /// Gives a member another id. Whoever still waits under the old one is fenced.
    fn rename(&mut self, old_id: &str, new_id: &Arc<str>, turn: &mut Turn<'_>) {
        let fenced = ErrorCode::FencedInstanceId;
        self.answer_join(old_id, refusal(old_id, fenced), turn);
        self.answer_sync(old_id, sync::refusal(fenced), turn);
        let Some(mut member) = self.members.remove(old_id) else { return };
        turn.cancel(&self.session_timer(&member.id));
        member.id = Arc::clone(new_id);
        member.is_new = false;
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(Arc::clone(instance_id), Arc::clone(new_id));
        }
        if self.is_leader(old_id) {
            self.leader = Some(Arc::clone(new_id));
        }
        if self.pending_syncs.remove(old_id) {
            self.pending_syncs.insert(Arc::clone(new_id));
        }
        self.members.insert(Arc::clone(new_id), member);
    }

    /// Writes down the new id of a static member, which goes on with its assignment when that is committed.
    fn append_replaced(&mut self, replaced: Replaced, turn: &mut Turn<'_>) {
        let group_id = Arc::clone(&self.id);
        let then = Then::Replace { group_id, replaced: replaced.clone() };
        if let Err(error) = turn.append(self.picture(None), then) {
            self.on_replaced(&replaced, Err(error), turn);
        }
    }

    /// The new id of a static member is committed, or cannot be.
    ///
    /// If it cannot, Kafka gives the member its old id back. Here it keeps the new one: its client, which was never told,
    /// comes back without an id once more, and replaces it once more.
    pub(crate) fn on_replaced(
        &mut self,
        replaced: &Replaced,
        result: Result<(), ErrorCode>,
        turn: &mut Turn<'_>,
    ) {
        let Replaced { token, member_id, old_leader } = replaced;
        let member = self.members.get(member_id);
        if member.and_then(|member| member.awaiting_join) != Some(*token) {
            return;
        }
        if let Err(error) = result {
            self.answer_join(member_id, refusal("", coordinator_error(error)), turn);
        } else if self.state == State::Stable {
            let is_leader = self.is_leader(member_id);
            let mut response = self.joined(member_id);
            if token.api_version >= SKIPS_ASSIGNMENT {
                response.skip_assignment = is_leader;
            } else {
                // It would assign if it knew that it leads, and the group is stable.
                response.leader = wire(old_leader);
                response.members.clear();
            }
            self.answer_join(member_id, response, turn);
            self.renew_session(member_id, turn);
        }
        // Otherwise the group rebalances, and the member is one of those who have joined.
    }

    /// The response to a member that has joined the current generation. The leader is told about all members.
    pub(super) fn joined(&self, member_id: &str) -> JoinGroupResponse {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let describe = |member: &Member| {
            JoinGroupResponseMember::default()
                .with_member_id(wire(&member.id))
                .with_group_instance_id(member.instance_id.as_deref().map(wire))
                .with_metadata(member.metadata(protocol))
        };
        let members = if self.is_leader(member_id) {
            self.members.values().map(describe).collect()
        } else {
            Vec::new()
        };
        JoinGroupResponse::default()
            .with_generation_id(self.generation)
            .with_protocol_type(self.protocol_type.as_deref().map(wire))
            .with_protocol_name(self.protocol.as_deref().map(wire))
            .with_leader(wire(self.leader.as_deref().unwrap_or_default()))
            .with_member_id(wire(member_id))
            .with_members(members)
    }
}
