//! Kafka's error codes: the only errors that a client ever sees. All those of Kafka 4.3 (`Errors`).
//!
//! The message is for responses with room for one, where the broker knows nothing more precise.

use std::fmt;

/// Declares the codes: variant, number, Kafka's name, whether a client is to try again, message.
macro_rules! error_codes {
    ($($variant:ident = $code:literal, $name:ident, $retry:ident, $message:literal;)*) => {
        /// An answer to a client that is not the one it wanted.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
        #[repr(i16)]
        pub enum ErrorCode {
            $(#[doc = $message] $variant = $code,)*
        }

        impl ErrorCode {
            /// Every code, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code with this number, if Kafka 4.3 has one.
            pub const fn from_code(code: i16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Kafka's name, as its tools print it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($name),)*
                }
            }

            /// What it means, in a few words.
            pub const fn message(self) -> &'static str {
                match self {
                    $(Self::$variant => $message,)*
                }
            }

            /// True if Kafka's clients try again on their own (`RetriableException`).
            pub const fn is_retriable(self) -> bool {
                match self {
                    $(Self::$variant => error_codes!(@$retry),)*
                }
            }
        }
    };
    (@retry) => { true };
    (@fatal) => { false };
}

impl ErrorCode {
    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

error_codes! {
    UnknownServerError = -1, UNKNOWN_SERVER_ERROR, fatal,
        "the server failed in a way it did not foresee";
    None = 0, NONE, fatal, "no error";
    OffsetOutOfRange = 1, OFFSET_OUT_OF_RANGE, fatal,
        "the partition has no such offset, or no longer";
    CorruptMessage = 2, CORRUPT_MESSAGE, retry,
        "the bytes of a batch are damaged, too many, or not allowed in this topic";
    UnknownTopicOrPartition = 3, UNKNOWN_TOPIC_OR_PARTITION, retry,
        "this broker does not have the partition";
    InvalidFetchSize = 4, INVALID_FETCH_SIZE, fatal, "the fetch size is not possible";
    LeaderNotAvailable = 5, LEADER_NOT_AVAILABLE, retry,
        "the partition has no leader at the moment";
    NotLeaderOrFollower = 6, NOT_LEADER_OR_FOLLOWER, retry,
        "this broker is neither leader nor follower of the partition";
    RequestTimedOut = 7, REQUEST_TIMED_OUT, retry, "the request took longer than it was given";
    BrokerNotAvailable = 8, BROKER_NOT_AVAILABLE, fatal, "the broker is not there";
    ReplicaNotAvailable = 9, REPLICA_NOT_AVAILABLE, retry, "the replica is not there";
    MessageTooLarge = 10, MESSAGE_TOO_LARGE, fatal, "a batch is larger than the topic allows";
    StaleControllerEpoch = 11, STALE_CONTROLLER_EPOCH, fatal,
        "the controller has moved on to a later epoch";
    OffsetMetadataTooLarge = 12, OFFSET_METADATA_TOO_LARGE, fatal,
        "the metadata of a committed offset is too long";
    NetworkException = 13, NETWORK_EXCEPTION, retry, "the connection broke before the answer came";
    CoordinatorLoadInProgress = 14, COORDINATOR_LOAD_IN_PROGRESS, retry,
        "the coordinator is still loading its state";
    CoordinatorNotAvailable = 15, COORDINATOR_NOT_AVAILABLE, retry,
        "there is no coordinator at the moment";
    NotCoordinator = 16, NOT_COORDINATOR, retry, "another broker is the coordinator";
    InvalidTopicException = 17, INVALID_TOPIC_EXCEPTION, fatal,
        "the topic's name is not allowed, or the topic is not for this use";
    RecordListTooLarge = 18, RECORD_LIST_TOO_LARGE, fatal,
        "a batch is larger than a segment of the log";
    NotEnoughReplicas = 19, NOT_ENOUGH_REPLICAS, retry,
        "fewer replicas are in sync than the topic demands";
    NotEnoughReplicasAfterAppend = 20, NOT_ENOUGH_REPLICAS_AFTER_APPEND, retry,
        "the records were appended, but on fewer in-sync replicas than the topic demands";
    InvalidRequiredAcks = 21, INVALID_REQUIRED_ACKS, fatal, "acks is none of -1, 0 and 1";
    IllegalGeneration = 22, ILLEGAL_GENERATION, fatal,
        "the group has moved on to another generation";
    InconsistentGroupProtocol = 23, INCONSISTENT_GROUP_PROTOCOL, fatal,
        "the member supports no protocol that all others of the group support";
    InvalidGroupId = 24, INVALID_GROUP_ID, fatal, "the group id is not allowed";
    UnknownMemberId = 25, UNKNOWN_MEMBER_ID, fatal, "the group does not know the member";
    InvalidSessionTimeout = 26, INVALID_SESSION_TIMEOUT, fatal,
        "the session timeout is outside the range that the broker allows";
    RebalanceInProgress = 27, REBALANCE_IN_PROGRESS, fatal,
        "the group is rebalancing, and the member is to join again";
    InvalidCommitOffsetSize = 28, INVALID_COMMIT_OFFSET_SIZE, fatal,
        "the offsets to commit take up too many bytes";
    TopicAuthorizationFailed = 29, TOPIC_AUTHORIZATION_FAILED, fatal,
        "access to the topic is denied";
    GroupAuthorizationFailed = 30, GROUP_AUTHORIZATION_FAILED, fatal,
        "access to the group is denied";
    ClusterAuthorizationFailed = 31, CLUSTER_AUTHORIZATION_FAILED, fatal,
        "access to the cluster is denied";
    InvalidTimestamp = 32, INVALID_TIMESTAMP, fatal,
        "a timestamp is outside the range that the topic allows";
    UnsupportedSaslMechanism = 33, UNSUPPORTED_SASL_MECHANISM, fatal,
        "the SASL mechanism is not enabled";
    IllegalSaslState = 34, ILLEGAL_SASL_STATE, fatal,
        "the request does not fit the state of the SASL exchange";
    UnsupportedVersion = 35, UNSUPPORTED_VERSION, fatal,
        "the version of the request is not supported";
    TopicAlreadyExists = 36, TOPIC_ALREADY_EXISTS, fatal, "there is a topic of this name already";
    InvalidPartitions = 37, INVALID_PARTITIONS, fatal, "the number of partitions is not possible";
    InvalidReplicationFactor = 38, INVALID_REPLICATION_FACTOR, fatal,
        "the replication factor is below 1 or above the number of brokers";
    InvalidReplicaAssignment = 39, INVALID_REPLICA_ASSIGNMENT, fatal,
        "the assignment of replicas is not possible";
    InvalidConfig = 40, INVALID_CONFIG, fatal,
        "a configuration has a value that is not allowed, or a name that is not known";
    NotController = 41, NOT_CONTROLLER, retry, "another node is the controller";
    InvalidRequest = 42, INVALID_REQUEST, fatal, "the request contradicts itself or the protocol";
    UnsupportedForMessageFormat = 43, UNSUPPORTED_FOR_MESSAGE_FORMAT, fatal,
        "the log's record format does not support the request";
    PolicyViolation = 44, POLICY_VIOLATION, fatal,
        "the request is against the policy of the cluster";
    OutOfOrderSequenceNumber = 45, OUT_OF_ORDER_SEQUENCE_NUMBER, fatal,
        "a sequence number was skipped";
    DuplicateSequenceNumber = 46, DUPLICATE_SEQUENCE_NUMBER, fatal,
        "the sequence number was seen before";
    InvalidProducerEpoch = 47, INVALID_PRODUCER_EPOCH, fatal,
        "a producer with a newer epoch has taken over";
    InvalidTxnState = 48, INVALID_TXN_STATE, fatal, "the transaction is not in a state for this";
    InvalidProducerIdMapping = 49, INVALID_PRODUCER_ID_MAPPING, fatal,
        "the producer id does not belong to the transactional id";
    InvalidTransactionTimeout = 50, INVALID_TRANSACTION_TIMEOUT, fatal,
        "the transaction timeout is longer than the broker allows";
    ConcurrentTransactions = 51, CONCURRENT_TRANSACTIONS, retry,
        "the transaction before this one is still being ended";
    TransactionCoordinatorFenced = 52, TRANSACTION_COORDINATOR_FENCED, fatal,
        "another coordinator has taken over the transactional id";
    TransactionalIdAuthorizationFailed = 53, TRANSACTIONAL_ID_AUTHORIZATION_FAILED, fatal,
        "access to the transactional id is denied";
    SecurityDisabled = 54, SECURITY_DISABLED, fatal, "no authorizer is configured";
    OperationNotAttempted = 55, OPERATION_NOT_ATTEMPTED, fatal,
        "the operation was not tried, because another one of the request failed";
    KafkaStorageError = 56, KAFKA_STORAGE_ERROR, retry, "the log's disk has failed";
    LogDirNotFound = 57, LOG_DIR_NOT_FOUND, fatal, "the broker has no such log directory";
    SaslAuthenticationFailed = 58, SASL_AUTHENTICATION_FAILED, fatal,
        "the SASL credentials are not accepted";
    UnknownProducerId = 59, UNKNOWN_PRODUCER_ID, fatal,
        "the broker knows nothing of the producer id";
    ReassignmentInProgress = 60, REASSIGNMENT_IN_PROGRESS, fatal,
        "the partition is being reassigned";
    DelegationTokenAuthDisabled = 61, DELEGATION_TOKEN_AUTH_DISABLED, fatal,
        "delegation tokens are not enabled";
    DelegationTokenNotFound = 62, DELEGATION_TOKEN_NOT_FOUND, fatal,
        "there is no such delegation token";
    DelegationTokenOwnerMismatch = 63, DELEGATION_TOKEN_OWNER_MISMATCH, fatal,
        "the principal is neither owner nor renewer of the delegation token";
    DelegationTokenRequestNotAllowed = 64, DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, fatal,
        "delegation tokens are not given out over this kind of connection";
    DelegationTokenAuthorizationFailed = 65, DELEGATION_TOKEN_AUTHORIZATION_FAILED, fatal,
        "access to the delegation token is denied";
    DelegationTokenExpired = 66, DELEGATION_TOKEN_EXPIRED, fatal,
        "the delegation token has expired";
    InvalidPrincipalType = 67, INVALID_PRINCIPAL_TYPE, fatal,
        "the type of the principal is not supported";
    NonEmptyGroup = 68, NON_EMPTY_GROUP, fatal, "the group still has members";
    GroupIdNotFound = 69, GROUP_ID_NOT_FOUND, fatal, "there is no such group";
    FetchSessionIdNotFound = 70, FETCH_SESSION_ID_NOT_FOUND, retry,
        "the broker does not know the fetch session";
    InvalidFetchSessionEpoch = 71, INVALID_FETCH_SESSION_EPOCH, retry,
        "the fetch session is at another epoch";
    ListenerNotFound = 72, LISTENER_NOT_FOUND, retry,
        "the leader has no listener of the name that the request came in on";
    TopicDeletionDisabled = 73, TOPIC_DELETION_DISABLED, fatal,
        "topics may not be deleted on this cluster";
    FencedLeaderEpoch = 74, FENCED_LEADER_EPOCH, retry,
        "the leader epoch of the request is older than the partition's";
    UnknownLeaderEpoch = 75, UNKNOWN_LEADER_EPOCH, retry,
        "the leader epoch of the request is newer than the partition's";
    UnsupportedCompressionType = 76, UNSUPPORTED_COMPRESSION_TYPE, fatal,
        "the records are compressed with a codec that the version of the request does not have";
    StaleBrokerEpoch = 77, STALE_BROKER_EPOCH, fatal, "the broker has registered again since";
    OffsetNotAvailable = 78, OFFSET_NOT_AVAILABLE, retry,
        "the new leader does not know the high watermark yet";
    MemberIdRequired = 79, MEMBER_ID_REQUIRED, fatal,
        "the member must join with the id it is given";
    PreferredLeaderNotAvailable = 80, PREFERRED_LEADER_NOT_AVAILABLE, retry,
        "the preferred leader is not there";
    GroupMaxSizeReached = 81, GROUP_MAX_SIZE_REACHED, fatal,
        "the group has as many members as it may have";
    FencedInstanceId = 82, FENCED_INSTANCE_ID, fatal,
        "another member has taken over the group instance id";
    EligibleLeadersNotAvailable = 83, ELIGIBLE_LEADERS_NOT_AVAILABLE, retry,
        "none of the replicas that may lead is there";
    ElectionNotNeeded = 84, ELECTION_NOT_NEEDED, retry, "the leader is the right one already";
    NoReassignmentInProgress = 85, NO_REASSIGNMENT_IN_PROGRESS, fatal,
        "the partition is not being reassigned";
    GroupSubscribedToTopic = 86, GROUP_SUBSCRIBED_TO_TOPIC, fatal,
        "the group is subscribed to the topic";
    InvalidRecord = 87, INVALID_RECORD, fatal, "a record is against the rules of the topic";
    UnstableOffsetCommit = 88, UNSTABLE_OFFSET_COMMIT, retry,
        "a transaction that commits these offsets has not ended";
    ThrottlingQuotaExceeded = 89, THROTTLING_QUOTA_EXCEEDED, retry, "the quota is used up";
    ProducerFenced = 90, PRODUCER_FENCED, fatal,
        "a newer producer of the same transactional id has taken over";
    ResourceNotFound = 91, RESOURCE_NOT_FOUND, fatal, "there is no such resource";
    DuplicateResource = 92, DUPLICATE_RESOURCE, fatal, "a resource is named twice";
    UnacceptableCredential = 93, UNACCEPTABLE_CREDENTIAL, fatal, "the credential is too weak";
    InconsistentVoterSet = 94, INCONSISTENT_VOTER_SET, fatal,
        "the voters of sender and receiver differ";
    InvalidUpdateVersion = 95, INVALID_UPDATE_VERSION, fatal,
        "the feature cannot be moved to this version";
    FeatureUpdateFailed = 96, FEATURE_UPDATE_FAILED, fatal, "the features could not be updated";
    PrincipalDeserializationFailure = 97, PRINCIPAL_DESERIALIZATION_FAILURE, fatal,
        "the principal of a forwarded request cannot be read";
    SnapshotNotFound = 98, SNAPSHOT_NOT_FOUND, fatal, "there is no such snapshot";
    PositionOutOfRange = 99, POSITION_OUT_OF_RANGE, fatal, "the position is outside the snapshot";
    UnknownTopicId = 100, UNKNOWN_TOPIC_ID, retry, "this broker does not have a topic of this id";
    DuplicateBrokerRegistration = 101, DUPLICATE_BROKER_REGISTRATION, fatal,
        "the broker id is in use";
    BrokerIdNotRegistered = 102, BROKER_ID_NOT_REGISTERED, fatal,
        "no broker of this id is registered";
    InconsistentTopicId = 103, INCONSISTENT_TOPIC_ID, retry, "the topic id is not that of the log";
    InconsistentClusterId = 104, INCONSISTENT_CLUSTER_ID, fatal,
        "the cluster id is not that of this cluster";
    TransactionalIdNotFound = 105, TRANSACTIONAL_ID_NOT_FOUND, fatal,
        "there is no such transactional id";
    FetchSessionTopicIdError = 106, FETCH_SESSION_TOPIC_ID_ERROR, retry,
        "the fetch session used topic ids before, or did not";
    IneligibleReplica = 107, INELIGIBLE_REPLICA, fatal,
        "a replica may not join the in-sync replicas";
    NewLeaderElected = 108, NEW_LEADER_ELECTED, fatal,
        "the partition was changed, and has another leader now";
    OffsetMovedToTieredStorage = 109, OFFSET_MOVED_TO_TIERED_STORAGE, fatal,
        "the offset has moved to tiered storage";
    FencedMemberEpoch = 110, FENCED_MEMBER_EPOCH, fatal,
        "the member's epoch is too old, and it is to give up its partitions and join again";
    UnreleasedInstanceId = 111, UNRELEASED_INSTANCE_ID, fatal,
        "another member still uses the group instance id";
    UnsupportedAssignor = 112, UNSUPPORTED_ASSIGNOR, fatal,
        "the group does not support the assignor";
    StaleMemberEpoch = 113, STALE_MEMBER_EPOCH, fatal,
        "the member's epoch is out of date, and the member is to try again with the next one";
    MismatchedEndpointType = 114, MISMATCHED_ENDPOINT_TYPE, fatal,
        "the request went to an endpoint of the other kind, broker or controller";
    UnsupportedEndpointType = 115, UNSUPPORTED_ENDPOINT_TYPE, fatal,
        "endpoints of this kind are not supported";
    UnknownControllerId = 116, UNKNOWN_CONTROLLER_ID, fatal, "there is no controller of this id";
    UnknownSubscriptionId = 117, UNKNOWN_SUBSCRIPTION_ID, fatal,
        "the telemetry subscription is unknown or out of date";
    TelemetryTooLarge = 118, TELEMETRY_TOO_LARGE, fatal, "the telemetry takes up too many bytes";
    InvalidRegistration = 119, INVALID_REGISTRATION, fatal,
        "the controller does not accept the registration";
    TransactionAbortable = 120, TRANSACTION_ABORTABLE, fatal,
        "the transaction cannot be committed, but can be aborted";
    InvalidRecordState = 121, INVALID_RECORD_STATE, fatal,
        "the record is not in a state for this acknowledgement";
    ShareSessionNotFound = 122, SHARE_SESSION_NOT_FOUND, retry,
        "the broker does not know the share session";
    InvalidShareSessionEpoch = 123, INVALID_SHARE_SESSION_EPOCH, retry,
        "the share session is at another epoch";
    FencedStateEpoch = 124, FENCED_STATE_EPOCH, fatal,
        "the state of the share group is at another epoch";
    InvalidVoterKey = 125, INVALID_VOTER_KEY, fatal, "the voter's key is not that of the receiver";
    DuplicateVoter = 126, DUPLICATE_VOTER, fatal, "the voter is one already";
    VoterNotFound = 127, VOTER_NOT_FOUND, fatal, "there is no such voter";
    InvalidRegularExpression = 128, INVALID_REGULAR_EXPRESSION, fatal,
        "the regular expression cannot be read";
    RebootstrapRequired = 129, REBOOTSTRAP_REQUIRED, fatal,
        "the client's metadata is too old, and it is to start from its bootstrap servers";
    StreamsInvalidTopology = 130, STREAMS_INVALID_TOPOLOGY, fatal, "the topology is not possible";
    StreamsInvalidTopologyEpoch = 131, STREAMS_INVALID_TOPOLOGY_EPOCH, fatal,
        "the epoch of the topology is not possible";
    StreamsTopologyFenced = 132, STREAMS_TOPOLOGY_FENCED, fatal,
        "the epoch of the topology is older than the group's";
    ShareSessionLimitReached = 133, SHARE_SESSION_LIMIT_REACHED, retry,
        "the broker has as many share sessions as it may have";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_run_from_unknown_to_the_last_without_a_gap() {
        for (expected, error) in (-1..).zip(ErrorCode::ALL) {
            assert_eq!(error.code(), expected, "{error}");
            assert_eq!(ErrorCode::from_code(expected), Some(*error));
        }
        assert_eq!(ErrorCode::ALL.len(), 135);
        assert_eq!(ErrorCode::from_code(134), None);
        assert_eq!(ErrorCode::from_code(-2), None);
    }

    #[test]
    fn names_are_the_variants_in_kafkas_spelling() {
        for error in ErrorCode::ALL {
            let squeezed = error.to_string().replace('_', "").to_lowercase();
            assert_eq!(squeezed, format!("{error:?}").to_lowercase());
            assert!(!error.message().ends_with('.') && !error.message().is_empty(), "{error}");
        }
    }

    #[test]
    fn retriable_codes_are_kafkas() {
        let retriable: Vec<i16> =
            ErrorCode::ALL.iter().filter(|error| error.is_retriable()).map(|e| e.code()).collect();
        let kafkas = [
            2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83,
            84, 88, 89, 100, 103, 106, 122, 123, 133,
        ];
        assert_eq!(retriable, kafkas);
    }
}
