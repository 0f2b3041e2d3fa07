//! The one place that changes an image. The same records in the same order make the same image, on every node, however
//! they were batched.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::internal::metadata::{
    BrokerRegistrationChangeRecord, ClearElrRecord, ConfigRecord, FeatureLevelRecord,
    MetadataRecord, PartitionChangeRecord, PartitionRecord, ProducerIdsRecord,
    RegisterBrokerRecord, RemoveTopicRecord, TopicRecord,
};
use protocol::{BrokerId, TopicId};
use storage::files::meta_properties::DirectoryId;

use crate::image::{Broker, Image, Partition, ResourceType, Topic};

/// Why a record cannot be applied. The image is then as it was before that record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The record is about something that the image does not hold: going on without it would lose it.
    #[error("this version does not keep {0}")]
    Unsupported(&'static str),
    /// The record contradicts the image or itself, so the records before it are not those that it was written after.
    #[error("{0}")]
    Invalid(String),
}

impl ApplyError {
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid(reason.into())
    }
}

/// The feature level of the quorum's protocol is kept in control records, not among the others (KAFKA-18979).
const KRAFT_VERSION: &str = "kraft.version";

impl Image {
    /// Makes the change that a record describes.
    pub fn apply(&mut self, record: &MetadataRecord) -> Result<(), ApplyError> {
        use MetadataRecord as Record;
        match record {
            Record::RegisterBroker(record) => self.register_broker(record),
            Record::UnregisterBroker(record) => {
                self.registration(record.broker_id, record.broker_epoch)?;
                Arc::make_mut(&mut self.brokers).remove(&record.broker_id);
            }
            Record::FenceBroker(record) => {
                self.update_broker(record.id, record.epoch, |broker| broker.is_fenced = true)?;
            }
            Record::UnfenceBroker(record) => {
                self.update_broker(record.id, record.epoch, |broker| broker.is_fenced = false)?;
            }
            Record::BrokerRegistrationChange(record) => self.change_registration(record)?,
            Record::RegisterController(record) => {
                let controllers = Arc::make_mut(&mut self.controllers);
                controllers.insert(record.controller_id, record.clone());
            }
            Record::Topic(record) => self.add_topic(record)?,
            Record::RemoveTopic(record) => self.remove_topic(record)?,
            Record::Partition(record) => self.add_partition(record)?,
            Record::PartitionChange(record) => self.change_partition(record)?,
            Record::ClearElr(record) => self.clear_elr(record)?,
            Record::Config(record) => self.set_config(record)?,
            Record::FeatureLevel(record) => self.set_feature(record),
            Record::ProducerIds(record) => self.set_next_producer_id(record)?,
            Record::NoOp(_) | Record::ZkMigrationState(_) => {}
            Record::BeginTransaction(_)
            | Record::EndTransaction(_)
            | Record::AbortTransaction(_) => {
                return Err(ApplyError::Unsupported("transactions, which the log resolves"));
            }
            Record::ClientQuota(_) => return Err(ApplyError::Unsupported("client quotas")),
            Record::AccessControlEntry(_) | Record::RemoveAccessControlEntry(_) => {
                return Err(ApplyError::Unsupported("ACLs"));
            }
            Record::UserScramCredential(_) | Record::RemoveUserScramCredential(_) => {
                return Err(ApplyError::Unsupported("SCRAM credentials"));
            }
            Record::DelegationToken(_) | Record::RemoveDelegationToken(_) => {
                return Err(ApplyError::Unsupported("delegation tokens"));
            }
        }
        Ok(())
    }

    fn register_broker(&mut self, record: &RegisterBrokerRecord) {
        let broker = Arc::new(Broker::from_record(record));
        Arc::make_mut(&mut self.brokers).insert(broker.id, broker);
    }

    fn registration(&self, id: BrokerId, epoch: i64) -> Result<(), ApplyError> {
        match self.broker(id) {
            Some(broker) if broker.epoch == epoch => Ok(()),
            _ => {
                Err(ApplyError::invalid(format!("broker {id} is not registered in epoch {epoch}")))
            }
        }
    }

    fn update_broker(
        &mut self,
        id: BrokerId,
        epoch: i64,
        change: impl FnOnce(&mut Broker),
    ) -> Result<(), ApplyError> {
        self.registration(id, epoch)?;
        if let Some(broker) = Arc::make_mut(&mut self.brokers).get_mut(&id) {
            change(Arc::make_mut(broker));
        }
        Ok(())
    }

    fn change_registration(
        &mut self,
        record: &BrokerRegistrationChangeRecord,
    ) -> Result<(), ApplyError> {
        let is_fenced = change_of(record.fenced)?;
        let in_controlled_shutdown = change_of(record.in_controlled_shutdown)?;
        let dirs = |ids: &Vec<[u8; 16]>| ids.iter().copied().map(DirectoryId).collect::<Vec<_>>();
        self.update_broker(record.broker_id, record.broker_epoch, |broker| {
            broker.is_fenced = is_fenced.unwrap_or(broker.is_fenced);
            broker.in_controlled_shutdown =
                in_controlled_shutdown.unwrap_or(broker.in_controlled_shutdown);
            if !record.log_dirs.is_empty() {
                broker.log_dirs = dirs(&record.log_dirs);
            }
            if let Some(cordoned) = &record.cordoned_log_dirs {
                broker.cordoned_log_dirs = Some(dirs(cordoned));
            }
        })
    }

