//! The request OffsetFetch: version 10 names topics by id (KIP-848), which `kafka-protocol` lacks. Up to version 7 it
//! is for one group, and here it then has one group in its list. Version 6 is the first flexible one.
//!
//! | field | type | versions |
//! |---|---|---|
//! | group id | string | 1 to 7 |
//! | topics: name, partition indexes | array, or from 2 on null; string, array of i32 | 1 to 7 |
//! | groups | array | 8 and later |
//! | – group id | string | 8 and later |
//! | – member id, member epoch | string or null, i32 | 9 and later |
//! | – topics | array or null | 8 and later |
//! | – – name | string | 8 and 9 |
//! | – – topic id | uuid | 10 and later |
//! | – – partition indexes | array of i32 | 8 and later |
//! | require stable | bool | 7 and later |

use bytes::{BufMut, Bytes};

use crate::api::ApiKey;
use crate::ids::{PartitionId, TopicId};
use crate::wire::{Reader, Wire, WireError, Writer};

/// Asks for the committed offsets of groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetFetchRequest {
    /// The groups; exactly one before version 8.
    pub groups: Vec<OffsetFetchRequestGroup>,
    /// Whether to wait for offsets that a transaction has yet to commit.
    pub require_stable: bool,
}

/// A group whose offsets are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetFetchRequestGroup {
    /// The group.
    pub group_id: String,
    /// The member that asks, if it is one of a consumer group.
    pub member_id: Option<String>,
    /// Its epoch; -1 if it is none.
    pub member_epoch: i32,
    /// The topics; all for `None`.
    pub topics: Option<Vec<OffsetFetchRequestTopic>>,
}

/// A topic whose offsets are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetFetchRequestTopic {
    /// Its name; empty from version 10 on.
    pub name: String,
    /// Its id; zero before version 10.
    pub topic_id: TopicId,
    /// The partitions.
    pub partition_indexes: Vec<PartitionId>,
}

impl OffsetFetchRequest {
    pub(super) fn decode(body: &mut Bytes, version: i16) -> Result<Self, WireError> {
        let mut reader = Reader::new(body, version, ApiKey::OffsetFetch.is_flexible(version));
        let groups = if version <= 7 {
            let (group_id, topics) = (reader.read()?, reader.read()?);
            vec![OffsetFetchRequestGroup { group_id, member_id: None, member_epoch: -1, topics }]
        } else {
            reader.read()?
        };
        let request = Self { groups, require_stable: reader.read_since(7, false)? };
        reader.skip_tags()?;
        Ok(request)
    }

    pub(super) fn encode(&self, buf: &mut impl BufMut, version: i16) -> Result<(), String> {
        let mut writer = Writer::new(version, ApiKey::OffsetFetch.is_flexible(version));
        if version >= 8 {
            writer.write(&self.groups);
        } else if let [group] = &self.groups[..] {
            writer.write(&group.group_id);
            writer.write(&group.topics);
        } else {
            return Err(format!("it has {} groups, not one", self.groups.len()));
        }
        writer.write_since(7, &self.require_stable);
        writer.no_tags();
        buf.put_slice(&writer.finish().map_err(|error| error.to_string())?);
        Ok(())
    }
}

impl Wire for OffsetFetchRequestGroup {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let group = Self {
            group_id: reader.read()?,
            member_id: reader.read_since(9, None)?,
            member_epoch: reader.read_since(9, -1)?,
            topics: reader.read()?,
        };
        reader.skip_tags()?;
        Ok(group)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.group_id);
        writer.write_since(9, &self.member_id);
        writer.write_since(9, &self.member_epoch);
        writer.write(&self.topics);
        writer.no_tags();
    }
}

impl Wire for OffsetFetchRequestTopic {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let name = if reader.version() <= 9 { reader.read()? } else { String::new() };
        let topic_id = reader.read_since(10, TopicId::ZERO)?;
        let topic = Self { name, topic_id, partition_indexes: reader.read()? };
        reader.skip_tags()?;
        Ok(topic)
    }

    fn write(&self, writer: &mut Writer) {
        if writer.version() <= 9 {
            writer.write(&self.name);
        }
        writer.write_since(10, &self.topic_id);
        writer.write(&self.partition_indexes);
        writer.no_tags();
    }
}
