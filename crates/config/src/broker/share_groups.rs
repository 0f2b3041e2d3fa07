//! How groups share partitions record by record (KIP-932), and how their state is kept.

use crate::allowed::Allowed;
use crate::definition::Definition;
use crate::topic::MAX_MESSAGE_BYTES;

pub(super) const ROWS: &[Definition] = &[
    Definition::int("group.share.session.timeout.ms", 45_000)
        .at_least(1)
        .read_only()
        .accepted()
        .doc(
            "A member that has not been heard of for this long is out, in groups without \
             `share.session.timeout.ms`.",
        ),
    Definition::int("group.share.min.session.timeout.ms", 45_000)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("The least that `share.session.timeout.ms` of a group may be."),
    Definition::int("group.share.max.session.timeout.ms", 60_000)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("The most that `share.session.timeout.ms` of a group may be."),
    Definition::int("group.share.heartbeat.interval.ms", 5_000)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("How often members report, in groups without `share.heartbeat.interval.ms`."),
    Definition::int("group.share.min.heartbeat.interval.ms", 5_000)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("The least that `share.heartbeat.interval.ms` of a group may be."),
    Definition::int("group.share.max.heartbeat.interval.ms", 15_000)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("The most that `share.heartbeat.interval.ms` of a group may be."),
    Definition::int("group.share.assignment.interval.ms", 1_000).at_least(0).accepted().doc(
        "How long an assignment stands before the next is computed, in groups without \
         `share.assignment.interval.ms`.",
    ),
    Definition::int("group.share.min.assignment.interval.ms", 0)
        .at_least(0)
        .read_only()
        .accepted()
        .doc("The least that `share.assignment.interval.ms` of a group may be."),
    Definition::int("group.share.max.assignment.interval.ms", 15_000)
        .at_least(0)
        .read_only()
        .accepted()
        .doc("The most that `share.assignment.interval.ms` of a group may be."),
    Definition::int("group.share.record.lock.duration.ms", 30_000)
        .allowed(Allowed::Between(1_000, 3_600_000))
        .read_only()
        .accepted()
        .doc(
            "How long a record is lent to a consumer, in groups without \
             `share.record.lock.duration.ms`.",
        ),
    Definition::int("group.share.min.record.lock.duration.ms", 15_000)
        .allowed(Allowed::Between(1_000, 30_000))
        .read_only()
        .accepted()
        .doc("The least that `share.record.lock.duration.ms` of a group may be."),
    Definition::int("group.share.max.record.lock.duration.ms", 60_000)
        .allowed(Allowed::Between(30_000, 3_600_000))
        .read_only()
        .accepted()
        .doc("The most that `share.record.lock.duration.ms` of a group may be."),
    Definition::int("group.share.delivery.count.limit", 5)
        .allowed(Allowed::Between(2, 10))
        .read_only()
        .accepted()
        .doc(
            "How often a record is delivered before it is given up, in groups without \
             `share.delivery.count.limit`.",
        ),
    Definition::int("group.share.min.delivery.count.limit", 2)
        .allowed(Allowed::Between(2, 5))
        .read_only()
        .accepted()
        .doc("The least that `share.delivery.count.limit` of a group may be."),
    Definition::int("group.share.max.delivery.count.limit", 10)
        .allowed(Allowed::Between(5, 25))
        .read_only()
        .accepted()
        .doc("The most that `share.delivery.count.limit` of a group may be."),
    Definition::int("group.share.partition.max.record.locks", 2_000)
        .allowed(Allowed::Between(100, 10_000))
        .read_only()
        .accepted()
        .doc(
            "How many records of a partition are lent at a time, in groups without \
             `share.partition.max.record.locks`.",
        ),
    Definition::int("group.share.min.partition.max.record.locks", 100)
        .allowed(Allowed::Between(100, 2_000))
        .read_only()
        .accepted()
        .doc("The least that `share.partition.max.record.locks` of a group may be."),
    Definition::int("group.share.max.partition.max.record.locks", 4_000)
        .allowed(Allowed::Between(2_000, 10_000))
        .read_only()
        .accepted()
        .doc("The most that `share.partition.max.record.locks` of a group may be."),
    Definition::int("group.share.max.share.sessions", 2_000)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("How many share sessions a broker keeps."),
    Definition::int("group.share.max.size", 200)
        .allowed(Allowed::Between(1, 1_000))
        .read_only()
        .accepted()
        .doc("The most members of a group."),
    Definition::list("group.share.assignors", &["simple"])
        .allowed(Allowed::Distinct { or_empty: false })
        .read_only()
        .accepted()
        .doc("How partitions are assigned."),
    Definition::int("share.coordinator.state.topic.num.partitions", 50)
        .at_least(1)
        .high()
        .read_only()
        .accepted()
        .doc("The partitions of the topic with the state of share groups."),
    Definition::short("share.coordinator.state.topic.replication.factor", 3)
        .at_least(1)
        .high()
        .read_only()
        .accepted()
        .doc("The replicas of the topic with the state of share groups."),
    Definition::short("share.coordinator.state.topic.min.isr", 2)
        .at_least(1)
        .high()
        .read_only()
        .accepted()
        .doc("`min.insync.replicas` of the topic with the state of share groups."),
    Definition::int("share.coordinator.state.topic.segment.bytes", 100 << 20)
        .at_least(1)
        .high()
        .read_only()
        .accepted()
        .doc("The segment size of the topic with the state of share groups."),
    Definition::int("share.coordinator.state.topic.compression.codec", 0)
        .high()
        .read_only()
        .accepted()
        .doc("The codec of the topic with the state of share groups, as a number."),
    Definition::int("share.coordinator.snapshot.update.records.per.snapshot", 500)
        .allowed(Allowed::Between(0, 500))
        .read_only()
        .accepted()
        .doc("After how many changes of a share partition its whole state is written."),
    Definition::int("share.coordinator.threads", 1)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("The threads for the state of share groups. Ottla has one for each core."),
    Definition::int("share.coordinator.append.linger.ms", -1)
        .at_least(-1)
        .read_only()
        .accepted()
        .doc("How long changes of state are gathered before they are written; -1 adapts it."),
    Definition::int("share.coordinator.cached.buffer.max.bytes", MAX_MESSAGE_BYTES)
        .at_least(512 << 10)
        .accepted()
        .doc("The largest buffer that is kept for the next write."),
    Definition::int("share.coordinator.load.buffer.size", 5 << 20)
        .at_least(1)
        .high()
        .read_only()
        .accepted()
        .doc("How much of the topic with the state is read at a time at the start."),
    Definition::int("share.coordinator.write.timeout.ms", 5_000)
        .at_least(1)
        .high()
        .read_only()
        .accepted()
        .doc("How long a change of state waits for its replicas."),
];
