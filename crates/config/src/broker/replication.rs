//! How replicas of a partition are kept and elected.

use crate::definition::Definition;
use crate::kind::Kind;

pub(super) const ROWS: &[Definition] = &[
    Definition::int("min.insync.replicas", 1).at_least(1).high().doc(
        "How many replicas must be in sync for a produce with `acks=all`, for topics without \
         their own.",
    ),
    Definition::boolean("unclean.leader.election.enable", false)
        .high()
        .doc("Lets a replica that is behind become leader, for topics without their own."),
    Definition::long("replica.lag.time.max.ms", 30_000)
        .high()
        .read_only()
        .doc("A follower that has not caught up for this long is not in sync."),
    Definition::int("replica.fetch.wait.max.ms", 500).high().read_only().accepted().doc(
        "How long a leader holds back the fetch of a follower. Keep it below \
         `replica.lag.time.max.ms`.",
    ),
    Definition::int("replica.fetch.min.bytes", 1)
        .high()
        .read_only()
        .accepted()
        .doc("How many bytes a follower waits for."),
    Definition::int("replica.fetch.max.bytes", 1 << 20)
        .at_least(0)
        .read_only()
        .accepted()
        .doc("How many bytes a follower fetches of one partition."),
    Definition::int("replica.fetch.response.max.bytes", 10 << 20)
        .at_least(0)
        .read_only()
        .accepted()
        .doc("How many bytes a follower fetches at a time."),
    Definition::int("replica.fetch.backoff.ms", 1_000)
        .at_least(0)
        .read_only()
        .accepted()
        .doc("How long a follower rests after an error."),
    Definition::int("replica.socket.timeout.ms", 30_000)
        .high()
        .read_only()
        .accepted()
        .doc("How long a follower waits for its leader's answer."),
    Definition::int("replica.socket.receive.buffer.bytes", 64 << 10)
        .high()
        .read_only()
        .accepted()
        .doc("The receive buffer of a follower's connection."),
    Definition::long("replica.high.watermark.checkpoint.interval.ms", 5_000)
        .high()
        .read_only()
        .doc("How often the high watermarks are saved."),
    Definition::unset("replica.selector.class", Kind::String)
        .read_only()
        .missing()
        .doc("How the replica is chosen that a consumer reads from (KIP-392)."),
    Definition::int("num.replica.fetchers", 1)
        .at_least(1)
        .high()
        .accepted()
        .doc("How many connections a follower has to each leader."),
    Definition::unset("num.replica.alter.log.dirs.threads", Kind::Int)
        .high()
        .read_only()
        .accepted()
        .doc("How many threads move replicas from one log directory to another."),
    Definition::boolean("auto.leader.rebalance.enable", true)
        .high()
        .read_only()
        .accepted()
        .doc("Gives leadership back to the preferred replicas."),
    Definition::long("leader.imbalance.check.interval.seconds", 300)
        .at_least(1)
        .high()
        .read_only()
        .accepted()
        .doc("How often preferred replicas are looked at."),
    Definition::boolean("controlled.shutdown.enable", true)
        .read_only()
        .accepted()
        .doc("Hands leadership over before the broker stops."),
    Definition::int("controller.socket.timeout.ms", 30_000)
        .read_only()
        .accepted()
        .doc("How long a broker waits for the controller's answer."),
    Definition::boolean("follower.fetch.last.tiered.offset.enable", false)
        .accepted()
        .doc("Lets an empty follower begin with what is not in object storage (KIP-1023)."),
];
