//! Produce: records are checked and appended in the order of the connection's requests, and acknowledged when they are
//! as safe as was asked for.
//!
//! Records of a transaction that a partition does not know of wait until the coordinator has been asked (`transaction`).
//! It is here as a rule and answers at once; if not, the connection is held, so that nothing is appended out of order.

pub(in crate::handlers) mod transaction;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use protocol::messages::{ProduceRequest, ProduceResponse, Request, Response, StrBytes};
use protocol::{ErrorCode, Offset, PartitionId, Timestamp, TopicId};
use storage::log::{Appended, LeaderAppend};
use storage::producer::{Begin, Origin, Verified};
use storage::validate::{Rules, Validated, validate};

use self::transaction::{Inquiry, Refused, Support};
use super::{Call, misrouted};
use crate::broker::Broker;
use crate::errors::Failure;
use crate::net::Reply;
use crate::partition::{Partition, Watched};
use crate::partitions::Topic;
use crate::watchers::Waiter;

/// From this version on, topics are named by their ids.
const TOPIC_IDS_SINCE: i16 = 13;

/// From this version on, the coordinator is asked to add partitions to the transaction.
const ADDS_SINCE: i16 = 12;
/// From this version on, clients know the error that asks them to abort.
const ABORTABLE_SINCE: i16 = 11;

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

impl Unacknowledged {
    /// Whether the records are as safe as was asked for; an error if they never will be.
    fn is_acknowledged(&self) -> Result<bool, ErrorCode> {
        let partition = &self.partition;
        if partition.is_acknowledged(self.end_offset, self.must_flush) {
            Ok(true)
        } else if partition.is_gone() {
            Err(ErrorCode::UnknownTopicOrPartition)
        } else if self.must_flush && partition.log.dir().offline_reason().is_some() {
            Err(ErrorCode::KafkaStorageError)
        } else {
            Ok(false)
        }
    }
}

/// Records that are checked, and have a partition to go to.
#[derive(Debug)]
struct Set {
    partition: Arc<Partition>,
    records: Validated,
    verified: Verified,
    /// Its place in the response: topic and partition.
    place: (usize, usize),
}

/// A request on its way into the logs.
#[derive(Debug)]
struct Produce {
    acks: i16,
    timeout: Duration,
    now: Timestamp,
    /// The answers so far.
    response: ProduceResponse,
    sets: Vec<Set>,
}

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::Produce(request) = request else { return misrouted(&request) };
    let transactional_id = request.transactional_id.clone();
    let mut produce = check_all(broker, call, request);
    let inquiry = match transactional_id {
        Some(id) => produce.begin_transaction(broker, id.0, call.header.version),
        None => None,
    };
    let Some(inquiry) = inquiry else { return produce.append(broker) };
    match inquiry.ask_now(broker) {
        Some(refused) => {
            produce.refuse(&refused, inquiry.support);
            produce.append(broker)
        }
        // Whoever wants no answer is told by losing the connection.
        None if produce.acks == 0 => {
            Reply::Close("a transaction without acknowledgements cannot be verified now".to_owned())
        }
        None => {
            let broker = Arc::clone(broker);
            Reply::held(async move {
                let refused = inquiry.ask(&broker).await;
                produce.refuse(&refused, inquiry.support);
                let waiting = produce.append_all(&broker);
                let deadline = tokio::time::Instant::now() + produce.timeout;
                Response::Produce(acknowledge(produce.response, waiting, deadline).await).into()
            })
        }
    }
}

