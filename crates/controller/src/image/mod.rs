//! The cluster's metadata as one value: what all brokers agree on after the same records.
//!
//! An image is cheap to clone, for its parts are shared until one of them changes: the broker publishes a clone after
//! each change, and whoever reads one sees it whole and unchanged. Only [`Image::apply`] changes an image.
//!
//! Look-ups by name or id take one hash; topics are iterated in the order of their names, from any name on.

mod brokers;
mod configs;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::internal::metadata::RegisterControllerRecord;
use protocol::{BrokerId, ProducerId, TopicId};

pub use brokers::{Broker, LOST_DIR, MIGRATING_DIR, UNASSIGNED_DIR, VersionRange};
pub use configs::{ConfigMap, ConfigResource, ResourceType, settings};
pub use topics::{LeaderRecoveryState, Partition, Topic};

pub(crate) use brokers::is_reserved_dir;
pub(crate) use configs::Configs;
pub(crate) use topics::{Topics, unify};

/// The metadata of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    pub(crate) cluster_id: Arc<str>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) brokers: Arc<BTreeMap<BrokerId, Arc<Broker>>>,
    /// Registrations of nodes that vote on the metadata; kept because Kafka keeps them.
    pub(crate) controllers: Arc<BTreeMap<BrokerId, RegisterControllerRecord>>,
    pub(crate) configs: Arc<Configs>,
    pub(crate) features: Arc<BTreeMap<String, i16>>,
    pub(crate) next_producer_id: ProducerId,
}

impl Image {
    /// The metadata of a cluster that has none yet.
    pub fn new(cluster_id: &str) -> Self {
        Self {
            cluster_id: Arc::from(cluster_id),
            topics: Arc::default(),
            brokers: Arc::default(),
            controllers: Arc::default(),
            configs: Arc::default(),
            features: Arc::default(),
            next_producer_id: ProducerId(0),
        }
    }

    /// The cluster.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// The topic of this name.
    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topics.by_name(name)
    }

    /// The topic of this id.
    pub fn topic_by_id(&self, id: TopicId) -> Option<&Arc<Topic>> {
        self.topics.by_id(id)
    }

    /// All topics, in the order of their names.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.topics.since("")
    }

    /// The topics whose names are not before `name`, in the order of their names.
    pub fn topics_from<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Arc<Topic>> {
        self.topics.since(name)
    }

    /// How many topics there are.
    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// A topic whose name differs from `name` at most in having a period where the other has an underscore.
    pub fn colliding_topic(&self, name: &str) -> Option<&Arc<str>> {
        self.topics.colliding(name)
    }

    /// The broker of this id, if it has registered.
    pub fn broker(&self, id: BrokerId) -> Option<&Arc<Broker>> {
        self.brokers.get(&id)
    }

    /// All brokers that have registered, in the order of their ids.
    pub fn brokers(&self) -> impl Iterator<Item = &Arc<Broker>> {
        self.brokers.values()
    }

    /// What is set for a resource; nothing for one that is not known.
    pub fn config(&self, kind: ResourceType, name: &str) -> &ConfigMap {
        self.configs.get(kind, name)
    }

    /// The resources of a type that have settings, in the order of their names.
    pub fn configs(&self, kind: ResourceType) -> impl Iterator<Item = (&Arc<str>, &ConfigMap)> {
        self.configs.iter(kind)
    }

    /// The finalized levels of the features that are in use, by name.
    pub fn features(&self) -> &BTreeMap<String, i16> {
        &self.features
    }

    /// The finalized level of a feature; 0 if it is not in use.
    pub fn feature_level(&self, name: &str) -> i16 {
        self.features.get(name).copied().unwrap_or_default()
    }

    /// The first producer id that nobody has been given.
    pub fn next_producer_id(&self) -> ProducerId {
        self.next_producer_id
    }
}

#[cfg(test)]
mod tests;
