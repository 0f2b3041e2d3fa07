//! The rules of Kafka's `ProducerStateManager` and `ProducerAppendInfo`, each by a row or a test of its own.

use protocol::record::Attributes;
use protocol::{CoordinatorEpoch, LeaderEpoch};

use super::*;

const DAY_MS: i64 = 86_400_000;

/// A batch of `count` records at `base_offset`.
fn data(id: i64, epoch: i16, sequence: i32, base_offset: i64, count: i32) -> BatchHeader {
    BatchHeader {
        base_offset: Offset(base_offset),
        length: 100,
        leader_epoch: LeaderEpoch(0),
        magic: 2,
        crc: 0,
        attributes: Attributes::default(),
        last_offset_delta: count - 1,
        base_timestamp: Timestamp(base_offset),
        max_timestamp: Timestamp(base_offset),
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: Sequence(sequence),
        record_count: count,
    }
}

fn transactional(id: i64, epoch: i16, sequence: i32, base_offset: i64) -> BatchHeader {
    let header = data(id, epoch, sequence, base_offset, 1);
    BatchHeader { attributes: header.attributes.with_transactional(true), ..header }
}

fn control(id: i64, epoch: i16, base_offset: i64) -> BatchHeader {
    let header = transactional(id, epoch, -1, base_offset);
    BatchHeader { attributes: header.attributes.with_control(true), ..header }
}

fn marker(control: ControlType, coordinator_epoch: i32, transaction_version: i16) -> Marker {
    let value = EndTxnMarker { coordinator_epoch: CoordinatorEpoch(coordinator_epoch) };
    Marker { control, value, transaction_version }
}

/// Checks a batch and commits what it changes.
fn append(
    producers: &mut Producers,
    header: &BatchHeader,
    marker: Option<&Marker>,
    origin: Origin,
) -> Result<Vec<AbortedTxn>, ErrorCode> {
    let mut staged = Staged::default();
    match producers.check(&mut staged, header, marker, origin) {
        Ok(Checked::New) => Ok(producers.commit(staged, header.next_offset())),
        Ok(Checked::Duplicate(_)) => panic!("{header:?} is a duplicate"),
        Err(rejection) => Err(rejection.code),
    }
}

fn client(producers: &mut Producers, header: &BatchHeader) -> Result<(), ErrorCode> {
    append(producers, header, None, Origin::Client).map(drop)
}

fn end(
    producers: &mut Producers,
    header: &BatchHeader,
    control: ControlType,
) -> Result<Vec<AbortedTxn>, ErrorCode> {
    append(producers, header, Some(&marker(control, 0, 0)), Origin::Coordinator)
}

/// Producer 1 has written the sequences 0 to 9 in epoch 5.
fn known() -> Producers {
    let mut producers = Producers::empty(Offset(0));
    client(&mut producers, &data(1, 5, 0, 0, 10)).unwrap();
    producers
}

#[test]
fn client_batch_is_held_to_epoch_and_sequence() {
    let out_of_order = Err(ErrorCode::OutOfOrderSequenceNumber);
    let rows = [
        // The producer, its epoch and sequence; what a client is told, and a coordinator.
        (1, 5, 10, Ok(()), Ok(())),
        (1, 5, 11, out_of_order, Ok(())),
        (1, 5, 9, out_of_order, Ok(())),
        (1, 6, 0, Ok(()), Ok(())),
        (1, 6, 10, out_of_order, Ok(())),
        (1, 4, 10, Err(ErrorCode::InvalidProducerEpoch), Err(ErrorCode::InvalidProducerEpoch)),
        // Nothing is known of this producer (any more): it goes on wherever it was (KIP-360).
        (2, 0, 0, Ok(()), Ok(())),
        (2, 7, 4711, Ok(()), Ok(())),
    ];
    for (id, epoch, sequence, to_client, to_coordinator) in rows {
        let header = data(id, epoch, sequence, 10, 1);
        assert_eq!(client(&mut known(), &header), to_client, "{id} {epoch} {sequence}");
        let coordinator = append(&mut known(), &header, None, Origin::Coordinator).map(drop);
        assert_eq!(coordinator, to_coordinator, "{id} {epoch} {sequence} by a coordinator");
        let replica = append(&mut known(), &header, None, Origin::Replication).map(drop);
        assert_eq!(replica, Ok(()), "{id} {epoch} {sequence} replicated");
    }
}

