//! Between the image and Kafka's records: what a record says of a partition or a broker, and all of an image as the
//! records of a snapshot.

use std::collections::BTreeMap;

use protocol::internal::metadata::{
    ConfigRecord, FeatureLevelRecord, MetadataRecord, PartitionChangeRecord, PartitionRecord,
    ProducerIdsRecord, RegisterBrokerRecord, SupportedFeature, TopicRecord,
};
use protocol::{BrokerId, PartitionId, ProducerId, TopicId};
use storage::files::meta_properties::DirectoryId;

use crate::apply::ApplyError;
use crate::decide::METADATA_VERSION;
use crate::image::{
    Broker, Image, LeaderRecoveryState, MIGRATING_DIR, Partition, ResourceType, VersionRange,
};

/// What records have for no leader.
const NO_LEADER: BrokerId = BrokerId(-1);

impl Image {
    /// Records that make this image out of an empty one, in the order of Kafka's snapshots: the version of the metadata
    /// comes first, so that a reader knows at once whether it can read on.
    pub fn records(&self) -> Vec<MetadataRecord> {
        let mut records = Vec::new();
        let is_version = |(name, _): &(&String, &i16)| *name == METADATA_VERSION;
        let (version, others): (Vec<_>, Vec<_>) = self.features.iter().partition(is_version);
        records.extend(version.into_iter().chain(others).map(|(name, level)| {
            let record = FeatureLevelRecord { name: name.clone(), feature_level: *level };
            MetadataRecord::FeatureLevel(record)
        }));
        let brokers = self.brokers().map(|broker| broker.to_record());
        records.extend(brokers.map(MetadataRecord::RegisterBroker));
        let controllers = self.controllers.values().cloned();
        records.extend(controllers.map(MetadataRecord::RegisterController));
        for topic in self.topics() {
            let record = TopicRecord { name: topic.name.to_string(), topic_id: topic.id };
            records.push(MetadataRecord::Topic(record));
            let partitions = topic.partitions.iter();
            records.extend(partitions.map(|(number, partition)| {
                MetadataRecord::Partition(partition.to_record(topic.id, *number))
            }));
        }
        for kind in ResourceType::ALL {
            for (name, config) in self.configs(kind) {
                let settings = config.iter();
                records.extend(settings.map(|(key, value)| {
                    MetadataRecord::Config(config_record(kind, name, key, Some(value.clone())))
                }));
            }
        }
        if self.next_producer_id != ProducerId(0) {
            records.push(MetadataRecord::ProducerIds(ProducerIdsRecord {
                broker_id: BrokerId(-1),
                broker_epoch: -1,
                next_producer_id: self.next_producer_id,
            }));
        }
        records
    }
}

/// Sets `key` of a resource, or with `None` takes its setting away.
pub(crate) fn config_record(
    kind: ResourceType,
    name: &str,
    key: &str,
    value: Option<String>,
) -> ConfigRecord {
    ConfigRecord {
        resource_type: kind.code(),
        resource_name: name.to_owned(),
        name: key.to_owned(),
        value,
    }
}

impl Partition {
    pub(crate) fn to_record(&self, topic_id: TopicId, number: PartitionId) -> PartitionRecord {
        let unless_empty = |replicas: &Vec<BrokerId>| {
            Some(replicas.clone()).filter(|replicas| !replicas.is_empty())
        };
        PartitionRecord {
            partition_id: number,
            topic_id,
            replicas: self.replicas.clone(),
            isr: self.isr.clone(),
            removing_replicas: self.removing_replicas.clone(),
            adding_replicas: self.adding_replicas.clone(),
            leader: self.leader.unwrap_or(NO_LEADER),
            leader_recovery_state: self.leader_recovery_state.code(),
            leader_epoch: self.leader_epoch,
            partition_epoch: self.partition_epoch,
            directories: self.directories.iter().map(|dir| dir.0).collect(),
            eligible_leader_replicas: unless_empty(&self.elr),
            last_known_elr: unless_empty(&self.last_known_elr),
        }
    }

    pub(crate) fn from_record(record: &PartitionRecord) -> Result<Self, ApplyError> {
        Ok(Self {
            replicas: record.replicas.clone(),
            directories: directories(&record.directories, record.replicas.len())?,
            isr: record.isr.clone(),
            removing_replicas: record.removing_replicas.clone(),
            adding_replicas: record.adding_replicas.clone(),
            elr: record.eligible_leader_replicas.clone().unwrap_or_default(),
            last_known_elr: record.last_known_elr.clone().unwrap_or_default(),
            leader: leader(record.leader),
            leader_recovery_state: recovery_state(record.leader_recovery_state)?,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
        })
    }

