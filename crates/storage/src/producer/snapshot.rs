//! The producer snapshot: the state of all producers of a log up to the offset that the file is named by.
//!
//! Written when a segment is rolled and when the log is closed, so that opening it replays little. All numbers are
//! big-endian (`ProducerSnapshot.json`, `ProducerStateManager.writeSnapshot`):
//!
//! | field   | bytes   | content                     |
//! |---------|---------|-----------------------------|
//! | version | 2       | 1                           |
//! | crc     | 4       | CRC-32C of all that follows |
//! | count   | 4       | how many entries follow     |
//! | entries | 46 each | see below                   |
//!
//! | field of an entry        | bytes |
//! |--------------------------|-------|
//! | producer id              | 8     |
//! | producer epoch           | 2     |
//! | last sequence            | 4     |
//! | last offset              | 8     |
//! | offset delta             | 4     |
//! | timestamp                | 8     |
//! | coordinator epoch        | 4     |
//! | current txn first offset | 8     |

use bytes::{Buf, BufMut};
use protocol::{CoordinatorEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};

use crate::files::FormatError;

const VERSION: i16 = 1;
/// Version and checksum, which the checksum does not cover.
const HEAD_BYTES: usize = 6;
const ENTRY_BYTES: usize = 46;

/// One producer. Of the batches that the log remembers only the last is kept here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotEntry {
    /// Who it is.
    pub producer_id: ProducerId,
    /// Its incarnation.
    pub producer_epoch: ProducerEpoch,
    /// The sequence of the last record of its last batch, or none.
    pub last_sequence: Sequence,
    /// The offset of that record, or none.
    pub last_offset: Offset,
    /// How many offsets the batch spans beyond its first.
    pub offset_delta: i32,
    /// The greatest timestamp of the batch; without a batch, the timestamp of the last transaction marker.
    pub timestamp: Timestamp,
    /// The epoch of the coordinator that wrote the last transaction marker, or none.
    pub coordinator_epoch: CoordinatorEpoch,
    /// Where the producer's open transaction begins in this log.
    pub current_txn_first_offset: Option<Offset>,
}

impl SnapshotEntry {
    fn encode(&self, out: &mut Vec<u8>) {
        out.put_i64(self.producer_id.0);
        out.put_i16(self.producer_epoch.0);
        out.put_i32(self.last_sequence.0);
        out.put_i64(self.last_offset.0);
        out.put_i32(self.offset_delta);
        out.put_i64(self.timestamp.0);
        out.put_i32(self.coordinator_epoch.0);
        out.put_i64(self.current_txn_first_offset.unwrap_or(Offset::NONE).0);
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        Some(Self {
            producer_id: ProducerId(bytes.try_get_i64().ok()?),
            producer_epoch: ProducerEpoch(bytes.try_get_i16().ok()?),
            last_sequence: Sequence(bytes.try_get_i32().ok()?),
            last_offset: Offset(bytes.try_get_i64().ok()?),
            offset_delta: bytes.try_get_i32().ok()?,
            timestamp: Timestamp(bytes.try_get_i64().ok()?),
            coordinator_epoch: CoordinatorEpoch(bytes.try_get_i32().ok()?),
            current_txn_first_offset: Some(Offset(bytes.try_get_i64().ok()?))
                .filter(|offset| !offset.is_none()),
        })
    }
}

/// The content of a snapshot file.
pub fn encode(entries: &[SnapshotEntry]) -> Vec<u8> {
    let count = i32::try_from(entries.len()).expect("producers are bounded far below 2^31");
    let mut body = Vec::with_capacity(size_of_val(&count) + entries.len() * ENTRY_BYTES);
    body.put_i32(count);
    for entry in entries {
        entry.encode(&mut body);
    }
    let mut out = Vec::with_capacity(HEAD_BYTES + body.len());
    out.put_i16(VERSION);
    out.put_u32(crc32c::crc32c(&body));
    out.extend_from_slice(&body);
    out
}

