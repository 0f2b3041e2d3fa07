//! The records of `__consumer_offsets` that classic and consumer groups have. The classes of Kafka are in its package
//! `coordinator.group.generated`; records of share and streams groups are of unknown types here.

mod classic;
mod consumer;
mod keys;
mod offset;

pub use classic::{GroupMetadataValue, MemberMetadata};
pub use consumer::{
    AssignedPartitions, ClassicMemberMetadata, ClassicProtocol,
    ConsumerGroupCurrentMemberAssignmentValue, ConsumerGroupMemberMetadataValue,
    ConsumerGroupMetadataValue, ConsumerGroupPartitionMetadataValue,
    ConsumerGroupRegularExpressionValue, ConsumerGroupTargetAssignmentMemberValue,
    ConsumerGroupTargetAssignmentMetadataValue, PartitionMetadata, TopicMetadata, TopicPartitions,
};
pub use keys::{GroupKey, MemberKey, OffsetCommitKey, RegularExpressionKey};
pub use offset::OffsetCommitValue;

use super::{
    KeyValue, RecordError, Value, read_key, read_prefix, read_value, write_key, write_value,
};
use crate::wire::{Wire, WireError};

/// A record of a group, or its deletion where the value is `None`.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupRecord {
    /// An offset that a group has committed. Records of the old type 0 are read as this too.
    OffsetCommit(OffsetCommitKey, Option<OffsetCommitValue>),
    /// A classic group.
    GroupMetadata(GroupKey, Option<GroupMetadataValue>),
    /// A consumer group (KIP-848) and its epoch.
    ConsumerGroupMetadata(GroupKey, Option<ConsumerGroupMetadataValue>),
    /// The topics that a group is subscribed to, as Kafka 4.0 kept them.
    ConsumerGroupPartitionMetadata(GroupKey, Option<ConsumerGroupPartitionMetadataValue>),
    /// A member of a consumer group and what it subscribes to.
    ConsumerGroupMemberMetadata(MemberKey, Option<ConsumerGroupMemberMetadataValue>),
    /// The epoch of a group's target assignment.
    ConsumerGroupTargetAssignmentMetadata(
        GroupKey,
        Option<ConsumerGroupTargetAssignmentMetadataValue>,
    ),
    /// What a member is to have in the end.
    ConsumerGroupTargetAssignmentMember(
        MemberKey,
        Option<ConsumerGroupTargetAssignmentMemberValue>,
    ),
    /// What a member has, and what it must give up.
    ConsumerGroupCurrentMemberAssignment(
        MemberKey,
        Option<ConsumerGroupCurrentMemberAssignmentValue>,
    ),
    /// The topics that a group's regular expression stood for.
    ConsumerGroupRegularExpression(
        RegularExpressionKey,
        Option<ConsumerGroupRegularExpressionValue>,
    ),
}

impl GroupRecord {
    /// Reads a record; `value` is `None` for a tombstone.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Self, RecordError> {
        let (record_type, key) = read_prefix("the key of a group's record", key)?;
        Ok(match record_type {
            // The legacy value has one version only, 0, with the layout of the other's version 0.
            0 | 1 => read(key, value, Self::OffsetCommit)?,
            2 => read(key, value, Self::GroupMetadata)?,
            3 => read(key, value, Self::ConsumerGroupMetadata)?,
            4 => read(key, value, Self::ConsumerGroupPartitionMetadata)?,
            5 => read(key, value, Self::ConsumerGroupMemberMetadata)?,
            6 => read(key, value, Self::ConsumerGroupTargetAssignmentMetadata)?,
            7 => read(key, value, Self::ConsumerGroupTargetAssignmentMember)?,
            8 => read(key, value, Self::ConsumerGroupCurrentMemberAssignment)?,
            16 => read(key, value, Self::ConsumerGroupRegularExpression)?,
            other => return Err(RecordError::UnknownType(other)),
        })
    }

    /// The record as it goes into a batch. It fails if a string is longer than Kafka's strings can be.
    pub fn encode(&self) -> Result<KeyValue, WireError> {
        match self {
            Self::OffsetCommit(key, value) => write(1, key, value),
            Self::GroupMetadata(key, value) => write(2, key, value),
            Self::ConsumerGroupMetadata(key, value) => write(3, key, value),
            Self::ConsumerGroupPartitionMetadata(key, value) => write(4, key, value),
            Self::ConsumerGroupMemberMetadata(key, value) => write(5, key, value),
            Self::ConsumerGroupTargetAssignmentMetadata(key, value) => write(6, key, value),
            Self::ConsumerGroupTargetAssignmentMember(key, value) => write(7, key, value),
            Self::ConsumerGroupCurrentMemberAssignment(key, value) => write(8, key, value),
            Self::ConsumerGroupRegularExpression(key, value) => write(16, key, value),
        }
    }

    /// True if it deletes.
    pub const fn is_tombstone(&self) -> bool {
        match self {
            Self::OffsetCommit(_, value) => value.is_none(),
            Self::GroupMetadata(_, value) => value.is_none(),
            Self::ConsumerGroupMetadata(_, value) => value.is_none(),
            Self::ConsumerGroupPartitionMetadata(_, value) => value.is_none(),
            Self::ConsumerGroupMemberMetadata(_, value) => value.is_none(),
            Self::ConsumerGroupTargetAssignmentMetadata(_, value) => value.is_none(),
            Self::ConsumerGroupTargetAssignmentMember(_, value) => value.is_none(),
            Self::ConsumerGroupCurrentMemberAssignment(_, value) => value.is_none(),
            Self::ConsumerGroupRegularExpression(_, value) => value.is_none(),
        }
    }

    /// The group that it belongs to.
    pub fn group_id(&self) -> &str {
        match self {
            Self::OffsetCommit(key, _) => &key.group_id,
            Self::GroupMetadata(key, _)
            | Self::ConsumerGroupMetadata(key, _)
            | Self::ConsumerGroupPartitionMetadata(key, _)
            | Self::ConsumerGroupTargetAssignmentMetadata(key, _) => &key.group_id,
            Self::ConsumerGroupMemberMetadata(key, _)
            | Self::ConsumerGroupTargetAssignmentMember(key, _)
            | Self::ConsumerGroupCurrentMemberAssignment(key, _) => &key.group_id,
            Self::ConsumerGroupRegularExpression(key, _) => &key.group_id,
        }
    }
}

/// Reads the key and the value of one type of record.
fn read<K: Wire, V: Value>(
    key: &[u8],
    value: Option<&[u8]>,
    record: fn(K, Option<V>) -> GroupRecord,
) -> Result<GroupRecord, RecordError> {
    Ok(record(read_key(V::NAME, key)?, value.map(read_value).transpose()?))
}

/// Writes the key and the value of one type of record.
fn write<K: Wire, V: Value>(
    record_type: i16,
    key: &K,
    value: &Option<V>,
) -> Result<KeyValue, WireError> {
    let value = value.as_ref().map(write_value).transpose()?;
    Ok(KeyValue { key: write_key(record_type, key)?, value })
}

#[cfg(test)]
mod tests;
