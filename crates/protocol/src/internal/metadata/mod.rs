//! The records of `__cluster_metadata`. Kafka's classes are in its package `common.metadata`. A record has no key; its
//! value begins with a frame (`MetadataRecordSerde`):
//!
//! | frame version, 1 | api key | version | fields, always flexible |
//! |---|---|---|---|
//! | unsigned varint | unsigned varint | unsigned varint | up to the end |
//!
//! Every version that Kafka 4.3 reads is read; what is written has the version that Kafka writes at metadata.version
//! 4.3-IV0, whose feature level is 30. Other than in the coordinators' topics, bytes behind the last field are an
//! error, as they are in Kafka.
//!
//! The log also has control batches: [`ControlRecord`].

mod broker;
mod cluster;
mod control;
mod security;
mod topic;

pub use broker::{
    BrokerRegistrationChangeRecord, Endpoint, FenceBrokerRecord, RegisterBrokerRecord,
    RegisterControllerRecord, SupportedFeature, UnfenceBrokerRecord, UnregisterBrokerRecord,
};
pub use cluster::{
    AbortTransactionRecord, BeginTransactionRecord, ClientQuotaRecord, ConfigRecord,
    EndTransactionRecord, EntityData, FeatureLevelRecord, NoOpRecord, ProducerIdsRecord,
    ZkMigrationStateRecord,
};
pub use control::{
    ControlRecord, KRaftVersionFeature, KRaftVersionRecord, LeaderChangeMessage,
    SnapshotFooterRecord, SnapshotHeaderRecord, Voter, VoterEndpoint, VoterId, VotersRecord,
};
pub use security::{
    AccessControlEntryRecord, DelegationTokenRecord, RemoveAccessControlEntryRecord,
    RemoveDelegationTokenRecord, RemoveUserScramCredentialRecord, UserScramCredentialRecord,
};
pub use topic::{
    ClearElrRecord, PartitionChangeRecord, PartitionRecord, RemoveTopicRecord, TopicRecord,
};

use bytes::Bytes;

use super::{RecordError, Value, reader};
use crate::varint::VarintError;
use crate::wire::{Reader, WireError, Writer};

/// The one frame version.
const FRAME_VERSION: i16 = 1;

