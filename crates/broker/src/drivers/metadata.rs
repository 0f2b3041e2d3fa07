//! The metadata of the cluster: decisions are committed one after the other, applied to the image, and carried out here.
//!
//! A quorum of one commits by writing to its own log. What the records mean for this broker (partitions to make, to
//! delete, to configure) is done before the next decision, so an answer that a client gets is true.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use config::{BrokerLayers, Settings, TOPIC, TopicConfig, TopicsConfig};
use controller::decide::{ApiError, Cluster, Decision};
use controller::image::{Image, ResourceType, Topic as TopicImage, settings};
use controller::{MetadataLog, Quorum as _};
use coordinator::{ClusterChange, DeletedTopic};
use protocol::internal::metadata::{ConfigRecord, MetadataRecord};
use protocol::{BrokerId, ErrorCode, LeaderEpoch, Offset, Timestamp, TopicId, TopicPartition};
use storage::Storage;

use crate::drivers::cluster_view::ClusterView;
use crate::drivers::groups::Groups;
use crate::drivers::transactions::Transactions;
use crate::dynamic::Dynamic;
use crate::partition::Partition;
use crate::partitions::{Partitions, Topic};
use crate::topics::{CONSUMER_OFFSETS, TRANSACTION_STATE};

/// What this node was started with that decisions go by.
#[derive(Debug)]
pub(crate) struct Defaults {
    pub(crate) node_id: BrokerId,
    pub(crate) settings: Settings,
    pub(crate) topics: TopicsConfig,
    /// Carries out those of the settings that change while the broker runs.
    pub(crate) dynamic: Dynamic,
}

/// The metadata, and the log that it is committed to.
#[derive(Debug)]
pub(crate) struct Metadata {
    image: Arc<ArcSwap<Image>>,
    /// `None` once it is closed.
    log: Mutex<Option<MetadataLog>>,
    /// The offset of the last record that is in the image.
    last_offset: AtomicI64,
    defaults: Defaults,
    storage: Arc<Storage>,
    partitions: Arc<Partitions>,
    groups: Arc<Groups>,
    transactions: Arc<Transactions>,
}

impl Metadata {
    pub(crate) fn new(
        image: Arc<ArcSwap<Image>>,
        log: MetadataLog,
        defaults: Defaults,
        storage: Arc<Storage>,
        partitions: Arc<Partitions>,
        (groups, transactions): (Arc<Groups>, Arc<Transactions>),
    ) -> Self {
        let last_offset = AtomicI64::new(log.end_offset().0 - 1);
        Self {
            image,
            log: Mutex::new(Some(log)),
            last_offset,
            defaults,
            storage,
            partitions,
            groups,
            transactions,
        }
    }

    /// Decides, commits, applies and carries out.
    pub(crate) fn decide<A>(
        &self,
        now: Timestamp,
        decide: impl FnOnce(&Cluster<'_>) -> Decision<A>,
    ) -> Result<A, ApiError> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(log) = log.as_mut() else { return Err(ErrorCode::NotController.into()) };
        let image = self.image.load_full();
        let Decision { records, answer } = decide(&self.cluster(&image));
        if records.is_empty() {
            return Ok(answer);
        }
        let last_offset = log.propose(&records, now).map_err(|err| {
            tracing::error!(%err, "cannot commit a change of the metadata");
            ApiError { code: ErrorCode::KafkaStorageError, message: err.to_string() }
        })?;
        self.image.store(Arc::new(log.image().clone()));
        self.last_offset.store(last_offset.0, Ordering::Release);
        self.carry_out(&image, &records, now);
        Ok(answer)
    }

