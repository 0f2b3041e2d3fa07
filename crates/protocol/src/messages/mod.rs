//! The requests and responses: `kafka-protocol`'s structs behind one door, and our own where it lags behind Kafka 4.3.
//!
//! [`decode_request`] and [`decode_response`] take the body of a frame; what they return shares its bytes, so records
//! are not copied, and a string kept for long keeps its frame. A body is walked by its layout before it is decoded
//! (`schema`), because `kafka-protocol` believes the lengths in it. [`Request`] and [`Response`] have one variant for
//! each API, whose type serves all its versions.
//!
//! An encoder refuses a field that is set but does not exist in the version, unless Kafka calls it ignorable.

mod describe_log_dirs;
mod offset_commit;
mod offset_fetch;
mod schema;
mod write_txn_markers;

use bytes::Bytes;
use kafka_protocol::protocol::buf::ByteBufMut;
use kafka_protocol::protocol::{Decodable as _, Encodable as _};

// What is named here takes the place of what the glob has under the same name.
pub use describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsResponse, DescribeLogDirsResult, DescribeLogDirsTopic,
};
pub use kafka_protocol::messages::*;
pub use kafka_protocol::protocol::StrBytes;
pub use offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
pub use offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic};
pub use write_txn_markers::{WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest};

pub use crate::api::ApiKey;
use crate::wire::{Reader, WireError};

/// How many strings, structs in arrays and unknown tagged fields a request may have in all: several for each partition
/// of the largest brokers. Each takes up to some 200 bytes once decoded, but may be a single byte on the wire.
pub const REQUEST_ELEMENTS_MAX: usize = 1 << 20;

/// Why the body of a frame is not a request or a response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// We do not speak this version. ApiVersions is answered all the same, in version 0 (KIP-511).
    #[error("{api} version {version} is not supported, but {} are", api.versions())]
    UnsupportedVersion {
        /// The API.
        api: ApiKey,
        /// The version that was asked for.
        version: i16,
    },
    /// A length, a null or a number that cannot be; the rest of the body means nothing.
    #[error("{api} version {version} is malformed at '{field}': {error}")]
    Malformed {
        /// The API.
        api: ApiKey,
        /// The version of the body.
        version: i16,
        /// The field, by its names from the outside in; empty for the body as a whole.
        field: String,
        /// What is wrong with it.
        error: WireError,
    },
    /// The decoder refused a value, such as a string that is not UTF-8.
    #[error("{api} version {version} is malformed: {reason}")]
    Refused {
        /// The API.
        api: ApiKey,
        /// The version of the body.
        version: i16,
        /// What the decoder says.
        reason: String,
    },
}

/// Why a message cannot be written in a version: a mistake of whoever filled it in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{api} version {version} cannot hold the message: {reason}")]
pub struct EncodeError {
    /// The API.
    pub api: ApiKey,
    /// The version to write.
    pub version: i16,
    /// What the encoder says.
    pub reason: String,
}

/// A request with the type of its response, for those who send requests.
pub trait Call: Into<Request> {
    /// What answers it.
    type Response;
    /// The API.
    const API: ApiKey;
    /// Takes the response out of the enum; `None` if it is another API's.
    fn response(response: Response) -> Option<Self::Response>;
}

