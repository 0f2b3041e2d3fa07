//! The partitions that this broker leads, by the topic's name and by its id.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use protocol::{PartitionId, TopicId, TopicPartition};

use crate::partition::Partition;

/// The partitions of one topic that are led here.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) id: TopicId,
    pub(crate) partitions: HashMap<PartitionId, Arc<Partition>>,
}

/// All of them. Readers take no lock; the table is replaced as a whole when the metadata changes.
#[derive(Debug, Default)]
pub(crate) struct Partitions(ArcSwap<Table>);

#[derive(Debug, Default, Clone)]
struct Table {
    by_name: HashMap<Arc<str>, Arc<Topic>>,
    by_id: HashMap<TopicId, Arc<Topic>>,
}

impl Partitions {
    /// The topic of this name.
    pub(crate) fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.0.load().by_name.get(name).cloned()
    }

    /// The topic of this id.
    pub(crate) fn topic_by_id(&self, id: TopicId) -> Option<Arc<Topic>> {
        self.0.load().by_id.get(&id).cloned()
    }

    /// A partition by name.
    pub(crate) fn get(&self, topic_partition: &TopicPartition) -> Option<Arc<Partition>> {
        let topic = self.topic(&topic_partition.topic)?;
        topic.partitions.get(&topic_partition.partition).cloned()
    }

    /// All partitions.
    pub(crate) fn all(&self) -> Vec<Arc<Partition>> {
        let table = self.0.load();
        table.by_name.values().flat_map(|topic| topic.partitions.values().cloned()).collect()
    }

    /// Replaces topics: those of `removed` go, those of `changed` take the place of what had their name or id.
    pub(crate) fn update(&self, removed: &[TopicId], changed: Vec<Topic>) {
        let mut table = Table::clone(&self.0.load());
        for id in removed.iter().copied().chain(changed.iter().map(|topic| topic.id)) {
            if let Some(topic) = table.by_id.remove(&id) {
                table.by_name.remove(&topic.name);
            }
        }
        for topic in changed {
            let topic = Arc::new(topic);
            table.by_name.insert(Arc::clone(&topic.name), Arc::clone(&topic));
            table.by_id.insert(topic.id, topic);
        }
        self.0.store(Arc::new(table));
    }
}
