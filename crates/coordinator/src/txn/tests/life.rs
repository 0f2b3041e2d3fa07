//! A transaction from its beginning to its end: partitions, markers, time-outs, and the log in between.

use std::collections::BTreeSet;
use std::time::Duration;

use protocol::{ErrorCode, ProducerId, Timestamp};

use super::super::{Filter, TransactionState};
use super::world::{ID, World, is, partition};

const MINUTE: Duration = Duration::from_secs(60);

fn ongoing(version: i16) -> World {
    let mut world = World::new(version);
    world.init(60_000, None).unwrap();
    world.add(1, 0, 0).unwrap();
    world
}

#[test]
fn partitions_are_known_once_they_are_added() {
    let mut world = ongoing(1);
    assert_eq!(world.add(1, 0, 0), is(1, 0));
    assert_eq!(world.log.len(), 2, "what is known is not logged again");
    assert_eq!(world.verify(1, 0, 0), is(1, 0));
    assert_eq!(world.verify(1, 0, 1), Err(ErrorCode::TransactionAbortable));
    assert_eq!(world.verify(1, 1, 0), Err(ErrorCode::ProducerFenced));
    assert_eq!(world.add(1, 1, 0), Err(ErrorCode::ProducerFenced));
    assert_eq!(world.add(2, 0, 0), Err(ErrorCode::InvalidProducerIdMapping));
    world.end(1, 0, true).unwrap();
    assert_eq!(world.verify(1, 0, 0), Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(world.add(1, 0, 1), Err(ErrorCode::ConcurrentTransactions));
    world.write_markers(ErrorCode::None);
    assert_eq!(world.verify(1, 0, 0), Err(ErrorCode::TransactionAbortable));
    assert_eq!(world.described().partitions.len(), 0);
}

#[test]
fn markers_are_written_until_every_partition_has_them() {
    let mut world = ongoing(2);
    world.add(1, 0, 1).unwrap();
    world.end(1, 0, true).unwrap();
    let markers = world.markers.pop().unwrap();
    assert_eq!(markers.partitions, [partition(0), partition(1)]);
    let results = [(partition(0), ErrorCode::None), (partition(1), ErrorCode::KafkaStorageError)];
    world.input(|shard, turn| shard.on_markers_written(turn, &markers, &results));
    assert_eq!((world.state(), world.markers.len()), (TransactionState::PrepareCommit, 0));
    world.advance(Duration::from_millis(100));
    assert_eq!(world.markers.first().unwrap().partitions, [partition(1)]);
    world.write_markers(ErrorCode::InvalidProducerEpoch);
    assert_eq!(world.state(), TransactionState::CompleteCommit);
    world.input(|shard, turn| shard.on_markers_written(turn, &markers, &results));
    assert_eq!(world.log.len(), 5, "what comes late changes nothing");
}

#[test]
fn decided_end_goes_on_after_a_reload() {
    let mut world = ongoing(2);
    world.end(1, 0, false).unwrap();
    let before = world.markers.clone();
    world.reload();
    assert_eq!(world.markers, before);
    world.failure = Some(ErrorCode::NotEnoughReplicas);
    world.write_markers(ErrorCode::None);
    assert_eq!(world.state(), TransactionState::PrepareAbort);
    world.advance(Duration::from_millis(100));
    assert_eq!(world.state(), TransactionState::CompleteAbort, "the log takes the record later");
    assert!(world.markers.is_empty());
}

#[test]
fn nothing_is_answered_or_written_before_the_log_has_committed_it() {
    let mut world = ongoing(2);
    world.is_held = true;
    let end = world.ask(|shard, turn, ticket| {
        let from = super::super::Producer {
            transactional_id: ID,
            id: ProducerId(1),
            epoch: protocol::ProducerEpoch(0),
        };
        shard.end_txn(turn, ticket, from, true, 2);
    });
    assert_eq!((end, world.markers.len()), (None, 0));
    world.release();
    assert_eq!(world.markers.len(), 1);
    world.write_markers(ErrorCode::None);
    assert_eq!(world.state(), TransactionState::CompleteCommit);
}

#[test]
fn failed_append_leaves_everything_as_it_was() {
    let mut world = ongoing(2);
    let before = world.described();
    for (error, answer) in [
        (ErrorCode::NotEnoughReplicas, ErrorCode::CoordinatorNotAvailable),
        (ErrorCode::KafkaStorageError, ErrorCode::NotCoordinator),
        (ErrorCode::MessageTooLarge, ErrorCode::UnknownServerError),
    ] {
        world.failure = Some(error);
        assert_eq!(world.end(1, 0, true), Err(answer));
        assert_eq!(world.described(), before);
    }
    assert_eq!(world.end(1, 0, true), is(1, 1));
}

#[test]
fn transaction_that_is_open_for_too_long_is_aborted() {
    for (version, late_commit) in [(1, ErrorCode::ProducerFenced), (2, ErrorCode::InvalidTxnState)]
    {
        let mut world = ongoing(version);
        world.advance(MINUTE);
        assert_eq!(world.state(), TransactionState::Ongoing);
        world.advance(Duration::from_secs(10));
        assert_eq!(world.state(), TransactionState::PrepareAbort);
        world.write_markers(ErrorCode::None);
        assert_eq!(world.state(), TransactionState::CompleteAbort);
        assert_eq!(world.end(1, 0, true), Err(late_commit), "version {version}");
        assert_eq!(world.add(1, 0, 0), Err(ErrorCode::ProducerFenced));
    }
}

#[test]
fn id_that_nobody_uses_is_forgotten() {
    let mut world = ongoing(2);
    world.advance(Duration::from_secs(604_800));
    assert_eq!(world.state(), TransactionState::PrepareAbort, "a transaction is in the way");
    world.write_markers(ErrorCode::None);
    world.advance(Duration::from_secs(604_800));
    assert_eq!(world.shard.describe(ID), None);
    assert_eq!(world.log.last().unwrap().value, None);
    world.reload();
    assert_eq!(world.shard.describe(ID), None);
}

#[test]
fn list_filters_by_producer_state_time_and_name() {
    let world = ongoing(2);
    let now = Timestamp(world.now.timestamp.0 + 500);
    let count = |filter: Filter<'_>| world.shard.list(&filter, now).len();
    assert_eq!(count(Filter::default()), 1);
    assert_eq!(
        count(Filter { producer_ids: Some(&BTreeSet::from([ProducerId(1)])), ..Filter::default() }),
        1
    );
    assert_eq!(
        count(Filter { producer_ids: Some(&BTreeSet::from([ProducerId(2)])), ..Filter::default() }),
        0
    );
    let states = BTreeSet::from([TransactionState::Ongoing]);
    assert_eq!(count(Filter { states: Some(&states), ..Filter::default() }), 1);
    assert_eq!(count(Filter { states: Some(&BTreeSet::new()), ..Filter::default() }), 0);
    assert_eq!(count(Filter { longer_than_ms: Some(499), ..Filter::default() }), 1);
    assert_eq!(count(Filter { longer_than_ms: Some(500), ..Filter::default() }), 0);
    assert_eq!(count(Filter { matches: Some(&|id| id == ID), ..Filter::default() }), 1);
    assert_eq!(count(Filter { matches: Some(&|id| id != ID), ..Filter::default() }), 0);
}
