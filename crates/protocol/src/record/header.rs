//! The 61-byte header of a batch as a value; it owns nothing of the batch and its fields are those
//! on the wire.

use super::{Attributes, BatchError, HEADER_BYTES, LOG_OVERHEAD, MAGIC};
use crate::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};

/// ```text
///  0  base offset        i64 ┐ what an append patches
///  8  length             i32 │ of what follows it
/// 12  leader epoch       i32 ┘
/// 16  magic              i8
/// 17  CRC-32C            u32   of everything after it
/// 21  attributes         i16
/// 23  last offset delta  i32
/// 27  base timestamp     i64
/// 35  max timestamp      i64
/// 43  producer id        i64
/// 51  producer epoch     i16
/// 53  base sequence      i32
/// 57  record count       i32
/// 61  records
/// ```
/// All big-endian.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The offset of the first record that the batch was made with.
    pub base_offset: Offset,
    /// The bytes of the batch after the length field.
    pub length: u32,
    /// The epoch of the leader that appended the batch; a producer sends none.
    pub leader_epoch: LeaderEpoch,
    /// The format; always 2.
    pub magic: i8,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Codec and flags.
    pub attributes: Attributes,
    /// The last offset less the base offset; compaction keeps it, even if that record is gone.
    pub last_offset_delta: i32,
    /// What the timestamp deltas of the records add to; it may also be the delete horizon.
    pub base_timestamp: Timestamp,
    /// The largest timestamp of the records, or the append time of all of them.
    pub max_timestamp: Timestamp,
    /// The idempotent producer, or none.
    pub producer_id: ProducerId,
    /// Its incarnation.
    pub producer_epoch: ProducerEpoch,
    /// The producer's sequence of the first record that the batch was made with.
    pub base_sequence: Sequence,
    /// How many records there are; compaction lowers it, to 0 even.
    pub record_count: i32,
}

/// Where the bytes under the CRC begin.
pub(super) const ATTRIBUTES_AT: usize = 21;
/// The magic byte, which stands at the same place in every format that Kafka ever had.
const MAGIC_AT: usize = 16;

impl BatchHeader {
    /// Reads a header and checks it against itself, but not the CRC, which takes the whole batch.
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchError> {
        // The magic comes first: what the other fields mean depends on it, and an old message may
        // be under 61 bytes.
        match bytes.get(MAGIC_AT).map(|&magic| magic.cast_signed()) {
            None | Some(MAGIC) => {}
            Some(magic) => return Err(BatchError::Magic(magic)),
        }
        let incomplete = BatchError::Incomplete { needed: HEADER_BYTES, have: bytes.len() };
        let header = Self::read(bytes.first_chunk().ok_or(incomplete)?)?;
        header.check()?;
        Ok(header)
    }

    fn read(bytes: &[u8; HEADER_BYTES]) -> Result<Self, BatchError> {
        let mut fields = Fields(bytes);
        Ok(Self {
            base_offset: Offset(i64::from_be_bytes(fields.take())),
            length: u32::try_from(i32::from_be_bytes(fields.take()))
                .map_err(|_| BatchError::Corrupt { reason: "its length is negative" })?,
            leader_epoch: LeaderEpoch(i32::from_be_bytes(fields.take())),
            magic: i8::from_be_bytes(fields.take()),
            crc: u32::from_be_bytes(fields.take()),
            attributes: Attributes(i16::from_be_bytes(fields.take())),
            last_offset_delta: i32::from_be_bytes(fields.take()),
            base_timestamp: Timestamp(i64::from_be_bytes(fields.take())),
            max_timestamp: Timestamp(i64::from_be_bytes(fields.take())),
            producer_id: ProducerId(i64::from_be_bytes(fields.take())),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(fields.take())),
            base_sequence: Sequence(i32::from_be_bytes(fields.take())),
            record_count: i32::from_be_bytes(fields.take()),
        })
    }

    fn check(&self) -> Result<(), BatchError> {
        let corrupt = |reason| Err(BatchError::Corrupt { reason });
        if self.length < LENGTH_MIN {
            return corrupt("its length leaves no room for the header");
        }
        if self.length > LENGTH_MAX {
            return corrupt("its size does not fit in 31 bits");
        }
        if self.last_offset_delta < 0 {
            return corrupt("its last offset lies before its base offset");
        }
        if self.record_count < 0 {
            return corrupt("its record count is negative");
        }
        if self.base_offset.0.checked_add(i64::from(self.last_offset_delta) + 1).is_none() {
            return corrupt("its offsets overflow");
        }
        Ok(())
    }

    /// Writes the header as it stands, the stored CRC included.
    pub fn encode(&self, out: &mut [u8; HEADER_BYTES]) {
        out[0..8].copy_from_slice(&self.base_offset.0.to_be_bytes());
        out[8..12].copy_from_slice(&self.length.to_be_bytes());
        out[12..16].copy_from_slice(&self.leader_epoch.0.to_be_bytes());
        out[16..17].copy_from_slice(&self.magic.to_be_bytes());
        out[17..21].copy_from_slice(&self.crc.to_be_bytes());
        out[21..23].copy_from_slice(&self.attributes.0.to_be_bytes());
        out[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        out[27..35].copy_from_slice(&self.base_timestamp.0.to_be_bytes());
        out[35..43].copy_from_slice(&self.max_timestamp.0.to_be_bytes());
        out[43..51].copy_from_slice(&self.producer_id.0.to_be_bytes());
        out[51..53].copy_from_slice(&self.producer_epoch.0.to_be_bytes());
        out[53..57].copy_from_slice(&self.base_sequence.0.to_be_bytes());
        out[57..61].copy_from_slice(&self.record_count.to_be_bytes());
    }

    /// The bytes of the whole batch, header included.
    pub const fn size(&self) -> u32 {
        self.length.saturating_add(OVERHEAD)
    }

    /// The last offset that the batch takes up, be its record still there or not.
    pub fn last_offset(&self) -> Offset {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    /// The offset after the batch.
    pub fn next_offset(&self) -> Offset {
        self.last_offset().next()
    }

    /// The producer's sequence of the last record, or none.
    pub const fn last_sequence(&self) -> Sequence {
        if self.base_sequence.is_none() {
            return Sequence::NONE;
        }
        self.base_sequence.advance(self.last_offset_delta)
    }

    /// When the tombstones and markers in the batch may go, once the cleaner has set it (KIP-534).
    pub fn delete_horizon(&self) -> Option<Timestamp> {
        self.attributes.has_delete_horizon().then_some(self.base_timestamp)
    }

    /// True for the records and markers of a transaction.
    pub const fn is_transactional(&self) -> bool {
        self.attributes.is_transactional()
    }

    /// True for a batch of control records.
    pub const fn is_control(&self) -> bool {
        self.attributes.is_control()
    }
}

/// What the length does not count.
pub(super) const OVERHEAD: u32 = 12;
/// The length of a batch without records.
const LENGTH_MIN: u32 = 49;
const _: () = assert!(OVERHEAD as usize == LOG_OVERHEAD);
const _: () = assert!((OVERHEAD + LENGTH_MIN) as usize == HEADER_BYTES);
/// Kafka counts the bytes of a batch in an `int`.
const LENGTH_MAX: u32 = i32::MAX.cast_unsigned() - OVERHEAD;

/// Takes fixed fields off the front of a header.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().expect("the fields add up to a header");
        self.0 = rest;
        *field
    }
}
