//! Every refusal of `LogValidator` with its code, and what changes in records that are taken.

use config::CleanupPolicy;
use protocol::record::BatchBuilder;
use protocol::{Offset, ProducerEpoch, ProducerId, Sequence};

use super::*;
use crate::testing::batches::{NOW, at, keyed, later, marker, plain, producer, records_in};

fn config(edit: impl FnOnce(&mut TopicConfig)) -> TopicConfig {
    let mut config = TopicConfig::default();
    edit(&mut config);
    config
}

fn check(bytes: &Bytes, config: &TopicConfig, origin: Origin) -> Result<Validated, Rejection> {
    validate(bytes, &Rules { config, origin, now: NOW })
}

/// The bytes with their header changed and a good checksum.
fn patched(bytes: &Bytes, patch: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let mut bytes = bytes.to_vec();
    let mut header = BatchHeader::decode(&bytes).unwrap();
    patch(&mut header);
    header.encode(bytes.first_chunk_mut().unwrap());
    header.crc = crc32c::crc32c(&bytes[UNDER_CRC_AT..]);
    header.encode(bytes.first_chunk_mut().unwrap());
    bytes.into()
}

/// One record per timestamp.
fn timed(options: BatchOptions, timestamps: &[i64]) -> Bytes {
    let mut builder = BatchBuilder::new(options);
    for timestamp in timestamps {
        builder.append(Timestamp(*timestamp), Some(b"k"), Some(b"v"), &[]);
    }
    builder.build().into()
}

/// What a stored batch is made of: the patched header in front of the bytes as they came.
fn stored(validated: &Validated) -> Vec<u8> {
    let mut stored = Vec::new();
    for batch in validated.batches() {
        let start = stored.len();
        stored.extend_from_slice(validated.batch_bytes(batch));
        batch.header.encode(stored[start..].first_chunk_mut().unwrap());
    }
    stored
}

#[test]
fn batch_as_it_must_be_is_taken_as_it_is() {
    let bytes = plain(3);
    let validated = check(&bytes, &TopicConfig::default(), Origin::Client).unwrap();
    assert_eq!(stored(&validated), bytes);
    assert_eq!((validated.size(), validated.offset_count()), (bytes.len(), 3));
    let times = (validated.max_timestamp(), validated.log_append_time());
    assert_eq!(times, (NOW, Timestamp::NONE));
}

#[test]
fn bytes_that_are_no_good_batch_are_refused_each_with_its_code() {
    let whole = plain(2);
    let mut flipped = whole.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let mut old_magic = whole.to_vec();
    old_magic[16] = 1;
    let mut two = whole.to_vec();
    two.extend_from_slice(&whole);
    let mut trailing = whole.to_vec();
    trailing.extend_from_slice(&whole[..20]);
    let garbage = patched(&plain(1), |header| header.attributes = Attributes(1));
    let empty: Bytes = BatchBuilder::new(BatchOptions::default()).build().into();
    let rows: [(&str, Bytes, ErrorCode, &str); 12] = [
        ("nothing", Bytes::new(), ErrorCode::InvalidRecord, "no record batch"),
        ("cut off", whole.slice(..40), ErrorCode::CorruptMessage, "cut off"),
        ("a tail", trailing.into(), ErrorCode::CorruptMessage, "cut off"),
        ("a flipped bit", flipped.into(), ErrorCode::CorruptMessage, "checksum"),
        ("an old format", old_magic.into(), ErrorCode::InvalidRecord, "magic 1"),
        ("two batches", two.into(), ErrorCode::InvalidRecord, "more than one"),
        ("no records", empty, ErrorCode::InvalidRecord, "no records"),
        ("garbage as gzip", garbage, ErrorCode::InvalidRecord, "gzip"),
        (
            "an unknown codec",
            patched(&whole, |header| header.attributes = Attributes(7)),
            ErrorCode::InvalidRecord,
            "codec",
        ),
        (
            "an offset",
            patched(&whole, |header| header.base_offset = Offset(1)),
            ErrorCode::InvalidRecord,
            "base offset",
        ),
        (
            "fewer records than offsets",
            patched(&whole, |header| header.last_offset_delta = 4),
            ErrorCode::InvalidRecord,
            "contradicts",
        ),
        (
            "fewer records than said",
            patched(&whole, |header| (header.record_count, header.last_offset_delta) = (3, 2)),
            ErrorCode::InvalidRecord,
            "fewer records",
        ),
    ];
    for (name, bytes, code, message) in rows {
        let rejection = check(&bytes, &TopicConfig::default(), Origin::Client).unwrap_err();
        assert_eq!(rejection.code, code, "{name}: {}", rejection.message);
        assert!(rejection.message.contains(message), "{name}: {}", rejection.message);
        assert_eq!(rejection.records, [], "{name}");
    }
}

