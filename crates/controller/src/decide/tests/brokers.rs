//! Brokers that come and go, and what becomes of the partitions that they have.

use super::*;
use crate::decide::features::ELIGIBLE_LEADER_REPLICAS;
use crate::image::LeaderRecoveryState;

#[test]
fn register_new_broker_is_fenced_until_it_is_unfenced() {
    let mut world = World::empty();
    let epoch = world.register(1, -1).unwrap();
    let broker = world.image.broker(BrokerId(1)).unwrap();
    assert_eq!((broker.epoch, broker.is_fenced), (epoch, true));
    assert_eq!(broker.log_dirs, [dir(1)]);
    world.unfence(1);
    assert!(world.image.broker(BrokerId(1)).unwrap().is_active());
}

#[test]
fn register_again_by_the_same_process_keeps_epoch_and_state() {
    let mut world = World::empty();
    let request = world.registration(1);
    let decision = register_broker(&world.cluster(), &request);
    world.commit(decision).unwrap();
    world.unfence(1);
    world.create("t", &[1], &[]);
    let again = Registration {
        rack: Some("b".to_owned()),
        new_epoch: 9_999,
        is_in_use: true,
        ..request.clone()
    };
    let decision = register_broker(&world.cluster(), &again);
    assert_eq!(decision.records.len(), 1);
    assert_eq!(world.commit(decision), Ok(request.new_epoch));
    let broker = world.image.broker(BrokerId(1)).unwrap();
    assert_eq!((broker.is_fenced, broker.rack.as_deref()), (false, Some("b")));
    assert_eq!(state(world.partition("t")).0, 1);
}

#[test]
fn register_that_is_wrong_says_why() {
    use ErrorCode as Code;
    let mut world = World::new(&[1, 2]);
    let request = world.registration(3);
    let without_version = ranges(&[("group.version", 0, 1)]);
    let mut old_version = request.features.clone();
    old_version.extend(ranges(&[("metadata.version", 7, 29)]));
    let only_version = ranges(&[("metadata.version", 7, 30)]);
    let reserved = DirectoryId([0; 16]);
    let rows = [
        (
            Registration { cluster_id: "other".to_owned(), ..request.clone() },
            Code::InconsistentClusterId,
            "cluster other",
        ),
        (
            Registration { id: BrokerId(1), is_in_use: true, ..request.clone() },
            Code::DuplicateBrokerRegistration,
            "another process",
        ),
        (
            Registration { log_dirs: Vec::new(), ..request.clone() },
            Code::InvalidRegistration,
            "no log directory",
        ),
        (
            Registration { log_dirs: vec![reserved], ..request.clone() },
            Code::InvalidRegistration,
            "reserved",
        ),
        (
            Registration { log_dirs: vec![dir(3), dir(3)], ..request.clone() },
            Code::InvalidRegistration,
            "twice",
        ),
        (
            Registration { log_dirs: vec![dir(2)], ..request.clone() },
            Code::InvalidRegistration,
            "broker 2",
        ),
        (
            Registration { features: without_version, ..request.clone() },
            Code::InvalidRegistration,
            "metadata.version",
        ),
        (
            Registration { features: old_version, ..request.clone() },
            Code::UnsupportedVersion,
            "from 7 to 29",
        ),
        (
            Registration { features: only_version, ..request.clone() },
            Code::UnsupportedVersion,
            "from 0 to 0",
        ),
    ];
    for (request, code, words) in rows {
        let decision = register_broker(&world.cluster(), &request);
        assert!(decision.records.is_empty());
        assert_refused(&decision.answer, code, words);
    }
}

#[test]
fn restart_of_the_only_broker_leads_its_partitions_again() {
    for (is_clean, recovery) in
        [(true, LeaderRecoveryState::Recovered), (false, LeaderRecoveryState::Recovering)]
    {
        let mut world = World::new(&[1]);
        world.create("t", &[1], &[]);
        let previous_epoch = if is_clean { world.epoch(1) } else { -1 };
        world.register(1, previous_epoch).unwrap();
        let partition = world.partition("t");
        let elr = if is_clean { vec![1] } else { vec![] };
        assert_eq!(state(partition), (-1, vec![], elr), "clean: {is_clean}");
        assert_eq!(partition.last_known_elr, ids(&[1]));
        world.unfence(1);
        let partition = world.partition("t");
        assert_eq!(state(partition), (1, vec![1], vec![]), "clean: {is_clean}");
        assert_eq!((partition.leader_epoch.0, partition.partition_epoch), (2, 2));
        assert_eq!(partition.leader_recovery_state, recovery);
        assert!(partition.last_known_elr.is_empty());
    }
}

