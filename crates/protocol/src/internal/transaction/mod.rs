//! The records of `__transaction_state`: one for each transactional id. The classes of Kafka are in its package
//! `coordinator.transaction.generated`. Version 1 is the first flexible one, and what Kafka writes when the feature
//! `transaction.version` is in use (KIP-890).
//!
//! | key | type |
//! |---|---|
//! | transactional id | string |
//!
//! | value | type | versions |
//! |---|---|---|
//! | producer id | i64 | all |
//! | producer epoch | i16 | all |
//! | transaction timeout | i32 | all |
//! | transaction status | i8 | all |
//! | transaction partitions | array or null of topic string, partitions array of i32 | all |
//! | last update timestamp, start timestamp | i64 | all |
//! | previous producer id, next producer id | i64, tags 0 and 1 | 1 |
//! | client transaction version | i16, tag 2 | 1 |
//! | next producer epoch | i16, tag 3 | 1 |

use super::{
    KeyValue, RecordError, Value, read_key, read_prefix, read_value, write_key, write_value,
};
use crate::ids::{PartitionId, ProducerEpoch, ProducerId, Timestamp};
use crate::wire::{Reader, Wire, WireError, Writer, wire_fields};

/// The type of the only record.
const TRANSACTION_LOG: i16 = 0;

/// What is known of a transactional id, or its deletion where the value is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionLogRecord {
    /// The transactional id.
    pub key: TransactionLogKey,
    /// What is known of it.
    pub value: Option<TransactionLogValue>,
}

impl TransactionLogRecord {
    /// Reads a record; `value` is `None` for a tombstone.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Self, RecordError> {
        let name = TransactionLogValue::NAME;
        let (record_type, key) = read_prefix(name, key)?;
        if record_type != TRANSACTION_LOG {
            return Err(RecordError::UnknownType(record_type));
        }
        Ok(Self { key: read_key(name, key)?, value: value.map(read_value).transpose()? })
    }

    /// The record as it goes into a batch. It fails if a string is longer than Kafka's strings can be.
    pub fn encode(&self) -> Result<KeyValue, WireError> {
        let value = self.value.as_ref().map(write_value).transpose()?;
        Ok(KeyValue { key: write_key(TRANSACTION_LOG, &self.key)?, value })
    }
}

/// A transactional id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionLogKey {
    /// The id.
    pub transactional_id: String,
}
wire_fields!(TransactionLogKey { transactional_id });

/// The producer of a transactional id, and its last transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionLogValue {
    /// The producer id.
    pub producer_id: ProducerId,
    /// The producer id of the transaction before, if that was another one: the producer may still send it.
    pub previous_producer_id: ProducerId,
    /// The producer id of the next transaction, if this one has used up its epochs.
    pub next_producer_id: ProducerId,
    /// The producer's epoch.
    pub producer_epoch: ProducerEpoch,
    /// The epoch that goes with `next_producer_id`; Kafka 4.3 reads it, and does not write it yet.
    pub next_producer_epoch: ProducerEpoch,
    /// How long a transaction may take.
    pub transaction_timeout_ms: i32,
    /// How far the transaction is; Kafka's `TransactionState` has the numbers.
    pub transaction_status: i8,
    /// The partitions that the transaction has written to; Kafka writes `None` while there is no transaction.
    pub transaction_partitions: Option<Vec<PartitionsSchema>>,
    /// When the record was written.
    pub transaction_last_update_timestamp: Timestamp,
    /// When the transaction began.
    pub transaction_start_timestamp: Timestamp,
    /// The level of `transaction.version` that the client uses.
    pub client_transaction_version: i16,
}

impl Value for TransactionLogValue {
    const NAME: &'static str = "TransactionLog";
    const NEWEST: i16 = 1;
    const FLEXIBLE_FROM: i16 = 1;
}

impl Wire for TransactionLogValue {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut value = Self {
            producer_id: reader.read()?,
            previous_producer_id: ProducerId::NONE,
            next_producer_id: ProducerId::NONE,
            producer_epoch: reader.read()?,
            next_producer_epoch: ProducerEpoch::NONE,
            transaction_timeout_ms: reader.read()?,
            transaction_status: reader.read()?,
            transaction_partitions: reader.read()?,
            transaction_last_update_timestamp: reader.read()?,
            transaction_start_timestamp: reader.read()?,
            client_transaction_version: 0,
        };
        reader.read_tags(|tag, field| {
            match tag {
                0 => value.previous_producer_id = field.read()?,
                1 => value.next_producer_id = field.read()?,
                2 => value.client_transaction_version = field.read()?,
                3 => value.next_producer_epoch = field.read()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(value)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.producer_id);
        writer.write(&self.producer_epoch);
        writer.write(&self.transaction_timeout_ms);
        writer.write(&self.transaction_status);
        writer.write(&self.transaction_partitions);
        writer.write(&self.transaction_last_update_timestamp);
        writer.write(&self.transaction_start_timestamp);
        writer.write_tags(|tags| {
            tags.field(0, &self.previous_producer_id, &ProducerId::NONE);
            tags.field(1, &self.next_producer_id, &ProducerId::NONE);
            tags.field(2, &self.client_transaction_version, &0);
            tags.field(3, &self.next_producer_epoch, &ProducerEpoch::NONE);
        });
    }
}

/// Partitions of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionsSchema {
    /// The topic.
    pub topic: String,
    /// The partitions.
    pub partition_ids: Vec<PartitionId>,
}
wire_fields!(PartitionsSchema { topic, partition_ids });

#[cfg(test)]
mod tests;