#[test]
fn record_that_skips_an_offset_is_refused() {
    for compression in [Compression::None, Compression::Zstd] {
        let mut builder =
            BatchBuilder::new(BatchOptions { compression, ..BatchOptions::default() });
        for offset in [0, 2] {
            builder.append_with_offset(Offset(offset), NOW, Some(b"k"), None, &[]);
        }
        // Two records on three offsets would be caught earlier.
        let bytes = patched(&builder.build().into(), |header| header.last_offset_delta = 1);
        let rejection = check(&bytes, &TopicConfig::default(), Origin::Client).unwrap_err();
        assert_eq!(rejection.code, ErrorCode::InvalidRecord);
        assert!(rejection.message.contains("does not follow"), "{}", rejection.message);
    }
}

#[test]
fn clients_alone_are_held_to_what_only_brokers_may_do() {
    let control = marker(ControlType::Commit, 1, 0, 3);
    let unsequenced = timed(
        BatchOptions {
            producer_id: ProducerId(1),
            producer_epoch: ProducerEpoch(0),
            base_sequence: Sequence::NONE,
            ..BatchOptions::default()
        },
        &[NOW.0],
    );
    for (name, bytes, message) in
        [("a control record", &control, "control"), ("no sequence", &unsequenced, "sequence")]
    {
        let rejection = check(bytes, &TopicConfig::default(), Origin::Client).unwrap_err();
        assert_eq!(rejection.code, ErrorCode::InvalidRecord, "{name}");
        assert!(rejection.message.contains(message), "{name}: {}", rejection.message);
        assert!(check(bytes, &TopicConfig::default(), Origin::Coordinator).is_ok(), "{name}");
    }
    let validated = check(&control, &TopicConfig::default(), Origin::Coordinator).unwrap();
    let (kind, value) = validated.batches()[0].marker.unwrap();
    assert_eq!((kind, value.coordinator_epoch.0), (ControlType::Commit, 3));
    // A negative id is none, as in `hasProducerId`.
    let nobody =
        timed(BatchOptions { producer_id: ProducerId(-2), ..BatchOptions::default() }, &[NOW.0]);
    assert!(check(&nobody, &TopicConfig::default(), Origin::Client).is_ok());
}

#[test]
fn batch_over_the_limit_is_refused() {
    let bytes = plain(2);
    let size = u32::try_from(bytes.len()).unwrap();
    let limit = |max_message_bytes| config(|config| config.max_message_bytes = max_message_bytes);
    assert!(check(&bytes, &limit(size), Origin::Client).is_ok());
    for origin in [Origin::Client, Origin::Coordinator] {
        let rejection = check(&bytes, &limit(size - 1), origin).unwrap_err();
        assert_eq!(rejection.code, ErrorCode::MessageTooLarge);
    }
}

#[test]
fn compacted_topic_names_the_records_without_a_key() {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for key in [Some(&b"a"[..]), None, Some(b"b"), None] {
        builder.append(NOW, key, Some(b"v"), &[]);
    }
    let bytes: Bytes = builder.build().into();
    let compacted =
        config(|config| config.cleanup_policy = CleanupPolicy { compact: true, delete: true });
    let rejection = check(&bytes, &compacted, Origin::Client).unwrap_err();
    assert_eq!(rejection.code, ErrorCode::InvalidRecord);
    let indexes: Vec<_> = rejection.records.iter().map(|record| record.index).collect();
    assert_eq!(indexes, [1, 3]);
    assert!(check(&bytes, &TopicConfig::default(), Origin::Client).is_ok());
    let commit = marker(ControlType::Commit, 1, 0, 0);
    assert!(check(&commit, &compacted, Origin::Coordinator).is_ok());
}