/// Declares the enums over all APIs that have messages.
macro_rules! messages {
    ($($api:ident: $request:ident, $response:ident;)*) => {
        /// A request of any API.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each variant is the request of the API of that name")]
        pub enum Request {
            $($api($request),)*
        }

        /// A response of any API.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each variant is the response of the API of that name")]
        pub enum Response {
            $($api($response),)*
        }

        impl Request {
            /// The API that it asks for.
            pub const fn api(&self) -> ApiKey {
                match self {
                    $(Self::$api(_) => ApiKey::$api,)*
                }
            }

            fn read(api: ApiKey, version: i16, body: &mut Bytes) -> Result<Self, String> {
                match api {
                    $(ApiKey::$api => $request::decode(body, version).map(Self::$api)
                        .map_err(|error| error.to_string()),)*
                    _ => Err(NO_MESSAGES.to_owned()),
                }
            }

            fn write<B: ByteBufMut>(&self, version: i16, buf: &mut B) -> Result<(), String> {
                match self {
                    $(Self::$api(body) => body.encode(buf, version)
                        .map_err(|error| error.to_string()),)*
                }
            }
        }

        impl Response {
            /// The API that it answers for.
            pub const fn api(&self) -> ApiKey {
                match self {
                    $(Self::$api(_) => ApiKey::$api,)*
                }
            }

            fn read(api: ApiKey, version: i16, body: &mut Bytes) -> Result<Self, String> {
                match api {
                    $(ApiKey::$api => $response::decode(body, version).map(Self::$api)
                        .map_err(|error| error.to_string()),)*
                    _ => Err(NO_MESSAGES.to_owned()),
                }
            }

            fn write<B: ByteBufMut>(&self, version: i16, buf: &mut B) -> Result<(), String> {
                match self {
                    $(Self::$api(body) => body.encode(buf, version)
                        .map_err(|error| error.to_string()),)*
                }
            }
        }

        $(
            impl From<$request> for Request {
                fn from(body: $request) -> Self {
                    Self::$api(body)
                }
            }

            impl From<$response> for Response {
                fn from(body: $response) -> Self {
                    Self::$api(body)
                }
            }

            impl Call for $request {
                type Response = $response;
                const API: ApiKey = ApiKey::$api;

                fn response(response: Response) -> Option<$response> {
                    match response {
                        Response::$api(body) => Some(body),
                        _ => None,
                    }
                }
            }
        )*
    };
}

