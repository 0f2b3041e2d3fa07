//! Over which time rates are measured. The quotas themselves belong to users and client ids.

use crate::definition::Definition;

pub(super) const ROWS: &[Definition] = &[
    Definition::int("quota.window.num", 11)
        .at_least(1)
        .low()
        .read_only()
        .accepted()
        .doc("Over how many windows the rates of clients are measured."),
    Definition::int("quota.window.size.seconds", 1)
        .at_least(1)
        .low()
        .read_only()
        .accepted()
        .doc("How long a window of the rates of clients is."),
    Definition::int("controller.quota.window.num", 11)
        .at_least(1)
        .low()
        .read_only()
        .accepted()
        .doc("Over how many windows the rates of changes of topics are measured."),
    Definition::int("controller.quota.window.size.seconds", 1)
        .at_least(1)
        .low()
        .read_only()
        .accepted()
        .doc("How long a window of the rates of changes of topics is."),
    Definition::int("replication.quota.window.num", 11)
        .at_least(1)
        .low()
        .read_only()
        .accepted()
        .doc("Over how many windows the rates of replication are measured."),
    Definition::int("replication.quota.window.size.seconds", 1)
        .at_least(1)
        .low()
        .read_only()
        .accepted()
        .doc("How long a window of the rates of replication is."),
    Definition::int("alter.log.dirs.replication.quota.window.num", 11)
        .at_least(1)
        .low()
        .read_only()
        .accepted()
        .doc("Over how many windows the rates of moves between log directories are measured."),
    Definition::int("alter.log.dirs.replication.quota.window.size.seconds", 1)
        .at_least(1)
        .low()
        .read_only()
        .accepted()
        .doc("How long a window of the rates of moves between log directories is."),
    Definition::long("leader.replication.throttled.rate", i64::MAX)
        .at_least(0)
        .dynamic_only()
        .accepted()
        .doc(
            "How fast leaders send to the replicas in `leader.replication.throttled.replicas` of \
             their topics, in bytes per second.",
        ),
    Definition::long("follower.replication.throttled.rate", i64::MAX)
        .at_least(0)
        .dynamic_only()
        .accepted()
        .doc(
            "How fast the replicas in `follower.replication.throttled.replicas` of their topics \
             fetch, in bytes per second.",
        ),
    Definition::long("replica.alter.log.dirs.io.max.bytes.per.second", i64::MAX)
        .at_least(0)
        .dynamic_only()
        .doc("How fast replicas move between log directories, in bytes per second."),
];
