//! Creating and deleting topics and partitions.

use config::InternalTopicConfig;
use protocol::internal::metadata::PartitionRecord;

use super::*;
use crate::image::MIGRATING_DIR;

/// What one topic is refused for.
#[track_caller]
fn check_refused(world: &World, topic: NewTopic, code: ErrorCode, words: &str) {
    let request = CreateTopics { topics: vec![topic], validate_only: false, seed: 7 };
    let decision = create_topics(&world.cluster(), &request);
    assert!(decision.records.is_empty());
    let [(_, result)] = &*decision.answer else { panic!("{:?}", decision.answer) };
    assert_refused(result, code, words);
}

fn partition_records(records: &[MetadataRecord]) -> Vec<&PartitionRecord> {
    let mut partitions = Vec::new();
    for record in records {
        if let MetadataRecord::Partition(partition) = record {
            partitions.push(partition);
        }
    }
    partitions
}

fn assigned(name: &str, partitions: &[(i32, &[i32])]) -> NewTopic {
    let assignment = |(number, replicas): &(i32, &[i32])| (PartitionId(*number), ids(replicas));
    let assignments = partitions.iter().map(assignment).collect();
    NewTopic { assignments, ..new_topic(name, -1, -1, &[]) }
}

#[test]
fn create_topic_with_defaults_takes_them() {
    let mut world = World::new(&[1]);
    let answer = world.create_all(vec![new_topic("t", -1, -1, &[])]);
    let created = answer[0].1.as_ref().unwrap();
    assert_eq!((created.partitions, created.replication_factor), (2, 1));
    let topic = world.image.topic("t").unwrap();
    assert_eq!((topic.id, topic.partitions.len()), (created.id, 2));
    for partition in topic.partitions.values() {
        assert_eq!(state(partition), (1, vec![1], vec![]));
        assert_eq!(partition.directories, [dir(1)]);
        assert_eq!((partition.leader_epoch.0, partition.partition_epoch), (0, 0));
    }
}

