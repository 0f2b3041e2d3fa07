//! A classic group as a record of the log, and back.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use protocol::internal::group::{GroupKey, GroupMetadataValue, GroupRecord, MemberMetadata};
use protocol::wire::{Reader, WireError};

use super::group::{Group, State};
use super::member::{Member, Protocol};
use crate::turn::Turn;

impl Group {
    /// The group as it is now; with these assignments instead of those that the members have.
    pub(crate) fn picture(&self, assignments: Option<&HashMap<Arc<str>, Bytes>>) -> GroupRecord {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let picture = |member: &Member| MemberMetadata {
            member_id: member.id.to_string(),
            group_instance_id: member.instance_id.as_deref().map(str::to_owned),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            session_timeout_ms: member.session_timeout_ms,
            subscription: member.metadata(protocol),
            assignment: match assignments {
                Some(assignments) => assignments.get(&member.id).cloned().unwrap_or_default(),
                None => member.assignment.clone(),
            },
        };
        let value = GroupMetadataValue {
            protocol_type: self.protocol_type.as_deref().unwrap_or_default().to_owned(),
            generation: self.generation,
            protocol: self.protocol.as_deref().map(str::to_owned),
            leader: self.leader.as_deref().map(str::to_owned),
            current_state_timestamp: self.state_since,
            members: self.members.values().map(picture).collect(),
        };
        GroupRecord::GroupMetadata(GroupKey { group_id: self.id.to_string() }, Some(value))
    }

    /// A group that is only known to the log. Where the record contradicts itself, the group is made whole by the next
    /// rebalance.
    pub(crate) fn from_picture(id: Arc<str>, value: GroupMetadataValue) -> Self {
        let mut group = Self::new(id, value.current_state_timestamp);
        group.generation = value.generation;
        group.protocol = value.protocol.map(Arc::from);
        group.leader = value.leader.map(Arc::from);
        let protocol_type: Arc<str> = value.protocol_type.into();
        group.protocol_type = Some(Arc::clone(&protocol_type)).filter(|name| !name.is_empty());
        if value.members.is_empty() {
            group.leader = None;
        } else {
            group.state = State::Stable;
            let protocol = group.protocol.get_or_insert_with(|| Arc::from("")).clone();
            for member in value.members {
                group.add(&protocol_type, member_from_picture(member, &protocol));
            }
        }
        group.subscribed_topics = group.subscriptions();
        group
    }

    /// Lets the members' sessions begin, after a reload.
    pub(crate) fn on_loaded(&mut self, turn: &mut Turn<'_>) {
        for member_id in self.members.keys() {
            self.renew_session(member_id, turn);
        }
        if self.members.len() > turn.settings.group_max_size {
            self.prepare_rebalance("it has more members than it may have", turn);
        }
    }

    /// The topics that the members subscribe to, if they are consumers and speak a language that we know. Their
    /// metadata begin with a version, but all versions begin with the fields of version 0.
    pub(super) fn subscriptions(&self) -> Option<BTreeSet<String>> {
        if !self.has_consumers() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol.as_deref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            topics.extend(subscribed_topics(&member.metadata(protocol)).ok()?);
        }
        Some(topics)
    }
}

fn member_from_picture(value: MemberMetadata, protocol: &Arc<str>) -> Member {
    // Records of version 0 do not have the rebalance timeout.
    let rebalance_timeout_ms = match value.rebalance_timeout_ms {
        -1 => value.session_timeout_ms,
        timeout_ms => timeout_ms,
    };
    Member {
        id: value.member_id.into(),
        instance_id: value.group_instance_id.map(Arc::from),
        client_id: value.client_id,
        client_host: value.client_host,
        rebalance_timeout_ms,
        session_timeout_ms: value.session_timeout_ms,
        protocols: vec![Protocol { name: Arc::clone(protocol), metadata: value.subscription }],
        assignment: value.assignment,
        awaiting_join: None,
        awaiting_sync: None,
        is_new: false,
    }
}

/// The topics at the beginning of a consumer's subscription (`ConsumerProtocolSubscription`).
///
/// | field | type |
/// |---|---|
/// | version | i16 |
/// | topics | array of strings |
fn subscribed_topics(metadata: &[u8]) -> Result<Vec<String>, WireError> {
    let mut reader = Reader::new(metadata, 0, false);
    reader.read::<i16>()?;
    reader.read()
}
