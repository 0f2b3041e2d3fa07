//! The partitions of members, as state, in records and in responses.

use std::collections::{BTreeMap, BTreeSet};

use protocol::PartitionId;
use protocol::TopicId;
use protocol::internal::group::{AssignedPartitions, TopicPartitions};
use protocol::messages::{
    consumer_group_heartbeat_request as request, consumer_group_heartbeat_response as response,
};
use uuid::Uuid;

use crate::assignor::Assignment;

/// The partitions that a member has, each with the member's epoch since which it has it. No topic is without partitions.
pub(super) type Owned = BTreeMap<TopicId, BTreeMap<PartitionId, i32>>;

/// True if the partition is among them.
pub(super) fn has(owned: &Owned, topic: TopicId, partition: PartitionId) -> bool {
    owned.get(&topic).is_some_and(|partitions| partitions.contains_key(&partition))
}

/// Each partition by itself.
pub(super) fn each(owned: &Owned) -> impl Iterator<Item = (TopicId, PartitionId)> {
    owned
        .iter()
        .flat_map(|(topic, partitions)| partitions.keys().map(|partition| (*topic, *partition)))
}

/// What a record says that a member has. Kafka before 4.3 did not say since when: then it is since the member's epoch.
pub(super) fn from_record(topics: &[AssignedPartitions], member_epoch: i32) -> Owned {
    let mut owned = Owned::new();
    for topic in topics {
        let epochs = topic.assignment_epochs.as_deref().unwrap_or_default();
        for (idx, partition) in topic.partitions.iter().enumerate() {
            let epoch = epochs.get(idx).copied().unwrap_or(member_epoch);
            owned.entry(topic.topic_id).or_default().insert(*partition, epoch);
        }
    }
    owned
}

/// What a member has, for its record.
pub(super) fn to_record(owned: &Owned) -> Vec<AssignedPartitions> {
    let topics = owned.iter().map(|(topic_id, partitions)| AssignedPartitions {
        topic_id: *topic_id,
        partitions: partitions.keys().copied().collect(),
        assignment_epochs: Some(partitions.values().copied().collect()),
    });
    topics.collect()
}

/// What a record says that a member is to have.
pub(super) fn target_from_record(topics: &[TopicPartitions]) -> Assignment {
    let mut target = Assignment::new();
    for topic in topics.iter().filter(|topic| !topic.partitions.is_empty()) {
        target.entry(topic.topic_id).or_default().extend(&topic.partitions);
    }
    target
}

/// What a member is to have, for its record.
pub(super) fn target_to_record(target: &Assignment) -> Vec<TopicPartitions> {
    let topics = target.iter().map(|(topic_id, partitions)| TopicPartitions {
        topic_id: *topic_id,
        partitions: partitions.iter().copied().collect(),
    });
    topics.collect()
}

/// What a member says that it has.
pub(super) fn reported(topics: &[request::TopicPartitions]) -> Assignment {
    let mut reported = Assignment::new();
    for topic in topics.iter().filter(|topic| !topic.partitions.is_empty()) {
        let partitions = topic.partitions.iter().copied().map(PartitionId);
        reported.entry(TopicId(*topic.topic_id.as_bytes())).or_default().extend(partitions);
    }
    reported
}

/// What a member has, for its response.
pub(super) fn to_response(owned: &Owned) -> response::Assignment {
    let topics = owned.iter().map(|(topic_id, partitions)| {
        response::TopicPartitions::default()
            .with_topic_id(Uuid::from_bytes(topic_id.0))
            .with_partitions(partitions.keys().map(|partition| partition.0).collect())
    });
    response::Assignment::default().with_topic_partitions(topics.collect())
}

/// What a member has, without the epochs.
pub(super) fn without_epochs(owned: &Owned) -> Assignment {
    let topics = owned.iter();
    topics.map(|(topic, partitions)| (*topic, partitions.keys().copied().collect())).collect()
}

/// The partitions as if the member had had them since this epoch.
pub(super) fn since(epoch: i32, partitions: &Assignment) -> Owned {
    let topics = partitions.iter().map(|(topic, partitions)| {
        let partitions: &BTreeSet<_> = partitions;
        (*topic, partitions.iter().map(|partition| (*partition, epoch)).collect())
    });
    topics.collect()
}
