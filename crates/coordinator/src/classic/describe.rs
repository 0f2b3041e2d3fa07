//! What is told about a classic group.

use protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};

use super::group::{Group, State};
use super::member::Member;
use crate::{GroupSummary, wire};

/// What ListGroups calls such groups.
const GROUP_TYPE: &str = "classic";

impl Group {
    /// For DescribeGroups. Only in a stable group do the members' metadata mean anything.
    pub(crate) fn describe(&self) -> DescribedGroup {
        let protocol = self.protocol.as_deref().filter(|_| self.state == State::Stable);
        let describe = |member: &Member| {
            let described = DescribedGroupMember::default()
                .with_member_id(wire(&member.id))
                .with_group_instance_id(member.instance_id.as_deref().map(wire))
                .with_client_id(wire(&member.client_id))
                .with_client_host(wire(&member.client_host))
                .with_member_assignment(member.assignment.clone());
            match protocol {
                Some(protocol) => described.with_member_metadata(member.metadata(protocol)),
                None => described,
            }
        };
        DescribedGroup::default()
            .with_group_id(wire(&self.id).into())
            .with_group_state(wire(self.state.name()))
            .with_protocol_type(wire(self.protocol_type.as_deref().unwrap_or_default()))
            .with_protocol_data(wire(protocol.unwrap_or_default()))
            .with_members(self.members.values().map(describe).collect())
    }

    /// For metrics.
    pub(crate) fn summary(&self) -> GroupSummary<'_> {
        GroupSummary {
            id: &self.id,
            kind: GROUP_TYPE,
            state: self.state.name(),
            members: self.members.len(),
            generation: self.generation,
        }
    }
}
