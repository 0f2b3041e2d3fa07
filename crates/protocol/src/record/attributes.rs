//! The attributes of a batch: sixteen bits, of which Kafka has named seven.

use std::fmt;

use super::BatchError;

/// ```text
/// bit 0–2  compression codec
///       3  timestamp type
///       4  transactional
///       5  control batch
///       6  base timestamp is the delete horizon
///    7–15  unused, kept as they came
/// ```
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub i16);

const CODEC_MASK: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;
const DELETE_HORIZON: i16 = 0x40;

impl Attributes {
    /// The codec of the records; an error for the numbers that Kafka has not given out.
    pub const fn compression(self) -> Result<Compression, BatchError> {
        match self.0 & CODEC_MASK {
            0 => Ok(Compression::None),
            1 => Ok(Compression::Gzip),
            2 => Ok(Compression::Snappy),
            3 => Ok(Compression::Lz4),
            4 => Ok(Compression::Zstd),
            _ => Err(BatchError::Corrupt { reason: "its attributes name an unknown codec" }),
        }
    }

    /// Who set the timestamps of the records.
    pub const fn timestamp_type(self) -> TimestampType {
        if self.has(LOG_APPEND_TIME) {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        }
    }

    /// True for the records and markers of a transaction.
    pub const fn is_transactional(self) -> bool {
        self.has(TRANSACTIONAL)
    }

    /// True for a batch of control records, which consumers do not see.
    pub const fn is_control(self) -> bool {
        self.has(CONTROL)
    }

    /// True if the base timestamp says when tombstones and markers may go (KIP-534).
    pub const fn has_delete_horizon(self) -> bool {
        self.has(DELETE_HORIZON)
    }

    /// These attributes with another codec.
    #[must_use]
    pub const fn with_compression(self, compression: Compression) -> Self {
        Self(self.0 & !CODEC_MASK | compression as i16)
    }

    /// These attributes with another timestamp type.
    #[must_use]
    pub const fn with_timestamp_type(self, timestamp_type: TimestampType) -> Self {
        self.with(LOG_APPEND_TIME, matches!(timestamp_type, TimestampType::LogAppendTime))
    }

    /// These attributes, in or out of a transaction.
    #[must_use]
    pub const fn with_transactional(self, on: bool) -> Self {
        self.with(TRANSACTIONAL, on)
    }

    /// These attributes, of control records or of data.
    #[must_use]
    pub const fn with_control(self, on: bool) -> Self {
        self.with(CONTROL, on)
    }

    /// These attributes, with or without a delete horizon in the base timestamp.
    #[must_use]
    pub const fn with_delete_horizon(self, on: bool) -> Self {
        self.with(DELETE_HORIZON, on)
    }

    const fn has(self, flag: i16) -> bool {
        self.0 & flag != 0
    }

    const fn with(self, flag: i16, on: bool) -> Self {
        if on { Self(self.0 | flag) } else { Self(self.0 & !flag) }
    }
}

/// How the records of a batch are compressed; the number is the one in the attributes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum Compression {
    /// As they are.
    #[default]
    None = 0,
    /// RFC 1952.
    Gzip = 1,
    /// Snappy, in the framing of the Java library or bare.
    Snappy = 2,
    /// The LZ4 frame format.
    Lz4 = 3,
    /// Zstandard (KIP-110).
    Zstd = 4,
}

/// The name that `compression.type` uses.
impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        })
    }
}

/// Who set the timestamps of a batch (KIP-32).
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// The producer; every record has its own.
    #[default]
    CreateTime,
    /// The broker; all records have the batch's maximum timestamp, whatever their deltas say.
    LogAppendTime,
}