    /// Takes over what was there when the broker started: leads the partitions that the image gives it, and puts logs
    /// aside that it does not.
    pub(crate) fn adopt(&self, now: Timestamp) {
        let image = self.image.load_full();
        self.groups.on_cluster(self.cluster_view(&image), &ClusterChange::default(), &[]);
        let layers = self.broker_layers(&image);
        for err in layers.refused() {
            tracing::warn!(%err, "a broker's setting that stands in the metadata is passed over");
        }
        let broker = layers.effective();
        self.defaults.dynamic.apply(&broker);
        let logs = self.storage.logs();
        let mut strays = Vec::new();
        for log in &logs {
            let topic_partition = log.topic_partition();
            let topic = image.topic(&topic_partition.topic);
            let is_ours = topic.is_some_and(|topic| {
                topic.partitions.contains_key(&topic_partition.partition)
                    && log.topic_id().is_none_or(|id| id == topic.id)
            });
            if is_ours {
                log.set_config(topic_config(&image, &topic_partition.topic, &broker));
            } else {
                tracing::warn!(partition = %topic_partition, "putting a partition aside that the cluster does not know");
                strays.push(topic_partition);
            }
        }
        if let Err(err) = self.storage.mark_stray(strays) {
            tracing::error!(%err, "cannot put a stray partition aside");
        }
        self.reconcile(&image, image.topics().map(|topic| topic.id), now);
    }

    /// The offset of the last record that is in the image.
    pub(crate) fn last_offset(&self) -> Offset {
        Offset(self.last_offset.load(Ordering::Acquire))
    }

    /// The epoch in which this node leads the quorum; -1 once the log is closed.
    pub(crate) fn leader_epoch(&self) -> LeaderEpoch {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.as_ref().map_or(LeaderEpoch(-1), |log| log.leader().1)
    }

    /// The epoch that a broker gets which registers now.
    pub(crate) fn next_epoch(&self) -> i64 {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.as_ref().map_or(-1, |log| log.end_offset().0)
    }

