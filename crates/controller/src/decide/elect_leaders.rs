//! ElectLeaders: a new leader at an operator's wish (KIP-183, KIP-460).

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::internal::metadata::{MetadataRecord, PartitionChangeRecord};
use protocol::{ErrorCode, PartitionId, TopicPartition};

use super::partition_change::{self, PartitionChange, can_serve};
use super::{ApiError, Cluster, Decision, TopicConfigs};
use crate::image::{Partition, Topic};

/// Which leader is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Election {
    /// The preferred one, if it has everything.
    Preferred,
    /// Any, if there is none: what it lacks is lost.
    Unclean,
}

/// What became of one partition.
pub type ElectedPartition = (TopicPartition, Result<(), ApiError>);

/// Elects leaders for the partitions, or with `None` for all that need one.
pub fn elect_leaders(
    cluster: &Cluster<'_>,
    election: Election,
    partitions: Option<&[TopicPartition]>,
) -> Decision<Vec<ElectedPartition>> {
    let mut configs = TopicConfigs::new(cluster);
    let (mut records, mut answer) = (Vec::new(), Vec::new());
    let mut elect = |topic: &Topic, number: PartitionId, partition: &Partition| {
        let record = elect_one(cluster, &mut configs, election, (topic, number, partition))?;
        records.push(MetadataRecord::PartitionChange(record));
        Ok(())
    };
    match partitions {
        Some(partitions) => {
            let mut seen = BTreeSet::new();
            for asked in partitions {
                let result = match find(cluster, asked) {
                    // The first mention has got what there is to get.
                    Ok(_) if !seen.insert(asked) => Err(ErrorCode::ElectionNotNeeded.into()),
                    Ok((topic, partition)) => elect(topic, asked.partition, partition),
                    Err(error) => Err(error),
                };
                answer.push((asked.clone(), result));
            }
        }
        None => {
            for topic in cluster.image.topics() {
                for (number, partition) in &topic.partitions {
                    let result = elect(topic, *number, partition);
                    let is_needed = |error: &ApiError| error.code != ErrorCode::ElectionNotNeeded;
                    if result.as_ref().err().is_none_or(is_needed) {
                        let name = Arc::clone(&topic.name);
                        answer.push((TopicPartition::new(name, *number), result));
                    }
                }
            }
        }
    }
    Decision::new(records, answer)
}

fn find<'a>(
    cluster: &Cluster<'a>,
    asked: &TopicPartition,
) -> Result<(&'a Topic, &'a Partition), ApiError> {
    let topic = cluster.image.topic(&asked.topic);
    let found = topic.and_then(|topic| Some((&**topic, topic.partitions.get(&asked.partition)?)));
    found.map(|(topic, partition)| (topic, &**partition)).ok_or_else(|| {
        let message = "there is no such partition".to_owned();
        ApiError::new(ErrorCode::UnknownTopicOrPartition, message)
    })
}

fn elect_one(
    cluster: &Cluster<'_>,
    configs: &mut TopicConfigs<'_>,
    election: Election,
    (topic, number, partition): (&Topic, PartitionId, &Partition),
) -> Result<PartitionChangeRecord, ApiError> {
    let is_needed = match election {
        Election::Preferred => partition.leader != partition.preferred_leader(),
        Election::Unclean => partition.leader.is_none(),
    };
    if !is_needed {
        return Err(ErrorCode::ElectionNotNeeded.into());
    }
    let is_active = |id| cluster.is_active(id);
    let may_lead = can_serve(cluster, partition, &is_active);
    let mut change = PartitionChange::new(cluster, configs, topic, partition, &may_lead);
    let unavailable = match election {
        Election::Preferred => {
            change.election = partition_change::Election::Preferred;
            ErrorCode::PreferredLeaderNotAvailable
        }
        Election::Unclean => {
            change.election = partition_change::Election::Unclean;
            ErrorCode::EligibleLeadersNotAvailable
        }
    };
    change.record(topic.id, number).ok_or_else(|| unavailable.into())
}
