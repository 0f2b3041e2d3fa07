//! One handler an API. What this table lists is what is advertised: an API is here when it works.
//!
//! A handler gets a decoded request and returns a [`Reply`]. What must happen in the order of a connection's requests
//! (an append) happens before it returns; what has to wait goes into the reply's future. Wire messages stop here.

mod acls;
mod alter_configs;
mod alter_replica_log_dirs;
mod api_versions;
mod create_partitions;
mod create_topics;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_log_dirs;
mod describe_producers;
mod describe_quorum;
mod describe_topic_partitions;
mod elect_leaders;
mod fetch;
mod groups;
mod incremental_alter_configs;
mod init_producer_id;
mod list_config_resources;
mod list_offsets;
mod metadata;
mod offset_for_leader_epoch;
mod produce;
mod transactions;
mod update_features;

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use protocol::Timestamp;
use protocol::api::ApiKey;
use protocol::frame::RequestHeader;
use protocol::messages::{self, DecodeError, Request, Response};

pub(crate) use self::fetch::session::Sessions;
use crate::broker::Broker;
use crate::net::{Answer, Peer, Reply};

/// A request on its way through a handler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) peer: &'a Peer,
    pub(crate) header: &'a RequestHeader,
    /// When it was taken on.
    pub(crate) now: Timestamp,
}

type Handler = fn(&Arc<Broker>, &Call<'_>, Request) -> Reply;

/// A request of more bytes than this, which are not records, is about thousands of things, and takes its handler long.
const LARGE_BODY_BYTES: usize = 256 << 10;

/// Every API that is advertised, with its handler.
const HANDLERS: &[(ApiKey, Handler)] = &[
    (ApiKey::Produce, produce::handle),
    (ApiKey::Fetch, fetch::handle),
    (ApiKey::ListOffsets, list_offsets::handle),
    (ApiKey::Metadata, metadata::handle),
    (ApiKey::CreateTopics, create_topics::handle),
    (ApiKey::DeleteTopics, delete_topics::handle),
    (ApiKey::CreatePartitions, create_partitions::handle),
    (ApiKey::DescribeCluster, describe_cluster::handle),
    (ApiKey::DescribeTopicPartitions, describe_topic_partitions::handle),
    (ApiKey::InitProducerId, init_producer_id::handle),
    (ApiKey::OffsetCommit, groups::offset_commit),
    (ApiKey::OffsetFetch, groups::offset_fetch),
    (ApiKey::FindCoordinator, groups::find_coordinator),
    (ApiKey::JoinGroup, groups::join_group),
    (ApiKey::Heartbeat, groups::heartbeat),
    (ApiKey::LeaveGroup, groups::leave_group),
    (ApiKey::SyncGroup, groups::sync_group),
    (ApiKey::DescribeGroups, groups::describe_groups),
    (ApiKey::ListGroups, groups::list_groups),
    (ApiKey::ApiVersions, api_versions::handle),
    (ApiKey::DescribeConfigs, describe_configs::handle),
    (ApiKey::AlterConfigs, alter_configs::handle),
    (ApiKey::IncrementalAlterConfigs, incremental_alter_configs::handle),
    (ApiKey::ListConfigResources, list_config_resources::handle),
    (ApiKey::DescribeAcls, acls::describe),
    (ApiKey::CreateAcls, acls::create),
    (ApiKey::DeleteAcls, acls::delete),
    (ApiKey::AlterReplicaLogDirs, alter_replica_log_dirs::handle),
    (ApiKey::DescribeLogDirs, describe_log_dirs::handle),
    (ApiKey::DescribeQuorum, describe_quorum::handle),
    (ApiKey::ElectLeaders, elect_leaders::handle),
    (ApiKey::UpdateFeatures, update_features::handle),
    (ApiKey::ConsumerGroupHeartbeat, groups::consumer_group_heartbeat),
    (ApiKey::ConsumerGroupDescribe, groups::consumer_group_describe),
    (ApiKey::DeleteGroups, groups::delete_groups),
    (ApiKey::OffsetDelete, groups::offset_delete),
    (ApiKey::DeleteRecords, delete_records::handle),
    (ApiKey::DescribeProducers, describe_producers::handle),
    (ApiKey::OffsetForLeaderEpoch, offset_for_leader_epoch::handle),
    (ApiKey::AddPartitionsToTxn, transactions::add_partitions_to_txn),
    (ApiKey::AddOffsetsToTxn, transactions::add_offsets_to_txn),
    (ApiKey::EndTxn, transactions::end_txn),
    (ApiKey::WriteTxnMarkers, transactions::write_txn_markers),
    (ApiKey::TxnOffsetCommit, transactions::txn_offset_commit),
    (ApiKey::DescribeTransactions, transactions::describe_transactions),
    (ApiKey::ListTransactions, transactions::list_transactions),
];

/// The APIs that are advertised.
pub(crate) fn advertised() -> impl Iterator<Item = ApiKey> {
    HANDLERS.iter().map(|(api, _)| *api)
}

/// Decodes a request and calls its handler.
pub(crate) fn dispatch(broker: &Arc<Broker>, call: &Call<'_>, body: bytes::Bytes) -> Reply {
    let RequestHeader { api, version, .. } = *call.header;
    let Some((_, handler)) = HANDLERS.iter().find(|(handled, _)| *handled == api) else {
        return Reply::Close(format!("{api} is not served here, and was not advertised"));
    };
    let is_large = body.len() > LARGE_BODY_BYTES && api != ApiKey::Produce;
    match messages::decode_request(api, version, body) {
        // Another thread goes on meanwhile with the connections of this one.
        Ok(request) if is_large => tokio::task::block_in_place(|| handler(broker, call, request)),
        Ok(request) => handler(broker, call, request),
        // A newer client asks in its own version first, and learns from the answer in version 0 which we speak (KIP-511).
        Err(DecodeError::UnsupportedVersion { .. }) if api == ApiKey::ApiVersions => {
            let response = Response::ApiVersions(api_versions::unsupported());
            Reply::now(Answer { version: Some(0), ..response.into() })
        }
        Err(err) => Reply::Close(err.to_string()),
    }
}

/// Each item once, where it is named first. What a client is told about a thing may be a thousand times as long as the thing's
/// name: were it told as often as it asks, a small request would take all memory.
fn each_once<T, K: Eq + Hash>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> impl Iterator<Item = T> {
    let mut seen = HashSet::new();
    items.into_iter().filter(move |item| seen.insert(key(item)))
}

/// Numbers for the topics of a request: their names may be long, and so each is compared once and not again for each of
/// its partitions.
struct Numbers<K>(HashMap<K, usize>);

impl<K: Eq + Hash> Numbers<K> {
    fn new() -> Self {
        Self(HashMap::new())
    }

    /// The number of a name, the same whenever it comes.
    fn of(&mut self, name: K) -> usize {
        let next = self.0.len();
        *self.0.entry(name).or_insert(next)
    }
}

/// The handler was given another API's request: the table pairs them, so it cannot be.
fn misrouted(request: &Request) -> Reply {
    Reply::Close(format!("{} reached the handler of another API", request.api()))
}
