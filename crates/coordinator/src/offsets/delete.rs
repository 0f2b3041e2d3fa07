//! Offsets that are deleted before they expire: by OffsetDelete, with their group, or with their topic.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::internal::group::{GroupRecord, OffsetCommitKey};
use protocol::messages::offset_delete_request::OffsetDeleteRequestTopic;
use protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};
use protocol::{ErrorCode, PartitionId, TopicId, TopicPartition};

use super::state::{Committed, Offsets};
use crate::outcome::{Action, Now, Token};
use crate::shard::Shard;

/// A topic that is no more.
#[derive(Clone, Debug)]
pub struct DeletedTopic {
    /// Its id: another topic may have its name by now.
    pub id: TopicId,
    /// Its name.
    pub name: Arc<str>,
}

/// Deletes the offset of a partition.
pub(super) fn tombstone(group_id: &str, topic: &Arc<str>, partition: PartitionId) -> GroupRecord {
    let partition = TopicPartition::new(Arc::clone(topic), partition);
    GroupRecord::OffsetCommit(OffsetCommitKey { group_id: group_id.to_owned(), partition }, None)
}

impl Offsets {
    /// Deletes all offsets of a group, also those that transactions have yet to bring in.
    pub(crate) fn tombstones(&self, group_id: &str) -> Vec<GroupRecord> {
        let mut keys = BTreeSet::new();
        for (topic, partitions) in self.current().group(group_id).into_iter().flatten() {
            keys.extend(partitions.keys().map(|&partition| (topic, partition)));
        }
        for (topic, partitions) in self.pending().group(group_id).into_iter().flatten() {
            keys.extend(partitions.keys().map(|&partition| (topic, partition)));
        }
        let tombstones = keys.into_iter();
        tombstones.map(|(topic, partition)| tombstone(group_id, topic, partition)).collect()
    }

    /// True if a group has an offset of the partition, or a transaction may bring one in.
    fn has(&self, key: &OffsetCommitKey) -> bool {
        self.current().get(key).is_some() || self.pending().get(key).is_some()
    }

    /// Deletes all offsets of a topic. Records from before Kafka 4.2 do not say which topic of the name is meant.
    fn tombstones_of_topic(&self, topic: &DeletedTopic, records: &mut Vec<GroupRecord>) {
        let is_of_topic = |committed: &Committed| {
            let known = committed.value.topic_id;
            known == TopicId::ZERO || known == topic.id
        };
        let mut keys = BTreeSet::new();
        for (group_id, topics) in self.current().groups() {
            let partitions = topics.get(&topic.name).into_iter().flatten();
            let partitions = partitions.filter(|(_, committed)| is_of_topic(committed));
            keys.extend(partitions.map(|(&partition, _)| (group_id, partition)));
        }
        for (group_id, topics) in self.pending().groups() {
            let partitions = topics.get(&topic.name).into_iter().flatten();
            let partitions =
                partitions.filter(|(_, producers)| producers.values().any(is_of_topic));
            keys.extend(partitions.map(|(&partition, _)| (group_id, partition)));
        }
        let tombstones = keys.into_iter();
        records.extend(
            tombstones.map(|(group_id, partition)| tombstone(group_id, &topic.name, partition)),
        );
    }
}

impl Shard {
    /// Deletes offsets of a group that none of its members may need. It is answered when that is committed.
    pub fn delete_offsets(
        &mut self,
        now: Now,
        token: Token,
        request: &OffsetDeleteRequest,
        out: &mut Vec<Action>,
    ) {
        let mut records = Vec::new();
        let response = OffsetDeleteResponse::default();
        let response = match self.validate_delete(&request.group_id) {
            Err(error) => response.with_error_code(error.code()),
            Ok(()) => {
                let topics = request.topics.iter();
                let topics = topics
                    .map(|topic| self.delete_offsets_of(&request.group_id, topic, &mut records));
                response.with_topics(topics.collect())
            }
        };
        self.split(now, out).1.respond_after(records, None, token, response);
    }

    fn validate_delete(&self, group_id: &str) -> Result<(), ErrorCode> {
        match self.groups.get(group_id) {
            _ if group_id.is_empty() => Err(ErrorCode::InvalidGroupId),
            _ if self.is_log_behind() => Err(ErrorCode::CoordinatorLoadInProgress),
            None => Err(ErrorCode::GroupIdNotFound),
            Some(group) if group.is_empty() || group.has_consumers() => Ok(()),
            // We do not know which topics its members need.
            Some(_) => Err(ErrorCode::NonEmptyGroup),
        }
    }

    fn delete_offsets_of(
        &self,
        group_id: &str,
        requested: &OffsetDeleteRequestTopic,
        records: &mut Vec<GroupRecord>,
    ) -> OffsetDeleteResponseTopic {
        let topic: Arc<str> = Arc::from(&**requested.name);
        let group = self.groups.get(group_id);
        let is_subscribed = group.is_some_and(|group| group.is_subscribed_to(&topic));
        let partition = TopicPartition::new(topic, PartitionId(0));
        let mut key = OffsetCommitKey { group_id: group_id.to_owned(), partition };
        let mut delete = |partition: i32| {
            let response = OffsetDeleteResponsePartition::default().with_partition_index(partition);
            if is_subscribed {
                return response.with_error_code(ErrorCode::GroupSubscribedToTopic.code());
            }
            key.partition.partition = PartitionId(partition);
            if self.offsets.has(&key) {
                records.push(GroupRecord::OffsetCommit(key.clone(), None));
            }
            response
        };
        let partitions = requested.partitions.iter();
        OffsetDeleteResponseTopic::default().with_name(requested.name.clone()).with_partitions(
            partitions.map(|partition| delete(partition.partition_index)).collect(),
        )
    }

    /// Topics are deleted, and all groups' offsets of them with them.
    pub fn on_topics_deleted(&mut self, now: Now, topics: &[DeletedTopic], out: &mut Vec<Action>) {
        let mut records = Vec::new();
        for topic in topics {
            self.offsets.tombstones_of_topic(topic, &mut records);
        }
        self.split(now, out).1.append_in_pieces(records);
    }
}
