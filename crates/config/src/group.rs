//! The settings of a group: the whole table of Kafka's `GroupConfig`, and the ranges that a broker sets for them.

use crate::allowed::Allowed;
use crate::definition::{Definition, Synonym};
use crate::error::Error;
use crate::reader::Reader;
use crate::table::{Group, Scope, Table};
use crate::value::Value;

/// The settings of a group. Each can change at any time, also before the group is there.
pub static GROUP: Table = Table::new(
    Scope::Group,
    &[
        Group { title: "Consumer groups", rows: CONSUMER },
        Group { title: "Share groups", rows: SHARE },
        Group { title: "Streams groups", rows: STREAMS },
    ],
);

const CONSUMER: &[Definition] = &[
    Definition::int("consumer.session.timeout.ms", 45_000)
        .at_least(1)
        .synonyms(&[Synonym::same("group.consumer.session.timeout.ms")])
        .doc("A member that has not been heard of for this long is out."),
    Definition::int("consumer.heartbeat.interval.ms", 5_000)
        .at_least(1)
        .synonyms(&[Synonym::same("group.consumer.heartbeat.interval.ms")])
        .doc("How often members report."),
    Definition::int("consumer.assignment.interval.ms", 1_000)
        .at_least(0)
        .synonyms(&[Synonym::same("group.consumer.assignment.interval.ms")])
        .doc("How long an assignment stands before the next is computed."),
];

const SHARE: &[Definition] = &[
    Definition::int("share.session.timeout.ms", 45_000)
        .at_least(1)
        .accepted()
        .synonyms(&[Synonym::same("group.share.session.timeout.ms")])
        .doc("A member that has not been heard of for this long is out."),
    Definition::int("share.heartbeat.interval.ms", 5_000)
        .at_least(1)
        .accepted()
        .synonyms(&[Synonym::same("group.share.heartbeat.interval.ms")])
        .doc("How often members report."),
    Definition::int("share.assignment.interval.ms", 1_000)
        .at_least(0)
        .accepted()
        .synonyms(&[Synonym::same("group.share.assignment.interval.ms")])
        .doc("How long an assignment stands before the next is computed."),
    Definition::int("share.record.lock.duration.ms", 30_000)
        .at_least(1_000)
        .accepted()
        .synonyms(&[Synonym::same("group.share.record.lock.duration.ms")])
        .doc("How long a record is lent to a consumer."),
    Definition::int("share.delivery.count.limit", 5)
        .at_least(2)
        .accepted()
        .synonyms(&[Synonym::same("group.share.delivery.count.limit")])
        .doc("How often a record is delivered before it is given up."),
    Definition::int("share.partition.max.record.locks", 2_000)
        .at_least(100)
        .accepted()
        .synonyms(&[Synonym::same("group.share.partition.max.record.locks")])
        .doc("How many records of a partition are lent at a time."),
    Definition::string("share.auto.offset.reset", "latest")
        .allowed(Allowed::OffsetReset)
        .accepted()
        .doc("Where the group begins to read a partition."),
    Definition::string("share.isolation.level", "read_uncommitted")
        .allowed(Allowed::OneOf(&["read_committed", "read_uncommitted"]))
        .accepted()
        .doc("Whether records of aborted transactions are left out."),
    Definition::boolean("share.renew.acknowledge.enable", true)
        .accepted()
        .doc("Lets a consumer ask for more time for a record."),
];

const STREAMS: &[Definition] = &[
    Definition::int("streams.session.timeout.ms", 45_000)
        .at_least(1)
        .accepted()
        .synonyms(&[Synonym::same("group.streams.session.timeout.ms")])
        .doc("A member that has not been heard of for this long is out."),
    Definition::int("streams.heartbeat.interval.ms", 5_000)
        .at_least(1)
        .accepted()
        .synonyms(&[Synonym::same("group.streams.heartbeat.interval.ms")])
        .doc("How often members report."),
    Definition::int("streams.assignment.interval.ms", 1_000)
        .at_least(0)
        .accepted()
        .synonyms(&[Synonym::same("group.streams.assignment.interval.ms")])
        .doc("How long an assignment stands before the next is computed."),
    Definition::int("streams.initial.rebalance.delay.ms", 3_000)
        .at_least(0)
        .accepted()
        .synonyms(&[Synonym::same("group.streams.initial.rebalance.delay.ms")])
        .doc("How long a new group waits for further members."),
    Definition::int("streams.num.standby.replicas", 0)
        .at_least(0)
        .accepted()
        .synonyms(&[Synonym::same("group.streams.num.standby.replicas")])
        .doc("The standby copies of each task."),
];

