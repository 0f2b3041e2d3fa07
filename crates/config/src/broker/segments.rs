//! When a segment is closed, and what a segment is made of.

use crate::definition::{Definition, MINUTE_MS};
use crate::kind::Kind;
use crate::topic::MIN_SEGMENT_BYTES;

pub(super) const ROWS: &[Definition] = &[
    Definition::int("log.segment.bytes", 1 << 30)
        .at_least(MIN_SEGMENT_BYTES)
        .high()
        .doc("The size at which a segment is closed, for topics without `segment.bytes`."),
    Definition::unset("log.roll.ms", Kind::Long).high().doc(
        "The age at which a segment is closed, for topics without `segment.ms`. \
         If not set, `log.roll.hours` holds.",
    ),
    Definition::int("log.roll.hours", 7 * 24)
        .at_least(1)
        .high()
        .read_only()
        .doc("`log.roll.ms`, in hours."),
    Definition::unset("log.roll.jitter.ms", Kind::Long).high().doc(
        "How much earlier a segment may be closed, for topics without `segment.jitter.ms`. \
         If not set, `log.roll.jitter.hours` holds.",
    ),
    Definition::int("log.roll.jitter.hours", 0)
        .at_least(0)
        .high()
        .read_only()
        .doc("`log.roll.jitter.ms`, in hours."),
    Definition::int("log.index.size.max.bytes", 10 << 20)
        .at_least(4)
        .doc("The largest index of a segment, for topics without `segment.index.bytes`."),
    Definition::int("log.index.interval.bytes", 4096).at_least(0).doc(
        "After how many bytes an index entry is written, \
         for topics without `index.interval.bytes`.",
    ),
    Definition::boolean("log.preallocate", false)
        .doc("Gives new segments their full length at once, for topics without `preallocate`."),
    Definition::long("log.segment.delete.delay.ms", MINUTE_MS).at_least(0).high().doc(
        "How long a deleted segment stays on disk, for topics without `file.delete.delay.ms`.",
    ),
];
