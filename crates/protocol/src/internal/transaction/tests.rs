//! The records of transactional ids against those that Kafka's own classes have written.

use super::super::fixtures::record;
use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// Kafka's record with this value.
fn kafka(value: &str) -> KeyValue {
    KeyValue { key: record("transaction_key").into(), value: Some(record(value).into()) }
}

fn decode(record: &KeyValue) -> Result<TransactionLogRecord, RecordError> {
    TransactionLogRecord::decode(&record.key, record.value.as_deref())
}

/// A producer that has not begun a transaction.
fn empty() -> TransactionLogValue {
    TransactionLogValue {
        producer_id: ProducerId(42),
        previous_producer_id: ProducerId::NONE,
        next_producer_id: ProducerId::NONE,
        producer_epoch: ProducerEpoch(0),
        next_producer_epoch: ProducerEpoch::NONE,
        transaction_timeout_ms: 60_000,
        transaction_status: 0,
        transaction_partitions: None,
        transaction_last_update_timestamp: NOW,
        transaction_start_timestamp: Timestamp::NONE,
        client_transaction_version: 0,
    }
}

/// A producer within a transaction, as version 0 has it.
fn ongoing() -> TransactionLogValue {
    let partition_ids = vec![PartitionId(0), PartitionId(1)];
    TransactionLogValue {
        producer_epoch: ProducerEpoch(5),
        transaction_status: 1,
        transaction_partitions: Some(vec![PartitionsSchema { topic: "t".into(), partition_ids }]),
        transaction_start_timestamp: Timestamp(NOW.0 + 1),
        ..empty()
    }
}

/// The same, with what version 1 has brought.
fn ongoing_with_tags() -> TransactionLogValue {
    TransactionLogValue {
        previous_producer_id: ProducerId(41),
        next_producer_id: ProducerId(43),
        next_producer_epoch: ProducerEpoch(0),
        client_transaction_version: 2,
        ..ongoing()
    }
}

fn of(value: Option<TransactionLogValue>) -> TransactionLogRecord {
    TransactionLogRecord { key: TransactionLogKey { transactional_id: "tx".into() }, value }
}

#[test]
fn transaction_of_each_version_is_read_and_version_1_written() {
    let rows = [
        ("transaction_v0", ongoing(), false),
        ("transaction_v1", ongoing_with_tags(), true),
        ("transaction_empty_v1", empty(), true),
        ("transaction_unknown_tag_v1", ongoing_with_tags(), false),
    ];
    for (name, value, is_written) in rows {
        let (kafka, expected) = (kafka(name), of(Some(value)));
        assert_eq!(decode(&kafka), Ok(expected.clone()), "{name}");
        let written = expected.encode().unwrap();
        assert_eq!(written == kafka, is_written, "{name}");
        assert_eq!(decode(&written), Ok(expected), "{name}");
    }
}

#[test]
fn tombstone_has_a_key_and_no_value() {
    let written = of(None).encode().unwrap();
    assert_eq!(written, KeyValue { value: None, ..kafka("transaction_v1") });
    assert_eq!(decode(&written), Ok(of(None)));
}

#[test]
fn record_of_a_later_kafka_is_told_from_a_damaged_one() {
    let unknown = TransactionLogRecord::decode(&[0, 1, 0, 1, b't'], None);
    assert_eq!(unknown, Err(RecordError::UnknownType(1)));
    let key = record("transaction_key");
    for version in [2, -1] {
        let value = i16::to_be_bytes(version);
        let error = RecordError::UnknownVersion { record: "TransactionLog", version, newest: 1 };
        assert_eq!(TransactionLogRecord::decode(&key, Some(&value)), Err(error));
    }
    let value = record("transaction_v0");
    for (key, value) in [(&key[..1], &value[..]), (&key[..5], &value[..]), (&key[..], &value[..40])]
    {
        let read = TransactionLogRecord::decode(key, Some(value));
        assert!(matches!(read, Err(RecordError::Damaged { .. })), "{read:?}");
    }
}

proptest! {
    /// Any of Kafka's records with some of its bytes replaced, and any bytes: what can be read is the same when it is
    /// written and read again.
    #[test]
    fn damaged_records_never_panic(
        name in prop::sample::select(vec!["transaction_v0", "transaction_v1", "transaction_empty_v1"]),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        arbitrary in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut value = record(name);
        for (place, byte) in damage {
            *place.get_mut(&mut value[..]) = byte;
        }
        let _ = TransactionLogRecord::decode(&arbitrary, Some(&value));
        for value in [value, arbitrary] {
            if let Ok(read) = TransactionLogRecord::decode(&record("transaction_key"), Some(&value)) {
                prop_assert_eq!(decode(&read.encode().unwrap()), Ok(read));
            }
        }
    }
}
