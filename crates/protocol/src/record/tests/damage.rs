//! Damaged and hostile batches: always an error or a good reading, never a panic, never more memory
//! than the limit.

use super::*;
use crate::varint::put_varint;

/// A batch of three records, uncompressed.
fn good() -> Vec<u8> {
    let record = |offset| Owned {
        offset,
        timestamp: 1000 + offset,
        key: Some(b"key".into()),
        value: Some(b"value".into()),
        headers: vec![(b"h".into(), Some(b"x".into()))],
    };
    build(BatchOptions::default(), &[record(0), record(1), record(2)])
}

/// Puts `payload` behind the header of a batch of `count` records.
fn with_payload(count: usize, codec: Compression, payload: &[u8]) -> Vec<u8> {
    let mut header = BatchHeader::decode(&good()).unwrap();
    let count = i32::try_from(count).unwrap();
    header.record_count = count;
    header.last_offset_delta = count.max(1) - 1;
    header.attributes = Attributes(0).with_compression(codec);
    header.length = u32::try_from(HEADER_BYTES - LOG_OVERHEAD + payload.len()).unwrap();
    let mut bytes = [0; HEADER_BYTES];
    header.encode(&mut bytes);
    [&bytes[..], payload].concat()
}

/// Reads all that can be read of `bytes`, and says how many records were good.
fn read_all(bytes: &[u8]) -> usize {
    let mut good = 0;
    for batch in Batches::new(bytes).flatten() {
        let Ok(records) = batch.records(LIMIT) else { continue };
        for record in records.iter().flatten() {
            let headers: Vec<_> = record.headers.collect();
            assert_eq!(headers.len(), record.headers.count());
            good += 1;
        }
        let mut out = Vec::new();
        let options = RewriteOptions {
            delete_horizon: Some(Timestamp(5)),
            is_empty_transaction_marker: false,
            keeps_empty: true,
            limit: LIMIT,
        };
        let _ = rewrite(&batch, &mut |record| record.offset_delta % 2 == 0, options, &mut out);
        let _ = batch.validate(LIMIT, |_| ());
    }
    good
}

#[test]
fn header_that_contradicts_itself_is_refused() {
    let corrupt = |bytes: &[u8]| match BatchHeader::decode(bytes) {
        Err(BatchError::Corrupt { reason }) => reason,
        other => panic!("{other:?}"),
    };
    let with = |at: usize, field: &[u8]| {
        let mut bytes = good();
        bytes[at..at + field.len()].copy_from_slice(field);
        bytes
    };
    let rows = [
        (8, (-1_i32).to_be_bytes(), "its length is negative"),
        (8, 48_i32.to_be_bytes(), "its length leaves no room for the header"),
        (8, (i32::MAX - 11).to_be_bytes(), "its size does not fit in 31 bits"),
        (23, (-1_i32).to_be_bytes(), "its last offset lies before its base offset"),
        (57, (-1_i32).to_be_bytes(), "its record count is negative"),
    ];
    for (at, field, reason) in rows {
        assert_eq!(corrupt(&with(at, &field)), reason);
    }
    assert_eq!(corrupt(&with(0, &(i64::MAX - 2).to_be_bytes())), "its offsets overflow");
    assert!(BatchHeader::decode(&with(0, &(i64::MAX - 3).to_be_bytes())).is_ok());
    for magic in [0_i8, 1, 3, -1] {
        let bytes = with(16, &[magic.cast_unsigned()]);
        assert_eq!(BatchHeader::decode(&bytes[..17]), Err(BatchError::Magic(magic)));
    }
    let unknown_codec = with(21, &[0, 5]);
    assert!(matches!(
        Batch::first(&unknown_codec).unwrap().records(LIMIT),
        Err(BatchError::Corrupt { .. })
    ));
}

#[test]
fn batch_cut_off_says_what_it_takes() {
    let bytes = good();
    for have in 0..bytes.len() {
        let needed = if have < HEADER_BYTES { HEADER_BYTES } else { bytes.len() };
        let error = Batch::first(&bytes[..have]).unwrap_err();
        assert_eq!(error, BatchError::Incomplete { needed, have });
    }
}

#[test]
fn batches_in_a_row_are_read_up_to_the_torn_one() {
    let bytes = good();
    let torn = [&bytes[..], &bytes[..], &bytes[..bytes.len() - 1]].concat();
    let mut batches = Batches::new(&torn);
    assert!(batches.next().unwrap().is_ok());
    assert!(batches.next().unwrap().is_ok());
    assert!(matches!(batches.next(), Some(Err(BatchError::Incomplete { .. }))));
    assert_eq!(batches.position(), bytes.len() * 2);
    assert!(batches.next().is_none());
    assert!(Batches::new(&[]).next().is_none());
}

#[test]
fn record_that_lies_is_refused_with_its_index() {
    let body = |fields: &[u8]| {
        let mut record = Vec::new();
        put_varint(&mut record, i32::try_from(fields.len()).unwrap());
        [&record[..], fields].concat()
    };
    // Attributes, timestamp and offset delta, key, value, headers.
    let good = body(&[0, 0, 0, 1, 1, 0]);
    let rows: [(Vec<u8>, &str); 12] = [
        (body(&[]), "its body is empty"),
        (vec![1], "its length is negative"),
        (vec![14, 0, 0, 0, 1, 1, 0], "its length is damaged"),
        (vec![0x80; 6], "its length is damaged"),
        (body(&[0]), "its timestamp is damaged"),
        (body(&[0, 0, 0x80]), "its offset is damaged"),
        (body(&[0, 0, 0, 2]), "the length of its key is damaged"),
        (body(&[0, 0, 0, 1, 2]), "the length of its value is damaged"),
        (body(&[0, 0, 0, 1, 1, 1]), "its header count is negative"),
        (body(&[0, 0, 0, 1, 1, 2, 1, 1]), "a header key is null"),
        (body(&[0, 0, 0, 1, 1, 2, 0, 2]), "the length of a header value is damaged"),
        (body(&[0, 0, 0, 1, 1, 0, 0]), "bytes follow its last header"),
    ];
    for (record, reason) in rows {
        let bytes = with_payload(2, Compression::None, &[&good[..], &record].concat());
        let records = Batch::first(&bytes).unwrap().records(LIMIT).unwrap();
        let mut iter = records.iter();
        assert!(iter.next().unwrap().is_ok());
        let error = iter.next().unwrap().unwrap_err();
        assert_eq!(error, BatchError::Record { index: 1, reason });
        assert!(iter.next().is_none(), "an error ends the walk");
    }
}

