//! From a change's records to the batches of the log.

use bytes::Bytes;
use protocol::internal::metadata::{
    BeginTransactionRecord, ControlRecord, EndTransactionRecord, LeaderChangeMessage,
    MetadataRecord, VoterId,
};
use protocol::record::{BatchBuilder, BatchOptions};
use protocol::wire::WireError;
use protocol::{BrokerId, LeaderEpoch, Offset, Timestamp};

/// The largest batch (`KafkaRaftClient.MAX_BATCH_SIZE_BYTES`); no segment is smaller.
pub(super) const BATCH_BYTES_MAX: u32 = 8 << 20;

/// What we put into one: half of that, so that what a record takes beside its value need not be known to the byte.
const BATCH_BYTES_WANTED: usize = 4 << 20;

/// What a record takes at most beside its value: length, attributes, timestamp, offset, key, headers.
const RECORD_OVERHEAD_BYTES: usize = 32;

/// The records of one change as batches: one, or if they do not fit, several that are a transaction together.
pub(super) fn encode(
    records: &[MetadataRecord],
    epoch: LeaderEpoch,
    now: Timestamp,
) -> Result<Vec<Bytes>, WireError> {
    let values = records.iter().map(MetadataRecord::encode).collect::<Result<Vec<_>, _>>()?;
    let size = |value: &Bytes| value.len() + RECORD_OVERHEAD_BYTES;
    let options = BatchOptions { leader_epoch: epoch, ..BatchOptions::default() };
    if values.iter().map(size).sum::<usize>() <= BATCH_BYTES_WANTED {
        return Ok(pack(values, options, now));
    }
    let begin = BeginTransactionRecord { name: Some("a change too large for one batch".into()) };
    let mut all = vec![MetadataRecord::BeginTransaction(begin).encode()?];
    all.extend(values);
    all.push(MetadataRecord::EndTransaction(EndTransactionRecord).encode()?);
    Ok(pack(all, options, now))
}

/// Packs values into as few batches as they fit in; an empty list makes none. Offsets are given one after the other.
pub(super) fn pack(values: Vec<Bytes>, options: BatchOptions, now: Timestamp) -> Vec<Bytes> {
    let mut batches = Vec::new();
    let mut builder = BatchBuilder::new(options);
    let mut base_offset = options.base_offset;
    for value in values {
        let size = builder.estimated_size() + value.len() + RECORD_OVERHEAD_BYTES;
        if size > BATCH_BYTES_WANTED && builder.record_count() > 0 {
            base_offset = base_offset + i64::from(builder.record_count());
            let next = BatchBuilder::new(BatchOptions { base_offset, ..options });
            batches.push(std::mem::replace(&mut builder, next).build().into());
        }
        builder.append(now, None, Some(&value), &[]);
    }
    if builder.record_count() > 0 {
        batches.push(builder.build().into());
    }
    batches
}

/// The batch that an epoch begins with.
pub(super) fn leader_change(
    leader_id: BrokerId,
    epoch: LeaderEpoch,
    now: Timestamp,
) -> Result<Bytes, WireError> {
    let voters = vec![VoterId { voter_id: leader_id }];
    let granting_voters = voters.clone();
    let message = LeaderChangeMessage { leader_id, voters, granting_voters };
    control(&ControlRecord::LeaderChange(message), Offset::ZERO, epoch, now)
}

/// A batch of one control record.
pub(super) fn control(
    record: &ControlRecord,
    base_offset: Offset,
    leader_epoch: LeaderEpoch,
    now: Timestamp,
) -> Result<Bytes, WireError> {
    let record = record.encode()?;
    let mut builder = BatchBuilder::new(BatchOptions {
        base_offset,
        leader_epoch,
        is_control: true,
        ..BatchOptions::default()
    });
    builder.append(now, Some(&record.key), record.value.as_deref(), &[]);
    Ok(builder.build().into())
}
