//! DescribeProducers: what a partition knows of those who write to it.

use std::sync::Arc;

use protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use protocol::messages::{DescribeProducersResponse, ProducerId, Request, Response};
use protocol::{ErrorCode, Offset, PartitionId};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::partition::Partition;

pub(super) fn handle(broker: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::DescribeProducers(request) = request else { return misrouted(&request) };
    let topics = request.topics.iter().map(|wanted| {
        let topic = broker.partitions.topic(&wanted.name);
        let partitions = wanted.partition_indexes.iter().map(|index| {
            let response = PartitionResponse::default().with_partition_index(*index);
            let topic = topic.as_deref();
            match topic.and_then(|topic| topic.partitions.get(&PartitionId(*index))) {
                Some(partition) => response.with_active_producers(producers_of(partition)),
                None => response.with_error_code(ErrorCode::UnknownTopicOrPartition.code()),
            }
        });
        TopicResponse::default()
            .with_name(wanted.name.clone())
            .with_partitions(partitions.collect())
    });
    let response = DescribeProducersResponse::default().with_topics(topics.collect());
    Reply::now(Response::DescribeProducers(response))
}

fn producers_of(partition: &Partition) -> Vec<ProducerState> {
    let producers = partition.log.producers().into_iter().map(|(producer_id, entry)| {
        ProducerState::default()
            .with_producer_id(ProducerId(producer_id.0))
            .with_producer_epoch(entry.epoch.0.into())
            .with_last_sequence(entry.last_sequence().0)
            .with_last_timestamp(entry.last_timestamp.0)
            .with_coordinator_epoch(entry.coordinator_epoch.0)
            .with_current_txn_start_offset(entry.current_txn_first_offset.unwrap_or(Offset::NONE).0)
    });
    producers.collect()
}