messages! {
    Produce: ProduceRequest, ProduceResponse;
    Fetch: FetchRequest, FetchResponse;
    ListOffsets: ListOffsetsRequest, ListOffsetsResponse;
    Metadata: MetadataRequest, MetadataResponse;
    OffsetCommit: OffsetCommitRequest, OffsetCommitResponse;
    OffsetFetch: OffsetFetchRequest, OffsetFetchResponse;
    FindCoordinator: FindCoordinatorRequest, FindCoordinatorResponse;
    JoinGroup: JoinGroupRequest, JoinGroupResponse;
    Heartbeat: HeartbeatRequest, HeartbeatResponse;
    LeaveGroup: LeaveGroupRequest, LeaveGroupResponse;
    SyncGroup: SyncGroupRequest, SyncGroupResponse;
    DescribeGroups: DescribeGroupsRequest, DescribeGroupsResponse;
    ListGroups: ListGroupsRequest, ListGroupsResponse;
    SaslHandshake: SaslHandshakeRequest, SaslHandshakeResponse;
    ApiVersions: ApiVersionsRequest, ApiVersionsResponse;
    CreateTopics: CreateTopicsRequest, CreateTopicsResponse;
    DeleteTopics: DeleteTopicsRequest, DeleteTopicsResponse;
    DeleteRecords: DeleteRecordsRequest, DeleteRecordsResponse;
    InitProducerId: InitProducerIdRequest, InitProducerIdResponse;
    OffsetForLeaderEpoch: OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse;
    AddPartitionsToTxn: AddPartitionsToTxnRequest, AddPartitionsToTxnResponse;
    AddOffsetsToTxn: AddOffsetsToTxnRequest, AddOffsetsToTxnResponse;
    EndTxn: EndTxnRequest, EndTxnResponse;
    WriteTxnMarkers: WriteTxnMarkersRequest, WriteTxnMarkersResponse;
    TxnOffsetCommit: TxnOffsetCommitRequest, TxnOffsetCommitResponse;
    DescribeAcls: DescribeAclsRequest, DescribeAclsResponse;
    CreateAcls: CreateAclsRequest, CreateAclsResponse;
    DeleteAcls: DeleteAclsRequest, DeleteAclsResponse;
    DescribeConfigs: DescribeConfigsRequest, DescribeConfigsResponse;
    AlterConfigs: AlterConfigsRequest, AlterConfigsResponse;
    AlterReplicaLogDirs: AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse;
    DescribeLogDirs: DescribeLogDirsRequest, DescribeLogDirsResponse;
    SaslAuthenticate: SaslAuthenticateRequest, SaslAuthenticateResponse;
    CreatePartitions: CreatePartitionsRequest, CreatePartitionsResponse;
    CreateDelegationToken: CreateDelegationTokenRequest, CreateDelegationTokenResponse;
    RenewDelegationToken: RenewDelegationTokenRequest, RenewDelegationTokenResponse;
    ExpireDelegationToken: ExpireDelegationTokenRequest, ExpireDelegationTokenResponse;
    DescribeDelegationToken: DescribeDelegationTokenRequest, DescribeDelegationTokenResponse;
    DeleteGroups: DeleteGroupsRequest, DeleteGroupsResponse;
    ElectLeaders: ElectLeadersRequest, ElectLeadersResponse;
    IncrementalAlterConfigs: IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse;
    AlterPartitionReassignments: AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse;
    ListPartitionReassignments: ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse;
    OffsetDelete: OffsetDeleteRequest, OffsetDeleteResponse;
    DescribeClientQuotas: DescribeClientQuotasRequest, DescribeClientQuotasResponse;
    AlterClientQuotas: AlterClientQuotasRequest, AlterClientQuotasResponse;
    DescribeUserScramCredentials: DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse;
    AlterUserScramCredentials: AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse;
    Vote: VoteRequest, VoteResponse;
    BeginQuorumEpoch: BeginQuorumEpochRequest, BeginQuorumEpochResponse;
    EndQuorumEpoch: EndQuorumEpochRequest, EndQuorumEpochResponse;
    DescribeQuorum: DescribeQuorumRequest, DescribeQuorumResponse;
    AlterPartition: AlterPartitionRequest, AlterPartitionResponse;
    UpdateFeatures: UpdateFeaturesRequest, UpdateFeaturesResponse;
    Envelope: EnvelopeRequest, EnvelopeResponse;
    FetchSnapshot: FetchSnapshotRequest, FetchSnapshotResponse;
    DescribeCluster: DescribeClusterRequest, DescribeClusterResponse;
    DescribeProducers: DescribeProducersRequest, DescribeProducersResponse;
    BrokerRegistration: BrokerRegistrationRequest, BrokerRegistrationResponse;
    BrokerHeartbeat: BrokerHeartbeatRequest, BrokerHeartbeatResponse;
    UnregisterBroker: UnregisterBrokerRequest, UnregisterBrokerResponse;
    DescribeTransactions: DescribeTransactionsRequest, DescribeTransactionsResponse;
    ListTransactions: ListTransactionsRequest, ListTransactionsResponse;
    AllocateProducerIds: AllocateProducerIdsRequest, AllocateProducerIdsResponse;
    ConsumerGroupHeartbeat: ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse;
    ConsumerGroupDescribe: ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse;
    ControllerRegistration: ControllerRegistrationRequest, ControllerRegistrationResponse;
    GetTelemetrySubscriptions: GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse;
    PushTelemetry: PushTelemetryRequest, PushTelemetryResponse;
    AssignReplicasToDirs: AssignReplicasToDirsRequest, AssignReplicasToDirsResponse;
    ListConfigResources: ListConfigResourcesRequest, ListConfigResourcesResponse;
    DescribeTopicPartitions: DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse;
    ShareGroupHeartbeat: ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse;
    ShareGroupDescribe: ShareGroupDescribeRequest, ShareGroupDescribeResponse;
    ShareFetch: ShareFetchRequest, ShareFetchResponse;
    ShareAcknowledge: ShareAcknowledgeRequest, ShareAcknowledgeResponse;
    AddRaftVoter: AddRaftVoterRequest, AddRaftVoterResponse;
    RemoveRaftVoter: RemoveRaftVoterRequest, RemoveRaftVoterResponse;
    UpdateRaftVoter: UpdateRaftVoterRequest, UpdateRaftVoterResponse;
    InitializeShareGroupState: InitializeShareGroupStateRequest, InitializeShareGroupStateResponse;
    ReadShareGroupState: ReadShareGroupStateRequest, ReadShareGroupStateResponse;
    WriteShareGroupState: WriteShareGroupStateRequest, WriteShareGroupStateResponse;
    DeleteShareGroupState: DeleteShareGroupStateRequest, DeleteShareGroupStateResponse;
    ReadShareGroupStateSummary: ReadShareGroupStateSummaryRequest, ReadShareGroupStateSummaryResponse;
    DescribeShareGroupOffsets: DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse;
    AlterShareGroupOffsets: AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse;
    DeleteShareGroupOffsets: DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse;
}

