//! Feature levels and producer ids.

use protocol::ProducerId;
use protocol::internal::metadata::{ConfigRecord, ProducerIdsRecord};

use super::*;
use crate::decide::features::ELIGIBLE_LEADER_REPLICAS;

fn update(name: &str, level: i16, upgrade_type: UpgradeType) -> FeatureUpdate {
    FeatureUpdate { name: name.to_owned(), level, upgrade_type }
}

#[test]
fn new_cluster_has_the_levels_that_kafka_formats() {
    let world = World::empty();
    let levels: Vec<_> =
        world.image.features().iter().map(|(name, level)| (name.as_str(), *level)).collect();
    assert_eq!(
        levels,
        [
            ("eligible.leader.replicas.version", 1),
            ("group.version", 1),
            ("metadata.version", 30),
            ("share.version", 1),
            ("streams.version", 1),
            ("transaction.version", 2),
        ]
    );
    let config = world.image.config(ResourceType::Broker, "");
    assert_eq!(config.iter().collect::<Vec<_>>(), [(&"min.insync.replicas".into(), &"1".into())]);
}

#[test]
fn update_features_moves_all_or_none() {
    use UpgradeType::{SafeDowngrade, Upgrade};
    let mut world = World::new(&[1]);
    let down =
        [update("group.version", 0, SafeDowngrade), update("share.version", 0, SafeDowngrade)];
    let checked = update_features(&world.cluster(), &down, true);
    assert_eq!((checked.records.len(), checked.answer), (0, Ok(())));
    let decision = update_features(&world.cluster(), &down, false);
    world.commit(decision).unwrap();
    assert_eq!(world.image.feature_level("group.version"), 0);
    let up = [update("group.version", 1, Upgrade), update("no.such.feature", 1, Upgrade)];
    let decision = update_features(&world.cluster(), &up, false);
    assert!(decision.records.is_empty());
    assert_refused(&decision.answer, ErrorCode::InvalidUpdateVersion, "no.such.feature");
    let decision = update_features(&world.cluster(), &up[..1], false);
    world.commit(decision).unwrap();
    assert_eq!(world.image.feature_level("group.version"), 1);
}

#[test]
fn update_feature_that_cannot_be_says_why() {
    use UpgradeType::{SafeDowngrade, Unknown, UnsafeDowngrade, Upgrade};
    let mut world = World::new(&[1]);
    let mut broker = (**world.image.broker(BrokerId(1)).unwrap()).clone();
    broker.features = ranges(&[("metadata.version", 7, 30), ("transaction.version", 1, 2)]);
    let record = MetadataRecord::RegisterBroker(broker.to_record());
    let () = world.commit(Decision::new(vec![record], ()));
    for (asked, words) in [
        (update("group.version", 2, Upgrade), "from 0 to 1"),
        (update("group.version", -1, SafeDowngrade), "from 0 to 1"),
        (
            update("transaction.version", 0, SafeDowngrade),
            "broker 1 supports the levels from 1 to 2",
        ),
        (update("transaction.version", 1, Upgrade), "not said to be a downgrade"),
        (update("transaction.version", 2, Unknown), "upgrade type"),
        (update("metadata.version", 31, Upgrade), "from 7 to 30"),
        (update("metadata.version", 29, SafeDowngrade), "would be lost"),
        (update("metadata.version", 29, UnsafeDowngrade), "would be lost"),
        (update("kraft.version", 1, Upgrade), "does not support"),
    ] {
        let decision = update_features(&world.cluster(), &[asked], false);
        assert!(decision.records.is_empty());
        assert_refused(&decision.answer, ErrorCode::InvalidUpdateVersion, words);
    }
}

#[test]
fn update_feature_up_by_a_downgrade_is_refused() {
    let mut world = World::new(&[1]);
    let down = update("transaction.version", 1, UpgradeType::SafeDowngrade);
    let decision = update_features(&world.cluster(), &[down], false);
    world.commit(decision).unwrap();
    let up = update("transaction.version", 2, UpgradeType::SafeDowngrade);
    let decision = update_features(&world.cluster(), &[up], false);
    assert_refused(&decision.answer, ErrorCode::InvalidUpdateVersion, "said to be a downgrade");
}

#[test]
fn eligible_leaders_are_enabled_with_one_min_isr_for_all() {
    let mut world = World::new(&[1]);
    world.settings.set("min.insync.replicas", "2").unwrap();
    let elr = |level, upgrade_type| update(ELIGIBLE_LEADER_REPLICAS, level, upgrade_type);
    let decision = update_features(&world.cluster(), &[elr(0, UpgradeType::SafeDowngrade)], false);
    world.commit(decision).unwrap();
    let set = |name: &str, value: Option<&str>| {
        MetadataRecord::Config(ConfigRecord {
            resource_type: 4,
            resource_name: name.to_owned(),
            name: "min.insync.replicas".to_owned(),
            value: value.map(str::to_owned),
        })
    };
    let () = world.commit(Decision::new(vec![set("", None), set("1", Some("3"))], ()));
    let decision = update_features(&world.cluster(), &[elr(1, UpgradeType::Upgrade)], false);
    assert_eq!(decision.records[..2], [set("", Some("2")), set("1", None)]);
    world.commit(decision).unwrap();
    assert!(world.cluster().is_elr_enabled());
}

#[test]
fn producer_ids_are_given_out_once() {
    let mut world = World::new(&[1]);
    for block in 0..3 {
        let decision = allocate_producer_ids(&world.cluster(), BrokerId(1), world.epoch(1));
        let first = ProducerId(block * 1000);
        assert_eq!(world.commit(decision), Ok(ProducerIdBlock { first, size: 1000 }));
    }
    assert_eq!(world.image.next_producer_id(), ProducerId(3000));
    let last = MetadataRecord::ProducerIds(ProducerIdsRecord {
        broker_id: BrokerId(1),
        broker_epoch: 0,
        next_producer_id: ProducerId(i64::MAX - 999),
    });
    let () = world.commit(Decision::new(vec![last], ()));
    let decision = allocate_producer_ids(&world.cluster(), BrokerId(1), world.epoch(1));
    assert_refused(&decision.answer, ErrorCode::UnknownServerError, "given out");
}
