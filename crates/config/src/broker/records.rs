//! Which records are taken, and how they are kept.

use crate::allowed::Allowed;
use crate::definition::{Definition, HOUR_MS};
use crate::topic::{
    COMPRESSION_TYPES, LZ4_LEVELS, MAX_MESSAGE_BYTES, TIMESTAMP_TYPES, ZSTD_LEVELS,
};

pub(super) const ROWS: &[Definition] = &[
    Definition::int("message.max.bytes", MAX_MESSAGE_BYTES)
        .at_least(0)
        .high()
        .doc("The largest batch that is taken, for topics without `max.message.bytes`."),
    Definition::string("compression.type", "producer")
        .allowed(COMPRESSION_TYPES)
        .high()
        .doc("How batches are compressed on disk, for topics without their own."),
    Definition::int("compression.gzip.level", -1)
        .allowed(Allowed::GzipLevel)
        .doc("How hard gzip tries, for topics without their own."),
    Definition::int("compression.lz4.level", 9)
        .allowed(LZ4_LEVELS)
        .doc("How hard lz4 tries, for topics without their own."),
    Definition::int("compression.zstd.level", 3)
        .allowed(ZSTD_LEVELS)
        .doc("How hard zstd tries, for topics without their own."),
    Definition::string("log.message.timestamp.type", "CreateTime")
        .allowed(TIMESTAMP_TYPES)
        .doc("Whose time records have, for topics without `message.timestamp.type`."),
    Definition::long("log.message.timestamp.before.max.ms", i64::MAX).at_least(0).doc(
        "How far a timestamp may lie in the past, \
         for topics without `message.timestamp.before.max.ms`.",
    ),
    Definition::long("log.message.timestamp.after.max.ms", HOUR_MS).at_least(0).doc(
        "How far a timestamp may lie in the future, \
         for topics without `message.timestamp.after.max.ms`.",
    ),
];
