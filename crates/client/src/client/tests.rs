//! A client against brokers that move leaders, lose answers and do not know better.

use std::time::Duration;

use protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use protocol::messages::{
    BrokerId as NodeId, InitProducerIdResponse, ListOffsetsResponse, MetadataResponse,
    ProduceResponse, ProducerId, Request, Response, StrBytes,
};
use protocol::record::Batch;
use protocol::{ApiKey, Offset, Sequence, Timestamp};

use super::*;
use crate::scripted::{NOBODY, Peer, listen};
use crate::wire::topic_name;
use crate::{OffsetSpec, Producer, ProducerOptions};

fn client(address: &str) -> Client {
    let mut options = ClientOptions::new(vec![address.to_owned()]);
    options.retry_timeout = Duration::from_secs(60);
    Client::new(options)
}

/// A cluster of one broker at `address`, which leads the one partition of topic `t`.
fn metadata(address: &str) -> Response {
    let (host, port) = address.split_once(':').unwrap();
    let broker = MetadataResponseBroker::default()
        .with_node_id(NodeId(1))
        .with_host(StrBytes::from_string(host.to_owned()))
        .with_port(port.parse().unwrap());
    let partition = MetadataResponsePartition::default().with_leader_id(NodeId(1));
    let topic = MetadataResponseTopic::default()
        .with_name(Some(topic_name("t")))
        .with_partitions(vec![partition]);
    Response::Metadata(
        MetadataResponse::default().with_brokers(vec![broker]).with_topics(vec![topic]),
    )
}

fn offset(code: ErrorCode, offset: i64) -> Response {
    let partition =
        ListOffsetsPartitionResponse::default().with_error_code(code.code()).with_offset(offset);
    let topic = ListOffsetsTopicResponse::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![partition]);
    Response::ListOffsets(ListOffsetsResponse::default().with_topics(vec![topic]))
}

fn produced(code: ErrorCode) -> Response {
    let partition = PartitionProduceResponse::default()
        .with_error_code(code.code())
        .with_base_offset(7)
        .with_error_message(Some(StrBytes::from_static_str("the broker's words")));
    let topic = TopicProduceResponse::default()
        .with_name(topic_name("t"))
        .with_partition_responses(vec![partition]);
    Response::Produce(ProduceResponse::default().with_responses(vec![topic]))
}

fn producer_id() -> Response {
    Response::InitProducerId(
        InitProducerIdResponse::default()
            .with_producer_id(ProducerId(5))
            .with_ongoing_txn_producer_id(ProducerId(-1)),
    )
}

#[tokio::test]
async fn leader_that_has_moved_is_looked_for_again() {
    let (listener, address) = listen().await;
    let partition = TopicPartition::new("t", PartitionId(0));
    let asking = async {
        let wanted = [(partition.clone(), OffsetSpec::Latest)];
        let found = client(&address).list_offsets(wanted, false).await.unwrap();
        assert_eq!(found[&partition], Offset(42));
    };
    let answering = async {
        let mut peer = Peer::accept_ready(&listener).await;
        let mut asked = Vec::new();
        while let Some((header, request)) = peer.request().await {
            asked.push(header.api);
            let is_first = asked.iter().filter(|api| **api == ApiKey::ListOffsets).count() == 1;
            let response = match request {
                Request::Metadata(_) => metadata(&address),
                Request::ListOffsets(_) if is_first => offset(ErrorCode::NotLeaderOrFollower, -1),
                _ => offset(ErrorCode::None, 42),
            };
            peer.answer(&header, response).await;
        }
        let expected =
            [ApiKey::Metadata, ApiKey::ListOffsets, ApiKey::Metadata, ApiKey::ListOffsets];
        assert_eq!(asked, expected);
    };
    tokio::join!(asking, answering);
}

/// Produces one record while the broker answers the tries with `answers`; none loses the connection. Returns the result
/// and the batches that came.
async fn produce(answers: &[Option<ErrorCode>]) -> (Result<Offset, Error>, Vec<Vec<u8>>) {
    let (listener, address) = listen().await;
    let asking = async {
        let client = client(&address);
        let mut producer = Producer::new(client, ProducerOptions::default()).await.unwrap();
        let partition = TopicPartition::new("t", PartitionId(0));
        producer.add(&partition, Timestamp(1), Some(b"k"), Some(b"v"), &[]);
        producer.flush().await.map(|acknowledged| acknowledged[0].base_offset)
    };
    let answering = async {
        let mut batches = Vec::new();
        let mut answers = answers.iter();
        while answers.len() > 0 {
            let mut peer = Peer::accept_ready(&listener).await;
            while let Some((header, request)) = peer.request().await {
                let response = match request {
                    Request::Metadata(_) => metadata(&address),
                    Request::InitProducerId(_) => producer_id(),
                    Request::Produce(request) => {
                        let data = &request.topic_data[0].partition_data[0];
                        batches.push(data.records.clone().unwrap().to_vec());
                        match answers.next().unwrap() {
                            Some(code) => produced(*code),
                            None => break,
                        }
                    }
                    other => panic!("{other:?} was not to be asked"),
                };
                peer.answer(&header, response).await;
            }
        }
        batches
    };
    tokio::join!(asking, answering)
}

#[tokio::test]
async fn batch_whose_answer_was_lost_is_sent_again_as_it_was() {
    let answers = [None, Some(ErrorCode::NotLeaderOrFollower), Some(ErrorCode::None)];
    let (result, batches) = produce(&answers).await;
    assert_eq!(result.unwrap(), Offset(7));
    assert_eq!(batches.len(), 3);
    assert!(batches.iter().all(|batch| *batch == batches[0]));
    let header = *Batch::first(&batches[0]).unwrap().header();
    assert_eq!((header.producer_id.0, header.base_sequence), (5, Sequence(0)));
}

#[tokio::test]
async fn batch_that_was_stored_by_the_lost_try_counts_as_stored() {
    let answers = [None, Some(ErrorCode::DuplicateSequenceNumber)];
    let (result, _) = produce(&answers).await;
    assert_eq!(result.unwrap(), Offset::NONE);
}

#[tokio::test]
async fn batch_that_is_refused_for_good_is_an_error_in_the_brokers_words() {
    let (result, batches) = produce(&[Some(ErrorCode::InvalidRecord)]).await;
    let err = result.unwrap_err();
    assert_eq!(err.code(), Some(ErrorCode::InvalidRecord));
    assert!(err.to_string().contains("the broker's words"), "{err}");
    assert_eq!(batches.len(), 1);
}

#[tokio::test]
async fn bootstrap_address_that_is_dead_is_passed_over() {
    let (listener, address) = listen().await;
    let asking = async {
        let client = Client::new(ClientOptions::new(vec![NOBODY.to_owned(), address.clone()]));
        assert_eq!(client.any().await.unwrap().address(), address);
        let nobody = Client::new(ClientOptions::new(vec![NOBODY.to_owned()]));
        let err = nobody.any().await.unwrap_err();
        assert!(err.to_string().contains(NOBODY), "{err}");
    };
    let answering = async { Peer::accept_ready(&listener).await.closed().await };
    tokio::join!(asking, answering);
}
