//! Rebalances: from the first reason for one until the members of the next generation have joined.

use std::sync::Arc;
use std::time::Duration;

use protocol::ErrorCode;
use tracing::info;

use super::group::{Group, InitialDelay, State};
use crate::outcome::Then;
use crate::timers::Timer;
use crate::turn::Turn;

/// How long a group at least waits again where only static members are left and none has joined.
const ABSENT_PAUSE_MIN: Duration = Duration::from_millis(100);

impl Group {
    fn join_timer(&self) -> Timer {
        Timer::Join { group_id: Arc::clone(&self.id) }
    }

    pub(super) fn sync_timer(&self) -> Timer {
        Timer::Sync { group_id: Arc::clone(&self.id) }
    }

    /// Begins a rebalance, or goes on with the one that has begun.
    pub(super) fn rebalance_or_complete(&mut self, reason: &str, turn: &mut Turn<'_>) {
        if self.state == State::PreparingRebalance {
            self.complete_if_all_joined(turn);
        } else {
            self.prepare_rebalance(reason, turn);
        }
    }

    /// Ends the wait for members if all have joined; but a group that was empty waits for more in any case.
    pub(super) fn complete_if_all_joined(&mut self, turn: &mut Turn<'_>) {
        if self.state == State::PreparingRebalance && !self.is_initial && self.has_all_joined() {
            self.complete_join(turn);
        }
    }

    /// Begins to wait for all members to join.
    pub(super) fn prepare_rebalance(&mut self, reason: &str, turn: &mut Turn<'_>) {
        if self.state == State::CompletingRebalance {
            self.withdraw_assignments(ErrorCode::RebalanceInProgress, turn);
        }
        self.pending_syncs.clear();
        turn.cancel(&self.sync_timer());
        self.assigning = None;
        self.is_initial = self.is_empty();
        info!(group = %self.id, generation = self.generation, reason, "the group rebalances");
        self.enter(State::PreparingRebalance, turn.now);
        if self.is_initial {
            let delay = turn.settings.group_initial_rebalance_delay;
            let remaining = self.rebalance_timeout().saturating_sub(delay);
            self.initial_delay =
                Some(InitialDelay { current: delay, remaining, has_new_member: false });
            turn.set(self.join_timer(), delay);
        } else if self.has_all_joined() {
            self.complete_join(turn);
        } else {
            turn.set(self.join_timer(), self.rebalance_timeout());
        }
    }

    /// The group has waited long enough.
    pub(crate) fn on_join_timer(&mut self, turn: &mut Turn<'_>) {
        match self.initial_delay.take() {
            Some(delay) if delay.has_new_member && !delay.remaining.is_zero() => {
                let current = turn.settings.group_initial_rebalance_delay.min(delay.remaining);
                let remaining = delay.remaining.saturating_sub(delay.current);
                self.initial_delay =
                    Some(InitialDelay { current, remaining, has_new_member: false });
                turn.set(self.join_timer(), current);
            }
            _ => self.complete_join(turn),
        }
    }

    /// Begins the next generation with those who have joined. Static members stay in the group for their session.
    pub(super) fn complete_join(&mut self, turn: &mut Turn<'_>) {
        turn.cancel(&self.join_timer());
        self.initial_delay = None;
        let absent = self.members.values();
        let absent = absent.filter(|member| member.awaiting_join.is_none());
        let absent = absent.filter(|member| member.instance_id.is_none());
        for member_id in absent.map(|member| Arc::clone(&member.id)).collect::<Vec<_>>() {
            info!(group = %self.id, member = %member_id, "the member did not join again in time");
            self.remove(&member_id, turn);
        }
        if self.members.is_empty() {
            self.begin_empty_generation(turn);
        } else if self.elect_leader() {
            self.begin_generation(turn);
        } else {
            // Only static members are left, and none has joined. Their sessions end, or they come back.
            turn.set(self.join_timer(), self.rebalance_timeout().max(ABSENT_PAUSE_MIN));
        }
    }

    /// Makes sure that the leader is among those who have joined; false if nobody has.
    fn elect_leader(&mut self) -> bool {
        let leader = self.leader.as_ref().and_then(|leader| self.members.get(leader));
        if leader.is_some_and(|leader| leader.awaiting_join.is_some()) {
            return true;
        }
        let mut joined = self.members.values().filter(|member| member.awaiting_join.is_some());
        let elected = joined.next().map(|member| Arc::clone(&member.id));
        let is_elected = elected.is_some();
        if is_elected {
            self.leader = elected;
        }
        is_elected
    }

    /// Everybody has left: the group lingers until its offsets have expired.
    fn begin_empty_generation(&mut self, turn: &mut Turn<'_>) {
        self.advance_generation(State::Empty, turn);
        info!(group = %self.id, generation = self.generation, "the group is empty");
        if let Err(error) = turn.append(self.picture(None), Then::Nothing) {
            // The last generation stays in the log: after a reload its members are there until their sessions end.
            tracing::warn!(group = %self.id, %error, "that the group is empty cannot be logged");
        }
    }

    /// Tells the members of the next generation about it. They are then to sync.
    fn begin_generation(&mut self, turn: &mut Turn<'_>) {
        self.advance_generation(State::CompletingRebalance, turn);
        let (generation, members) = (self.generation, self.members.len());
        info!(group = %self.id, generation, members, "the group has a new generation");
        for member_id in self.members.keys().cloned().collect::<Vec<_>>() {
            let response = self.joined(&member_id);
            self.answer_join(&member_id, response, turn);
            if let Some(member) = self.members.get_mut(&member_id) {
                member.is_new = false;
                let timeout = member.session_timeout();
                turn.set(self.session_timer(&member_id), timeout);
            }
            self.pending_syncs.insert(member_id);
        }
        turn.set(self.sync_timer(), self.rebalance_timeout());
    }

    fn advance_generation(&mut self, state: State, turn: &Turn<'_>) {
        // A generation below zero would be the -1 of those who are in none.
        self.generation = self.generation.checked_add(1).unwrap_or_default();
        self.protocol = self.elect_protocol();
        self.subscribed_topics = self.subscriptions();
        self.pending_syncs.clear();
        self.enter(state, turn.now);
    }
}
