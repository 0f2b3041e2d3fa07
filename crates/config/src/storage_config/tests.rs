//! Settings of a broker in, a typed storage engine or a conflict out.

use super::*;
use crate::broker::BROKER;

fn config(pairs: &[(&str, &str)]) -> Result<StorageConfig, Error> {
    StorageConfig::new(&Settings::parse(&BROKER, pairs.iter().copied()).unwrap())
}

#[test]
fn config_without_settings_is_the_default() {
    let expected = StorageConfig {
        log_dirs: vec![PathBuf::from("./ottla-data")],
        cordoned_log_dirs: vec![],
        free_bytes_min: 256 << 20,
        recovery_threads_per_dir: 2,
        initial_task_delay_ms: 30_000,
        retention_check_interval_ms: 300_000,
        flush_check_interval_ms: i64::MAX,
        recovery_point_checkpoint_interval_ms: 60_000,
        log_start_offset_checkpoint_interval_ms: 60_000,
        producer_id_expiration_ms: 86_400_000,
        producer_id_expiration_check_interval_ms: 600_000,
        transaction_partition_verification: true,
        move_max_bytes_per_second: i64::MAX as f64,
        cleaner: CleanerConfig {
            enable: true,
            threads: 1,
            dedupe_buffer_bytes: 128 << 20,
            dedupe_buffer_load_factor: 0.9,
            io_buffer_bytes: 512 << 10,
            io_max_bytes_per_second: f64::MAX,
            backoff_ms: 15_000,
        },
    };
    assert_eq!(config(&[]).unwrap(), expected);
}

#[test]
fn log_dirs_over_log_dir() {
    let paths = |dirs: &[&str]| dirs.iter().map(PathBuf::from).collect::<Vec<_>>();
    let one = config(&[("log.dir", "/a")]).unwrap();
    assert_eq!(one.log_dirs, paths(&["/a"]));
    let two = config(&[("log.dir", "/a"), ("log.dirs", "/b, /c")]).unwrap();
    assert_eq!(two.log_dirs, paths(&["/b", "/c"]));
}

#[test]
fn cordoned_dirs_are_log_dirs() {
    let cordoned = |text| config(&[("log.dirs", "/b,/c"), ("cordoned.log.dirs", text)]);
    assert_eq!(cordoned("/c").unwrap().cordoned_log_dirs, [PathBuf::from("/c")]);
    let all = cordoned("*").unwrap();
    assert_eq!(all.cordoned_log_dirs, all.log_dirs);
    for refused in ["/d", "*,/b"] {
        cordoned(refused).unwrap_err();
    }
}

#[test]
fn config_beyond_a_limit_is_a_conflict() {
    for (key, text, message) in [
        ("log.cleaner.threads", "0", "it takes at least 1"),
        (
            "log.cleaner.dedupe.buffer.size",
            "1048576",
            "it takes more than 1048576 for each of log.cleaner.threads",
        ),
        ("log.cleaner.io.buffer.load.factor", "1.5", "it takes a part, above 0 and at most 1"),
        ("log.cleaner.io.max.bytes.per.second", "0.0", "nothing could be compacted"),
        ("log.flush.scheduler.interval.ms", "0", "it takes at least 1"),
        ("log.flush.interval.ms", "-1", "a topic's flush.ms is a value of at least 0"),
        ("log.roll.ms", "0", "a topic's segment.ms is a value of at least 1"),
        ("log.retention.ms", "0", "records stay for at least 1 ms, or for ever with -1"),
    ] {
        let error = config(&[(key, text)]).unwrap_err();
        assert_eq!(error.to_string(), format!("{key} cannot be `{text}`: {message}"));
    }
    config(&[("log.retention.hours", "-7")]).unwrap();
    config(&[("log.cleaner.threads", "64"), ("log.cleaner.dedupe.buffer.size", "67108928")])
        .unwrap();
}

#[test]
fn config_with_lags_that_cross_is_a_conflict() {
    config(&[
        ("log.cleaner.min.compaction.lag.ms", "2"),
        ("log.cleaner.max.compaction.lag.ms", "1"),
    ])
    .unwrap_err();
}
