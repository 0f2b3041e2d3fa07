//! From brokers to a new partition: the check of an assignment by hand, and what the partition begins with.

use protocol::{BrokerId, ErrorCode, LeaderEpoch};

use super::placement::{Candidate, place};
use super::random::Random;
use super::{ApiError, Cluster};
use crate::image::{Broker, LeaderRecoveryState, Partition, UNASSIGNED_DIR};

/// Checks replicas that a client chose (`validateManualPartitionAssignment`). `replication_factor` is that of the
/// topic's other partitions, if it has any.
pub(super) fn check_manual(
    cluster: &Cluster<'_>,
    replicas: &[BrokerId],
    replication_factor: Option<usize>,
) -> Result<(), ApiError> {
    let refuse = |message: String| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
    if replicas.is_empty() {
        return refuse("a partition is assigned to no broker".to_owned());
    }
    for (idx, replica) in replicas.iter().enumerate() {
        if cluster.image.broker(*replica).is_none() {
            return refuse(format!(
                "a partition is assigned to broker {replica}, which is not registered"
            ));
        }
        if replicas.iter().skip(idx + 1).any(|other| other == replica) {
            return refuse(format!("a partition is assigned to broker {replica} more than once"));
        }
    }
    match replication_factor {
        Some(others) if others != replicas.len() => refuse(format!(
            "a partition is assigned {} replicas, while the partitions before it have {others}",
            replicas.len()
        )),
        _ => Ok(()),
    }
}

/// Chooses the replicas of new partitions.
pub(super) fn choose(
    cluster: &Cluster<'_>,
    partitions: usize,
    replication_factor: usize,
    random: &mut Random,
) -> Result<Vec<Vec<BrokerId>>, ApiError> {
    let is_usable = |broker: &&Broker| !broker.in_controlled_shutdown && broker.takes_partitions();
    let usable = cluster.image.brokers().map(|broker| &**broker).filter(is_usable);
    let candidates: Vec<_> = usable
        .map(|broker| Candidate {
            id: broker.id,
            rack: broker.rack.as_deref(),
            is_fenced: broker.is_fenced,
        })
        .collect();
    place(&candidates, partitions, replication_factor, random).map_err(|reason| {
        let message =
            format!("a partition cannot be replicated {replication_factor} times: {reason}");
        ApiError::new(ErrorCode::InvalidReplicationFactor, message)
    })
}

/// A partition as it begins on `replicas`: led by the first that is alive. `None` if none is.
pub(super) fn new_partition(cluster: &Cluster<'_>, replicas: &[BrokerId]) -> Option<Partition> {
    let isr: Vec<_> = replicas.iter().copied().filter(|id| cluster.is_active(*id)).collect();
    let leader = *isr.first()?;
    let directory = |id: &BrokerId| match cluster.image.broker(*id) {
        Some(broker) => broker.default_dir(),
        None => UNASSIGNED_DIR,
    };
    Some(Partition {
        replicas: replicas.to_vec(),
        directories: replicas.iter().map(directory).collect(),
        isr,
        removing_replicas: Vec::new(),
        adding_replicas: Vec::new(),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader: Some(leader),
        leader_recovery_state: LeaderRecoveryState::Recovered,
        leader_epoch: LeaderEpoch(0),
        partition_epoch: 0,
    })
}
