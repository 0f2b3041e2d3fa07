//! What leaders say of their ISR, and elections at an operator's wish.

use protocol::{LeaderEpoch, TopicPartition};

use super::*;
use crate::image::LeaderRecoveryState;

/// Broker 1 leads `t` on brokers 1 to 3, all in sync.
fn world() -> World {
    let mut world = World::new(&[1, 2, 3]);
    world.create("t", &[1, 2, 3], &[("min.insync.replicas", "2")]);
    world
}

/// The leader's wish for an ISR, in the epochs that hold.
fn wish(world: &World, isr: &[i32]) -> IsrChange {
    let partition = world.partition("t");
    IsrChange {
        topic_id: world.image.topic("t").unwrap().id,
        partition: PartitionId(0),
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        isr: isr.iter().map(|id| (BrokerId(*id), -1)).collect(),
        leader_recovery_state: LeaderRecoveryState::Recovered,
    }
}

fn ask(world: &World, broker: i32, change: IsrChange) -> Decision<Result<Partition, ErrorCode>> {
    let request = AlterPartition {
        broker_id: BrokerId(broker),
        broker_epoch: world.epoch(broker),
        partitions: vec![change],
    };
    let Decision { records, answer } = alter_partition(&world.cluster(), &request);
    Decision { records, answer: answer.unwrap().remove(0).result }
}

#[test]
fn alter_partition_shrinks_and_grows_the_isr() {
    let mut world = world();
    for (isr, elr, partition_epoch) in
        [(&[1, 2][..], &[][..], 1), (&[1], &[2], 2), (&[1, 3], &[], 3), (&[1, 3, 2], &[], 4)]
    {
        let decision = ask(&world, 1, wish(&world, isr));
        let told = world.commit(decision).unwrap();
        assert_eq!(&told, world.partition("t"), "the answer is what the record makes");
        assert_eq!(state(&told), (1, isr.to_vec(), elr.to_vec()));
        assert_eq!((told.leader_epoch.0, told.partition_epoch), (0, partition_epoch));
    }
}

#[test]
fn alter_partition_to_what_is_there_changes_nothing() {
    let world = world();
    let decision = ask(&world, 1, wish(&world, &[1, 2, 3]));
    assert!(decision.records.is_empty());
    assert_eq!(decision.answer.as_ref(), Ok(world.partition("t")));
}

#[test]
fn alter_partition_that_does_not_hold_is_refused() {
    use ErrorCode as Code;
    let mut world = world();
    let decision = ask(&world, 1, wish(&world, &[1, 2]));
    world.commit(decision).unwrap();
    world.fence(3);
    let now = |isr: &[i32]| wish(&world, isr);
    let epoch = LeaderEpoch;
    let recovering = LeaderRecoveryState::Recovering;
    let rows = [
        (1, IsrChange { topic_id: TopicId::ZERO, ..now(&[1]) }, Code::UnknownTopicId),
        (1, IsrChange { partition: PartitionId(9), ..now(&[1]) }, Code::UnknownTopicOrPartition),
        (1, IsrChange { leader_epoch: epoch(1), ..now(&[1]) }, Code::NotController),
        (1, IsrChange { partition_epoch: 2, ..now(&[1]) }, Code::NotController),
        (1, IsrChange { leader_epoch: epoch(-1), ..now(&[1]) }, Code::FencedLeaderEpoch),
        (1, IsrChange { partition_epoch: 0, ..now(&[1]) }, Code::InvalidUpdateVersion),
        (2, now(&[2]), Code::InvalidRequest),
        (1, now(&[2]), Code::InvalidRequest),
        (1, now(&[]), Code::InvalidRequest),
        (1, now(&[1, 1]), Code::InvalidRequest),
        (1, now(&[1, 9]), Code::InvalidRequest),
        (1, IsrChange { leader_recovery_state: recovering, ..now(&[1]) }, Code::InvalidRequest),
        (1, now(&[1, 3]), Code::IneligibleReplica),
        (1, IsrChange { isr: vec![(BrokerId(1), 5)], ..now(&[1]) }, Code::IneligibleReplica),
    ];
    for (broker, change, code) in rows {
        let decision = ask(&world, broker, change.clone());
        assert!(decision.records.is_empty(), "{change:?}");
        assert_eq!(decision.answer, Err(code), "{change:?}");
    }
    let stale = AlterPartition { broker_id: BrokerId(1), broker_epoch: 5, partitions: Vec::new() };
    let decision = alter_partition(&world.cluster(), &stale);
    assert_refused(&decision.answer, ErrorCode::StaleBrokerEpoch, "epoch 5");
}

