//! The groups and their offsets as metrics show them: numbers only.

use std::sync::Arc;

use protocol::{Offset, PartitionId};

use super::Shard;

/// A group in a few numbers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct GroupSummary<'a> {
    /// Its id.
    pub id: &'a Arc<str>,
    /// What ListGroups calls such groups.
    pub kind: &'static str,
    /// Kafka's name for its state.
    pub state: &'static str,
    /// How many members it has.
    pub members: usize,
    /// Rises by one with each rebalance that ends.
    pub generation: i32,
}

impl Shard {
    /// All groups.
    pub fn summaries(&self) -> impl Iterator<Item = GroupSummary<'_>> {
        self.groups.values().map(|group| group.summary())
    }

    /// Calls `see` with every offset that counts, by group, topic and partition.
    pub fn each_offset(&self, mut see: impl FnMut(&Arc<str>, &Arc<str>, PartitionId, Offset)) {
        for (group_id, topics) in self.offsets.current().groups() {
            for (topic, partitions) in topics {
                for (partition, committed) in partitions {
                    see(group_id, topic, *partition, committed.value.offset);
                }
            }
        }
    }
}
