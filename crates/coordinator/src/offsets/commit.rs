//! OffsetCommit and TxnOffsetCommit.

use std::sync::Arc;

use protocol::internal::group::{GroupRecord, OffsetCommitKey, OffsetCommitValue};
use protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use protocol::messages::txn_offset_commit_request::TxnOffsetCommitRequestPartition;
use protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use protocol::messages::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitResponse,
    TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};
use protocol::{
    ErrorCode, LeaderEpoch, Offset, PartitionId, ProducerEpoch, ProducerId, Timestamp, TopicId,
    TopicPartition,
};
use uuid::Uuid;

use crate::consumer::Gate;
use crate::group::Group;
use crate::outcome::{Action, Now, Token};
use crate::settings::Settings;
use crate::shard::Shard;
use crate::wire;

/// From this version on, that there is no such group is said as it is.
const COMMIT_SAYS_NOT_FOUND: i16 = 9;

/// Whoever commits.
#[derive(Debug)]
struct Committer<'a> {
    group_id: &'a str,
    member_id: &'a str,
    instance_id: Option<&'a str>,
    generation: i32,
    is_transactional: bool,
}

/// Offsets of one topic on their way into the log.
#[derive(Debug)]
struct Topic<'a> {
    settings: &'a Settings,
    group_id: &'a str,
    name: Arc<str>,
    topic_id: TopicId,
    commit_timestamp: Timestamp,
    expire_timestamp: Timestamp,
}

/// An offset on its way into the log.
#[derive(Debug)]
struct Position<'a> {
    partition: PartitionId,
    offset: Offset,
    leader_epoch: LeaderEpoch,
    metadata: Option<&'a str>,
}

impl Topic<'_> {
    /// The record of an offset, unless its metadata are too long.
    fn record(&self, position: &Position<'_>) -> Result<GroupRecord, ErrorCode> {
        let metadata = position.metadata.unwrap_or_default();
        let metadata_max = self.settings.offset_metadata_max_bytes;
        if metadata.len() > metadata_max && metadata.encode_utf16().count() > metadata_max {
            return Err(ErrorCode::OffsetMetadataTooLarge);
        }
        let key = OffsetCommitKey {
            group_id: self.group_id.to_owned(),
            partition: TopicPartition::new(Arc::clone(&self.name), position.partition),
        };
        let value = OffsetCommitValue {
            offset: position.offset,
            leader_epoch: position.leader_epoch.max(LeaderEpoch::NONE),
            metadata: metadata.to_owned(),
            commit_timestamp: self.commit_timestamp,
            expire_timestamp: self.expire_timestamp,
            topic_id: self.topic_id,
        };
        Ok(GroupRecord::OffsetCommit(key, Some(value)))
    }
}

/// Makes sure that the offset of a partition may be committed.
fn check(
    valid: &Result<Gate, ErrorCode>,
    topic: TopicId,
    partition: PartitionId,
) -> Result<(), ErrorCode> {
    valid.as_ref().map_err(|&error| error)?.check(topic, partition)
}

/// Takes the record out of a result, and leaves the error code for the response.
fn split(result: Result<GroupRecord, ErrorCode>, records: &mut Vec<GroupRecord>) -> ErrorCode {
    match result {
        Ok(record) => {
            records.push(record);
            ErrorCode::None
        }
        Err(error) => error,
    }
}

impl Shard {
    /// Commits offsets of a group. It is answered when they are committed to the log too. The topics are named: whoever
    /// takes in version 10 knows the names of its topic ids.
    pub fn commit_offsets(
        &mut self,
        now: Now,
        token: Token,
        request: &OffsetCommitRequest,
        out: &mut Vec<Action>,
    ) {
        let committer = Committer {
            group_id: &request.group_id,
            member_id: &request.member_id,
            instance_id: request.group_instance_id.as_deref(),
            generation: request.generation_id_or_member_epoch,
            is_transactional: false,
        };
        let valid = self.validate_commit(now, token, &committer, out);
        let lengths = request.topics.iter().flat_map(|topic| {
            let of_metadata = |it: &OffsetCommitRequestPartition| {
                it.committed_metadata.as_ref().map_or(0, |metadata| metadata.len())
            };
            topic.partitions.iter().map(move |it| topic.name.len() + of_metadata(it))
        });
        let fits = self.fits(&request.group_id, lengths);
        let valid = valid.and_then(|gate| fits.map(|()| gate));
        let expire_timestamp = match request.retention_time_ms {
            -1 => Timestamp::NONE,
            retention_ms => Timestamp(now.timestamp.0.saturating_add(retention_ms)),
        };
        let mut records = Vec::new();
        let mut response = OffsetCommitResponse::default();
        for requested in &request.topics {
            let topic = Topic {
                settings: &self.settings,
                group_id: &request.group_id,
                name: requested.name.as_str().into(),
                topic_id: requested.topic_id,
                commit_timestamp: now.timestamp,
                expire_timestamp,
            };
            let commit = |partition: &OffsetCommitRequestPartition| {
                let index = partition.partition_index;
                let record = check(&valid, requested.topic_id, index).and_then(|()| {
                    topic.record(&Position {
                        partition: index,
                        offset: partition.committed_offset,
                        leader_epoch: partition.committed_leader_epoch,
                        metadata: partition.committed_metadata.as_deref(),
                    })
                });
                OffsetCommitResponsePartition::default()
                    .with_partition_index(partition.partition_index.0)
                    .with_error_code(split(record, &mut records).code())
            };
            let partitions = requested.partitions.iter().map(commit).collect();
            response.topics.push(
                OffsetCommitResponseTopic::default()
                    .with_name(wire(&requested.name).into())
                    .with_topic_id(Uuid::from_bytes(requested.topic_id.0))
                    .with_partitions(partitions),
            );
        }
        self.split(now, out).1.respond_after(records, None, token, response);
    }

