//! Settings of topics, brokers, groups and subscriptions.

use protocol::internal::metadata::ConfigRecord;

use super::*;
use crate::image::ConfigResource;

fn change(key: &str, op: ConfigOp, value: &str) -> KeyChange {
    let value = (op != ConfigOp::Delete).then(|| value.to_owned());
    KeyChange { key: key.to_owned(), op, value }
}

fn resource(kind: ResourceType, name: &str) -> ConfigResource {
    ConfigResource::new(kind, name)
}

/// Makes changes to one resource.
fn alter(
    world: &mut World,
    resource: ConfigResource,
    changes: &[KeyChange],
) -> Result<(), ApiError> {
    let asked = [(resource, changes.to_vec())];
    let checked = incremental_alter_configs(&world.cluster(), &asked, true);
    assert!(checked.records.is_empty());
    let decision = incremental_alter_configs(&world.cluster(), &asked, false);
    assert_eq!(checked.answer, decision.answer);
    world.commit(decision).pop().unwrap()
}

fn set_of<'a>(world: &'a World, resource: &ConfigResource) -> Vec<(&'a str, &'a str)> {
    let config = world.image.config(resource.kind, &resource.name);
    config.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

#[test]
fn incremental_alter_sets_and_deletes() {
    let mut world = World::new(&[1]);
    world.create("t", &[1], &[("retention.ms", "1")]);
    let topic = resource(ResourceType::Topic, "t");
    let changes = [
        change("retention.ms", ConfigOp::Delete, ""),
        change("segment.bytes", ConfigOp::Set, "2000000"),
        change("flush.ms", ConfigOp::Delete, ""),
        change("no.such.key", ConfigOp::Delete, ""),
    ];
    alter(&mut world, topic.clone(), &changes).unwrap();
    assert_eq!(set_of(&world, &topic), [("segment.bytes", "2000000")]);
}

#[test]
fn incremental_alter_of_a_list_is_idempotent() {
    let mut world = World::new(&[1]);
    world.create("t", &[1], &[]);
    let topic = resource(ResourceType::Topic, "t");
    let rows = [
        (ConfigOp::Append, "compact", "delete,compact"),
        (ConfigOp::Append, " compact , delete", "delete,compact"),
        (ConfigOp::Subtract, "delete", "compact"),
        (ConfigOp::Subtract, "delete,", "compact"),
        (ConfigOp::Subtract, "compact", ""),
    ];
    for (op, value, after) in rows {
        let changes = [change("cleanup.policy", op, value)];
        alter(&mut world, topic.clone(), &changes).unwrap();
        assert_eq!(set_of(&world, &topic), [("cleanup.policy", after)], "{op:?} {value}");
    }
    let error = alter(&mut world, topic, &[change("retention.ms", ConfigOp::Append, "1")]);
    assert_refused(&error, ErrorCode::InvalidConfig, "not a list");
}

#[test]
fn legacy_alter_takes_the_others_away() {
    let mut world = World::new(&[1]);
    world.create("t", &[1], &[("retention.ms", "1"), ("flush.ms", "2")]);
    let topic = resource(ResourceType::Topic, "t");
    let values = vec![
        ("flush.ms".to_owned(), Some("2".to_owned())),
        ("segment.ms".to_owned(), Some("3".to_owned())),
    ];
    let asked = [(topic.clone(), values)];
    let checked = alter_configs(&world.cluster(), &asked, true);
    assert!(checked.records.is_empty());
    let decision = alter_configs(&world.cluster(), &asked, false);
    assert_eq!(decision.records.len(), 2, "what stays is not written again");
    assert_eq!(world.commit(decision), [Ok(())]);
    assert_eq!(set_of(&world, &topic), [("flush.ms", "2"), ("segment.ms", "3")]);
    let asked = [(topic.clone(), vec![("flush.ms".to_owned(), None)])];
    let decision = alter_configs(&world.cluster(), &asked, false);
    assert_refused(&decision.answer[0], ErrorCode::InvalidRequest, "no value: flush.ms");
}

/// Makes changes to one resource that are refused and change nothing.
#[track_caller]
fn check_refused(
    resource: (ResourceType, &str),
    changes: &[KeyChange],
    code: ErrorCode,
    words: &str,
) {
    let mut world = World::new(&[1]);
    world.create("t", &[1], &[("min.compaction.lag.ms", "5")]);
    let before = world.image.clone();
    let resource = ConfigResource::new(resource.0, resource.1);
    let result = alter(&mut world, resource, changes);
    assert_refused(&result, code, words);
    assert_eq!(world.image, before);
}

fn set(key: &str, value: &str) -> KeyChange {
    change(key, ConfigOp::Set, value)
}

#[test]
fn alter_of_a_topic_that_is_not_allowed_says_why() {
    use ErrorCode as Code;
    let topic = |name| (ResourceType::Topic, name);
    let flush = [set("flush.ms", "1")];
    for (name, code, words) in [
        ("absent", Code::UnknownTopicOrPartition, "absent"),
        ("", Code::InvalidRequest, "no common settings"),
        ("a b", Code::InvalidTopicException, "a b"),
    ] {
        check_refused(topic(name), &flush, code, words);
    }
    let long = "x".repeat(40_000);
    let throttled = "leader.replication.throttled.replicas";
    let no_value = KeyChange { value: None, ..set("flush.ms", "") };
    let rows = [
        (vec![set("flush.m", "1")], Code::InvalidConfig, "`flush.ms`"),
        (vec![set("flush.ms", "soon")], Code::InvalidConfig, "flush.ms"),
        (vec![set("flush.ms", "1"), set("flush.ms", "2")], Code::InvalidRequest, "twice"),
        (
            vec![set("flush.ms", "1"), set("max.compaction.lag.ms", "4")],
            Code::InvalidConfig,
            "min.compaction.lag.ms",
        ),
        (vec![set(throttled, &long)], Code::InvalidConfig, "40000 bytes"),
        (vec![no_value], Code::InvalidRequest, "no value: flush.ms"),
    ];
    for (changes, code, words) in rows {
        check_refused(topic("t"), &changes, code, words);
    }
}

#[test]
fn alter_of_a_broker_that_is_not_allowed_says_why() {
    use ErrorCode as Code;
    let broker = |name| (ResourceType::Broker, name);
    let retention = [set("log.retention.ms", "1")];
    for (name, code, words) in [
        ("one", Code::InvalidRequest, "its id"),
        ("-1", Code::InvalidRequest, "its id"),
        ("7", Code::BrokerIdNotRegistered, "`7`"),
    ] {
        check_refused(broker(name), &retention, code, words);
    }
    let min_isr = "min.insync.replicas";
    let rows = [
        ("1", set("num.partitions", "1"), Code::InvalidRequest, "restart"),
        ("1", set("log.retention.m", "1"), Code::InvalidConfig, "`log.retention.ms`"),
        ("1", set("log.retention.ms", "0"), Code::InvalidRequest, "log.retention.ms"),
        ("1", set("log.retention.ms", "x"), Code::InvalidRequest, "log.retention.ms"),
        ("", set("cordoned.log.dirs", "/a"), Code::InvalidRequest, "name the broker"),
        ("1", set(min_isr, "1"), Code::InvalidConfig, "broker to broker"),
        ("", change(min_isr, ConfigOp::Delete, ""), Code::InvalidConfig, "taken away"),
    ];
    for (name, change, code, words) in rows {
        check_refused(broker(name), &[change], code, words);
    }
}

#[test]
fn alter_of_a_group_or_a_subscription_that_is_not_allowed_says_why() {
    use ErrorCode as Code;
    let (group, metrics) = (ResourceType::Group, ResourceType::ClientMetrics);
    let session = "consumer.session.timeout.ms";
    let rows = [
        ((group, ""), set(session, "50000"), Code::InvalidRequest, "empty"),
        ((group, "g"), set("consumer.session.timeout", "1"), Code::InvalidConfig, session),
        ((group, "g"), set(session, "0"), Code::InvalidConfig, "at least 1"),
        ((metrics, ""), set("interval.ms", "1000"), Code::InvalidRequest, "empty"),
        ((metrics, "s"), set("interval.ms", "1"), Code::InvalidRequest, "interval.ms"),
        ((metrics, "s"), set("interval.ms", "x"), Code::InvalidConfig, "interval.ms"),
        ((metrics, "s"), set("interval", "1"), Code::InvalidRequest, "interval"),
        ((group, "g"), set(session, "1"), Code::InvalidConfig, session),
    ];
    for (resource, change, code, words) in rows {
        check_refused(resource, &[change], code, words);
    }
}

#[test]
fn alter_of_several_resources_answers_each() {
    let mut world = World::new(&[1]);
    world.create("t", &[1], &[]);
    world.create("u", &[1], &[]);
    let set = |value: &str| vec![change("flush.ms", ConfigOp::Set, value)];
    let topic = |name: &str| resource(ResourceType::Topic, name);
    let asked = [
        (topic("t"), set("1")),
        (topic("u"), set("1")),
        (topic("absent"), set("1")),
        (topic("u"), set("2")),
    ];
    let decision = incremental_alter_configs(&world.cluster(), &asked, false);
    let answer = world.commit(decision);
    assert_eq!(answer[0], Ok(()));
    for twice in [1, 3] {
        assert_refused(&answer[twice], ErrorCode::InvalidRequest, "`u` is named twice");
    }
    assert_refused(&answer[2], ErrorCode::UnknownTopicOrPartition, "absent");
    assert_eq!(set_of(&world, &topic("t")), [("flush.ms", "1")]);
    assert_eq!(set_of(&world, &topic("u")), [("", ""); 0]);
}

#[test]
fn alter_of_groups_and_subscriptions_needs_none_to_exist() {
    let mut world = World::new(&[1]);
    for (kind, key, value) in [
        (ResourceType::Group, "consumer.session.timeout.ms", "50000"),
        (ResourceType::ClientMetrics, "interval.ms", "1000"),
    ] {
        let resource = resource(kind, "new");
        alter(&mut world, resource.clone(), &[change(key, ConfigOp::Set, value)]).unwrap();
        assert_eq!(set_of(&world, &resource), [(key, value)]);
    }
}

#[test]
fn alter_of_too_many_settings_changes_none() {
    let world = World::new(&[1]);
    let changes = vec![set("consumer.session.timeout.ms", "50000")];
    let group = |number: usize| resource(ResourceType::Group, &format!("group-{number}"));
    let asked: Vec<_> = (0..10_001).map(|number| (group(number), changes.clone())).collect();
    let decision = incremental_alter_configs(&world.cluster(), &asked, false);
    assert_eq!((decision.records.len(), decision.answer.len()), (0, 10_001));
    assert_refused(&decision.answer[0], ErrorCode::PolicyViolation, "at most 10000");
    let decision = incremental_alter_configs(&world.cluster(), &asked[1..], false);
    assert_eq!(decision.records.len(), 10_000);
    let two = [changes, vec![set("consumer.heartbeat.interval.ms", "6000")]].concat();
    let asked: Vec<_> = (0..5_001).map(|number| (group(number), two.clone())).collect();
    let decision = incremental_alter_configs(&world.cluster(), &asked, false);
    assert_eq!((decision.records.len(), decision.answer.len()), (0, 5_001));
}

#[test]
fn alter_of_a_broker_is_written_even_if_nothing_changes() {
    let mut world = World::new(&[1]);
    let all = resource(ResourceType::Broker, "");
    let changes = [change("log.retention.ms", ConfigOp::Set, "5")];
    for _ in 0..2 {
        let decision =
            incremental_alter_configs(&world.cluster(), &[(all.clone(), changes.to_vec())], false);
        assert_eq!(decision.records.len(), 1);
        world.commit(decision);
    }
    assert!(set_of(&world, &all).contains(&("log.retention.ms", "5")));
}

#[test]
fn broker_settings_are_this_nodes_over_all_nodes_over_the_first() {
    let mut world = World::new(&[1, 2]);
    world.settings.set("log.retention.ms", "1").unwrap();
    world.settings.set("log.roll.ms", "1").unwrap();
    world.settings.set("log.segment.bytes", "2000000").unwrap();
    world.set_config(ResourceType::Broker, "", "log.retention.ms", "2");
    world.set_config(ResourceType::Broker, "", "log.roll.ms", "2");
    world.set_config(ResourceType::Broker, "1", "log.roll.ms", "3");
    world.set_config(ResourceType::Broker, "2", "log.segment.bytes", "4000000");
    let settings = world.cluster().broker_settings();
    let text = |key: &str| settings.get(key).unwrap().to_string();
    assert_eq!(text("log.segment.bytes"), "2000000");
    assert_eq!(text("log.retention.ms"), "2");
    assert_eq!(text("log.roll.ms"), "3");
}

#[test]
fn min_insync_replicas_that_changes_clears_the_eligible_leaders() {
    let mut world = World::new(&[1]);
    world.create("t", &[1], &[("min.insync.replicas", "2")]);
    let decisions =
        [(resource(ResourceType::Topic, "t"), "t"), (resource(ResourceType::Broker, ""), "")];
    for (resource, cleared) in decisions {
        let changes = vec![change("min.insync.replicas", ConfigOp::Set, "1")];
        let decision = incremental_alter_configs(&world.cluster(), &[(resource, changes)], false);
        let names: Vec<_> = decision
            .records
            .iter()
            .filter_map(|record| match record {
                MetadataRecord::ClearElr(record) => Some(record.topic_name.as_str()),
                MetadataRecord::Config(ConfigRecord { .. }) => None,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(names, [cleared]);
    }
}
