//! Makes batches: those that this broker writes itself, and those of tests. Records gather
//! uncompressed and are compressed at the end. For the same records it writes the bytes that
//! Kafka's `MemoryRecordsBuilder` writes, but for what codecs choose.

use super::batch::crc;
use super::compression::compress;
use super::header::OVERHEAD;
use super::{Attributes, BatchError, BatchHeader, Compression, HEADER_BYTES, MAGIC, TimestampType};
use crate::varint::{put_varint, put_varlong, varint_size, varlong_size};
use crate::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};

/// What a batch is besides its records.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct BatchOptions {
    /// The offset of the first record, unless that is appended with another.
    pub base_offset: Offset,
    /// The epoch of the leader that writes it.
    pub leader_epoch: LeaderEpoch,
    /// The codec of the records.
    pub compression: Compression,
    /// The codec's level; none is its default.
    pub level: Option<i32>,
    /// Who sets the timestamps.
    pub timestamp_type: TimestampType,
    /// The time of all records if the broker sets it, and without meaning otherwise.
    pub log_append_time: Timestamp,
    /// The producer, or none.
    pub producer_id: ProducerId,
    /// Its incarnation.
    pub producer_epoch: ProducerEpoch,
    /// Its sequence of the first record.
    pub base_sequence: Sequence,
    /// True for the records and markers of a transaction.
    pub is_transactional: bool,
    /// True for control records.
    pub is_control: bool,
    /// When the tombstones and markers in it may go.
    pub delete_horizon: Option<Timestamp>,
}

impl Default for BatchOptions {
    /// Data at offset 0, uncompressed, with the producer's times, from no producer in particular.
    fn default() -> Self {
        Self {
            base_offset: Offset::ZERO,
            leader_epoch: LeaderEpoch::NONE,
            compression: Compression::None,
            level: None,
            timestamp_type: TimestampType::CreateTime,
            log_append_time: Timestamp::NONE,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            base_sequence: Sequence::NONE,
            is_transactional: false,
            is_control: false,
            delete_horizon: None,
        }
    }
}

/// A batch in the making.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    options: BatchOptions,
    /// The records so far, uncompressed.
    records: Vec<u8>,
    record_count: i32,
    last_offset: Option<Offset>,
    /// What the timestamp deltas count from: the delete horizon, else the time of the first record.
    base_timestamp: Option<Timestamp>,
    max_timestamp: Timestamp,
}

impl BatchBuilder {
    /// Begins a batch.
    pub const fn new(options: BatchOptions) -> Self {
        Self {
            options,
            records: Vec::new(),
            record_count: 0,
            last_offset: None,
            base_timestamp: options.delete_horizon,
            max_timestamp: Timestamp::NONE,
        }
    }

    /// Appends a record at the offset after the last, or at the base offset.
    ///
    /// # Panics
    /// As [`Self::append_with_offset`] does.
    pub fn append(
        &mut self,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
    ) {
        let offset = self.last_offset.map_or(self.options.base_offset, Offset::next);
        self.append_with_offset(offset, timestamp, key, value, headers);
    }

    /// Appends a record.
    ///
    /// # Panics
    /// If `offset` is not after the last one, or more than `i32::MAX` after the base offset, or if
    /// the record is larger than 2 GiB.
    pub fn append_with_offset(
        &mut self,
        offset: Offset,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
    ) {
        assert!(
            self.last_offset.is_none_or(|last| offset > last),
            "offset {offset} does not follow {:?}",
            self.last_offset
        );
        let head = RecordHead {
            attributes: 0,
            timestamp_delta: self.timestamp_delta(timestamp),
            offset_delta: offset_delta(self.options.base_offset, offset),
        };
        let headers_bytes: usize =
            headers.iter().map(|&(key, value)| bytes_size(Some(key)) + bytes_size(value)).sum();
        let count = length(headers.len());
        let tail_bytes = bytes_size(key) + bytes_size(value) + varint_size(count) + headers_bytes;
        head.put(tail_bytes, &mut self.records).expect("a record is below 2 GiB");
        put_bytes(&mut self.records, key);
        put_bytes(&mut self.records, value);
        put_varint(&mut self.records, count);
        for &(key, value) in headers {
            put_bytes(&mut self.records, Some(key));
            put_bytes(&mut self.records, value);
        }
        self.record_count += 1;
        self.last_offset = Some(offset);
        self.max_timestamp = self.max_timestamp.max(timestamp);
    }

    /// How many records there are.
    pub const fn record_count(&self) -> i32 {
        self.record_count
    }

    /// The bytes of the batch, before compression if there is any.
    pub const fn estimated_size(&self) -> usize {
        HEADER_BYTES + self.records.len()
    }

