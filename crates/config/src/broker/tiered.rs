//! How segments move to object storage.

use crate::definition::Definition;
use crate::kind::Kind;

pub(super) const ROWS: &[Definition] = &[
    Definition::boolean("remote.log.storage.system.enable", false)
        .read_only()
        .missing()
        .doc("Lets topics have `remote.storage.enable`."),
    Definition::unset("remote.log.storage.manager.class.name", Kind::String)
        .read_only()
        .missing()
        .doc("Which object storage it is."),
    Definition::long("remote.log.manager.task.interval.ms", 30_000)
        .at_least(1)
        .low()
        .read_only()
        .accepted()
        .doc("How often partitions are looked at for segments to move."),
    Definition::int("remote.log.manager.copier.thread.pool.size", 10)
        .at_least(1)
        .accepted()
        .doc("How many threads move segments."),
    Definition::int("remote.log.manager.expiration.thread.pool.size", 10)
        .at_least(1)
        .accepted()
        .doc("How many threads delete segments from object storage."),
    Definition::int("remote.log.manager.follower.thread.pool.size", 2)
        .at_least(1)
        .accepted()
        .doc("How many threads look after the partitions that are followed."),
    Definition::int("remote.log.manager.thread.pool.size", 2)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("How many threads move and delete, where there is no more precise number."),
    Definition::long("remote.log.manager.copy.max.bytes.per.second", i64::MAX)
        .at_least(1)
        .accepted()
        .doc("How fast segments move."),
    Definition::int("remote.log.manager.copy.quota.window.num", 11)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("Over how many windows the rate of moving is measured."),
    Definition::int("remote.log.manager.copy.quota.window.size.seconds", 1)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("How long a window of the rate of moving is."),
    Definition::long("remote.log.manager.fetch.max.bytes.per.second", i64::MAX)
        .at_least(1)
        .accepted()
        .doc("How fast moved segments are read."),
    Definition::int("remote.log.manager.fetch.quota.window.num", 11)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("Over how many windows the rate of reading is measured."),
    Definition::int("remote.log.manager.fetch.quota.window.size.seconds", 1)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("How long a window of the rate of reading is."),
    Definition::long("remote.log.index.file.cache.total.size.bytes", 1 << 30)
        .at_least(1)
        .low()
        .accepted()
        .doc("The disk space for the indexes of moved segments."),
    Definition::int("remote.log.metadata.custom.metadata.max.bytes", 128)
        .at_least(0)
        .low()
        .read_only()
        .accepted()
        .doc("The most bytes that the object storage may have us remember of a segment."),
    Definition::int("remote.log.reader.threads", 10)
        .at_least(1)
        .accepted()
        .doc("How many threads read moved segments."),
    Definition::int("remote.log.reader.max.pending.tasks", 100)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("How many reads of moved segments wait at most."),
    Definition::int("remote.fetch.max.wait.ms", 500)
        .at_least(1)
        .accepted()
        .doc("How long a fetch waits for a moved segment."),
    Definition::long("remote.list.offsets.request.timeout.ms", 30_000)
        .at_least(1)
        .accepted()
        .doc("How long a ListOffsets waits for a moved segment."),
];
