//! When logs are written through to the disk, and when it is noted how far.

use crate::definition::Definition;
use crate::kind::Kind;

pub(super) const ROWS: &[Definition] = &[
    Definition::long("log.flush.interval.messages", i64::MAX)
        .at_least(1)
        .high()
        .doc("After how many records a log is flushed, for topics without `flush.messages`."),
    Definition::unset("log.flush.interval.ms", Kind::Long).high().doc(
        "After how long a log is flushed, for topics without `flush.ms`. \
         If not set, `log.flush.scheduler.interval.ms` holds.",
    ),
    Definition::long("log.flush.scheduler.interval.ms", i64::MAX)
        .high()
        .read_only()
        .doc("How often logs are looked at for one whose `flush.ms` has passed."),
    Definition::int("log.flush.offset.checkpoint.interval.ms", 60_000)
        .at_least(0)
        .high()
        .read_only()
        .doc(
            "How often the recovery points are saved: \
             after a crash, a log is read again from there.",
        ),
    Definition::int("log.flush.start.offset.checkpoint.interval.ms", 60_000)
        .at_least(0)
        .high()
        .read_only()
        .doc("How often the start offsets of the logs are saved."),
];
