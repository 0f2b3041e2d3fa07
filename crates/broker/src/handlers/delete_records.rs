//! DeleteRecords: moves the start of partitions up.

use std::sync::Arc;

use protocol::messages::delete_records_request::DeleteRecordsPartition;
use protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use protocol::messages::{DeleteRecordsResponse, Request, Response};
use protocol::{ErrorCode, Offset, PartitionId};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::errors::Failure;
use crate::net::Reply;
use crate::partitions::Topic;

/// Stands for the high watermark.
const HIGH_WATERMARK: i64 = -1;

pub(super) fn handle(broker: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::DeleteRecords(request) = request else { return misrouted(&request) };
    let topics = request.topics.iter().map(|wanted| {
        let topic = broker.partitions.topic(&wanted.name);
        let partitions = wanted.partitions.iter().map(|partition| {
            let result = DeleteRecordsPartitionResult::default()
                .with_partition_index(partition.partition_index)
                .with_low_watermark(-1);
            match delete(broker, topic.as_deref(), partition) {
                Ok(low_watermark) => result.with_low_watermark(low_watermark.0),
                Err(failure) => result.with_error_code(failure.code.code()),
            }
        });
        DeleteRecordsTopicResult::default()
            .with_name(wanted.name.clone())
            .with_partitions(partitions.collect())
    });
    let response = DeleteRecordsResponse::default().with_topics(topics.collect());
    Reply::now(Response::DeleteRecords(response))
}

fn delete(
    broker: &Broker,
    topic: Option<&Topic>,
    wanted: &DeleteRecordsPartition,
) -> Result<Offset, Failure> {
    let topic = topic.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let partition = topic.partitions.get(&PartitionId(wanted.partition_index));
    let log = &partition.ok_or(ErrorCode::UnknownTopicOrPartition)?.log;
    if broker.is_internal(&topic.name) {
        return Err(ErrorCode::InvalidTopicException.into());
    }
    // What only compaction may remove is not the client's to delete.
    if !log.config().cleanup_policy.delete {
        return Err(ErrorCode::PolicyViolation.into());
    }
    let offset = match wanted.offset {
        HIGH_WATERMARK => log.high_watermark(),
        offset if offset < 0 => return Err(ErrorCode::OffsetOutOfRange.into()),
        offset => Offset(offset),
    };
    Ok(log.delete_records_before(offset)?)
}
