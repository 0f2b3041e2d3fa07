//! AddPartitionsToTxn and AddOffsetsToTxn. Clients of the second version send neither: their partitions are added when they
//! write to them. Other brokers ask for several transactions at once, some of them only whether they have a partition.

use std::collections::BTreeSet;
use std::sync::Arc;

use coordinator::txn::{Answer, Producer};
use protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
};
use protocol::messages::{
    AddOffsetsToTxnResponse, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, Request,
    Response,
};
use protocol::{ErrorCode, PartitionId, ProducerEpoch, ProducerId, TopicPartition};

use super::super::{Call, misrouted};
use super::{answer, for_client};
use crate::broker::Broker;
use crate::net::Reply;
use crate::topics::CONSUMER_OFFSETS;

/// From this version on, a request has several transactions, and comes from a broker.
const BATCHED_SINCE: i16 = 4;

/// From this version on, clients know the error of a producer that is fenced.
const FENCED_SINCE: i16 = 2;

/// The version of transactions of clients that say which partitions they write to.
const FIRST_VERSION: i16 = 0;
/// And that of clients for whom brokers do.
const SECOND_VERSION: i16 = 2;

type Transaction = AddPartitionsToTxnTransaction;
type TopicResult = AddPartitionsToTxnTopicResult;

pub(in crate::handlers) fn add_partitions_to_txn(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::AddPartitionsToTxn(request) = request else { return misrouted(&request) };
    let version = call.header.version;
    let broker = Arc::clone(broker);
    Reply::later(async move {
        let response = AddPartitionsToTxnResponse::default();
        if version < BATCHED_SINCE {
            let results = add(&broker, version, &alone(request)).await;
            let response = response.with_results_by_topic_v3_and_below(results);
            return Response::AddPartitionsToTxn(response).into();
        }
        let mut results = Vec::with_capacity(request.transactions.len());
        for transaction in &request.transactions {
            results.push(
                AddPartitionsToTxnResult::default()
                    .with_transactional_id(transaction.transactional_id.clone())
                    .with_topic_results(add(&broker, version, transaction).await),
            );
        }
        Response::AddPartitionsToTxn(response.with_results_by_transaction(results)).into()
    })
}

/// The one transaction of a client's request.
fn alone(request: AddPartitionsToTxnRequest) -> Transaction {
    Transaction::default()
        .with_transactional_id(request.v3_and_below_transactional_id)
        .with_producer_id(request.v3_and_below_producer_id)
        .with_producer_epoch(request.v3_and_below_producer_epoch)
        .with_topics(request.v3_and_below_topics)
}

async fn add(broker: &Arc<Broker>, version: i16, transaction: &Transaction) -> Vec<TopicResult> {
    let is_client = version < BATCHED_SINCE;
    if let Some(results) = refuse_absent(broker, &transaction.topics, is_client) {
        return results;
    }
    if transaction.verify_only {
        return verify(broker, transaction).await;
    }
    let partitions: BTreeSet<_> = transaction.topics.iter().flat_map(partitions_of).collect();
    let from = producer(transaction);
    let client_version = if version < BATCHED_SINCE { FIRST_VERSION } else { SECOND_VERSION };
    let added = broker.transactions.ask(from.transactional_id, |shard, turn, ticket| {
        shard.add_partitions(turn, ticket, from, &partitions, client_version);
    });
    let code = code(for_client(answer(added).await, version, FENCED_SINCE));
    transaction.topics.iter().map(|topic| topic_result(topic, |_| code)).collect()
}

async fn verify(broker: &Arc<Broker>, transaction: &Transaction) -> Vec<TopicResult> {
    let from = producer(transaction);
    let mut results = Vec::with_capacity(transaction.topics.len());
    for topic in &transaction.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in partitions_of(topic) {
            let asked = broker.transactions.ask(from.transactional_id, |shard, turn, ticket| {
                shard.verify_partition(turn, ticket, from, &partition);
            });
            partitions.push(partition_result(partition.partition.0, code(answer(asked).await)));
        }
        let name = topic.name.clone();
        results.push(TopicResult::default().with_name(name).with_results_by_partition(partitions));
    }
    results
}

/// One partition that is not there, or that a client may not write to, fails the whole transaction's request.
fn refuse_absent(
    broker: &Broker,
    topics: &[AddPartitionsToTxnTopic],
    is_client: bool,
) -> Option<Vec<TopicResult>> {
    let image = broker.image.load();
    let faults_of = |topic: &AddPartitionsToTxnTopic| {
        let known = image.topic(&topic.name);
        let is_forbidden = is_client && broker.is_internal(&topic.name);
        move |index: i32| {
            let exists = known.is_some_and(|it| it.partitions.contains_key(&PartitionId(index)));
            if is_forbidden {
                Some(ErrorCode::TopicAuthorizationFailed)
            } else {
                (!exists).then_some(ErrorCode::UnknownTopicOrPartition)
            }
        }
    };
    let is_good = |topic: &AddPartitionsToTxnTopic| {
        let fault = faults_of(topic);
        topic.partitions.iter().all(|index| fault(*index).is_none())
    };
    if topics.iter().all(is_good) {
        return None;
    }
    let refuse = |topic| {
        let fault = faults_of(topic);
        topic_result(topic, |index| fault(index).unwrap_or(ErrorCode::OperationNotAttempted))
    };
    Some(topics.iter().map(refuse).collect())
}

fn producer(transaction: &Transaction) -> Producer<'_> {
    Producer {
        transactional_id: &transaction.transactional_id,
        id: ProducerId(transaction.producer_id.0),
        epoch: ProducerEpoch(transaction.producer_epoch),
    }
}

fn partitions_of(topic: &AddPartitionsToTxnTopic) -> impl Iterator<Item = TopicPartition> {
    let name: Arc<str> = Arc::from(&**topic.name);
    let indexes = topic.partitions.iter();
    indexes.map(move |index| TopicPartition::new(Arc::clone(&name), PartitionId(*index)))
}

fn topic_result(topic: &AddPartitionsToTxnTopic, code: impl Fn(i32) -> ErrorCode) -> TopicResult {
    let partitions = topic.partitions.iter().map(|index| partition_result(*index, code(*index)));
    TopicResult::default()
        .with_name(topic.name.clone())
        .with_results_by_partition(partitions.collect())
}

fn partition_result(index: i32, code: ErrorCode) -> AddPartitionsToTxnPartitionResult {
    AddPartitionsToTxnPartitionResult::default()
        .with_partition_index(index)
        .with_partition_error_code(code.code())
}

fn code(answer: Answer) -> ErrorCode {
    answer.err().unwrap_or(ErrorCode::None)
}

pub(in crate::handlers) fn add_offsets_to_txn(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::AddOffsetsToTxn(request) = request else { return misrouted(&request) };
    let partition = broker.groups.partition_of(&request.group_id);
    let partitions = BTreeSet::from([TopicPartition::new(CONSUMER_OFFSETS, partition)]);
    let from = Producer {
        transactional_id: &request.transactional_id,
        id: ProducerId(request.producer_id.0),
        epoch: ProducerEpoch(request.producer_epoch),
    };
    let added = broker.transactions.ask(from.transactional_id, |shard, turn, ticket| {
        shard.add_partitions(turn, ticket, from, &partitions, FIRST_VERSION);
    });
    let version = call.header.version;
    Reply::later(async move {
        let code = code(for_client(answer(added).await, version, FENCED_SINCE));
        let response = AddOffsetsToTxnResponse::default().with_error_code(code.code());
        Response::AddOffsetsToTxn(response).into()
    })
}
