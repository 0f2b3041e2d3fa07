//! The timers of a consumer group's members. Those of one that is removed go with it, when that is replayed.

use std::sync::Arc;
use std::time::Duration;

use super::group::Group;
use super::member::{Member, State};
use crate::settings::millis;
use crate::timers::Timer;
use crate::turn::Turn;

impl Group {
    fn place(&self, member_id: &str) -> (Arc<str>, Arc<str>) {
        let known = self.members.get(member_id);
        let member_id = known.map_or_else(|| Arc::from(member_id), |known| Arc::clone(&known.id));
        (Arc::clone(&self.id), member_id)
    }

    pub(super) fn session_timer(&self, member_id: &str) -> Timer {
        let (group_id, member_id) = self.place(member_id);
        Timer::Session { group_id, member_id }
    }

    pub(super) fn revocation_timer(&self, member_id: &str) -> Timer {
        let (group_id, member_id) = self.place(member_id);
        Timer::Revocation { group_id, member_id }
    }

    pub(super) fn rejoin_timer(&self, member_id: &str) -> Timer {
        let (group_id, member_id) = self.place(member_id);
        Timer::Rejoin { group_id, member_id }
    }

    pub(super) fn resync_timer(&self, member_id: &str) -> Timer {
        let (group_id, member_id) = self.place(member_id);
        Timer::Resync { group_id, member_id }
    }

    /// All the timers that a member may have.
    pub(crate) fn timers_of(&self, member_id: &str) -> [Timer; 4] {
        [
            self.session_timer(member_id),
            self.revocation_timer(member_id),
            self.rejoin_timer(member_id),
            self.resync_timer(member_id),
        ]
    }

    /// Lets the session of a member begin anew.
    pub(super) fn renew_session(&self, member: &Member, turn: &mut Turn<'_>) {
        let timeout = self.session_timeout(member, turn);
        turn.set(self.session_timer(&member.id), timeout);
    }

    /// Members of the classic protocol say how long they may be silent; for the others it is set.
    fn session_timeout(&self, member: &Member, turn: &Turn<'_>) -> Duration {
        match member.classic() {
            Some(classic) => millis(classic.session_timeout_ms),
            None => {
                let config = turn.cluster.group_config(&self.id);
                Duration::from_millis(config.consumer_session_timeout_ms)
            }
        }
    }

    /// Lets those sessions begin that do not run.
    pub(crate) fn watch_sessions(&self, turn: &mut Turn<'_>) {
        for member in self.members.values() {
            let timeout = self.session_timeout(member, turn);
            turn.set_if_absent(self.session_timer(&member.id), timeout);
        }
    }

    /// Gives a member that is to give up partitions the time that it has asked for. Members of the classic protocol have
    /// other timers for that.
    pub(super) fn watch_revocation(&self, member: &Member, turn: &mut Turn<'_>) {
        if member.state == State::UnrevokedPartitions && member.classic().is_none() {
            turn.set(self.revocation_timer(&member.id), member.rebalance_timeout());
        } else {
            turn.cancel(&self.revocation_timer(&member.id));
        }
    }

    /// Lets the members' sessions begin, after a reload.
    pub(crate) fn on_loaded(&mut self, turn: &mut Turn<'_>) {
        self.is_stale = true;
        for member in self.members.values() {
            self.renew_session(member, turn);
            self.watch_revocation(member, turn);
        }
    }

    /// True if a member has been too slow to give up its partitions.
    pub(crate) fn is_revoking(&self, member_id: &str) -> bool {
        let member = self.members.get(member_id);
        member.is_some_and(|member| member.state == State::UnrevokedPartitions)
    }
}