/// Declares [`MetadataRecord`] from one row for each record: its api key, its newest version, and a method that says
/// which one Kafka writes where that is not the newest.
macro_rules! records {
    ($(
        $(#[$doc:meta])*
        $key:literal, $newest:literal: $name:ident($record:ident $(, $written:ident)?);
    )*) => {
        /// A change of the cluster's metadata.
        #[derive(Clone, Debug, PartialEq)]
        pub enum MetadataRecord {
            $($(#[$doc])* $name($record),)*
        }

        $(impl Value for $record {
            const NAME: &'static str = stringify!($record);
            const NEWEST: i16 = $newest;

            $(fn written_version(&self) -> i16 {
                self.$written()
            })?
        })*

        impl MetadataRecord {
            /// Reads the value of a record.
            pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
                let (api_key, version, fields) = read_frame(bytes)?;
                Ok(match api_key {
                    $($key => Self::$name(read(version, fields)?),)*
                    other => return Err(RecordError::UnknownType(other)),
                })
            }

            /// The value of the record, as it goes into a batch. It fails if a string is longer than Kafka's strings
            /// can be.
            pub fn encode(&self) -> Result<Bytes, WireError> {
                match self {
                    $(Self::$name(record) => write($key, record),)*
                }
            }
        }
    };
}

records! {
    /// A broker has registered.
    0, 4: RegisterBroker(RegisterBrokerRecord);
    /// A broker's registration is gone.
    1, 0: UnregisterBroker(UnregisterBrokerRecord);
    /// There is a new topic; its partitions follow.
    2, 0: Topic(TopicRecord);
    /// There is a new partition; in a snapshot, a partition as it is.
    3, 2: Partition(PartitionRecord);
    /// A resource has or no longer has a setting.
    4, 0: Config(ConfigRecord);
    /// A partition is no longer as it was.
    5, 2: PartitionChange(PartitionChangeRecord);
    /// A broker is fenced; later versions of Kafka write [`Self::BrokerRegistrationChange`].
    7, 0: FenceBroker(FenceBrokerRecord);
    /// A broker is no longer fenced; later versions of Kafka write [`Self::BrokerRegistrationChange`].
    8, 0: UnfenceBroker(UnfenceBrokerRecord);
    /// A topic and all its partitions are gone.
    9, 0: RemoveTopic(RemoveTopicRecord);
    /// There is a new delegation token, or one was renewed.
    10, 0: DelegationToken(DelegationTokenRecord);
    /// A user has a SCRAM credential.
    11, 0: UserScramCredential(UserScramCredentialRecord);
    /// A feature has another level for the whole cluster.
    12, 0: FeatureLevel(FeatureLevelRecord);
    /// A client quota was set or removed.
    14, 0: ClientQuota(ClientQuotaRecord);
    /// A broker was given producer ids.
    15, 0: ProducerIds(ProducerIdsRecord);
    /// A broker is fenced or not, is shutting down, or has other log directories.
    17, 3: BrokerRegistrationChange(BrokerRegistrationChangeRecord, least_version);
    /// There is a new ACL.
    18, 0: AccessControlEntry(AccessControlEntryRecord);
    /// An ACL is gone.
    19, 0: RemoveAccessControlEntry(RemoveAccessControlEntryRecord);
    /// Nothing; it is written at intervals, so that a node that lags behind shows (KIP-835).
    20, 0: NoOp(NoOpRecord);
    /// How far the move away from ZooKeeper is.
    21, 0: ZkMigrationState(ZkMigrationStateRecord);
    /// A user no longer has a SCRAM credential.
    22, 0: RemoveUserScramCredential(RemoveUserScramCredentialRecord);
    /// The records up to the end or the abort count together or not at all (KIP-868).
    23, 0: BeginTransaction(BeginTransactionRecord);
    /// The records since the beginning count.
    24, 0: EndTransaction(EndTransactionRecord);
    /// The records since the beginning do not count.
    25, 0: AbortTransaction(AbortTransactionRecord);
    /// A delegation token is gone.
    26, 0: RemoveDelegationToken(RemoveDelegationTokenRecord);
    /// A controller has registered.
    27, 0: RegisterController(RegisterControllerRecord);
    /// One or all topics lose their eligible leader replicas (KIP-966).
    28, 0: ClearElr(ClearElrRecord);
}

/// Reads the frame: the api key, the version, and what follows.
fn read_frame(bytes: &[u8]) -> Result<(i16, i16, &[u8]), RecordError> {
    let record = "the frame of a metadata record";
    let mut reader = Reader::new(bytes, 0, true);
    let mut next =
        || read_short(&mut reader).map_err(|error| RecordError::Damaged { record, error });
    let version = next()?;
    if version != FRAME_VERSION {
        return Err(RecordError::UnknownVersion { record, version, newest: FRAME_VERSION });
    }
    Ok((next()?, next()?, reader.rest()))
}

/// A variable-length number that must fit 15 bits.
fn read_short(reader: &mut Reader<'_>) -> Result<i16, WireError> {
    i16::try_from(reader.varint()?).map_err(|_| WireError::Varint(VarintError::Overlong))
}

/// Reads the fields of a record, behind which there must be nothing.
fn read<V: Value>(version: i16, fields: &[u8]) -> Result<V, RecordError> {
    let mut reader = reader::<V>(version, fields)?;
    let record = reader.read().and_then(|record| reader.finish().map(|()| record));
    record.map_err(|error| RecordError::Damaged { record: V::NAME, error })
}

/// Writes a record behind its frame.
fn write<V: Value>(api_key: i16, record: &V) -> Result<Bytes, WireError> {
    let version = record.written_version();
    let mut writer = Writer::new(version, true);
    for number in [FRAME_VERSION, api_key, version] {
        writer.varint(u32::from(number.cast_unsigned()));
    }
    writer.write(record);
    writer.finish().map(Bytes::from)
}

#[cfg(test)]
mod tests;
