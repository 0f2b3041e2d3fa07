//! A group while a request changes it: each record that is made counts at once, in the draft alone.

use std::borrow::Cow;
use std::ops::Deref;

use protocol::Timestamp;
use protocol::internal::group::{
    ConsumerGroupMetadataValue, ConsumerGroupTargetAssignmentMetadataValue, GroupRecord,
};

use super::group::Group;
use super::member::Member;
use super::{metadata_hash, records};
use crate::assignor::Assignment;
use crate::cluster::Cluster;

/// A group as it will be, and the records that make it so. It is copied when the first record is made: most heartbeats
/// make none.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    group: Cow<'a, Group>,
    records: Vec<GroupRecord>,
}

impl Deref for Draft<'_> {
    type Target = Group;

    fn deref(&self) -> &Group {
        &self.group
    }
}

impl<'a> Draft<'a> {
    /// A draft of a group as it is.
    pub(crate) const fn of(group: &'a Group) -> Self {
        Self { group: Cow::Borrowed(group), records: Vec::new() }
    }

    /// A draft of a group that does not exist yet; these records clear its place.
    pub(crate) const fn new(group: Group, records: Vec<GroupRecord>) -> Self {
        Self { group: Cow::Owned(group), records }
    }

    /// The records.
    pub(super) fn into_records(self) -> Vec<GroupRecord> {
        self.records
    }

    /// Takes in a record.
    pub(super) fn push(&mut self, record: GroupRecord) {
        self.group.to_mut().replay(&record);
        self.records.push(record);
    }

    /// Takes in records that end the group: they are its last ones.
    pub(super) fn finish(
        mut self,
        last: impl IntoIterator<Item = GroupRecord>,
    ) -> Vec<GroupRecord> {
        self.records.extend(last);
        self.records
    }

    /// Takes in what a member says of itself.
    pub(super) fn push_about(&mut self, member: &Member) {
        self.push(records::about(&self.group.id, member));
    }

    /// Takes in where a member is on its way.
    pub(super) fn push_current(&mut self, member: &Member) {
        self.push(records::current(&self.group.id, member));
    }

    /// Takes in what a member is to have.
    pub(super) fn push_target(&mut self, member_id: &str, target: &Assignment) {
        self.push(records::target(&self.group.id, member_id, target));
    }

    /// The target assignment is now that of the group's epoch.
    pub(super) fn push_assignment_epoch(&mut self, now: Timestamp) {
        let value = ConsumerGroupTargetAssignmentMetadataValue {
            assignment_epoch: self.epoch,
            assignment_timestamp: now,
        };
        let key = records::group_key(&self.group.id);
        self.push(GroupRecord::ConsumerGroupTargetAssignmentMetadata(key, Some(value)));
    }

    /// Removes a member.
    pub(super) fn push_removal(&mut self, member_id: &str) {
        for record in records::removal(&self.group.id, member_id) {
            self.push(record);
        }
    }

    /// The group is now in this epoch.
    pub(super) fn push_epoch(&mut self, epoch: i32, metadata_hash: i64) {
        let value = ConsumerGroupMetadataValue { epoch, metadata_hash };
        let key = records::group_key(&self.group.id);
        self.push(GroupRecord::ConsumerGroupMetadata(key, Some(value)));
    }

    /// Raises the group's epoch, and notes the topics that it is subscribed to as they are.
    pub(super) fn bump_epoch(&mut self, cluster: &dyn Cluster) {
        let epoch = self.epoch.saturating_add(1);
        self.push_epoch(epoch, self.hash(cluster));
        tracing::info!(group = %self.group.id, epoch, "the group has a new epoch");
        if self.has_partition_metadata {
            let key = records::group_key(&self.group.id);
            self.push(GroupRecord::ConsumerGroupPartitionMetadata(key, None));
        }
    }

    /// The hash of the topics that the group is subscribed to, as they are.
    pub(super) fn hash(&self, cluster: &dyn Cluster) -> i64 {
        metadata_hash::of(self.subscribed_topics(), cluster)
    }
}