    /// Makes the change that a record describes.
    pub(crate) fn merge(&mut self, change: &PartitionChangeRecord) -> Result<(), ApplyError> {
        let replicas = change.replicas.as_ref().unwrap_or(&self.replicas);
        let directories = match &change.directories {
            Some(dirs) => directories(dirs, replicas.len())?,
            None if replicas.len() != self.directories.len() => directories(&[], replicas.len())?,
            None => self.directories.clone(),
        };
        if change.leader_recovery_state != PartitionChangeRecord::NO_LEADER_RECOVERY_CHANGE {
            self.leader_recovery_state = recovery_state(change.leader_recovery_state)?;
        }
        self.directories = directories;
        let set = |field: &mut Vec<BrokerId>, value: &Option<Vec<BrokerId>>| {
            if let Some(value) = value {
                field.clone_from(value);
            }
        };
        set(&mut self.replicas, &change.replicas);
        set(&mut self.isr, &change.isr);
        set(&mut self.removing_replicas, &change.removing_replicas);
        set(&mut self.adding_replicas, &change.adding_replicas);
        set(&mut self.elr, &change.eligible_leader_replicas);
        set(&mut self.last_known_elr, &change.last_known_elr);
        if change.leader != PartitionChangeRecord::NO_LEADER_CHANGE {
            self.leader = leader(change.leader);
            self.leader_epoch.0 = self.leader_epoch.0.saturating_add(1);
        }
        self.partition_epoch = self.partition_epoch.saturating_add(1);
        Ok(())
    }

    /// The record that makes `after` of this partition, of which ISR, leader and eligible leader replicas may differ;
    /// `None` if none does.
    pub(crate) fn change_to(
        &self,
        after: &Self,
        topic_id: TopicId,
        number: PartitionId,
    ) -> Option<PartitionChangeRecord> {
        let nothing = PartitionChangeRecord::new(topic_id, number);
        let mut change = nothing.clone();
        let changed = |before: &Vec<BrokerId>, after: &Vec<BrokerId>| {
            (before != after).then(|| after.clone())
        };
        change.isr = changed(&self.isr, &after.isr);
        change.eligible_leader_replicas = changed(&self.elr, &after.elr);
        change.last_known_elr = changed(&self.last_known_elr, &after.last_known_elr);
        if self.leader != after.leader {
            change.leader = after.leader.unwrap_or(NO_LEADER);
        }
        if self.leader_recovery_state != after.leader_recovery_state {
            change.leader_recovery_state = after.leader_recovery_state.code();
        }
        (change != nothing).then_some(change)
    }
}

fn leader(id: BrokerId) -> Option<BrokerId> {
    Some(id).filter(|id| *id != NO_LEADER)
}

/// The directory of each replica; records from before Kafka 3.7 have none.
fn directories(ids: &[[u8; 16]], replicas: usize) -> Result<Vec<DirectoryId>, ApplyError> {
    match ids.len() {
        0 => Ok(vec![MIGRATING_DIR; replicas]),
        len if len == replicas => Ok(ids.iter().copied().map(DirectoryId).collect()),
        len => Err(ApplyError::invalid(format!("{replicas} replicas have {len} directories"))),
    }
}

fn recovery_state(code: i8) -> Result<LeaderRecoveryState, ApplyError> {
    LeaderRecoveryState::from_code(code)
        .ok_or_else(|| ApplyError::invalid(format!("leader recovery state {code} is not known")))
}

impl Broker {
    pub(crate) fn to_record(&self) -> RegisterBrokerRecord {
        let feature = |(name, range): (&String, &VersionRange)| SupportedFeature {
            name: name.clone(),
            min_supported_version: range.min,
            max_supported_version: range.max,
        };
        RegisterBrokerRecord {
            broker_id: self.id,
            is_migrating_zk_broker: false,
            incarnation_id: self.incarnation_id,
            broker_epoch: self.epoch,
            end_points: self.endpoints.clone(),
            features: self.features.iter().map(feature).collect(),
            rack: self.rack.clone(),
            fenced: self.is_fenced,
            in_controlled_shutdown: self.in_controlled_shutdown,
            log_dirs: self.log_dirs.iter().map(|dir| dir.0).collect(),
            cordoned_log_dirs: self
                .cordoned_log_dirs
                .as_ref()
                .map(|dirs| dirs.iter().map(|dir| dir.0).collect()),
        }
    }

    pub(crate) fn from_record(record: &RegisterBrokerRecord) -> Self {
        let range = |feature: &SupportedFeature| VersionRange {
            min: feature.min_supported_version,
            max: feature.max_supported_version,
        };
        let features = record.features.iter();
        let features: BTreeMap<_, _> =
            features.map(|feature| (feature.name.clone(), range(feature))).collect();
        let dirs = |ids: &Vec<[u8; 16]>| ids.iter().copied().map(DirectoryId).collect();
        Self {
            id: record.broker_id,
            epoch: record.broker_epoch,
            incarnation_id: record.incarnation_id,
            endpoints: record.end_points.clone(),
            features,
            rack: record.rack.clone(),
            is_fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            log_dirs: dirs(&record.log_dirs),
            cordoned_log_dirs: record.cordoned_log_dirs.as_ref().map(dirs),
        }
    }
}
