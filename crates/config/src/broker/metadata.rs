//! How nodes agree on the cluster's metadata, and how its log is kept.

use crate::definition::{DAY_MS, Definition, HOUR_MS};
use crate::kind::Kind;

pub(super) const ROWS: &[Definition] = &[
    Definition::list("controller.quorum.voters", &[])
        .high()
        .read_only()
        .doc("The nodes that vote on metadata, as `id@host:port`. So far only this node itself."),
    Definition::list("controller.quorum.bootstrap.servers", &[])
        .high()
        .read_only()
        .doc("Where a node finds the voters. So far only this node's own controller listener."),
    Definition::boolean("controller.quorum.auto.join.enable", false)
        .low()
        .read_only()
        .missing()
        .doc("Makes a new controller a voter by itself (KIP-1186)."),
    Definition::int("controller.quorum.election.timeout.ms", 1_000)
        .at_least(0)
        .high()
        .read_only()
        .accepted()
        .doc("How long a candidate waits for votes."),
    Definition::int("controller.quorum.election.backoff.max.ms", 1_000)
        .at_least(0)
        .high()
        .read_only()
        .accepted()
        .doc("How long a candidate waits at most before it tries again."),
    Definition::int("controller.quorum.fetch.timeout.ms", 2_000)
        .at_least(0)
        .high()
        .read_only()
        .accepted()
        .doc("How long a voter goes without a leader before it stands for election."),
    Definition::int("controller.quorum.fetch.max.bytes", 1 << 20)
        .at_least(1)
        .low()
        .read_only()
        .accepted()
        .doc("How many bytes of metadata a node fetches at a time."),
    Definition::int("controller.quorum.fetch.snapshot.max.bytes", 1 << 20)
        .at_least(1)
        .low()
        .read_only()
        .accepted()
        .doc("How many bytes of a snapshot a node fetches at a time."),
    Definition::int("controller.quorum.append.linger.ms", 25)
        .at_least(0)
        .read_only()
        .accepted()
        .doc("How long changes are gathered before they are written."),
    Definition::int("controller.quorum.request.timeout.ms", 2_000)
        .at_least(0)
        .read_only()
        .accepted()
        .doc("How long a node waits for the answer of a voter."),
    Definition::int("controller.quorum.retry.backoff.ms", 20)
        .at_least(0)
        .low()
        .read_only()
        .accepted()
        .doc("How long a node waits after an error of a voter."),
    Definition::int("broker.heartbeat.interval.ms", 2_000)
        .read_only()
        .accepted()
        .doc("How often a broker tells the controller that it lives."),
    Definition::int("broker.session.timeout.ms", 9_000)
        .read_only()
        .accepted()
        .doc("A broker that has not told for this long is taken for dead."),
    Definition::int("initial.broker.registration.timeout.ms", 60_000)
        .read_only()
        .accepted()
        .doc("A broker that cannot register for this long stops."),
    Definition::unset("metadata.log.dir", Kind::String)
        .high()
        .read_only()
        .missing()
        .doc("The directory of the metadata log, where it is not the first log directory."),
    Definition::int("metadata.log.segment.bytes", 1 << 30)
        .at_least(8 << 20)
        .high()
        .read_only()
        .doc("The size at which a segment of the metadata log is closed."),
    Definition::long("metadata.log.segment.ms", 7 * DAY_MS)
        .high()
        .read_only()
        .doc("The age at which a segment of the metadata log is closed."),
    Definition::long("metadata.log.max.record.bytes.between.snapshots", 20 << 20)
        .at_least(1)
        .high()
        .read_only()
        .doc("After how many bytes of changes a snapshot is written."),
    Definition::long("metadata.log.max.snapshot.interval.ms", HOUR_MS)
        .at_least(0)
        .high()
        .read_only()
        .doc("After how long a snapshot is written if anything has changed; 0 is never."),
    Definition::long("metadata.max.retention.bytes", 100 << 20)
        .high()
        .read_only()
        .doc("How large the metadata log grows before what snapshots hold is deleted."),
    Definition::long("metadata.max.retention.ms", 7 * DAY_MS)
        .high()
        .read_only()
        .doc("How long the metadata log keeps what snapshots hold."),
    Definition::int("metadata.max.idle.interval.ms", 500)
        .at_least(0)
        .low()
        .read_only()
        .accepted()
        .doc("How often an idle controller writes a record that says nothing."),
];
