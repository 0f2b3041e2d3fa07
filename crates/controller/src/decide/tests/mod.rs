//! Decisions on small clusters: who asks for what, and what comes of it.

mod brokers;
mod configs;
mod features;
mod partitions;
mod topics;

use std::collections::BTreeMap;

use config::{BROKER, Settings, TopicsConfig};
use protocol::internal::metadata::Endpoint;
use protocol::{PartitionId, TopicId};
use storage::files::meta_properties::DirectoryId;

use super::*;
use crate::image::{Partition, VersionRange};

/// A cluster whose decisions are applied as they are made.
struct World {
    image: Image,
    settings: Settings,
    topics: TopicsConfig,
    next_epoch: i64,
}

impl World {
    /// A cluster without brokers, as it begins.
    fn empty() -> Self {
        let mut world = Self {
            image: Image::new("cluster"),
            settings: Settings::new(&BROKER),
            topics: TopicsConfig {
                num_partitions: 2,
                default_replication_factor: 1,
                auto_create: true,
                delete: true,
            },
            next_epoch: 100,
        };
        let records = first_records(&world.settings);
        let () = world.commit(Decision::new(records, ()));
        world
    }

    /// A cluster of brokers that are alive.
    fn new(brokers: &[i32]) -> Self {
        let mut world = Self::empty();
        for id in brokers {
            world.register(*id, -1).unwrap();
            world.unfence(*id);
        }
        world
    }

    fn cluster(&self) -> Cluster<'_> {
        Cluster {
            image: &self.image,
            node_id: BrokerId(1),
            settings: &self.settings,
            topics: &self.topics,
        }
    }

    /// Applies a decision and gives its answer.
    fn commit<A>(&mut self, decision: Decision<A>) -> A {
        for record in &decision.records {
            self.image.apply(record).unwrap_or_else(|err| panic!("{record:?}: {err}"));
        }
        decision.answer
    }

    fn registration(&mut self, id: i32) -> Registration {
        self.next_epoch += 1;
        let feature = |feature: &Feature| (feature.name.to_owned(), feature.levels);
        Registration {
            id: BrokerId(id),
            cluster_id: "cluster".to_owned(),
            incarnation_id: [u8::try_from(self.next_epoch).unwrap(); 16],
            endpoints: vec![Endpoint {
                name: "PLAINTEXT".to_owned(),
                host: "localhost".to_owned(),
                port: 9092,
                security_protocol: 0,
            }],
            features: FEATURES.iter().map(feature).collect(),
            rack: None,
            log_dirs: vec![dir(id)],
            previous_epoch: -1,
            new_epoch: self.next_epoch,
            is_in_use: false,
        }
    }

    fn register(&mut self, id: i32, previous_epoch: i64) -> Result<i64, ApiError> {
        let request = Registration { previous_epoch, ..self.registration(id) };
        self.commit(register_broker(&self.cluster(), &request))
    }

    fn epoch(&self, id: i32) -> i64 {
        self.image.broker(BrokerId(id)).unwrap().epoch
    }

    fn unfence(&mut self, id: i32) {
        let decision = unfence_broker(&self.cluster(), BrokerId(id), self.epoch(id));
        self.commit(decision).unwrap();
    }

    fn fence(&mut self, id: i32) {
        let decision = fence_broker(&self.cluster(), BrokerId(id));
        self.commit(decision).unwrap();
    }

    /// Creates a topic of one partition on these brokers.
    fn create(&mut self, name: &str, replicas: &[i32], configs: &[(&str, &str)]) -> TopicId {
        let assignments = vec![(PartitionId(0), ids(replicas))];
        let topic = NewTopic { assignments, ..new_topic(name, -1, -1, configs) };
        let id = topic.id;
        let answer = self.create_all(vec![topic]);
        answer.iter().for_each(|(_, result)| assert!(result.is_ok(), "{result:?}"));
        id
    }

    fn create_all(
        &mut self,
        topics: Vec<NewTopic>,
    ) -> Vec<(String, Result<CreatedTopic, ApiError>)> {
        let request = CreateTopics { topics, validate_only: false, seed: 7 };
        self.commit(create_topics(&self.cluster(), &request))
    }

    /// The first partition of a topic.
    fn partition(&self, topic: &str) -> &Partition {
        &self.image.topic(topic).unwrap().partitions[&PartitionId(0)]
    }

    fn set_config(&mut self, kind: ResourceType, name: &str, key: &str, value: &str) {
        let change =
            KeyChange { key: key.to_owned(), op: ConfigOp::Set, value: Some(value.to_owned()) };
        let resource = crate::image::ConfigResource::new(kind, name);
        let decision =
            incremental_alter_configs(&self.cluster(), &[(resource, vec![change])], false);
        self.commit(decision).pop().unwrap().unwrap();
    }
}

fn dir(id: i32) -> DirectoryId {
    DirectoryId([u8::try_from(id).unwrap() + 100; 16])
}

fn ids(brokers: &[i32]) -> Vec<BrokerId> {
    brokers.iter().copied().map(BrokerId).collect()
}

/// A topic whose id follows from its name.
fn new_topic(name: &str, partitions: i32, replicas: i16, configs: &[(&str, &str)]) -> NewTopic {
    let mut id = [1; 16];
    for (byte, letter) in id.iter_mut().zip(name.bytes()) {
        *byte = letter;
    }
    let setting = |(key, value): &(&str, &str)| ((*key).to_owned(), Some((*value).to_owned()));
    NewTopic {
        name: name.to_owned(),
        id: TopicId(id),
        partitions,
        replication_factor: replicas,
        assignments: Vec::new(),
        configs: configs.iter().map(setting).collect(),
    }
}

/// Leader, ISR and eligible leader replicas; -1 for no leader.
fn state(partition: &Partition) -> (i32, Vec<i32>, Vec<i32>) {
    let numbers = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect();
    let leader = partition.leader.map_or(-1, |leader| leader.0);
    (leader, numbers(&partition.isr), numbers(&partition.elr))
}

/// Asserts that a refusal has this code, and a message with these words.
#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: &Result<T, ApiError>, code: ErrorCode, words: &str) {
    let error = result.as_ref().expect_err("it is refused");
    assert_eq!(error.code, code, "{error}");
    assert!(error.message.contains(words), "`{}` has no `{words}`", error.message);
    assert!(!error.message.ends_with('.'), "{error}");
}

fn ranges(rows: &[(&str, i16, i16)]) -> BTreeMap<String, VersionRange> {
    let range = |(name, min, max): &(&str, i16, i16)| {
        ((*name).to_owned(), VersionRange { min: *min, max: *max })
    };
    rows.iter().map(range).collect()
}
