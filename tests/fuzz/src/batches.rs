//! Batches out of fuzz input. Random bytes fail at their checksum, and nothing behind it would ever be tried.

use protocol::record::{BatchBuilder, BatchOptions, Compression, ControlType, EndTxnMarker};
use protocol::record::{HEADER_BYTES, LOG_OVERHEAD};
use protocol::{CoordinatorEpoch, LeaderEpoch, ProducerEpoch, ProducerId, Sequence, Timestamp};

use crate::{Input, NOW};

/// Puts into bytes that lie like batches what makes a reader go on: the magic, a length within the bytes, the checksum.
pub fn mend(bytes: &mut [u8]) {
    let mut rest = bytes;
    while rest.len() >= HEADER_BYTES {
        let stored = u32::from_be_bytes([rest[8], rest[9], rest[10], rest[11]]) as usize;
        let length = stored.clamp(HEADER_BYTES - LOG_OVERHEAD, rest.len() - LOG_OVERHEAD);
        let (batch, after) = rest.split_at_mut(length + LOG_OVERHEAD);
        batch[8..12].copy_from_slice(&(length as u32).to_be_bytes());
        batch[16] = 2;
        let crc = crc32c::crc32c(&batch[21..]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
        rest = after;
    }
}

const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

/// Good batches, each from eight bytes: what a log may hold in an order that it may not.
///
/// | byte | what                                                                    |
/// |------|-------------------------------------------------------------------------|
/// | 0    | base offset                                                             |
/// | 1    | leader epoch                                                            |
/// | 2    | records, 0 to 3; codec                                                  |
/// | 3    | producer id, 0 for none                                                 |
/// | 4    | producer epoch, 0 to 3; transactional; a marker instead of data; abort  |
/// | 5    | sequence                                                                |
/// | 6    | time                                                                    |
/// | 7    | key, none if 0; what is left out between two offsets                    |
pub fn build(input: &mut Input<'_>, out: &mut Vec<u8>) {
    while !input.is_empty() {
        let base_offset = input.offset();
        let leader_epoch = LeaderEpoch(input.byte().into());
        let (shape, producer, flags) = (input.byte(), input.byte(), input.byte());
        let (sequence, time, key) = (input.byte(), input.byte(), input.byte());
        let options = BatchOptions {
            base_offset,
            leader_epoch,
            compression: CODECS[usize::from(shape >> 2) % CODECS.len()],
            producer_id: ProducerId(i64::from(producer) - 1),
            producer_epoch: ProducerEpoch(i16::from(flags & 3)),
            base_sequence: Sequence(i32::from(sequence) - 1),
            is_transactional: flags & 4 != 0,
            ..BatchOptions::default()
        };
        let timestamp = Timestamp(NOW.0 - i64::from(time) * 1000);
        if flags & 8 != 0 {
            let control = if flags & 16 != 0 { ControlType::Abort } else { ControlType::Commit };
            let marker = EndTxnMarker { coordinator_epoch: CoordinatorEpoch(sequence.into()) };
            out.extend_from_slice(&marker.batch(control, timestamp, &options));
            continue;
        }
        let mut builder = BatchBuilder::new(options);
        for idx in 0..i64::from(shape & 3) {
            let offset = base_offset + idx * (1 + i64::from(key >> 6));
            if offset - base_offset != idx * (1 + i64::from(key >> 6)) {
                break;
            }
            let key = (key != 0).then_some([key]);
            let value = (idx != 2).then_some(&b"value"[..]);
            let key = key.as_ref().map(|key| &key[..]);
            builder.append_with_offset(offset, timestamp, key, value, &[]);
        }
        out.extend_from_slice(&builder.build());
    }
}
