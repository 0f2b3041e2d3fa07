//! Layers of settings in, a typed topic out.

use super::*;

fn topic(pairs: &[(&str, &str)]) -> Settings {
    Settings::parse(&TOPIC, pairs.iter().copied()).unwrap()
}

fn broker(pairs: &[(&str, &str)]) -> Settings {
    Settings::parse(&BROKER, pairs.iter().copied()).unwrap()
}

#[test]
fn config_without_settings_is_kafkas_default() {
    let expected = TopicConfig {
        max_message_bytes: 1_048_588,
        compression: CompressionPolicy::Producer,
        message_timestamp_type: TimestampType::CreateTime,
        message_timestamp_before_max_ms: i64::MAX,
        message_timestamp_after_max_ms: 3_600_000,
        segment_bytes: 1 << 30,
        segment_ms: 604_800_000,
        segment_jitter_ms: 0,
        segment_index_bytes: 10 << 20,
        index_interval_bytes: 4096,
        preallocate: false,
        file_delete_delay_ms: 60_000,
        flush_messages: 9_223_372_036_854_775_807,
        flush_ms: i64::MAX,
        min_insync_replicas: 1,
        unclean_leader_election: false,
        cleanup_policy: CleanupPolicy { compact: false, delete: true },
        retention_ms: Some(604_800_000),
        retention_bytes: None,
        min_cleanable_dirty_ratio: 0.5,
        min_compaction_lag_ms: 0,
        max_compaction_lag_ms: i64::MAX,
        delete_retention_ms: 86_400_000,
    };
    assert_eq!(TopicConfig::default(), expected);
}

#[test]
fn retention_from_many_layers_is_the_nearest() {
    for (overrides, over, expected) in [
        (&[][..], &[("log.retention.hours", "2")][..], Some(7_200_000)),
        (&[], &[("log.retention.minutes", "3"), ("log.retention.hours", "2")], Some(180_000)),
        (&[], &[("log.retention.ms", "4"), ("log.retention.minutes", "3")], Some(4)),
        (&[], &[("log.retention.hours", "-5")], None),
        (&[("retention.ms", "5")], &[("log.retention.ms", "4")], Some(5)),
        (&[("retention.ms", "-1")], &[("log.retention.ms", "4")], None),
        (&[("retention.ms", "0")], &[], Some(0)),
    ] {
        let config = TopicConfig::new(&topic(overrides), &broker(over));
        assert_eq!(config.retention_ms, expected, "{overrides:?} {over:?}");
    }
}

#[test]
fn broker_value_outside_topic_limits_counts_as_not_set() {
    let config = TopicConfig::new(&topic(&[]), &broker(&[("log.roll.ms", "0")]));
    assert_eq!(config.segment_ms, 604_800_000);
}

#[test]
fn compression_with_codec_has_its_level() {
    for (name, codec, level) in [
        ("uncompressed", Compression::None, None),
        ("gzip", Compression::Gzip, Some(-1)),
        ("snappy", Compression::Snappy, None),
        ("lz4", Compression::Lz4, Some(17)),
        ("zstd", Compression::Zstd, Some(-7)),
    ] {
        let overrides = topic(&[("compression.type", name), ("compression.zstd.level", "-7")]);
        let config = TopicConfig::new(&overrides, &broker(&[("compression.lz4.level", "17")]));
        assert_eq!(config.compression, CompressionPolicy::Broker { codec, level });
    }
}

#[test]
fn cleanup_policy_is_any_set_of_the_two() {
    for (text, compact, delete) in [
        ("delete", false, true),
        ("compact", true, false),
        ("compact,delete", true, true),
        ("", false, false),
    ] {
        let overrides = topic(&[("cleanup.policy", text), ("max.compaction.lag.ms", "9")]);
        let config = TopicConfig::new(&overrides, &broker(&[]));
        assert_eq!(config.cleanup_policy, CleanupPolicy { compact, delete });
        assert_eq!(config.max_segment_ms(), if compact { 9 } else { 604_800_000 });
    }
}

#[test]
fn segment_bytes_below_a_mebibyte_is_internal_only() {
    Settings::parse(&TOPIC, [("segment.bytes", "1048575")]).unwrap_err();
    let overrides = topic(&[("segment.bytes", "1048576"), ("internal.segment.bytes", "100")]);
    assert_eq!(TopicConfig::new(&overrides, &broker(&[])).segment_bytes, 100);
    let overrides = topic(&[("segment.bytes", "1048576")]);
    assert_eq!(TopicConfig::new(&overrides, &broker(&[])).segment_bytes, 1 << 20);
}

#[test]
fn check_lags_that_cross_is_a_conflict() {
    let over = broker(&[("log.cleaner.max.compaction.lag.ms", "10")]);
    TopicConfig::check(&topic(&[("min.compaction.lag.ms", "10")]), &over).unwrap();
    let error = TopicConfig::check(&topic(&[("min.compaction.lag.ms", "11")]), &over).unwrap_err();
    assert_eq!(
        error.to_string(),
        "min.compaction.lag.ms cannot be `11`: max.compaction.lag.ms is smaller, 10"
    );
}

#[test]
fn check_remote_storage_without_tiers_is_refused() {
    TopicConfig::check(&topic(&[("remote.storage.enable", "false")]), &broker(&[])).unwrap();
    TopicConfig::check(&topic(&[("remote.storage.enable", "true")]), &broker(&[])).unwrap_err();
}
