//! The settings of one topic as its logs use them.

use protocol::record::{Compression, TimestampType};

use crate::broker::BROKER;
use crate::error::Error;
use crate::inherit::inherited;
use crate::reader::Reader;
use crate::settings::Settings;
use crate::topic::TOPIC;
use crate::value::Value;

/// What a log does with records, segments and time. All times are in milliseconds and not negative, so that they can be
/// taken from and added to timestamps; `i64::MAX` stands for never. `Default` is Kafka's default.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicConfig {
    /// `max.message.bytes`: the largest batch.
    pub max_message_bytes: u32,
    /// `compression.type` with the level of its codec.
    pub compression: CompressionPolicy,
    /// `message.timestamp.type`.
    pub message_timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`.
    pub message_timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`.
    pub message_timestamp_after_max_ms: i64,
    /// `segment.bytes`, or `internal.segment.bytes` where a test sets it.
    pub segment_bytes: u32,
    /// `segment.ms`. What a segment rolls by is [`Self::max_segment_ms`].
    pub segment_ms: i64,
    /// `segment.jitter.ms`.
    pub segment_jitter_ms: i64,
    /// `segment.index.bytes`.
    pub segment_index_bytes: u32,
    /// `index.interval.bytes`.
    pub index_interval_bytes: u32,
    /// `preallocate`.
    pub preallocate: bool,
    /// `file.delete.delay.ms`.
    pub file_delete_delay_ms: i64,
    /// `flush.messages`.
    pub flush_messages: u64,
    /// `flush.ms`.
    pub flush_ms: i64,
    /// `min.insync.replicas`.
    pub min_insync_replicas: u32,
    /// `unclean.leader.election.enable`.
    pub unclean_leader_election: bool,
    /// `cleanup.policy`.
    pub cleanup_policy: CleanupPolicy,
    /// `retention.ms`; `None` keeps records of any age.
    pub retention_ms: Option<i64>,
    /// `retention.bytes`; `None` keeps any number of bytes.
    pub retention_bytes: Option<u64>,
    /// `min.cleanable.dirty.ratio`, from 0 to 1.
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`.
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`, at least 1.
    pub max_compaction_lag_ms: i64,
    /// `delete.retention.ms`.
    pub delete_retention_ms: i64,
}

/// How a topic's batches are compressed on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompressionPolicy {
    /// As their producer sent them.
    Producer,
    /// By the broker.
    Broker {
        /// With this codec, or not at all.
        codec: Compression,
        /// This hard; `None` for codecs without levels.
        level: Option<i32>,
    },
}

/// What becomes of old records. With neither, they stay for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Records whose key has a later record go.
    pub compact: bool,
    /// Segments that are too old or too many go.
    pub delete: bool,
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self::new(&Settings::new(&TOPIC), &Settings::new(&BROKER))
    }
}

impl TopicConfig {
    /// The topic's own settings over the broker's over the defaults. It cannot fail, for a broker has to live with the
    /// metadata it is given; [`Self::check`] comes before a change.
    pub fn new(overrides: &Settings, broker: &Settings) -> Self {
        let reader = Reader(|key: &str| effective(key, overrides, broker));
        let segment_bytes = match overrides.get("internal.segment.bytes") {
            Some(_) => reader.number("internal.segment.bytes"),
            None => reader.number("segment.bytes"),
        };
        Self {
            max_message_bytes: reader.number("max.message.bytes"),
            compression: compression(&reader),
            message_timestamp_type: match reader.string("message.timestamp.type").as_str() {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            message_timestamp_before_max_ms: reader.long("message.timestamp.before.max.ms"),
            message_timestamp_after_max_ms: reader.long("message.timestamp.after.max.ms"),
            segment_bytes,
            segment_ms: reader.long("segment.ms"),
            segment_jitter_ms: reader.long("segment.jitter.ms"),
            segment_index_bytes: reader.number("segment.index.bytes"),
            index_interval_bytes: reader.number("index.interval.bytes"),
            preallocate: reader.boolean("preallocate"),
            file_delete_delay_ms: reader.long("file.delete.delay.ms"),
            flush_messages: reader.number("flush.messages"),
            flush_ms: reader.long("flush.ms"),
            min_insync_replicas: reader.number("min.insync.replicas"),
            unclean_leader_election: reader.boolean("unclean.leader.election.enable"),
            cleanup_policy: cleanup_policy(&reader.list("cleanup.policy")),
            retention_ms: Some(reader.long("retention.ms")).filter(|ms| *ms >= 0),
            retention_bytes: u64::try_from(reader.long("retention.bytes")).ok(),
            min_cleanable_dirty_ratio: reader.double("min.cleanable.dirty.ratio"),
            min_compaction_lag_ms: reader.long("min.compaction.lag.ms"),
            max_compaction_lag_ms: reader.long("max.compaction.lag.ms"),
            delete_retention_ms: reader.long("delete.retention.ms"),
        }
    }

    /// Whether a topic may be given these settings: those that are right alone may not fit each other or the broker.
    pub fn check(overrides: &Settings, broker: &Settings) -> Result<(), Error> {
        let Self { min_compaction_lag_ms: min, max_compaction_lag_ms: max, .. } =
            Self::new(overrides, broker);
        if min > max {
            let reason = format!("max.compaction.lag.ms is smaller, {max}");
            return Err(Error::conflict("min.compaction.lag.ms", &Value::Long(min), reason));
        }
        match overrides.get("remote.storage.enable") {
            Some(on @ Value::Boolean(true)) => {
                let reason = "this broker has no tiered storage";
                Err(Error::conflict("remote.storage.enable", on, reason))
            }
            _ => Ok(()),
        }
    }

    /// The age at which a segment rolls: only closed segments are compacted, so `max.compaction.lag.ms` bounds it too.
    pub fn max_segment_ms(&self) -> i64 {
        if self.cleanup_policy.compact {
            self.segment_ms.min(self.max_compaction_lag_ms)
        } else {
            self.segment_ms
        }
    }
}

/// The value of a topic's `key` that holds. What a broker sets outside the topic's limits counts as not set, so that no
/// layer can bring in a value that the fields cannot have; `StorageConfig` refuses it when the broker starts.
pub(crate) fn effective(key: &str, overrides: &Settings, broker: &Settings) -> Option<Value> {
    if let Some(value) = overrides.get(key) {
        return Some(value.clone());
    }
    let definition = TOPIC.get(key).ok()?;
    inherited(definition, broker)
        .map(|(_, value)| value)
        .filter(|value| definition.admits(value))
        .or_else(|| definition.default_value())
}

fn compression(reader: &Reader<impl Fn(&str) -> Option<Value>>) -> CompressionPolicy {
    let level = |key| Some(reader.number(key));
    let (codec, level) = match reader.string("compression.type").as_str() {
        "uncompressed" => (Compression::None, None),
        "gzip" => (Compression::Gzip, level("compression.gzip.level")),
        "snappy" => (Compression::Snappy, None),
        "lz4" => (Compression::Lz4, level("compression.lz4.level")),
        "zstd" => (Compression::Zstd, level("compression.zstd.level")),
        _ => return CompressionPolicy::Producer,
    };
    CompressionPolicy::Broker { codec, level }
}

fn cleanup_policy(names: &[String]) -> CleanupPolicy {
    let has = |name: &str| names.iter().any(|other| other == name);
    CleanupPolicy { compact: has("compact"), delete: has("delete") }
}

#[cfg(test)]
mod tests;