    /// Closes the metadata's log.
    pub(crate) fn close(&self) -> Result<(), controller::log::Error> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner).take();
        log.map_or(Ok(()), MetadataLog::close)
    }

    fn cluster<'a>(&'a self, image: &'a Image) -> Cluster<'a> {
        Cluster {
            image,
            node_id: self.defaults.node_id,
            settings: &self.defaults.settings,
            topics: &self.defaults.topics,
        }
    }

    /// Makes this broker's partitions what the image says, for all topics that records touch.
    fn carry_out(&self, before: &Image, records: &[MetadataRecord], now: Timestamp) {
        let image = self.image.load_full();
        let (mut touched, mut configured) = (BTreeSet::new(), BTreeSet::new());
        for record in records {
            match record {
                MetadataRecord::Topic(record) => drop(touched.insert(record.topic_id)),
                MetadataRecord::Partition(record) => drop(touched.insert(record.topic_id)),
                MetadataRecord::PartitionChange(record) => drop(touched.insert(record.topic_id)),
                MetadataRecord::RemoveTopic(record) => drop(touched.insert(record.topic_id)),
                MetadataRecord::Config(ConfigRecord { resource_type, resource_name, .. }) => {
                    let _is_new = configured.insert((*resource_type, resource_name.as_str()));
                }
                _ => {}
            }
        }
        for (resource_type, resource) in configured {
            self.configure(&image, resource_type, resource);
        }
        self.reconcile(&image, touched.iter().copied(), now);
        self.tell_groups(before, &image, &touched);
    }

    /// Tells the groups which topics have come, gone or changed.
    fn tell_groups(&self, before: &Image, image: &Arc<Image>, touched: &BTreeSet<TopicId>) {
        let (mut change, mut deleted) = (ClusterChange::default(), Vec::new());
        for id in touched {
            let (old, new) = (before.topic_by_id(*id), image.topic_by_id(*id));
            change.has_new_topics |= old.is_none() && new.is_some();
            change.topics.extend(old.or(new).map(|topic| Arc::clone(&topic.name)));
            if let (Some(old), None) = (old, new) {
                deleted.push(DeletedTopic { id: old.id, name: Arc::clone(&old.name) });
            }
        }
        self.groups.on_cluster(self.cluster_view(image), &change, &deleted);
    }

    /// The cluster as groups see it.
    fn cluster_view(&self, image: &Arc<Image>) -> ClusterView {
        let broker = self.broker_layers(image).effective();
        ClusterView::new(Arc::clone(image), self.last_offset(), broker)
    }

    /// Makes the partitions of these topics what the image says.
    pub(crate) fn reconcile(
        &self,
        image: &Image,
        topics: impl IntoIterator<Item = TopicId>,
        now: Timestamp,
    ) {
        let (mut removed, mut changed) = (Vec::new(), Vec::new());
        for id in topics {
            match image.topic_by_id(id) {
                Some(topic) => changed.push(self.lead(image, topic, now)),
                None => removed.push(id),
            }
        }
        let gone: Vec<_> =
            removed.iter().filter_map(|id| self.partitions.topic_by_id(*id)).collect();
        // The table goes first: nobody finds a partition whose log is being deleted.
        let is_touched = |name: &str| {
            changed.iter().any(|topic| *topic.name == *name)
                || gone.iter().any(|topic| *topic.name == *name)
        };
        let has_groups = is_touched(CONSUMER_OFFSETS);
        let has_transactions = is_touched(TRANSACTION_STATE);
        self.partitions.update(&removed, changed);
        if has_groups {
            self.groups.follow(&self.partitions);
        }
        // They come second: what they have to end may be in the groups.
        if has_transactions {
            self.transactions.follow(&self.partitions);
        }
        let gone = || gone.iter().flat_map(|topic| topic.partitions.values());
        gone().for_each(|partition| partition.go());
        if let Err(err) = self.storage.delete(gone().map(|it| it.topic_partition()), now) {
            tracing::error!(%err, "cannot delete a partition");
        }
    }

    /// The partitions of a topic that this broker leads; those that it led before are kept as they are.
    fn lead(&self, image: &Image, topic: &TopicImage, now: Timestamp) -> Topic {
        let before = self.partitions.topic_by_id(topic.id);
        let config = self.topic_config(image, &topic.name);
        let mut partitions = HashMap::with_capacity(topic.partitions.len());
        for (id, partition) in &topic.partitions {
            if partition.leader != Some(self.defaults.node_id) {
                continue;
            }
            let kept = before.as_ref().and_then(|topic| topic.partitions.get(id));
            let kept = kept.filter(|kept| kept.epoch() == partition.leader_epoch);
            if let Some(kept) = kept {
                partitions.insert(*id, Arc::clone(kept));
                continue;
            }
            let topic_partition = TopicPartition { topic: Arc::clone(&topic.name), partition: *id };
            match self.storage.create(&topic_partition, topic.id, Arc::clone(&config), now) {
                Ok(log) => {
                    let epoch = partition.leader_epoch;
                    let led = Partition::lead(log, self.defaults.node_id, epoch, &partition.isr);
                    partitions.insert(*id, Arc::new(led));
                }
                Err(err) => {
                    tracing::error!(partition = %topic_partition, %err, "cannot open a partition")
                }
            }
        }
        Topic { name: Arc::clone(&topic.name), id: topic.id, partitions }
    }

    /// This broker's settings, by where they come from.
    pub(crate) fn broker_layers(&self, image: &Image) -> BrokerLayers {
        let node_id = self.defaults.node_id.to_string();
        let of = |name: &str| image.config(ResourceType::Broker, name).iter();
        let all = of("").map(|(key, text)| (key.as_str(), text.as_str()));
        let own = of(&node_id).map(|(key, text)| (key.as_str(), text.as_str()));
        BrokerLayers::new(self.defaults.settings.clone(), all, own)
    }

    /// A topic's configuration: its own settings over the brokers' over the defaults.
    pub(crate) fn topic_config(&self, image: &Image, topic: &str) -> Arc<TopicConfig> {
        topic_config(image, topic, &self.broker_layers(image).effective())
    }

    /// Lets the logs of a topic, or of all when a broker's settings have changed, go by their configuration.
    fn configure(&self, image: &Image, resource_type: i8, resource: &str) {
        let is_topic = resource_type == ResourceType::Topic.code();
        if !is_topic && resource_type != ResourceType::Broker.code() {
            return;
        }
        let broker = self.broker_layers(image).effective();
        if !is_topic {
            self.defaults.dynamic.apply(&broker);
        }
        for log in self.storage.logs() {
            let topic = &log.topic_partition().topic;
            if !is_topic || **topic == *resource {
                log.set_config(topic_config(image, topic, &broker));
            }
        }
    }
}

fn topic_config(image: &Image, topic: &str, broker: &Settings) -> Arc<TopicConfig> {
    let overrides = settings(&TOPIC, image.config(ResourceType::Topic, topic));
    Arc::new(TopicConfig::new(&overrides, broker))
}