const NO_MESSAGES: &str = "there are no messages for this API";

/// Decodes the body of a request. Before authentication only requests of [`crate::api::Scope::Unauthenticated`] may be.
pub fn decode_request(api: ApiKey, version: i16, mut body: Bytes) -> Result<Request, DecodeError> {
    check(api, version, &body, schema::request(api), REQUEST_ELEMENTS_MAX)?;
    let request = Request::read(api, request_layout(api, version), &mut body);
    request.map_err(|reason| DecodeError::Refused { api, version, reason })
}

/// Decodes the body of a response.
pub fn decode_response(
    api: ApiKey,
    version: i16,
    mut body: Bytes,
) -> Result<Response, DecodeError> {
    check(api, version, &body, schema::response(api), usize::MAX)?;
    let response = Response::read(api, response_layout(api, version), &mut body);
    response.map_err(|reason| DecodeError::Refused { api, version, reason })
}

impl Request {
    /// Appends the body to `buf`.
    pub fn encode<B: ByteBufMut>(&self, version: i16, buf: &mut B) -> Result<(), EncodeError> {
        let api = self.api();
        let result = self.write(request_layout(api, version), buf);
        result.map_err(|reason| EncodeError { api, version, reason })
    }
}

impl Response {
    /// Appends the body to `buf`.
    pub fn encode<B: ByteBufMut>(&self, version: i16, buf: &mut B) -> Result<(), EncodeError> {
        let api = self.api();
        let result = self.write(response_layout(api, version), buf);
        result.map_err(|reason| EncodeError { api, version, reason })
    }
}

/// Makes sure that we speak the version and that the body has its layout.
fn check(
    api: ApiKey,
    version: i16,
    body: &[u8],
    layout: Option<&[schema::Field]>,
    elements_max: usize,
) -> Result<(), DecodeError> {
    let layout = layout.filter(|_| api.versions().contains(version));
    let layout = layout.ok_or(DecodeError::UnsupportedVersion { api, version })?;
    let body = Reader::new(body, version, api.is_flexible(version));
    schema::walk(body, layout, elements_max).map_err(|schema::Malformed { field, error }| {
        DecodeError::Malformed { api, version, field, error }
    })
}

/// The version under which the decoder knows the layout of a request: it lacks the newest versions of some APIs, which
/// changed what a field may hold, or the other direction, but not the layout.
const fn request_layout(api: ApiKey, version: i16) -> i16 {
    match (api, version) {
        (ApiKey::ListOffsets, 11) => 10,
        (ApiKey::DescribeLogDirs, 5) => 4,
        _ => version,
    }
}

/// The same for a response.
const fn response_layout(api: ApiKey, version: i16) -> i16 {
    match (api, version) {
        (ApiKey::ListOffsets, 11) => 10,
        (ApiKey::WriteTxnMarkers, 2) => 1,
        _ => version,
    }
}

#[cfg(test)]
mod tests;
