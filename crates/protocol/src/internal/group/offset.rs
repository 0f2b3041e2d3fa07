//! The offset that a group has committed for a partition. Version 4 is the first flexible one.
//!
//! | field | type | versions |
//! |---|---|---|
//! | offset | i64 | all |
//! | leader epoch | i32 | 3 and later |
//! | metadata | string | all |
//! | commit timestamp | i64 | all |
//! | expire timestamp | i64 | 1 alone |
//! | topic id | uuid, tag 0 | 4 and later |

use super::Value;
use crate::ids::{LeaderEpoch, Offset, Timestamp, TopicId};
use crate::wire::{Reader, Wire, WireError, Writer};

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitValue {
    /// The offset to go on at.
    pub offset: Offset,
    /// The leader epoch of the last record before it, if the client said it.
    pub leader_epoch: LeaderEpoch,
    /// What the client keeps with it.
    pub metadata: String,
    /// When it was committed.
    pub commit_timestamp: Timestamp,
    /// When it expires, if the client said it; such a record is written in version 1.
    pub expire_timestamp: Timestamp,
    /// The topic's id, if it was known; it is not kept beside an expire timestamp.
    pub topic_id: TopicId,
}

impl Value for OffsetCommitValue {
    const NAME: &'static str = "OffsetCommit";
    const NEWEST: i16 = 4;
    const FLEXIBLE_FROM: i16 = 4;

    fn written_version(&self) -> i16 {
        if self.expire_timestamp.is_none() { 4 } else { 1 }
    }
}

impl Wire for OffsetCommitValue {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut value = Self {
            offset: reader.read()?,
            leader_epoch: reader.read_since(3, LeaderEpoch::NONE)?,
            metadata: reader.read()?,
            commit_timestamp: reader.read()?,
            expire_timestamp: match reader.version() {
                1 => reader.read()?,
                _ => Timestamp::NONE,
            },
            topic_id: TopicId::ZERO,
        };
        reader.read_tags(|tag, field| {
            if tag == 0 {
                value.topic_id = field.read()?;
            }
            Ok(())
        })?;
        Ok(value)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.offset);
        writer.write_since(3, &self.leader_epoch);
        writer.write(&self.metadata);
        writer.write(&self.commit_timestamp);
        if writer.version() == 1 {
            writer.write(&self.expire_timestamp);
        }
        writer.write_tags(|tags| tags.field(0, &self.topic_id, &TopicId::ZERO));
    }
}
