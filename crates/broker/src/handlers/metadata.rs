//! Metadata: the brokers, and who leads which partition. Topics that do not exist are created, if the client and the
//! configuration allow it, before the answer: it is true on every broker by then.

use std::collections::HashSet;
use std::sync::Arc;

use controller::decide::check_topic_name;
use controller::image::{Partition, Topic};
use protocol::messages::metadata_request::MetadataRequestTopic;
use protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use protocol::messages::{MetadataRequest, MetadataResponse, Request, Response, TopicName};
use protocol::{ErrorCode, PartitionId, TopicId};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::endpoints::View;
use crate::net::{Peer, Reply};
use crate::wire;

/// In version 0 an empty list asks for all topics.
const EMPTY_IS_NONE_SINCE: i16 = 1;
/// Versions 10 and 11 have room for topic ids, but they are not taken.
const TOPIC_IDS_SINCE: i16 = 12;
/// Before this version, a replica that is away is an error of its partition.
const AWAY_IS_NO_ERROR_SINCE: i16 = 1;
/// From this version on, a leader without the client's listener is told from no leader.
const LISTENER_NOT_FOUND_SINCE: i16 = 6;

/// What is asked for, each once.
#[derive(Debug, PartialEq)]
enum Wanted {
    All,
    Names(Vec<TopicName>),
    Ids(Vec<TopicId>),
}

/// What shapes the answer besides what is asked for.
#[derive(Debug, Clone, Copy)]
struct Shape {
    version: i16,
    topic_operations: i32,
    cluster_operations: i32,
}

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::Metadata(request) = request else { return misrouted(&request) };
    let version = call.header.version;
    let Ok(wanted) = wanted(request.topics.as_deref(), version) else {
        return Reply::now(Response::Metadata(refused(&request)));
    };
    let operations =
        |is_asked: bool, all: i32| if is_asked { all } else { wire::OPERATIONS_NOT_ASKED };
    let shape = Shape {
        version,
        topic_operations: operations(
            request.include_topic_authorized_operations,
            wire::ALL_TOPIC_OPERATIONS,
        ),
        cluster_operations: operations(
            request.include_cluster_authorized_operations,
            wire::ALL_CLUSTER_OPERATIONS,
        ),
    };
    let missing = missing_topics(broker, &request, &wanted);
    if missing.is_empty() {
        return Reply::now(Response::Metadata(answer(broker, call.peer, &wanted, shape)));
    }
    let (broker, peer) = (Arc::clone(broker), call.peer.clone());
    Reply::later(async move {
        broker.auto_create(missing).await;
        Response::Metadata(answer(&broker, &peer, &wanted, shape)).into()
    })
}

/// What the request asks for, or an error if it cannot be asked for in this version.
fn wanted(topics: Option<&[MetadataRequestTopic]>, version: i16) -> Result<Wanted, ErrorCode> {
    let Some(topics) = topics.filter(|topics| version >= EMPTY_IS_NONE_SINCE || !topics.is_empty())
    else {
        return Ok(Wanted::All);
    };
    let id_of = |topic: &MetadataRequestTopic| wire::topic_id(topic.topic_id);
    let has_id = |topic: &MetadataRequestTopic| id_of(topic) != TopicId::ZERO;
    let by_id = topics.iter().any(has_id);
    if version < TOPIC_IDS_SINCE && by_id {
        return Err(ErrorCode::InvalidRequest);
    }
    // As soon as one topic has an id, names do not count.
    if by_id {
        let mut seen = HashSet::new();
        let ids = topics.iter().filter(|topic| has_id(topic)).map(id_of);
        return Ok(Wanted::Ids(ids.filter(|id| seen.insert(*id)).collect()));
    }
    let names: Option<Vec<&TopicName>> = topics.iter().map(|topic| topic.name.as_ref()).collect();
    let mut seen = HashSet::new();
    let names = names.ok_or(ErrorCode::InvalidRequest)?.into_iter();
    Ok(Wanted::Names(names.filter(|name| seen.insert(*name)).cloned().collect()))
}

/// The answer to a request that names its topics in a way that its version has not.
fn refused(request: &MetadataRequest) -> MetadataResponse {
    let topics = request.topics.iter().flatten().map(|topic| {
        MetadataResponseTopic::default()
            .with_error_code(ErrorCode::InvalidRequest.code())
            .with_name(Some(topic.name.clone().unwrap_or_default()))
            .with_topic_id(topic.topic_id)
    });
    MetadataResponse::default()
        .with_topics(topics.collect())
        .with_error_code(ErrorCode::InvalidRequest.code())
}

/// The topics that are asked for by name, do not exist, and are to be created.
fn missing_topics(broker: &Broker, request: &MetadataRequest, wanted: &Wanted) -> Vec<String> {
    match wanted {
        Wanted::Names(names)
            if request.allow_auto_topic_creation && broker.config.topics.auto_create =>
        {
            let image = broker.image.load();
            let is_missing = |name: &&TopicName| image.topic(name).is_none();
            names.iter().filter(is_missing).map(|name| name.to_string()).collect()
        }
        _ => Vec::new(),
    }
}

