//! The settings of a broker as the broker uses them, its storage engine's and its groups' included.
//!
//! [`BrokerConfig::new`] is where settings that are right alone are checked against each other, as Kafka does it when it
//! starts (`KafkaConfig.validateValues`). Numbers of milliseconds are not negative, and what has no limit is `None`.

mod groups;
mod listeners;
mod network;
mod node;
mod parts;

use protocol::ids::BrokerId;

use crate::error::Error;
use crate::listener::{HostPort, Listener};
use crate::reader::Reader;
use crate::settings::Settings;
use crate::storage_config::StorageConfig;
use crate::value::Value;

pub use groups::{
    Assignor, ClassicGroupsConfig, ConsumerGroupsConfig, GroupsConfig, MigrationPolicy,
    OffsetsConfig,
};
pub use network::NetworkConfig;
pub use parts::{
    InternalTopicConfig, MetadataLogConfig, ReplicationConfig, RequestsConfig, TopicsConfig,
    TransactionsConfig,
};

/// All that a broker is told.
#[derive(Debug, Clone, PartialEq)]
pub struct BrokerConfig {
    /// `node.id`, or `broker.id`.
    pub node_id: BrokerId,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// Those of `listeners` that are for clients and brokers; at least one, each of another name.
    pub listeners: Vec<Listener>,
    /// Those of `listeners` that are in `controller.listener.names`.
    pub controller_listeners: Vec<Listener>,
    /// `advertised.listeners`, without those of controllers. `None` tells each client the address that it has reached.
    pub advertised_listeners: Option<Vec<Listener>>,
    /// The name of the one of `listeners` over which brokers reach each other.
    pub inter_broker_listener: String,
    /// `ottla.http.listener`.
    pub http_listener: Option<HostPort>,
    /// What connections may use.
    pub network: NetworkConfig,
    /// What one request may ask for.
    pub requests: RequestsConfig,
    /// How topics come and go.
    pub topics: TopicsConfig,
    /// What the storage engine uses.
    pub storage: StorageConfig,
    /// How groups are coordinated.
    pub groups: GroupsConfig,
    /// How transactions are coordinated.
    pub transactions: TransactionsConfig,
    /// How partitions are replicated.
    pub replication: ReplicationConfig,
    /// How the log of the cluster's metadata is kept.
    pub metadata_log: MetadataLogConfig,
}

impl BrokerConfig {
    /// The broker's settings over the defaults; an error if they do not fit each other, or ask for what is not there.
    pub fn new(broker: &Settings) -> Result<Self, Error> {
        Self::read(broker, &Reader(|key: &str| broker.get_or_default(key)))
    }

    fn read<F: Fn(&str) -> Option<Value>>(
        broker: &Settings,
        reader: &Reader<F>,
    ) -> Result<Self, Error> {
        let storage = StorageConfig::read(broker, reader)?;
        let node_id = node::id(broker, reader)?;
        let listeners = listeners::read(broker, reader)?;
        node::check_cluster(reader, node_id, &listeners.controllers)?;
        let network = NetworkConfig::read(reader, &listeners.brokers)?;
        Ok(Self {
            node_id,
            rack: reader.optional_string("broker.rack"),
            listeners: listeners.brokers,
            controller_listeners: listeners.controllers,
            advertised_listeners: listeners.advertised,
            inter_broker_listener: listeners.inter_broker,
            http_listener: listeners.http,
            network,
            requests: RequestsConfig::read(reader),
            topics: TopicsConfig::read(reader)?,
            storage,
            groups: GroupsConfig::read(reader)?,
            transactions: TransactionsConfig::read(reader),
            replication: ReplicationConfig::read(reader)?,
            metadata_log: MetadataLogConfig::read(reader)?,
        })
    }
}

#[cfg(test)]
mod tests;
