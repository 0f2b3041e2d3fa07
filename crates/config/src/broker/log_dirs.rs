//! Where the logs are, and how they are opened.

use crate::allowed::Allowed;
use crate::definition::Definition;
use crate::kind::Kind;

pub(super) const ROWS: &[Definition] = &[
    Definition::unset("log.dirs", Kind::List)
        .allowed(Allowed::Distinct { or_empty: false })
        .high()
        .read_only()
        .doc("The directories of the logs, best on a disk each. If not set, `log.dir` holds."),
    Definition::list("log.dir", &["./ottla-data"])
        .allowed(Allowed::Distinct { or_empty: false })
        .high()
        .read_only()
        .doc("The directory of the logs."),
    Definition::list("cordoned.log.dirs", &[])
        .allowed(Allowed::Distinct { or_empty: true })
        .per_broker()
        .doc("The log directories that get no new partitions; `*` is all of them."),
    Definition::long("log.dir.failure.timeout.ms", 30_000)
        .at_least(1)
        .low()
        .read_only()
        .doc(
            "A broker that cannot tell the controller of a failed log directory for this long \
             stops.",
        )
        .accepted(),
    Definition::long("ottla.log.dirs.free.bytes.min", 256 << 20).at_least(0).high().doc(
        "Below this much free space on the disk of a log directory, producers get an error and \
         try again, while reads, deletions, retention and compaction go on. The default leaves \
         room for a segment of the offsets topic beside its compacted copy, and for indexes and \
         snapshots.",
    ),
    Definition::int("num.recovery.threads.per.data.dir", 2).at_least(1).high().doc(
        "How many threads open and recover the logs of a directory at the start, and flush them \
         at the end.",
    ),
    Definition::long("log.initial.task.delay.ms", 30_000)
        .at_least(0)
        .low()
        .read_only()
        .internal()
        .doc("How long after the start retention, flushes and checkpoints begin; for tests."),
];
