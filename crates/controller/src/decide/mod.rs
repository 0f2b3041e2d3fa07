//! Decisions: what a request changes, and how it is answered. Each is a function of the image and the request alone;
//! ids, times and chance come with the request, so the same arguments decide the same.
//!
//! A decision changes nothing. Its records do, once they are committed and applied; until then its answer is not given.
//! Whoever decides must do so one request at a time, and apply the records of one before the next.

mod alter_partition;
mod assignment;
mod brokers;
mod configs;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod elect_leaders;
mod features;
mod internal_topics;
mod partition_change;
mod placement;
mod producer_ids;
mod random;
mod topic_name;

use config::{
    BROKER, BrokerLayers, CLIENT_METRICS, GROUP, Settings, TOPIC, Table, TopicConfig, TopicsConfig,
};
use hashbrown::HashMap;
use protocol::internal::metadata::MetadataRecord;
use protocol::{BrokerId, ErrorCode, TopicId};

pub use alter_partition::{AlterPartition, AlteredPartition, IsrChange, alter_partition};
pub use brokers::{
    Registration, begin_controlled_shutdown, fence_broker, register_broker, unfence_broker,
    unregister_broker,
};
pub use configs::{ConfigOp, KeyChange, Setting, alter_configs, incremental_alter_configs};
pub use create_partitions::{CreatePartitions, NewPartitions, create_partitions};
pub use create_topics::{CreateTopics, CreatedTopic, NewTopic, create_topics};
pub use delete_topics::{DeletedTopic, TopicRef, delete_topics};
pub use elect_leaders::{ElectedPartition, Election, elect_leaders};
pub use features::{
    FEATURES, Feature, FeatureUpdate, METADATA_VERSION, UpgradeType, first_records, update_features,
};
pub use internal_topics::{consumer_offsets, transaction_state};
pub use producer_ids::{PRODUCER_ID_BLOCK_SIZE, ProducerIdBlock, allocate_producer_ids};
pub use topic_name::check_topic_name;

use crate::image::{ConfigMap, Image, ResourceType, Topic, settings};

/// As many partitions may one request add (`ReplicationControlManager.MAX_PARTITIONS_PER_BATCH`): all of a request's
/// records are committed together.
pub const PARTITIONS_PER_REQUEST_MAX: usize = 10_000;

/// What a request changes and how it is answered.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Decision<A> {
    /// What is to be committed as one, if anything; the answer is given when it is.
    pub records: Vec<MetadataRecord>,
    /// What the client is told.
    pub answer: A,
}

impl<A> Decision<A> {
    const fn new(records: Vec<MetadataRecord>, answer: A) -> Self {
        Self { records, answer }
    }

    /// The same decision without its records if the request only asks whether it would succeed.
    fn only_checked(self, validate_only: bool) -> Self {
        if validate_only { Self { records: Vec::new(), ..self } } else { self }
    }
}

impl<T> Decision<Result<T, ApiError>> {
    /// A refusal, or records and what to answer.
    fn from_result(result: Result<(Vec<MetadataRecord>, T), ApiError>) -> Self {
        match result {
            Ok((records, answer)) => Self::new(records, Ok(answer)),
            Err(error) => Self::new(Vec::new(), Err(error)),
        }
    }
}

/// Why a request, or a part of it, is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// What the client goes by.
    pub code: ErrorCode,
    /// What people go by.
    pub message: String,
}

impl ApiError {
    fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self::new(code, code.message())
    }
}

/// The cluster as the node that decides sees it.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'a> {
    /// All that is committed.
    pub image: &'a Image,
    /// The node that decides.
    pub node_id: BrokerId,
    /// What this node was started with, of the table of brokers.
    pub settings: &'a Settings,
    /// What topics are created with unless they say otherwise.
    pub topics: &'a TopicsConfig,
}

impl Cluster<'_> {
    /// The settings of brokers that hold here: this node's own over all brokers' over what it was started with.
    fn broker_settings(&self) -> Settings {
        let all = self.image.config(ResourceType::Broker, "");
        let own = self.image.config(ResourceType::Broker, &self.node_id.to_string());
        self.layered(all, own)
    }

    /// The same with other settings of all brokers, and of one.
    fn layered(&self, all: &ConfigMap, own: &ConfigMap) -> Settings {
        let layers = BrokerLayers::new(
            self.settings.clone(),
            all.iter().map(|(key, text)| (key.as_str(), text.as_str())),
            own.iter().map(|(key, text)| (key.as_str(), text.as_str())),
        );
        layers.effective()
    }

    fn is_active(&self, broker: BrokerId) -> bool {
        self.image.broker(broker).is_some_and(|broker| broker.is_active())
    }

    fn is_elr_enabled(&self) -> bool {
        self.image.feature_level(features::ELIGIBLE_LEADER_REPLICAS) > 0
    }
}

/// The settings that a type of resource has.
fn table(kind: ResourceType) -> &'static Table {
    match kind {
        ResourceType::Topic => &TOPIC,
        ResourceType::Broker => &BROKER,
        ResourceType::Group => &GROUP,
        ResourceType::ClientMetrics => &CLIENT_METRICS,
    }
}

/// The configurations of topics, each made once in a decision however many partitions it touches.
struct TopicConfigs<'a> {
    image: &'a Image,
    broker: Settings,
    made: HashMap<TopicId, TopicConfig>,
}

impl<'a> TopicConfigs<'a> {
    fn new(cluster: &Cluster<'a>) -> Self {
        Self { image: cluster.image, broker: cluster.broker_settings(), made: HashMap::new() }
    }

    fn get(&mut self, topic: &Topic) -> &TopicConfig {
        let Self { image, broker, made } = self;
        made.entry(topic.id).or_insert_with(|| {
            let overrides = image.config(ResourceType::Topic, &topic.name);
            TopicConfig::new(&settings(&TOPIC, overrides), broker)
        })
    }
}

#[cfg(test)]
mod tests;