#[test]
fn timestamp_is_held_to_the_limits_of_the_topic() {
    let limits = config(|config| {
        config.message_timestamp_before_max_ms = 1_000;
        config.message_timestamp_after_max_ms = 100;
    });
    let rows = [
        (NOW.0 - 1_000, true),
        (NOW.0 - 1_001, false),
        (NOW.0 + 100, true),
        (NOW.0 + 101, false),
        (-1, true),
        (-2, false),
        (0, false),
        (i64::MAX, false),
    ];
    for (timestamp, is_taken) in rows {
        let bytes = timed(BatchOptions::default(), &[NOW.0, timestamp]);
        let checked = check(&bytes, &limits, Origin::Client);
        assert_eq!(checked.is_ok(), is_taken, "{timestamp}");
        if let Err(rejection) = checked {
            assert_eq!(rejection.code, ErrorCode::InvalidTimestamp);
            assert_eq!(rejection.records[0].index, 1);
        }
        assert!(check(&bytes, &limits, Origin::Coordinator).is_ok(), "{timestamp}");
    }
    // Under LogAppendTime the producer's time means nothing.
    let by_log = config(|config| {
        config.message_timestamp_after_max_ms = 0;
        config.message_timestamp_type = TimestampType::LogAppendTime;
    });
    assert!(check(&timed(BatchOptions::default(), &[i64::MAX]), &by_log, Origin::Client).is_ok());
}

#[test]
fn timestamp_fault_decides_the_code_of_several_faults() {
    let compacted = config(|config| {
        config.cleanup_policy = CleanupPolicy { compact: true, delete: false };
        config.message_timestamp_after_max_ms = 0;
    });
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(NOW, None, None, &[]);
    builder.append(later(1), Some(b"k"), None, &[]);
    // A record is faulted once, for its key.
    builder.append(later(1), None, None, &[]);
    let rejection = check(&builder.build().into(), &compacted, Origin::Client).unwrap_err();
    assert_eq!((rejection.code, rejection.records.len()), (ErrorCode::InvalidTimestamp, 3));
    assert!(rejection.message.starts_with("3 records refused"), "{}", rejection.message);
    let keyless = timed(BatchOptions::default(), &[NOW.0]);
    assert!(check(&keyless, &compacted, Origin::Client).is_ok());
}

#[test]
fn no_more_than_a_hundred_records_are_named() {
    let limits = config(|config| config.message_timestamp_after_max_ms = 0);
    let bytes = timed(BatchOptions::default(), &[NOW.0 + 1; 250]);
    let rejection = check(&bytes, &limits, Origin::Client).unwrap_err();
    assert_eq!(rejection.records.len(), RECORDS_NAMED_MAX);
    assert!(rejection.message.starts_with("250 records"), "{}", rejection.message);
}

#[test]
fn log_append_time_of_a_client_is_refused() {
    let bytes = at(
        BatchOptions {
            timestamp_type: TimestampType::LogAppendTime,
            log_append_time: NOW,
            ..BatchOptions::default()
        },
        1,
        1,
        NOW,
    );
    for timestamp_type in [TimestampType::CreateTime, TimestampType::LogAppendTime] {
        let config = config(|config| config.message_timestamp_type = timestamp_type);
        let rejection = check(&bytes, &config, Origin::Client).unwrap_err();
        assert_eq!(rejection.code, ErrorCode::InvalidTimestamp);
    }
}

#[test]
fn log_append_time_is_stamped_under_a_good_checksum() {
    let by_log = config(|config| config.message_timestamp_type = TimestampType::LogAppendTime);
    for compression in [Compression::None, Compression::Lz4] {
        let options = BatchOptions { compression, ..BatchOptions::default() };
        let bytes = timed(options, &[5, 70, 6]);
        let validated = check(&bytes, &by_log, Origin::Client).unwrap();
        assert_eq!((validated.log_append_time(), validated.max_timestamp()), (NOW, NOW));
        let stored = stored(&validated);
        let batch = Batch::first(&stored).unwrap();
        batch.check_crc().unwrap();
        let header = batch.header();
        assert_eq!(header.attributes.timestamp_type(), TimestampType::LogAppendTime);
        assert_eq!((header.max_timestamp, header.base_timestamp), (NOW, Timestamp(5)));
        let records = batch.records(1 << 20).unwrap();
        assert!(records.iter().all(|record| record.unwrap().timestamp == NOW));
    }
}

