//! What the quorum writes into its log and its snapshots for itself, in control batches. Kafka's classes are in its
//! package `common.message`; all are written in version 0, which is flexible.
//!
//! | key | value |
//! |---|---|
//! | version i16, type i16 | version i16, fields |
//!
//! | type | record | fields |
//! |---|---|---|
//! | 2 | `LeaderChange` | leader i32, voters, granting voters |
//! | 3 | `SnapshotHeader` | last contained log timestamp i64 |
//! | 4 | `SnapshotFooter` | none |
//! | 5 | `KRaftVersion` | level i16 |
//! | 6 | `KRaftVoters` | voters |

use bytes::Bytes;

use super::super::{KeyValue, RecordError, Value, read_prefix, read_value, write_value};
use crate::ids::{BrokerId, Timestamp};
use crate::record::ControlType;
use crate::wire::{WireError, wire_fields};

/// A control record of the metadata log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlRecord {
    /// The first record of each epoch.
    LeaderChange(LeaderChangeMessage),
    /// The first record of a snapshot.
    SnapshotHeader(SnapshotHeaderRecord),
    /// The last record of a snapshot: one without it is not whole.
    SnapshotFooter(SnapshotFooterRecord),
    /// The level of the feature `kraft.version`.
    KRaftVersion(KRaftVersionRecord),
    /// The voters, from level 1 on (KIP-853).
    KRaftVoters(VotersRecord),
}

impl ControlRecord {
    /// Reads a record of a control batch.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordError> {
        let name = "the key of a control record";
        let (_, record_type) = read_prefix(name, key)?;
        let (record_type, _) = read_prefix(name, record_type)?;
        Ok(match record_type {
            2 => Self::LeaderChange(read_value(value)?),
            3 => Self::SnapshotHeader(read_value(value)?),
            4 => Self::SnapshotFooter(read_value(value)?),
            5 => Self::KRaftVersion(read_value(value)?),
            6 => Self::KRaftVoters(read_value(value)?),
            other => return Err(RecordError::UnknownType(other)),
        })
    }

    /// The record as it goes into a control batch. It fails if a string is longer than Kafka's strings can be.
    pub fn encode(&self) -> Result<KeyValue, WireError> {
        let (control_type, value) = match self {
            Self::LeaderChange(value) => (ControlType::LeaderChange, write_value(value)),
            Self::SnapshotHeader(value) => (ControlType::SnapshotHeader, write_value(value)),
            Self::SnapshotFooter(value) => (ControlType::SnapshotFooter, write_value(value)),
            Self::KRaftVersion(value) => (ControlType::KraftVersion, write_value(value)),
            Self::KRaftVoters(value) => (ControlType::KraftVoters, write_value(value)),
        };
        Ok(KeyValue { key: Bytes::copy_from_slice(&control_type.key()), value: Some(value?) })
    }
}

/// A new leader of the quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderChangeMessage {
    /// The leader.
    pub leader_id: BrokerId,
    /// The voters of its epoch.
    pub voters: Vec<VoterId>,
    /// Those who voted for it.
    pub granting_voters: Vec<VoterId>,
}
wire_fields!(LeaderChangeMessage { leader_id, voters, granting_voters });

/// A voter, by its id alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterId {
    /// The voter.
    pub voter_id: BrokerId,
}
wire_fields!(VoterId { voter_id });

/// The beginning of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotHeaderRecord {
    /// When the last record that the snapshot stands for was appended.
    pub last_contained_log_timestamp: Timestamp,
}
wire_fields!(SnapshotHeaderRecord { last_contained_log_timestamp });

/// The end of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFooterRecord;
wire_fields!(SnapshotFooterRecord {});

/// A level of the quorum's protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KRaftVersionRecord {
    /// The level.
    pub kraft_version: i16,
}
wire_fields!(KRaftVersionRecord { kraft_version });

/// The voters of the quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VotersRecord {
    /// The voters.
    pub voters: Vec<Voter>,
}
wire_fields!(VotersRecord { voters });

/// A voter and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    /// The voter.
    pub voter_id: BrokerId,
    /// The directory of its metadata log: a voter that lost its disk is another one.
    pub voter_directory_id: [u8; 16],
    /// Where it is reached.
    pub endpoints: Vec<VoterEndpoint>,
    /// The levels of the quorum's protocol that it supports.
    pub kraft_version_feature: KRaftVersionFeature,
}
wire_fields!(Voter { voter_id, voter_directory_id, endpoints, kraft_version_feature });

/// Where a voter listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterEndpoint {
    /// The listener's name.
    pub name: String,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}
wire_fields!(VoterEndpoint { name, host, port });

