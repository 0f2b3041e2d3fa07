//! One record as it lies in the payload of its batch: every field borrowed, every length checked
//! before it is used.

use std::fmt;
use std::iter::FusedIterator;

use super::{BatchHeader, TimestampType};
use crate::varint::{take_varint, take_varlong, varlong_size};
use crate::{Offset, Timestamp};

/// ```text
/// length           varint   of the body, which is all that follows
/// attributes       i8       unused
/// timestamp delta  varlong
/// offset delta     varint
/// key              varint length (negative: null), bytes
/// value            varint length (negative: null), bytes
/// header count     varint
/// headers          each: varint key length, key, varint value length (negative: null), value
/// ```
#[derive(Copy, Clone)]
pub struct Record<'a> {
    /// Where the record stands in its partition.
    pub offset: Offset,
    /// Its time: the batch's append time where the broker sets it, else the producer's.
    pub timestamp: Timestamp,
    /// The key, if there is one.
    pub key: Option<&'a [u8]>,
    /// The value; a record without one is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers, in the order they were written.
    pub headers: Headers<'a>,
    /// The body as it is stored: what the length prefix counts.
    pub raw: &'a [u8],
    /// The offset less the batch's base offset.
    pub offset_delta: i32,
    /// What the batch's base timestamp is added to; without meaning where the broker sets the time.
    pub timestamp_delta: i64,
    /// The end of `raw` from the key's length on: what a batch with other deltas takes over.
    pub(super) tail: &'a [u8],
}

impl<'a> Record<'a> {
    /// The bytes of the record with its length prefix.
    pub fn size(&self) -> usize {
        varlong_size(self.raw.len() as i64) + self.raw.len()
    }

    /// Takes a record off the front of `payload`; the error says what is wrong with it.
    #[inline]
    pub(super) fn take(payload: &mut &'a [u8], batch: &Deltas) -> Result<Self, &'static str> {
        let raw = take_bytes(payload, "its length is damaged")?;
        let raw = raw.ok_or("its length is negative")?;
        let Some((_attributes, mut rest)) = raw.split_first() else {
            return Err("its body is empty");
        };
        let timestamp_delta = take_varlong(&mut rest).map_err(|_| "its timestamp is damaged")?;
        let offset_delta = take_varint(&mut rest).map_err(|_| "its offset is damaged")?;
        let tail = rest;
        let key = take_bytes(&mut rest, "the length of its key is damaged")?;
        let value = take_bytes(&mut rest, "the length of its value is damaged")?;
        let headers = Headers::parse(rest)?;
        Ok(Self {
            offset: batch.base_offset + i64::from(offset_delta),
            timestamp: batch.timestamp(timestamp_delta),
            key,
            value,
            headers,
            raw,
            offset_delta,
            timestamp_delta,
            tail,
        })
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As with a batch, what is in it is nobody's business.
        f.debug_struct("Record")
            .field("offset", &self.offset)
            .field("timestamp", &self.timestamp)
            .field("key_bytes", &self.key.map(<[u8]>::len))
            .field("value_bytes", &self.value.map(<[u8]>::len))
            .field("headers", &self.headers.count())
            .finish_non_exhaustive()
    }
}

/// What a batch's header says about the offsets and times of its records.
#[derive(Copy, Clone, Debug)]
pub(super) struct Deltas {
    base_offset: Offset,
    base_timestamp: Timestamp,
    log_append_time: Option<Timestamp>,
}

impl Deltas {
    pub(super) fn of(header: &BatchHeader) -> Self {
        let by_broker = header.attributes.timestamp_type() == TimestampType::LogAppendTime;
        Self {
            base_offset: header.base_offset,
            base_timestamp: header.base_timestamp,
            log_append_time: by_broker.then_some(header.max_timestamp),
        }
    }

    /// Times wrap as in Kafka, so that a rewrite against another base gives the same ones back.
    #[inline]
    fn timestamp(&self, delta: i64) -> Timestamp {
        let own = Timestamp(self.base_timestamp.0.wrapping_add(delta));
        self.log_append_time.unwrap_or(own)
    }
}

/// The headers of a record: checked when the record was read, decoded as they are walked. Duplicate
/// keys and order are kept.
#[derive(Copy, Clone, Debug, Default)]
pub struct Headers<'a> {
    remaining: u32,
    bytes: &'a [u8],
}

impl<'a> Headers<'a> {
    /// How many headers are left to walk.
    pub const fn count(&self) -> usize {
        self.remaining as usize
    }

    /// Checks that `bytes` are a count and exactly that many headers.
    #[inline]
    fn parse(mut bytes: &'a [u8]) -> Result<Self, &'static str> {
        if bytes == [0] {
            return Ok(Self::default());
        }
        let count = take_varint(&mut bytes).map_err(|_| "its header count is damaged")?;
        let count = u32::try_from(count).map_err(|_| "its header count is negative")?;
        let headers = Self { remaining: count, bytes };
        for _ in 0..count {
            take_header(&mut bytes)?;
        }
        if !bytes.is_empty() {
            return Err("bytes follow its last header");
        }
        Ok(headers)
    }
}

impl<'a> Iterator for Headers<'a> {
    /// The key, which is UTF-8 by convention only, and the value, if there is one.
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        self.remaining = self.remaining.checked_sub(1)?;
        // Every one of them was taken once before, in `parse`.
        take_header(&mut self.bytes).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count(), Some(self.count()))
    }
}

impl ExactSizeIterator for Headers<'_> {}

impl FusedIterator for Headers<'_> {}

/// Takes a header off the front of `bytes`.
#[inline]
fn take_header<'a>(bytes: &mut &'a [u8]) -> Result<(&'a [u8], Option<&'a [u8]>), &'static str> {
    let key = take_bytes(bytes, "the length of a header key is damaged")?;
    let value = take_bytes(bytes, "the length of a header value is damaged")?;
    Ok((key.ok_or("a header key is null")?, value))
}

/// Takes a length and that many bytes off the front of `bytes`. A negative length is null, and one
/// that is no number, or more than there is, is the `damage`.
#[inline]
fn take_bytes<'a>(
    bytes: &mut &'a [u8],
    damage: &'static str,
) -> Result<Option<&'a [u8]>, &'static str> {
    let length = take_varint(bytes).map_err(|_| damage)?;
    let Ok(length) = usize::try_from(length) else {
        return Ok(None);
    };
    let (taken, rest) = bytes.split_at_checked(length).ok_or(damage)?;
    *bytes = rest;
    Ok(Some(taken))
}