/// Reads a snapshot file.
pub fn decode(mut bytes: &[u8]) -> Result<Vec<SnapshotEntry>, FormatError> {
    let whole_len = bytes.len();
    let too_short = |_| FormatError::new(format!("{whole_len} bytes are too few for a snapshot"));
    let version = bytes.try_get_i16().map_err(too_short)?;
    if version != VERSION {
        return Err(FormatError::new(format!(
            "snapshot version {version} where {VERSION} is known"
        )));
    }
    let stored = bytes.try_get_u32().map_err(too_short)?;
    let computed = crc32c::crc32c(bytes);
    if stored != computed {
        let reason = format!("snapshot checksum is {computed:08x} where {stored:08x} is stored");
        return Err(FormatError::new(reason));
    }
    let count = bytes.try_get_i32().map_err(too_short)?;
    // The length is compared before anything is allocated for the entries.
    if usize::try_from(count).ok().and_then(|count| count.checked_mul(ENTRY_BYTES))
        != Some(bytes.len())
    {
        let reason = format!("{} bytes do not hold {count} snapshot entries", bytes.len());
        return Err(FormatError::new(reason));
    }
    Ok(bytes.chunks_exact(ENTRY_BYTES).filter_map(SnapshotEntry::decode).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::bytes_of;

    /// Written by Kafka 4.3.1's ProducerStateManager.
    const KAFKA: &str = concat!(
        "0001e5d2cbcd00000002",
        "0000000000000fa0000300000029000000000000040d000000020000018bcfe57b8800000007",
        "000000000000040b",
        "0000000000000fa10000ffffffffffffffffffffffff000000000000018bcfe56801ffffffff",
        "ffffffffffffffff",
    );

    fn kafka() -> [SnapshotEntry; 2] {
        [
            SnapshotEntry {
                producer_id: ProducerId(4000),
                producer_epoch: ProducerEpoch(3),
                last_sequence: Sequence(41),
                last_offset: Offset(1037),
                offset_delta: 2,
                timestamp: Timestamp(1_700_000_005_000),
                coordinator_epoch: CoordinatorEpoch(7),
                current_txn_first_offset: Some(Offset(1035)),
            },
            SnapshotEntry {
                producer_id: ProducerId(4001),
                producer_epoch: ProducerEpoch(0),
                last_sequence: Sequence::NONE,
                last_offset: Offset::NONE,
                offset_delta: 0,
                timestamp: Timestamp(1_700_000_000_001),
                coordinator_epoch: CoordinatorEpoch::NONE,
                current_txn_first_offset: None,
            },
        ]
    }

    #[test]
    fn snapshot_as_kafka_writes_it_is_read_and_written() {
        assert_eq!(decode(&bytes_of(KAFKA)).unwrap(), kafka());
        assert_eq!(encode(&kafka()), bytes_of(KAFKA));
        assert_eq!(encode(&[]), bytes_of("000148674bc700000000"));
    }

    #[test]
    fn decode_damaged_snapshot_is_refused() {
        let whole = encode(&kafka());
        for len in 0..whole.len() {
            assert!(decode(&whole[..len]).is_err(), "cut to {len} bytes");
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit} flipped");
        }
    }

    #[test]
    fn decode_impossible_count_with_good_checksum_is_refused() {
        for count in [-1_i32, 1, i32::MAX] {
            let body = count.to_be_bytes();
            let mut bytes = vec![0, 1];
            bytes.put_u32(crc32c::crc32c(&body));
            bytes.extend_from_slice(&body);
            assert!(decode(&bytes).is_err(), "{count} entries");
        }
    }

    fn any_entry() -> impl Strategy<Value = SnapshotEntry> {
        let batch = (any::<i32>(), any::<i64>(), any::<i32>(), any::<i64>());
        (any::<i64>(), any::<i16>(), batch, any::<i32>(), proptest::option::of(0..=i64::MAX))
            .prop_map(|(id, epoch, (sequence, offset, delta, timestamp), coordinator, txn)| {
                SnapshotEntry {
                    producer_id: ProducerId(id),
                    producer_epoch: ProducerEpoch(epoch),
                    last_sequence: Sequence(sequence),
                    last_offset: Offset(offset),
                    offset_delta: delta,
                    timestamp: Timestamp(timestamp),
                    coordinator_epoch: CoordinatorEpoch(coordinator),
                    current_txn_first_offset: txn.map(Offset),
                }
            })
    }

    proptest! {
        #[test]
        fn snapshot_survives_a_round_trip(entries in proptest::collection::vec(any_entry(), 0..40)) {
            prop_assert_eq!(decode(&encode(&entries)).unwrap(), entries);
        }

        #[test]
        fn decode_survives_any_bytes(bytes: Vec<u8>) {
            let _ = decode(&bytes);
            // With a good checksum in front, so that what lies behind it is reached.
            let mut sealed = vec![0, 1];
            sealed.put_u32(crc32c::crc32c(&bytes));
            sealed.extend_from_slice(&bytes);
            let _ = decode(&sealed);
        }
    }
}
