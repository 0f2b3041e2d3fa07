//! DescribeTopicPartitions: topics in pages of so many partitions, in the order of their names (KIP-966).

use std::collections::BTreeSet;
use std::sync::Arc;

use controller::decide::check_topic_name;
use controller::image::{Partition, Topic};
use protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use protocol::messages::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, Request, Response,
};
use protocol::{ErrorCode, PartitionId};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::endpoints::View;
use crate::net::Reply;
use crate::wire;

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Start {
    topic: String,
    partition: PartitionId,
}

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::DescribeTopicPartitions(request) = request else { return misrouted(&request) };
    let response = match start_of(&request) {
        Some(start) => {
            let image = broker.image.load();
            page(View { broker, image: &image, peer: call.peer }, &request, &start)
        }
        None => refused(&request),
    };
    Reply::now(Response::DescribeTopicPartitions(response))
}

/// Where the page begins; `None` if the cursor points to what was not asked for.
fn start_of(request: &DescribeTopicPartitionsRequest) -> Option<Start> {
    let Some(cursor) = &request.cursor else {
        return Some(Start { topic: String::new(), partition: PartitionId(0) });
    };
    let is_asked = request.topics.is_empty()
        || request.topics.iter().any(|topic| topic.name == cursor.topic_name);
    (is_asked && cursor.partition_index >= 0).then(|| Start {
        topic: cursor.topic_name.to_string(),
        partition: PartitionId(cursor.partition_index),
    })
}

fn refused(request: &DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let topics = request.topics.iter().map(|topic| {
        DescribeTopicPartitionsResponseTopic::default()
            .with_error_code(ErrorCode::InvalidRequest.code())
            .with_name(Some(topic.name.clone()))
    });
    DescribeTopicPartitionsResponse::default().with_topics(topics.collect()).with_next_cursor(None)
}

fn page(
    view: View<'_>,
    request: &DescribeTopicPartitionsRequest,
    start: &Start,
) -> DescribeTopicPartitionsResponse {
    let names: BTreeSet<&str> = match request.topics.as_slice() {
        [] => view.image.topics_from(&start.topic).map(|topic| &*topic.name).collect(),
        topics => topics.iter().map(|topic| topic.name.as_str()).collect(),
    };
    let limit = usize::try_from(request.response_partition_limit).unwrap_or_default();
    let mut left = limit.min(view.broker.config.requests.describe_partitions_max).max(1);
    let mut response = DescribeTopicPartitionsResponse::default().with_next_cursor(None);
    for name in names.range(&*start.topic..) {
        if left == 0 {
            response.next_cursor = Some(cursor(name, PartitionId(0)));
            break;
        }
        let Some(topic) = view.image.topic(name) else {
            response.topics.push(unknown(view, name));
            continue;
        };
        let first = if *name == start.topic { start.partition } else { PartitionId(0) };
        let described = describe(view, topic, first, left);
        left -= described.partitions.len();
        let next = topic.partitions.range(first..).nth(described.partitions.len());
        response.topics.push(described);
        if let Some((next, _)) = next {
            response.next_cursor = Some(cursor(name, *next));
            break;
        }
    }
    response
}

fn cursor(topic: &str, partition: PartitionId) -> Cursor {
    Cursor::default().with_topic_name(wire::topic_name(topic)).with_partition_index(partition.0)
}

fn unknown(view: View<'_>, name: &str) -> DescribeTopicPartitionsResponseTopic {
    let code = match check_topic_name(name) {
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
        Err(err) => err.code,
    };
    DescribeTopicPartitionsResponseTopic::default()
        .with_error_code(code.code())
        .with_name(Some(wire::topic_name(name)))
        .with_is_internal(view.broker.is_internal(name))
        .with_topic_authorized_operations(wire::ALL_TOPIC_OPERATIONS)
}

/// At most `limit` partitions of a topic, from `first` on.
fn describe(
    view: View<'_>,
    topic: &Topic,
    first: PartitionId,
    limit: usize,
) -> DescribeTopicPartitionsResponseTopic {
    let partitions = topic.partitions.range(first..).take(limit);
    let partitions = partitions.map(|(id, partition)| describe_partition(view, *id, partition));
    DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(wire::topic_name(&topic.name)))
        .with_topic_id(wire::uuid(topic.id))
        .with_is_internal(view.broker.is_internal(&topic.name))
        .with_partitions(partitions.collect())
        .with_topic_authorized_operations(wire::ALL_TOPIC_OPERATIONS)
}

fn describe_partition(
    view: View<'_>,
    id: PartitionId,
    partition: &Partition,
) -> DescribeTopicPartitionsResponsePartition {
    DescribeTopicPartitionsResponsePartition::default()
        .with_partition_index(id.0)
        .with_leader_id(view.leader(partition).map_or(wire::NO_BROKER, wire::broker_id))
        .with_leader_epoch(partition.leader_epoch.0)
        .with_replica_nodes(wire::broker_ids(&partition.replicas))
        .with_isr_nodes(wire::broker_ids(&partition.isr))
        .with_eligible_leader_replicas(Some(wire::broker_ids(&partition.elr)))
        .with_last_known_elr(Some(wire::broker_ids(&partition.last_known_elr)))
        .with_offline_replicas(wire::broker_ids(&view.offline(partition)))
}
