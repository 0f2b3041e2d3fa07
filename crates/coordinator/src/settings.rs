//! The settings of the coordinator, under Kafka's names.

use std::time::Duration;

use config::ConsumerGroupsConfig;

/// What the broker's configuration says to one shard.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `group.min.session.timeout.ms`: a member may not ask for less.
    pub group_min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`: nor for more.
    pub group_max_session_timeout_ms: i32,
    /// `group.initial.rebalance.delay.ms`: how long a group that was empty waits for more members.
    pub group_initial_rebalance_delay: Duration,
    /// `group.max.size`: how many members a classic group may have.
    pub group_max_size: usize,
    /// Whether `group.coordinator.rebalance.protocols` has the consumer protocol.
    pub consumer_protocol: bool,
    /// The limits of consumer groups.
    pub consumer: ConsumerGroupsConfig,
    /// `offset.metadata.max.bytes`; Kafka counts UTF-16 units, and so do we.
    pub offset_metadata_max_bytes: usize,
    /// `offsets.retention.minutes`, in milliseconds.
    pub offsets_retention_ms: i64,
    /// `offsets.retention.check.interval.ms`.
    pub offsets_retention_check_interval: Duration,
    /// `offsets.commit.timeout.ms`: how long a request waits for its records to be committed.
    pub offsets_commit_timeout: Duration,
    /// The largest batch that the log of the shard takes (`max.message.bytes` of its topic).
    pub append_bytes_max: usize,
}

/// A number of milliseconds from a request or a record; a negative one counts as zero.
pub(crate) fn millis(ms: i32) -> Duration {
    Duration::from_millis(ms.try_into().unwrap_or_default())
}
