//! Look-ups, order and the independence of clones.

use protocol::internal::metadata::{
    ConfigRecord, MetadataRecord, PartitionRecord, RemoveTopicRecord, TopicRecord,
};
use protocol::{BrokerId, LeaderEpoch, PartitionId, TopicId};

use super::*;

fn topic(name: &str, id: u8) -> MetadataRecord {
    MetadataRecord::Topic(TopicRecord { name: name.to_owned(), topic_id: TopicId([id; 16]) })
}

fn partition(topic: u8, number: i32) -> MetadataRecord {
    MetadataRecord::Partition(PartitionRecord {
        partition_id: PartitionId(number),
        topic_id: TopicId([topic; 16]),
        replicas: vec![BrokerId(1)],
        isr: vec![BrokerId(1)],
        removing_replicas: Vec::new(),
        adding_replicas: Vec::new(),
        leader: BrokerId(1),
        leader_recovery_state: 0,
        leader_epoch: LeaderEpoch(0),
        partition_epoch: 0,
        directories: Vec::new(),
        eligible_leader_replicas: None,
        last_known_elr: None,
    })
}

fn image(records: &[MetadataRecord]) -> Image {
    let mut image = Image::new("cluster");
    for record in records {
        image.apply(record).unwrap();
    }
    image
}

fn names<'a>(topics: impl Iterator<Item = &'a Arc<Topic>>) -> Vec<&'a str> {
    topics.map(|topic| &*topic.name).collect()
}

#[test]
fn topics_are_found_by_name_and_id_and_iterated_by_name() {
    let image = image(&[topic("b", 2), topic("c", 3), topic("a", 1), topic("B", 4)]);
    assert_eq!(names(image.topics()), ["B", "a", "b", "c"]);
    assert_eq!(names(image.topics_from("b")), ["b", "c"]);
    assert_eq!(names(image.topics_from("bb")), ["c"]);
    assert_eq!(names(image.topics_from("d")), [""; 0]);
    assert_eq!(image.topic("b").unwrap().id, TopicId([2; 16]));
    assert_eq!(&*image.topic_by_id(TopicId([3; 16])).unwrap().name, "c");
    assert!(image.topic("d").is_none() && image.topic_by_id(TopicId::ZERO).is_none());
    assert_eq!(image.topic_count(), 4);
}

#[test]
fn topics_collide_as_long_as_one_is_there() {
    let mut image = image(&[topic("a.b", 1), topic("ab", 2)]);
    assert_eq!(image.colliding_topic("a_b").map(|name| &**name), Some("a.b"));
    assert_eq!(image.colliding_topic("a.b").map(|name| &**name), Some("a.b"));
    assert_eq!(image.colliding_topic("ab"), None);
    let gone = RemoveTopicRecord { topic_id: TopicId([1; 16]) };
    image.apply(&MetadataRecord::RemoveTopic(gone)).unwrap();
    assert_eq!(image.colliding_topic("a_b"), None);
}

#[test]
fn clone_stays_as_it_was() {
    let before = image(&[topic("a", 1), partition(1, 0)]);
    let mut after = before.clone();
    assert!(Arc::ptr_eq(&before.topics, &after.topics), "a clone shares everything");
    after.apply(&partition(1, 1)).unwrap();
    after.apply(&topic("b", 2)).unwrap();
    assert_eq!(before.topic("a").unwrap().partitions.len(), 1);
    assert_eq!(after.topic("a").unwrap().partitions.len(), 2);
    let by_id = after.topic_by_id(TopicId([1; 16])).unwrap();
    assert!(Arc::ptr_eq(after.topic("a").unwrap(), by_id), "both ways lead to one topic");
    assert!(Arc::ptr_eq(&before.configs, &after.configs), "what did not change is shared");
    assert_eq!((before.topic_count(), after.topic_count()), (1, 2));
}

#[test]
fn config_without_settings_is_gone() {
    let set = |value: Option<&str>| {
        MetadataRecord::Config(ConfigRecord {
            resource_type: 4,
            resource_name: String::new(),
            name: "log.retention.ms".to_owned(),
            value: value.map(str::to_owned),
        })
    };
    let mut image = image(&[set(Some("1"))]);
    assert_eq!(image.config(ResourceType::Broker, "")["log.retention.ms"], "1");
    assert!(image.config(ResourceType::Broker, "1").is_empty());
    assert!(image.config(ResourceType::Topic, "").is_empty());
    assert_eq!(image.configs(ResourceType::Broker).count(), 1);
    image.apply(&set(None)).unwrap();
    assert_eq!(image, Image::new("cluster"));
}

#[test]
fn broker_has_directories_online() {
    let dir = |id: u8| storage::files::meta_properties::DirectoryId([id; 16]);
    let mut broker = Broker {
        id: BrokerId(1),
        epoch: 0,
        incarnation_id: [0; 16],
        endpoints: Vec::new(),
        features: BTreeMap::new(),
        rack: None,
        is_fenced: false,
        in_controlled_shutdown: false,
        log_dirs: vec![dir(7)],
        cordoned_log_dirs: None,
    };
    for (dir, is_online) in [
        (dir(7), true),
        (dir(8), false),
        (UNASSIGNED_DIR, true),
        (MIGRATING_DIR, true),
        (LOST_DIR, false),
    ] {
        assert_eq!(broker.has_online_dir(dir), is_online, "{dir}");
    }
    assert_eq!((broker.default_dir(), broker.takes_partitions()), (dir(7), true));
    broker.cordoned_log_dirs = Some(vec![dir(7)]);
    assert!(!broker.takes_partitions());
    broker.log_dirs.push(dir(8));
    assert_eq!((broker.default_dir(), broker.takes_partitions()), (UNASSIGNED_DIR, true));
    assert!(is_reserved_dir(LOST_DIR) && !is_reserved_dir(dir(1)));
}
