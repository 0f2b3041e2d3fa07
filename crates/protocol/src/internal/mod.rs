//! The records of Kafka's internal topics, byte for byte as Kafka 4.3 writes them, so that its tools read our logs.
//!
//! [`group`] is `__consumer_offsets` and [`transaction`] is `__transaction_state`. A record of these has a key, which
//! begins with the type of the record, and a value, which begins with its version (`CoordinatorRecordSerde`):
//!
//! | key | type i16 | fields, never flexible |
//! |---|---|---|
//! | value, or null to delete | version i16 | fields |
//!
//! Every version that Kafka reads is read; what is written has the version that Kafka writes. Tagged fields that we do
//! not know are passed over, and so are bytes behind the last field, both as in Kafka.
//!
//! [`metadata`] is `__cluster_metadata`, whose records have no key and a frame of their own.

#[cfg(test)]
mod fixtures;
pub mod group;
pub mod metadata;
pub mod transaction;

use bytes::Bytes;

use crate::wire::{Reader, Wire, WireError, Writer};

/// Why a record cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A type from a later version of Kafka, or of a feature that we do not have. Kafka's coordinators pass over such
    /// records, and its controllers stop.
    #[error("records of type {0} are not known")]
    UnknownType(i16),
    /// A version that we do not know, as a rule from a later Kafka.
    #[error("version {version} of {record} is not known, and the newest known is {newest}")]
    UnknownVersion {
        /// Kafka's name of the record.
        record: &'static str,
        /// The version that it has.
        version: i16,
        /// The newest that we read.
        newest: i16,
    },
    /// The bytes are not such a record.
    #[error("{record} is damaged: {error}")]
    Damaged {
        /// Kafka's name of the record, or of the part of it.
        record: &'static str,
        /// What is wrong.
        error: WireError,
    },
}

/// A record as it goes into a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    /// What the record is about: compaction keeps the last one of each key.
    pub key: Bytes,
    /// What is known of it; `None` deletes it.
    pub value: Option<Bytes>,
}

/// The value of a record.
trait Value: Wire {
    /// Kafka's name.
    const NAME: &'static str;
    /// The newest version; all of them from 0 on are read.
    const NEWEST: i16 = 0;
    /// The first flexible version.
    const FLEXIBLE_FROM: i16 = 0;

    /// The version that Kafka writes it in.
    fn written_version(&self) -> i16 {
        Self::NEWEST
    }
}

/// Reads the two bytes that a key or a value begins with.
fn read_prefix<'a>(record: &'static str, bytes: &'a [u8]) -> Result<(i16, &'a [u8]), RecordError> {
    let mut reader = Reader::new(bytes, 0, false);
    match reader.read() {
        Ok(prefix) => Ok((prefix, reader.rest())),
        Err(error) => Err(RecordError::Damaged { record, error }),
    }
}

/// Reads the fields of a key.
fn read_key<K: Wire>(record: &'static str, fields: &[u8]) -> Result<K, RecordError> {
    let key = Reader::new(fields, 0, false).read();
    key.map_err(|error| RecordError::Damaged { record, error })
}

/// Reads a value, its version first.
fn read_value<V: Value>(bytes: &[u8]) -> Result<V, RecordError> {
    let (version, fields) = read_prefix(V::NAME, bytes)?;
    let value = reader::<V>(version, fields)?.read();
    value.map_err(|error| RecordError::Damaged { record: V::NAME, error })
}

/// A reader over the fields of a value, if its version is known.
fn reader<V: Value>(version: i16, fields: &[u8]) -> Result<Reader<'_>, RecordError> {
    let (record, newest) = (V::NAME, V::NEWEST);
    if !(0..=newest).contains(&version) {
        return Err(RecordError::UnknownVersion { record, version, newest });
    }
    Ok(Reader::new(fields, version, version >= V::FLEXIBLE_FROM))
}

/// Writes a key behind the type of its record.
fn write_key<K: Wire>(record_type: i16, key: &K) -> Result<Bytes, WireError> {
    let mut writer = Writer::new(0, false);
    writer.write(&record_type);
    writer.write(key);
    writer.finish().map(Bytes::from)
}

/// Writes a value behind its version.
fn write_value<V: Value>(value: &V) -> Result<Bytes, WireError> {
    let version = value.written_version();
    let mut writer = Writer::new(version, version >= V::FLEXIBLE_FROM);
    writer.write(&version);
    writer.write(value);
    writer.finish().map(Bytes::from)
}
