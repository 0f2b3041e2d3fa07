//! CreatePartitions: more partitions for topics that are there.

use std::collections::BTreeMap;

use protocol::internal::metadata::MetadataRecord;
use protocol::{BrokerId, ErrorCode, PartitionId};

use super::create_topics::{all_down, too_many};
use super::random::Random;
use super::{ApiError, Cluster, Decision, PARTITIONS_PER_REQUEST_MAX, assignment};
use crate::image::Topic;

/// Topics to give more partitions.
#[derive(Clone, Debug)]
pub struct CreatePartitions {
    /// The topics.
    pub topics: Vec<NewPartitions>,
    /// Whether it is only asked if they could be created.
    pub validate_only: bool,
    /// Drawn by the driver; decides where placement begins.
    pub seed: u64,
}

/// A topic and how many partitions it is to have.
#[derive(Clone, Debug)]
pub struct NewPartitions {
    /// The topic.
    pub topic: String,
    /// How many it has afterwards.
    pub count: i32,
    /// The brokers of each new partition, if the client chose them; the first leads.
    pub assignments: Option<Vec<Vec<BrokerId>>>,
}

/// Decides what becomes of each topic, answered by name; names that come twice are answered once.
pub fn create_partitions(
    cluster: &Cluster<'_>,
    request: &CreatePartitions,
) -> Decision<Vec<(String, Result<(), ApiError>)>> {
    let mut names = BTreeMap::new();
    for topic in &request.topics {
        *names.entry(topic.topic.as_str()).or_insert(0_usize) += 1;
    }
    let mut random = Random::new(request.seed);
    let (mut records, mut answer) = (Vec::new(), Vec::new());
    for topic in &request.topics {
        let result = match names.remove(topic.topic.as_str()) {
            None => continue,
            Some(2..) => Err(ApiError::new(
                ErrorCode::InvalidRequest,
                format!("topic `{}` is in the request more than once", topic.topic),
            )),
            Some(_) => extend_topic(cluster, topic, records.len(), &mut random),
        };
        let result = result.map(|partitions| records.extend(partitions));
        answer.push((topic.topic.clone(), result));
    }
    Decision::new(records, answer).only_checked(request.validate_only)
}

/// The new partitions of one topic, where the request has made `so_far` others already.
fn extend_topic(
    cluster: &Cluster<'_>,
    request: &NewPartitions,
    so_far: usize,
    random: &mut Random,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let Some(topic) = cluster.image.topic(&request.topic) else {
        return Err(ErrorCode::UnknownTopicOrPartition.into());
    };
    let first = topic.partitions.len();
    let additional = additional_partitions(request, first)?;
    if so_far.saturating_add(additional) > PARTITIONS_PER_REQUEST_MAX {
        return Err(too_many(so_far.saturating_add(additional)));
    }
    let replicas = replicas_of(cluster, topic, request, additional, random)?;
    let numbers = (0..).map(PartitionId).skip(first);
    let record = |(number, replicas): (PartitionId, Vec<BrokerId>)| {
        let code = match request.assignments {
            Some(_) => ErrorCode::InvalidReplicaAssignment,
            None => ErrorCode::InvalidReplicationFactor,
        };
        let partition = assignment::new_partition(cluster, &replicas);
        let partition = partition.ok_or_else(|| ApiError::new(code, all_down(number)))?;
        Ok(MetadataRecord::Partition(partition.to_record(topic.id, number)))
    };
    numbers.zip(replicas).map(record).collect()
}

/// How many partitions come to the `existing` ones.
fn additional_partitions(request: &NewPartitions, existing: usize) -> Result<usize, ApiError> {
    let wanted = usize::try_from(request.count).unwrap_or_default();
    match wanted.checked_sub(existing) {
        Some(additional @ 1..) => Ok(additional),
        _ => Err(ApiError::new(
            ErrorCode::InvalidPartitions,
            format!(
                "topic `{}` has {existing} partitions already, and {} would not be more",
                request.topic, request.count
            ),
        )),
    }
}

/// The brokers of each new partition, told or chosen.
fn replicas_of(
    cluster: &Cluster<'_>,
    topic: &Topic,
    request: &NewPartitions,
    additional: usize,
    random: &mut Random,
) -> Result<Vec<Vec<BrokerId>>, ApiError> {
    let first = topic.partitions.values().next();
    let replication_factor = first.map_or(1, |partition| partition.replicas.len());
    let Some(assignments) = &request.assignments else {
        return assignment::choose(cluster, additional, replication_factor, random);
    };
    if assignments.len() != additional {
        let message = format!(
            "{additional} partitions are to be added, but brokers are assigned to {}",
            assignments.len()
        );
        return Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
    }
    for replicas in assignments {
        assignment::check_manual(cluster, replicas, Some(replication_factor))?;
    }
    Ok(assignments.clone())
}
