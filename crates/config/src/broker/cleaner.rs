//! How logs are compacted: the threads that do it, what they may use, and what they choose.

use crate::allowed::Allowed;
use crate::definition::{DAY_MS, Definition};

pub(super) const ROWS: &[Definition] = &[
    Definition::boolean("log.cleaner.enable", true)
        .read_only()
        .doc("Compacts logs. Without it compacted topics, the offsets topic too, grow for ever."),
    Definition::int("log.cleaner.threads", 1)
        .at_least(0)
        .doc("How many logs are compacted at a time."),
    Definition::long("log.cleaner.dedupe.buffer.size", 128 << 20)
        .doc("The memory for the keys of the logs being compacted, for all threads together."),
    Definition::double("log.cleaner.io.buffer.load.factor", 0.9)
        .doc("How full the memory for the keys may be."),
    Definition::int("log.cleaner.io.buffer.size", 512 << 10)
        .at_least(0)
        .doc("The memory for records that are copied, for all threads together."),
    Definition::double("log.cleaner.io.max.bytes.per.second", f64::MAX)
        .doc("How much the threads together read and write per second on average."),
    Definition::long("log.cleaner.backoff.ms", 15_000)
        .at_least(0)
        .doc("How long a thread rests when there is nothing to compact."),
    Definition::double("log.cleaner.min.cleanable.ratio", 0.5).allowed(Allowed::Between(0, 1)).doc(
        "Which part of a log must be new before it is compacted, \
         for topics without `min.cleanable.dirty.ratio`.",
    ),
    Definition::long("log.cleaner.delete.retention.ms", DAY_MS)
        .at_least(0)
        .doc("How long tombstones stay, for topics without `delete.retention.ms`."),
    Definition::long("log.cleaner.min.compaction.lag.ms", 0)
        .at_least(0)
        .doc("How long every record stays, for topics without `min.compaction.lag.ms`."),
    Definition::long("log.cleaner.max.compaction.lag.ms", i64::MAX).at_least(1).doc(
        "How long a record may wait for compaction, for topics without `max.compaction.lag.ms`.",
    ),
];
