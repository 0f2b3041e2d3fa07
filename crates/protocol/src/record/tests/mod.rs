//! Tests of the batch as a whole: against Kafka's own bytes, for any batch that can be built, and
//! for damaged ones.

mod damage;
mod kafka;
mod rewrite;
mod round_trip;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};

/// More than any test decompresses, unless it is about the limit.
const LIMIT: usize = 1 << 20;

const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

/// A record that owns its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned {
    offset: i64,
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl From<Record<'_>> for Owned {
    fn from(record: Record<'_>) -> Self {
        let own = |(key, value): (&[u8], Option<&[u8]>)| (key.to_vec(), value.map(<[u8]>::to_vec));
        Self {
            offset: record.offset.0,
            timestamp: record.timestamp.0,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.map(own).collect(),
        }
    }
}

/// The records of a batch that must be good.
fn read(batch: &Batch<'_>) -> Vec<Owned> {
    batch.check_crc().unwrap();
    let records = batch.records(LIMIT).unwrap();
    records.iter().map(|record| record.unwrap().into()).collect()
}

fn build(options: BatchOptions, records: &[Owned]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(options);
    for record in records {
        let headers: Vec<_> =
            record.headers.iter().map(|(key, value)| (&key[..], value.as_deref())).collect();
        builder.append_with_offset(
            Offset(record.offset),
            Timestamp(record.timestamp),
            record.key.as_deref(),
            record.value.as_deref(),
            &headers,
        );
    }
    builder.build()
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    // Short random bytes, and long ones that compress.
    prop_oneof![vec(any::<u8>(), 0..20), (any::<u8>(), 0..400_usize).prop_map(|(b, n)| vec![b; n])]
}

/// Records at base offset 0 whose offsets rise by 1 to `gap`.
fn any_records(gap: i64) -> impl Strategy<Value = Vec<Owned>> {
    let timestamp = prop_oneof![0..2_000_000_000_000_i64, any::<i64>()];
    let header = (vec(any::<u8>(), 0..5), option::of(any_bytes()));
    let record =
        (1..=gap, timestamp, option::of(any_bytes()), option::of(any_bytes()), vec(header, 0..4));
    vec(record, 0..20).prop_map(|records| {
        let mut next = -1;
        let place = |(step, timestamp, key, value, headers)| {
            next += step;
            Owned { offset: next, timestamp, key, value, headers }
        };
        records.into_iter().map(place).collect()
    })
}

prop_compose! {
    /// Options of any kind, with base offset 0.
    fn any_options()(
        codec in 0..CODECS.len(),
        level in option::of(-10..30),
        epoch: i32,
        log_append_time in option::of(any::<i64>()),
        (id, producer_epoch, sequence) in any::<(i64, i16, i32)>(),
        (is_transactional, is_control) in any::<(bool, bool)>(),
        horizon in option::of(0..i64::MAX),
    ) -> BatchOptions {
        BatchOptions {
            base_offset: Offset::ZERO,
            leader_epoch: LeaderEpoch(epoch),
            compression: CODECS[codec],
            level,
            timestamp_type: match log_append_time {
                Some(_) => TimestampType::LogAppendTime,
                None => TimestampType::CreateTime,
            },
            log_append_time: Timestamp(log_append_time.unwrap_or_default()),
            producer_id: ProducerId(id),
            producer_epoch: ProducerEpoch(producer_epoch),
            base_sequence: Sequence(sequence),
            is_transactional,
            is_control,
            delete_horizon: horizon.map(Timestamp),
        }
    }
}
