//! The coordinators of groups and of transactions: who they are, and the offsets that one keeps for its group.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use protocol::messages::{
    FindCoordinatorRequest, OffsetCommitRequest, OffsetCommitRequestPartition,
    OffsetCommitRequestTopic, OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchResponse,
};
use protocol::{BrokerId, ErrorCode, LeaderEpoch, Offset, PartitionId, TopicId, TopicPartition};

use crate::wire::text;
use crate::{Backoff, Client, Connection, Error};

/// From here on several coordinators are asked for at once.
const FIND_VERSIONS: RangeInclusive<i16> = 4..=i16::MAX;
/// Several groups at once, and topics by name.
const FETCH_VERSIONS: RangeInclusive<i16> = 8..=9;
/// Topics by name.
const COMMIT_VERSIONS: RangeInclusive<i16> = 2..=9;

/// Who commits: a member of a generation, or somebody from outside.
#[derive(Clone, Debug)]
pub(crate) struct Committer {
    pub(crate) group_id: String,
    pub(crate) generation_id: i32,
    pub(crate) member_id: String,
}

/// What a coordinator is looked for by.
#[derive(Copy, Clone, Debug)]
enum Key<'a> {
    Group(&'a str),
    Transaction(&'a str),
}

impl Key<'_> {
    /// The request for it; the numbers are Kafka's (`CoordinatorType`).
    fn request(self) -> FindCoordinatorRequest {
        let (kind, key) = match self {
            Self::Group(id) => (0, id),
            Self::Transaction(id) => (1, id),
        };
        FindCoordinatorRequest::default().with_key_type(kind).with_coordinator_keys(vec![text(key)])
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(id) => write!(f, "group {id}"),
            Self::Transaction(id) => write!(f, "transactional id {id}"),
        }
    }
}

impl Client {
    /// The coordinator of a group.
    pub async fn coordinator(&self, group_id: &str) -> Result<Connection, Error> {
        self.coordinator_of(Key::Group(group_id)).await
    }

    async fn coordinator_of(&self, key: Key<'_>) -> Result<Connection, Error> {
        let mut backoff = Backoff::new(self.options().retry_timeout);
        loop {
            match self.find_coordinator(key).await {
                Err(err) if err.is_retriable() && backoff.wait().await => {}
                result => return result,
            }
        }
    }

    async fn find_coordinator(&self, key: Key<'_>) -> Result<Connection, Error> {
        let response = self.call_in(FIND_VERSIONS, key.request()).await?;
        let what = || format!("coordinator of {key}");
        let Some(found) = response.coordinators.into_iter().next() else {
            return Err(Error::refused(what(), ErrorCode::CoordinatorNotAvailable.code(), None));
        };
        Error::check(found.error_code, found.error_message.as_deref(), what)?;
        self.broker(BrokerId(found.node_id.0)).await
    }

    /// Asks the coordinator of a group, again and again while the answer is that somebody else is it or that it is
    /// loading. `ask` says what to do with one that is found.
    pub async fn with_coordinator<T, F>(
        &self,
        group_id: &str,
        ask: impl FnMut(Connection) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.ask_coordinator(Key::Group(group_id), ask).await
    }

    /// The same for the coordinator of a transactional id.
    pub async fn with_transaction_coordinator<T, F>(
        &self,
        transactional_id: &str,
        ask: impl FnMut(Connection) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.ask_coordinator(Key::Transaction(transactional_id), ask).await
    }

    async fn ask_coordinator<T, F>(
        &self,
        key: Key<'_>,
        mut ask: impl FnMut(Connection) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut backoff = Backoff::new(self.options().retry_timeout);
        loop {
            let coordinator = self.coordinator_of(key).await?;
            match ask(coordinator).await {
                Err(err) if err.is_retriable() && backoff.wait().await => {}
                result => return result,
            }
        }
    }

    /// Where a group goes on in each partition, wherever it has committed anything.
    pub async fn group_offsets(
        &self,
        group_id: &str,
    ) -> Result<BTreeMap<TopicPartition, Offset>, Error> {
        self.with_coordinator(group_id, |coordinator| async move {
            let group = OffsetFetchRequestGroup {
                group_id: group_id.to_owned(),
                member_id: None,
                member_epoch: -1,
                topics: None,
            };
            let request = OffsetFetchRequest { groups: vec![group], require_stable: false };
            read_offsets(coordinator.call_in(FETCH_VERSIONS, request).await?)
        })
        .await
    }

    /// Moves a group that has no members. One that has them refuses.
    pub async fn commit_offsets(
        &self,
        group_id: &str,
        offsets: &BTreeMap<TopicPartition, Offset>,
    ) -> Result<(), Error> {
        let committer = Committer {
            group_id: group_id.to_owned(),
            generation_id: -1,
            member_id: String::new(),
        };
        self.commit_as(&committer, offsets).await
    }

    pub(crate) async fn commit_as(
        &self,
        committer: &Committer,
        offsets: &BTreeMap<TopicPartition, Offset>,
    ) -> Result<(), Error> {
        let request = commit_request(committer, offsets);
        self.with_coordinator(&committer.group_id, |coordinator| {
            let request = request.clone();
            async move {
                let response = coordinator.call_in(COMMIT_VERSIONS, request).await?;
                for topic in response.topics {
                    for partition in topic.partitions {
                        Error::check(partition.error_code, None, || {
                            let index = partition.partition_index;
                            format!("commit of {}-{index}", topic.name.as_str())
                        })?;
                    }
                }
                Ok(())
            }
        })
        .await
    }
}

fn read_offsets(response: OffsetFetchResponse) -> Result<BTreeMap<TopicPartition, Offset>, Error> {
    let mut offsets = BTreeMap::new();
    for group in response.groups {
        let what = || format!("offsets of group {}", group.group_id.as_str());
        Error::check(group.error_code, None, what)?;
        for topic in group.topics {
            for found in topic.partitions {
                let id = PartitionId(found.partition_index);
                let partition = TopicPartition::new(topic.name.as_str(), id);
                Error::check(found.error_code, None, || format!("offset of {partition}"))?;
                let offset = Offset(found.committed_offset);
                if !offset.is_none() {
                    offsets.insert(partition, offset);
                }
            }
        }
    }
    Ok(offsets)
}

fn commit_request(
    committer: &Committer,
    offsets: &BTreeMap<TopicPartition, Offset>,
) -> OffsetCommitRequest {
    let mut topics = BTreeMap::<&str, Vec<_>>::new();
    for (partition, offset) in offsets {
        topics.entry(&partition.topic).or_default().push(OffsetCommitRequestPartition {
            partition_index: partition.partition,
            committed_offset: *offset,
            committed_leader_epoch: LeaderEpoch::NONE,
            committed_metadata: None,
        });
    }
    let topics = topics.into_iter().map(|(name, partitions)| OffsetCommitRequestTopic {
        name: name.to_owned(),
        topic_id: TopicId::ZERO,
        partitions,
    });
    OffsetCommitRequest {
        group_id: committer.group_id.clone(),
        generation_id_or_member_epoch: committer.generation_id,
        member_id: committer.member_id.clone(),
        group_instance_id: None,
        retention_time_ms: -1,
        topics: topics.collect(),
    }
}
