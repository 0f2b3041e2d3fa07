//! What each record does to a group. A record about a member that is not there makes one, or, if it deletes, does nothing:
//! after a compaction the log may begin in the middle of a group's life.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::Timestamp;
use protocol::internal::group::{
    ConsumerGroupMemberMetadataValue, ConsumerGroupRegularExpressionValue, GroupRecord,
};

use super::group::{Group, Resolved};
use super::member::Member;
use super::partitions::{each, target_from_record};

impl Group {
    /// Takes in a record of this group, but for the one that deletes it.
    pub(crate) fn replay(&mut self, record: &GroupRecord) {
        match record {
            GroupRecord::ConsumerGroupMetadata(_, Some(value)) => {
                self.epoch = value.epoch;
                self.metadata_hash = value.metadata_hash;
            }
            GroupRecord::ConsumerGroupPartitionMetadata(_, value) => {
                self.has_partition_metadata = value.is_some();
            }
            GroupRecord::ConsumerGroupMemberMetadata(key, value) => match value {
                Some(value) => self.set_about(&key.member_id, value),
                None => self.remove(&key.member_id),
            },
            GroupRecord::ConsumerGroupTargetAssignmentMetadata(_, value) => {
                self.assignment_epoch = value.as_ref().map_or(-1, |value| value.assignment_epoch);
                let timestamp = value.as_ref().map(|value| value.assignment_timestamp);
                self.assignment_timestamp = timestamp.unwrap_or(Timestamp(0));
            }
            GroupRecord::ConsumerGroupTargetAssignmentMember(key, Some(value)) => {
                let target = target_from_record(&value.topic_partitions);
                self.target.insert(key.member_id.as_str().into(), Arc::new(target));
            }
            GroupRecord::ConsumerGroupTargetAssignmentMember(key, None) => {
                self.target.remove(&*key.member_id);
            }
            GroupRecord::ConsumerGroupCurrentMemberAssignment(key, value) => {
                let change = |member: &mut Member| match value {
                    Some(value) => member.set_current(value),
                    None => member.clear_current(),
                };
                if value.is_some() || self.members.contains_key(&*key.member_id) {
                    self.change(&key.member_id, change);
                }
            }
            GroupRecord::ConsumerGroupRegularExpression(key, value) => {
                self.set_resolved(&key.regular_expression, value.as_ref());
            }
            GroupRecord::OffsetCommit(..)
            | GroupRecord::GroupMetadata(..)
            | GroupRecord::ConsumerGroupMetadata(_, None) => {
                debug_assert!(false, "{record:?} is none of a consumer group that lives");
            }
        }
    }

    fn set_about(&mut self, member_id: &str, about: &ConsumerGroupMemberMetadataValue) {
        self.change(member_id, |member| member.about = about.clone());
    }

    /// Changes a member, or a new one, and what the group has counted of it.
    fn change(&mut self, member_id: &str, change: impl FnOnce(&mut Member)) {
        let before = self.members.remove(member_id);
        let mut member = match &before {
            Some(before) => {
                self.uncount(before);
                Member::clone(before)
            }
            None => Member::new(member_id.into()),
        };
        change(&mut member);
        self.count(&member);
        self.members.insert(Arc::clone(&member.id), Arc::new(member));
    }

    fn remove(&mut self, member_id: &str) {
        if let Some(member) = self.members.remove(member_id) {
            self.uncount(&member);
        }
    }

    fn count(&mut self, member: &Member) {
        for topic in &member.about.subscribed_topic_names {
            add(&mut self.named_topics, topic);
        }
        if let Some(regex) = member.regex() {
            add(&mut self.regex_members, regex);
        }
        if let Some(instance_id) = member.instance_id() {
            self.static_members.insert(instance_id.into(), Arc::clone(&member.id));
        }
        for (topic, partition) in each(&member.assigned).chain(each(&member.revoking)) {
            let owners = self.owners.entry(topic).or_default();
            owners.insert(partition, Arc::clone(&member.id));
        }
    }

    fn uncount(&mut self, member: &Member) {
        for topic in &member.about.subscribed_topic_names {
            subtract(&mut self.named_topics, topic);
        }
        if let Some(regex) = member.regex() {
            subtract(&mut self.regex_members, regex);
        }
        if let Some(instance_id) = member.instance_id()
            && self.static_members.get(instance_id) == Some(&member.id)
        {
            self.static_members.remove(instance_id);
        }
        for (topic, partition) in each(&member.assigned).chain(each(&member.revoking)) {
            let Some(owners) = self.owners.get_mut(&topic) else { continue };
            if owners.get(&partition) == Some(&member.id) {
                owners.remove(&partition);
            }
            if owners.is_empty() {
                self.owners.remove(&topic);
            }
        }
    }

    fn set_resolved(&mut self, regex: &str, value: Option<&ConsumerGroupRegularExpressionValue>) {
        match value {
            Some(value) => {
                let resolved = Resolved {
                    topics: value.topics.iter().cloned().collect(),
                    version: value.version,
                    timestamp: value.timestamp,
                };
                self.resolved.insert(regex.to_owned(), Arc::new(resolved));
            }
            None => drop(self.resolved.remove(regex)),
        }
    }
}

fn add(counts: &mut BTreeMap<String, usize>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => drop(counts.insert(name.to_owned(), 1)),
    }
}

fn subtract(counts: &mut BTreeMap<String, usize>, name: &str) {
    if let Some(count) = counts.get_mut(name) {
        *count -= 1;
        if *count == 0 {
            counts.remove(name);
        }
    }
}
