//! Heartbeats, and the sessions that they keep up. Commits keep them up too.

use std::sync::Arc;

use protocol::ErrorCode;
use tracing::info;

use super::group::{Group, State};
use crate::turn::Turn;

impl Group {
    /// A member is alive.
    pub(crate) fn heartbeat(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        turn: &mut Turn<'_>,
    ) -> Result<(), ErrorCode> {
        self.validate(member_id, instance_id)?;
        if generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        self.renew_session(member_id, turn);
        match self.state {
            State::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
            State::Empty | State::CompletingRebalance | State::Stable => Ok(()),
        }
    }

    /// Lets the session of a member begin anew.
    pub(super) fn renew_session(&self, member_id: &str, turn: &mut Turn<'_>) {
        if let Some(member) = self.members.get(member_id) {
            turn.set(self.session_timer(&member.id), member.session_timeout());
        }
    }

    /// A member, or one that is yet to join, was silent for too long.
    pub(crate) fn on_session_timer(&mut self, member_id: &Arc<str>, turn: &mut Turn<'_>) {
        if self.pending_joins.contains(member_id) {
            self.remove(member_id, turn);
        } else {
            let member = self.members.get(member_id);
            if member.is_none_or(super::member::Member::is_waiting) {
                return;
            }
            info!(group = %self.id, member = %member_id, "the member's session has ended");
            self.remove(member_id, turn);
            if matches!(self.state, State::CompletingRebalance | State::Stable) {
                let reason = format!("the session of member {member_id} has ended");
                self.prepare_rebalance(&reason, turn);
            }
        }
        self.complete_if_all_joined(turn);
    }

    /// Makes sure that whoever commits offsets may do so, and keeps up its session. Offsets of transactions are
    /// accepted in every state, and from clients too old to say which member they are.
    pub(crate) fn validate_commit(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        is_transactional: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ErrorCode> {
        if generation < 0 && self.is_empty() {
            // An administrator, or a consumer that assigns to itself.
            return Ok(());
        }
        if generation >= 0 || !member_id.is_empty() || instance_id.is_some() {
            self.validate(member_id, instance_id)?;
            if generation != self.generation {
                return Err(ErrorCode::IllegalGeneration);
            }
        } else if !is_transactional {
            return Err(ErrorCode::UnknownMemberId);
        }
        if is_transactional {
            return Ok(());
        }
        match self.state {
            // The members' partitions are about to change hands.
            State::CompletingRebalance => return Err(ErrorCode::RebalanceInProgress),
            State::PreparingRebalance | State::Stable => self.renew_session(member_id, turn),
            State::Empty => {}
        }
        Ok(())
    }
}
