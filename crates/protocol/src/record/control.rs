//! Control records: what brokers write into a log for consumers and for each other.
//!
//! ```text
//! key                  version i16, type i16
//! value of a marker    version i16, coordinator epoch i32
//! ```
//! A later version only adds fields at the end, so a higher one than 0 is read as 0
//! (`ControlRecordType`).

use super::{BatchBuilder, BatchError, BatchOptions};
use crate::{CoordinatorEpoch, Timestamp};

/// What a control record says.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum ControlType {
    /// The end of a transaction that does not count.
    Abort,
    /// The end of a transaction that counts.
    Commit,
    /// A new leader of the metadata quorum.
    LeaderChange,
    /// The beginning of a metadata snapshot.
    SnapshotHeader,
    /// The end of a metadata snapshot.
    SnapshotFooter,
    /// The version of the metadata quorum's protocol.
    KraftVersion,
    /// The voters of the metadata quorum.
    KraftVoters,
    /// A type of a later Kafka, which is to be passed over.
    Unknown(i16),
}

impl ControlType {
    /// Reads the key of a control record.
    pub fn parse(key: &[u8]) -> Result<Self, BatchError> {
        let corrupt = BatchError::Corrupt { reason: "the key of a control record is damaged" };
        let Some((version, rest)) = key.split_first_chunk() else { return Err(corrupt) };
        let Some((control_type, _)) = rest.split_first_chunk() else { return Err(corrupt) };
        if i16::from_be_bytes(*version) < 0 {
            return Err(corrupt);
        }
        Ok(match i16::from_be_bytes(*control_type) {
            0 => Self::Abort,
            1 => Self::Commit,
            2 => Self::LeaderChange,
            3 => Self::SnapshotHeader,
            4 => Self::SnapshotFooter,
            5 => Self::KraftVersion,
            6 => Self::KraftVoters,
            other => Self::Unknown(other),
        })
    }

    /// The key of a control record of this type.
    pub const fn key(self) -> [u8; 4] {
        let [high, low] = self.code().to_be_bytes();
        [0, 0, high, low]
    }

    const fn code(self) -> i16 {
        match self {
            Self::Abort => 0,
            Self::Commit => 1,
            Self::LeaderChange => 2,
            Self::SnapshotHeader => 3,
            Self::SnapshotFooter => 4,
            Self::KraftVersion => 5,
            Self::KraftVoters => 6,
            Self::Unknown(code) => code,
        }
    }
}

/// The value of the record that ends a transaction in a partition.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct EndTxnMarker {
    /// Fences markers of a coordinator that has been replaced.
    pub coordinator_epoch: CoordinatorEpoch,
}

impl EndTxnMarker {
    /// Reads the value of a control record whose type is [`ControlType::Abort`] or
    /// [`ControlType::Commit`].
    pub fn parse(value: &[u8]) -> Result<Self, BatchError> {
        let corrupt =
            BatchError::Corrupt { reason: "the value of a transaction marker is damaged" };
        let Some((version, rest)) = value.split_first_chunk() else { return Err(corrupt) };
        let Some((epoch, _)) = rest.split_first_chunk() else { return Err(corrupt) };
        if i16::from_be_bytes(*version) < 0 {
            return Err(corrupt);
        }
        Ok(Self { coordinator_epoch: CoordinatorEpoch(i32::from_be_bytes(*epoch)) })
    }

    /// The value of the record.
    pub const fn value(self) -> [u8; 6] {
        let [a, b, c, d] = self.coordinator_epoch.0.to_be_bytes();
        [0, 0, a, b, c, d]
    }

    /// The batch that ends a transaction (`MemoryRecords.withEndTransactionMarker`). It takes the
    /// producer, the base offset and the leader epoch from `options`.
    ///
    /// # Panics
    /// If `control_type` is neither [`ControlType::Abort`] nor [`ControlType::Commit`].
    pub fn batch(
        self,
        control_type: ControlType,
        timestamp: Timestamp,
        options: &BatchOptions,
    ) -> Vec<u8> {
        let ends_transaction = matches!(control_type, ControlType::Abort | ControlType::Commit);
        assert!(ends_transaction, "{control_type:?} does not end a transaction");
        let mut builder = BatchBuilder::new(BatchOptions {
            base_offset: options.base_offset,
            leader_epoch: options.leader_epoch,
            producer_id: options.producer_id,
            producer_epoch: options.producer_epoch,
            is_transactional: true,
            is_control: true,
            ..BatchOptions::default()
        });
        builder.append(timestamp, Some(&control_type.key()), Some(&self.value()), &[]);
        builder.build()
    }
}
