//! OffsetForLeaderEpoch: where an epoch ends, for clients that check whether what they have read still holds (KIP-320).

use std::sync::Arc;

use protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use protocol::messages::{OffsetForLeaderEpochResponse, Request, Response};
use protocol::{ErrorCode, LeaderEpoch, Offset, PartitionId};

use super::fetch::check_epoch;
use super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::partitions::Topic;

pub(super) fn handle(broker: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::OffsetForLeaderEpoch(request) = request else { return misrouted(&request) };
    let topics = request.topics.iter().map(|wanted| {
        let topic = broker.partitions.topic(&wanted.topic);
        let partitions = wanted.partitions.iter().map(|partition| {
            let known = LeaderEpoch(partition.current_leader_epoch);
            let asked = LeaderEpoch(partition.leader_epoch);
            let answer = EpochEndOffset::default()
                .with_partition(partition.partition)
                .with_leader_epoch(LeaderEpoch::NONE.0)
                .with_end_offset(Offset::NONE.0);
            match end_of(topic.as_deref(), PartitionId(partition.partition), known, asked) {
                Ok(Some((epoch, end_offset))) => {
                    answer.with_leader_epoch(epoch.0).with_end_offset(end_offset.0)
                }
                Ok(None) => answer,
                Err(code) => answer.with_error_code(code.code()),
            }
        });
        OffsetForLeaderTopicResult::default()
            .with_topic(wanted.topic.clone())
            .with_partitions(partitions.collect())
    });
    let response = OffsetForLeaderEpochResponse::default().with_topics(topics.collect());
    Reply::now(Response::OffsetForLeaderEpoch(response))
}

fn end_of(
    topic: Option<&Topic>,
    partition: PartitionId,
    known: LeaderEpoch,
    asked: LeaderEpoch,
) -> Result<Option<(LeaderEpoch, Offset)>, ErrorCode> {
    let partition = topic.and_then(|topic| topic.partitions.get(&partition));
    let partition = partition.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    check_epoch(partition, known)?;
    Ok(partition.end_of_epoch(asked))
}
