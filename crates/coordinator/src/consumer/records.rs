//! The records of consumer groups (`GroupCoordinatorRecordHelpers`).

use protocol::internal::group::{
    ConsumerGroupRegularExpressionValue, ConsumerGroupTargetAssignmentMemberValue, GroupKey,
    GroupRecord, MemberKey, RegularExpressionKey,
};

use super::group::{Group, Resolved};
use super::member::Member;
use super::partitions::target_to_record;
use crate::assignor::Assignment;

pub(super) fn group_key(group_id: &str) -> GroupKey {
    GroupKey { group_id: group_id.to_owned() }
}

fn member_key(group_id: &str, member_id: &str) -> MemberKey {
    MemberKey { group_id: group_id.to_owned(), member_id: member_id.to_owned() }
}

fn regex_key(group_id: &str, regex: &str) -> RegularExpressionKey {
    RegularExpressionKey { group_id: group_id.to_owned(), regular_expression: regex.to_owned() }
}

/// What a member says of itself.
pub(super) fn about(group_id: &str, member: &Member) -> GroupRecord {
    let key = member_key(group_id, &member.id);
    GroupRecord::ConsumerGroupMemberMetadata(key, Some(member.about.clone()))
}

/// Where a member is on its way.
pub(super) fn current(group_id: &str, member: &Member) -> GroupRecord {
    let key = member_key(group_id, &member.id);
    GroupRecord::ConsumerGroupCurrentMemberAssignment(key, Some(member.current()))
}

/// What a member is to have.
pub(super) fn target(group_id: &str, member_id: &str, target: &Assignment) -> GroupRecord {
    let value =
        ConsumerGroupTargetAssignmentMemberValue { topic_partitions: target_to_record(target) };
    GroupRecord::ConsumerGroupTargetAssignmentMember(member_key(group_id, member_id), Some(value))
}

/// Removes a member: what it has goes first.
pub(super) fn removal(group_id: &str, member_id: &str) -> [GroupRecord; 3] {
    let key = || member_key(group_id, member_id);
    [
        GroupRecord::ConsumerGroupCurrentMemberAssignment(key(), None),
        GroupRecord::ConsumerGroupTargetAssignmentMember(key(), None),
        GroupRecord::ConsumerGroupMemberMetadata(key(), None),
    ]
}

/// What a regular expression stands for.
pub(super) fn resolved(group_id: &str, regex: &str, resolved: &Resolved) -> GroupRecord {
    let value = ConsumerGroupRegularExpressionValue {
        topics: resolved.topics.iter().cloned().collect(),
        version: resolved.version,
        timestamp: resolved.timestamp,
    };
    GroupRecord::ConsumerGroupRegularExpression(regex_key(group_id, regex), Some(value))
}

/// Forgets a regular expression.
pub(super) fn unresolved(group_id: &str, regex: &str) -> GroupRecord {
    GroupRecord::ConsumerGroupRegularExpression(regex_key(group_id, regex), None)
}

impl Group {
    /// Deletes the group.
    pub(crate) fn tombstones(&self) -> Vec<GroupRecord> {
        let mut records = Vec::new();
        for member_id in self.members.keys() {
            records.extend(removal(&self.id, member_id));
        }
        records.extend(self.resolved.keys().map(|regex| unresolved(&self.id, regex)));
        let key = || group_key(&self.id);
        records.extend([
            GroupRecord::ConsumerGroupTargetAssignmentMetadata(key(), None),
            GroupRecord::ConsumerGroupPartitionMetadata(key(), None),
            GroupRecord::ConsumerGroupMetadata(key(), None),
        ]);
        records
    }
}
