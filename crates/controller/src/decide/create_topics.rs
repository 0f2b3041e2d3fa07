//! CreateTopics: each topic of a request succeeds or fails by itself, and those that succeed are committed together.

use std::collections::{BTreeMap, BTreeSet};

use protocol::internal::metadata::{MetadataRecord, TopicRecord};
use protocol::{BrokerId, ErrorCode, PartitionId, TopicId};

use super::random::Random;
use super::{
    ApiError, Cluster, Decision, PARTITIONS_PER_REQUEST_MAX, Setting, assignment, check_topic_name,
    configs,
};
use crate::image::{Partition, unify};

/// The topic of the metadata log, which only looks like one.
const CLUSTER_METADATA: &str = "__cluster_metadata";

/// Topics to create.
#[derive(Clone, Debug)]
pub struct CreateTopics {
    /// The topics.
    pub topics: Vec<NewTopic>,
    /// Whether it is only asked if they could be created.
    pub validate_only: bool,
    /// Drawn by the driver; decides where placement begins.
    pub seed: u64,
}

/// A topic to create.
#[derive(Clone, Debug)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// Drawn by the driver, unique for all time.
    pub id: TopicId,
    /// How many partitions; -1 for `num.partitions`, or with `assignments`.
    pub partitions: i32,
    /// How many replicas of each; -1 for `default.replication.factor`, or with `assignments`.
    pub replication_factor: i16,
    /// The brokers of each partition, if the client chose them; the first leads.
    pub assignments: Vec<(PartitionId, Vec<BrokerId>)>,
    /// The topic's own settings.
    pub configs: Vec<Setting>,
}

/// A topic as it was created. What holds for it besides its own settings is the business of DescribeConfigs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its id.
    pub id: TopicId,
    /// How many partitions it has.
    pub partitions: i32,
    /// How many replicas each of them has.
    pub replication_factor: i16,
}

/// Decides what becomes of each topic, answered by name; names that come twice are answered once.
pub fn create_topics(
    cluster: &Cluster<'_>,
    request: &CreateTopics,
) -> Decision<Vec<(String, Result<CreatedTopic, ApiError>)>> {
    let mut names = BTreeMap::new();
    for topic in &request.topics {
        *names.entry(topic.name.as_str()).or_insert(0_usize) += 1;
    }
    let too_many = too_many_partitions(cluster, &request.topics);
    let mut random = Random::new(request.seed);
    let (mut records, mut answer) = (Vec::new(), Vec::new());
    let mut unified_names = BTreeSet::new();
    for topic in &request.topics {
        let created = match names.remove(topic.name.as_str()) {
            None => continue,
            Some(2..) => Err(ApiError::new(
                ErrorCode::InvalidRequest,
                format!("topic `{}` is in the request more than once", topic.name),
            )),
            Some(_) => match &too_many {
                Some(error) => Err(error.clone()),
                None => create_topic(cluster, topic, &mut unified_names, &mut random),
            },
        };
        answer.push((
            topic.name.clone(),
            created.map(|(created, topic_records)| {
                records.extend(topic_records);
                created
            }),
        ));
    }
    Decision::new(records, answer).only_checked(request.validate_only)
}

/// Refuses a request for more partitions than one request may add, before memory is spent on them.
fn too_many_partitions(cluster: &Cluster<'_>, topics: &[NewTopic]) -> Option<ApiError> {
    let partitions = |topic: &NewTopic| match (topic.assignments.len(), topic.partitions) {
        (0, -1) => cluster.topics.num_partitions as usize,
        (0, partitions) => usize::try_from(partitions).unwrap_or_default(),
        (assigned, _) => assigned,
    };
    // A topic with an impossible number counts as well, for refusing it costs something.
    let total = topics.iter().map(|topic| partitions(topic).max(1)).fold(0, usize::saturating_add);
    (total > PARTITIONS_PER_REQUEST_MAX).then(|| too_many(total))
}

/// The error of a request that adds too many partitions.
pub(super) fn too_many(partitions: usize) -> ApiError {
    let message = format!(
        "the request asks for {partitions} partitions, and one request may create at most \
         {PARTITIONS_PER_REQUEST_MAX}: split it"
    );
    ApiError::new(ErrorCode::PolicyViolation, message)
}

