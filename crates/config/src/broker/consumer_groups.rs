//! How groups of the consumer protocol (KIP-848) are coordinated.

use crate::allowed::Allowed;
use crate::definition::Definition;

pub(super) const ROWS: &[Definition] = &[
    Definition::int("group.consumer.session.timeout.ms", 45_000).at_least(1).read_only().doc(
        "A member that has not been heard of for this long is out, in groups without \
         `consumer.session.timeout.ms`.",
    ),
    Definition::int("group.consumer.min.session.timeout.ms", 45_000)
        .at_least(1)
        .read_only()
        .doc("The least that `consumer.session.timeout.ms` of a group may be."),
    Definition::int("group.consumer.max.session.timeout.ms", 60_000)
        .at_least(1)
        .read_only()
        .doc("The most that `consumer.session.timeout.ms` of a group may be."),
    Definition::int("group.consumer.heartbeat.interval.ms", 5_000)
        .at_least(1)
        .read_only()
        .doc("How often members report, in groups without `consumer.heartbeat.interval.ms`."),
    Definition::int("group.consumer.min.heartbeat.interval.ms", 5_000)
        .at_least(1)
        .read_only()
        .doc("The least that `consumer.heartbeat.interval.ms` of a group may be."),
    Definition::int("group.consumer.max.heartbeat.interval.ms", 15_000)
        .at_least(1)
        .read_only()
        .doc("The most that `consumer.heartbeat.interval.ms` of a group may be."),
    Definition::int("group.consumer.assignment.interval.ms", 1_000).at_least(0).doc(
        "How long an assignment stands before the next is computed, in groups without \
         `consumer.assignment.interval.ms`.",
    ),
    Definition::int("group.consumer.min.assignment.interval.ms", 0)
        .at_least(0)
        .read_only()
        .doc("The least that `consumer.assignment.interval.ms` of a group may be."),
    Definition::int("group.consumer.max.assignment.interval.ms", 15_000)
        .at_least(0)
        .read_only()
        .doc("The most that `consumer.assignment.interval.ms` of a group may be."),
    Definition::int("group.consumer.max.size", i32::MAX)
        .at_least(1)
        .read_only()
        .doc("The most members of a group."),
    Definition::list("group.consumer.assignors", &["uniform", "range"])
        .allowed(Allowed::Distinct { or_empty: false })
        .read_only()
        .doc(
            "How partitions are assigned, of `uniform` and `range`; the first is taken where \
             members do not choose.",
        ),
    Definition::string("group.consumer.migration.policy", "bidirectional")
        .allowed(Allowed::AnyCase(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]))
        .read_only()
        .doc(
            "Whether groups change by themselves from the classic to the consumer protocol, back, \
             or both.",
        ),
    Definition::int("group.consumer.regex.refresh.interval.ms", 600_000)
        .at_least(10_000)
        .read_only()
        .internal()
        .doc("How often the topics of a regular expression are looked up again; for tests."),
];