fn answer(broker: &Broker, peer: &Peer, wanted: &Wanted, shape: Shape) -> MetadataResponse {
    let image = broker.image.load();
    let view = View { broker, image: &image, peer };
    let topics = match wanted {
        Wanted::All => image.topics().map(|topic| describe(view, topic, shape)).collect(),
        Wanted::Names(names) => names.iter().map(|name| by_name(view, name, shape)).collect(),
        Wanted::Ids(ids) => ids.iter().map(|id| by_id(view, *id, shape)).collect(),
    };
    let brokers = view.endpoints().filter(|endpoint| !endpoint.is_fenced).map(|endpoint| {
        MetadataResponseBroker::default()
            .with_node_id(wire::broker_id(endpoint.id))
            .with_host(wire::text(&endpoint.host))
            .with_port(endpoint.port.into())
            .with_rack(endpoint.rack.as_deref().map(wire::text))
    });
    MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_cluster_id(Some(wire::text(image.cluster_id())))
        // Any broker will do: each brings what is for the controller to it.
        .with_controller_id(wire::broker_id(broker.node_id))
        .with_topics(topics)
        .with_cluster_authorized_operations(shape.cluster_operations)
}

fn by_name(view: View<'_>, name: &TopicName, shape: Shape) -> MetadataResponseTopic {
    if let Some(topic) = view.image.topic(name) {
        return describe(view, topic, shape);
    }
    let code = match check_topic_name(name) {
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
        Err(err) => err.code,
    };
    MetadataResponseTopic::default()
        .with_error_code(code.code())
        .with_name(Some(name.clone()))
        .with_is_internal(view.broker.is_internal(name))
        .with_topic_authorized_operations(shape.topic_operations)
}

fn by_id(view: View<'_>, id: TopicId, shape: Shape) -> MetadataResponseTopic {
    match view.image.topic_by_id(id) {
        Some(topic) => describe(view, topic, shape),
        None => MetadataResponseTopic::default()
            .with_error_code(ErrorCode::UnknownTopicId.code())
            .with_name(None)
            .with_topic_id(wire::uuid(id)),
    }
}

fn describe(view: View<'_>, topic: &Topic, shape: Shape) -> MetadataResponseTopic {
    let partitions = topic.partitions.iter();
    let partitions =
        partitions.map(|(id, partition)| describe_partition(view, *id, partition, shape.version));
    MetadataResponseTopic::default()
        .with_name(Some(wire::topic_name(&topic.name)))
        .with_topic_id(wire::uuid(topic.id))
        .with_is_internal(view.broker.is_internal(&topic.name))
        .with_partitions(partitions.collect())
        .with_topic_authorized_operations(shape.topic_operations)
}

fn describe_partition(
    view: View<'_>,
    id: PartitionId,
    partition: &Partition,
    version: i16,
) -> MetadataResponsePartition {
    let shown = |replicas: &[_]| match version {
        AWAY_IS_NO_ERROR_SINCE.. => replicas.to_vec(),
        _ => view.alive(replicas),
    };
    let (replicas, isr) = (shown(&partition.replicas), shown(&partition.isr));
    let leader = view.leader(partition);
    let is_registered = |leader| view.image.broker(leader).is_some();
    let code = match leader {
        None if version >= LISTENER_NOT_FOUND_SINCE
            && partition.leader.is_some_and(is_registered) =>
        {
            ErrorCode::ListenerNotFound
        }
        None => ErrorCode::LeaderNotAvailable,
        Some(_) if replicas.len() < partition.replicas.len() || isr.len() < partition.isr.len() => {
            ErrorCode::ReplicaNotAvailable
        }
        Some(_) => ErrorCode::None,
    };
    MetadataResponsePartition::default()
        .with_error_code(code.code())
        .with_partition_index(id.0)
        .with_leader_id(leader.map_or(wire::NO_BROKER, wire::broker_id))
        .with_leader_epoch(partition.leader_epoch.0)
        .with_replica_nodes(wire::broker_ids(&replicas))
        .with_isr_nodes(wire::broker_ids(&isr))
        .with_offline_replicas(wire::broker_ids(&view.offline(partition)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: Option<&str>, id: u8) -> MetadataRequestTopic {
        MetadataRequestTopic::default()
            .with_name(name.map(wire::topic_name))
            .with_topic_id(wire::uuid(TopicId([id; 16])))
    }

    #[test]
    fn wanted_follows_the_versions() {
        let names = |names: &[&str]| {
            Ok(Wanted::Names(names.iter().copied().map(wire::topic_name).collect()))
        };
        let ids = |ids: &[u8]| Ok(Wanted::Ids(ids.iter().map(|id| TopicId([*id; 16])).collect()));
        let refused = || Err(ErrorCode::InvalidRequest);
        for (topics, version, expected) in [
            (None, 1, Ok(Wanted::All)),
            (Some(vec![]), 0, Ok(Wanted::All)),
            (Some(vec![]), 1, names(&[])),
            (
                Some(vec![topic(Some("b"), 0), topic(Some("a"), 0), topic(Some("b"), 0)]),
                12,
                names(&["b", "a"]),
            ),
            (Some(vec![topic(None, 2), topic(None, 1), topic(None, 2)]), 12, ids(&[2, 1])),
            (Some(vec![topic(Some("a"), 0), topic(None, 1)]), 13, ids(&[1])),
            (Some(vec![topic(None, 1)]), 11, refused()),
            (Some(vec![topic(None, 0)]), 10, refused()),
            (Some(vec![topic(None, 0)]), 12, refused()),
        ] {
            assert_eq!(wanted(topics.as_deref(), version), expected, "{topics:?} in {version}");
        }
    }
}
