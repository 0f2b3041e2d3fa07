//! The settings of a topic: the whole table of Kafka's `LogConfig`.

use crate::allowed::Allowed;
use crate::definition::{DAY_MS, Definition, HOUR_MS, MINUTE_MS, Synonym};
use crate::kind::Kind;
use crate::table::{Group, Scope, Table};

/// The settings of a topic. Each can change at any time and reaches all replicas.
pub static TOPIC: Table = Table::new(
    Scope::Topic,
    &[
        Group { title: "Records", rows: RECORDS },
        Group { title: "Segments", rows: SEGMENTS },
        Group { title: "Durability", rows: DURABILITY },
        Group { title: "Retention", rows: RETENTION },
        Group { title: "Compaction", rows: COMPACTION },
        Group { title: "Replication quota", rows: REPLICATION_QUOTA },
        Group { title: "Tiered storage", rows: TIERED_STORAGE },
    ],
);

/// The codecs of `compression.type`, and what it may be besides.
pub(crate) const COMPRESSION_TYPES: Allowed =
    Allowed::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]);
pub(crate) const LZ4_LEVELS: Allowed = Allowed::Between(1, 17);
pub(crate) const ZSTD_LEVELS: Allowed = Allowed::Between(-131_072, 22);
pub(crate) const TIMESTAMP_TYPES: Allowed = Allowed::OneOf(&["CreateTime", "LogAppendTime"]);
pub(crate) const CLEANUP_POLICIES: Allowed = Allowed::ListOf(&["compact", "delete"]);
/// One mebibyte of records and the 12 bytes that a batch's length does not count.
pub(crate) const MAX_MESSAGE_BYTES: i32 = (1 << 20) + 12;
/// Kafka refuses smaller segments since 4.0 (KIP-1030).
pub(crate) const MIN_SEGMENT_BYTES: i64 = 1 << 20;

const RECORDS: &[Definition] = &[
    Definition::int("max.message.bytes", MAX_MESSAGE_BYTES)
        .at_least(0)
        .synonyms(&[Synonym::same("message.max.bytes")])
        .doc("The largest batch that is taken, compressed as it comes."),
    Definition::string("compression.type", "producer")
        .allowed(COMPRESSION_TYPES)
        .synonyms(&[Synonym::same("compression.type")])
        .doc(
            "How batches are compressed on disk. With `producer` they stay as they were sent; \
             another codec costs the broker a decompression and a compression for each batch.",
        ),
    Definition::int("compression.gzip.level", -1)
        .allowed(Allowed::GzipLevel)
        .synonyms(&[Synonym::same("compression.gzip.level")])
        .doc("How hard gzip tries if `compression.type` is `gzip`."),
    Definition::int("compression.lz4.level", 9)
        .allowed(LZ4_LEVELS)
        .synonyms(&[Synonym::same("compression.lz4.level")])
        .doc("How hard lz4 tries if `compression.type` is `lz4`."),
    Definition::int("compression.zstd.level", 3)
        .allowed(ZSTD_LEVELS)
        .synonyms(&[Synonym::same("compression.zstd.level")])
        .doc("How hard zstd tries if `compression.type` is `zstd`."),
    Definition::string("message.timestamp.type", "CreateTime")
        .allowed(TIMESTAMP_TYPES)
        .synonyms(&[Synonym::same("log.message.timestamp.type")])
        .doc("Whether records keep the time their producer gave them or get that of the append."),
    Definition::long("message.timestamp.before.max.ms", i64::MAX)
        .at_least(0)
        .synonyms(&[Synonym::same("log.message.timestamp.before.max.ms")])
        .doc(
            "How far a producer's timestamp may lie in the past. \
             Without meaning under `LogAppendTime`.",
        ),
    Definition::long("message.timestamp.after.max.ms", HOUR_MS)
        .at_least(0)
        .synonyms(&[Synonym::same("log.message.timestamp.after.max.ms")])
        .doc(
            "How far a producer's timestamp may lie in the future. \
             Without meaning under `LogAppendTime`.",
        ),
];

const SEGMENTS: &[Definition] = &[
    Definition::int("segment.bytes", 1 << 30)
        .at_least(MIN_SEGMENT_BYTES)
        .synonyms(&[Synonym::same("log.segment.bytes")])
        .doc("A segment that would grow beyond this is closed and the next one begun."),
    Definition::unset("internal.segment.bytes", Kind::Int)
        .at_least(1)
        .internal()
        .doc("Stands in for `segment.bytes`, without its lower limit; for tests."),
    Definition::long("segment.ms", 7 * DAY_MS)
        .at_least(1)
        .synonyms(&[Synonym::same("log.roll.ms"), Synonym::hours("log.roll.hours")])
        .doc(
            "A segment older than this is closed even if it is small, \
             so that retention and compaction can have it.",
        ),
    Definition::long("segment.jitter.ms", 0)
        .at_least(0)
        .synonyms(&[Synonym::same("log.roll.jitter.ms"), Synonym::hours("log.roll.jitter.hours")])
        .doc(
            "A segment is closed up to this much earlier, by chance, \
             so that many partitions do not roll at once.",
        ),
    Definition::int("segment.index.bytes", 10 << 20)
        .at_least(4)
        .synonyms(&[Synonym::same("log.index.size.max.bytes")])
        .doc("The largest index of a segment. A segment whose index is full is closed."),
    Definition::int("index.interval.bytes", 4096)
        .at_least(0)
        .synonyms(&[Synonym::same("log.index.interval.bytes")])
        .doc("An index entry is written after this many bytes of records."),
    Definition::boolean("preallocate", false)
        .synonyms(&[Synonym::same("log.preallocate")])
        .doc("Gives a new segment its full length on disk at once."),
    Definition::long("file.delete.delay.ms", MINUTE_MS)
        .at_least(0)
        .synonyms(&[Synonym::same("log.segment.delete.delay.ms")])
        .doc("How long a deleted segment stays on disk for the readers that still have it."),
];