#[test]
fn record_count_that_lies_is_refused() {
    let bytes = good();
    let payload = Batch::first(&bytes).unwrap().payload();
    for codec in CODECS {
        let mut compressed = Vec::new();
        compression::compress(codec, None, payload, &mut compressed);
        for (count, read) in [(0, 0), (2, 2), (4, 3), (1 << 30, 3)] {
            let lie = with_payload(count, codec, &compressed);
            let records = Batch::first(&lie).unwrap().records(LIMIT).unwrap();
            let items: Vec<_> = records.iter().collect();
            assert_eq!(items.len(), read + 1, "{codec} {count}");
            let error = items[read].as_ref().unwrap_err();
            assert!(matches!(error, BatchError::Corrupt { .. }), "{codec} {count}");
        }
    }
}

#[test]
fn validate_refuses_offsets_that_are_not_in_a_row() {
    let record =
        |offset| Owned { offset, timestamp: 7, key: None, value: None, headers: Vec::new() };
    let gap = build(BatchOptions::default(), &[record(0), record(2)]);
    let reason = "its record count contradicts its offsets";
    let validate = |bytes: &[u8]| Batch::first(bytes).unwrap().validate(LIMIT, |_| ());
    assert_eq!(validate(&gap), Err(BatchError::Corrupt { reason }));

    let mut hidden = gap.clone();
    hidden[23..27].copy_from_slice(&1_i32.to_be_bytes());
    let reason = "its offset does not follow the one before it";
    assert_eq!(validate(&hidden), Err(BatchError::Record { index: 1, reason }));

    let empty = build(BatchOptions::default(), &[]);
    assert_eq!(validate(&empty), Err(BatchError::Corrupt { reason: "it has no records" }));
}

#[test]
fn validate_shows_every_record_and_finds_the_largest_timestamp() {
    let bytes = good();
    let mut seen = Vec::new();
    let max = Batch::first(&bytes).unwrap().validate(LIMIT, |record| {
        seen.push((record.offset, record.timestamp, record.key.is_some()));
    });
    assert_eq!(max, Ok(Timestamp(1002)));
    let expected = [0, 1, 2].map(|i| (Offset(i), Timestamp(1000 + i), true));
    assert_eq!(seen, expected);
}

#[test]
fn control_records_that_are_too_short_are_refused() {
    for length in 0..4 {
        assert!(ControlType::parse(&[0; 4][..length]).is_err());
    }
    for length in 0..6 {
        assert!(EndTxnMarker::parse(&[0; 6][..length]).is_err());
    }
    assert!(ControlType::parse(&[0xff, 0xff, 0, 0]).is_err());
    assert!(EndTxnMarker::parse(&[0xff, 0xff, 0, 0, 0, 0]).is_err());
    // A later version has more fields, and a later Kafka more types.
    assert_eq!(ControlType::parse(&[0, 9, 0, 1, 5]), Ok(ControlType::Commit));
    assert_eq!(ControlType::parse(&[0, 0, 0, 99]), Ok(ControlType::Unknown(99)));
    for code in 0..9 {
        let key = [0, 0, 0, code];
        assert_eq!(ControlType::parse(&key).unwrap().key(), key);
    }
}

proptest! {
    #[test]
    fn batch_with_a_byte_changed_fails_its_crc_or_is_read(
        records in any_records(3),
        options in any_options(),
        at: prop::sample::Index,
        flip in 1..=255_u8,
    ) {
        let mut bytes = build(options, &records);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        match Batch::first(&bytes).map(|batch| batch.check_crc()) {
            // The base offset and the leader epoch lie outside the CRC, and the length decides how
            // far it reaches.
            Ok(Ok(())) => prop_assert!(at < 16, "byte {at} changed unseen"),
            Ok(Err(error)) => {
                let is_crc = matches!(error, BatchError::Crc { .. });
                prop_assert!(is_crc);
            }
            Err(_) => prop_assert!(at < 12 || at == 16 || (23..27).contains(&at) || at >= 57),
        }
        read_all(&bytes);
    }

    #[test]
    fn payload_any_bytes_is_read_without_a_panic(
        payload in vec(any::<u8>(), 0..200),
        count in 0..40_usize,
    ) {
        for codec in CODECS {
            let good = read_all(&with_payload(count, codec, &payload));
            prop_assert!(good <= count);
        }
    }

    #[test]
    fn payload_any_bytes_under_a_codec_are_read_without_a_panic(
        payload in vec(prop_oneof![0..4_u8, 0..64_u8, any::<u8>()], 0..200),
        count in 0..40_usize,
    ) {
        for codec in CODECS {
            let mut compressed = Vec::new();
            compression::compress(codec, None, &payload, &mut compressed);
            let good = read_all(&with_payload(count, codec, &compressed));
            prop_assert!(good <= count);
        }
    }

    #[test]
    fn bytes_of_any_kind_are_no_batch_or_one(bytes in vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
    }
}