/// The levels of the quorum's protocol that a voter supports, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KRaftVersionFeature {
    /// The lowest.
    pub min_supported_version: i16,
    /// The highest.
    pub max_supported_version: i16,
}
wire_fields!(KRaftVersionFeature { min_supported_version, max_supported_version });

impl Value for LeaderChangeMessage {
    const NAME: &'static str = "LeaderChangeMessage";
}

impl Value for SnapshotHeaderRecord {
    const NAME: &'static str = "SnapshotHeaderRecord";
}

impl Value for SnapshotFooterRecord {
    const NAME: &'static str = "SnapshotFooterRecord";
}

impl Value for KRaftVersionRecord {
    const NAME: &'static str = "KRaftVersionRecord";
}

impl Value for VotersRecord {
    const NAME: &'static str = "VotersRecord";
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::record;
    use super::*;
    use proptest::prelude::*;

    /// The records of Kafka and what they are.
    fn rows() -> [(&'static str, &'static str, ControlRecord); 5] {
        let voter = |id| VoterId { voter_id: BrokerId(id) };
        let change = LeaderChangeMessage {
            leader_id: BrokerId(1),
            voters: vec![voter(1), voter(2)],
            granting_voters: vec![voter(2)],
        };
        let header =
            SnapshotHeaderRecord { last_contained_log_timestamp: Timestamp(1_700_000_000_000) };
        let level = KRaftVersionRecord { kraft_version: 1 };
        let endpoint = VoterEndpoint {
            name: "CONTROLLER".to_owned(),
            host: "localhost".to_owned(),
            port: 65535,
        };
        let voter = Voter {
            voter_id: BrokerId(1),
            voter_directory_id: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
            endpoints: vec![endpoint],
            kraft_version_feature: KRaftVersionFeature {
                min_supported_version: 0,
                max_supported_version: 1,
            },
        };
        let voters = VotersRecord { voters: vec![voter] };
        let footer = ControlRecord::SnapshotFooter(SnapshotFooterRecord);
        [
            ("LEADER_CHANGE", "LeaderChangeMessage", ControlRecord::LeaderChange(change)),
            ("SNAPSHOT_HEADER", "SnapshotHeaderRecord", ControlRecord::SnapshotHeader(header)),
            ("SNAPSHOT_FOOTER", "SnapshotFooterRecord", footer),
            ("KRAFT_VERSION", "KRaftVersionRecord", ControlRecord::KRaftVersion(level)),
            ("KRAFT_VOTERS", "VotersRecord", ControlRecord::KRaftVoters(voters)),
        ]
    }

    #[test]
    fn control_record_is_read_and_written_as_kafka_writes_it() {
        for (key, value, expected) in rows() {
            let (key, value) = (record(&format!("control_{key}")), record(value));
            assert_eq!(ControlRecord::decode(&key, &value).unwrap(), expected);
            let written = expected.encode().unwrap();
            assert_eq!(written, KeyValue { key: key.into(), value: Some(value.into()) });
        }
    }

    #[test]
    fn control_record_of_a_later_kafka_is_told_from_a_damaged_one() {
        let value = record("VotersRecord");
        for record_type in [0, 1, 7] {
            let read = ControlRecord::decode(&[0, 0, 0, record_type], &value);
            assert_eq!(read, Err(RecordError::UnknownType(i16::from(record_type))));
        }
        let version = RecordError::UnknownVersion { record: "VotersRecord", version: 1, newest: 0 };
        assert_eq!(ControlRecord::decode(&[0, 0, 0, 6], &[0, 1, 1, 0]), Err(version));
        // A key of a later version, and a tag and bytes that it may have brought, are passed over.
        let footer = ControlRecord::SnapshotFooter(SnapshotFooterRecord);
        let later = ControlRecord::decode(&[0, 1, 0, 4, 9], &[0, 0, 1, 99, 1, 7, 8]);
        assert_eq!(later, Ok(footer));
        for (key, value) in [(&[0, 0, 0][..], &value[..]), (&[0, 0, 0, 6], &value[..9])] {
            let read = ControlRecord::decode(key, value);
            assert!(matches!(read, Err(RecordError::Damaged { .. })), "{read:?}");
        }
    }

    proptest! {
        /// Any of Kafka's records with some of its bytes replaced, and any bytes.
        #[test]
        fn damaged_control_records_never_panic(
            row in 0..5usize,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            arbitrary in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let (key, value, _) = &rows()[row];
            let (key, mut value) = (record(&format!("control_{key}")), record(value));
            for (place, byte) in damage {
                *place.get_mut(&mut value[..]) = byte;
            }
            for value in [value, arbitrary] {
                if let Ok(read) = ControlRecord::decode(&key, &value) {
                    let written = read.encode().unwrap();
                    let again = ControlRecord::decode(&written.key, &written.value.unwrap());
                    prop_assert_eq!(again, Ok(read));
                }
            }
        }
    }
}
