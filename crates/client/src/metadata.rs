//! What a cluster says of itself: its brokers, its topics and who leads their partitions.

use std::collections::BTreeMap;

use protocol::messages::metadata_request::MetadataRequestTopic;
use protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use protocol::messages::{MetadataRequest, MetadataResponse};
use protocol::{BrokerId, ErrorCode, LeaderEpoch, PartitionId, TopicId};

/// The topics to ask about.
#[derive(Copy, Clone, Debug)]
pub enum Topics<'a> {
    /// All that there are.
    All,
    /// These; those that are not there are answered with an error each.
    Named(&'a [&'a str]),
}

/// One answer of a cluster about itself.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// The cluster's id.
    pub cluster_id: Option<String>,
    /// The active controller, or what stands for it.
    pub controller: Option<BrokerId>,
    /// The brokers that are there.
    pub brokers: BTreeMap<BrokerId, BrokerAddress>,
    /// The topics that were asked for, by name.
    pub topics: BTreeMap<String, TopicMetadata>,
}

/// Where a broker says that it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Its name or number.
    pub host: String,
    /// Its port.
    pub port: i32,
    /// The rack that it stands in.
    pub rack: Option<String>,
}

impl BrokerAddress {
    /// `host:port`, to connect to.
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// One topic.
#[derive(Clone, Debug)]
pub struct TopicMetadata {
    /// Why there is nothing to be said of it.
    pub error: Option<ErrorCode>,
    /// Its id; zero from brokers before Kafka 2.8.
    pub id: TopicId,
    /// True for the cluster's own.
    pub is_internal: bool,
    /// Its partitions, in the order of their numbers.
    pub partitions: Vec<PartitionMetadata>,
}

impl TopicMetadata {
    /// How many partitions it has.
    pub fn partition_count(&self) -> i32 {
        i32::try_from(self.partitions.len()).unwrap_or(i32::MAX)
    }

    /// One of its partitions.
    pub fn partition(&self, id: PartitionId) -> Option<&PartitionMetadata> {
        self.partitions.iter().find(|partition| partition.id == id)
    }
}

/// One partition.
#[derive(Clone, Debug)]
pub struct PartitionMetadata {
    /// Its number.
    pub id: PartitionId,
    /// Who leads it, if anybody does.
    pub leader: Option<BrokerId>,
    /// How many times that has changed.
    pub leader_epoch: LeaderEpoch,
    /// Who keeps it.
    pub replicas: Vec<BrokerId>,
    /// Who of them is in sync.
    pub isr: Vec<BrokerId>,
    /// Who of them is not there.
    pub offline: Vec<BrokerId>,
}

/// The request for `topics`; the broker may create those that are named and not there.
pub(crate) fn request(topics: Topics<'_>, allow_auto_topic_creation: bool) -> MetadataRequest {
    let topics = match topics {
        Topics::All => None,
        Topics::Named(names) => Some(
            names
                .iter()
                .map(|name| {
                    MetadataRequestTopic::default().with_name(Some(crate::wire::topic_name(name)))
                })
                .collect(),
        ),
    };
    MetadataRequest::default()
        .with_topics(topics)
        .with_allow_auto_topic_creation(allow_auto_topic_creation)
}

impl From<MetadataResponse> for Metadata {
    fn from(response: MetadataResponse) -> Self {
        let brokers = response.brokers.into_iter().map(|broker| {
            let rack = broker.rack.map(|rack| rack.to_string());
            let address = BrokerAddress { host: broker.host.to_string(), port: broker.port, rack };
            (BrokerId(broker.node_id.0), address)
        });
        let topics = response.topics.into_iter().filter_map(|topic| {
            let name = topic.name.as_ref()?.to_string();
            Some((name, topic.into()))
        });
        Self {
            cluster_id: response.cluster_id.map(|id| id.to_string()),
            controller: known(response.controller_id.0),
            brokers: brokers.collect(),
            topics: topics.collect(),
        }
    }
}

impl From<MetadataResponseTopic> for TopicMetadata {
    fn from(topic: MetadataResponseTopic) -> Self {
        let error = ErrorCode::from_code(topic.error_code).unwrap_or(ErrorCode::UnknownServerError);
        let mut partitions: Vec<PartitionMetadata> =
            topic.partitions.into_iter().map(Into::into).collect();
        partitions.sort_by_key(|partition| partition.id);
        Self {
            error: (error != ErrorCode::None).then_some(error),
            id: TopicId(topic.topic_id.into_bytes()),
            is_internal: topic.is_internal,
            partitions,
        }
    }
}

impl From<MetadataResponsePartition> for PartitionMetadata {
    fn from(partition: MetadataResponsePartition) -> Self {
        let ids =
            |ids: Vec<protocol::messages::BrokerId>| ids.iter().map(|id| BrokerId(id.0)).collect();
        Self {
            id: PartitionId(partition.partition_index),
            leader: known(partition.leader_id.0),
            leader_epoch: LeaderEpoch(partition.leader_epoch),
            replicas: ids(partition.replica_nodes),
            isr: ids(partition.isr_nodes),
            offline: ids(partition.offline_replicas),
        }
    }
}

/// A broker, unless the number stands for none.
fn known(id: i32) -> Option<BrokerId> {
    (id >= 0).then_some(BrokerId(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_an_ipv6_host_has_brackets() {
        for (host, expected) in [("::1", "[::1]:9092"), ("broker-1", "broker-1:9092")] {
            let broker = BrokerAddress { host: host.to_owned(), port: 9092, rack: None };
            assert_eq!(broker.address(), expected);
        }
    }
}
