//! The rules of `CleanedTransactionMetadata`.

use protocol::record::Attributes;
use protocol::{LeaderEpoch, ProducerEpoch, Sequence, Timestamp};

use super::*;

fn batch(producer_id: i64, base_offset: i64, is_transactional: bool) -> BatchHeader {
    BatchHeader {
        base_offset: Offset(base_offset),
        length: 100,
        leader_epoch: LeaderEpoch(0),
        magic: 2,
        crc: 0,
        attributes: Attributes::default().with_transactional(is_transactional),
        last_offset_delta: 1,
        base_timestamp: Timestamp(0),
        max_timestamp: Timestamp(0),
        producer_id: ProducerId(producer_id),
        producer_epoch: ProducerEpoch(0),
        base_sequence: Sequence(0),
        record_count: 2,
    }
}

fn aborted(producer_id: i64, first_offset: i64, last_offset: i64) -> AbortedTxn {
    AbortedTxn {
        producer_id: ProducerId(producer_id),
        first_offset: Offset(first_offset),
        last_offset: Offset(last_offset),
        last_stable_offset: Offset(last_offset + 1),
    }
}

/// Meets the marker of a producer at an offset.
fn end(
    transactions: &mut Transactions,
    control: ControlType,
    producer_id: i64,
    offset: i64,
) -> Ended {
    transactions.on_control(&batch(producer_id, offset, true), Some(control))
}

#[test]
fn committed_batch_keeps_its_marker() {
    let mut transactions = Transactions::default();
    assert!(!transactions.on_batch(&batch(1, 0, true)));
    assert!(!transactions.on_batch(&batch(2, 2, true)));
    let first = end(&mut transactions, ControlType::Commit, 1, 4);
    assert_eq!(first, Ended::WithBatches(None));
    // The next transaction of the producer has nothing left; that of the other one has.
    assert_eq!(end(&mut transactions, ControlType::Commit, 1, 6), Ended::Empty);
    assert_eq!(end(&mut transactions, ControlType::Commit, 2, 8), Ended::WithBatches(None));
}

#[test]
fn aborted_batch_goes_and_its_marker_stays_until_it_is_gone() {
    let mut transactions = Transactions::default();
    transactions.add(vec![aborted(1, 2, 8), aborted(1, 12, 16)]);
    assert!(!transactions.on_batch(&batch(1, 0, false)), "not of a transaction");
    assert!(transactions.on_batch(&batch(1, 2, true)));
    assert!(!transactions.on_batch(&batch(2, 4, true)), "another producer");
    assert!(transactions.on_batch(&batch(1, 6, true)));
    let ended = end(&mut transactions, ControlType::Abort, 1, 8);
    assert_eq!(ended, Ended::WithBatches(Some(aborted(1, 2, 8))));
    assert!(!transactions.on_batch(&batch(1, 10, true)), "a transaction that was committed");
    assert_eq!(end(&mut transactions, ControlType::Commit, 1, 11), Ended::WithBatches(None));
    // The batches of the second one went with an earlier cleaning.
    assert_eq!(end(&mut transactions, ControlType::Abort, 1, 16), Ended::Empty);
}

#[test]
fn aborted_transaction_that_begins_inside_a_batch_is_known_in_time() {
    let mut transactions = Transactions::default();
    transactions.add(vec![aborted(1, 1, 9)]);
    assert!(transactions.on_batch(&batch(1, 0, true)));
}

#[test]
fn transaction_told_twice_is_one() {
    let mut transactions = Transactions::default();
    transactions.add(vec![aborted(1, 0, 20)]);
    assert!(transactions.on_batch(&batch(1, 0, true)));
    // The next group of segments has its marker, so it is told again.
    transactions.add(vec![aborted(1, 0, 20)]);
    assert!(transactions.on_batch(&batch(1, 10, true)));
    let ended = end(&mut transactions, ControlType::Abort, 1, 20);
    assert_eq!(ended, Ended::WithBatches(Some(aborted(1, 0, 20))));
    assert!(!transactions.on_batch(&batch(1, 22, true)));
}

#[test]
fn control_batch_without_a_transaction_is_judged_by_its_record() {
    let mut transactions = Transactions::default();
    transactions.on_batch(&batch(1, 0, true));
    let header = batch(1, 2, true);
    assert_eq!(transactions.on_control(&header, None), Ended::Empty, "emptied before");
    for control in [ControlType::LeaderChange, ControlType::Unknown(99)] {
        let ended = transactions.on_control(&header, Some(control));
        assert_eq!(ended, Ended::WithBatches(None), "{control:?} is not ours");
    }
    assert_eq!(end(&mut transactions, ControlType::Commit, 1, 4), Ended::WithBatches(None));
    assert_eq!(end(&mut transactions, ControlType::Abort, 3, 6), Ended::Empty);
}
