//! Produce: records are checked and appended in the order of the connection's requests, and acknowledged when they are
//! as safe as was asked for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use protocol::messages::{ProduceRequest, ProduceResponse, Request, Response, StrBytes};
use protocol::record::BatchHeader;
use protocol::{ErrorCode, Offset, PartitionId, Timestamp, TopicId};
use storage::log::{Appended, LeaderAppend};
use storage::producer::Origin;
use storage::validate::{Rules, validate};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::errors::Failure;
use crate::net::Reply;
use crate::partition::{Partition, Watched};
use crate::partitions::Topic;
use crate::watchers::Waiter;

/// From this version on, topics are named by their ids.
const TOPIC_IDS_SINCE: i16 = 13;

/// Records that were appended and wait for their acknowledgement.
#[derive(Debug)]
struct Unacknowledged {
    partition: Arc<Partition>,
    /// The offset after the last record.
    end_offset: Offset,
    must_flush: bool,
    /// Its place in the response: topic and partition.
    place: (usize, usize),
}

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::Produce(request) = request else { return misrouted(&request) };
    let acks = request.acks;
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let mut waiting = Vec::new();
    let response = append_all(broker, call, request, &mut waiting);
    if acks == 0 {
        // A client that waits for no answer learns of an error by losing its connection, as in Kafka.
        return match first_error(&response) {
            Some(code) => {
                Reply::Close(format!("records without acknowledgement were refused: {code}"))
            }
            None => Reply::Nothing,
        };
    }
    waiting.retain(|it| !it.partition.is_acknowledged(it.end_offset, it.must_flush));
    if waiting.is_empty() {
        return Reply::now(Response::Produce(response));
    }
    let deadline = tokio::time::Instant::now() + timeout;
    Reply::later(
        async move { Response::Produce(acknowledge(response, waiting, deadline).await).into() },
    )
}

fn append_all(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: ProduceRequest,
    waiting: &mut Vec<Unacknowledged>,
) -> ProduceResponse {
    let ProduceRequest { acks, topic_data, transactional_id, .. } = request;
    let refusal = match (acks, transactional_id) {
        (-1..=1, None) => None,
        (-1..=1, Some(_)) => Some(ErrorCode::InvalidTxnState),
        _ => Some(ErrorCode::InvalidRequiredAcks),
    };
    let mut response = ProduceResponse::default();
    for TopicProduceData { name, topic_id, partition_data, .. } in topic_data {
        let topic_idx = response.responses.len();
        let topic = if call.header.version >= TOPIC_IDS_SINCE {
            broker
                .partitions
                .topic_by_id(TopicId(*topic_id.as_bytes()))
                .ok_or(ErrorCode::UnknownTopicId)
        } else {
            broker.partitions.topic(&name).ok_or(ErrorCode::UnknownTopicOrPartition)
        };
        let mut partitions = Vec::with_capacity(partition_data.len());
        for PartitionProduceData { index, records, .. } in partition_data {
            let place = (topic_idx, partitions.len());
            let appended = match (refusal, &topic) {
                (Some(code), _) => Err(code.into()),
                (None, Err(code)) => Err((*code).into()),
                (None, Ok(topic)) => append(broker, topic, index, records, acks, call.now),
            };
            let appended = appended.map(|(partition, appended)| {
                let end_offset = appended.last_offset.next();
                let must_flush = appended.must_flush;
                if must_flush {
                    broker.flusher.request(&partition.log);
                }
                if acks != 0 {
                    waiting.push(Unacknowledged { partition, end_offset, must_flush, place });
                }
                appended
            });
            partitions.push(answer(index, appended));
        }
        let topic = TopicProduceResponse::default().with_name(name).with_topic_id(topic_id);
        response.responses.push(topic.with_partition_responses(partitions));
    }
    response
}

fn append(
    broker: &Broker,
    topic: &Topic,
    index: i32,
    records: Option<Bytes>,
    acks: i16,
    now: Timestamp,
) -> Result<(Arc<Partition>, Appended), Failure> {
    let partition = topic.partitions.get(&PartitionId(index));
    let partition = partition.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if broker.is_internal(&topic.name) {
        return Err(ErrorCode::InvalidTopicException.into());
    }
    let records = records.unwrap_or_default();
    // Only with its transactional id can records be part of a transaction: no one else could ever end it.
    if BatchHeader::decode(&records).is_ok_and(|header| header.is_transactional()) {
        return Err(ErrorCode::TransactionalIdAuthorizationFailed.into());
    }
    let config = partition.log.config();
    let rules = Rules { config: &config, origin: Origin::Client, now };
    let records = validate(&records, &rules).map_err(storage::Error::from)?;
    let append = LeaderAppend::new(&records, Origin::Client);
    let in_sync_min = if acks == -1 { config.min_insync_replicas } else { 0 };
    let appended = partition.append(&append, in_sync_min, now)?;
    Ok((Arc::clone(partition), appended))
}

fn answer(index: i32, appended: Result<Appended, Failure>) -> PartitionProduceResponse {
    let answer = PartitionProduceResponse::default().with_index(index);
    match appended {
        Ok(appended) => answer
            .with_base_offset(appended.first_offset.0)
            .with_log_append_time_ms(appended.log_append_time.0)
            .with_log_start_offset(appended.log_start_offset.0),
        Err(Failure { code, message, records }) => {
            let records = records.into_iter().map(|record| {
                BatchIndexAndErrorMessage::default()
                    .with_batch_index(record.index)
                    .with_batch_index_error_message(Some(StrBytes::from_string(record.message)))
            });
            let message = (!message.is_empty()).then(|| StrBytes::from_string(message));
            answer
                .with_error_code(code.code())
                .with_base_offset(-1)
                .with_log_append_time_ms(-1)
                .with_log_start_offset(-1)
                .with_record_errors(records.collect())
                .with_error_message(message)
        }
    }
}

fn first_error(response: &ProduceResponse) -> Option<ErrorCode> {
    let partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
    let failed = partitions.map(|partition| partition.error_code).find(|code| *code != 0)?;
    Some(ErrorCode::from_code(failed).unwrap_or(ErrorCode::UnknownServerError))
}

/// Waits until all records are as safe as was asked for; what is not by the deadline is answered as timed out.
async fn acknowledge(
    mut response: ProduceResponse,
    mut waiting: Vec<Unacknowledged>,
    deadline: tokio::time::Instant,
) -> ProduceResponse {
    let waiter = Waiter::join(waiting.iter().map(|it| Watched(Arc::clone(&it.partition))));
    loop {
        waiting.retain(|it| {
            let is_offline = it.must_flush && it.partition.log.dir().offline_reason().is_some();
            if is_offline {
                fail(&mut response, it, ErrorCode::KafkaStorageError);
            }
            !is_offline && !it.partition.is_acknowledged(it.end_offset, it.must_flush)
        });
        if waiting.is_empty() {
            return response;
        }
        if tokio::time::timeout_at(deadline, waiter.woken()).await.is_err() {
            for it in &waiting {
                fail(&mut response, it, ErrorCode::RequestTimedOut);
            }
            return response;
        }
    }
}

fn fail(response: &mut ProduceResponse, it: &Unacknowledged, code: ErrorCode) {
    let (topic_idx, partition_idx) = it.place;
    let topic = response.responses.get_mut(topic_idx);
    let partition = topic.and_then(|topic| topic.partition_responses.get_mut(partition_idx));
    if let Some(partition) = partition {
        partition.error_code = code.code();
        partition.base_offset = -1;
    }
}
