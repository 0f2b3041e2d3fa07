//! Each record, and what becomes of an image that it does not fit.

use protocol::internal::metadata::{
    AbortTransactionRecord, BrokerRegistrationChangeRecord, ClearElrRecord, ClientQuotaRecord,
    Endpoint, FenceBrokerRecord, NoOpRecord, RegisterControllerRecord, SupportedFeature,
    UnfenceBrokerRecord, UnregisterBrokerRecord, ZkMigrationStateRecord,
};
use protocol::{LeaderEpoch, PartitionId, ProducerId};

use super::*;
use crate::image::{LeaderRecoveryState, MIGRATING_DIR, VersionRange};

const TOPIC: TopicId = TopicId([7; 16]);

fn register(epoch: i64) -> MetadataRecord {
    MetadataRecord::RegisterBroker(RegisterBrokerRecord {
        broker_id: BrokerId(1),
        is_migrating_zk_broker: false,
        incarnation_id: [1; 16],
        broker_epoch: epoch,
        end_points: vec![Endpoint {
            name: "PLAINTEXT".to_owned(),
            host: "localhost".to_owned(),
            port: 9092,
            security_protocol: 0,
        }],
        features: vec![SupportedFeature {
            name: "metadata.version".to_owned(),
            min_supported_version: 7,
            max_supported_version: 30,
        }],
        rack: Some("a".to_owned()),
        fenced: true,
        in_controlled_shutdown: false,
        log_dirs: vec![[3; 16]],
        cordoned_log_dirs: None,
    })
}

fn registration_change(epoch: i64) -> BrokerRegistrationChangeRecord {
    BrokerRegistrationChangeRecord {
        broker_id: BrokerId(1),
        broker_epoch: epoch,
        fenced: 0,
        in_controlled_shutdown: 0,
        log_dirs: Vec::new(),
        cordoned_log_dirs: None,
    }
}

fn topic() -> MetadataRecord {
    MetadataRecord::Topic(TopicRecord { name: "t".to_owned(), topic_id: TOPIC })
}

fn partition(number: i32) -> PartitionRecord {
    PartitionRecord {
        partition_id: PartitionId(number),
        topic_id: TOPIC,
        replicas: vec![BrokerId(1), BrokerId(2)],
        isr: vec![BrokerId(1), BrokerId(2)],
        removing_replicas: Vec::new(),
        adding_replicas: Vec::new(),
        leader: BrokerId(1),
        leader_recovery_state: 0,
        leader_epoch: LeaderEpoch(4),
        partition_epoch: 9,
        directories: vec![[3; 16], [4; 16]],
        eligible_leader_replicas: None,
        last_known_elr: None,
    }
}

fn change(set: impl FnOnce(&mut PartitionChangeRecord)) -> MetadataRecord {
    let mut record = PartitionChangeRecord::new(TOPIC, PartitionId(0));
    set(&mut record);
    MetadataRecord::PartitionChange(record)
}

fn config(name: &str, value: Option<&str>) -> MetadataRecord {
    MetadataRecord::Config(ConfigRecord {
        resource_type: 2,
        resource_name: "t".to_owned(),
        name: name.to_owned(),
        value: value.map(str::to_owned),
    })
}

fn feature(name: &str, feature_level: i16) -> MetadataRecord {
    MetadataRecord::FeatureLevel(FeatureLevelRecord { name: name.to_owned(), feature_level })
}

fn producer_ids(next: i64) -> MetadataRecord {
    MetadataRecord::ProducerIds(ProducerIdsRecord {
        broker_id: BrokerId(1),
        broker_epoch: 5,
        next_producer_id: ProducerId(next),
    })
}

/// A broker and a topic with a setting and a partition.
fn small_image() -> Image {
    let mut image = Image::new("cluster");
    let records = [
        feature("metadata.version", 30),
        register(5),
        topic(),
        config("retention.ms", Some("1")),
        MetadataRecord::Partition(partition(0)),
        producer_ids(1000),
    ];
    for record in records {
        image.apply(&record).unwrap();
    }
    image
}

fn applied(record: &MetadataRecord) -> Image {
    let mut image = small_image();
    image.apply(record).unwrap();
    image
}