/// Checks the records of all partitions. What is refused has its answer then.
fn check_all(broker: &Broker, call: &Call<'_>, request: ProduceRequest) -> Produce {
    let ProduceRequest { acks, topic_data, timeout_ms, .. } = request;
    let has_id = request.transactional_id.is_some();
    let mut produce = Produce {
        acks,
        timeout: Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0)),
        now: call.now,
        response: ProduceResponse::default(),
        sets: Vec::new(),
    };
    for TopicProduceData { name, topic_id, partition_data, .. } in topic_data {
        let topic = if call.header.version >= TOPIC_IDS_SINCE {
            broker
                .partitions
                .topic_by_id(TopicId(*topic_id.as_bytes()))
                .ok_or(ErrorCode::UnknownTopicId)
        } else {
            broker.partitions.topic(&name).ok_or(ErrorCode::UnknownTopicOrPartition)
        };
        let topic_idx = produce.response.responses.len();
        let mut answers = Vec::with_capacity(partition_data.len());
        for PartitionProduceData { index, records, .. } in partition_data {
            let checked = match (&topic, (-1..=1).contains(&acks)) {
                (_, false) => Err(ErrorCode::InvalidRequiredAcks.into()),
                (Err(code), _) => Err((*code).into()),
                (Ok(topic), _) => check(broker, topic, index, records, call.now)
                    .and_then(|checked| refuse_without_id(&checked.1, has_id).map(|()| checked)),
            };
            let place = (topic_idx, answers.len());
            let mut answer = PartitionProduceResponse::default().with_index(index);
            match checked {
                Ok((partition, records)) => {
                    let verified = verification(broker, &records, call);
                    produce.sets.push(Set { partition, records, verified, place });
                }
                Err(failure) => fail_with(&mut answer, failure),
            }
            answers.push(answer);
        }
        let topic = TopicProduceResponse::default().with_name(name).with_topic_id(topic_id);
        produce.response.responses.push(topic.with_partition_responses(answers));
    }
    produce
}

fn check(
    broker: &Broker,
    topic: &Topic,
    index: i32,
    records: Option<Bytes>,
    now: Timestamp,
) -> Result<(Arc<Partition>, Validated), Failure> {
    let partition = topic.partitions.get(&PartitionId(index));
    let partition = partition.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if broker.is_internal(&topic.name) {
        return Err(ErrorCode::InvalidTopicException.into());
    }
    let config = partition.log.config();
    let rules = Rules { config: &config, origin: Origin::Client, now };
    let records = validate(&records.unwrap_or_default(), &rules).map_err(storage::Error::from)?;
    Ok((Arc::clone(partition), records))
}

/// Only with its transactional id can records be part of a transaction: no one else could ever end it.
fn refuse_without_id(records: &Validated, has_id: bool) -> Result<(), Failure> {
    match records.transaction() {
        Some(_) if !has_id => Err(ErrorCode::TransactionalIdAuthorizationFailed.into()),
        _ => Ok(()),
    }
}

/// What is known of the transaction of records before anybody has been asked: that it is open, or else they are refused.
fn verification(broker: &Broker, records: &Validated, call: &Call<'_>) -> Verified {
    let is_asked = support(call.header.version).is_asked(broker);
    if records.transaction().is_some() && is_asked { Verified::Open } else { Verified::Unchecked }
}

/// What a version of the request means for its transactions.
fn support(version: i16) -> Support {
    Support { adds: version >= ADDS_SINCE, knows_abortable: version >= ABORTABLE_SINCE }
}

impl Produce {
    /// Finds the partitions that do not know of the transaction, and so what to ask the coordinator.
    fn begin_transaction(
        &mut self,
        broker: &Broker,
        transactional_id: StrBytes,
        version: i16,
    ) -> Option<Inquiry> {
        let support = support(version);
        if !support.is_asked(broker) {
            return None;
        }
        let transactions = self.sets.iter().filter_map(|set| set.records.transaction());
        let (id, epoch, _) = transactions.last()?;
        let (mut partitions, mut refused) = (Vec::new(), Vec::new());
        for set in &mut self.sets {
            let Some((producer_id, producer_epoch, sequence)) = set.records.transaction() else {
                continue;
            };
            let begin =
                Begin { producer_id, epoch: producer_epoch, sequence, bumps_epoch: support.adds };
            let begun = match (producer_id, producer_epoch) == (id, epoch) {
                true => set.partition.log.begin_verification(&begin, self.now),
                false => {
                    let message = "one request has records of several producers".to_owned();
                    let code = ErrorCode::InvalidProducerIdMapping;
                    Err(storage::Rejection::new(code, message).into())
                }
            };
            match begun {
                Ok(None) => {}
                Ok(Some(guard)) => {
                    set.verified = Verified::By(guard);
                    partitions.push(set.partition.topic_partition().clone());
                }
                Err(err) => refused.push((set.place, Failure::from(err))),
            }
        }
        for (place, failure) in refused {
            self.drop_set(place, failure);
        }
        let producer = (id, epoch);
        (!partitions.is_empty()).then_some(Inquiry {
            transactional_id,
            producer,
            support,
            partitions,
        })
    }

    /// Answers those whose transaction does not have them.
    fn refuse(&mut self, refused: &Refused, support: Support) {
        let refused: Vec<_> = self
            .sets
            .iter()
            .filter_map(|set| {
                let code = refused.get(set.partition.topic_partition())?;
                Some((set.place, of_inquiry(*code, support)))
            })
            .collect();
        for (place, failure) in refused {
            self.drop_set(place, failure);
        }
    }

