//! The answer to DescribeLogDirs: version 5 says of each directory whether it is cordoned (KIP-1066), which
//! `kafka-protocol` lacks. Version 2 is the first flexible one.
//!
//! | field | type | versions |
//! |---|---|---|
//! | throttle time | i32 | all |
//! | error code | i16 | 3 and later |
//! | results | array | all |
//! | – error code, log dir | i16, string | all |
//! | – topics: name, partitions | array of string, array | all |
//! | – – index, size, lag, is future | i32, i64, i64, bool | all |
//! | – total bytes, usable bytes | i64, i64 | 4 and later |
//! | – is cordoned | bool | 5 and later |

use bytes::{BufMut, Bytes};

use crate::api::ApiKey;
use crate::ids::PartitionId;
use crate::wire::{Reader, Wire, WireError, Writer, wire_fields};

/// What is in the log directories of a broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeLogDirsResponse {
    /// For how long the client was throttled.
    pub throttle_time_ms: i32,
    /// An error that concerns all of it.
    pub error_code: i16,
    /// The directories.
    pub results: Vec<DescribeLogDirsResult>,
}

/// One log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeLogDirsResult {
    /// An error that concerns this directory.
    pub error_code: i16,
    /// Its absolute path.
    pub log_dir: String,
    /// The topics that were asked for.
    pub topics: Vec<DescribeLogDirsTopic>,
    /// The size of its volume; -1 if that is not known.
    pub total_bytes: i64,
    /// What is free of its volume; -1 if that is not known.
    pub usable_bytes: i64,
    /// True if it takes no new partitions.
    pub is_cordoned: bool,
}

/// A topic's partitions in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeLogDirsTopic {
    /// The topic.
    pub name: String,
    /// Its partitions there.
    pub partitions: Vec<DescribeLogDirsPartition>,
}
wire_fields!(DescribeLogDirsTopic { name, partitions });

/// A partition's log in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeLogDirsPartition {
    /// The partition.
    pub partition_index: PartitionId,
    /// The size of its segments in bytes.
    pub partition_size: i64,
    /// How far its end lies behind the high watermark, or for a future log behind the end of the current one.
    pub offset_lag: i64,
    /// True if it is being copied here and will replace the current log.
    pub is_future_key: bool,
}
wire_fields!(DescribeLogDirsPartition {
    partition_index,
    partition_size,
    offset_lag,
    is_future_key,
});

impl DescribeLogDirsResponse {
    pub(super) fn decode(body: &mut Bytes, version: i16) -> Result<Self, WireError> {
        let is_flexible = ApiKey::DescribeLogDirs.is_flexible(version);
        let mut reader = Reader::new(body, version, is_flexible);
        let response = Self {
            throttle_time_ms: reader.read()?,
            error_code: reader.read_since(3, 0)?,
            results: reader.read()?,
        };
        reader.skip_tags()?;
        Ok(response)
    }

    pub(super) fn encode(&self, buf: &mut impl BufMut, version: i16) -> Result<(), WireError> {
        let is_flexible = ApiKey::DescribeLogDirs.is_flexible(version);
        let mut writer = Writer::new(version, is_flexible);
        writer.write(&self.throttle_time_ms);
        writer.write_since(3, &self.error_code);
        writer.write(&self.results);
        writer.no_tags();
        buf.put_slice(&writer.finish()?);
        Ok(())
    }
}

impl Wire for DescribeLogDirsResult {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let result = Self {
            error_code: reader.read()?,
            log_dir: reader.read()?,
            topics: reader.read()?,
            total_bytes: reader.read_since(4, -1)?,
            usable_bytes: reader.read_since(4, -1)?,
            is_cordoned: reader.read_since(5, false)?,
        };
        reader.skip_tags()?;
        Ok(result)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.error_code);
        writer.write(&self.log_dir);
        writer.write(&self.topics);
        writer.write_since(4, &self.total_bytes);
        writer.write_since(4, &self.usable_bytes);
        writer.write_since(5, &self.is_cordoned);
        writer.no_tags();
    }
}