#[test]
fn apply_registration_keeps_all_of_it() {
    let image = small_image();
    let broker = image.broker(BrokerId(1)).unwrap();
    assert_eq!((broker.epoch, broker.is_fenced, broker.rack.as_deref()), (5, true, Some("a")));
    assert_eq!(broker.endpoint("PLAINTEXT").map(|endpoint| endpoint.port), Some(9092));
    assert_eq!(broker.features["metadata.version"], VersionRange { min: 7, max: 30 });
    assert_eq!(MetadataRecord::RegisterBroker(broker.to_record()), register(5));
}

#[test]
fn apply_registration_changes() {
    let is_fenced = |image: &Image| image.broker(BrokerId(1)).unwrap().is_fenced;
    let mut record = registration_change(5);
    record.fenced = -1;
    let mut image = applied(&MetadataRecord::BrokerRegistrationChange(record.clone()));
    assert!(!is_fenced(&image));
    record.fenced = 1;
    image.apply(&MetadataRecord::BrokerRegistrationChange(record)).unwrap();
    assert!(is_fenced(&image));
    let (id, epoch) = (BrokerId(1), 5);
    image.apply(&MetadataRecord::UnfenceBroker(UnfenceBrokerRecord { id, epoch })).unwrap();
    assert!(!is_fenced(&image));
    image.apply(&MetadataRecord::FenceBroker(FenceBrokerRecord { id, epoch })).unwrap();
    assert!(is_fenced(&image));
    let mut record = registration_change(5);
    record.in_controlled_shutdown = 1;
    record.log_dirs = vec![[8; 16]];
    record.cordoned_log_dirs = Some(vec![[8; 16]]);
    image.apply(&MetadataRecord::BrokerRegistrationChange(record)).unwrap();
    let broker = image.broker(BrokerId(1)).unwrap();
    assert!(broker.in_controlled_shutdown && !broker.takes_partitions());
    assert_eq!(broker.log_dirs, [DirectoryId([8; 16])]);
    let record = UnregisterBrokerRecord { broker_id: BrokerId(1), broker_epoch: 5 };
    image.apply(&MetadataRecord::UnregisterBroker(record)).unwrap();
    assert!(image.broker(BrokerId(1)).is_none());
}

#[test]
fn apply_partition_change_touches_what_it_names() {
    let image = applied(&change(|change| {
        change.isr = Some(vec![BrokerId(2)]);
        change.leader = BrokerId(2);
        change.leader_recovery_state = 1;
        change.eligible_leader_replicas = Some(vec![BrokerId(1)]);
    }));
    let before = small_image();
    let before = &before.topic("t").unwrap().partitions[&PartitionId(0)];
    let after = &image.topic("t").unwrap().partitions[&PartitionId(0)];
    let expected = Partition {
        isr: vec![BrokerId(2)],
        elr: vec![BrokerId(1)],
        leader: Some(BrokerId(2)),
        leader_recovery_state: LeaderRecoveryState::Recovering,
        leader_epoch: LeaderEpoch(5),
        partition_epoch: 10,
        ..Partition::clone(before)
    };
    assert_eq!(**after, expected);
    let image = applied(&change(|change| change.leader = BrokerId(-1)));
    let after = &image.topic("t").unwrap().partitions[&PartitionId(0)];
    assert_eq!((after.leader, after.leader_epoch), (None, LeaderEpoch(5)));
    assert_eq!(after.isr, before.isr);
    let image = applied(&change(|change| change.replicas = Some(vec![BrokerId(3)])));
    let after = &image.topic("t").unwrap().partitions[&PartitionId(0)];
    assert_eq!(after.directories, [MIGRATING_DIR]);
    assert_eq!(after.leader_epoch, LeaderEpoch(4));
}

#[test]
fn apply_clear_elr_of_one_or_all_topics() {
    let mut image = applied(&change(|change| {
        change.eligible_leader_replicas = Some(vec![BrokerId(1)]);
        change.last_known_elr = Some(vec![BrokerId(1)]);
    }));
    let clear =
        |name: &str| MetadataRecord::ClearElr(ClearElrRecord { topic_name: name.to_owned() });
    for name in ["t", ""] {
        let mut image = image.clone();
        image.apply(&clear(name)).unwrap();
        let partition = &image.topic("t").unwrap().partitions[&PartitionId(0)];
        assert!(partition.elr.is_empty() && partition.last_known_elr.is_empty());
        assert_eq!(partition.partition_epoch, 11);
    }
    let before = image.clone();
    assert!(image.apply(&clear("other")).is_err());
    assert_eq!(image, before);
}