    /// The whole batch, CRC included. One without records takes up its base offset all the same.
    ///
    /// # Panics
    /// If the batch is larger than 2 GiB; [`Self::estimated_size`] tells before.
    pub fn build(self) -> Vec<u8> {
        let options = &self.options;
        let last_offset = self.last_offset.unwrap_or(options.base_offset);
        let by_broker = options.timestamp_type == TimestampType::LogAppendTime;
        let header = BatchHeader {
            base_offset: options.base_offset,
            length: 0,
            leader_epoch: options.leader_epoch,
            magic: MAGIC,
            crc: 0,
            attributes: self.attributes(),
            last_offset_delta: offset_delta(options.base_offset, last_offset),
            base_timestamp: self.base_timestamp.unwrap_or(Timestamp::NONE),
            max_timestamp: if by_broker { options.log_append_time } else { self.max_timestamp },
            producer_id: options.producer_id,
            producer_epoch: options.producer_epoch,
            base_sequence: options.base_sequence,
            record_count: self.record_count,
        };
        let mut out = Vec::with_capacity(self.estimated_size());
        seal(header, options.level, &self.records, &mut out).expect("a batch is below 2 GiB");
        out
    }

    fn attributes(&self) -> Attributes {
        let options = &self.options;
        // A batch without records has no codec, as the cleaner's empty ones have none.
        let compression =
            if self.record_count == 0 { Compression::None } else { options.compression };
        Attributes::default()
            .with_compression(compression)
            .with_timestamp_type(options.timestamp_type)
            .with_transactional(options.is_transactional)
            .with_control(options.is_control)
            .with_delete_horizon(options.delete_horizon.is_some())
    }

    fn timestamp_delta(&mut self, timestamp: Timestamp) -> i64 {
        timestamp.0.wrapping_sub(self.base_timestamp.get_or_insert(timestamp).0)
    }
}

/// The batch that is left of one when all its records are gone, as the cleaner keeps it for the
/// producer's sequence (`DefaultRecordBatch.writeEmptyHeader`): offsets, producer, timestamp type
/// and maximum timestamp stay.
pub fn empty_batch(original: &BatchHeader) -> [u8; HEADER_BYTES] {
    let header = BatchHeader {
        magic: MAGIC,
        attributes: original
            .attributes
            .with_compression(Compression::None)
            .with_delete_horizon(false),
        base_timestamp: Timestamp::NONE,
        record_count: 0,
        ..*original
    };
    let mut out = Vec::with_capacity(HEADER_BYTES);
    seal(header, None, &[], &mut out).expect("it is all header");
    out.try_into().expect("it is all header")
}

/// Appends the batch of `header` and `records` to `out`, compressed with the codec in the
/// attributes. The length and the CRC are filled in here. After an error `out` is as it was.
pub(super) fn seal(
    mut header: BatchHeader,
    level: Option<i32>,
    records: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), BatchError> {
    let codec = header.attributes.compression()?;
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    compress(codec, level, records, out);
    let (_, batch) = out.split_at_mut(start);
    let Ok(size) = i32::try_from(batch.len()) else {
        out.truncate(start);
        return Err(TOO_LARGE);
    };
    header.length = size.cast_unsigned() - OVERHEAD;
    header.encode(batch.first_chunk_mut().expect("the header was put there"));
    header.crc = crc(batch);
    header.encode(batch.first_chunk_mut().expect("the header was put there"));
    Ok(())
}

/// Kafka counts the bytes of a batch, and of a record, in an `int`.
const TOO_LARGE: BatchError = BatchError::TooLarge { limit: i32::MAX.cast_unsigned() as usize };

/// What stands before the key in a record.
pub(super) struct RecordHead {
    pub(super) attributes: u8,
    pub(super) timestamp_delta: i64,
    pub(super) offset_delta: i32,
}

impl RecordHead {
    /// Appends the length and the head of a record that goes on with `tail_bytes`.
    pub(super) fn put(&self, tail_bytes: usize, out: &mut Vec<u8>) -> Result<(), BatchError> {
        let head_bytes = 1 + varlong_size(self.timestamp_delta) + varint_size(self.offset_delta);
        let length = i32::try_from(head_bytes + tail_bytes).map_err(|_| TOO_LARGE)?;
        put_varint(out, length);
        out.push(self.attributes);
        put_varlong(out, self.timestamp_delta);
        put_varint(out, self.offset_delta);
        Ok(())
    }
}

fn offset_delta(base: Offset, offset: Offset) -> i32 {
    i32::try_from(offset - base).ok().filter(|delta| *delta >= 0).unwrap_or_else(|| {
        panic!("offset {offset} does not fit in a batch whose base offset is {base}")
    })
}

/// A length as the format has it.
fn length(bytes: usize) -> i32 {
    i32::try_from(bytes).expect("a record is below 2 GiB")
}

/// How many bytes [`put_bytes`] appends.
fn bytes_size(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varint_size(length(bytes.len())) + bytes.len())
}

/// Appends a length and the bytes; null has the length -1.
fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varint(out, -1),
        Some(bytes) => {
            put_varint(out, length(bytes.len()));
            out.extend_from_slice(bytes);
        }
    }
}