    fn add_topic(&mut self, record: &TopicRecord) -> Result<(), ApplyError> {
        let TopicRecord { name, topic_id } = record;
        if self.topic(name).is_some() || self.topic_by_id(*topic_id).is_some() {
            let reason = format!("topic {name} with id {topic_id} exists by its name or its id");
            return Err(ApplyError::Invalid(reason));
        }
        let name = Arc::from(name.as_str());
        let topic = Topic { id: *topic_id, name, partitions: BTreeMap::new() };
        Arc::make_mut(&mut self.topics).insert(topic);
        Ok(())
    }

    fn remove_topic(&mut self, record: &RemoveTopicRecord) -> Result<(), ApplyError> {
        let topic = Arc::make_mut(&mut self.topics).remove(record.topic_id);
        let topic = topic.ok_or_else(|| no_topic(record.topic_id))?;
        if !self.config(ResourceType::Topic, &topic.name).is_empty() {
            Arc::make_mut(&mut self.configs).remove(ResourceType::Topic, &topic.name);
        }
        Ok(())
    }

    fn add_partition(&mut self, record: &PartitionRecord) -> Result<(), ApplyError> {
        let partition = Arc::new(Partition::from_record(record)?);
        let added = Arc::make_mut(&mut self.topics).update(record.topic_id, |topic| {
            topic.partitions.insert(record.partition_id, partition);
        });
        added.ok_or_else(|| no_topic(record.topic_id))
    }

    fn change_partition(&mut self, record: &PartitionChangeRecord) -> Result<(), ApplyError> {
        let topic = self.topic_by_id(record.topic_id).ok_or_else(|| no_topic(record.topic_id))?;
        let Some(partition) = topic.partitions.get(&record.partition_id) else {
            let reason = format!("topic {} has no partition {}", topic.name, record.partition_id);
            return Err(ApplyError::Invalid(reason));
        };
        let mut partition = Partition::clone(partition);
        partition.merge(record)?;
        Arc::make_mut(&mut self.topics).update(record.topic_id, |topic| {
            topic.partitions.insert(record.partition_id, Arc::new(partition));
        });
        Ok(())
    }

    fn clear_elr(&mut self, record: &ClearElrRecord) -> Result<(), ApplyError> {
        let ids: Vec<_> = match record.topic_name.as_str() {
            "" => self.topics().map(|topic| topic.id).collect(),
            name => {
                let no_topic = || ApplyError::invalid(format!("there is no topic {name}"));
                vec![self.topic(name).ok_or_else(no_topic)?.id]
            }
        };
        let has_elr = |partition: &Partition| {
            !partition.elr.is_empty() || !partition.last_known_elr.is_empty()
        };
        let has_any = |id: &TopicId| {
            let partitions = self.topic_by_id(*id).map(|topic| topic.partitions.values());
            partitions.into_iter().flatten().any(|partition| has_elr(partition))
        };
        for id in ids.into_iter().filter(has_any).collect::<Vec<_>>() {
            Arc::make_mut(&mut self.topics).update(id, |topic| {
                let partitions = topic.partitions.values_mut();
                for partition in partitions.filter(|partition| has_elr(partition)) {
                    let partition = Arc::make_mut(partition);
                    partition.elr.clear();
                    partition.last_known_elr.clear();
                    partition.partition_epoch = partition.partition_epoch.saturating_add(1);
                }
            });
        }
        Ok(())
    }

    fn set_config(&mut self, record: &ConfigRecord) -> Result<(), ApplyError> {
        let Some(kind) = ResourceType::from_code(record.resource_type) else {
            let reason = format!("type {} has no settings that are kept", record.resource_type);
            return Err(ApplyError::Invalid(reason));
        };
        let configs = Arc::make_mut(&mut self.configs);
        configs.set(kind, &record.resource_name, &record.name, record.value.as_deref());
        Ok(())
    }

    fn set_feature(&mut self, record: &FeatureLevelRecord) {
        let FeatureLevelRecord { name, feature_level } = record;
        let features = Arc::make_mut(&mut self.features);
        match (name.as_str(), *feature_level) {
            (KRAFT_VERSION, _) => {}
            (name, 0) => drop(features.remove(name)),
            (_, level) => drop(features.insert(name.clone(), level)),
        }
    }

    fn set_next_producer_id(&mut self, record: &ProducerIdsRecord) -> Result<(), ApplyError> {
        let next = record.next_producer_id;
        if next <= self.next_producer_id {
            let reason = format!(
                "the next producer id is {}, and cannot go back to {next}",
                self.next_producer_id
            );
            return Err(ApplyError::Invalid(reason));
        }
        self.next_producer_id = next;
        Ok(())
    }
}

fn no_topic(id: TopicId) -> ApplyError {
    ApplyError::invalid(format!("there is no topic with id {id}"))
}

/// What a record's number says of a flag: nothing, that it is set now, or that it no longer is.
fn change_of(number: i8) -> Result<Option<bool>, ApplyError> {
    match number {
        0 => Ok(None),
        1 => Ok(Some(true)),
        -1 => Ok(Some(false)),
        other => Err(ApplyError::invalid(format!("a registration is changed by {other}"))),
    }
}

#[cfg(test)]
mod tests;
