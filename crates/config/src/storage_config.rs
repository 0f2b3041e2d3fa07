//! The settings of a broker as its storage engine uses them.

use std::path::PathBuf;

use crate::error::Error;
use crate::inherit::inherited;
use crate::reader::Reader;
use crate::settings::Settings;
use crate::topic::TOPIC;
use crate::topic_config::TopicConfig;
use crate::value::Value;

/// What holds for all logs of a broker. Times are in milliseconds and not negative.
#[derive(Debug, Clone, PartialEq)]
pub struct StorageConfig {
    /// `log.dirs`, or `log.dir`; at least one.
    pub log_dirs: Vec<PathBuf>,
    /// `cordoned.log.dirs`: those of `log_dirs` that get no new partitions.
    pub cordoned_log_dirs: Vec<PathBuf>,
    /// `ottla.log.dirs.free.bytes.min`.
    pub free_bytes_min: u64,
    /// `num.recovery.threads.per.data.dir`, at least 1.
    pub recovery_threads_per_dir: usize,
    /// `log.initial.task.delay.ms`.
    pub initial_task_delay_ms: i64,
    /// `log.retention.check.interval.ms`, at least 1.
    pub retention_check_interval_ms: i64,
    /// `log.flush.scheduler.interval.ms`, at least 1; `i64::MAX` stands for never.
    pub flush_check_interval_ms: i64,
    /// `log.flush.offset.checkpoint.interval.ms`.
    pub recovery_point_checkpoint_interval_ms: i64,
    /// `log.flush.start.offset.checkpoint.interval.ms`.
    pub log_start_offset_checkpoint_interval_ms: i64,
    /// `producer.id.expiration.ms`, at least 1.
    pub producer_id_expiration_ms: i64,
    /// `producer.id.expiration.check.interval.ms`, at least 1.
    pub producer_id_expiration_check_interval_ms: i64,
    /// `transaction.partition.verification.enable`.
    pub transaction_partition_verification: bool,
    /// `replica.alter.log.dirs.io.max.bytes.per.second`: how fast logs are moved to other directories.
    pub move_max_bytes_per_second: f64,
    /// `log.cleaner.*`.
    pub cleaner: CleanerConfig,
}

/// What compaction may use.
#[derive(Debug, Clone, PartialEq)]
pub struct CleanerConfig {
    /// `log.cleaner.enable`.
    pub enable: bool,
    /// `log.cleaner.threads`, at least 1.
    pub threads: usize,
    /// `log.cleaner.dedupe.buffer.size`: for all threads together, more than a mebibyte for each.
    pub dedupe_buffer_bytes: u64,
    /// `log.cleaner.io.buffer.load.factor`, above 0 and at most 1.
    pub dedupe_buffer_load_factor: f64,
    /// `log.cleaner.io.buffer.size`: for all threads together.
    pub io_buffer_bytes: usize,
    /// `log.cleaner.io.max.bytes.per.second`, above 0: for all threads together.
    pub io_max_bytes_per_second: f64,
    /// `log.cleaner.backoff.ms`.
    pub backoff_ms: i64,
}

impl StorageConfig {
    /// The broker's settings over the defaults; an error if they do not fit each other, or would give topics what
    /// a topic may not have.
    pub fn new(broker: &Settings) -> Result<Self, Error> {
        Self::read(broker, &Reader(|key: &str| broker.get_or_default(key)))
    }

