//! What is told about a consumer group.

use config::Assignor;
use protocol::messages::consumer_group_describe_response::{
    Assignment as Described, DescribedGroup, Member as DescribedMember, TopicPartitions,
};

use super::group::{Group, PROTOCOL_TYPE};
use super::member::Member;
use super::partitions::without_epochs;
use crate::assignor::Assignment;
use crate::cluster::Cluster;
use crate::shard::GroupSummary;
use crate::wire;

/// From this version on, it is said which protocol a member speaks.
const SAYS_PROTOCOL: i16 = 1;

impl Group {
    /// For ConsumerGroupDescribe.
    pub(crate) fn describe(
        &self,
        assignors: &[Assignor],
        api_version: i16,
        cluster: &dyn Cluster,
    ) -> DescribedGroup {
        let describe = |member| self.describe_member(member, api_version, cluster);
        DescribedGroup::default()
            .with_group_id(wire(&self.id).into())
            .with_group_state(wire(self.state().name()))
            .with_group_epoch(self.epoch)
            .with_assignment_epoch(self.assignment_epoch)
            .with_assignor_name(wire(self.assignor(assignors).name()))
            .with_members(self.members.values().map(|member| describe(member)).collect())
    }

    fn describe_member(
        &self,
        member: &Member,
        api_version: i16,
        cluster: &dyn Cluster,
    ) -> DescribedMember {
        // What it has yet to give up is its own until then.
        let mut current = without_epochs(&member.assigned);
        for (topic, partitions) in without_epochs(&member.revoking) {
            current.entry(topic).or_default().extend(partitions);
        }
        let about = &member.about;
        let names = about.subscribed_topic_names.iter();
        let described = DescribedMember::default()
            .with_member_id(wire(&member.id))
            .with_instance_id(about.instance_id.as_deref().map(wire))
            .with_rack_id(about.rack_id.as_deref().map(wire))
            .with_member_epoch(member.epoch)
            .with_client_id(wire(&about.client_id))
            .with_client_host(wire(&about.client_host))
            .with_subscribed_topic_names(names.map(|name| wire(name).into()).collect())
            .with_subscribed_topic_regex(about.subscribed_topic_regex.as_deref().map(wire))
            .with_assignment(describe_assignment(&current, cluster))
            .with_target_assignment(describe_assignment(&self.target_of(&member.id), cluster));
        if api_version < SAYS_PROTOCOL {
            return described;
        }
        described.with_member_type(i8::from(member.classic().is_none()))
    }

    /// What metrics show.
    pub(crate) fn summary(&self) -> GroupSummary<'_> {
        GroupSummary {
            id: &self.id,
            kind: PROTOCOL_TYPE,
            state: self.state().name(),
            members: self.members.len(),
            generation: self.epoch,
        }
    }
}

/// Partitions of topics that are no more are left out.
fn describe_assignment(assignment: &Assignment, cluster: &dyn Cluster) -> Described {
    let topics = assignment.iter().filter_map(|(id, partitions)| {
        let topic = cluster.topic_by_id(*id)?;
        let partitions = partitions.iter().map(|partition| partition.0);
        Some(
            TopicPartitions::default()
                .with_topic_id(uuid::Uuid::from_bytes(id.0))
                .with_topic_name(wire(&topic.name).into())
                .with_partitions(partitions.collect()),
        )
    });
    Described::default().with_topic_partitions(topics.collect())
}
