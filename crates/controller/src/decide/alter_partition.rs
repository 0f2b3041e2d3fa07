//! AlterPartition: a leader says who is in sync with it (KIP-497).

use protocol::internal::metadata::MetadataRecord;
use protocol::{BrokerId, ErrorCode, LeaderEpoch, PartitionId, TopicId};

use super::partition_change::{PartitionChange, can_serve};
use super::{ApiError, Cluster, Decision, TopicConfigs, brokers};
use crate::image::{LeaderRecoveryState, Partition};

/// What a leader says of its partitions.
#[derive(Clone, Debug)]
pub struct AlterPartition {
    /// The leader.
    pub broker_id: BrokerId,
    /// Its registration.
    pub broker_epoch: i64,
    /// The partitions whose ISR is to change.
    pub partitions: Vec<IsrChange>,
}

/// The ISR that a leader wants for a partition.
#[derive(Clone, Debug)]
pub struct IsrChange {
    /// The topic.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: PartitionId,
    /// The epoch that it leads in.
    pub leader_epoch: LeaderEpoch,
    /// The state of the partition that it knows.
    pub partition_epoch: i32,
    /// The replicas in sync, each with the epoch of its registration, or -1 if that is not known.
    pub isr: Vec<(BrokerId, i64)>,
    /// Whether the leader is past an unclean election.
    pub leader_recovery_state: LeaderRecoveryState,
}

/// What a leader is told of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlteredPartition {
    /// The topic.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: PartitionId,
    /// The partition as it will be.
    pub result: Result<Partition, ErrorCode>,
}

/// Decides what becomes of each partition.
pub fn alter_partition(
    cluster: &Cluster<'_>,
    request: &AlterPartition,
) -> Decision<Result<Vec<AlteredPartition>, ApiError>> {
    if let Err(error) = brokers::check_epoch(cluster, request.broker_id, request.broker_epoch) {
        return Decision::new(Vec::new(), Err(error));
    }
    let mut configs = TopicConfigs::new(cluster);
    let (mut records, mut answer) = (Vec::new(), Vec::new());
    for change in &request.partitions {
        let result = alter_one(cluster, &mut configs, request.broker_id, change);
        let result = result.map(|(record, partition)| {
            records.extend(record);
            partition
        });
        let (topic_id, partition) = (change.topic_id, change.partition);
        answer.push(AlteredPartition { topic_id, partition, result });
    }
    Decision::new(records, Ok(answer))
}

fn alter_one(
    cluster: &Cluster<'_>,
    configs: &mut TopicConfigs<'_>,
    broker_id: BrokerId,
    request: &IsrChange,
) -> Result<(Option<MetadataRecord>, Partition), ErrorCode> {
    let topic = cluster.image.topic_by_id(request.topic_id).ok_or(ErrorCode::UnknownTopicId)?;
    let partition = topic.partitions.get(&request.partition);
    let partition = partition.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    check_epochs(broker_id, partition, request)?;
    check_isr(cluster, partition, request)?;
    let is_active = |id| cluster.is_active(id);
    let may_lead = can_serve(cluster, partition, &is_active);
    let mut change = PartitionChange::new(cluster, configs, topic, partition, &may_lead);
    change.isr = request.isr.iter().map(|(replica, _)| *replica).collect();
    change.leader_recovery_state = request.leader_recovery_state;
    let Some(record) = change.record(topic.id, request.partition) else {
        return Ok((None, Partition::clone(partition)));
    };
    let mut after = Partition::clone(partition);
    after.merge(&record).map_err(|_| ErrorCode::UnknownServerError)?;
    Ok((Some(MetadataRecord::PartitionChange(record)), after))
}

/// Whether the leader speaks of the partition as it is.
fn check_epochs(
    broker_id: BrokerId,
    partition: &Partition,
    request: &IsrChange,
) -> Result<(), ErrorCode> {
    // A leader that knows more than the image has heard it from a newer controller: it has to find that one.
    if request.leader_epoch > partition.leader_epoch
        || request.partition_epoch > partition.partition_epoch
    {
        return Err(ErrorCode::NotController);
    }
    if request.leader_epoch < partition.leader_epoch {
        return Err(ErrorCode::FencedLeaderEpoch);
    }
    if Some(broker_id) != partition.leader {
        return Err(ErrorCode::InvalidRequest);
    }
    if request.partition_epoch < partition.partition_epoch {
        return Err(ErrorCode::InvalidUpdateVersion);
    }
    Ok(())
}

/// Whether the ISR is possible: replicas, each once, the leader among them, all alive.
fn check_isr(
    cluster: &Cluster<'_>,
    partition: &Partition,
    request: &IsrChange,
) -> Result<(), ErrorCode> {
    let isr: Vec<_> = request.isr.iter().map(|(replica, _)| *replica).collect();
    let is_possible = |(idx, replica): (usize, &BrokerId)| {
        partition.replicas.contains(replica)
            && isr.iter().skip(idx + 1).all(|other| other != replica)
    };
    let has_leader = partition.leader.is_some_and(|leader| isr.contains(&leader));
    if !has_leader || !isr.iter().enumerate().all(is_possible) {
        return Err(ErrorCode::InvalidRequest);
    }
    if request.leader_recovery_state == LeaderRecoveryState::Recovering {
        let was_recovered = partition.leader_recovery_state == LeaderRecoveryState::Recovered;
        if isr.len() > 1 || was_recovered {
            return Err(ErrorCode::InvalidRequest);
        }
    }
    let is_eligible = |(replica, epoch): &(BrokerId, i64)| {
        let broker = cluster.image.broker(*replica).filter(|broker| broker.is_active());
        broker.is_some_and(|broker| *epoch == -1 || broker.epoch == *epoch)
    };
    if request.isr.iter().all(is_eligible) { Ok(()) } else { Err(ErrorCode::IneligibleReplica) }
}