#[test]
fn create_topic_writes_topic_settings_and_partitions_in_kafkas_order() {
    let world = World::new(&[1]);
    let topic = new_topic("t", 2, 1, &[("retention.ms", "5"), ("cleanup.policy", "compact")]);
    let request = CreateTopics { topics: vec![topic], validate_only: false, seed: 7 };
    let decision = create_topics(&world.cluster(), &request);
    let kinds: Vec<_> = decision
        .records
        .iter()
        .map(|record| match record {
            MetadataRecord::Topic(record) => record.name.clone(),
            MetadataRecord::Config(record) => record.name.clone(),
            MetadataRecord::Partition(record) => record.partition_id.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["t", "cleanup.policy", "retention.ms", "0", "1"]);
    let checked = create_topics(&world.cluster(), &CreateTopics { validate_only: true, ..request });
    assert_eq!((checked.records.len(), checked.answer), (0, decision.answer));
}

#[test]
fn create_topic_by_hand_leads_with_the_first_that_is_alive() {
    let mut world = World::new(&[1, 2, 3]);
    world.fence(1);
    let answer = world.create_all(vec![assigned("t", &[(1, &[1, 2]), (0, &[3, 1])])]);
    let created = answer[0].1.as_ref().unwrap();
    assert_eq!((created.partitions, created.replication_factor), (2, 2));
    let partitions = &world.image.topic("t").unwrap().partitions;
    assert_eq!(state(&partitions[&PartitionId(0)]), (3, vec![3], vec![]));
    assert_eq!(state(&partitions[&PartitionId(1)]), (2, vec![2], vec![]));
    assert_eq!(partitions[&PartitionId(1)].directories, [dir(1), dir(2)]);
}

#[test]
fn create_topic_that_cannot_be_says_why() {
    use ErrorCode as Code;
    let mut world = World::new(&[1]);
    world.create("a.b", &[1], &[]);
    let rows = [
        (new_topic("", 1, 1, &[]), Code::InvalidTopicException, "empty"),
        (new_topic("a/b", 1, 1, &[]), Code::InvalidTopicException, "characters other than"),
        (new_topic("a.b", 1, 1, &[]), Code::TopicAlreadyExists, "`a.b` exists"),
        (new_topic("a_b", 1, 1, &[]), Code::InvalidTopicException, "collides with topic `a.b`"),
        (new_topic("__cluster_metadata", 1, 1, &[]), Code::InvalidRequest, "cannot be created"),
        (new_topic("t", 0, 1, &[]), Code::InvalidPartitions, "not 0"),
        (new_topic("t", -2, 1, &[]), Code::InvalidPartitions, "not -2"),
        (new_topic("t", 1, 0, &[]), Code::InvalidReplicationFactor, "not 0"),
        (new_topic("t", 1, -2, &[]), Code::InvalidReplicationFactor, "not -2"),
        (new_topic("t", 1, 3, &[]), Code::InvalidReplicationFactor, "only 1 are registered"),
        (new_topic("t", 10_001, 1, &[]), Code::PolicyViolation, "at most 10000"),
        (new_topic("t", i32::MAX, 1, &[]), Code::PolicyViolation, "at most 10000"),
        (new_topic("t", 1, 1, &[("retenton.ms", "1")]), Code::InvalidConfig, "`retention.ms`"),
        (new_topic("t", 1, 1, &[("retention.ms", "-2")]), Code::InvalidConfig, "retention.ms"),
        (
            new_topic("t", 1, 1, &[("max.compaction.lag.ms", "1"), ("min.compaction.lag.ms", "2")]),
            Code::InvalidConfig,
            "min.compaction.lag.ms",
        ),
        (
            NewTopic {
                configs: vec![("retention.ms".to_owned(), None)],
                ..new_topic("t", 1, 1, &[])
            },
            Code::InvalidConfig,
            "no value: retention.ms",
        ),
    ];
    for (topic, code, words) in rows {
        check_refused(&world, topic, code, words);
    }
}

#[test]
fn create_topic_by_hand_that_cannot_be_says_why() {
    use ErrorCode as Code;
    let mut world = World::new(&[1, 2, 3]);
    world.fence(3);
    let replicas = Code::InvalidReplicaAssignment;
    let rows = [
        (assigned("t", &[(0, &[])]), replicas, "no broker"),
        (assigned("t", &[(0, &[1, 1])]), replicas, "broker 1 more than once"),
        (assigned("t", &[(0, &[4])]), replicas, "broker 4, which is not registered"),
        (assigned("t", &[(0, &[1]), (1, &[1, 2])]), replicas, "2 replicas"),
        (assigned("t", &[(0, &[1]), (0, &[2])]), replicas, "partition 0 is assigned more"),
        (assigned("t", &[(0, &[1]), (2, &[2])]), replicas, "without a gap"),
        (assigned("t", &[(1, &[1])]), replicas, "without a gap"),
        (assigned("t", &[(0, &[3])]), replicas, "fenced"),
        (
            NewTopic { partitions: 1, ..assigned("t", &[(0, &[1])]) },
            Code::InvalidRequest,
            "must be -1",
        ),
        (
            NewTopic { replication_factor: 1, ..assigned("t", &[(0, &[1])]) },
            Code::InvalidRequest,
            "must be -1",
        ),
    ];
    for (topic, code, words) in rows {
        check_refused(&world, topic, code, words);
    }
}

#[test]
fn create_topics_without_a_broker_alive_is_refused() {
    let mut world = World::new(&[1]);
    let refused = ErrorCode::InvalidReplicationFactor;
    world.fence(1);
    check_refused(&world, new_topic("t", 1, 1, &[]), refused, "neither fenced");
    check_refused(&World::empty(), new_topic("t", 1, 1, &[]), refused, "no broker");
}

#[test]
fn create_topics_answers_each_by_itself() {
    let mut world = World::new(&[1]);
    let topics = vec![
        new_topic("good", 1, 1, &[]),
        new_topic("twice", 1, 1, &[]),
        new_topic("twice", 1, 1, &[]),
        new_topic("x.y", 1, 1, &[]),
        new_topic("x_y", 1, 1, &[]),
        new_topic("large", 1, 9, &[]),
    ];
    let answer = world.create_all(topics);
    let codes: Vec<_> = answer
        .iter()
        .map(|(name, result)| (name.as_str(), result.as_ref().err().map(|error| error.code)))
        .collect();
    assert_eq!(
        codes,
        [
            ("good", None),
            ("twice", Some(ErrorCode::InvalidRequest)),
            ("x.y", None),
            ("x_y", Some(ErrorCode::InvalidTopicException)),
            ("large", Some(ErrorCode::InvalidReplicationFactor)),
        ]
    );
    let names: Vec<_> = world.image.topics().map(|topic| topic.name.to_string()).collect();
    assert_eq!(names, ["good", "x.y"]);
}

#[test]
fn create_topics_with_too_many_partitions_creates_none() {
    let world = World::new(&[1]);
    let topics = vec![new_topic("a", 6_000, 1, &[]), new_topic("b", 4_001, 1, &[])];
    let request = CreateTopics { topics, validate_only: false, seed: 7 };
    let decision = create_topics(&world.cluster(), &request);
    assert!(decision.records.is_empty() && decision.answer.len() == 2);
    for (_, result) in &decision.answer {
        assert_refused(result, ErrorCode::PolicyViolation, "10001 partitions");
    }
    let topics = (0..10_001).map(|number| new_topic(&number.to_string(), 0, 1, &[])).collect();
    let request = CreateTopics { topics, validate_only: false, seed: 7 };
    let decision = create_topics(&world.cluster(), &request);
    assert_refused(&decision.answer[0].1, ErrorCode::PolicyViolation, "10001 partitions");
}

#[test]
fn internal_topics_are_created_as_kafka_does_on_the_brokers_there_are() {
    let mut world = World::new(&[1, 2]);
    let config = InternalTopicConfig {
        num_partitions: 50,
        replication_factor: 3,
        segment_bytes: 100 << 20,
        min_insync_replicas: None,
    };
    let log = InternalTopicConfig { min_insync_replicas: Some(3), ..config.clone() };
    let cluster = world.cluster();
    let topics = vec![
        consumer_offsets(&cluster, TopicId([1; 16]), &config),
        transaction_state(&cluster, TopicId([2; 16]), &log),
    ];
    for (_, result) in world.create_all(topics) {
        let created = result.unwrap();
        assert_eq!((created.partitions, created.replication_factor), (50, 2));
    }
    let set = |topic: &str| {
        let config = world.image.config(ResourceType::Topic, topic);
        config.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(
        set("__consumer_offsets"),
        ["cleanup.policy=compact", "compression.type=producer", "segment.bytes=104857600"]
    );
    assert_eq!(
        set("__transaction_state"),
        [
            "cleanup.policy=compact",
            "compression.type=uncompressed",
            "min.insync.replicas=2",
            "segment.bytes=104857600",
            "unclean.leader.election.enable=false",
        ]
    );
}

#[test]
fn delete_topics_by_name_and_id() {
    let mut world = World::new(&[1]);
    let by_name = world.create("name", &[1], &[("retention.ms", "1")]);
    let by_id = world.create("id", &[1], &[]);
    let both = world.create("both", &[1], &[]);
    world.create("twice", &[1], &[]);
    let name = |name: &str| TopicRef::Name(name.to_owned());
    let asked = [
        name("name"),
        TopicRef::Id(by_id),
        name("absent"),
        TopicRef::Id(TopicId([9; 16])),
        name("both"),
        TopicRef::Id(both),
        name("twice"),
        name("twice"),
        name("absent twice"),
        name("absent twice"),
    ];
    let decision = delete_topics(&world.cluster(), &asked);
    let answer = world.commit(decision);
    let results: Vec<_> = answer
        .iter()
        .map(|deleted| (deleted.asked.clone(), deleted.result.as_ref().err().map(|e| e.code)))
        .collect();
    let refused = Some(ErrorCode::InvalidRequest);
    assert_eq!(
        results,
        [
            (name("name"), None),
            (TopicRef::Id(by_id), None),
            (name("absent"), Some(ErrorCode::UnknownTopicOrPartition)),
            (TopicRef::Id(TopicId([9; 16])), Some(ErrorCode::UnknownTopicId)),
            (name("both"), refused),
            (name("twice"), refused),
            (name("absent twice"), refused),
        ]
    );
    assert_eq!(answer[0].topic, Some(("name".into(), by_name)));
    assert_eq!(answer[4].topic, Some(("both".into(), both)));
    assert_eq!(answer[5].topic, None, "whether it is there is not said");
    let left: Vec<_> = world.image.topics().map(|topic| topic.name.to_string()).collect();
    assert_eq!(left, ["both", "twice"]);
    assert!(world.image.config(ResourceType::Topic, "name").is_empty());
}

fn more(topic: &str, count: i32, assignments: Option<&[&[i32]]>) -> NewPartitions {
    let assignments = assignments.map(|all| all.iter().map(|replicas| ids(replicas)).collect());
    NewPartitions { topic: topic.to_owned(), count, assignments }
}

#[test]
fn create_partitions_goes_on_where_the_topic_ends() {
    let mut world = World::new(&[1, 2]);
    world.create("t", &[1, 2], &[]);
    let topics = vec![more("t", 3, None)];
    let request = CreatePartitions { topics, validate_only: false, seed: 7 };
    let decision = create_partitions(&world.cluster(), &request);
    let numbers: Vec<_> =
        partition_records(&decision.records).iter().map(|record| record.partition_id.0).collect();
    assert_eq!(numbers, [1, 2]);
    let checked =
        create_partitions(&world.cluster(), &CreatePartitions { validate_only: true, ..request });
    assert_eq!((checked.records.len(), checked.answer.clone()), (0, decision.answer.clone()));
    world.commit(decision);
    for partition in world.image.topic("t").unwrap().partitions.values() {
        assert_eq!((partition.replicas.len(), partition.isr.len()), (2, 2));
    }
    let told = vec![more("t", 5, Some(&[&[2, 1], &[1, 2]]))];
    let request = CreatePartitions { topics: told, validate_only: false, seed: 7 };
    let decision = create_partitions(&world.cluster(), &request);
    world.commit(decision);
    let topic = world.image.topic("t").unwrap();
    assert_eq!(state(&topic.partitions[&PartitionId(3)]).0, 2);
    assert_eq!(state(&topic.partitions[&PartitionId(4)]).0, 1);
}

#[test]
fn create_partitions_that_cannot_be_says_why() {
    use ErrorCode as Code;
    let mut world = World::new(&[1, 2, 3]);
    world.create("t", &[1, 2], &[]);
    world.fence(3);
    let replicas = Code::InvalidReplicaAssignment;
    let rows: [(NewPartitions, Code, &str); 10] = [
        (more("absent", 2, None), Code::UnknownTopicOrPartition, ""),
        (more("t", 1, None), Code::InvalidPartitions, "1 partitions already"),
        (more("t", 0, None), Code::InvalidPartitions, "0 would not be more"),
        (more("t", -1, None), Code::InvalidPartitions, "-1 would not be more"),
        (more("t", i32::MAX, None), Code::PolicyViolation, "at most 10000"),
        (more("t", 3, Some(&[&[1, 2]])), replicas, "2 partitions are to be added"),
        (more("t", 2, Some(&[&[1]])), replicas, "1 replicas"),
        (more("t", 2, Some(&[&[1, 9]])), replicas, "broker 9"),
        (more("t", 2, Some(&[&[]])), replicas, "no broker"),
        (more("t", 2, Some(&[&[1, 1]])), replicas, "more than once"),
    ];
    for (topic, code, words) in rows {
        let request = CreatePartitions { topics: vec![topic], validate_only: false, seed: 7 };
        let decision = create_partitions(&world.cluster(), &request);
        assert!(decision.records.is_empty());
        assert_refused(&decision.answer[0].1, code, words);
    }
    let twice = vec![more("t", 2, None), more("t", 3, None)];
    let request = CreatePartitions { topics: twice, validate_only: false, seed: 7 };
    let decision = create_partitions(&world.cluster(), &request);
    assert_eq!((decision.records.len(), decision.answer.len()), (0, 1));
    assert_refused(&decision.answer[0].1, Code::InvalidRequest, "more than once");
    world.fence(1);
    world.fence(2);
    for (topic, code) in [
        (more("t", 2, None), Code::InvalidReplicationFactor),
        (more("t", 2, Some(&[&[1, 2]])), replicas),
    ] {
        let request = CreatePartitions { topics: vec![topic], validate_only: false, seed: 7 };
        let decision = create_partitions(&world.cluster(), &request);
        assert_refused(&decision.answer[0].1, code, "fenced");
    }
}

#[test]
fn create_topic_on_a_broker_without_directories_is_put_down_as_migrating() {
    let mut world = World::new(&[1]);
    let mut broker = (**world.image.broker(BrokerId(1)).unwrap()).clone();
    broker.log_dirs.clear();
    let record = MetadataRecord::RegisterBroker(broker.to_record());
    let () = world.commit(Decision::new(vec![record], ()));
    world.create("t", &[1], &[]);
    assert_eq!(world.partition("t").directories, [MIGRATING_DIR]);
}