const DURABILITY: &[Definition] = &[
    Definition::long("flush.messages", i64::MAX)
        .at_least(1)
        .synonyms(&[Synonym::same("log.flush.interval.messages")])
        .doc(
            "After this many records the log is written through to the disk. \
             With 1, no acknowledged record is lost when the power fails.",
        ),
    Definition::long("flush.ms", i64::MAX)
        .at_least(0)
        .synonyms(&[
            Synonym::same("log.flush.interval.ms"),
            Synonym::same("log.flush.scheduler.interval.ms"),
        ])
        .doc("After this long the log is written through to the disk."),
    Definition::int("min.insync.replicas", 1)
        .at_least(1)
        .synonyms(&[Synonym::same("min.insync.replicas")])
        .doc(
            "With fewer replicas in sync, a produce with `acks=all` is refused. \
             Leave it below the replication factor, or one failure stops the topic.",
        ),
    Definition::boolean("unclean.leader.election.enable", false)
        .synonyms(&[Synonym::same("unclean.leader.election.enable")])
        .doc(
            "Lets a replica that is behind become leader when no other is left. \
             What it lacks is lost.",
        ),
];

const RETENTION: &[Definition] = &[
    Definition::list("cleanup.policy", &["delete"])
        .allowed(CLEANUP_POLICIES)
        .synonyms(&[Synonym::same("log.cleanup.policy")])
        .doc(
            "`delete` drops old segments, `compact` keeps the last record of each key; \
             with both, compacted segments are dropped when they are old. \
             With neither, everything is kept for ever.",
        ),
    Definition::long("retention.ms", 7 * DAY_MS)
        .at_least(-1)
        .synonyms(&[
            Synonym::same("log.retention.ms"),
            Synonym::minutes("log.retention.minutes"),
            Synonym::hours("log.retention.hours"),
        ])
        .doc(
            "A segment whose youngest record is older than this is deleted. \
             -1 keeps records of any age.",
        ),
    Definition::long("retention.bytes", -1).synonyms(&[Synonym::same("log.retention.bytes")]).doc(
        "The oldest segments of a partition are deleted while it stays at least this large \
             without them. -1 sets no limit.",
    ),
];

const COMPACTION: &[Definition] = &[
    Definition::double("min.cleanable.dirty.ratio", 0.5)
        .allowed(Allowed::Between(0, 1))
        .synonyms(&[Synonym::same("log.cleaner.min.cleanable.ratio")])
        .doc("A log is compacted when this part of it, in bytes, has come since the last time."),
    Definition::long("min.compaction.lag.ms", 0)
        .at_least(0)
        .synonyms(&[Synonym::same("log.cleaner.min.compaction.lag.ms")])
        .doc("A record stays at least this long, even if a newer one has its key."),
    Definition::long("max.compaction.lag.ms", i64::MAX)
        .at_least(1)
        .synonyms(&[Synonym::same("log.cleaner.max.compaction.lag.ms")])
        .doc("A log with an uncompacted record older than this is compacted at any dirty ratio."),
    Definition::long("delete.retention.ms", DAY_MS)
        .at_least(0)
        .synonyms(&[Synonym::same("log.cleaner.delete.retention.ms")])
        .doc(
            "A tombstone stays this long after compaction has met it. \
             A consumer that reads from the start must reach the end within that time.",
        ),
];

const REPLICATION_QUOTA: &[Definition] = &[
    Definition::list("leader.replication.throttled.replicas", &[])
        .allowed(Allowed::Replicas)
        .accepted()
        .doc("The replicas whose leaders send them no more than the broker's replication quota."),
    Definition::list("follower.replication.throttled.replicas", &[])
        .allowed(Allowed::Replicas)
        .accepted()
        .doc("The replicas that fetch no more than the broker's replication quota."),
];

const TIERED_STORAGE: &[Definition] = &[
    Definition::boolean("remote.storage.enable", false)
        .doc("Moves closed segments to object storage; refused where the broker has none."),
    Definition::boolean("remote.log.copy.disable", false)
        .accepted()
        .doc("Moves no more segments; those that were moved stay readable."),
    Definition::boolean("remote.log.delete.on.disable", false)
        .accepted()
        .doc("Deletes the moved segments when tiered storage is switched off for the topic."),
    Definition::long("local.retention.ms", -2)
        .accepted()
        .at_least(-2)
        .synonyms(&[Synonym::same("log.local.retention.ms")])
        .doc("How long a moved segment stays on the broker's disk. -2 stands for `retention.ms`."),
    Definition::long("local.retention.bytes", -2)
        .accepted()
        .at_least(-2)
        .synonyms(&[Synonym::same("log.local.retention.bytes")])
        .doc(
            "How many bytes of a partition stay on the broker's disk when its segments have been \
             moved. -2 stands for `retention.bytes`.",
        ),
];
