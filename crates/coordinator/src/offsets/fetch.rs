//! OffsetFetch.

use std::collections::{BTreeMap, HashMap};

use protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use protocol::messages::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchResponse, StrBytes,
};
use protocol::{ErrorCode, Offset, PartitionId, TopicId};
use uuid::Uuid;

use super::state::{Committed, Offsets};
use crate::outcome::{Action, Now, Token};
use crate::shard::Shard;
use crate::wire;

/// The offsets of one group, as one request sees them.
#[derive(Debug)]
struct View<'a> {
    offsets: &'a Offsets,
    group_id: &'a str,
    /// True if what a transaction has yet to decide is to be an error.
    is_stable: bool,
    /// What of the newest offsets is to be seen as it was before.
    before: HashMap<(&'a str, PartitionId), Option<&'a Committed>>,
}

impl Shard {
    /// The newest offsets of all groups, by which the lag of consumers is known.
    pub fn offsets(&self) -> impl Iterator<Item = (&str, &str, PartitionId, Offset)> {
        self.offsets.current().groups().flat_map(|(group_id, topics)| {
            topics.iter().flat_map(move |(topic, partitions)| {
                partitions.iter().map(move |(&partition, committed)| {
                    (&**group_id, &**topic, partition, committed.value.offset)
                })
            })
        })
    }

    /// Fetches the offsets of a group. The response has this group alone, as from version 8 on.
    ///
    /// A request for stable offsets sees the newest ones, and is answered when these are committed; others see what is
    /// committed, and are answered at once.
    pub fn fetch_offsets(
        &mut self,
        now: Now,
        token: Token,
        request: &OffsetFetchRequestGroup,
        is_stable: bool,
        out: &mut Vec<Action>,
    ) {
        let mut group =
            OffsetFetchResponseGroup::default().with_group_id(wire(&request.group_id).into());
        if is_stable && self.is_log_behind() {
            group.error_code = ErrorCode::CoordinatorLoadInProgress.code();
        } else if let Err(error) = self.validate_fetch(request) {
            group.error_code = error.code();
        } else {
            let view = View::new(&self.offsets, &request.group_id, is_stable);
            group.topics = match &request.topics {
                Some(topics) => topics.iter().map(|topic| view.topic(topic)).collect(),
                None => view.all(),
            };
        }
        let response = OffsetFetchResponse::default().with_groups(vec![group]);
        if is_stable {
            self.respond_when_committed(now, token, response, out);
        } else {
            self.split(now, out).1.respond(token, response);
        }
    }
}

impl Shard {
    fn validate_fetch(&self, request: &OffsetFetchRequestGroup) -> Result<(), ErrorCode> {
        let group = self.groups.get(&*request.group_id);
        group.map_or(Ok(()), |group| {
            group.validate_fetch(request.member_id.as_deref(), request.member_epoch)
        })
    }
}

impl<'a> View<'a> {
    fn new(offsets: &'a Offsets, group_id: &'a str, is_stable: bool) -> Self {
        let mut before = HashMap::new();
        if !is_stable {
            for (key, committed) in offsets.uncommitted().of_group(group_id) {
                before.insert((&*key.partition.topic, key.partition.partition), committed);
            }
        }
        Self { offsets, group_id, is_stable, before }
    }

    fn get(&self, topic: &str, partition: PartitionId) -> Option<&'a Committed> {
        if let Some(before) = self.before.get(&(topic, partition)) {
            return *before;
        }
        self.offsets.current().group(self.group_id)?.get(topic)?.get(&partition)
    }

    fn is_pending(&self, topic: &str, partition: PartitionId) -> bool {
        let topics = self.offsets.pending().group(self.group_id);
        let partitions = topics.and_then(|topics| topics.get(topic));
        partitions.is_some_and(|partitions| partitions.contains_key(&partition))
    }

    /// The partitions that are asked for, whether they have offsets or not.
    fn topic(&self, topic: &OffsetFetchRequestTopic) -> OffsetFetchResponseTopics {
        let is_same = |committed: &&Committed| {
            let known = committed.value.topic_id;
            [known, topic.topic_id].contains(&TopicId::ZERO) || known == topic.topic_id
        };
        let describe = |&partition: &PartitionId| {
            let committed = self.get(&topic.name, partition).filter(is_same);
            self.partition(&topic.name, partition, committed)
        };
        OffsetFetchResponseTopics::default()
            .with_name(wire(&topic.name).into())
            .with_topic_id(Uuid::from_bytes(topic.topic_id.0))
            .with_partitions(topic.partition_indexes.iter().map(describe).collect())
    }

    /// All partitions that have offsets.
    fn all(&self) -> Vec<OffsetFetchResponseTopics> {
        let mut topics: BTreeMap<&str, BTreeMap<PartitionId, &Committed>> = BTreeMap::new();
        for (name, partitions) in self.offsets.current().group(self.group_id).into_iter().flatten()
        {
            let partitions =
                partitions.iter().map(|(&partition, committed)| (partition, committed));
            topics.insert(name, partitions.collect());
        }
        for (&(name, partition), before) in &self.before {
            match before {
                Some(committed) => {
                    topics.entry(name).or_default().insert(partition, committed);
                }
                None => {
                    topics.entry(name).or_default().remove(&partition);
                }
            }
        }
        topics.retain(|_, partitions| !partitions.is_empty());
        let describe = |(name, partitions): (&str, BTreeMap<PartitionId, &Committed>)| {
            let partitions = partitions.into_iter();
            let describe =
                |(partition, committed)| self.partition(name, partition, Some(committed));
            OffsetFetchResponseTopics::default()
                .with_name(wire(name).into())
                .with_partitions(partitions.map(describe).collect())
        };
        topics.into_iter().map(describe).collect()
    }

    fn partition(
        &self,
        topic: &str,
        partition: PartitionId,
        committed: Option<&Committed>,
    ) -> OffsetFetchResponsePartitions {
        let response = OffsetFetchResponsePartitions::default()
            .with_partition_index(partition.0)
            .with_committed_offset(-1)
            .with_committed_leader_epoch(-1)
            .with_metadata(Some(StrBytes::new()));
        if self.is_stable && self.is_pending(topic, partition) {
            return response.with_error_code(ErrorCode::UnstableOffsetCommit.code());
        }
        match committed {
            None => response,
            Some(Committed { value, .. }) => response
                .with_committed_offset(value.offset.0)
                .with_committed_leader_epoch(value.leader_epoch.0)
                .with_metadata(Some(wire(&value.metadata))),
        }
    }
}