    pub(crate) fn read<F: Fn(&str) -> Option<Value>>(
        broker: &Settings,
        reader: &Reader<F>,
    ) -> Result<Self, Error> {
        check_inherited(broker)?;
        TopicConfig::check(&Settings::new(&TOPIC), broker)?;
        check_limits(reader)?;
        let log_dirs = match broker.get("log.dirs") {
            Some(_) => reader.list("log.dirs"),
            None => reader.list("log.dir"),
        };
        let cordoned = cordoned(reader.list("cordoned.log.dirs"), &log_dirs)?;
        Ok(Self {
            log_dirs: log_dirs.into_iter().map(PathBuf::from).collect(),
            cordoned_log_dirs: cordoned.into_iter().map(PathBuf::from).collect(),
            free_bytes_min: reader.number("ottla.log.dirs.free.bytes.min"),
            recovery_threads_per_dir: reader.number("num.recovery.threads.per.data.dir"),
            initial_task_delay_ms: reader.long("log.initial.task.delay.ms"),
            retention_check_interval_ms: reader.long("log.retention.check.interval.ms"),
            flush_check_interval_ms: reader.long("log.flush.scheduler.interval.ms"),
            recovery_point_checkpoint_interval_ms: reader
                .long("log.flush.offset.checkpoint.interval.ms"),
            log_start_offset_checkpoint_interval_ms: reader
                .long("log.flush.start.offset.checkpoint.interval.ms"),
            producer_id_expiration_ms: reader.long("producer.id.expiration.ms"),
            producer_id_expiration_check_interval_ms: reader
                .long("producer.id.expiration.check.interval.ms"),
            transaction_partition_verification: reader
                .boolean("transaction.partition.verification.enable"),
            move_max_bytes_per_second: reader.long("replica.alter.log.dirs.io.max.bytes.per.second")
                as f64,
            cleaner: CleanerConfig {
                enable: reader.boolean("log.cleaner.enable"),
                threads: reader.number("log.cleaner.threads"),
                dedupe_buffer_bytes: reader.number("log.cleaner.dedupe.buffer.size"),
                dedupe_buffer_load_factor: reader.double("log.cleaner.io.buffer.load.factor"),
                io_buffer_bytes: reader.number("log.cleaner.io.buffer.size"),
                io_max_bytes_per_second: reader.double("log.cleaner.io.max.bytes.per.second"),
                backoff_ms: reader.long("log.cleaner.backoff.ms"),
            },
        })
    }
}

/// Some keys of a broker have no limits in Kafka's table although the topic's setting that they stand for has them.
fn check_inherited(broker: &Settings) -> Result<(), Error> {
    for definition in TOPIC.definitions() {
        let Some((key, value)) = inherited(definition, broker) else { continue };
        // A topic may drop what it gets at once; Kafka does not let a broker say that for all topics.
        let nothing_kept = definition.key == "retention.ms" && value == Value::Long(0);
        if nothing_kept || !definition.admits(&value) {
            let reason = match definition.key {
                "retention.ms" => "records stay for at least 1 ms, or for ever with -1".to_owned(),
                topic_key => format!("a topic's {topic_key} is a value {}", definition.allowed),
            };
            return Err(Error::conflict(key, &value, reason));
        }
    }
    Ok(())
}

/// The limits that Kafka checks when it starts, or that it leaves out although nothing works beyond them.
fn check_limits(reader: &Reader<impl Fn(&str) -> Option<Value>>) -> Result<(), Error> {
    let refuse =
        |key: &'static str, value: Value, reason: &str| Err(Error::conflict(key, &value, reason));
    let threads = reader.long("log.cleaner.threads");
    if threads < 1 {
        return refuse("log.cleaner.threads", Value::Long(threads), "it takes at least 1");
    }
    let buffer = reader.long("log.cleaner.dedupe.buffer.size");
    if buffer / threads <= 1 << 20 {
        let reason = "it takes more than 1048576 for each of log.cleaner.threads";
        return refuse("log.cleaner.dedupe.buffer.size", Value::Long(buffer), reason);
    }
    let factor = reader.double("log.cleaner.io.buffer.load.factor");
    if factor <= 0.0 || factor > 1.0 {
        let reason = "it takes a part, above 0 and at most 1";
        return refuse("log.cleaner.io.buffer.load.factor", Value::Double(factor), reason);
    }
    let rate = reader.double("log.cleaner.io.max.bytes.per.second");
    if rate <= 0.0 {
        let reason = "nothing could be compacted";
        return refuse("log.cleaner.io.max.bytes.per.second", Value::Double(rate), reason);
    }
    let interval = reader.long("log.flush.scheduler.interval.ms");
    if interval < 1 {
        let reason = "it takes at least 1";
        return refuse("log.flush.scheduler.interval.ms", Value::Long(interval), reason);
    }
    Ok(())
}

/// The cordoned directories by name. Cordoning one that is not there is an error, as in Kafka.
fn cordoned(cordoned: Vec<String>, log_dirs: &[String]) -> Result<Vec<String>, Error> {
    if cordoned == ["*"] {
        return Ok(log_dirs.to_vec());
    }
    match cordoned.iter().find(|dir| !log_dirs.contains(dir)) {
        None => Ok(cordoned),
        Some(dir) => {
            let reason = format!("{dir} is none of the log directories {}", log_dirs.join(","));
            Err(Error::conflict("cordoned.log.dirs", &Value::List(cordoned.clone()), reason))
        }
    }
}

#[cfg(test)]
mod tests;
