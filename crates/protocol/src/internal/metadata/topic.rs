//! Topics and their partitions.
//!
//! | `PartitionRecord` | type | versions |
//! |---|---|---|
//! | partition id | i32 | all |
//! | topic id | uuid | all |
//! | replicas, isr, removing replicas, adding replicas | array of i32 | all |
//! | leader, leader epoch, partition epoch | i32 | all |
//! | directories | array of uuid | 1 and later |
//! | leader recovery state | i8, tag 0 | all |
//! | eligible leader replicas, last known elr | array of i32 or null, tags 1 and 2 | 2 and later |
//!
//! A `PartitionChangeRecord` has the partition and the topic, and what is another in tagged fields: isr 0, leader 1,
//! replicas 2, removing replicas 3, adding replicas 4, leader recovery state 5, eligible leader replicas 6 and last
//! known elr 7 (2 and later), directories 8 (1 and later).

use crate::ids::{BrokerId, LeaderEpoch, PartitionId, TopicId};
use crate::wire::{Reader, Wire, WireError, Writer, wire_fields};

/// A new topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRecord {
    /// Its name.
    pub name: String,
    /// Its identity.
    pub topic_id: TopicId,
}
wire_fields!(TopicRecord { name, topic_id });

/// The end of a topic and all its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveTopicRecord {
    /// The topic.
    pub topic_id: TopicId,
}
wire_fields!(RemoveTopicRecord { topic_id });

/// The end of all eligible leader replicas of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearElrRecord {
    /// The topic's name; empty for all topics.
    pub topic_name: String,
}
wire_fields!(ClearElrRecord { topic_name });

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRecord {
    /// Which of the topic's partitions.
    pub partition_id: PartitionId,
    /// The topic.
    pub topic_id: TopicId,
    /// The brokers that have it, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// The replicas that are in sync.
    pub isr: Vec<BrokerId>,
    /// The replicas that a reassignment is taking away.
    pub removing_replicas: Vec<BrokerId>,
    /// The replicas that a reassignment is adding.
    pub adding_replicas: Vec<BrokerId>,
    /// The leader; -1 while there is none.
    pub leader: BrokerId,
    /// 1 while the leader recovers from an unclean election (KIP-704), else 0.
    pub leader_recovery_state: i8,
    /// Counts the elections.
    pub leader_epoch: LeaderEpoch,
    /// Counts the changes.
    pub partition_epoch: i32,
    /// The log directory of each replica, in the order of `replicas`; empty before Kafka 3.7 (KIP-858).
    pub directories: Vec<[u8; 16]>,
    /// The replicas that may lead although they left the ISR (KIP-966); Kafka writes `None` for an empty list.
    pub eligible_leader_replicas: Option<Vec<BrokerId>>,
    /// The last leader, kept while nobody may lead; Kafka writes `None` for an empty list.
    pub last_known_elr: Option<Vec<BrokerId>>,
}

impl Wire for PartitionRecord {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut record = Self {
            partition_id: reader.read()?,
            topic_id: reader.read()?,
            replicas: reader.read()?,
            isr: reader.read()?,
            removing_replicas: reader.read()?,
            adding_replicas: reader.read()?,
            leader: reader.read()?,
            leader_recovery_state: 0,
            leader_epoch: reader.read()?,
            partition_epoch: reader.read()?,
            directories: reader.read_since(1, Vec::new())?,
            eligible_leader_replicas: None,
            last_known_elr: None,
        };
        reader.read_tags(|tag, field| {
            match tag {
                0 => record.leader_recovery_state = field.read()?,
                1 => record.eligible_leader_replicas = field.read()?,
                2 => record.last_known_elr = field.read()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(record)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.partition_id);
        writer.write(&self.topic_id);
        writer.write(&self.replicas);
        writer.write(&self.isr);
        writer.write(&self.removing_replicas);
        writer.write(&self.adding_replicas);
        writer.write(&self.leader);
        writer.write(&self.leader_epoch);
        writer.write(&self.partition_epoch);
        writer.write_since(1, &self.directories);
        writer.write_tags(|tags| {
            tags.field(0, &self.leader_recovery_state, &0);
            tags.field(1, &self.eligible_leader_replicas, &None);
            tags.field(2, &self.last_known_elr, &None);
        });
    }
}

/// What is another about a partition than it was; where nothing is, the field says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionChangeRecord {
    /// Which of the topic's partitions.
    pub partition_id: PartitionId,
    /// The topic.
    pub topic_id: TopicId,
    /// The replicas that are in sync now.
    pub isr: Option<Vec<BrokerId>>,
    /// The leader now, -1 if there is none; [`Self::NO_LEADER_CHANGE`].
    pub leader: BrokerId,
    /// The replicas now.
    pub replicas: Option<Vec<BrokerId>>,
    /// The replicas that a reassignment takes away now.
    pub removing_replicas: Option<Vec<BrokerId>>,
    /// The replicas that a reassignment adds now.
    pub adding_replicas: Option<Vec<BrokerId>>,
    /// 1 if the leader recovers from an unclean election now, 0 if it no longer does;
    /// [`Self::NO_LEADER_RECOVERY_CHANGE`].
    pub leader_recovery_state: i8,
    /// The replicas that may lead although they left the ISR, now.
    pub eligible_leader_replicas: Option<Vec<BrokerId>>,
    /// The last leader, kept while nobody may lead.
    pub last_known_elr: Option<Vec<BrokerId>>,
    /// The log directory of each replica now.
    pub directories: Option<Vec<[u8; 16]>>,
}

impl PartitionChangeRecord {
    /// The leader stays.
    pub const NO_LEADER_CHANGE: BrokerId = BrokerId(-2);
    /// The leader recovers as before, or does not.
    pub const NO_LEADER_RECOVERY_CHANGE: i8 = -1;

    /// A change of nothing, for the caller to fill in.
    pub const fn new(topic_id: TopicId, partition_id: PartitionId) -> Self {
        Self {
            partition_id,
            topic_id,
            isr: None,
            leader: Self::NO_LEADER_CHANGE,
            replicas: None,
            removing_replicas: None,
            adding_replicas: None,
            leader_recovery_state: Self::NO_LEADER_RECOVERY_CHANGE,
            eligible_leader_replicas: None,
            last_known_elr: None,
            directories: None,
        }
    }
}

impl Wire for PartitionChangeRecord {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let partition_id = reader.read()?;
        let mut record = Self::new(reader.read()?, partition_id);
        reader.read_tags(|tag, field| {
            match tag {
                0 => record.isr = field.read()?,
                1 => record.leader = field.read()?,
                2 => record.replicas = field.read()?,
                3 => record.removing_replicas = field.read()?,
                4 => record.adding_replicas = field.read()?,
                5 => record.leader_recovery_state = field.read()?,
                6 => record.eligible_leader_replicas = field.read()?,
                7 => record.last_known_elr = field.read()?,
                8 => record.directories = field.read()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(record)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.partition_id);
        writer.write(&self.topic_id);
        writer.write_tags(|tags| {
            tags.field(0, &self.isr, &None);
            tags.field(1, &self.leader, &Self::NO_LEADER_CHANGE);
            tags.field(2, &self.replicas, &None);
            tags.field(3, &self.removing_replicas, &None);
            tags.field(4, &self.adding_replicas, &None);
            tags.field(5, &self.leader_recovery_state, &Self::NO_LEADER_RECOVERY_CHANGE);
            tags.field(6, &self.eligible_leader_replicas, &None);
            tags.field(7, &self.last_known_elr, &None);
            tags.field(8, &self.directories, &None);
        });
    }
}