#[test]
fn alter_partition_ends_an_unclean_recovery() {
    let mut world = World::new(&[1]);
    world.create("t", &[1], &[]);
    world.register(1, -1).unwrap();
    world.unfence(1);
    assert_eq!(world.partition("t").leader_recovery_state, LeaderRecoveryState::Recovering);
    let decision = ask(&world, 1, wish(&world, &[1]));
    let told = world.commit(decision).unwrap();
    assert_eq!(told.leader_recovery_state, LeaderRecoveryState::Recovered);
    assert_eq!(state(&told), (1, vec![1], vec![]));
    assert_eq!(&told, world.partition("t"));
}

fn elect(world: &World, election: Election, partition: i32) -> Decision<Result<(), ApiError>> {
    let asked = [TopicPartition::new("t", PartitionId(partition))];
    let Decision { records, mut answer } = elect_leaders(&world.cluster(), election, Some(&asked));
    Decision { records, answer: answer.remove(0).1 }
}

#[test]
fn elect_preferred_leader_once_it_is_in_sync() {
    let mut world = world();
    let needless = elect(&world, Election::Preferred, 0);
    assert_refused(&needless.answer, ErrorCode::ElectionNotNeeded, "");
    world.fence(1);
    world.unfence(1);
    let too_early = elect(&world, Election::Preferred, 0);
    assert!(too_early.records.is_empty());
    assert_refused(&too_early.answer, ErrorCode::PreferredLeaderNotAvailable, "");
    let decision = ask(&world, 2, wish(&world, &[2, 3, 1]));
    world.commit(decision).unwrap();
    let decision = elect(&world, Election::Preferred, 0);
    assert_eq!(decision.records.len(), 1);
    world.commit(decision).unwrap();
    assert_eq!(state(world.partition("t")), (1, vec![2, 3, 1], vec![]));
    let twice =
        [TopicPartition::new("t", PartitionId(0)), TopicPartition::new("t", PartitionId(0))];
    world.fence(1);
    world.unfence(1);
    let decision = ask(&world, 2, wish(&world, &[2, 3, 1]));
    world.commit(decision).unwrap();
    let decision = elect_leaders(&world.cluster(), Election::Preferred, Some(&twice));
    assert_eq!((decision.records.len(), decision.answer.len()), (1, 2));
    assert_refused(&decision.answer[1].1, ErrorCode::ElectionNotNeeded, "");
    let absent = elect(&world, Election::Preferred, 9);
    assert_refused(&absent.answer, ErrorCode::UnknownTopicOrPartition, "no such partition");
}

#[test]
fn elect_unclean_leader_only_if_there_is_none() {
    let mut world = world();
    let needless = elect(&world, Election::Unclean, 0);
    assert_refused(&needless.answer, ErrorCode::ElectionNotNeeded, "");
    for broker in [1, 2, 3] {
        world.fence(broker);
    }
    let nobody = elect(&world, Election::Unclean, 0);
    assert_refused(&nobody.answer, ErrorCode::EligibleLeadersNotAvailable, "");
    world.unfence(1);
    assert_eq!(state(world.partition("t")), (-1, vec![], vec![2, 3]));
    let decision = elect(&world, Election::Unclean, 0);
    world.commit(decision).unwrap();
    assert_eq!(state(world.partition("t")), (1, vec![1], vec![]));
    assert_eq!(world.partition("t").leader_recovery_state, LeaderRecoveryState::Recovering);
}

#[test]
fn elect_for_all_partitions_answers_those_that_needed_it() {
    let mut world = world();
    world.create("u", &[2, 1], &[]);
    world.fence(1);
    world.unfence(1);
    let decision = elect_leaders(&world.cluster(), Election::Preferred, None);
    let answer: Vec<_> = decision.answer.iter().map(|(asked, _)| asked.to_string()).collect();
    assert_eq!(answer, ["t-0"]);
}
