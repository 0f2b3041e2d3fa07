//! A classic group and its members: protocol, generation, assignments. Kafka writes version 3; 4 is the first flexible.
//!
//! | field | type | versions |
//! |---|---|---|
//! | protocol type | string | all |
//! | generation | i32 | all |
//! | protocol, leader | string or null | all |
//! | time of the current state | i64 | 2 and later |
//! | members | array | all |
//!
//! | member's field | type | versions |
//! |---|---|---|
//! | member id | string | all |
//! | group instance id | string or null | 3 and later |
//! | client id, client host | string | all |
//! | rebalance timeout | i32 | 1 and later |
//! | session timeout | i32 | all |
//! | subscription, assignment | bytes | all |

use bytes::Bytes;

use super::Value;
use crate::ids::Timestamp;
use crate::wire::{Reader, Wire, WireError, Writer};

/// A classic group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadataValue {
    /// What kind of group it is: `consumer`, `connect`; empty while it has no members.
    pub protocol_type: String,
    /// How often it has rebalanced.
    pub generation: i32,
    /// The protocol that its members chose.
    pub protocol: Option<String>,
    /// The member that assigns.
    pub leader: Option<String>,
    /// When it entered its current state.
    pub current_state_timestamp: Timestamp,
    /// Its members.
    pub members: Vec<MemberMetadata>,
}

/// A member of a classic group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberMetadata {
    /// Its id.
    pub member_id: String,
    /// The id of a static member (KIP-345).
    pub group_instance_id: Option<String>,
    /// The client's id.
    pub client_id: String,
    /// The client's address, as Kafka prints it.
    pub client_host: String,
    /// How long it may take to join again; -1 in records of version 0.
    pub rebalance_timeout_ms: i32,
    /// How long it may be silent.
    pub session_timeout_ms: i32,
    /// What it said under the chosen protocol when it joined.
    pub subscription: Bytes,
    /// What the leader assigned to it.
    pub assignment: Bytes,
}

impl Value for GroupMetadataValue {
    const NAME: &'static str = "GroupMetadata";
    const NEWEST: i16 = 4;
    const FLEXIBLE_FROM: i16 = 4;

    fn written_version(&self) -> i16 {
        3
    }
}

impl Wire for GroupMetadataValue {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let value = Self {
            protocol_type: reader.read()?,
            generation: reader.read()?,
            protocol: reader.read()?,
            leader: reader.read()?,
            current_state_timestamp: reader.read_since(2, Timestamp::NONE)?,
            members: reader.read()?,
        };
        reader.skip_tags()?;
        Ok(value)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.protocol_type);
        writer.write(&self.generation);
        writer.write(&self.protocol);
        writer.write(&self.leader);
        writer.write_since(2, &self.current_state_timestamp);
        writer.write(&self.members);
        writer.no_tags();
    }
}

impl Wire for MemberMetadata {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let value = Self {
            member_id: reader.read()?,
            group_instance_id: reader.read_since(3, None)?,
            client_id: reader.read()?,
            client_host: reader.read()?,
            rebalance_timeout_ms: reader.read_since(1, -1)?,
            session_timeout_ms: reader.read()?,
            subscription: reader.read()?,
            assignment: reader.read()?,
        };
        reader.skip_tags()?;
        Ok(value)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.member_id);
        writer.write_since(3, &self.group_instance_id);
        writer.write(&self.client_id);
        writer.write(&self.client_host);
        writer.write_since(1, &self.rebalance_timeout_ms);
        writer.write(&self.session_timeout_ms);
        writer.write(&self.subscription);
        writer.write(&self.assignment);
        writer.no_tags();
    }
}
