//! WriteTxnMarkers: version 2 has the transaction version in each marker (KIP-1228), which `kafka-protocol` lacks.
//!
//! | field | type | versions |
//! |---|---|---|
//! | markers | array | all |
//! | – producer id, epoch | i64, i16 | all |
//! | – transaction result | bool | all |
//! | – topics: name, partition indexes | array of string, array of i32 | all |
//! | – coordinator epoch | i32 | all |
//! | – transaction version | i8 | 2 and later |

use bytes::{BufMut, Bytes};

use crate::ids::{CoordinatorEpoch, PartitionId, ProducerEpoch, ProducerId};
use crate::wire::{Reader, Wire, WireError, Writer, wire_fields};

/// Asks a leader to write the markers that end transactions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteTxnMarkersRequest {
    /// One for each transaction.
    pub markers: Vec<WritableTxnMarker>,
}

/// The end of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WritableTxnMarker {
    /// The producer.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: ProducerEpoch,
    /// True if it is committed, false if it is aborted.
    pub transaction_result: bool,
    /// Where to write the marker.
    pub topics: Vec<WritableTxnMarkerTopic>,
    /// The epoch of the coordinator's partition, which fences former coordinators.
    pub coordinator_epoch: CoordinatorEpoch,
    /// The version of transactions that it was made in; 2 bumps the producer epoch with each transaction (KIP-890).
    pub transaction_version: i8,
}

/// Partitions of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WritableTxnMarkerTopic {
    /// The topic.
    pub name: String,
    /// The partitions.
    pub partition_indexes: Vec<PartitionId>,
}
wire_fields!(WritableTxnMarkerTopic { name, partition_indexes });

impl WriteTxnMarkersRequest {
    pub(super) fn decode(body: &mut Bytes, version: i16) -> Result<Self, WireError> {
        let mut reader = Reader::new(body, version, true);
        let markers = reader.read()?;
        reader.skip_tags()?;
        Ok(Self { markers })
    }

    pub(super) fn encode(&self, buf: &mut impl BufMut, version: i16) -> Result<(), WireError> {
        let mut writer = Writer::new(version, true);
        writer.write(&self.markers);
        writer.no_tags();
        buf.put_slice(&writer.finish()?);
        Ok(())
    }
}

impl Wire for WritableTxnMarker {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let marker = Self {
            producer_id: reader.read()?,
            producer_epoch: reader.read()?,
            transaction_result: reader.read()?,
            topics: reader.read()?,
            coordinator_epoch: reader.read()?,
            transaction_version: reader.read_since(2, 0)?,
        };
        reader.skip_tags()?;
        Ok(marker)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.producer_id);
        writer.write(&self.producer_epoch);
        writer.write(&self.transaction_result);
        writer.write(&self.topics);
        writer.write(&self.coordinator_epoch);
        writer.write_since(2, &self.transaction_version);
        writer.no_tags();
    }
}
