//! Batches that Apache Kafka 4.3.1 made (`fixtures/Fixtures.java`): read field by field, and built
//! again byte by byte.

use super::*;
use crate::CoordinatorEpoch;

/// The bytes of a batch of the fixture file: a line `= name`, and below it lines of hex.
pub(super) fn fixture(name: &str) -> Vec<u8> {
    let file = include_str!("fixtures/kafka-4.3.1.hex");
    let section = file.split("= ").find(|section| section.lines().next() == Some(name));
    let hex: String =
        section.unwrap_or_else(|| panic!("no fixture {name}")).lines().skip(1).collect();
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

/// The records that nearly every fixture holds, from `base` on.
fn records(base: i64) -> Vec<Owned> {
    let record = |index: i64, timestamp: i64, key: Option<&str>, value: Option<&str>| Owned {
        offset: base + index,
        timestamp,
        key: key.map(|key| key.into()),
        value: value.map(|value| value.into()),
        headers: Vec::new(),
    };
    let mut records = vec![
        record(0, 1_700_000_000_000, Some("key-0"), Some("value-0")),
        record(1, 1_700_000_000_250, None, Some("no key")),
        record(2, 1_699_999_999_990, Some("tombstone"), None),
        record(3, 1_700_000_000_100, Some(""), Some("")),
        record(4, 1_700_000_000_100, Some("long"), Some(&"0123456789".repeat(8))),
    ];
    records[1].headers = vec![
        (b"a".into(), Some(b"1".into())),
        (b"a".into(), Some(b"2".into())),
        (b"".into(), None),
        ("\u{e4}".into(), Some(b"".into())),
    ];
    records
}

/// The options of the fixtures whose records are [`records`].
fn options(name: &str) -> BatchOptions {
    let plain = BatchOptions {
        base_offset: Offset(100),
        leader_epoch: LeaderEpoch(7),
        ..BatchOptions::default()
    };
    match name {
        "codec_none" => plain,
        "codec_gzip" => BatchOptions { compression: Compression::Gzip, ..plain },
        "codec_snappy" => BatchOptions { compression: Compression::Snappy, ..plain },
        "codec_lz4" => BatchOptions { compression: Compression::Lz4, ..plain },
        "codec_zstd" => BatchOptions { compression: Compression::Zstd, ..plain },
        "delete_horizon" => {
            BatchOptions { delete_horizon: Some(Timestamp(1_800_086_400_000)), ..plain }
        }
        "log_append_time" => BatchOptions {
            base_offset: Offset(5),
            leader_epoch: LeaderEpoch(3),
            timestamp_type: TimestampType::LogAppendTime,
            log_append_time: Timestamp(1_700_000_005_555),
            ..plain
        },
        "transactional" => BatchOptions {
            base_offset: Offset(1 << 40),
            leader_epoch: LeaderEpoch(12),
            producer_id: ProducerId(4242),
            producer_epoch: ProducerEpoch(6),
            base_sequence: Sequence(i32::MAX - 1),
            is_transactional: true,
            ..plain
        },
        "idempotent_zstd" => BatchOptions {
            base_offset: Offset::ZERO,
            leader_epoch: LeaderEpoch::NONE,
            compression: Compression::Zstd,
            producer_id: ProducerId(9),
            producer_epoch: ProducerEpoch(0),
            base_sequence: Sequence(0),
            ..plain
        },
        _ => unreachable!(),
    }
}

const WITH_RECORDS: [&str; 9] = [
    "codec_none",
    "codec_gzip",
    "codec_snappy",
    "codec_lz4",
    "codec_zstd",
    "delete_horizon",
    "log_append_time",
    "transactional",
    "idempotent_zstd",
];

#[test]
fn kafkas_batches_are_read_field_by_field() {
    for name in WITH_RECORDS {
        let bytes = fixture(name);
        let batch = Batch::first(&bytes).unwrap();
        let header = batch.header();
        let options = options(name);
        let base = options.base_offset;
        assert_eq!(batch.bytes(), bytes, "{name}");
        assert_eq!((header.base_offset, header.last_offset_delta), (base, 4), "{name}");
        assert_eq!((header.last_offset(), header.next_offset()), (base + 4, base + 5), "{name}");
        assert_eq!((header.size() as usize, header.magic), (bytes.len(), 2), "{name}");
        assert_eq!(header.leader_epoch, options.leader_epoch, "{name}");
        assert_eq!(header.attributes.compression(), Ok(options.compression), "{name}");
        assert_eq!(header.attributes.timestamp_type(), options.timestamp_type, "{name}");
        assert_eq!(header.is_transactional(), options.is_transactional, "{name}");
        assert!(!header.is_control(), "{name}");
        assert_eq!(header.delete_horizon(), options.delete_horizon, "{name}");
        assert_eq!(header.producer_id, options.producer_id, "{name}");
        assert_eq!(header.producer_epoch, options.producer_epoch, "{name}");
        assert_eq!(header.base_sequence, options.base_sequence, "{name}");
        assert_eq!(header.record_count, 5, "{name}");

        let mut expected = records(base.0);
        let mut max_timestamp = 1_700_000_000_250;
        if header.attributes.timestamp_type() == TimestampType::LogAppendTime {
            max_timestamp = options.log_append_time.0;
            expected.iter_mut().for_each(|record| record.timestamp = max_timestamp);
        }
        assert_eq!(header.max_timestamp, Timestamp(max_timestamp), "{name}");
        assert_eq!(read(&batch), expected, "{name}");
        assert_eq!(batch.validate(LIMIT, |_| ()), Ok(Timestamp(max_timestamp)), "{name}");
    }
}

#[test]
fn sequences_of_kafkas_batches_wrap_after_the_largest() {
    let sequence = |name| Batch::first(&fixture(name)).unwrap().header().last_sequence();
    assert_eq!(sequence("transactional"), Sequence(2));
    assert_eq!(sequence("idempotent_zstd"), Sequence(4));
    assert_eq!(sequence("codec_none"), Sequence::NONE);
}

#[test]
fn batches_built_without_compression_are_kafkas_byte_for_byte() {
    for name in ["codec_none", "delete_horizon", "log_append_time", "transactional"] {
        let options = options(name);
        assert_eq!(build(options, &records(options.base_offset.0)), fixture(name), "{name}");
    }
}

#[test]
fn batches_built_with_a_codec_hold_kafkas_payload() {
    for name in ["codec_gzip", "codec_snappy", "codec_lz4", "codec_zstd", "idempotent_zstd"] {
        let options = options(name);
        let (kafkas, ours) = (fixture(name), build(options, &records(options.base_offset.0)));
        let (kafkas, ours) = (Batch::first(&kafkas).unwrap(), Batch::first(&ours).unwrap());
        let header = BatchHeader { length: 0, crc: 0, ..*ours.header() };
        assert_eq!(header, BatchHeader { length: 0, crc: 0, ..*kafkas.header() }, "{name}");
        let (kafkas, ours) = (kafkas.records(LIMIT).unwrap(), ours.records(LIMIT).unwrap());
        assert_eq!(kafkas.bytes(), ours.bytes(), "{name}");
    }
}

#[test]
fn payloads_of_several_chunks_are_read_whole() {
    for name in ["snappy_chunks", "lz4_blocks"] {
        let bytes = fixture(name);
        let records = read(&Batch::first(&bytes).unwrap());
        assert_eq!(records.len(), 1, "{name}");
        assert_eq!(records[0].value, Some("abcdefgh".repeat(10_000).into()), "{name}");
    }
}

#[test]
fn extreme_deltas_are_read_and_built_as_kafka_has_them() {
    let bytes = fixture("extreme_deltas");
    let batch = Batch::first(&bytes).unwrap();
    let record = |offset, timestamp| Owned {
        offset,
        timestamp,
        key: Some(b"k".into()),
        value: Some(b"v".into()),
        headers: Vec::new(),
    };
    let records = [record(0, -1), record(i64::from(i32::MAX), i64::MAX)];
    assert_eq!(read(&batch), records);
    assert_eq!(build(BatchOptions::default(), &records), bytes);
}

#[test]
fn transaction_markers_are_read_and_built_as_kafka_has_them() {
    let rows = [
        ("marker_commit", 77, 1_700_000_001_234, ControlType::Commit, 31),
        ("marker_abort", 78, 1_700_000_001_235, ControlType::Abort, 32),
    ];
    for (name, offset, timestamp, control_type, epoch) in rows {
        let bytes = fixture(name);
        let batch = Batch::first(&bytes).unwrap();
        assert!(batch.header().is_control() && batch.header().is_transactional(), "{name}");
        let records = read(&batch);
        let (key, value) = (records[0].key.as_ref().unwrap(), records[0].value.as_ref().unwrap());
        let marker = EndTxnMarker { coordinator_epoch: CoordinatorEpoch(epoch) };
        assert_eq!(ControlType::parse(key), Ok(control_type), "{name}");
        assert_eq!(EndTxnMarker::parse(value), Ok(marker), "{name}");

        let options = BatchOptions {
            base_offset: Offset(offset),
            leader_epoch: LeaderEpoch(8),
            producer_id: ProducerId(4242),
            producer_epoch: ProducerEpoch(6),
            // A marker has neither, whatever its transaction had.
            base_sequence: Sequence(17),
            compression: Compression::Zstd,
            ..BatchOptions::default()
        };
        assert_eq!(marker.batch(control_type, Timestamp(timestamp), &options), bytes, "{name}");
    }
}

#[test]
fn control_record_of_the_metadata_quorum_is_recognized() {
    let bytes = fixture("leader_change");
    let batch = Batch::first(&bytes).unwrap();
    assert!(batch.header().is_control() && !batch.header().is_transactional());
    let key = read(&batch)[0].key.clone().unwrap();
    assert_eq!(ControlType::parse(&key), Ok(ControlType::LeaderChange));
}
