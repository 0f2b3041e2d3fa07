//! A consumer group (KIP-848), in one record for each thing that changes by itself. All are flexible and have the
//! version 0 alone; what came later is a tagged field.
//!
//! | record | fields, in order |
//! |---|---|
//! | `ConsumerGroupMetadata` | epoch i32; tag 0: metadata hash i64 |
//! | `ConsumerGroupPartitionMetadata` | topics |
//! | `ConsumerGroupMemberMetadata` | the fields of the struct; tag 0: classic member metadata, a struct or null |
//! | `ConsumerGroupTargetAssignmentMetadata` | assignment epoch i32; tag 0: assignment timestamp i64 |
//! | `ConsumerGroupTargetAssignmentMember` | partitions by topic |
//! | `ConsumerGroupCurrentMemberAssignment` | epoch i32, previous epoch i32, state i8, two lists of partitions |
//! | `ConsumerGroupRegularExpression` | topics, version i64, timestamp i64 |

use bytes::Bytes;

use super::Value;
use crate::ids::{PartitionId, Timestamp, TopicId};
use crate::wire::{Nullable, Reader, Wire, WireError, Writer, wire_fields};

/// The epoch of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupMetadataValue {
    /// It rises whenever members, subscriptions or topics change.
    pub epoch: i32,
    /// The hash of all topics that the group is subscribed to (KIP-1101); 0 if there is none.
    pub metadata_hash: i64,
}

impl Wire for ConsumerGroupMetadataValue {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut value = Self { epoch: reader.read()?, metadata_hash: 0 };
        reader.read_tags(|tag, field| {
            if tag == 0 {
                value.metadata_hash = field.read()?;
            }
            Ok(())
        })?;
        Ok(value)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.epoch);
        writer.write_tags(|tags| tags.field(0, &self.metadata_hash, &0));
    }
}

/// The topics that a group is subscribed to. Kafka 4.1 and later only delete this record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupPartitionMetadataValue {
    /// The topics.
    pub topics: Vec<TopicMetadata>,
}
wire_fields!(ConsumerGroupPartitionMetadataValue { topics });

/// A topic that a group is subscribed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMetadata {
    /// Its id.
    pub topic_id: TopicId,
    /// Its name.
    pub topic_name: String,
    /// How many partitions it has.
    pub num_partitions: i32,
    /// The racks of the partitions; empty since Kafka 4.0.
    pub partition_metadata: Vec<PartitionMetadata>,
}
wire_fields!(TopicMetadata { topic_id, topic_name, num_partitions, partition_metadata });

/// Where a partition's replicas are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMetadata {
    /// The partition.
    pub partition: PartitionId,
    /// The racks of its replicas.
    pub racks: Vec<String>,
}
wire_fields!(PartitionMetadata { partition, racks });

/// A member and what it subscribes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupMemberMetadataValue {
    /// The id of a static member.
    pub instance_id: Option<String>,
    /// The member's rack.
    pub rack_id: Option<String>,
    /// The client's id.
    pub client_id: String,
    /// The client's address, as Kafka prints it.
    pub client_host: String,
    /// The topics that it subscribes to by name; Kafka sorts them.
    pub subscribed_topic_names: Vec<String>,
    /// The regular expression that it subscribes by.
    pub subscribed_topic_regex: Option<String>,
    /// How long it may take to give up partitions; -1 if it did not say.
    pub rebalance_timeout_ms: i32,
    /// The assignor that it asks for.
    pub server_assignor: Option<String>,
    /// What a member with the classic protocol said when it joined.
    pub classic_member_metadata: Option<ClassicMemberMetadata>,
}

impl Wire for ConsumerGroupMemberMetadataValue {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut value = Self {
            instance_id: reader.read()?,
            rack_id: reader.read()?,
            client_id: reader.read()?,
            client_host: reader.read()?,
            subscribed_topic_names: reader.read()?,
            subscribed_topic_regex: reader.read()?,
            rebalance_timeout_ms: reader.read()?,
            server_assignor: reader.read()?,
            classic_member_metadata: None,
        };
        reader.read_tags(|tag, field| {
            if tag == 0 {
                value.classic_member_metadata = field.read()?;
            }
            Ok(())
        })?;
        Ok(value)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.instance_id);
        writer.write(&self.rack_id);
        writer.write(&self.client_id);
        writer.write(&self.client_host);
        writer.write(&self.subscribed_topic_names);
        writer.write(&self.subscribed_topic_regex);
        writer.write(&self.rebalance_timeout_ms);
        writer.write(&self.server_assignor);
        writer.write_tags(|tags| tags.field(0, &self.classic_member_metadata, &None));
    }
}

