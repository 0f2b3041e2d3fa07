//! What partitions know of transactions: which are open in them, and the markers that end those.

use client::{Client, Error};
use protocol::messages::describe_producers_request::TopicRequest;
use protocol::messages::{
    DescribeProducersRequest, WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest,
};
use protocol::{CoordinatorEpoch, Offset, ProducerEpoch, ProducerId, Timestamp, TopicPartition};

use crate::wire::topic_name;

/// A transaction that is open in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenTransaction {
    pub(crate) producer_id: ProducerId,
    pub(crate) producer_epoch: ProducerEpoch,
    /// The epoch of the coordinator that has written the producer's last marker; none if there is no marker.
    coordinator_epoch: CoordinatorEpoch,
    /// Where it begins in the partition.
    pub(crate) start: Offset,
    /// When the producer has written there last.
    pub(crate) last_write: Timestamp,
}

/// The transactions that are open in a partition, as its leader has them.
pub(crate) async fn open_in(
    client: &Client,
    partition: &TopicPartition,
) -> Result<Vec<OpenTransaction>, Error> {
    let ask = |leader: client::Connection| async move {
        let topic = TopicRequest::default()
            .with_name(topic_name(&partition.topic))
            .with_partition_indexes(vec![partition.partition.0]);
        let request = DescribeProducersRequest::default().with_topics(vec![topic]);
        let mut open = Vec::new();
        for topic in leader.call(request).await?.topics {
            for found in topic.partitions {
                let message = found.error_message.as_deref();
                Error::check(found.error_code, message, || format!("producers of {partition}"))?;
                let producers = found.active_producers.into_iter();
                open.extend(producers.filter(|it| it.current_txn_start_offset >= 0));
            }
        }
        Ok(open)
    };
    let open = client.with_leader(partition, ask).await?;
    let open = open.into_iter().map(|it| OpenTransaction {
        producer_id: ProducerId(it.producer_id.0),
        // No epoch is greater; the field has room for more.
        producer_epoch: ProducerEpoch(i16::try_from(it.producer_epoch).unwrap_or(i16::MAX)),
        coordinator_epoch: CoordinatorEpoch(it.coordinator_epoch),
        start: Offset(it.current_txn_start_offset),
        last_write: Timestamp(it.last_timestamp),
    });
    Ok(open.collect())
}

/// Ends a transaction in one partition: writes a marker there that aborts it, as the coordinator would.
pub(super) async fn write_abort_marker(
    client: &Client,
    partition: &TopicPartition,
    open: &OpenTransaction,
) -> Result<(), Error> {
    let marker = WritableTxnMarker {
        producer_id: open.producer_id,
        producer_epoch: open.producer_epoch,
        transaction_result: false,
        topics: vec![WritableTxnMarkerTopic {
            name: partition.topic.to_string(),
            partition_indexes: vec![partition.partition],
        }],
        // The lowest that there is, lest it fence the coordinator.
        coordinator_epoch: open.coordinator_epoch.max(CoordinatorEpoch(0)),
        // Those of the second version are in a later epoch than the transaction, which would fence its producer.
        transaction_version: 0,
    };
    let ask = |leader: client::Connection| {
        let request = WriteTxnMarkersRequest { markers: vec![marker.clone()] };
        async move {
            let markers = leader.call(request).await?.markers.into_iter();
            let topics = markers.flat_map(|marker| marker.topics);
            for written in topics.flat_map(|topic| topic.partitions) {
                Error::check(written.error_code, None, || format!("marker in {partition}"))?;
            }
            Ok(())
        }
    };
    client.with_leader(partition, ask).await
}