    /// Commits offsets of a group as part of a transaction, which the caller has verified to be open. They count when
    /// its marker says so.
    pub fn commit_txn_offsets(
        &mut self,
        now: Now,
        token: Token,
        request: &TxnOffsetCommitRequest,
        out: &mut Vec<Action>,
    ) {
        let committer = Committer {
            group_id: &request.group_id,
            member_id: &request.member_id,
            instance_id: request.group_instance_id.as_deref(),
            generation: request.generation_id,
            is_transactional: true,
        };
        let valid = self.validate_commit(now, token, &committer, out);
        let lengths = request.topics.iter().flat_map(|topic| {
            let of_metadata = |it: &TxnOffsetCommitRequestPartition| {
                it.committed_metadata.as_ref().map_or(0, |metadata| metadata.len())
            };
            topic.partitions.iter().map(move |it| topic.name.len() + of_metadata(it))
        });
        let fits = self.fits(&request.group_id, lengths);
        let valid = valid.and_then(|gate| fits.map(|()| gate));
        let mut records = Vec::new();
        let mut response = TxnOffsetCommitResponse::default();
        for requested in &request.topics {
            let known = self.cluster.topic(&requested.name);
            let topic_id = known.map_or(TopicId::ZERO, |topic| topic.id);
            let topic = Topic {
                settings: &self.settings,
                group_id: &request.group_id,
                name: Arc::from(&**requested.name),
                topic_id: TopicId::ZERO,
                commit_timestamp: now.timestamp,
                expire_timestamp: Timestamp::NONE,
            };
            let commit = |partition: &TxnOffsetCommitRequestPartition| {
                let index = PartitionId(partition.partition_index);
                let record = check(&valid, topic_id, index).and_then(|()| {
                    topic.record(&Position {
                        partition: index,
                        offset: Offset(partition.committed_offset),
                        leader_epoch: LeaderEpoch(partition.committed_leader_epoch),
                        metadata: partition.committed_metadata.as_deref(),
                    })
                });
                TxnOffsetCommitResponsePartition::default()
                    .with_partition_index(partition.partition_index)
                    .with_error_code(split(record, &mut records).code())
            };
            let partitions = requested.partitions.iter().map(commit).collect();
            response.topics.push(
                TxnOffsetCommitResponseTopic::default()
                    .with_name(requested.name.clone())
                    .with_partitions(partitions),
            );
        }
        let producer = (ProducerId(request.producer_id.0), ProducerEpoch(request.producer_epoch));
        self.split(now, out).1.respond_after(records, Some(producer), token, response);
    }

    /// Makes sure that offsets can all be in one batch, whose topics' names and metadata have these lengths. It is looked at
    /// before their records are made: a group's id is in each.
    fn fits(&self, group_id: &str, lengths: impl Iterator<Item = usize>) -> Result<(), ErrorCode> {
        let bytes: usize = lengths.map(|length| group_id.len() + length).sum();
        let is_small = bytes <= self.settings.append_bytes_max;
        is_small.then_some(()).ok_or(ErrorCode::InvalidCommitOffsetSize)
    }

    /// Makes sure that whoever commits may do so. A group that does not exist may be given offsets from outside.
    fn validate_commit(
        &mut self,
        now: Now,
        token: Token,
        committer: &Committer<'_>,
        out: &mut Vec<Action>,
    ) -> Result<Gate, ErrorCode> {
        let Committer { group_id, member_id, instance_id, generation, is_transactional } =
            *committer;
        if self.is_log_behind() {
            return Err(ErrorCode::CoordinatorLoadInProgress);
        }
        if is_transactional && group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        let (groups, mut turn) = self.split(now, out);
        match groups.get(group_id) {
            Some(Group::Classic(group)) => group
                .validate_commit(member_id, instance_id, generation, is_transactional, &mut turn)
                .map(|()| Gate::All),
            Some(Group::Consumer(group)) => group.validate_commit(
                member_id,
                instance_id,
                generation,
                is_transactional,
                token.api_version,
            ),
            None if generation < 0 => Ok(Gate::All),
            None if !is_transactional && token.api_version >= COMMIT_SAYS_NOT_FOUND => {
                Err(ErrorCode::GroupIdNotFound)
            }
            None => Err(ErrorCode::IllegalGeneration),
        }
    }
}