#[test]
fn wrong_max_timestamp_of_a_producer_is_put_right() {
    let bytes = timed(BatchOptions::default(), &[10, 30, 20]);
    let wrong = patched(&bytes, |header| header.max_timestamp = Timestamp(77));
    let validated = check(&wrong, &TopicConfig::default(), Origin::Client).unwrap();
    assert_eq!(stored(&validated), bytes);
    assert_eq!(validated.max_timestamp(), Timestamp(30));
    let untimed = timed(BatchOptions::default(), &[-1, -1]);
    let validated = check(&untimed, &TopicConfig::default(), Origin::Client).unwrap();
    assert_eq!(
        (validated.max_timestamp(), stored(&validated)),
        (Timestamp::NONE, untimed.to_vec())
    );
}

#[test]
fn batch_gets_the_codec_of_the_topic() {
    let codecs = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];
    let expected =
        records_in(&keyed(producer(7, 3, 9), later(5), &[("a", Some("1")), ("b", None)]));
    for source in codecs {
        let options = BatchOptions { compression: source, ..producer(7, 3, 9) };
        let bytes = keyed(options, later(5), &[("a", Some("1")), ("b", None)]);
        let kept = check(&bytes, &TopicConfig::default(), Origin::Client).unwrap();
        assert_eq!(stored(&kept), bytes, "{source} under the producer's policy");
        for codec in codecs {
            let policy = CompressionPolicy::Broker { codec, level: None };
            let config = config(|config| config.compression = policy);
            let validated = check(&bytes, &config, Origin::Client).unwrap();
            let stored = stored(&validated);
            if codec == source {
                assert_eq!(stored, bytes, "{codec} is kept");
            }
            let header = *Batch::first(&stored).unwrap().header();
            assert_eq!(header.attributes.compression().unwrap(), codec);
            let of_producer = (header.producer_id, header.producer_epoch, header.base_sequence);
            assert_eq!(of_producer, (ProducerId(7), ProducerEpoch(3), Sequence(9)));
            assert_eq!((header.max_timestamp, validated.size()), (later(5), stored.len()));
            assert_eq!(records_in(&stored), expected, "{source} to {codec}");
        }
    }
}

#[test]
fn conversion_keeps_headers_and_times_and_the_transaction() {
    let config = config(|config| {
        config.compression = CompressionPolicy::Broker { codec: Compression::Zstd, level: Some(3) };
        config.message_timestamp_type = TimestampType::LogAppendTime;
    });
    let options = BatchOptions { is_transactional: true, ..producer(1, 0, 0) };
    let mut builder = BatchBuilder::new(options);
    let headers: [(&[u8], Option<&[u8]>); 3] = [(b"h", Some(b"1")), (b"h", None), (b"", Some(b""))];
    builder.append(Timestamp(40), None, Some(b"v"), &headers);
    let validated = check(&builder.build().into(), &config, Origin::Client).unwrap();
    let stored = stored(&validated);
    let batch = Batch::first(&stored).unwrap();
    batch.check_crc().unwrap();
    assert!(batch.header().is_transactional());
    assert_eq!((batch.header().base_timestamp, batch.header().max_timestamp), (Timestamp(40), NOW));
    let records = batch.records(1 << 20).unwrap();
    let record = records.iter().next().unwrap().unwrap();
    assert_eq!(record.headers.collect::<Vec<_>>(), headers);
}

#[test]
fn batch_that_grows_over_the_limit_by_conversion_is_refused() {
    let options = BatchOptions { compression: Compression::Zstd, ..BatchOptions::default() };
    let bytes = at(options, 1, 10_000, NOW);
    let config = config(|config| {
        config.compression = CompressionPolicy::Broker { codec: Compression::None, level: None };
        config.max_message_bytes = 5_000;
    });
    let rejection = check(&bytes, &config, Origin::Client).unwrap_err();
    assert_eq!(rejection.code, ErrorCode::MessageTooLarge);
}

#[test]
fn control_batch_keeps_its_codec() {
    let config = config(|config| {
        config.compression = CompressionPolicy::Broker { codec: Compression::Gzip, level: None };
    });
    let commit = marker(ControlType::Commit, 1, 0, 0);
    let mut bytes = commit.to_vec();
    bytes.extend_from_slice(&plain(1));
    let validated = check(&bytes.into(), &config, Origin::Coordinator).unwrap();
    let codecs: Vec<_> =
        validated.batches().iter().map(|batch| compression(batch.header.attributes)).collect();
    assert_eq!(codecs, [Some(Compression::None), Some(Compression::Gzip)]);
    assert_eq!(validated.batch_bytes(&validated.batches()[0]), commit);
    assert!(validated.batches()[0].marker.is_some());
}
