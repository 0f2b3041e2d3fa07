//! Changes to a batch in place: what an append, and only an append, does to the bytes of a
//! producer.

use super::batch::crc;
use super::{Batch, BatchError, BatchHeader, HEADER_BYTES, TimestampType};
use crate::{LeaderEpoch, Offset, Timestamp};

/// What an append writes in place of the first 16 bytes of a batch: they are all it changes, and
/// all lie outside the CRC.
pub fn patched_prefix(header: &BatchHeader, base_offset: Offset, epoch: LeaderEpoch) -> [u8; 16] {
    let mut prefix = [0; 16];
    prefix[0..8].copy_from_slice(&base_offset.0.to_be_bytes());
    prefix[8..12].copy_from_slice(&header.length.to_be_bytes());
    prefix[12..16].copy_from_slice(&epoch.0.to_be_bytes());
    prefix
}

/// Moves the batch that `batch` begins with to another base offset. The CRC stays good.
pub fn set_base_offset(batch: &mut [u8], base_offset: Offset) -> Result<(), BatchError> {
    header_mut(batch)?[0..8].copy_from_slice(&base_offset.0.to_be_bytes());
    Ok(())
}

/// Sets the leader epoch of the batch that `batch` begins with. The CRC stays good.
pub fn set_leader_epoch(batch: &mut [u8], leader_epoch: LeaderEpoch) -> Result<(), BatchError> {
    header_mut(batch)?[12..16].copy_from_slice(&leader_epoch.0.to_be_bytes());
    Ok(())
}

/// Sets the maximum timestamp and the timestamp type of the batch that `batch` begins with, and the
/// CRC if that changed anything. Every other attribute bit stays.
pub fn set_max_timestamp_and_type(
    batch: &mut [u8],
    timestamp_type: TimestampType,
    max_timestamp: Timestamp,
) -> Result<(), BatchError> {
    let mut header = *Batch::first(batch)?.header();
    let attributes = header.attributes.with_timestamp_type(timestamp_type);
    if (attributes, max_timestamp) == (header.attributes, header.max_timestamp) {
        return Ok(());
    }
    header = BatchHeader { attributes, max_timestamp, ..header };
    header.encode(header_mut(batch)?);
    header.crc = crc(batch.get(..header.size() as usize).unwrap_or_default());
    header.encode(header_mut(batch)?);
    Ok(())
}

fn header_mut(batch: &mut [u8]) -> Result<&mut [u8; HEADER_BYTES], BatchError> {
    let have = batch.len();
    batch.first_chunk_mut().ok_or(BatchError::Incomplete { needed: HEADER_BYTES, have })
}
