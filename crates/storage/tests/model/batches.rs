//! Batches: as the model remembers them, and as producers and leaders send them.

use std::fmt;

use bytes::Bytes;
use protocol::record::{
    Batch, BatchBuilder, BatchHeader, BatchOptions, Batches, Compression, ControlType,
    EndTxnMarker, TimestampType, set_base_offset, set_leader_epoch, set_max_timestamp_and_type,
};
use protocol::{CoordinatorEpoch, LeaderEpoch, Offset, ProducerId, Timestamp};
use testkit::Rng;

/// A batch in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) header: BatchHeader,
    pub(crate) bytes: Bytes,
    pub(crate) records: Vec<Rec>,
}

/// One record of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rec {
    pub(crate) offset: Offset,
    pub(crate) timestamp: Timestamp,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
}

impl Stored {
    /// The batch that is all of `bytes`.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let batch = Batch::first(bytes).expect("a batch");
        assert_eq!(batch.bytes().len(), bytes.len(), "one batch and nothing behind it");
        batch.check_crc().expect("a batch as it was written");
        let records = batch.records(1 << 20).expect("records");
        let records = records.iter().map(|record| {
            let record = record.expect("a record");
            Rec {
                offset: record.offset,
                timestamp: record.timestamp,
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
            }
        });
        let records = records.collect();
        Self { header: *batch.header(), bytes: Bytes::copy_from_slice(bytes), records }
    }

    /// The batches that `bytes` consist of.
    pub(crate) fn all(bytes: &[u8]) -> Vec<Self> {
        let batches = Batches::new(bytes);
        batches.map(|batch| Self::decode(batch.expect("whole batches only").bytes())).collect()
    }

    pub(crate) fn base(&self) -> Offset {
        self.header.base_offset
    }

    pub(crate) fn last(&self) -> Offset {
        self.header.last_offset()
    }

    pub(crate) fn next(&self) -> Offset {
        self.header.next_offset()
    }

    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The end of a transaction, if this is one.
    pub(crate) fn marker(&self) -> Option<(ControlType, CoordinatorEpoch)> {
        let record = self.records.first().filter(|_| self.header.is_control())?;
        let control = ControlType::parse(record.key.as_deref()?).expect("a control record");
        let value = EndTxnMarker::parse(record.value.as_deref()?).expect("a marker");
        Some((control, value.coordinator_epoch))
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = &self.header;
        let (base, last, size) = (self.base(), self.last(), self.size());
        write!(f, "{base} to {last}, {size} bytes, epoch {}", header.leader_epoch)?;
        if header.producer_id != ProducerId::NONE {
            let (id, epoch) = (header.producer_id, header.producer_epoch);
            write!(f, ", producer {id} epoch {epoch} sequence {}", header.base_sequence)?;
        }
        match self.marker() {
            Some((control, _)) => write!(f, ", {control:?}"),
            None if header.is_transactional() => write!(f, ", in a transaction"),
            None => Ok(()),
        }
    }
}

/// The bytes that a leader stores of a producer's batch.
pub(crate) fn as_stored(
    batch: &[u8],
    base_offset: Offset,
    epoch: LeaderEpoch,
    append_time: Option<Timestamp>,
) -> Vec<u8> {
    let mut bytes = batch.to_vec();
    set_base_offset(&mut bytes, base_offset).expect("a batch");
    set_leader_epoch(&mut bytes, epoch).expect("a batch");
    if let Some(time) = append_time {
        let by_log = TimestampType::LogAppendTime;
        set_max_timestamp_and_type(&mut bytes, by_log, time).expect("a batch");
    }
    bytes
}

/// The shape of random data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) now: Timestamp,
    /// Values are at most so long.
    pub(crate) value_bytes_max: u64,
    /// Whether every record has a key.
    pub(crate) needs_keys: bool,
    /// Whether offsets may be left out within the batch, as compaction does.
    pub(crate) may_have_gaps: bool,
}

/// A data batch of random records. It has `record_count` of them, but for gaps.
pub(crate) fn data(
    rng: &mut Rng,
    options: BatchOptions,
    record_count: u64,
    shape: &Shape,
) -> Vec<u8> {
    const CODECS: [Compression; 8] = [
        Compression::None,
        Compression::None,
        Compression::None,
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];
    let mut builder =
        BatchBuilder::new(BatchOptions { compression: *rng.pick(&CODECS), ..options });
    for idx in 0..record_count {
        if shape.may_have_gaps && idx > 0 && rng.one_in(4) {
            continue;
        }
        let offset = options.base_offset + i64::try_from(idx).expect("it is small");
        let back = i64::try_from(rng.within(0..=20_000)).expect("it is small");
        let timestamp = Timestamp(shape.now.0 - back);
        let has_key = shape.needs_keys || !rng.one_in(3);
        let key = has_key.then(|| format!("key {}", rng.within(0..=7)));
        let len = rng.within(0..=shape.value_bytes_max);
        let value = (!rng.one_in(6)).then(|| rng.bytes(usize::try_from(len).expect("it is small")));
        let headers: &[(&[u8], Option<&[u8]>)] =
            if rng.one_in(8) { &[(b"h", Some(b"1")), (b"h", None)] } else { &[] };
        let key = key.as_ref().map(String::as_bytes);
        builder.append_with_offset(offset, timestamp, key, value.as_deref(), headers);
    }
    builder.build()
}
