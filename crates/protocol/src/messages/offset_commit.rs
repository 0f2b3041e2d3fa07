//! The request OffsetCommit: version 10 names topics by id (KIP-848), which `kafka-protocol` lacks. Version 8 is the
//! first flexible one.
//!
//! | field | type | versions |
//! |---|---|---|
//! | group id | string | all |
//! | generation id or member epoch | i32 | all |
//! | member id | string | all |
//! | group instance id | string or null | 7 and later |
//! | retention time | i64 | 2 to 4 |
//! | topics | array | all |
//! | – name | string | 2 to 9 |
//! | – topic id | uuid | 10 and later |
//! | – partitions | array | all |
//! | – – index, offset | i32, i64 | all |
//! | – – leader epoch | i32 | 6 and later |
//! | – – metadata | string or null | all |

use bytes::{BufMut, Bytes};

use crate::api::ApiKey;
use crate::ids::{LeaderEpoch, Offset, PartitionId, TopicId};
use crate::wire::{Reader, Wire, WireError, Writer};

/// Commits offsets of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitRequest {
    /// The group.
    pub group_id: String,
    /// The generation of a classic group or the epoch of a member; -1 from outside the group.
    pub generation_id_or_member_epoch: i32,
    /// The member; empty from outside the group.
    pub member_id: String,
    /// The id of a static member.
    pub group_instance_id: Option<String>,
    /// For how long to keep the offsets; -1 for as long as the broker does.
    pub retention_time_ms: i64,
    /// The topics.
    pub topics: Vec<OffsetCommitRequestTopic>,
}

/// A topic to commit offsets of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitRequestTopic {
    /// Its name; empty from version 10 on.
    pub name: String,
    /// Its id; zero before version 10.
    pub topic_id: TopicId,
    /// The partitions.
    pub partitions: Vec<OffsetCommitRequestPartition>,
}

/// A partition to commit an offset of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitRequestPartition {
    /// The partition.
    pub partition_index: PartitionId,
    /// The offset to go on at.
    pub committed_offset: Offset,
    /// The leader epoch of the last record before it, if the client says it.
    pub committed_leader_epoch: LeaderEpoch,
    /// What the client keeps with it.
    pub committed_metadata: Option<String>,
}

impl OffsetCommitRequest {
    pub(super) fn decode(body: &mut Bytes, version: i16) -> Result<Self, WireError> {
        let mut reader = Reader::new(body, version, ApiKey::OffsetCommit.is_flexible(version));
        let request = Self {
            group_id: reader.read()?,
            generation_id_or_member_epoch: reader.read()?,
            member_id: reader.read()?,
            group_instance_id: reader.read_since(7, None)?,
            retention_time_ms: if version <= 4 { reader.read()? } else { -1 },
            topics: reader.read()?,
        };
        reader.skip_tags()?;
        Ok(request)
    }

    pub(super) fn encode(&self, buf: &mut impl BufMut, version: i16) -> Result<(), WireError> {
        let mut writer = Writer::new(version, ApiKey::OffsetCommit.is_flexible(version));
        writer.write(&self.group_id);
        writer.write(&self.generation_id_or_member_epoch);
        writer.write(&self.member_id);
        writer.write_since(7, &self.group_instance_id);
        if version <= 4 {
            writer.write(&self.retention_time_ms);
        }
        writer.write(&self.topics);
        writer.no_tags();
        buf.put_slice(&writer.finish()?);
        Ok(())
    }
}

impl Wire for OffsetCommitRequestTopic {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let name = if reader.version() <= 9 { reader.read()? } else { String::new() };
        let topic_id = reader.read_since(10, TopicId::ZERO)?;
        let topic = Self { name, topic_id, partitions: reader.read()? };
        reader.skip_tags()?;
        Ok(topic)
    }

    fn write(&self, writer: &mut Writer) {
        if writer.version() <= 9 {
            writer.write(&self.name);
        }
        writer.write_since(10, &self.topic_id);
        writer.write(&self.partitions);
        writer.no_tags();
    }
}

impl Wire for OffsetCommitRequestPartition {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let partition = Self {
            partition_index: reader.read()?,
            committed_offset: reader.read()?,
            committed_leader_epoch: reader.read_since(6, LeaderEpoch::NONE)?,
            committed_metadata: reader.read()?,
        };
        reader.skip_tags()?;
        Ok(partition)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.partition_index);
        writer.write(&self.committed_offset);
        writer.write_since(6, &self.committed_leader_epoch);
        writer.write(&self.committed_metadata);
        writer.no_tags();
    }
}