#[test]
fn fence_moves_the_leader_within_the_isr() {
    let mut world = World::new(&[1, 2, 3]);
    world.create("t", &[1, 2, 3], &[("min.insync.replicas", "2")]);
    world.fence(1);
    assert_eq!(state(world.partition("t")), (2, vec![2, 3], vec![]));
    world.fence(2);
    // Without broker 2 the ISR is too small, so 2 has everything from here on.
    assert_eq!(state(world.partition("t")), (3, vec![3], vec![2]));
    world.fence(3);
    assert_eq!(state(world.partition("t")), (-1, vec![], vec![2, 3]));
    world.unfence(1);
    assert_eq!(state(world.partition("t")), (-1, vec![], vec![2, 3]), "1 lacks records");
    world.unfence(2);
    assert_eq!(state(world.partition("t")), (2, vec![2], vec![3]));
    assert_eq!(world.partition("t").leader_recovery_state, LeaderRecoveryState::Recovered);
}

#[test]
fn fence_without_eligible_leaders_keeps_the_last_in_sync() {
    let mut world = World::new(&[1, 2]);
    let off = FeatureUpdate {
        name: ELIGIBLE_LEADER_REPLICAS.to_owned(),
        level: 0,
        upgrade_type: UpgradeType::SafeDowngrade,
    };
    let decision = update_features(&world.cluster(), &[off], false);
    world.commit(decision).unwrap();
    world.create("t", &[1, 2], &[]);
    world.fence(1);
    assert_eq!(state(world.partition("t")), (2, vec![2], vec![]));
    world.fence(2);
    assert_eq!(state(world.partition("t")), (-1, vec![2], vec![]));
    world.unfence(1);
    assert_eq!(state(world.partition("t")), (-1, vec![2], vec![]), "1 lacks records");
    world.unfence(2);
    assert_eq!(state(world.partition("t")), (2, vec![2], vec![]));
    assert_eq!(world.partition("t").leader_epoch.0, 3);
}

#[test]
fn fence_with_unclean_election_takes_any_that_is_alive() {
    let mut world = World::new(&[1, 2]);
    world.create("t", &[1, 2], &[("unclean.leader.election.enable", "true")]);
    world.fence(2);
    assert_eq!(state(world.partition("t")), (1, vec![1], vec![]));
    world.unfence(2);
    world.fence(1);
    // Broker 2 is not in sync, but it is the one that is there.
    assert_eq!(state(world.partition("t")), (2, vec![2], vec![]));
    assert_eq!(world.partition("t").leader_recovery_state, LeaderRecoveryState::Recovering);
}

#[test]
fn leader_needs_a_directory_that_works() {
    let mut world = World::new(&[1, 2, 3]);
    world.create("t", &[1, 2, 3], &[]);
    let mut broker = (**world.image.broker(BrokerId(2)).unwrap()).clone();
    broker.log_dirs = vec![dir(9)];
    let record = MetadataRecord::RegisterBroker(broker.to_record());
    let () = world.commit(Decision::new(vec![record], ()));
    world.fence(1);
    assert_eq!(state(world.partition("t")), (3, vec![2, 3], vec![]));
}

#[test]
fn controlled_shutdown_moves_leaders_and_takes_no_new_partitions() {
    let mut world = World::new(&[1, 2]);
    world.create("t", &[1, 2], &[]);
    let decision = begin_controlled_shutdown(&world.cluster(), BrokerId(1), world.epoch(1));
    world.commit(decision).unwrap();
    assert_eq!(state(world.partition("t")), (2, vec![2], vec![]));
    let again = begin_controlled_shutdown(&world.cluster(), BrokerId(1), world.epoch(1));
    assert!(again.records.is_empty());
    let answer = world.create_all(vec![new_topic("u", 4, 1, &[])]);
    assert!(answer[0].1.is_ok());
    let topic = world.image.topic("u").unwrap();
    assert!(topic.partitions.values().all(|partition| partition.replicas == ids(&[2])));
}

#[test]
fn unregister_forgets_the_broker_everywhere() {
    let mut world = World::new(&[1, 2]);
    world.create("t", &[1, 2], &[("min.insync.replicas", "2")]);
    let decision = unregister_broker(&world.cluster(), BrokerId(1));
    world.commit(decision).unwrap();
    assert!(world.image.broker(BrokerId(1)).is_none());
    assert_eq!(state(world.partition("t")), (2, vec![2], vec![]));
    let decision = unregister_broker(&world.cluster(), BrokerId(1));
    assert_refused(&decision.answer, ErrorCode::BrokerIdNotRegistered, "broker 1");
}

#[test]
fn requests_of_an_earlier_registration_are_refused() {
    let world = World::new(&[1]);
    let (id, epoch) = (BrokerId(1), world.epoch(1) - 1);
    let cluster = world.cluster();
    let stale = ErrorCode::StaleBrokerEpoch;
    assert_refused(&unfence_broker(&cluster, id, epoch).answer, stale, "epoch");
    assert_refused(&begin_controlled_shutdown(&cluster, id, epoch).answer, stale, "epoch");
    assert_refused(&allocate_producer_ids(&cluster, id, epoch).answer, stale, "epoch");
    let unknown = unfence_broker(&cluster, BrokerId(9), epoch);
    assert_refused(&unknown.answer, stale, "not registered");
    let fenced = fence_broker(&cluster, BrokerId(9));
    assert_refused(&fenced.answer, ErrorCode::BrokerIdNotRegistered, "broker 9");
}
