//! Which partition each record goes to.

use client::{TopicMetadata, partition_of_key};
use protocol::{PartitionId, TopicPartition};

use crate::Error;
use crate::moment::now;

/// Keys go where the Java client sends them. Records without a key stay together for a batch, and then go elsewhere.
#[derive(Debug)]
pub(crate) struct Partitioner {
    partitions: Vec<TopicPartition>,
    fixed: Option<usize>,
    keyless: usize,
}

impl Partitioner {
    pub(crate) fn new(
        name: &str,
        topic: &TopicMetadata,
        fixed: Option<i32>,
    ) -> Result<Self, Error> {
        let partitions: Vec<_> =
            topic.partitions.iter().map(|it| TopicPartition::new(name, it.id)).collect();
        let place = |id| partitions.iter().position(|it| it.partition == PartitionId(id));
        let count = partitions.len();
        let fixed = match fixed {
            None => None,
            Some(id) => Some(place(id).ok_or_else(|| {
                Error::invalid(format!(
                    "{name} has no partition {id}, but {count}, numbered from 0"
                ))
            })?),
        };
        if partitions.is_empty() {
            return Err(Error::invalid(format!("{name} has no partitions")));
        }
        // Many short runs, each with one record, are spread by the clock.
        let keyless = usize::try_from(now().0).unwrap_or(0) % count;
        Ok(Self { partitions, fixed, keyless })
    }

    /// Where a record with this key goes.
    pub(crate) fn partition(&self, key: Option<&[u8]>) -> &TopicPartition {
        let count = i32::try_from(self.partitions.len()).unwrap_or(i32::MAX);
        let place = match (self.fixed, key) {
            (Some(fixed), _) => fixed,
            (None, Some(key)) => usize::try_from(partition_of_key(key, count).0).unwrap_or(0),
            (None, None) => self.keyless,
        };
        self.partitions.get(place).expect("it is below the number of partitions")
    }

    /// What has no key goes elsewhere from now on.
    pub(crate) fn next_batch(&mut self) {
        self.keyless = (self.keyless + 1) % self.partitions.len();
    }
}
