//! How transactions are coordinated, and how their state is kept.

use crate::definition::Definition;

pub(super) const ROWS: &[Definition] = &[
    Definition::int("transaction.max.timeout.ms", 900_000)
        .at_least(1)
        .high()
        .read_only()
        .doc("The longest that a producer may leave a transaction open."),
    Definition::int("transactional.id.expiration.ms", 604_800_000)
        .at_least(1)
        .high()
        .read_only()
        .doc("A transactional id without a transaction for this long is forgotten."),
    Definition::int("transaction.abort.timed.out.transaction.cleanup.interval.ms", 10_000)
        .at_least(1)
        .low()
        .read_only()
        .doc("How often transactions are looked at for those that are open for too long."),
    Definition::int("transaction.remove.expired.transaction.cleanup.interval.ms", 3_600_000)
        .at_least(1)
        .low()
        .read_only()
        .doc("How often transactional ids are looked at for those to forget."),
    Definition::int("transaction.state.log.num.partitions", 50)
        .at_least(1)
        .high()
        .read_only()
        .doc("The partitions of the transactions topic. It cannot change once the topic is there."),
    Definition::short("transaction.state.log.replication.factor", 3)
        .at_least(1)
        .high()
        .read_only()
        .doc(
            "The replicas of the transactions topic. A cluster of fewer nodes gives it as many as \
             it has.",
        ),
    Definition::int("transaction.state.log.min.isr", 2).at_least(1).high().read_only().doc(
        "`min.insync.replicas` of the transactions topic. A cluster of fewer nodes takes as many \
         as it has.",
    ),
    Definition::int("transaction.state.log.segment.bytes", 100 << 20)
        .at_least(1)
        .high()
        .read_only()
        .doc("The segment size of the transactions topic, small so that it is compacted early."),
    Definition::int("transaction.state.log.load.buffer.size", 5 << 20)
        .at_least(1)
        .high()
        .read_only()
        .accepted()
        .doc("How much of the transactions topic is read at a time at the start."),
    Definition::boolean("transaction.two.phase.commit.enable", false)
        .low()
        .read_only()
        .missing()
        .doc("Lets a transaction belong to a two-phase commit of another system (KIP-939)."),
    Definition::int("add.partitions.to.txn.retry.backoff.ms", 20)
        .at_least(1)
        .high()
        .read_only()
        .doc("How often a produce looks whether the transaction before its own has ended."),
    Definition::int("add.partitions.to.txn.retry.backoff.max.ms", 100)
        .at_least(0)
        .high()
        .read_only()
        .doc("How long a produce waits at most for the end of the transaction before its own."),
];
