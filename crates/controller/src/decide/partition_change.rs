//! What becomes of a partition when its ISR or its leader has to change: the ISR, the eligible leader replicas and the
//! election follow from each other, and come out as one record (`PartitionChangeBuilder`).
//!
//! Eligible leader replicas (KIP-966): a replica that leaves an ISR which is smaller than `min.insync.replicas` without
//! it has every record that was acknowledged, because none is acknowledged from there on. So it may lead later, when
//! the ISR is empty.

use protocol::internal::metadata::PartitionChangeRecord;
use protocol::{BrokerId, PartitionId, TopicId};

use super::{Cluster, TopicConfigs};
use crate::image::{LeaderRecoveryState, Partition, Topic};

/// How a leader is found when one is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Election {
    /// A replica that has everything; the present leader if it is one.
    Clean,
    /// The same, but the preferred leader if it is one.
    Preferred,
    /// Any replica that is alive, if none has everything.
    Unclean,
}

/// A change to one partition.
pub(super) struct PartitionChange<'a> {
    partition: &'a Partition,
    /// The ISR to be, before an election narrows it to the elected.
    pub(super) isr: Vec<BrokerId>,
    /// The state that the leader says it is in.
    pub(super) leader_recovery_state: LeaderRecoveryState,
    /// A replica that stopped without a clean shutdown, and so may have lost what it had.
    pub(super) lost_replica: Option<BrokerId>,
    pub(super) election: Election,
    /// `min.insync.replicas`, no more than there are replicas.
    min_isr: usize,
    is_elr_enabled: bool,
    /// Whether a broker can lead, whatever it has of the partition: it is there, and so is its directory.
    may_lead: &'a dyn Fn(BrokerId) -> bool,
}

/// Who leads from here on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Elected {
    Cleanly(BrokerId),
    Uncleanly(BrokerId),
    Nobody,
}

impl Elected {
    const fn leader(self) -> Option<BrokerId> {
        match self {
            Self::Cleanly(leader) | Self::Uncleanly(leader) => Some(leader),
            Self::Nobody => None,
        }
    }
}

impl<'a> PartitionChange<'a> {
    /// A change of nothing yet to a partition of `topic`, whose leader is elected as the topic's configuration allows.
    pub(super) fn new(
        cluster: &Cluster<'_>,
        configs: &mut TopicConfigs<'_>,
        topic: &Topic,
        partition: &'a Partition,
        may_lead: &'a dyn Fn(BrokerId) -> bool,
    ) -> Self {
        let config = configs.get(topic);
        let min_isr = config.min_insync_replicas as usize;
        Self {
            partition,
            isr: partition.isr.clone(),
            leader_recovery_state: partition.leader_recovery_state,
            lost_replica: None,
            election: if config.unclean_leader_election {
                Election::Unclean
            } else {
                Election::Clean
            },
            min_isr: min_isr.min(partition.replicas.len()),
            is_elr_enabled: cluster.is_elr_enabled(),
            may_lead,
        }
    }

    /// The record that makes the change; `None` if everything stays.
    pub(super) fn record(
        mut self,
        topic_id: TopicId,
        partition_id: PartitionId,
    ) -> Option<PartitionChangeRecord> {
        let before = self.partition;
        let mut after = Partition { elr: self.next_elr(), ..before.clone() };
        let elected = self.elect(&after.elr);
        after.leader = elected.leader();
        let has_new_leader = after.leader != before.leader;
        match elected {
            Elected::Uncleanly(leader) if has_new_leader => {
                self.isr = vec![leader];
                after.leader_recovery_state = LeaderRecoveryState::Recovering;
                after.elr.clear();
            }
            Elected::Cleanly(leader) if has_new_leader && after.elr.contains(&leader) => {
                self.isr = vec![leader];
                after.elr.retain(|replica| *replica != leader);
            }
            _ => {}
        }
        if self.is_elr_enabled {
            after.last_known_elr = self.next_last_leader(after.leader);
        } else {
            after.elr.clear();
        }
        // Without eligible leader replicas the ISR never becomes empty: only its last members may lead.
        if self.is_elr_enabled || !self.isr.is_empty() {
            after.isr = self.isr;
        }
        if self.leader_recovery_state != before.leader_recovery_state {
            after.leader_recovery_state = self.leader_recovery_state;
        }
        before.change_to(&after, topic_id, partition_id)
    }

