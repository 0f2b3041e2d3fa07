//! The cluster as the group coordinator sees it: a view of the image, which it shares.

use std::fmt;
use std::sync::Arc;

use config::{GROUP, GroupConfig, Settings};
use controller::image::{Image, ResourceType, Topic as TopicImage, settings};
use coordinator::{Cluster, Topic};
use protocol::{Offset, TopicId};

/// A view of the cluster.
pub(crate) struct ClusterView {
    image: Arc<Image>,
    version: Offset,
    /// What holds on this broker where a group sets nothing.
    broker: Settings,
    /// The settings of such groups, which are nearly all.
    unset: GroupConfig,
}

impl fmt::Debug for ClusterView {
    /// Without the image, which may be large.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterView").field("version", &self.version).finish_non_exhaustive()
    }
}

impl ClusterView {
    /// The image that has everything before and at `version`, on a broker with these settings.
    pub(crate) fn new(image: Arc<Image>, version: Offset, broker: Settings) -> Self {
        let unset = GroupConfig::new(&Settings::new(&GROUP), &broker);
        Self { image, version, broker, unset }
    }
}

fn view(topic: &TopicImage) -> Topic {
    Topic {
        id: topic.id,
        name: Arc::clone(&topic.name),
        partition_count: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
    }
}

impl Cluster for ClusterView {
    fn version(&self) -> Offset {
        self.version
    }

    fn topic(&self, name: &str) -> Option<Topic> {
        self.image.topic(name).map(|topic| view(topic))
    }

    fn topic_by_id(&self, id: TopicId) -> Option<Topic> {
        self.image.topic_by_id(id).map(|topic| view(topic))
    }

    fn topic_names<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Arc<str>> + 'a> {
        Box::new(self.image.topics_from("").map(|topic| &topic.name))
    }

    fn racks(&self, topic: TopicId) -> Vec<Vec<String>> {
        let partitions = self.image.topic_by_id(topic).into_iter();
        let racks = partitions.flat_map(|topic| topic.partitions.values()).map(|partition| {
            let brokers = partition.replicas.iter().filter_map(|id| self.image.broker(*id));
            let mut racks: Vec<_> = brokers.filter_map(|broker| broker.rack.clone()).collect();
            racks.sort_unstable();
            racks
        });
        racks.collect()
    }

    fn group_config(&self, group_id: &str) -> GroupConfig {
        let set = self.image.config(ResourceType::Group, group_id);
        if set.is_empty() {
            return self.unset.clone();
        }
        GroupConfig::new(&settings(&GROUP, set), &self.broker)
    }
}
