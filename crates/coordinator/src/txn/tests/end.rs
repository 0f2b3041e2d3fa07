//! EndTxn: every state against every request.

use protocol::ErrorCode::{
    self, ConcurrentTransactions, InvalidProducerIdMapping, InvalidTxnState, ProducerFenced,
};

use super::super::Answer;
use super::super::TransactionState::{
    self, CompleteAbort, CompleteCommit, Empty, Ongoing, PrepareAbort, PrepareCommit,
};
use super::world::{World, is};

/// A world whose only transaction is in a state; returns the epoch that it is in then.
fn world_in(state: TransactionState, version: i16) -> (World, i16) {
    let mut world = World::new(version);
    world.init(60_000, None).unwrap();
    if state != Empty {
        world.add(1, 0, 0).unwrap();
    }
    if !matches!(state, Empty | Ongoing) {
        let is_commit = matches!(state, PrepareCommit | CompleteCommit);
        world.end(1, 0, is_commit).unwrap();
    }
    if matches!(state, CompleteCommit | CompleteAbort) {
        world.write_markers(ErrorCode::None);
    }
    assert_eq!(world.state(), state);
    let epoch = world.described().producer_epoch.0;
    (world, epoch)
}

#[test]
fn end_in_the_second_version_is_answered_by_state_and_epoch() {
    let bumped = is(1, 1);
    // What is answered to an abort and a commit in the epoch before, and in the present one.
    let rows: [(_, [Answer; 4]); 6] = [
        (Empty, [Err(ProducerFenced), Err(ProducerFenced), bumped, Err(InvalidTxnState)]),
        (Ongoing, [Err(ProducerFenced), Err(ProducerFenced), bumped, bumped]),
        (
            PrepareCommit,
            [
                Err(InvalidTxnState),
                Err(ConcurrentTransactions),
                Err(ProducerFenced),
                Err(ProducerFenced),
            ],
        ),
        (
            PrepareAbort,
            [
                Err(ConcurrentTransactions),
                Err(InvalidTxnState),
                Err(ProducerFenced),
                Err(ProducerFenced),
            ],
        ),
        (CompleteCommit, [Err(InvalidTxnState), bumped, is(1, 2), Err(InvalidTxnState)]),
        (CompleteAbort, [bumped, Err(InvalidTxnState), is(1, 2), Err(InvalidTxnState)]),
    ];
    for (state, answers) in rows {
        let cases = [(1, false), (1, true), (0, false), (0, true)];
        for ((before, is_commit), expected) in cases.into_iter().zip(answers) {
            let (mut world, epoch) = world_in(state, 2);
            let asked = epoch - before;
            assert_eq!(world.end(1, asked, is_commit), expected, "{state:?} {before} {is_commit}");
            assert_eq!(world.end(9, asked, is_commit), Err(InvalidProducerIdMapping), "{state:?}");
        }
    }
}

#[test]
fn end_in_the_first_version_is_answered_by_state() {
    let same = is(1, 0);
    let rows = [
        (Empty, Err(InvalidTxnState), Err(InvalidTxnState)),
        (Ongoing, same, same),
        (PrepareCommit, Err(InvalidTxnState), Err(ConcurrentTransactions)),
        (PrepareAbort, Err(ConcurrentTransactions), Err(InvalidTxnState)),
        (CompleteCommit, Err(InvalidTxnState), same),
        (CompleteAbort, same, Err(InvalidTxnState)),
    ];
    for (state, abort, commit) in rows {
        for (is_commit, expected) in [(false, abort), (true, commit)] {
            let (mut world, epoch) = world_in(state, 1);
            assert_eq!(epoch, 0);
            assert_eq!(world.end(1, 0, is_commit), expected, "{state:?}");
            for zombie in [-1, 1] {
                assert_eq!(world.end(1, zombie, is_commit), Err(ProducerFenced), "{state:?}");
            }
            assert_eq!(world.end(2, 0, is_commit), Err(InvalidProducerIdMapping), "{state:?}");
        }
    }
}

#[test]
fn abort_that_begins_nothing_still_ends_the_epoch() {
    let (mut world, _) = world_in(Empty, 2);
    assert_eq!(world.end(1, 0, false), is(1, 1));
    assert_eq!(world.state(), CompleteAbort, "there is no marker to wait for");
    assert_eq!(world.add(1, 0, 0), Err(ProducerFenced));
    assert_eq!(world.add(1, 1, 0), is(1, 1));
}

#[test]
fn request_without_a_known_id_is_refused() {
    let mut world = World::new(2);
    assert_eq!(world.end(1, 0, true), Err(InvalidProducerIdMapping));
    assert_eq!(world.add(1, 0, 0), Err(InvalidProducerIdMapping));
    assert_eq!(world.verify(1, 0, 0), Err(InvalidProducerIdMapping));
}