#[test]
fn refused_batch_changes_nothing() {
    let producers = known();
    let mut staged = Staged::default();
    let header = data(1, 5, 99, 10, 1);
    assert!(producers.check(&mut staged, &header, None, Origin::Client).is_err());
    assert!(staged.entries.is_empty() && staged.started.is_empty() && staged.completed.is_empty());
}

#[test]
fn batch_without_a_producer_is_not_looked_at() {
    for id in [-1, -7] {
        let mut producers = Producers::empty(Offset(0));
        client(&mut producers, &data(id, -1, -1, 0, 3)).unwrap();
        assert_eq!((producers.iter().count(), producers.end_offset()), (0, Offset(3)));
    }
}

#[test]
fn sequence_goes_on_at_zero_after_the_greatest() {
    let mut producers = Producers::empty(Offset(0));
    client(&mut producers, &data(1, 0, i32::MAX - 2, 0, 2)).unwrap();
    // From MAX over 0 to 1: first and last sequence come back out of the offset delta.
    client(&mut producers, &data(1, 0, i32::MAX, 2, 3)).unwrap();
    let batch = *producers.entry(ProducerId(1)).unwrap().batches().last().unwrap();
    assert_eq!((batch.first_sequence(), batch.last_sequence), (Sequence(i32::MAX), Sequence(1)));
    assert_eq!((batch.first_offset(), batch.last_offset), (Offset(2), Offset(4)));
    client(&mut producers, &data(1, 0, 2, 5, 1)).unwrap();
    assert_eq!(
        client(&mut producers, &data(1, 0, i32::MAX, 6, 1)),
        Err(ErrorCode::OutOfOrderSequenceNumber)
    );
    let mut at_the_edge = Producers::empty(Offset(0));
    client(&mut at_the_edge, &data(1, 0, i32::MAX, 0, 1)).unwrap();
    client(&mut at_the_edge, &data(1, 0, 0, 1, 1)).unwrap();
}

