//! What is true of every classic group at any time.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::internal::group::{GroupMetadataValue, GroupRecord};

use super::group::{Group, State};
use super::member::Member;

impl Group {
    /// Fails if the group contradicts itself.
    pub(crate) fn check(&self) {
        let members = || self.members.values();
        let joined = members().filter(|member| member.awaiting_join.is_some());
        assert_eq!(joined.count(), self.joined_count, "{self:?}");
        let mut votes = BTreeMap::new();
        for name in members().flat_map(|member| &member.protocols).map(|protocol| &protocol.name) {
            *votes.entry(name).or_insert(0) += 1;
        }
        assert_eq!(
            votes,
            self.votes.iter().map(|(name, &count)| (name, count)).collect(),
            "{self:?}"
        );
        let of_member =
            |member: &Member| Some((member.instance_id.clone()?, Arc::clone(&member.id)));
        let static_members = members().filter_map(of_member).collect();
        assert_eq!(self.static_members, static_members, "{self:?}");
        let leader = self.leader.as_ref();
        assert_eq!(leader.is_some(), !self.members.is_empty(), "{self:?}");
        assert!(leader.is_none_or(|leader| self.members.contains_key(leader)), "{self:?}");
        assert!(members().all(|member| self.members.contains_key(&member.id)), "{self:?}");
        assert!(self.pending_joins.iter().all(|id| !self.members.contains_key(id)), "{self:?}");
        assert!(self.pending_syncs.iter().all(|id| self.members.contains_key(id)), "{self:?}");
        let can_wait_for_sync = matches!(self.state, State::CompletingRebalance);
        assert!(
            members().all(|member| member.awaiting_sync.is_none() || can_wait_for_sync),
            "{self:?}"
        );
        assert!(self.assigning.is_none() || can_wait_for_sync, "{self:?}");
        assert!(
            self.is_empty() == self.members.is_empty() || self.state == State::PreparingRebalance
        );
    }

    /// What the log is to know of the group, if it is in a state that the log knows.
    pub(crate) fn lasting(&self) -> Option<GroupMetadataValue> {
        let GroupRecord::GroupMetadata(_, Some(mut value)) = self.picture(None) else {
            unreachable!()
        };
        match self.state {
            State::Empty => Some(value),
            State::Stable => {
                // The picture is taken while the assignment is on its way.
                value.current_state_timestamp = protocol::Timestamp::NONE;
                Some(value)
            }
            State::PreparingRebalance | State::CompletingRebalance => None,
        }
    }
}
