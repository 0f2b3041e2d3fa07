//! Batches for tests.

use bytes::Bytes;
use protocol::record::{BatchBuilder, BatchOptions, Batches, ControlType, EndTxnMarker};
use protocol::{
    CoordinatorEpoch, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp,
};

use crate::segment::DECOMPRESSED_BYTES_MAX;

/// When tests take place.
pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// So many milliseconds later.
pub(crate) fn later(ms: i64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

/// A key and a value, or the null that makes a tombstone.
pub(crate) type KeyValue<'a> = (&'a str, Option<&'a str>);

/// A batch of these records, all at `timestamp`.
pub(crate) fn keyed(
    options: BatchOptions,
    timestamp: Timestamp,
    records: &[KeyValue<'_>],
) -> Bytes {
    let mut builder = BatchBuilder::new(options);
    for (key, value) in records {
        builder.append(timestamp, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
    }
    builder.build().into()
}

/// A batch of `count` records at [`NOW`] from nobody in particular.
pub(crate) fn plain(count: i64) -> Bytes {
    sized(count, 10)
}

/// The same with values of `bytes` bytes.
pub(crate) fn sized(count: i64, bytes: usize) -> Bytes {
    at(BatchOptions::default(), count, bytes, NOW)
}

/// A batch of `count` records at `timestamp`.
pub(crate) fn at(options: BatchOptions, count: i64, bytes: usize, timestamp: Timestamp) -> Bytes {
    let mut builder = BatchBuilder::new(options);
    for number in 0..count {
        let key = format!("key {number}");
        builder.append(timestamp, Some(key.as_bytes()), Some(&vec![b'v'; bytes]), &[]);
    }
    builder.build().into()
}

/// What a producer's batch says of it.
pub(crate) fn producer(id: i64, epoch: i16, sequence: i32) -> BatchOptions {
    BatchOptions {
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: Sequence(sequence),
        ..BatchOptions::default()
    }
}

/// The same in a transaction.
pub(crate) fn transactional(id: i64, epoch: i16, sequence: i32) -> BatchOptions {
    BatchOptions { is_transactional: true, ..producer(id, epoch, sequence) }
}

/// The end of a transaction.
pub(crate) fn marker(control: ControlType, id: i64, epoch: i16, coordinator_epoch: i32) -> Bytes {
    let marker = EndTxnMarker { coordinator_epoch: CoordinatorEpoch(coordinator_epoch) };
    marker.batch(control, NOW, &producer(id, epoch, -1)).into()
}

/// A batch as a leader hands it to a follower.
pub(crate) fn replicated(base_offset: i64, epoch: i32, count: i64) -> Bytes {
    let options = BatchOptions {
        base_offset: Offset(base_offset),
        leader_epoch: LeaderEpoch(epoch),
        ..BatchOptions::default()
    };
    at(options, count, 10, NOW)
}

/// A record of a log: offset, key and value.
pub(crate) type Stored = (i64, Option<String>, Option<String>);

/// All records in the batches, control records left out.
pub(crate) fn records_in(bytes: &[u8]) -> Vec<Stored> {
    let text =
        |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let mut stored = Vec::new();
    for batch in Batches::new(bytes).map(Result::unwrap) {
        batch.check_crc().unwrap();
        if batch.header().is_control() {
            continue;
        }
        let records = batch.records(DECOMPRESSED_BYTES_MAX).unwrap();
        let records = records.iter().map(Result::unwrap);
        stored.extend(records.map(|it| (it.offset.0, text(it.key), text(it.value))));
    }
    stored
}