/// What a member that still uses the classic protocol said when it joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassicMemberMetadata {
    /// How long it may be silent.
    pub session_timeout_ms: i32,
    /// The protocols that it supports, the best first.
    pub supported_protocols: Vec<ClassicProtocol>,
}
wire_fields!(ClassicMemberMetadata { session_timeout_ms, supported_protocols });
impl Nullable for ClassicMemberMetadata {}

/// A protocol that a member supports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassicProtocol {
    /// Its name.
    pub name: String,
    /// The member's subscription under it.
    pub metadata: Bytes,
}
wire_fields!(ClassicProtocol { name, metadata });

/// The epoch of a group's target assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupTargetAssignmentMetadataValue {
    /// The epoch of the group that it was computed for.
    pub assignment_epoch: i32,
    /// When it was computed (KIP-1263); 0 in records of Kafka before 4.3.
    pub assignment_timestamp: Timestamp,
}

impl Wire for ConsumerGroupTargetAssignmentMetadataValue {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut value =
            Self { assignment_epoch: reader.read()?, assignment_timestamp: Timestamp(0) };
        reader.read_tags(|tag, field| {
            if tag == 0 {
                value.assignment_timestamp = field.read()?;
            }
            Ok(())
        })?;
        Ok(value)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.assignment_epoch);
        writer.write_tags(|tags| tags.field(0, &self.assignment_timestamp, &Timestamp(0)));
    }
}

/// What a member is to have in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupTargetAssignmentMemberValue {
    /// Its partitions.
    pub topic_partitions: Vec<TopicPartitions>,
}
wire_fields!(ConsumerGroupTargetAssignmentMemberValue { topic_partitions });

/// Partitions of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPartitions {
    /// The topic.
    pub topic_id: TopicId,
    /// The partitions.
    pub partitions: Vec<PartitionId>,
}
wire_fields!(TopicPartitions { topic_id, partitions });

/// What a member has, and what it must give up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupCurrentMemberAssignmentValue {
    /// The epoch that the member is to send.
    pub member_epoch: i32,
    /// The epoch before: a member that missed the answer still sends this one.
    pub previous_member_epoch: i32,
    /// How far the member is on its way to the target assignment; Kafka's `MemberState` has the numbers.
    pub state: i8,
    /// What the member has.
    pub assigned_partitions: Vec<AssignedPartitions>,
    /// What the member must give up.
    pub partitions_pending_revocation: Vec<AssignedPartitions>,
}
wire_fields!(ConsumerGroupCurrentMemberAssignmentValue {
    member_epoch,
    previous_member_epoch,
    state,
    assigned_partitions,
    partitions_pending_revocation,
});

/// Partitions of one topic, and since when the member has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignedPartitions {
    /// The topic.
    pub topic_id: TopicId,
    /// The partitions.
    pub partitions: Vec<PartitionId>,
    /// For each partition the member's epoch when it got it, to fence late commits (KIP-1251); in tag 0.
    pub assignment_epochs: Option<Vec<i32>>,
}

impl Wire for AssignedPartitions {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut value =
            Self { topic_id: reader.read()?, partitions: reader.read()?, assignment_epochs: None };
        reader.read_tags(|tag, field| {
            if tag == 0 {
                value.assignment_epochs = field.read()?;
            }
            Ok(())
        })?;
        Ok(value)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.topic_id);
        writer.write(&self.partitions);
        writer.write_tags(|tags| tags.field(0, &self.assignment_epochs, &None));
    }
}

/// The topics that a regular expression stood for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupRegularExpressionValue {
    /// The topics; Kafka sorts them.
    pub topics: Vec<String>,
    /// The version of the metadata that the expression was matched against: an offset of the metadata log.
    pub version: i64,
    /// When it was matched.
    pub timestamp: Timestamp,
}
wire_fields!(ConsumerGroupRegularExpressionValue { topics, version, timestamp });

/// Names the values; version 0 is the newest of all.
macro_rules! values {
    ($($name:literal: $value:ty),* $(,)?) => {
        $(impl Value for $value {
            const NAME: &'static str = $name;
            const NEWEST: i16 = 0;
        })*
    };
}

values! {
    "ConsumerGroupMetadata": ConsumerGroupMetadataValue,
    "ConsumerGroupPartitionMetadata": ConsumerGroupPartitionMetadataValue,
    "ConsumerGroupMemberMetadata": ConsumerGroupMemberMetadataValue,
    "ConsumerGroupTargetAssignmentMetadata": ConsumerGroupTargetAssignmentMetadataValue,
    "ConsumerGroupTargetAssignmentMember": ConsumerGroupTargetAssignmentMemberValue,
    "ConsumerGroupCurrentMemberAssignment": ConsumerGroupCurrentMemberAssignmentValue,
    "ConsumerGroupRegularExpression": ConsumerGroupRegularExpressionValue,
}
