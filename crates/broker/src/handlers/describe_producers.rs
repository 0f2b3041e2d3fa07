//! DescribeProducers: what a partition knows of those who write to it.

use std::sync::Arc;

use controller::decide::{ApiError, check_topic_name};
use protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use protocol::messages::{DescribeProducersResponse, ProducerId, Request, Response};
use protocol::{ErrorCode, Offset, PartitionId};

use super::{Call, each_once, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::partition::Partition;
use crate::wire;

pub(super) fn handle(broker: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::DescribeProducers(request) = request else { return misrouted(&request) };
    let topics = each_once(&request.topics, |wanted| &wanted.name).map(|wanted| {
        let topic = check_topic_name(&wanted.name)
            .and_then(|()| broker.partitions.topic(&wanted.name).ok_or_else(unknown));
        let partitions = each_once(&wanted.partition_indexes, |index| **index).map(|index| {
            let response = PartitionResponse::default().with_partition_index(*index);
            let partition = topic.as_ref().map_err(Clone::clone).and_then(|topic| {
                let partition = topic.partitions.get(&PartitionId(*index));
                partition.ok_or_else(unknown)
            });
            match partition {
                Ok(partition) => response.with_active_producers(producers_of(partition)),
                Err(err) => {
                    let (code, message) = wire::error(Some(err));
                    response.with_error_code(code).with_error_message(message)
                }
            }
        });
        TopicResponse::default()
            .with_name(wanted.name.clone())
            .with_partitions(partitions.collect())
    });
    let response = DescribeProducersResponse::default().with_topics(topics.collect());
    Reply::now(Response::DescribeProducers(response))
}

fn unknown() -> ApiError {
    let message = "this broker has no such partition".to_owned();
    ApiError { code: ErrorCode::UnknownTopicOrPartition, message }
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
