//! What one request may ask for.

use crate::definition::Definition;

pub(super) const ROWS: &[Definition] = &[
    Definition::int("fetch.max.bytes", 55 << 20)
        .at_least(1_024)
        .read_only()
        .doc("The most that one fetch returns, whatever the client asks for."),
    Definition::int("max.incremental.fetch.session.cache.slots", 1_000)
        .at_least(0)
        .read_only()
        .doc("How many fetch sessions are kept (KIP-227)."),
    Definition::int("max.request.partition.size.limit", 2_000)
        .at_least(1)
        .read_only()
        .doc("The most partitions of one DescribeTopicPartitions (KIP-966)."),
    Definition::int("telemetry.max.bytes", 1 << 20)
        .at_least(1)
        .low()
        .read_only()
        .doc("The largest push of a client's metrics (KIP-714)."),
    Definition::int("fetch.purgatory.purge.interval.requests", 1_000)
        .read_only()
        .accepted()
        .doc("How often fetches that are done are cleared away. In Ottla they go at once."),
    Definition::int("producer.purgatory.purge.interval.requests", 1_000)
        .read_only()
        .accepted()
        .doc("How often produces that are done are cleared away. In Ottla they go at once."),
    Definition::int("delete.records.purgatory.purge.interval.requests", 1)
        .read_only()
        .accepted()
        .doc("How often deletions that are done are cleared away. In Ottla they go at once."),
    Definition::int("share.fetch.purgatory.purge.interval.requests", 1_000)
        .read_only()
        .accepted()
        .doc("How often share fetches that are done are cleared away. In Ottla they go at once."),
];