/// Decides one topic. `unified_names` are those of the topics that the same request creates.
fn create_topic(
    cluster: &Cluster<'_>,
    topic: &NewTopic,
    unified_names: &mut BTreeSet<String>,
    random: &mut Random,
) -> Result<(CreatedTopic, Vec<MetadataRecord>), ApiError> {
    check_new_name(cluster, &topic.name, unified_names)?;
    let config_records = configs::of_new_topic(cluster, &topic.name, &topic.configs)?;
    let partitions = match topic.assignments.as_slice() {
        [] => place(cluster, topic, random)?,
        _ => place_as_told(cluster, topic)?,
    };
    let replication_factor = partitions.first().map_or(0, |partition| partition.replicas.len());
    let created = CreatedTopic {
        id: topic.id,
        partitions: i32::try_from(partitions.len()).unwrap_or(i32::MAX),
        replication_factor: i16::try_from(replication_factor).unwrap_or(i16::MAX),
    };
    let topic_record = TopicRecord { name: topic.name.clone(), topic_id: topic.id };
    let mut records = vec![MetadataRecord::Topic(topic_record)];
    records.extend(config_records);
    records.extend((0..).map(PartitionId).zip(&partitions).map(|(number, partition)| {
        MetadataRecord::Partition(partition.to_record(topic.id, number))
    }));
    unified_names.extend(unify(&topic.name));
    Ok((created, records))
}

fn check_new_name(
    cluster: &Cluster<'_>,
    name: &str,
    unified_names: &BTreeSet<String>,
) -> Result<(), ApiError> {
    if name == CLUSTER_METADATA {
        let message = format!("topic `{name}` is the cluster's own and cannot be created");
        return Err(ApiError::new(ErrorCode::InvalidRequest, message));
    }
    check_topic_name(name)?;
    if cluster.image.topic(name).is_some() {
        let message = format!("topic `{name}` exists already");
        return Err(ApiError::new(ErrorCode::TopicAlreadyExists, message));
    }
    let in_request = unify(name).filter(|unified| unified_names.contains(unified));
    let other = match cluster.image.colliding_topic(name) {
        Some(other) => format!("topic `{other}`"),
        None if in_request.is_some() => "another topic of the request".to_owned(),
        None => return Ok(()),
    };
    let message = format!(
        "topic `{name}` collides with {other}: metrics write a period as an underscore, \
         so the two could not be told apart"
    );
    Err(ApiError::new(ErrorCode::InvalidTopicException, message))
}

/// The partitions of a topic that leaves the brokers to us.
fn place(
    cluster: &Cluster<'_>,
    topic: &NewTopic,
    random: &mut Random,
) -> Result<Vec<Partition>, ApiError> {
    let replication_factor = match topic.replication_factor {
        -1 => cluster.topics.default_replication_factor,
        factor => factor,
    };
    let Some(replicas) = usize::try_from(replication_factor).ok().filter(|count| *count > 0) else {
        return Err(ApiError::new(
            ErrorCode::InvalidReplicationFactor,
            format!(
                "a partition has at least one replica, or -1 for the default, and not {replication_factor}"
            ),
        ));
    };
    let partitions = match topic.partitions {
        -1 => Some(cluster.topics.num_partitions as usize),
        partitions => usize::try_from(partitions).ok(),
    };
    let Some(partitions) = partitions.filter(|count| *count > 0) else {
        return Err(ApiError::new(
            ErrorCode::InvalidPartitions,
            format!(
                "a topic has at least one partition, or -1 for the default, and not {}",
                topic.partitions
            ),
        ));
    };
    let chosen = assignment::choose(cluster, partitions, replicas, random)?;
    let new_partition = |replicas: &Vec<BrokerId>| {
        let partition = assignment::new_partition(cluster, replicas);
        partition.expect("the first of the chosen replicas is alive")
    };
    Ok(chosen.iter().map(new_partition).collect())
}

/// The partitions of a topic whose client chose the brokers.
fn place_as_told(cluster: &Cluster<'_>, topic: &NewTopic) -> Result<Vec<Partition>, ApiError> {
    if topic.replication_factor != -1 || topic.partitions != -1 {
        let message = "brokers are assigned by hand, so the replication factor and the number of \
                       partitions follow from that and must be -1";
        return Err(ApiError::new(ErrorCode::InvalidRequest, message));
    }
    let refuse = |message: String| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
    let mut partitions = BTreeMap::new();
    let mut replication_factor = None;
    for (number, replicas) in &topic.assignments {
        assignment::check_manual(cluster, replicas, replication_factor)?;
        replication_factor = Some(replicas.len());
        let Some(partition) = assignment::new_partition(cluster, replicas) else {
            return refuse(all_down(*number));
        };
        if partitions.insert(*number, partition).is_some() {
            return refuse(format!("partition {number} is assigned more than once"));
        }
    }
    if partitions.keys().copied().ne((0..).map(PartitionId).take(partitions.len())) {
        return refuse("the assigned partitions are not numbered from 0 without a gap".to_owned());
    }
    Ok(partitions.into_values().collect())
}

/// Why a partition cannot be led by any of its brokers.
pub(super) fn all_down(partition: PartitionId) -> String {
    format!(
        "every broker that partition {partition} is assigned to is fenced or about to stop, so none could lead it"
    )
}