/// What a broker lets a group set: from the value of one of the broker's settings to that of another.
pub(crate) struct Range {
    /// The group's setting.
    pub(crate) key: &'static str,
    /// The broker's setting that stands in for it.
    pub(crate) broker_key: &'static str,
    /// The broker's setting with the least; where there is none, it is 0.
    pub(crate) min_key: Option<&'static str>,
    /// The broker's setting with the most.
    pub(crate) max_key: &'static str,
}

/// Writes out the ranges of keys that are named alike: `share.x.y` is `group.share.x.y` of the broker, from
/// `group.share.min.x.y` to `group.share.max.x.y`.
macro_rules! ranges {
    ($($kind:literal . $name:literal,)*) => {
        &[$(Range {
            key: concat!($kind, ".", $name),
            broker_key: concat!("group.", $kind, ".", $name),
            min_key: Some(concat!("group.", $kind, ".min.", $name)),
            max_key: concat!("group.", $kind, ".max.", $name),
        },)*
        Range {
            key: "streams.num.standby.replicas",
            broker_key: "group.streams.num.standby.replicas",
            min_key: None,
            max_key: "group.streams.max.standby.replicas",
        }]
    };
}

pub(crate) const RANGES: &[Range] = ranges![
    "consumer"."session.timeout.ms",
    "consumer"."heartbeat.interval.ms",
    "consumer"."assignment.interval.ms",
    "share"."session.timeout.ms",
    "share"."heartbeat.interval.ms",
    "share"."assignment.interval.ms",
    "share"."record.lock.duration.ms",
    "share"."delivery.count.limit",
    "share"."partition.max.record.locks",
    "streams"."session.timeout.ms",
    "streams"."heartbeat.interval.ms",
    "streams"."assignment.interval.ms",
];

/// The group's settings for sessions, each with the one for the heartbeats that have to come within it.
pub(crate) const SESSIONS: &[(&str, &str)] = &[
    ("consumer.session.timeout.ms", "consumer.heartbeat.interval.ms"),
    ("share.session.timeout.ms", "share.heartbeat.interval.ms"),
    ("streams.session.timeout.ms", "streams.heartbeat.interval.ms"),
];

impl Range {
    /// The least and the most, as the broker has set them.
    pub(crate) fn bounds<F: Fn(&str) -> Option<Value>>(&self, broker: &Reader<F>) -> (i64, i64) {
        (self.min_key.map_or(0, |key| broker.long(key)), broker.long(self.max_key))
    }
}

/// Whether the broker's own values for groups are within the ranges that it sets (`GroupCoordinatorConfig`).
pub(crate) fn check_ranges<F: Fn(&str) -> Option<Value>>(broker: &Reader<F>) -> Result<(), Error> {
    for range in RANGES {
        let (min, max) = range.bounds(broker);
        let value = broker.long(range.broker_key);
        if value < min || value > max {
            let least = range.min_key.unwrap_or("0");
            let reason = format!("it is from {least} to {}, from {min} to {max}", range.max_key);
            return Err(broker.refuse(range.broker_key, reason));
        }
    }
    for (session, heartbeat) in SESSIONS {
        let broker_key = |key: &str| {
            RANGES.iter().find(|range| range.key == key).map_or("", |range| range.broker_key)
        };
        let (session, heartbeat) = (broker_key(session), broker_key(heartbeat));
        if broker.long(session) <= broker.long(heartbeat) {
            return Err(broker.refuse(session, format!("it is not above {heartbeat}")));
        }
    }
    Ok(())
}
