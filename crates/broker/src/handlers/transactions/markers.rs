//! WriteTxnMarkers: another coordinator, or an operator who ends a transaction that hangs, has markers written here.

use std::collections::BTreeMap;
use std::sync::Arc;

use coordinator::txn::Markers;
use protocol::messages::write_txn_markers_response::{
    WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
};
use protocol::messages::{
    ProducerId, Request, Response, WritableTxnMarker, WriteTxnMarkersResponse,
};
use protocol::{ErrorCode, TopicPartition};

use super::super::{Call, misrouted};
use crate::broker::Broker;
use crate::drivers::transactions::wait_for;
use crate::net::Reply;
use crate::wire;

pub(in crate::handlers) fn write_txn_markers(
    broker: &Arc<Broker>,
    _: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::WriteTxnMarkers(request) = request else { return misrouted(&request) };
    let appended: Vec<_> = request
        .markers
        .into_iter()
        .map(|marker| {
            let markers = markers_of(marker);
            let (written, unwritten) = broker.transactions.markers().append(&markers);
            (markers.producer_id, written, unwritten)
        })
        .collect();
    Reply::later(async move {
        let mut results = Vec::with_capacity(appended.len());
        for (producer_id, mut written, unwritten) in appended {
            written.extend(wait_for(unwritten).await);
            results.push(
                WritableTxnMarkerResult::default()
                    .with_producer_id(ProducerId(producer_id.0))
                    .with_topics(by_topic(written)),
            );
        }
        let response = WriteTxnMarkersResponse::default().with_markers(results);
        Response::WriteTxnMarkers(response).into()
    })
}

fn markers_of(marker: WritableTxnMarker) -> Markers {
    let mut partitions = Vec::new();
    for topic in marker.topics {
        let name: Arc<str> = topic.name.into();
        let indexes = topic.partition_indexes.into_iter();
        partitions.extend(indexes.map(|index| TopicPartition::new(Arc::clone(&name), index)));
    }
    Markers {
        // Only a coordinator knows it, and the partitions do not ask.
        transactional_id: "".into(),
        producer_id: marker.producer_id,
        producer_epoch: marker.producer_epoch,
        is_commit: marker.transaction_result,
        coordinator_epoch: marker.coordinator_epoch,
        transaction_version: marker.transaction_version.into(),
        partitions,
    }
}

fn by_topic(written: Vec<(TopicPartition, ErrorCode)>) -> Vec<WritableTxnMarkerTopicResult> {
    let mut topics: BTreeMap<Arc<str>, Vec<_>> = BTreeMap::new();
    for (TopicPartition { topic, partition }, code) in written {
        topics.entry(topic).or_default().push(
            WritableTxnMarkerPartitionResult::default()
                .with_partition_index(partition.0)
                .with_error_code(code.code()),
        );
    }
    let result = |(name, partitions): (Arc<str>, _)| {
        WritableTxnMarkerTopicResult::default()
            .with_name(wire::topic_name(&name))
            .with_partitions(partitions)
    };
    topics.into_iter().map(result).collect()
}