#[test]
fn last_five_batches_are_known_again() {
    let mut producers = Producers::empty(Offset(0));
    for batch in 0..6 {
        client(&mut producers, &data(1, 0, batch * 2, i64::from(batch) * 2, 2)).unwrap();
    }
    let check = |header: &BatchHeader, origin| {
        producers.check(&mut Staged::default(), header, None, origin).map_err(|it| it.code)
    };
    for batch in 1..6 {
        let header = data(1, 0, batch * 2, 100, 2);
        let Ok(Checked::Duplicate(found)) = check(&header, Origin::Client) else {
            panic!("batch {batch} is not known")
        };
        let expected = (Offset(i64::from(batch) * 2), Timestamp(i64::from(batch) * 2));
        assert_eq!((found.first_offset(), found.timestamp), expected);
    }
    let out_of_order = Err(ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(check(&data(1, 0, 0, 100, 2), Origin::Client), out_of_order, "the oldest is gone");
    assert_eq!(check(&data(1, 0, 10, 100, 1), Origin::Client), out_of_order, "another length");
    assert_eq!(check(&data(1, 1, 0, 100, 2), Origin::Client), Ok(Checked::New), "another epoch");
    // Coordinators and replicas have no sequence to go by.
    assert_eq!(check(&data(1, 0, 10, 100, 2), Origin::Coordinator), Ok(Checked::New));
}

#[test]
fn new_epoch_forgets_the_batches_of_the_old() {
    let mut producers = known();
    client(&mut producers, &data(1, 6, 0, 10, 3)).unwrap();
    let entry = producers.entry(ProducerId(1)).unwrap();
    assert_eq!((entry.epoch, entry.batches().len()), (ProducerEpoch(6), 1));
    assert_eq!((entry.last_sequence(), entry.last_data_offset()), (Sequence(2), Some(Offset(12))));
}

#[test]
fn staged_batch_counts_for_the_next_of_its_write() {
    let mut producers = known();
    let mut staged = Staged::default();
    for (sequence, offset) in [(10, 10), (11, 11)] {
        let header = data(1, 5, sequence, offset, 1);
        let checked = producers.check(&mut staged, &header, None, Origin::Client);
        assert_eq!(checked.unwrap(), Checked::New);
    }
    let again = producers.check(&mut staged, &data(1, 5, 10, 12, 1), None, Origin::Client);
    assert!(matches!(again, Ok(Checked::Duplicate(it)) if it.last_offset == Offset(10)));
    assert_eq!(producers.entry(ProducerId(1)).unwrap().last_sequence(), Sequence(9));
    producers.commit(staged, Offset(12));
    assert_eq!(producers.entry(ProducerId(1)).unwrap().last_sequence(), Sequence(11));
}

#[test]
fn transaction_holds_the_stable_offset_until_its_marker_is_replicated() {
    let mut producers = Producers::empty(Offset(0));
    client(&mut producers, &transactional(1, 0, 0, 0)).unwrap();
    client(&mut producers, &transactional(2, 0, 0, 1)).unwrap();
    client(&mut producers, &transactional(1, 0, 1, 2)).unwrap();
    assert_eq!(producers.first_unstable_offset(), Some(Offset(0)));
    assert_eq!(end(&mut producers, &control(1, 0, 3), ControlType::Commit), Ok(Vec::new()));
    producers.forget_ended_before(Offset(3));
    assert_eq!(producers.first_unstable_offset(), Some(Offset(0)), "marker is not replicated");
    producers.forget_ended_before(Offset(4));
    assert_eq!(producers.first_unstable_offset(), Some(Offset(1)));
    let aborted = end(&mut producers, &control(2, 0, 4), ControlType::Abort).unwrap();
    let expected = AbortedTxn {
        producer_id: ProducerId(2),
        first_offset: Offset(1),
        last_offset: Offset(4),
        last_stable_offset: Offset(5),
    };
    assert_eq!(aborted, [expected]);
    producers.forget_ended_before(Offset(5));
    assert_eq!(producers.first_unstable_offset(), None);
}

#[test]
fn aborted_transaction_is_noted_with_the_first_that_is_still_open() {
    let mut producers = Producers::empty(Offset(0));
    for (id, offset) in [(1, 0), (2, 1), (3, 2)] {
        client(&mut producers, &transactional(id, 0, 0, offset)).unwrap();
    }
    let last_stable = |aborted: Vec<AbortedTxn>| aborted[0].last_stable_offset;
    let first = end(&mut producers, &control(2, 0, 3), ControlType::Abort).unwrap();
    assert_eq!(last_stable(first), Offset(0));
    let second = end(&mut producers, &control(1, 0, 4), ControlType::Abort).unwrap();
    assert_eq!(last_stable(second), Offset(2));
    let third = end(&mut producers, &control(3, 0, 5), ControlType::Abort).unwrap();
    assert_eq!(last_stable(third), Offset(6));
}

#[test]
fn transaction_that_begins_and_ends_in_one_write_is_noted() {
    let mut producers = Producers::empty(Offset(0));
    let mut staged = Staged::default();
    let abort = marker(ControlType::Abort, 0, 0);
    let batches = [
        (transactional(1, 0, 0, 0), None),
        (control(1, 0, 1), Some(&abort)),
        (transactional(1, 0, 1, 2), None),
    ];
    for (header, marker) in batches {
        producers.check(&mut staged, &header, marker, Origin::Coordinator).unwrap();
    }
    let aborted = producers.commit(staged, Offset(3));
    let offsets: Vec<_> = aborted.iter().map(|it| (it.first_offset, it.last_offset)).collect();
    assert_eq!(offsets, [(Offset(0), Offset(1))]);
    producers.forget_ended_before(Offset(3));
    assert_eq!(producers.first_unstable_offset(), Some(Offset(2)));
}

#[test]
fn data_outside_the_open_transaction_is_refused() {
    let open = || {
        let mut producers = Producers::empty(Offset(0));
        client(&mut producers, &transactional(1, 0, 0, 0)).unwrap();
        producers
    };
    let header = data(1, 0, 1, 1, 1);
    assert_eq!(client(&mut open(), &header), Err(ErrorCode::InvalidTxnState));
    let replicated = append(&mut open(), &header, None, Origin::Replication);
    assert_eq!(replicated, Ok(Vec::new()), "the leader has taken it");
    assert_eq!(client(&mut open(), &data(2, 0, 0, 1, 1)), Ok(()), "another producer");
}

#[test]
fn marker_is_held_to_the_epoch_of_its_transaction_version() {
    let fenced = Err(ErrorCode::InvalidProducerEpoch);
    let rows = [
        // Transaction version, the marker's epoch, whether a transaction is open in epoch 5; what comes of it.
        (0, 4, true, fenced),
        (0, 5, true, Ok(())),
        (0, 6, true, Ok(())),
        (0, 5, false, Ok(())),
        (1, 5, true, Ok(())),
        (2, 4, true, fenced),
        // From version 2 on each transaction ends its epoch, so this marker belongs to an earlier one (KIP-890) …
        (2, 5, true, fenced),
        // … unless nothing is open: then it is sent again.
        (2, 5, false, Ok(())),
        (2, 4, false, fenced),
        (2, 6, true, Ok(())),
        (2, 6, false, Ok(())),
    ];
    for (version, epoch, is_open, expected) in rows {
        let mut producers = Producers::empty(Offset(0));
        let header = if is_open { transactional(1, 5, 0, 0) } else { data(1, 5, 0, 0, 1) };
        client(&mut producers, &header).unwrap();
        let commit = marker(ControlType::Commit, 0, version);
        let header = control(1, epoch, 1);
        let ended = append(&mut producers, &header, Some(&commit), Origin::Coordinator);
        assert_eq!(ended.map(drop), expected, "version {version}, epoch {epoch}, open {is_open}");
    }
}

#[test]
fn marker_of_the_last_epoch_there_is_may_end_it() {
    let mut producers = Producers::empty(Offset(0));
    client(&mut producers, &transactional(1, i16::MAX, 0, 0)).unwrap();
    let commit = marker(ControlType::Commit, 0, 2);
    let ended =
        append(&mut producers, &control(1, i16::MAX, 1), Some(&commit), Origin::Coordinator);
    assert_eq!(ended, Ok(Vec::new()));
}

#[test]
fn marker_raises_the_epoch_and_sequences_begin_anew() {
    let mut producers = Producers::empty(Offset(0));
    client(&mut producers, &transactional(1, 5, 0, 0)).unwrap();
    end(&mut producers, &control(1, 6, 1), ControlType::Abort).unwrap();
    let entry = producers.entry(ProducerId(1)).unwrap();
    assert_eq!((entry.epoch, entry.batches().len()), (ProducerEpoch(6), 0));
    assert_eq!(entry.current_txn_first_offset, None);
    let next = |sequence| client(&mut producers.clone(), &transactional(1, 6, sequence, 2));
    assert_eq!(next(1), Err(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(next(0), Ok(()));
    let stale = client(&mut producers, &transactional(1, 5, 1, 2));
    assert_eq!(stale, Err(ErrorCode::InvalidProducerEpoch));
}

#[test]
fn marker_of_the_same_epoch_keeps_the_batches() {
    let mut producers = Producers::empty(Offset(0));
    client(&mut producers, &transactional(1, 5, 0, 0)).unwrap();
    end(&mut producers, &control(1, 5, 1), ControlType::Commit).unwrap();
    client(&mut producers, &transactional(1, 5, 1, 2)).unwrap();
    assert_eq!(producers.entry(ProducerId(1)).unwrap().batches().len(), 2);
}

#[test]
fn marker_of_a_replaced_coordinator_is_refused() {
    let rows = [
        (7, Origin::Coordinator, Ok(())),
        (8, Origin::Coordinator, Ok(())),
        (6, Origin::Coordinator, Err(ErrorCode::TransactionCoordinatorFenced)),
        (6, Origin::Replication, Ok(())),
    ];
    for (coordinator_epoch, origin, expected) in rows {
        let mut producers = Producers::empty(Offset(0));
        let first = marker(ControlType::Commit, 7, 0);
        append(&mut producers, &control(1, 0, 0), Some(&first), Origin::Coordinator).unwrap();
        let second = marker(ControlType::Abort, coordinator_epoch, 0);
        let ended = append(&mut producers, &control(1, 0, 1), Some(&second), origin);
        assert_eq!(ended.map(drop), expected, "{coordinator_epoch} {origin:?}");
    }
}

#[test]
fn marker_without_a_transaction_is_written_and_aborts_nothing() {
    let mut producers = known();
    let ended = end(&mut producers, &control(1, 5, 10), ControlType::Abort);
    assert_eq!((ended, producers.first_unstable_offset()), (Ok(Vec::new()), None));
}

#[test]
fn marker_that_compaction_has_emptied_changes_nothing() {
    let mut producers = known();
    let before = producers.entry(ProducerId(1)).cloned();
    append(&mut producers, &control(1, 9, 10), None, Origin::Replication).unwrap();
    assert_eq!(producers.entry(ProducerId(1)).cloned(), before);
}

#[test]
fn silent_producer_expires_unless_its_transaction_is_open() {
    let mut producers = Producers::empty(Offset(0));
    let at_offset_as_time = [data(1, 0, 0, 1_000, 1), transactional(2, 0, 0, 1_000)];
    for header in &at_offset_as_time {
        client(&mut producers, header).unwrap();
    }
    producers.expire(Timestamp(999 + DAY_MS), DAY_MS);
    assert_eq!(producers.iter().count(), 2);
    producers.expire(Timestamp(1_000 + DAY_MS), DAY_MS);
    let left: Vec<_> = producers.iter().map(|(id, _)| id).collect();
    assert_eq!(left, [ProducerId(2)]);
    assert_eq!(client(&mut producers, &data(1, 0, 55, 2_000, 1)), Ok(()), "unknown again");
}

#[test]
fn snapshot_keeps_the_last_batch_and_the_open_transaction() {
    let mut producers = known();
    client(&mut producers, &data(1, 5, 10, 10, 2)).unwrap();
    client(&mut producers, &transactional(2, 3, 0, 12)).unwrap();
    end(&mut producers, &control(3, 1, 13), ControlType::Commit).unwrap();
    let snapshot = producers.to_snapshot();
    let ids: Vec<_> = snapshot.iter().map(|entry| entry.producer_id.0).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!((snapshot[0].last_sequence, snapshot[0].last_offset), (Sequence(11), Offset(11)));
    assert_eq!(
        (snapshot[2].last_sequence, snapshot[2].last_offset),
        (Sequence::NONE, Offset::NONE)
    );

    let end_offset = producers.end_offset();
    let mut loaded = Producers::from_snapshot(end_offset, &snapshot, Timestamp(14), DAY_MS);
    assert_eq!((loaded.end_offset(), loaded.to_snapshot()), (Offset(14), snapshot));
    assert_eq!(loaded.first_unstable_offset(), Some(Offset(12)));
    let entry = loaded.entry(ProducerId(1)).unwrap();
    assert_eq!((entry.batches().len(), entry.batches()[0].first_offset()), (1, Offset(10)));
    assert_eq!(client(&mut loaded, &data(1, 5, 12, 14, 1)), Ok(()));
}

#[test]
fn snapshot_loses_producers_that_have_expired() {
    let mut producers = known();
    client(&mut producers, &transactional(2, 0, 0, 10)).unwrap();
    let snapshot = producers.to_snapshot();
    let loaded = Producers::from_snapshot(Offset(11), &snapshot, Timestamp(10 + DAY_MS), DAY_MS);
    let left: Vec<_> = loaded.iter().map(|(id, _)| id).collect();
    assert_eq!(left, [ProducerId(2)]);
}
