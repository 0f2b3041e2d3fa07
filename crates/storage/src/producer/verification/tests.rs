//! Who may begin a transaction in a partition, and when no longer.

use protocol::record::{Attributes, ControlType, EndTxnMarker};
use protocol::{CoordinatorEpoch, LeaderEpoch, Offset};

use super::super::{Marker, Staged};
use super::*;

const NOW: Timestamp = Timestamp(0);

fn batch(epoch: i16, sequence: i32) -> BatchHeader {
    BatchHeader {
        base_offset: Offset(0),
        length: 100,
        leader_epoch: LeaderEpoch(0),
        magic: 2,
        crc: 0,
        attributes: Attributes::default().with_transactional(true),
        last_offset_delta: 0,
        base_timestamp: NOW,
        max_timestamp: NOW,
        producer_id: ProducerId(1),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: Sequence(sequence),
        record_count: 1,
    }
}

fn append(
    producers: &mut Producers,
    header: &BatchHeader,
    verified: Verified,
) -> Result<(), ErrorCode> {
    let mut staged = Staged::default();
    let source = Source { origin: Origin::Client, verified };
    let checked = producers.check(&mut staged, header, None, source);
    checked.map_err(|rejection| rejection.code)?;
    producers.commit(staged, Offset(1));
    Ok(())
}

fn abort(producers: &mut Producers, epoch: i16, transaction_version: i16) {
    let mut header = batch(epoch, -1);
    header.attributes = header.attributes.with_control(true);
    let value = EndTxnMarker { coordinator_epoch: CoordinatorEpoch(0) };
    let marker = Marker { control: ControlType::Abort, value, transaction_version };
    let mut staged = Staged::default();
    producers.check(&mut staged, &header, Some(&marker), Origin::Coordinator).unwrap();
    producers.commit(staged, Offset(2));
}

fn begin(
    producers: &mut Producers,
    epoch: i16,
    sequence: i32,
    bumps_epoch: bool,
) -> Result<Verified, ErrorCode> {
    let (producer_id, epoch) = (ProducerId(1), ProducerEpoch(epoch));
    let begin = Begin { producer_id, epoch, sequence: Sequence(sequence), bumps_epoch };
    let guard = producers.begin_verification(&begin, NOW).map_err(|rejection| rejection.code)?;
    Ok(guard.map_or(Verified::Open, Verified::By))
}

#[test]
fn first_batch_of_a_transaction_needs_a_guard_and_the_next_do_not() {
    let mut producers = Producers::empty(Offset(0));
    let refused = Err(ErrorCode::InvalidTxnState);
    assert_eq!(append(&mut producers, &batch(0, 0), Verified::Open), refused);
    let by = begin(&mut producers, 0, 0, false).unwrap();
    assert_eq!(begin(&mut producers, 0, 1, false), Ok(by), "the question is under way");
    assert_eq!(append(&mut producers, &batch(0, 0), by), Ok(()));
    assert_eq!(begin(&mut producers, 0, 1, false), Ok(Verified::Open));
    assert_eq!(append(&mut producers, &batch(0, 1), Verified::Open), Ok(()));
}

#[test]
fn marker_makes_a_late_answer_void() {
    let mut producers = Producers::empty(Offset(0));
    let by = begin(&mut producers, 0, 0, false).unwrap();
    abort(&mut producers, 0, 0);
    assert_eq!(append(&mut producers, &batch(0, 0), by), Err(ErrorCode::InvalidTxnState));
    let again = begin(&mut producers, 0, 0, false).unwrap();
    assert_ne!(again, by);
    assert_eq!(append(&mut producers, &batch(0, 0), by), Err(ErrorCode::InvalidTxnState));
    assert_eq!(append(&mut producers, &batch(0, 0), again), Ok(()));
}

#[test]
fn marker_that_begins_the_epoch_leaves_its_verification() {
    let mut producers = Producers::empty(Offset(0));
    let by = begin(&mut producers, 0, 0, true).unwrap();
    append(&mut producers, &batch(0, 0), by).unwrap();
    let next = begin(&mut producers, 1, 0, true).unwrap();
    abort(&mut producers, 1, 2);
    assert_eq!(append(&mut producers, &batch(1, 0), next), Ok(()));
}

#[test]
fn old_epoch_is_refused_before_anybody_is_asked() {
    let mut producers = Producers::empty(Offset(0));
    let by = begin(&mut producers, 3, 0, false).unwrap();
    append(&mut producers, &batch(3, 0), by).unwrap();
    let refused = Err(ErrorCode::InvalidProducerEpoch);
    assert_eq!(begin(&mut producers, 2, 0, false), refused);
    assert_eq!(append(&mut producers, &batch(2, 0), by), refused.map(drop));
}

#[test]
fn first_batch_goes_before_those_that_were_sent_after_it() {
    for (bumps_epoch, asked, sent, expected) in [
        (false, &[4, 3][..], 4, Err(ErrorCode::OutOfOrderSequenceNumber)),
        (false, &[4, 3], 3, Ok(())),
        (true, &[3], 3, Err(ErrorCode::OutOfOrderSequenceNumber)),
        (true, &[0], 0, Ok(())),
    ] {
        let mut producers = Producers::empty(Offset(0));
        let mut by = Verified::Open;
        for sequence in asked {
            by = begin(&mut producers, 0, *sequence, bumps_epoch).unwrap();
        }
        assert_eq!(append(&mut producers, &batch(0, sent), by), expected, "{asked:?} {sent}");
    }
}

#[test]
fn verification_that_is_never_used_expires() {
    let mut producers = Producers::empty(Offset(0));
    let by = begin(&mut producers, 0, 0, false).unwrap();
    producers.expire(Timestamp(1_000), 1_000);
    assert_eq!(append(&mut producers, &batch(0, 0), by), Err(ErrorCode::InvalidTxnState));
}