    fn drop_set(&mut self, place: (usize, usize), failure: Failure) {
        self.sets.retain(|set| set.place != place);
        if let Some(answer) = answer_at(&mut self.response, place) {
            fail_with(answer, failure);
        }
    }

    /// Appends everything, and answers when that is as safe as was asked for.
    fn append(mut self, broker: &Broker) -> Reply {
        let mut waiting = self.append_all(broker);
        if self.acks == 0 {
            // A client that waits for no answer learns of an error by losing its connection, as in Kafka.
            return match first_error(&self.response) {
                Some(code) => {
                    Reply::Close(format!("records without acknowledgement were refused: {code}"))
                }
                None => Reply::Nothing,
            };
        }
        waiting.retain(|it| !it.partition.is_acknowledged(it.end_offset, it.must_flush));
        let response = self.response;
        if waiting.is_empty() {
            return Reply::now(Response::Produce(response));
        }
        let deadline = tokio::time::Instant::now() + self.timeout;
        Reply::later(async move {
            Response::Produce(acknowledge(response, waiting, deadline).await).into()
        })
    }

    fn append_all(&mut self, broker: &Broker) -> Vec<Unacknowledged> {
        let mut waiting = Vec::with_capacity(self.sets.len());
        for set in std::mem::take(&mut self.sets) {
            let Set { partition, records, verified, place } = set;
            let append = LeaderAppend { verified, ..LeaderAppend::new(&records, Origin::Client) };
            let in_sync_min = match self.acks {
                -1 => partition.log.config().min_insync_replicas,
                _ => 0,
            };
            let appended = partition.append(&append, in_sync_min, self.now);
            if let Ok(Appended { last_offset, must_flush, .. }) = &appended {
                let (end_offset, must_flush) = (last_offset.next(), *must_flush);
                if must_flush {
                    broker.flusher.request(&partition.log);
                }
                if self.acks != 0 {
                    waiting.push(Unacknowledged { partition, end_offset, must_flush, place });
                }
            }
            if let Some(answer) = answer_at(&mut self.response, place) {
                match appended {
                    Ok(appended) => succeed(answer, &appended),
                    Err(err) => fail_with(answer, err.into()),
                }
            }
        }
        waiting
    }
}

/// What a client is told when the coordinator could not be asked, or refuses. An error that it might not try again after
/// takes the form of one that it does, and that sends it after no new metadata.
fn of_inquiry(code: ErrorCode, support: Support) -> Failure {
    let is_away = matches!(
        code,
        ErrorCode::NetworkException
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
    );
    if is_away || (code == ErrorCode::ConcurrentTransactions && !support.adds) {
        let message = format!("the transaction cannot be verified now: {code}");
        return storage::Error::from(storage::Rejection::new(
            ErrorCode::NotEnoughReplicas,
            message,
        ))
        .into();
    }
    code.into()
}

fn answer_at(
    response: &mut ProduceResponse,
    (topic_idx, partition_idx): (usize, usize),
) -> Option<&mut PartitionProduceResponse> {
    response.responses.get_mut(topic_idx)?.partition_responses.get_mut(partition_idx)
}

fn succeed(answer: &mut PartitionProduceResponse, appended: &Appended) {
    answer.base_offset = appended.first_offset.0;
    answer.log_append_time_ms = appended.log_append_time.0;
    answer.log_start_offset = appended.log_start_offset.0;
}

fn fail_with(answer: &mut PartitionProduceResponse, failure: Failure) {
    let Failure { code, message, records } = failure;
    let records = records.into_iter().map(|record| {
        BatchIndexAndErrorMessage::default()
            .with_batch_index(record.index)
            .with_batch_index_error_message(Some(StrBytes::from_string(record.message)))
    });
    answer.error_code = code.code();
    answer.base_offset = -1;
    answer.log_append_time_ms = -1;
    answer.log_start_offset = -1;
    answer.record_errors = records.collect();
    answer.error_message = (!message.is_empty()).then(|| StrBytes::from_string(message));
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
        waiting.retain(|it| match it.is_acknowledged() {
            Ok(is_acknowledged) => !is_acknowledged,
            Err(code) => {
                fail(&mut response, it, code);
                false
            }
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
    if let Some(answer) = answer_at(response, it.place) {
        answer.error_code = code.code();
        answer.base_offset = -1;
    }
}
