//! What the coordinator has to know of the cluster: its topics, and what has been set for a group.
//!
//! The driver hands in a new [`Cluster`] when the metadata has changed. It is a view and copies nothing.

use std::fmt::Debug;
use std::sync::Arc;

use config::GroupConfig;
use protocol::{Offset, TopicId};

/// A topic as assignments see it. Its partitions are those from 0 to one below their count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its id.
    pub id: TopicId,
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions it has.
    pub partition_count: i32,
}

/// The metadata of one moment.
pub trait Cluster: Debug + Send + Sync {
    /// The offset of the last record of the metadata log that counts in here.
    fn version(&self) -> Offset;

    /// The topic of this name.
    fn topic(&self, name: &str) -> Option<Topic>;

    /// The topic of this id.
    fn topic_by_id(&self, id: TopicId) -> Option<Topic>;

    /// The names of all topics, in order.
    fn topic_names<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Arc<str>> + 'a>;

    /// For each partition of a topic, the racks of its replicas that stand in one, in order.
    fn racks(&self, topic: TopicId) -> Vec<Vec<String>>;

    /// The settings of a group, its own over the broker's.
    fn group_config(&self, group_id: &str) -> GroupConfig;
}

/// What has changed from one [`Cluster`] to the next.
#[derive(Clone, Debug, Default)]
pub struct ClusterChange {
    /// The topics that have come, gone, or changed.
    pub topics: Vec<Arc<str>>,
    /// True if some have come: regular expressions may stand for more topics than before.
    pub has_new_topics: bool,
}
