//! A producer of transactions that begins one and says nothing more.

use client::{Client, ClientOptions, Error};
use protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use protocol::messages::{
    GroupId, InitProducerIdRequest, ProduceRequest, ProducerId as WireProducerId, StrBytes,
    TopicName, TransactionalId, TxnOffsetCommitRequest,
};
use protocol::record::{BatchBuilder, BatchOptions};
use protocol::{PartitionId, ProducerEpoch, ProducerId, Sequence, Timestamp, TopicPartition};
use tokio::runtime::{Builder, Runtime};

/// A producer.
#[derive(Debug)]
pub(crate) struct Writer {
    runtime: Runtime,
    client: Client,
    transactional_id: TransactionalId,
    pub(crate) producer_id: ProducerId,
    epoch: ProducerEpoch,
}

impl Writer {
    pub(crate) fn new(bootstrap: &str, transactional_id: &'static str, timeout_ms: i32) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let client = Client::new(ClientOptions::new(vec![bootstrap.to_owned()]));
        let id = TransactionalId(StrBytes::from_static_str(transactional_id));
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(id.clone()))
            .with_transaction_timeout_ms(timeout_ms)
            .with_producer_id(WireProducerId(-1))
            .with_producer_epoch(-1);
        let ask = |coordinator: client::Connection| {
            let request = request.clone();
            async move {
                let response = coordinator.call(request).await?;
                Error::check(response.error_code, None, || "a producer id".to_owned())?;
                Ok((ProducerId(response.producer_id.0), ProducerEpoch(response.producer_epoch)))
            }
        };
        let asked = client.with_transaction_coordinator(transactional_id, ask);
        let (producer_id, epoch) = runtime.block_on(asked).expect("the coordinator answers");
        Self { runtime, client, transactional_id: id, producer_id, epoch }
    }

    /// Writes the first record of a transaction, which the coordinator hears of.
    pub(crate) fn begin(&self, topic: &str) {
        self.write(topic, 12);
    }

    /// Writes it as if the coordinator knew, as clients did before they were made to tell it (KIP-890).
    pub(crate) fn begin_unheard(&self, topic: &str) {
        self.write(topic, 11);
    }

    fn write(&self, topic: &str, version: i16) {
        let mut batch = BatchBuilder::new(BatchOptions {
            producer_id: self.producer_id,
            producer_epoch: self.epoch,
            base_sequence: Sequence(0),
            is_transactional: true,
            ..BatchOptions::default()
        });
        batch.append(Timestamp(1_795_255_200_000), None, Some(b"in a transaction"), &[]);
        let data = PartitionProduceData::default().with_records(Some(batch.build().into()));
        let data = TopicProduceData::default()
            .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_transactional_id(Some(self.transactional_id.clone()))
            .with_acks(-1)
            .with_timeout_ms(10_000)
            .with_topic_data(vec![data]);
        let ask = |leader: client::Connection| {
            let request = request.clone();
            async move {
                let response = leader.call_in(version..=version, request).await?;
                let answers = response.responses.into_iter().flat_map(|it| it.partition_responses);
                for answer in answers {
                    Error::check(answer.error_code, None, || "a record".to_owned())?;
                }
                Ok(())
            }
        };
        let partition = TopicPartition::new(topic, PartitionId(0));
        let asked = self.client.with_leader(&partition, ask);
        self.runtime.block_on(asked).expect("the record is taken");
    }

    /// Commits an offset of a group without having told the coordinator that it will.
    pub(crate) fn send_offset_unheard(&self, group: &'static str, topic: &str, offset: i64) {
        let partition = TxnOffsetCommitRequestPartition::default().with_committed_offset(offset);
        let topic = TxnOffsetCommitRequestTopic::default()
            .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
            .with_partitions(vec![partition]);
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(self.transactional_id.clone())
            .with_group_id(GroupId(StrBytes::from_static_str(group)))
            .with_producer_id(WireProducerId(self.producer_id.0))
            .with_producer_epoch(self.epoch.0)
            .with_topics(vec![topic]);
        let ask = |coordinator: client::Connection| {
            let request = request.clone();
            async move {
                let response = coordinator.call_in(4..=4, request).await?;
                for answer in response.topics.into_iter().flat_map(|topic| topic.partitions) {
                    Error::check(answer.error_code, None, || "an offset".to_owned())?;
                }
                Ok(())
            }
        };
        let asked = self.client.with_coordinator(group, ask);
        self.runtime.block_on(asked).expect("the offset is taken");
    }
}
