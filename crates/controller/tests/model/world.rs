//! A cluster that is asked things: each step becomes a decision on the image, and its records are applied.

use config::{BROKER, BrokerConfig, Settings};
use controller::decide::{
    AlterPartition, ConfigOp, CreatePartitions, CreateTopics, Election, FEATURES, FeatureUpdate,
    IsrChange, KeyChange, NewPartitions, NewTopic, Registration, TopicRef, UpgradeType,
    allocate_producer_ids, alter_partition, begin_controlled_shutdown, create_partitions,
    create_topics, delete_topics, elect_leaders, fence_broker, first_records,
    incremental_alter_configs, register_broker, unfence_broker, unregister_broker, update_features,
};
use controller::image::{ConfigResource, LeaderRecoveryState, ResourceType};
use controller::{Cluster, Decision, Image};
use protocol::internal::metadata::MetadataRecord;
use protocol::{BrokerId, PartitionId, TopicId};
use storage::files::meta_properties::DirectoryId;

use crate::steps::Step;

pub(crate) const CLUSTER_ID: &str = "cluster";

/// Ids and epochs are drawn from a counter, so that none is ever drawn twice.
pub(crate) struct World {
    pub(crate) image: Image,
    settings: Settings,
    config: BrokerConfig,
    drawn: u32,
    records: Vec<MetadataRecord>,
}

impl World {
    /// A cluster that has just begun.
    pub(crate) fn new() -> Self {
        let mut world = Self::at(Image::new(CLUSTER_ID));
        let records = first_records(&world.settings);
        world.commit(records);
        world
    }

    /// A cluster that is at this image.
    pub(crate) fn at(image: Image) -> Self {
        let settings = Settings::new(&BROKER);
        let config = BrokerConfig::new(&settings).expect("the defaults fit");
        let epochs = image.brokers().map(|broker| broker.epoch.unsigned_abs());
        let ids = image.topics().map(|topic| u64::from(number_of(topic.id)));
        let drawn =
            u32::try_from(epochs.chain(ids).max().unwrap_or_default()).expect("few are drawn");
        Self { image, settings, config, drawn, records: Vec::new() }
    }

    /// The records since the last time.
    pub(crate) fn take_records(&mut self) -> Vec<MetadataRecord> {
        std::mem::take(&mut self.records)
    }

    fn commit(&mut self, records: Vec<MetadataRecord>) {
        for record in &records {
            self.image.apply(record).unwrap_or_else(|err| panic!("{record:?}: {err}"));
        }
        self.records.extend(records);
    }

    /// Decides a step. What is not possible is refused, and changes nothing.
    pub(crate) fn decide(&mut self, step: &Step) {
        self.drawn += 1;
        let (settings, topics) = (&self.settings, &self.config.topics);
        let cluster = Cluster { image: &self.image, node_id: BrokerId(1), settings, topics };
        let records = decide(&cluster, step, self.drawn);
        self.commit(records);
    }
}

fn decide(cluster: &Cluster<'_>, step: &Step, drawn: u32) -> Vec<MetadataRecord> {
    let image = cluster.image;
    let epoch = |id: i32| image.broker(BrokerId(id)).map_or(-1, |broker| broker.epoch);
    match *step {
        Step::Register { broker, is_clean } => {
            let previous_epoch = if is_clean { epoch(broker) } else { -1 };
            records(register_broker(cluster, &registration(broker, previous_epoch, drawn)))
        }
        Step::Unfence { broker } => {
            records(unfence_broker(cluster, BrokerId(broker), epoch(broker)))
        }
        Step::Fence { broker } => records(fence_broker(cluster, BrokerId(broker))),
        Step::Shutdown { broker } => {
            records(begin_controlled_shutdown(cluster, BrokerId(broker), epoch(broker)))
        }
        Step::Unregister { broker } => records(unregister_broker(cluster, BrokerId(broker))),
        Step::Create { .. }
        | Step::Delete { .. }
        | Step::Extend { .. }
        | Step::Configure { .. } => decide_topic(cluster, step, drawn),
        Step::AlterIsr { topic, partition, isr } => {
            alter_isr(cluster, &name(topic), PartitionId(partition), isr)
        }
        Step::Elect { is_unclean } => {
            let election = if is_unclean { Election::Unclean } else { Election::Preferred };
            records(elect_leaders(cluster, election, None))
        }
        Step::Allocate { broker } => {
            records(allocate_producer_ids(cluster, BrokerId(broker), epoch(broker)))
        }
        Step::Feature { is_on } => {
            let upgrade_type =
                if is_on { UpgradeType::Upgrade } else { UpgradeType::SafeDowngrade };
            let name = "eligible.leader.replicas.version".to_owned();
            let update = FeatureUpdate { name, level: i16::from(is_on), upgrade_type };
            records(update_features(cluster, &[update], false))
        }
    }
}

