//! InitProducerId.

use protocol::{ErrorCode, ProducerEpoch, ProducerId};

use super::super::{InitProducerId, TransactionState};
use super::world::{World, is};

#[test]
fn producer_gets_an_id_and_then_epoch_after_epoch() {
    let mut world = World::new(2);
    assert_eq!(world.init(60_000, None), is(1, 0));
    assert_eq!(world.init(60_000, None), is(1, 1));
    world.reload();
    assert_eq!(world.init(30_000, None), is(1, 2));
    assert_eq!(world.described().timeout_ms, 30_000);
}

#[test]
fn request_that_makes_no_sense_is_refused() {
    let mut world = World::new(2);
    for timeout_ms in [0, -1, 900_001] {
        assert_eq!(world.init(timeout_ms, None), Err(ErrorCode::InvalidTransactionTimeout));
    }
    for id in ["", &"x".repeat(32_768)] {
        let request = InitProducerId { transactional_id: id, timeout_ms: 1, expected: None };
        let answer =
            world.ask(|shard, turn, ticket| shard.init_producer_id(turn, ticket, &request));
        assert_eq!(answer, Some(Err(ErrorCode::InvalidRequest)));
    }
    world.ids = 0..0;
    assert_eq!(world.init(1, None), Err(ErrorCode::CoordinatorLoadInProgress));
    assert!(world.log.is_empty());
}

#[test]
fn producer_that_goes_on_names_its_epoch_and_a_zombie_is_fenced() {
    let mut world = World::new(2);
    assert_eq!(world.init(1, Some((7, 3))), is(1, 0), "nobody is known who could be fenced");
    assert_eq!(world.init(1, Some((1, 0))), is(1, 1));
    assert_eq!(world.init(1, Some((1, 0))), is(1, 1), "the answer was missed");
    assert_eq!(world.init(1, None), is(1, 2));
    for zombie in [(1, 1), (1, 0), (1, 3), (9, 2)] {
        assert_eq!(world.init(1, Some(zombie)), Err(ErrorCode::ProducerFenced), "{zombie:?}");
    }
    world.reload();
    assert_eq!(world.init(1, Some((1, 1))), Err(ErrorCode::ProducerFenced));
    assert_eq!(world.init(1, Some((1, 2))), is(1, 3));
}

#[test]
fn open_transaction_is_aborted_before_the_next_producer_begins() {
    for (version, fenced, next) in [(1, 1, 2), (2, 1, 2)] {
        let mut world = World::new(version);
        world.init(60_000, None).unwrap();
        world.add(1, 0, 5).unwrap();
        assert_eq!(world.init(60_000, None), Err(ErrorCode::ConcurrentTransactions));
        let markers = world.markers.first().unwrap().clone();
        assert_eq!(markers.producer_epoch, ProducerEpoch(fenced));
        assert!(!markers.is_commit);
        assert_eq!(markers.transaction_version, if version == 2 { 2 } else { 0 });
        assert_eq!(world.init(60_000, None), Err(ErrorCode::ConcurrentTransactions));
        assert_eq!(world.add(1, 0, 5), Err(ErrorCode::ProducerFenced));
        world.write_markers(ErrorCode::None);
        assert_eq!(world.state(), TransactionState::CompleteAbort);
        assert_eq!(world.init(60_000, None), is(1, next));
    }
}

#[test]
fn zombie_cannot_abort_the_transaction_of_its_successor() {
    let mut world = World::new(2);
    world.init(60_000, None).unwrap();
    world.init(60_000, None).unwrap();
    world.add(1, 1, 0).unwrap();
    assert_eq!(world.init(60_000, Some((1, 0))), Err(ErrorCode::ProducerFenced));
    assert_eq!(world.state(), TransactionState::Ongoing);
    assert_eq!(world.init(60_000, Some((1, 1))), Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(world.state(), TransactionState::PrepareAbort);
}

#[test]
fn producer_id_changes_when_its_epochs_are_used_up() {
    let mut world = World::new(2);
    world.init(60_000, None).unwrap();
    let mut record = world.log.pop().unwrap();
    record.value.as_mut().unwrap().producer_epoch = ProducerEpoch(i16::MAX - 1);
    world.log.push(record);
    world.reload();
    assert_eq!(world.init(1, Some((1, i16::MAX - 1))), is(2, 0));
    assert_eq!(world.init(1, Some((1, i16::MAX - 1))), is(2, 0), "the answer was missed");
    assert_eq!(world.init(1, Some((1, 4))), Err(ErrorCode::ProducerFenced));
}

#[test]
fn producer_id_changes_at_the_end_of_its_last_transaction() {
    for is_fence in [false, true] {
        let mut world = World::new(2);
        world.init(60_000, None).unwrap();
        world.log.first_mut().unwrap().value.as_mut().unwrap().producer_epoch =
            ProducerEpoch(i16::MAX - 1);
        world.reload();
        world.add(1, i16::MAX - 1, 0).unwrap();
        if is_fence {
            assert_eq!(world.init(1, None), Err(ErrorCode::ConcurrentTransactions));
        } else {
            assert_eq!(world.end(1, i16::MAX - 1, true), is(2, 0));
        }
        let markers = world.markers.first().unwrap();
        assert_eq!(markers.producer_epoch, ProducerEpoch(i16::MAX));
        assert_eq!(markers.producer_id, ProducerId(1));
        world.reload();
        world.write_markers(ErrorCode::None);
        assert_eq!(world.described().producer_id, ProducerId(2));
        let again = if is_fence { Err(ErrorCode::InvalidTxnState) } else { is(2, 0) };
        assert_eq!(world.end(1, i16::MAX - 1, true), again);
    }
}
