//! The plainer parts of a broker's settings.

use crate::error::Error;
use crate::reader::Reader;
use crate::value::Value;

/// What one request may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestsConfig {
    /// `fetch.max.bytes`.
    pub fetch_max_bytes: u32,
    /// `max.incremental.fetch.session.cache.slots`.
    pub fetch_sessions_max: usize,
    /// `max.request.partition.size.limit`.
    pub describe_partitions_max: usize,
    /// `telemetry.max.bytes`.
    pub telemetry_max_bytes: u32,
}

impl RequestsConfig {
    pub(super) fn read<F: Fn(&str) -> Option<Value>>(reader: &Reader<F>) -> Self {
        Self {
            fetch_max_bytes: reader.number("fetch.max.bytes"),
            fetch_sessions_max: reader.number("max.incremental.fetch.session.cache.slots"),
            describe_partitions_max: reader.number("max.request.partition.size.limit"),
            telemetry_max_bytes: reader.number("telemetry.max.bytes"),
        }
    }
}

/// How topics come and go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicsConfig {
    /// `num.partitions`.
    pub num_partitions: u32,
    /// `default.replication.factor`, at least 1.
    pub default_replication_factor: i16,
    /// `auto.create.topics.enable`.
    pub auto_create: bool,
    /// `delete.topic.enable`.
    pub delete: bool,
}

impl TopicsConfig {
    pub(super) fn read<F: Fn(&str) -> Option<Value>>(reader: &Reader<F>) -> Result<Self, Error> {
        let factor = i16::try_from(reader.long("default.replication.factor"));
        let Some(default_replication_factor) = factor.ok().filter(|factor| *factor > 0) else {
            let reason = "a partition has from 1 to 32767 replicas";
            return Err(reader.refuse("default.replication.factor", reason));
        };
        Ok(Self {
            num_partitions: reader.number("num.partitions"),
            default_replication_factor,
            auto_create: reader.boolean("auto.create.topics.enable"),
            delete: reader.boolean("delete.topic.enable"),
        })
    }
}

/// How a topic of the broker's own is made. A cluster of fewer nodes than it has replicas gives it as many as it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalTopicConfig {
    /// Its partitions.
    pub num_partitions: u32,
    /// The replicas of each, at least 1.
    pub replication_factor: i16,
    /// Its `segment.bytes`.
    pub segment_bytes: u32,
    /// Its `min.insync.replicas`, where it is not the broker's.
    pub min_insync_replicas: Option<u32>,
}

/// How transactions are coordinated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionsConfig {
    /// `transaction.state.log.*`.
    pub topic: InternalTopicConfig,
    /// `transaction.max.timeout.ms`.
    pub max_timeout_ms: u64,
    /// `transactional.id.expiration.ms`.
    pub id_expiration_ms: u64,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`.
    pub abort_check_interval_ms: u64,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`.
    pub expiration_check_interval_ms: u64,
    /// `add.partitions.to.txn.retry.backoff.ms`.
    pub retry_backoff_ms: u64,
    /// `add.partitions.to.txn.retry.backoff.max.ms`.
    pub retry_backoff_max_ms: u64,
}

impl TransactionsConfig {
    pub(super) fn read<F: Fn(&str) -> Option<Value>>(reader: &Reader<F>) -> Self {
        Self {
            topic: InternalTopicConfig {
                num_partitions: reader.number("transaction.state.log.num.partitions"),
                replication_factor: reader.number("transaction.state.log.replication.factor"),
                segment_bytes: reader.number("transaction.state.log.segment.bytes"),
                min_insync_replicas: Some(reader.number("transaction.state.log.min.isr")),
            },
            max_timeout_ms: reader.number("transaction.max.timeout.ms"),
            id_expiration_ms: reader.number("transactional.id.expiration.ms"),
            abort_check_interval_ms: reader
                .number("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
            expiration_check_interval_ms: reader
                .number("transaction.remove.expired.transaction.cleanup.interval.ms"),
            retry_backoff_ms: reader.number("add.partitions.to.txn.retry.backoff.ms"),
            retry_backoff_max_ms: reader.number("add.partitions.to.txn.retry.backoff.max.ms"),
        }
    }
}

/// How partitions are replicated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationConfig {
    /// `replica.lag.time.max.ms`, at least 1.
    pub lag_time_max_ms: u64,
    /// `replica.high.watermark.checkpoint.interval.ms`, at least 1.
    pub high_watermark_checkpoint_interval_ms: u64,
}

impl ReplicationConfig {
    pub(super) fn read<F: Fn(&str) -> Option<Value>>(reader: &Reader<F>) -> Result<Self, Error> {
        let wait = reader.long("replica.fetch.wait.max.ms");
        for key in ["replica.lag.time.max.ms", "replica.socket.timeout.ms"] {
            if wait > reader.long(key) {
                let reason = format!("replica.fetch.wait.max.ms is larger, {wait}");
                return Err(reader.refuse(key, reason));
            }
        }
        Ok(Self {
            lag_time_max_ms: positive(reader, "replica.lag.time.max.ms")?,
            high_watermark_checkpoint_interval_ms: positive(
                reader,
                "replica.high.watermark.checkpoint.interval.ms",
            )?,
        })
    }
}

/// How the log of the cluster's metadata is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataLogConfig {
    /// `metadata.log.segment.bytes`.
    pub segment_bytes: u32,
    /// `metadata.log.segment.ms`, at least 1.
    pub segment_ms: u64,
    /// `metadata.log.max.record.bytes.between.snapshots`.
    pub snapshot_bytes_max: u64,
    /// `metadata.log.max.snapshot.interval.ms`; `None` writes none for being old.
    pub snapshot_interval_max_ms: Option<u64>,
    /// `metadata.max.retention.bytes`; `None` sets no limit.
    pub retention_bytes_max: Option<u64>,
    /// `metadata.max.retention.ms`; `None` sets no limit.
    pub retention_max_ms: Option<u64>,
}

impl MetadataLogConfig {
    pub(super) fn read<F: Fn(&str) -> Option<Value>>(reader: &Reader<F>) -> Result<Self, Error> {
        let limit = |key| u64::try_from(reader.long(key)).ok();
        let interval = reader.number("metadata.log.max.snapshot.interval.ms");
        Ok(Self {
            segment_bytes: reader.number("metadata.log.segment.bytes"),
            segment_ms: positive(reader, "metadata.log.segment.ms")?,
            snapshot_bytes_max: reader.number("metadata.log.max.record.bytes.between.snapshots"),
            snapshot_interval_max_ms: Some(interval).filter(|ms| *ms > 0),
            retention_bytes_max: limit("metadata.max.retention.bytes"),
            retention_max_ms: limit("metadata.max.retention.ms"),
        })
    }
}

/// A time that Kafka's table lets be negative although nothing works with it.
fn positive<F: Fn(&str) -> Option<Value>>(
    reader: &Reader<F>,
    key: &'static str,
) -> Result<u64, Error> {
    let value = u64::try_from(reader.long(key)).ok().filter(|value| *value > 0);
    value.ok_or_else(|| reader.refuse(key, "it takes at least 1"))
}
