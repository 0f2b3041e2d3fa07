//! DescribeQuorum: who votes on the metadata. A quorum of one is its leader, and has committed all that it has.

use std::sync::Arc;

use protocol::ErrorCode;
use protocol::messages::describe_quorum_request::DescribeQuorumRequest;
use protocol::messages::describe_quorum_response::{
    Listener, Node, PartitionData, ReplicaState, TopicData,
};
use protocol::messages::{DescribeQuorumResponse, Request, Response};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::wire;

/// The only partition that has a quorum.
const TOPIC: &str = "__cluster_metadata";
const PARTITION: i32 = 0;

/// From this version on, the answer says where the voters are reached.
const NODES_SINCE: i16 = 2;

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::DescribeQuorum(request) = request else { return misrouted(&request) };
    let response = if is_metadata(&request) { answer(broker, call) } else { refuse(&request) };
    Reply::now(Response::DescribeQuorum(response.with_error_message(None)))
}

fn is_metadata(request: &DescribeQuorumRequest) -> bool {
    let [topic] = &*request.topics else { return false };
    let [partition] = &*topic.partitions else { return false };
    &**topic.topic_name == TOPIC && partition.partition_index == PARTITION
}

fn refuse(request: &DescribeQuorumRequest) -> DescribeQuorumResponse {
    let code = ErrorCode::UnknownTopicOrPartition;
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            PartitionData::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code.code())
                .with_error_message(Some(wire::text(code.message())))
        });
        TopicData::default()
            .with_topic_name(topic.topic_name.clone())
            .with_partitions(partitions.collect())
    });
    DescribeQuorumResponse::default().with_topics(topics.collect())
}

fn answer(broker: &Broker, call: &Call<'_>) -> DescribeQuorumResponse {
    let node_id = wire::broker_id(broker.node_id);
    let end_offset = broker.metadata.last_offset().0 + 1;
    let voter = ReplicaState::default()
        .with_replica_id(node_id)
        .with_log_end_offset(end_offset)
        .with_last_fetch_timestamp(-1)
        .with_last_caught_up_timestamp(call.now.0);
    let partition = PartitionData::default()
        .with_partition_index(PARTITION)
        .with_error_message(None)
        .with_leader_id(node_id)
        .with_leader_epoch(broker.metadata.leader_epoch().0)
        .with_high_watermark(end_offset)
        .with_current_voters(vec![voter]);
    let topic = TopicData::default()
        .with_topic_name(wire::topic_name(TOPIC))
        .with_partitions(vec![partition]);
    let response = DescribeQuorumResponse::default().with_topics(vec![topic]);
    if call.header.version < NODES_SINCE {
        return response;
    }
    let (host, port) = broker.address_for(call.peer);
    let listener = Listener::default()
        .with_name(wire::text(&call.peer.listener))
        .with_host(wire::text(&host))
        .with_port(port);
    let node = Node::default().with_node_id(node_id).with_listeners(vec![listener]);
    response.with_nodes(vec![node])
}
