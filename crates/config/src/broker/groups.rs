//! How groups of every kind are coordinated, and how their offsets are kept.

use crate::allowed::Allowed;
use crate::definition::{Definition, MINUTE_MS};
use crate::topic::MAX_MESSAGE_BYTES;

pub(super) const ROWS: &[Definition] = &[
    Definition::list("group.coordinator.rebalance.protocols", &["classic", "consumer", "streams"])
        .allowed(Allowed::SomeOf(&["consumer", "classic", "share", "streams"]))
        .read_only()
        .doc("The kinds of groups that there may be."),
    Definition::int("group.coordinator.threads", 4)
        .at_least(1)
        .high()
        .read_only()
        .accepted()
        .doc("The threads for groups. Ottla has one for each core."),
    Definition::int("group.coordinator.background.threads", 2)
        .at_least(1)
        .high()
        .read_only()
        .accepted()
        .doc("The threads for work of groups that takes longer."),
    Definition::int("group.coordinator.append.linger.ms", -1)
        .at_least(-1)
        .read_only()
        .accepted()
        .doc("How long changes of groups are gathered before they are written; -1 adapts it."),
    Definition::int("group.coordinator.cached.buffer.max.bytes", MAX_MESSAGE_BYTES)
        .at_least(512 << 10)
        .accepted()
        .doc("The largest buffer that is kept for the next write."),
    Definition::int("offsets.topic.num.partitions", 50)
        .at_least(1)
        .high()
        .read_only()
        .doc("The partitions of the offsets topic. It cannot change once the topic is there."),
    Definition::short("offsets.topic.replication.factor", 3).at_least(1).high().read_only().doc(
        "The replicas of the offsets topic. A cluster of fewer nodes gives it as many as it has.",
    ),
    Definition::int("offsets.topic.segment.bytes", 100 << 20)
        .at_least(1)
        .high()
        .read_only()
        .doc("The segment size of the offsets topic, small so that it is compacted early."),
    Definition::int("offsets.topic.compression.codec", 0)
        .high()
        .read_only()
        .accepted()
        .doc("The codec of the offsets topic, as a number."),
    Definition::int("offsets.load.buffer.size", 5 << 20)
        .at_least(1)
        .high()
        .read_only()
        .accepted()
        .doc("How much of the offsets topic is read at a time at the start."),
    Definition::int("offsets.commit.timeout.ms", 5_000)
        .at_least(1)
        .high()
        .read_only()
        .doc("How long a commit waits for its replicas."),
    Definition::int("offsets.retention.minutes", 10_080).at_least(1).high().read_only().doc(
        "How long the offsets of a group stay after it has become empty, and those of a simple \
         consumer after its last commit.",
    ),
    Definition::long("offsets.retention.check.interval.ms", 10 * MINUTE_MS)
        .at_least(1)
        .high()
        .read_only()
        .doc("How often offsets are looked at for those to forget."),
    Definition::int("offset.metadata.max.bytes", 4 << 10)
        .high()
        .read_only()
        .doc("The longest text that comes with a committed offset."),
    Definition::int("group.initial.rebalance.delay.ms", 3_000)
        .read_only()
        .doc("How long a new classic group waits for further members."),
    Definition::int("group.max.session.timeout.ms", 1_800_000)
        .read_only()
        .doc("The longest session that a member of a classic group may ask for."),
    Definition::int("group.min.session.timeout.ms", 6_000)
        .read_only()
        .doc("The shortest session that a member of a classic group may ask for."),
    Definition::int("group.max.size", i32::MAX)
        .at_least(1)
        .read_only()
        .doc("The most members of a classic group."),
];
