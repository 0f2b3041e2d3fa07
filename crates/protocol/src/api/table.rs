//! The table of Kafka 4.3's APIs: 89 that have a request. Keys 4 to 7 went with ZooKeeper.
//!
//! The columns: variant and key; the versions that we speak, first and last; the first flexible one; the quota; the
//! scope. A remark says where Kafka has versions that we do not, or do not yet.

use super::{Api, Scope, Throttle, Versions};

/// Declares the keys and the table behind [`ApiKey::info`].
macro_rules! apis {
    ($($name:ident = $key:literal, $min:literal..$max:literal, $flexible:expr, $throttle:ident, $scope:ident;)*) => {
        /// The API that a request is for.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        #[expect(missing_docs, reason = "the names are those of the messages in Kafka's documentation")]
        pub enum ApiKey {
            $($name = $key,)*
        }

        impl ApiKey {
            /// Every API, in the order of the keys.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The API with this key, if Kafka 4.3 has one.
            pub const fn from_key(key: i16) -> Option<Self> {
                match key {
                    $($key => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// What the table says of it.
            pub fn info(self) -> &'static Api {
                match self {
                    $(Self::$name => &Api {
                        name: stringify!($name),
                        versions: Versions { min: $min, max: $max },
                        flexible_from: $flexible,
                        throttle: Throttle::$throttle,
                        scope: Scope::$scope,
                    },)*
                }
            }
        }
    };
}

/// In the column of the first flexible version: there is none.
const NEVER: i16 = i16::MAX;

apis! {
    Produce                      =  0, 3..13, 9,     Produce,  Client;
    Fetch                        =  1, 4..18, 12,    Fetch,    Client;
    ListOffsets                  =  2, 1..11, 6,     Request,  Client;
    Metadata                     =  3, 0..13, 9,     Request,  Client;
    OffsetCommit                 =  8, 2..10, 8,     Request,  Client;
    OffsetFetch                  =  9, 1..10, 6,     Request,  Client;
    FindCoordinator              = 10, 0..6,  3,     Request,  Client;
    JoinGroup                    = 11, 0..9,  6,     Request,  Client;
    Heartbeat                    = 12, 0..4,  4,     Request,  Client;
    LeaveGroup                   = 13, 0..5,  4,     Request,  Client;
    SyncGroup                    = 14, 0..5,  4,     Request,  Client;
    DescribeGroups               = 15, 0..6,  5,     Request,  Client;
    ListGroups                   = 16, 0..5,  3,     Request,  Client;
    SaslHandshake                = 17, 0..1,  NEVER, Request,  Unauthenticated;
    ApiVersions                  = 18, 0..4,  3,     Request,  Unauthenticated;
    CreateTopics                 = 19, 2..7,  5,     Mutation, Cluster;
    DeleteTopics                 = 20, 1..6,  4,     Mutation, Cluster;
    DeleteRecords                = 21, 0..2,  2,     Request,  Client;
    InitProducerId               = 22, 0..5,  2,     Request,  Client; // Kafka marks 6 as unstable.
    OffsetForLeaderEpoch         = 23, 2..4,  4,     Request,  Client;
    AddPartitionsToTxn           = 24, 0..5,  3,     Request,  Client;
    AddOffsetsToTxn              = 25, 0..4,  3,     Request,  Client;
    EndTxn                       = 26, 0..5,  3,     Request,  Client;
    WriteTxnMarkers              = 27, 1..2,  1,     Exempt,   Node;
    TxnOffsetCommit              = 28, 0..5,  3,     Request,  Client;
    DescribeAcls                 = 29, 1..3,  2,     Request,  Client;
    CreateAcls                   = 30, 1..3,  2,     Request,  Cluster;
    DeleteAcls                   = 31, 1..3,  2,     Request,  Cluster;
    DescribeConfigs              = 32, 1..4,  4,     Request,  Client;
    AlterConfigs                 = 33, 0..2,  2,     Request,  Cluster;
    AlterReplicaLogDirs          = 34, 1..2,  2,     Request,  Client;
    DescribeLogDirs              = 35, 1..5,  2,     Request,  Client;
    SaslAuthenticate             = 36, 0..2,  2,     Request,  Unauthenticated;
    CreatePartitions             = 37, 0..3,  2,     Mutation, Cluster;
    CreateDelegationToken        = 38, 1..3,  2,     Request,  Cluster;
    RenewDelegationToken         = 39, 1..2,  2,     Request,  Cluster;
    ExpireDelegationToken        = 40, 1..2,  2,     Request,  Cluster;
    DescribeDelegationToken      = 41, 1..3,  2,     Request,  Client;
    DeleteGroups                 = 42, 0..2,  2,     Request,  Client;
    ElectLeaders                 = 43, 0..2,  2,     Request,  Cluster;
    IncrementalAlterConfigs      = 44, 0..1,  1,     Request,  Cluster;
    AlterPartitionReassignments  = 45, 0..1,  0,     Request,  Cluster;
    ListPartitionReassignments   = 46, 0..0,  0,     Request,  Client;
    OffsetDelete                 = 47, 0..0,  NEVER, Request,  Client;
    DescribeClientQuotas         = 48, 0..1,  1,     Request,  Client;
    AlterClientQuotas            = 49, 0..1,  1,     Request,  Cluster;
    DescribeUserScramCredentials = 50, 0..0,  0,     Request,  Client;
    AlterUserScramCredentials    = 51, 0..0,  0,     Request,  Cluster;
    Vote                         = 52, 0..2,  0,     Exempt,   Node;
    BeginQuorumEpoch             = 53, 0..1,  1,     Exempt,   Node;
    EndQuorumEpoch               = 54, 0..1,  1,     Exempt,   Node;
    DescribeQuorum               = 55, 0..2,  0,     Request,  Client;
    AlterPartition               = 56, 2..3,  0,     Exempt,   Node;
    UpdateFeatures               = 57, 0..2,  0,     Request,  Cluster;
    Envelope                     = 58, 0..0,  0,     Exempt,   Node;
    FetchSnapshot                = 59, 0..1,  0,     Exempt,   Node;
    DescribeCluster              = 60, 0..2,  0,     Request,  Client;
    DescribeProducers            = 61, 0..0,  0,     Request,  Client;
    BrokerRegistration           = 62, 0..4,  0,     Exempt,   Node;
    BrokerHeartbeat              = 63, 0..1,  0,     Exempt,   Node; // Kafka has 0 to 2.
    UnregisterBroker             = 64, 0..0,  0,     Request,  Cluster;
    DescribeTransactions         = 65, 0..0,  0,     Request,  Client;
    ListTransactions             = 66, 0..2,  0,     Request,  Client;
    AllocateProducerIds          = 67, 0..0,  0,     Exempt,   Node;
    ConsumerGroupHeartbeat       = 68, 0..1,  0,     Request,  Client;
    ConsumerGroupDescribe        = 69, 0..1,  0,     Request,  Client;
    ControllerRegistration       = 70, 0..0,  0,     Exempt,   Node;
    GetTelemetrySubscriptions    = 71, 0..0,  0,     Request,  Client;
    PushTelemetry                = 72, 0..0,  0,     Request,  Client;
    AssignReplicasToDirs         = 73, 0..0,  0,     Exempt,   Node;
    ListConfigResources          = 74, 0..1,  0,     Request,  Client;
    DescribeTopicPartitions      = 75, 0..0,  0,     Request,  Client;
    ShareGroupHeartbeat          = 76, 1..1,  0,     Request,  Client;
    ShareGroupDescribe           = 77, 1..1,  0,     Request,  Client;
    ShareFetch                   = 78, 1..1,  0,     Request,  Client; // Kafka has 1 to 2.
    ShareAcknowledge             = 79, 1..1,  0,     Request,  Client; // Kafka has 1 to 2.
    AddRaftVoter                 = 80, 0..0,  0,     Request,  Cluster; // Kafka has 0 to 1.
    RemoveRaftVoter              = 81, 0..0,  0,     Request,  Cluster;
    UpdateRaftVoter              = 82, 0..0,  0,     Exempt,   Node;
    InitializeShareGroupState    = 83, 0..0,  0,     Exempt,   Node;
    ReadShareGroupState          = 84, 0..0,  0,     Exempt,   Node;
    WriteShareGroupState         = 85, 0..0,  0,     Exempt,   Node; // Kafka has 0 to 1.
    DeleteShareGroupState        = 86, 0..0,  0,     Exempt,   Node;
    ReadShareGroupStateSummary   = 87, 0..0,  0,     Exempt,   Node; // Kafka has 0 to 1.
    StreamsGroupHeartbeat        = 88, 0..-1, 0,     Request,  Client; // Kafka has 0.
    StreamsGroupDescribe         = 89, 0..-1, 0,     Request,  Client; // Kafka has 0.
    DescribeShareGroupOffsets    = 90, 0..0,  0,     Request,  Client; // Kafka has 0 to 1.
    AlterShareGroupOffsets       = 91, 0..0,  0,     Request,  Client;
    DeleteShareGroupOffsets      = 92, 0..0,  0,     Request,  Client;
}
