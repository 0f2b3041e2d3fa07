//! How groups of Kafka Streams (KIP-1071) are coordinated.

use crate::definition::Definition;

pub(super) const ROWS: &[Definition] = &[
    Definition::int("group.streams.session.timeout.ms", 45_000)
        .at_least(1)
        .read_only()
        .accepted()
        .doc(
            "A member that has not been heard of for this long is out, in groups without \
             `streams.session.timeout.ms`.",
        ),
    Definition::int("group.streams.min.session.timeout.ms", 45_000)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("The least that `streams.session.timeout.ms` of a group may be."),
    Definition::int("group.streams.max.session.timeout.ms", 60_000)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("The most that `streams.session.timeout.ms` of a group may be."),
    Definition::int("group.streams.heartbeat.interval.ms", 5_000)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("How often members report, in groups without `streams.heartbeat.interval.ms`."),
    Definition::int("group.streams.min.heartbeat.interval.ms", 5_000)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("The least that `streams.heartbeat.interval.ms` of a group may be."),
    Definition::int("group.streams.max.heartbeat.interval.ms", 15_000)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("The most that `streams.heartbeat.interval.ms` of a group may be."),
    Definition::int("group.streams.assignment.interval.ms", 1_000).at_least(0).accepted().doc(
        "How long an assignment stands before the next is computed, in groups without \
         `streams.assignment.interval.ms`.",
    ),
    Definition::int("group.streams.min.assignment.interval.ms", 0)
        .at_least(0)
        .read_only()
        .accepted()
        .doc("The least that `streams.assignment.interval.ms` of a group may be."),
    Definition::int("group.streams.max.assignment.interval.ms", 15_000)
        .at_least(0)
        .read_only()
        .accepted()
        .doc("The most that `streams.assignment.interval.ms` of a group may be."),
    Definition::int("group.streams.initial.rebalance.delay.ms", 3_000)
        .at_least(0)
        .read_only()
        .accepted()
        .doc(
            "How long a new group waits for further members, in groups without \
             `streams.initial.rebalance.delay.ms`.",
        ),
    Definition::int("group.streams.num.standby.replicas", 0)
        .at_least(0)
        .read_only()
        .accepted()
        .doc("The standby copies of each task, in groups without `streams.num.standby.replicas`."),
    Definition::int("group.streams.max.standby.replicas", 2)
        .at_least(0)
        .read_only()
        .accepted()
        .doc("The most that `streams.num.standby.replicas` of a group may be."),
    Definition::int("group.streams.max.size", i32::MAX)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("The most members of a group."),
];
