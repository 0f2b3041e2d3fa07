//! SyncGroup: the leader hands in the assignments, and each member gets its own when they are committed.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use protocol::ErrorCode;
use protocol::messages::SyncGroupResponse;
use protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use tracing::warn;

use super::group::{Group, State};
use crate::answer::coordinator_error;
use crate::outcome::{Assigned, Then, Token};
use crate::turn::Turn;
use crate::wire;

/// A SyncGroup.
#[derive(Debug)]
pub(crate) struct Sync<'a> {
    pub(crate) token: Token,
    pub(crate) generation: i32,
    pub(crate) member_id: &'a str,
    pub(crate) instance_id: Option<&'a str>,
    /// What the member believes the group to follow, if it says so.
    pub(crate) protocol_type: Option<&'a str>,
    pub(crate) protocol: Option<&'a str>,
    /// What the leader assigns.
    pub(crate) assignments: &'a [SyncGroupRequestAssignment],
}

/// The response to a SyncGroup that is refused.
pub(crate) fn refusal(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse::default()
        .with_error_code(error.code())
        .with_protocol_type(None)
        .with_protocol_name(None)
}

impl Group {
    /// A member asks for its assignment.
    pub(crate) fn sync(&mut self, sync: Sync<'_>, turn: &mut Turn<'_>) {
        if let Err(error) = self.validate_sync(&sync) {
            return turn.respond(sync.token, refusal(error));
        }
        match self.state {
            State::Empty | State::PreparingRebalance => {
                turn.respond(sync.token, refusal(ErrorCode::RebalanceInProgress));
            }
            State::CompletingRebalance => {
                self.note_sync(sync.member_id, turn);
                self.park_sync(sync.member_id, sync.token, turn);
                // The leader that asks again while its assignment is being committed waits like the others.
                if self.is_leader(sync.member_id) && self.assigning.is_none() {
                    self.append_assignments(&sync, turn);
                }
            }
            State::Stable => {
                self.note_sync(sync.member_id, turn);
                turn.respond(sync.token, self.synced(sync.member_id));
            }
        }
    }

    fn validate_sync(&self, sync: &Sync<'_>) -> Result<(), ErrorCode> {
        let differs = |said: Option<&str>, known: &Option<Arc<str>>| {
            said.zip(known.as_deref()).is_some_and(|(said, known)| said != known)
        };
        self.validate(sync.member_id, sync.instance_id)?;
        if sync.generation != self.generation {
            Err(ErrorCode::IllegalGeneration)
        } else if differs(sync.protocol_type, &self.protocol_type)
            || differs(sync.protocol, &self.protocol)
        {
            Err(ErrorCode::InconsistentGroupProtocol)
        } else {
            Ok(())
        }
    }

    /// One member less that the group waits for.
    fn note_sync(&mut self, member_id: &str, turn: &mut Turn<'_>) {
        self.pending_syncs.remove(member_id);
        if self.pending_syncs.is_empty() {
            turn.cancel(&self.sync_timer());
        }
    }

    /// Parks the SyncGroup of a member. One that it sent before, on a connection that it has given up, is answered.
    fn park_sync(&mut self, member_id: &str, token: Token, turn: &mut Turn<'_>) {
        let member = self.members.get_mut(member_id);
        if let Some(old) = member.and_then(|member| member.awaiting_sync.replace(token)) {
            turn.respond(old, refusal(ErrorCode::RebalanceInProgress));
        }
    }

    /// Writes down what the leader assigns. Who is assigned nothing gets an empty assignment.
    fn append_assignments(&mut self, sync: &Sync<'_>, turn: &mut Turn<'_>) {
        let mut assignments = HashMap::new();
        for assigned in sync.assignments {
            if let Some((id, _)) = self.members.get_key_value(&*assigned.member_id) {
                // Copied, because it is kept for long and its frame is not to be.
                assignments.insert(Arc::clone(id), Bytes::copy_from_slice(&assigned.assignment));
            }
        }
        let token = sync.token;
        let picture = self.picture(Some(&assignments));
        self.assigning = Some(token);
        let assigned = Assigned { token, assignments };
        if let Err(error) =
            turn.append(picture, Then::Assign { group_id: Arc::clone(&self.id), assigned })
        {
            self.on_assignment_failed(token, error, turn);
        }
    }

    /// The assignments are committed: everybody who asked gets its own, unless the group has moved on.
    pub(crate) fn on_assigned(&mut self, mut assigned: Assigned, turn: &mut Turn<'_>) {
        if self.assigning != Some(assigned.token) {
            return;
        }
        self.assigning = None;
        for member in self.members.values_mut() {
            member.assignment = assigned.assignments.remove(&member.id).unwrap_or_default();
        }
        self.enter(State::Stable, turn.now);
        for member_id in self.members.keys().cloned().collect::<Vec<_>>() {
            let response = self.synced(&member_id);
            self.propagate(&member_id, response, turn);
        }
    }

    /// The assignments cannot be committed: the members are told to join again, unless the group has moved on.
    pub(crate) fn on_assignment_failed(
        &mut self,
        token: Token,
        error: ErrorCode,
        turn: &mut Turn<'_>,
    ) {
        if self.assigning == Some(token) {
            warn!(group = %self.id, generation = self.generation, %error, "the assignments cannot be logged");
            self.withdraw_assignments(coordinator_error(error), turn);
            self.prepare_rebalance("the assignments could not be logged", turn);
        }
    }

    /// Nobody has an assignment any more, and who waits for one gets the error.
    pub(super) fn withdraw_assignments(&mut self, error: ErrorCode, turn: &mut Turn<'_>) {
        for member_id in self.members.keys().cloned().collect::<Vec<_>>() {
            if let Some(member) = self.members.get_mut(&member_id) {
                member.assignment = Bytes::new();
            }
            self.propagate(&member_id, refusal(error), turn);
        }
    }

    /// Answers the SyncGroup of a member. Its session begins anew: it could not send heartbeats while it waited.
    fn propagate(&mut self, member_id: &str, response: SyncGroupResponse, turn: &mut Turn<'_>) {
        if self.answer_sync(member_id, response, turn) {
            self.renew_session(member_id, turn);
        }
    }

    /// The response to a member of a stable group.
    fn synced(&self, member_id: &str) -> SyncGroupResponse {
        let member = self.members.get(member_id);
        SyncGroupResponse::default()
            .with_protocol_type(self.protocol_type.as_deref().map(wire))
            .with_protocol_name(self.protocol.as_deref().map(wire))
            .with_assignment(member.map(|member| member.assignment.clone()).unwrap_or_default())
    }

    /// Not all members have asked for their assignments in time: those are removed.
    pub(crate) fn on_sync_timer(&mut self, turn: &mut Turn<'_>) {
        if !matches!(self.state, State::CompletingRebalance | State::Stable) {
            return;
        }
        let silent = std::mem::take(&mut self.pending_syncs);
        for member_id in &silent {
            self.remove(member_id, turn);
        }
        if !silent.is_empty() {
            let count = silent.len();
            self.prepare_rebalance(&format!("{count} members did not sync in time"), turn);
        }
    }
}
