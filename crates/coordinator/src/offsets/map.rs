//! Values by group, topic and partition. No part of it is ever empty but the whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::internal::group::OffsetCommitKey;
use protocol::{PartitionId, TopicPartition};

/// Values by partition.
pub(crate) type Partitions<V> = BTreeMap<PartitionId, V>;
/// Values by topic and partition.
pub(crate) type Topics<V> = BTreeMap<Arc<str>, Partitions<V>>;

/// Values by group, topic and partition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PartitionMap<V> {
    groups: BTreeMap<Arc<str>, Topics<V>>,
}

impl<V> Default for PartitionMap<V> {
    fn default() -> Self {
        Self { groups: BTreeMap::new() }
    }
}

impl<V> PartitionMap<V> {
    /// What a group has.
    pub(crate) fn group(&self, group_id: &str) -> Option<&Topics<V>> {
        self.groups.get(group_id)
    }

    /// All groups.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&Arc<str>, &Topics<V>)> {
        self.groups.iter()
    }

    pub(crate) fn get(&self, key: &OffsetCommitKey) -> Option<&V> {
        let TopicPartition { topic, partition } = &key.partition;
        self.groups.get(&*key.group_id)?.get(topic)?.get(partition)
    }

    pub(crate) fn get_mut(&mut self, key: &OffsetCommitKey) -> Option<&mut V> {
        let TopicPartition { topic, partition } = &key.partition;
        self.groups.get_mut(&*key.group_id)?.get_mut(topic)?.get_mut(partition)
    }

    /// Sets a value, and returns the one that was there.
    pub(crate) fn insert(&mut self, key: &OffsetCommitKey, value: V) -> Option<V> {
        let TopicPartition { topic, partition } = &key.partition;
        if !self.groups.contains_key(&*key.group_id) {
            self.groups.insert(key.group_id.as_str().into(), BTreeMap::new());
        }
        let topics = self.groups.get_mut(&*key.group_id)?;
        topics.entry(Arc::clone(topic)).or_default().insert(*partition, value)
    }

    /// Takes a value out.
    pub(crate) fn remove(&mut self, key: &OffsetCommitKey) -> Option<V> {
        let TopicPartition { topic, partition } = &key.partition;
        let topics = self.groups.get_mut(&*key.group_id)?;
        let partitions = topics.get_mut(topic)?;
        let removed = partitions.remove(partition);
        if partitions.is_empty() {
            topics.remove(topic);
        }
        if topics.is_empty() {
            self.groups.remove(&*key.group_id);
        }
        removed
    }
}
