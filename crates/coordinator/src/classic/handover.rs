//! Members on their way from a classic group to a consumer group, or back (KIP-848, online migration).

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use protocol::Timestamp;
use protocol::internal::group::GroupRecord;

use super::group::{Group, State};
use super::member::{Member, Protocol};
use crate::turn::Turn;

/// A member that changes groups.
#[derive(Clone, Debug)]
pub(crate) struct Handover {
    pub(crate) member_id: Arc<str>,
    pub(crate) instance_id: Option<Arc<str>>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    /// What it can follow, the best first.
    pub(crate) protocols: Vec<Protocol>,
    /// What it said under the protocol that the group follows.
    pub(crate) metadata: Bytes,
    /// What it was assigned; empty if it was not yet.
    pub(crate) assignment: Bytes,
}

impl Group {
    /// How many members it has.
    pub(crate) fn member_count(&self) -> usize {
        self.members.len()
    }

    /// True if every member has its assignment, or may ask for it.
    pub(crate) fn is_stable(&self) -> bool {
        self.state == State::Stable
    }

    /// How often it has rebalanced.
    pub(crate) const fn generation(&self) -> i32 {
        self.generation
    }

    /// The members, to be taken over by a consumer group.
    pub(crate) fn hand_over(&self) -> Vec<Handover> {
        // Before its first generation there is no protocol yet, but the members have one in common.
        let protocol = self.protocol.clone().or_else(|| self.elect_protocol()).unwrap_or_default();
        let hand_over = |member: &Member| Handover {
            member_id: Arc::clone(&member.id),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            session_timeout_ms: member.session_timeout_ms,
            protocols: member.protocols.clone(),
            metadata: member.metadata(&protocol),
            assignment: member.assignment.clone(),
        };
        self.members.values().map(hand_over).collect()
    }

    /// The record of a stable group that has taken over members from a consumer group.
    pub(crate) fn taken_over(
        id: Arc<str>,
        generation: i32,
        members: Vec<Handover>,
        now: Timestamp,
    ) -> GroupRecord {
        let mut group = Self::new(id, now);
        group.generation = generation;
        let mut assignments = HashMap::new();
        for member in members {
            assignments.insert(Arc::clone(&member.member_id), member.assignment);
            let member = Member {
                id: member.member_id,
                instance_id: member.instance_id,
                client_id: member.client_id,
                client_host: member.client_host,
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                session_timeout_ms: member.session_timeout_ms,
                protocols: member.protocols,
                assignment: Bytes::new(),
                awaiting_join: None,
                awaiting_sync: None,
                is_new: false,
            };
            group.add(&Arc::from(super::group::CONSUMER), member);
        }
        group.protocol = group.elect_protocol();
        group.picture(Some(&assignments))
    }

    /// Lets the sessions of all members begin anew.
    pub(crate) fn renew_sessions(&self, turn: &mut Turn<'_>) {
        for member_id in self.members.keys() {
            self.renew_session(member_id, turn);
        }
    }

    /// Its members come from a consumer group: their sessions begin, and if some have left, they rebalance.
    pub(crate) fn on_taken_over(&mut self, rebalances: bool, turn: &mut Turn<'_>) {
        self.renew_sessions(turn);
        if rebalances {
            self.prepare_rebalance("the last members of the consumer protocol have left", turn);
        }
    }
}
