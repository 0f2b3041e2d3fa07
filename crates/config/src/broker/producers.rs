//! What is remembered of producers.

use crate::definition::Definition;

pub(super) const ROWS: &[Definition] = &[
    Definition::int("producer.id.expiration.ms", 86_400_000).at_least(1).low().doc(
        "How long a partition remembers a producer that writes no more. A retry after that is not \
         known as one.",
    ),
    Definition::int("producer.id.expiration.check.interval.ms", 600_000)
        .at_least(1)
        .low()
        .read_only()
        .internal()
        .doc("How often producers are looked at for those to forget; for tests."),
    Definition::boolean("transaction.partition.verification.enable", true).low().doc(
        "Asks the transaction coordinator whether a transaction is open before its first record \
         in a partition is taken (KIP-890).",
    ),
];