    /// The eligible leader replicas beside the ISR to be.
    fn next_elr(&self) -> Vec<BrokerId> {
        if !self.is_elr_enabled {
            return self.partition.elr.clone();
        }
        if self.isr.len() >= self.min_isr {
            return Vec::new();
        }
        let mut elr = Vec::new();
        for replica in self.partition.elr.iter().chain(&self.partition.isr) {
            let is_out = self.isr.contains(replica) || self.lost_replica == Some(*replica);
            if !is_out && !elr.contains(replica) {
                elr.push(*replica);
            }
        }
        elr
    }

    fn elect(&self, elr: &[BrokerId]) -> Elected {
        let has_everything = |replica: BrokerId| {
            self.isr.contains(&replica) || self.isr.is_empty() && elr.contains(&replica)
        };
        let can_lead = |replica: BrokerId| has_everything(replica) && (self.may_lead)(replica);
        let replicas = self.partition.replicas.iter().copied();
        let preferred = match self.election {
            Election::Preferred => self.partition.preferred_leader(),
            Election::Clean | Election::Unclean => None,
        };
        let in_order = preferred.into_iter().chain(self.partition.leader).chain(replicas.clone());
        if let Some(leader) = in_order.into_iter().find(|replica| can_lead(*replica)) {
            return Elected::Cleanly(leader);
        }
        if let Some(leader) = self.last_leader(elr) {
            return Elected::Uncleanly(leader);
        }
        let mut alive = replicas.filter(|replica| (self.may_lead)(*replica));
        match self.election {
            Election::Unclean => alive.next().map_or(Elected::Nobody, Elected::Uncleanly),
            Election::Clean | Election::Preferred => Elected::Nobody,
        }
    }

    /// The last leader of a partition of which no replica is known to have everything: it has most.
    fn last_leader(&self, elr: &[BrokerId]) -> Option<BrokerId> {
        let is_lost = self.is_elr_enabled && self.isr.is_empty() && elr.is_empty();
        match *self.partition.last_known_elr {
            [last] if is_lost && (self.may_lead)(last) => Some(last),
            _ => None,
        }
    }

    /// Whom to remember as the last leader once `leader` leads.
    fn next_last_leader(&self, leader: Option<BrokerId>) -> Vec<BrokerId> {
        let before = self.partition;
        match (before.leader, leader) {
            (Some(last), None) if before.last_known_elr.is_empty() => vec![last],
            (last, Some(_)) if last != leader => Vec::new(),
            _ => before.last_known_elr.clone(),
        }
    }
}

/// The changes to all partitions that `concerns` picks out, each made by `change`. `may_lead` says which brokers are
/// there.
pub(super) fn changes(
    cluster: &Cluster<'_>,
    may_lead: &dyn Fn(BrokerId) -> bool,
    concerns: impl Fn(&Partition) -> bool,
    change: impl Fn(&mut PartitionChange<'_>),
) -> Vec<PartitionChangeRecord> {
    let mut configs = TopicConfigs::new(cluster);
    let mut records = Vec::new();
    for topic in cluster.image.topics() {
        let partitions = topic.partitions.iter();
        for (number, partition) in partitions.filter(|(_, partition)| concerns(partition)) {
            let may_lead = can_serve(cluster, partition, may_lead);
            let mut changed =
                PartitionChange::new(cluster, &mut configs, topic, partition, &may_lead);
            change(&mut changed);
            records.extend(changed.record(topic.id, *number));
        }
    }
    records
}

/// Adds to `may_lead` that the broker's directory of the partition works.
pub(super) fn can_serve(
    cluster: &Cluster<'_>,
    partition: &Partition,
    may_lead: &dyn Fn(BrokerId) -> bool,
) -> impl Fn(BrokerId) -> bool {
    move |id| {
        let dir = partition.directory_of(id);
        let has_dir = |dir| cluster.image.broker(id).is_some_and(|b| b.has_online_dir(dir));
        may_lead(id) && dir.is_some_and(has_dir)
    }
}
