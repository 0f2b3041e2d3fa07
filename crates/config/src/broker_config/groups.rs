//! How groups are coordinated, and how their offsets are kept (`GroupCoordinatorConfig`).

use super::parts::InternalTopicConfig;
use crate::error::Error;
use crate::group;
use crate::reader::Reader;
use crate::value::Value;

/// How groups are coordinated. What a group may set for itself is in [`crate::GroupConfig`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupsConfig {
    /// Whether `group.coordinator.rebalance.protocols` has the consumer protocol; the classic one is always there.
    pub consumer_protocol: bool,
    /// The limits of classic groups.
    pub classic: ClassicGroupsConfig,
    /// The limits of groups of the consumer protocol.
    pub consumer: ConsumerGroupsConfig,
    /// How offsets are kept.
    pub offsets: OffsetsConfig,
}

/// The limits of classic groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassicGroupsConfig {
    /// `group.initial.rebalance.delay.ms`.
    pub initial_rebalance_delay_ms: u64,
    /// `group.min.session.timeout.ms`.
    pub min_session_timeout_ms: u64,
    /// `group.max.session.timeout.ms`, at least the least.
    pub max_session_timeout_ms: u64,
    /// `group.max.size`.
    pub max_size: usize,
}

/// The limits of groups of the consumer protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerGroupsConfig {
    /// `group.consumer.max.size`.
    pub max_size: usize,
    /// `group.consumer.assignors`, at least one; the first is the default.
    pub assignors: Vec<Assignor>,
    /// `group.consumer.migration.policy`.
    pub migration_policy: MigrationPolicy,
    /// `group.consumer.regex.refresh.interval.ms`.
    pub regex_refresh_interval_ms: u64,
}

/// How partitions are assigned by the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignor {
    /// To each member as many as to any other, moving as few as can be.
    Uniform,
    /// A row of neighbours of each topic to each member, so that topics can be joined.
    Range,
}

impl Assignor {
    /// Its name, by which members choose it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }
}

/// Which groups change their protocol by themselves, with the members that come and go (`ConsumerGroupMigrationPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MigrationPolicy {
    /// A classic group becomes one of the consumer protocol.
    pub upgrade: bool,
    /// A group of the consumer protocol becomes a classic one.
    pub downgrade: bool,
}

/// How offsets are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetsConfig {
    /// `offsets.topic.*`.
    pub topic: InternalTopicConfig,
    /// `offsets.commit.timeout.ms`.
    pub commit_timeout_ms: u64,
    /// `offsets.retention.minutes`.
    pub retention_ms: u64,
    /// `offsets.retention.check.interval.ms`.
    pub retention_check_interval_ms: u64,
    /// `offset.metadata.max.bytes`.
    pub metadata_max_bytes: usize,
}

impl GroupsConfig {
    pub(super) fn read<F: Fn(&str) -> Option<Value>>(reader: &Reader<F>) -> Result<Self, Error> {
        group::check_ranges(reader)?;
        let protocols = reader.list("group.coordinator.rebalance.protocols");
        let has = |name: &str| protocols.iter().any(|other| other == name);
        if !has("classic") {
            let reason = "the classic protocol cannot be switched off";
            return Err(reader.refuse("group.coordinator.rebalance.protocols", reason));
        }
        Ok(Self {
            consumer_protocol: has("consumer"),
            classic: ClassicGroupsConfig::read(reader)?,
            consumer: ConsumerGroupsConfig::read(reader)?,
            offsets: OffsetsConfig::read(reader),
        })
    }
}

impl ClassicGroupsConfig {
    fn read<F: Fn(&str) -> Option<Value>>(reader: &Reader<F>) -> Result<Self, Error> {
        let min = reader.long("group.min.session.timeout.ms");
        if min > reader.long("group.max.session.timeout.ms") {
            let reason = format!("group.min.session.timeout.ms is larger, {min}");
            return Err(reader.refuse("group.max.session.timeout.ms", reason));
        }
        Ok(Self {
            initial_rebalance_delay_ms: reader.number("group.initial.rebalance.delay.ms"),
            min_session_timeout_ms: reader.number("group.min.session.timeout.ms"),
            max_session_timeout_ms: reader.number("group.max.session.timeout.ms"),
            max_size: reader.number("group.max.size"),
        })
    }
}

impl ConsumerGroupsConfig {
    fn read<F: Fn(&str) -> Option<Value>>(reader: &Reader<F>) -> Result<Self, Error> {
        let policy = reader.string("group.consumer.migration.policy").to_ascii_lowercase();
        Ok(Self {
            max_size: reader.number("group.consumer.max.size"),
            assignors: assignors(reader)?,
            migration_policy: MigrationPolicy {
                upgrade: policy == "upgrade" || policy == "bidirectional",
                downgrade: policy == "downgrade" || policy == "bidirectional",
            },
            regex_refresh_interval_ms: reader.number("group.consumer.regex.refresh.interval.ms"),
        })
    }
}

fn assignors<F: Fn(&str) -> Option<Value>>(reader: &Reader<F>) -> Result<Vec<Assignor>, Error> {
    let key = "group.consumer.assignors";
    let known = [Assignor::Uniform, Assignor::Range];
    let find = |name: String| {
        known.into_iter().find(|assignor| assignor.name() == name).ok_or_else(|| {
            reader.refuse(key, format!("there is no assignor `{name}`, only uniform and range"))
        })
    };
    reader.list(key).into_iter().map(find).collect()
}

impl OffsetsConfig {
    fn read<F: Fn(&str) -> Option<Value>>(reader: &Reader<F>) -> Self {
        let retention_minutes: u64 = reader.number("offsets.retention.minutes");
        Self {
            topic: InternalTopicConfig {
                num_partitions: reader.number("offsets.topic.num.partitions"),
                replication_factor: reader.number("offsets.topic.replication.factor"),
                segment_bytes: reader.number("offsets.topic.segment.bytes"),
                min_insync_replicas: None,
            },
            commit_timeout_ms: reader.number("offsets.commit.timeout.ms"),
            retention_ms: retention_minutes.saturating_mul(60_000),
            retention_check_interval_ms: reader.number("offsets.retention.check.interval.ms"),
            metadata_max_bytes: reader.number("offset.metadata.max.bytes"),
        }
    }
}