fn decide_topic(cluster: &Cluster<'_>, step: &Step, drawn: u32) -> Vec<MetadataRecord> {
    match *step {
        Step::Create { topic, partitions, replicas, min_isr, is_unclean, seed } => {
            let configs = vec![
                ("min.insync.replicas".to_owned(), Some(min_isr.to_string())),
                ("unclean.leader.election.enable".to_owned(), Some(is_unclean.to_string())),
            ];
            let topic = NewTopic {
                name: name(topic),
                id: id_of(drawn),
                partitions,
                replication_factor: replicas,
                assignments: Vec::new(),
                configs,
            };
            let request = CreateTopics { topics: vec![topic], validate_only: false, seed };
            records(create_topics(cluster, &request))
        }
        Step::Delete { topic } => records(delete_topics(cluster, &[TopicRef::Name(name(topic))])),
        Step::Extend { topic, more, seed } => {
            let topic = name(topic);
            let partitions = cluster.image.topic(&topic).map_or(0, |topic| topic.partitions.len());
            let count = i32::try_from(partitions).expect("there are few") + more;
            let topics = vec![NewPartitions { topic, count, assignments: None }];
            let request = CreatePartitions { topics, validate_only: false, seed };
            records(create_partitions(cluster, &request))
        }
        Step::Configure { topic, value } => {
            let change = KeyChange {
                key: "min.insync.replicas".to_owned(),
                op: ConfigOp::Set,
                value: Some(value.to_string()),
            };
            let resource = ConfigResource::new(ResourceType::Topic, name(topic));
            records(incremental_alter_configs(cluster, &[(resource, vec![change])], false))
        }
        _ => unreachable!("the others are decided elsewhere"),
    }
}

/// A leader's request with epochs that hold; the leader is always in its own ISR.
fn alter_isr(
    cluster: &Cluster<'_>,
    topic: &str,
    number: PartitionId,
    bits: u8,
) -> Vec<MetadataRecord> {
    let Some(topic) = cluster.image.topic(topic) else { return Vec::new() };
    let Some(partition) = topic.partitions.get(&number) else { return Vec::new() };
    let Some(leader) = partition.leader else { return Vec::new() };
    let replicas = partition.replicas.iter().enumerate();
    let isr = replicas.filter(|(idx, id)| bits & (1 << idx) != 0 || **id == leader);
    let change = IsrChange {
        topic_id: topic.id,
        partition: number,
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        isr: isr.map(|(_, id)| (*id, -1)).collect(),
        leader_recovery_state: LeaderRecoveryState::Recovered,
    };
    let broker_epoch = cluster.image.broker(leader).map_or(-1, |broker| broker.epoch);
    let request = AlterPartition { broker_id: leader, broker_epoch, partitions: vec![change] };
    records(alter_partition(cluster, &request))
}

fn records<A>(decision: Decision<A>) -> Vec<MetadataRecord> {
    decision.records
}

fn registration(broker: i32, previous_epoch: i64, drawn: u32) -> Registration {
    Registration {
        id: BrokerId(broker),
        cluster_id: CLUSTER_ID.to_owned(),
        incarnation_id: id_of(drawn).0,
        endpoints: Vec::new(),
        features: FEATURES.map(|feature| (feature.name.to_owned(), feature.levels)).into(),
        rack: (broker % 2 == 0).then(|| "even".to_owned()),
        log_dirs: vec![DirectoryId(id_of(broker.unsigned_abs()).0)],
        previous_epoch,
        new_epoch: drawn.into(),
        is_in_use: false,
    }
}

/// Two of the names collide.
fn name(topic: u8) -> String {
    let names = ["plain", "other", "a.b", "a_b"];
    names.get(usize::from(topic)).copied().unwrap_or_default().to_owned()
}

fn id_of(number: u32) -> TopicId {
    let [a, b, c, d] = number.to_be_bytes();
    TopicId([a, b, c, d, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7])
}

fn number_of(id: TopicId) -> u32 {
    let [a, b, c, d, ..] = id.0;
    u32::from_be_bytes([a, b, c, d])
}
