//! Whatever can be built is read back as it was, and patches change what they say and nothing else.

use super::*;

proptest! {
    #[test]
    fn batch_any_built_reads_back(records in any_records(1000), options in any_options()) {
        let bytes = build(options, &records);
        let batch = Batch::first(&bytes).unwrap();
        prop_assert_eq!(batch.bytes(), &bytes[..]);

        let mut expected = records.clone();
        let mut max_timestamp = records.iter().map(|r| r.timestamp).max().unwrap_or(-1).max(-1);
        if options.timestamp_type == TimestampType::LogAppendTime {
            max_timestamp = options.log_append_time.0;
            expected.iter_mut().for_each(|record| record.timestamp = max_timestamp);
        }
        prop_assert_eq!(read(&batch), expected);

        let header = batch.header();
        prop_assert_eq!(header.max_timestamp.0, max_timestamp);
        prop_assert_eq!(usize::try_from(header.record_count), Ok(records.len()));
        prop_assert_eq!(header.last_offset().0, records.last().map_or(0, |r| r.offset));
        prop_assert_eq!(header.leader_epoch, options.leader_epoch);
        prop_assert_eq!(header.producer_id, options.producer_id);
        prop_assert_eq!(header.producer_epoch, options.producer_epoch);
        prop_assert_eq!(header.base_sequence, options.base_sequence);
        prop_assert_eq!(header.delete_horizon(), options.delete_horizon);
        prop_assert_eq!(header.is_control(), options.is_control);
        prop_assert_eq!(header.is_transactional(), options.is_transactional);
        prop_assert_eq!(header.attributes.timestamp_type(), options.timestamp_type);
    }

    #[test]
    fn record_sizes_add_up_to_the_payload(records in any_records(3), options in any_options()) {
        let bytes = build(options, &records);
        let records = Batch::first(&bytes).unwrap().records(LIMIT).unwrap();
        let sizes: usize = records.iter().map(|record| record.unwrap().size()).sum();
        prop_assert_eq!(sizes, records.bytes().len());
    }

    #[test]
    fn header_any_valid_bytes_encode_to_the_same(mut bytes: [u8; 32], tail: [u8; 29]) {
        bytes[16] = 2;
        let bytes = [&bytes[..], &tail[..]].concat();
        if let Ok(header) = BatchHeader::decode(&bytes) {
            let mut encoded = [0; HEADER_BYTES];
            header.encode(&mut encoded);
            prop_assert_eq!(&encoded[..], &bytes[..]);
        }
    }

    #[test]
    fn patches_change_only_what_they_say(
        records in any_records(3),
        options in any_options(),
        (offset, epoch, time) in (0..i64::MAX / 2, any::<i32>(), any::<i64>()),
        by_broker: bool,
    ) {
        let original = build(options, &records);
        let header = BatchHeader::decode(&original).unwrap();
        let mut bytes = original.clone();
        // What follows the batch is not part of the CRC.
        bytes.extend([1, 2, 3]);

        set_base_offset(&mut bytes, Offset(offset)).unwrap();
        set_leader_epoch(&mut bytes, LeaderEpoch(epoch)).unwrap();
        let expected =
            BatchHeader { base_offset: Offset(offset), leader_epoch: LeaderEpoch(epoch), ..header };
        let patched = Batch::first(&bytes).unwrap();
        prop_assert_eq!(patched.header(), &expected);
        prop_assert_eq!(patched.check_crc(), Ok(()));
        let prefix = patched_prefix(&header, Offset(offset), LeaderEpoch(epoch));
        prop_assert_eq!(&prefix[..], &bytes[..16]);
        prop_assert_eq!(&bytes[16..original.len()], &original[16..]);

        let timestamp_type =
            if by_broker { TimestampType::LogAppendTime } else { TimestampType::CreateTime };
        set_max_timestamp_and_type(&mut bytes, timestamp_type, Timestamp(time)).unwrap();
        let patched = Batch::first(&bytes).unwrap();
        prop_assert_eq!(patched.check_crc(), Ok(()));
        prop_assert_eq!(patched.header(), &BatchHeader {
            attributes: header.attributes.with_timestamp_type(timestamp_type),
            max_timestamp: Timestamp(time),
            crc: patched.header().crc,
            ..expected
        });
        prop_assert_eq!(&bytes[HEADER_BYTES..original.len()], &original[HEADER_BYTES..]);
        prop_assert_eq!(&bytes[original.len()..], [1, 2, 3]);
    }
}

#[test]
fn attributes_unknown_bits_stay() {
    let attributes = Attributes(-0x80);
    let changed = attributes
        .with_compression(Compression::Zstd)
        .with_timestamp_type(TimestampType::LogAppendTime)
        .with_transactional(true)
        .with_control(true)
        .with_delete_horizon(true);
    assert_eq!(changed, Attributes(-0x80 | 0x7c));
    let back = changed
        .with_compression(Compression::None)
        .with_timestamp_type(TimestampType::CreateTime)
        .with_transactional(false)
        .with_control(false)
        .with_delete_horizon(false);
    assert_eq!(back, attributes);
}

#[test]
fn builder_estimates_the_size_of_an_uncompressed_batch_exactly() {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for timestamp in 0..100 {
        builder.append(Timestamp(timestamp * 1000), Some(b"key"), None, &[(b"h", None)]);
    }
    let estimated = builder.estimated_size();
    assert_eq!(builder.record_count(), 100);
    assert_eq!(builder.build().len(), estimated);
}

#[test]
fn batch_built_without_records_has_no_codec() {
    for compression in CODECS {
        let options = BatchOptions { compression, base_offset: Offset(9), ..Default::default() };
        let bytes = build(options, &[]);
        let batch = Batch::first(&bytes).unwrap();
        assert_eq!((bytes.len(), batch.header().last_offset()), (HEADER_BYTES, Offset(9)));
        assert_eq!(batch.header().attributes, Attributes(0));
        assert!(read(&batch).is_empty());
    }
}

#[test]
#[should_panic(expected = "does not follow")]
fn builder_given_an_offset_twice_panics() {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(Timestamp(0), None, None, &[]);
    builder.append_with_offset(Offset::ZERO, Timestamp(0), None, None, &[]);
}
