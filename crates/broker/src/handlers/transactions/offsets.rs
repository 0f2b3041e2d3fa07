//! TxnOffsetCommit: offsets of a group that count when the transaction they belong to is committed.
//!
//! The partition of the group asks for the transaction as any partition does: clients of the second version have it added,
//! the others must have added it by AddOffsetsToTxn.

use std::sync::Arc;

use protocol::messages::txn_offset_commit_request::TxnOffsetCommitRequestTopic;
use protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use protocol::messages::{Request, Response, TxnOffsetCommitRequest, TxnOffsetCommitResponse};
use protocol::{
    ErrorCode, PartitionId, ProducerEpoch, ProducerId, Sequence, Timestamp, TopicPartition,
};
use storage::producer::{Begin, Verified};

use super::super::{Call, misrouted};
use crate::broker::Broker;
use crate::errors::Failure;
use crate::handlers::produce::transaction::{Inquiry, Support};
use crate::net::Reply;
use crate::topics::CONSUMER_OFFSETS;

/// From this version on, the coordinator is asked to add the partition.
const ADDS_SINCE: i16 = 5;
/// From this version on, clients know the error that asks them to abort.
const ABORTABLE_SINCE: i16 = 4;
/// From this version on, clients know that a coordinator may be loading.
const LOADING_SINCE: i16 = 2;

pub(in crate::handlers) fn txn_offset_commit(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::TxnOffsetCommit(mut request) = request else { return misrouted(&request) };
    let version = call.header.version;
    let unknown = take_unknown(broker, &mut request);
    if request.topics.is_empty() {
        return Reply::now(finish(TxnOffsetCommitResponse::default(), unknown, version));
    }
    if request.group_id.is_empty() {
        let refused = refuse(&request.topics, ErrorCode::InvalidGroupId);
        return Reply::now(finish(refused, unknown, version));
    }
    let broker = Arc::clone(broker);
    let now = call.now;
    Reply::later(async move {
        let response = match verify(&broker, version, &request, now).await {
            Ok(verified) => commit(&broker, version, &request, verified).await,
            Err(code) => Err(code),
        };
        let response = response.unwrap_or_else(|code| refuse(&request.topics, code));
        finish(response, unknown, version).into()
    })
}

/// Takes out the partitions that are not there: their answer is returned.
fn take_unknown(
    broker: &Broker,
    request: &mut TxnOffsetCommitRequest,
) -> Vec<TxnOffsetCommitResponseTopic> {
    let image = broker.image.load();
    let mut unknown = Vec::new();
    request.topics.retain_mut(|topic| {
        let known = image.topic(&topic.name);
        let exists =
            |index| known.is_some_and(|it| it.partitions.contains_key(&PartitionId(index)));
        let mut gone = topic.clone();
        gone.partitions.retain(|partition| !exists(partition.partition_index));
        topic.partitions.retain(|partition| exists(partition.partition_index));
        if !gone.partitions.is_empty() {
            unknown.extend(refuse(&[gone], ErrorCode::UnknownTopicOrPartition).topics);
        }
        !topic.partitions.is_empty()
    });
    unknown
}

/// Has the coordinator add the partition of the group, or say that it has it.
async fn verify(
    broker: &Arc<Broker>,
    version: i16,
    request: &TxnOffsetCommitRequest,
    now: Timestamp,
) -> Result<Verified, ErrorCode> {
    let support =
        Support { adds: version >= ADDS_SINCE, knows_abortable: version >= ABORTABLE_SINCE };
    if !support.is_asked(broker) {
        return Ok(Verified::Unchecked);
    }
    let number = broker.groups.partition_of(&request.group_id);
    let name = TopicPartition::new(CONSUMER_OFFSETS, number);
    let partition = broker.partitions.get(&name).ok_or(ErrorCode::NotCoordinator)?;
    let begin = Begin {
        producer_id: ProducerId(request.producer_id.0),
        epoch: ProducerEpoch(request.producer_epoch),
        sequence: Sequence::NONE,
        bumps_epoch: support.adds,
    };
    let guard = partition.log.begin_verification(&begin, now);
    let guard = guard.map_err(|err| Failure::from(err).code)?;
    let Some(guard) = guard else { return Ok(Verified::Open) };
    let inquiry = Inquiry {
        transactional_id: request.transactional_id.0.clone(),
        producer: (begin.producer_id, begin.epoch),
        support,
        partitions: vec![name.clone()],
    };
    match inquiry.ask(broker).await.remove(&name) {
        Some(code) => Err(code),
        None => Ok(Verified::By(guard)),
    }
}

async fn commit(
    broker: &Arc<Broker>,
    version: i16,
    request: &TxnOffsetCommitRequest,
    verified: Verified,
) -> Result<TxnOffsetCommitResponse, ErrorCode> {
    let asked = broker.groups.ask_verified(
        &request.group_id,
        version,
        verified,
        |shard, now, token, out| shard.commit_txn_offsets(now, token, request, out),
    );
    match asked?.await.map(|response| *response) {
        Ok(Response::TxnOffsetCommit(response)) => Ok(response),
        _ => Err(ErrorCode::NotCoordinator),
    }
}

/// The same answer to all partitions.
fn refuse(topics: &[TxnOffsetCommitRequestTopic], code: ErrorCode) -> TxnOffsetCommitResponse {
    let topics = topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code.code())
        });
        TxnOffsetCommitResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    TxnOffsetCommitResponse::default().with_topics(topics.collect())
}

fn finish(
    mut response: TxnOffsetCommitResponse,
    unknown: Vec<TxnOffsetCommitResponseTopic>,
    version: i16,
) -> Response {
    response.topics.extend(unknown);
    if version < LOADING_SINCE {
        let partitions = response.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        for partition in partitions {
            if partition.error_code == ErrorCode::CoordinatorLoadInProgress.code() {
                partition.error_code = ErrorCode::CoordinatorNotAvailable.code();
            }
        }
    }
    Response::TxnOffsetCommit(response)
}
