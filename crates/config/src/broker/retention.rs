//! How long records stay.

use crate::definition::{Definition, MINUTE_MS};
use crate::kind::Kind;
use crate::topic::CLEANUP_POLICIES;

pub(super) const ROWS: &[Definition] = &[
    Definition::list("log.cleanup.policy", &["delete"])
        .allowed(CLEANUP_POLICIES)
        .doc("What becomes of old records, for topics without `cleanup.policy`."),
    Definition::unset("log.retention.ms", Kind::Long).high().doc(
        "How long records stay, for topics without `retention.ms`; -1 is for ever. \
         If not set, `log.retention.minutes` holds.",
    ),
    Definition::unset("log.retention.minutes", Kind::Int)
        .high()
        .read_only()
        .doc("`log.retention.ms`, in minutes. If not set, `log.retention.hours` holds."),
    Definition::int("log.retention.hours", 7 * 24)
        .high()
        .read_only()
        .doc("`log.retention.ms`, in hours."),
    Definition::long("log.retention.bytes", -1)
        .high()
        .doc("How large a partition grows, for topics without `retention.bytes`."),
    Definition::long("log.retention.check.interval.ms", 5 * MINUTE_MS)
        .at_least(1)
        .read_only()
        .doc("How often logs are looked at for segments to delete."),
    Definition::long("log.local.retention.ms", -2)
        .at_least(-2)
        .doc("How long a moved segment stays, for topics without `local.retention.ms`.")
        .accepted(),
    Definition::long("log.local.retention.bytes", -2)
        .at_least(-2)
        .doc("How many bytes of moved segments stay, for topics without `local.retention.bytes`.")
        .accepted(),
];