#[test]
fn apply_removal_of_a_topic_takes_its_settings() {
    let image = applied(&MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id: TOPIC }));
    assert_eq!((image.topic_count(), image.topics().count()), (0, 0));
    assert!(image.config(ResourceType::Topic, "t").is_empty());
}

#[test]
fn apply_feature_levels() {
    let mut image = applied(&feature("group.version", 1));
    assert_eq!(image.feature_level("group.version"), 1);
    image.apply(&feature("group.version", 0)).unwrap();
    assert!(!image.features().contains_key("group.version"));
    image.apply(&feature("kraft.version", 1)).unwrap();
    assert_eq!(image, small_image());
}

#[test]
fn apply_what_changes_nothing() {
    let records = [
        MetadataRecord::NoOp(NoOpRecord),
        MetadataRecord::ZkMigrationState(ZkMigrationStateRecord { zk_migration_state: 0 }),
        config("other", None),
    ];
    for record in records {
        assert_eq!(applied(&record), small_image(), "{record:?}");
    }
}

#[test]
fn apply_record_that_does_not_fit_leaves_the_image() {
    let mut two_directories = partition(1);
    two_directories.replicas.push(BrokerId(3));
    let mut no_topic = partition(0);
    no_topic.topic_id = TopicId::ZERO;
    let mut fenced_by_two = registration_change(5);
    fenced_by_two.fenced = 2;
    let no_partition = PartitionChangeRecord::new(TOPIC, PartitionId(9));
    let unregister = UnregisterBrokerRecord { broker_id: BrokerId(1), broker_epoch: 4 };
    let unknown_resource = ConfigRecord {
        resource_type: 8,
        resource_name: "1".to_owned(),
        name: "root".to_owned(),
        value: Some("INFO".to_owned()),
    };
    let rows = [
        topic(),
        MetadataRecord::Topic(TopicRecord { name: "other".to_owned(), topic_id: TOPIC }),
        MetadataRecord::Topic(TopicRecord { name: "t".to_owned(), topic_id: TopicId::ZERO }),
        MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id: TopicId::ZERO }),
        MetadataRecord::Partition(two_directories),
        MetadataRecord::Partition(no_topic),
        MetadataRecord::PartitionChange(no_partition),
        change(|change| change.leader_recovery_state = 7),
        change(|change| change.directories = Some(vec![[0; 16]])),
        MetadataRecord::BrokerRegistrationChange(registration_change(4)),
        MetadataRecord::BrokerRegistrationChange(fenced_by_two),
        MetadataRecord::UnregisterBroker(unregister),
        MetadataRecord::Config(unknown_resource),
        producer_ids(1000),
        producer_ids(1),
    ];
    for record in rows {
        let mut image = small_image();
        let result = image.apply(&record);
        assert!(matches!(result, Err(ApplyError::Invalid(_))), "{record:?}: {result:?}");
        assert_eq!(image, small_image(), "{record:?}");
    }
}

#[test]
fn apply_record_that_is_not_kept_is_refused() {
    let quota = ClientQuotaRecord {
        entity: Vec::new(),
        key: "producer_byte_rate".to_owned(),
        value: 1.0,
        remove: false,
    };
    let abort = AbortTransactionRecord { reason: None };
    for record in [MetadataRecord::ClientQuota(quota), MetadataRecord::AbortTransaction(abort)] {
        let mut image = small_image();
        assert!(matches!(image.apply(&record), Err(ApplyError::Unsupported(_))), "{record:?}");
        assert_eq!(image, small_image());
    }
}

#[test]
fn records_of_an_image_make_it_again() {
    let controller = RegisterControllerRecord {
        controller_id: BrokerId(1),
        incarnation_id: [9; 16],
        zk_migration_ready: false,
        end_points: Vec::new(),
        features: Vec::new(),
    };
    let mut image = applied(&MetadataRecord::RegisterController(controller));
    image.apply(&feature("eligible.leader.replicas.version", 1)).unwrap();
    image.apply(&MetadataRecord::Partition(partition(1))).unwrap();
    image
        .apply(&change(|change| {
            change.leader = BrokerId(-1);
            change.last_known_elr = Some(vec![BrokerId(1)]);
            change.leader_recovery_state = 1;
        }))
        .unwrap();
    let records = image.records();
    assert_eq!(records[0], feature("metadata.version", 30));
    let mut again = Image::new("cluster");
    for record in &records {
        again.apply(record).unwrap();
    }
    assert_eq!(again, image);
    assert_eq!(again.records(), records);
}
