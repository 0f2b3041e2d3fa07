//! The check of records before they are appended as leader, with Kafka's rules and Kafka's errors (`LogValidator`).
//!
//! It runs outside every lock, once over the bytes as they came from the network. They are not copied: what must change
//! (timestamps under `LogAppendTime`, and at the append offsets and epoch) changes in the decoded header, which is
//! written in place of the first bytes. Only a topic that asks for another codec has its batches built anew.

use bytes::Bytes;
use config::{CompressionPolicy, TopicConfig};
use protocol::record::{
    Attributes, Batch, BatchBuilder, BatchError, BatchHeader, BatchOptions, Batches, Compression,
    ControlType, EndTxnMarker, HEADER_BYTES, Record, TimestampType,
};
use protocol::{ErrorCode, ProducerEpoch, ProducerId, Sequence, Timestamp};

use crate::error::{RecordRejection, Rejection};
use crate::producer::Origin;
use crate::segment::DECOMPRESSED_BYTES_MAX;

/// As many records at fault are named to the client; the rest are as wrong, and the answer has to end.
const RECORDS_NAMED_MAX: usize = 100;

/// Where in an encoded header the part under the checksum begins.
const UNDER_CRC_AT: usize = 21;

/// Against what records are checked.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The topic's configuration.
    pub config: &'a TopicConfig,
    /// Who appends.
    pub origin: Origin,
    /// The time.
    pub now: Timestamp,
}

/// Records that have passed the check.
#[derive(Debug, Clone)]
pub struct Validated {
    bytes: Bytes,
    batches: Vec<ValidatedBatch>,
    log_append_time: Timestamp,
}

/// One batch of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValidatedBatch {
    /// Its header as it will be stored, but for offset and epoch.
    pub(crate) header: BatchHeader,
    /// Where it begins in the bytes.
    start: usize,
    /// The marker in it, if it is one.
    pub(crate) marker: Option<(ControlType, EndTxnMarker)>,
}

impl Validated {
    /// How many bytes they are.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The producer, epoch and first sequence number of the first batch that belongs to a transaction.
    pub fn transaction(&self) -> Option<(ProducerId, ProducerEpoch, Sequence)> {
        let mut headers = self.batches.iter().map(|batch| batch.header);
        let header = headers
            .find(|header| header.attributes.is_transactional() && !header.producer_id.is_none())?;
        Some((header.producer_id, header.producer_epoch, header.base_sequence))
    }

    pub(crate) fn batches(&self) -> &[ValidatedBatch] {
        &self.batches
    }

    /// The bytes of one batch, as they came.
    pub(crate) fn batch_bytes(&self, batch: &ValidatedBatch) -> &[u8] {
        let end = batch.start + batch.header.size() as usize;
        self.bytes.get(batch.start..end).unwrap_or_default()
    }

    /// How many offsets they take.
    pub(crate) fn offset_count(&self) -> i64 {
        self.batches.iter().map(|batch| i64::from(batch.header.last_offset_delta) + 1).sum()
    }

    pub(crate) fn max_timestamp(&self) -> Timestamp {
        let timestamps = self.batches.iter().map(|batch| batch.header.max_timestamp);
        timestamps.max().unwrap_or(Timestamp::NONE)
    }

    /// The time that the log gives to the records; `NONE` if they keep their own.
    pub(crate) fn log_append_time(&self) -> Timestamp {
        self.log_append_time
    }
}

/// Checks records that a producer or a coordinator wants appended.
pub fn validate(records: &Bytes, rules: &Rules<'_>) -> Result<Validated, Rejection> {
    let by_log = rules.config.message_timestamp_type == TimestampType::LogAppendTime;
    let log_append_time = if by_log { rules.now } else { Timestamp::NONE };
    let mut validated =
        Validated { bytes: records.clone(), batches: Vec::with_capacity(1), log_append_time };
    let mut start = 0;
    for batch in Batches::new(records) {
        let batch = batch.map_err(|err| refuse_bytes(&err))?;
        check_envelope(&batch, rules, validated.batches.len())?;
        let max_timestamp = check_records(&batch, rules)?;
        let mut header = *batch.header();
        let timestamp = if by_log { log_append_time } else { max_timestamp };
        stamp(&mut header, batch.payload(), rules.config.message_timestamp_type, timestamp);
        let marker = marker_of(&batch).map_err(|err| refuse_bytes(&err))?;
        validated.batches.push(ValidatedBatch { header, start, marker });
        start += batch.bytes().len();
    }
    if validated.batches.is_empty() {
        return Err(Rejection::new(ErrorCode::InvalidRecord, "there is no record batch to append"));
    }
    convert(validated, rules)
}

/// Sets the timestamps of a batch in its header, and the checksum if that changed anything.
pub(crate) fn stamp(
    header: &mut BatchHeader,
    payload: &[u8],
    timestamp_type: TimestampType,
    max_timestamp: Timestamp,
) {
    let attributes = header.attributes.with_timestamp_type(timestamp_type);
    if (attributes, max_timestamp) == (header.attributes, header.max_timestamp) {
        return;
    }
    (header.attributes, header.max_timestamp) = (attributes, max_timestamp);
    let mut bytes = [0; HEADER_BYTES];
    header.encode(&mut bytes);
    let (_, under_crc) = bytes.split_at(UNDER_CRC_AT);
    header.crc = crc32c::crc32c_append(crc32c::crc32c(under_crc), payload);
}

/// The transaction marker in a batch, if it is a control batch that holds one.
pub(crate) fn marker_of(
    batch: &Batch<'_>,
) -> Result<Option<(ControlType, EndTxnMarker)>, BatchError> {
    if !batch.header().is_control() {
        return Ok(None);
    }
    let records = batch.records(DECOMPRESSED_BYTES_MAX)?;
    let Some(record) = records.iter().next() else { return Ok(None) };
    let record = record?;
    let control = ControlType::parse(record.key.unwrap_or_default())?;
    if !matches!(control, ControlType::Abort | ControlType::Commit) {
        return Ok(None);
    }
    Ok(Some((control, EndTxnMarker::parse(record.value.unwrap_or_default())?)))
}

/// The type of the record in a control batch; `None` if compaction has left it empty.
pub(crate) fn control_type_of(batch: &Batch<'_>) -> Result<Option<ControlType>, BatchError> {
    let records = batch.records(DECOMPRESSED_BYTES_MAX)?;
    let Some(record) = records.iter().next() else { return Ok(None) };
    ControlType::parse(record?.key.unwrap_or_default()).map(Some)
}

/// Checks what the header says and the checksum.
fn check_envelope(batch: &Batch<'_>, rules: &Rules<'_>, batch_idx: usize) -> Result<(), Rejection> {
    let header = batch.header();
    let max_bytes = rules.config.max_message_bytes;
    if header.size() > max_bytes {
        return Err(Rejection::new(
            ErrorCode::MessageTooLarge,
            format!(
                "the batch has {} bytes and max.message.bytes of the topic is {max_bytes}",
                header.size()
            ),
        ));
    }
    batch.check_crc().map_err(|err| refuse_bytes(&err))?;
    if rules.origin != Origin::Client {
        return Ok(());
    }
    let invalid = |message: String| Err(Rejection::new(ErrorCode::InvalidRecord, message));
    if batch_idx > 0 {
        return invalid("a partition gets more than one record batch in one request".to_string());
    }
    if header.base_offset.0 != 0 {
        return invalid(format!("the base offset of the batch is {}, not 0", header.base_offset));
    }
    if header.is_control() {
        return invalid("clients may not write control records".to_string());
    }
    if !header.producer_id.is_none() && header.base_sequence.is_none() {
        return invalid(format!(
            "producer {} sent a batch with sequence number {}",
            header.producer_id, header.base_sequence
        ));
    }
    Ok(())
}

/// Checks every record; returns the greatest timestamp.
fn check_records(batch: &Batch<'_>, rules: &Rules<'_>) -> Result<Timestamp, Rejection> {
    let mut faults = Faults::default();
    let checks_time = rules.config.message_timestamp_type == TimestampType::CreateTime
        && rules.origin == Origin::Client;
    let (before_ms, after_ms) =
        (rules.config.message_timestamp_before_max_ms, rules.config.message_timestamp_after_max_ms);
    let earliest = rules.now.0.saturating_sub(before_ms);
    let latest = rules.now.0.saturating_add(after_ms);
    let needs_keys = rules.config.cleanup_policy.compact && !batch.header().is_control();
    let claims_append_time = rules.origin == Origin::Client
        && batch.header().attributes.timestamp_type() == TimestampType::LogAppendTime;
    let max_timestamp = batch
        .validate(DECOMPRESSED_BYTES_MAX, |record| {
            if needs_keys && record.key.is_none() {
                return faults.add(record, "a compacted topic takes no record without a key");
            }
            if claims_append_time {
                return faults.add_time(record, "only the broker gives records a log append time");
            }
            let time = record.timestamp;
            if checks_time && time != Timestamp::NONE && !(earliest..=latest).contains(&time.0) {
                faults.add_time(
                    record,
                    format!(
                        "timestamp {time} is not within [{earliest}, {latest}], which \
                         message.timestamp.before.max.ms and after.max.ms allow"
                    ),
                );
            }
        })
        .map_err(|err| refuse_records(&err))?;
    faults.into_result().map(|()| max_timestamp)
}

/// The records at fault in a batch.
#[derive(Debug, Default)]
struct Faults {
    count: usize,
    has_bad_time: bool,
    named: Vec<RecordRejection>,
}

impl Faults {
    fn add(&mut self, record: &Record<'_>, message: impl Into<String>) {
        self.count += 1;
        if self.named.len() < RECORDS_NAMED_MAX {
            self.named
                .push(RecordRejection { index: record.offset_delta, message: message.into() });
        }
    }

    fn add_time(&mut self, record: &Record<'_>, message: impl Into<String>) {
        self.has_bad_time = true;
        self.add(record, message);
    }

    fn into_result(self) -> Result<(), Rejection> {
        let Some(first) = self.named.first() else { return Ok(()) };
        let code =
            if self.has_bad_time { ErrorCode::InvalidTimestamp } else { ErrorCode::InvalidRecord };
        let message = format!("{} records refused, the first: {}", self.count, first.message);
        Err(Rejection { code, message, records: self.named })
    }
}

/// Bytes that are not what was sent may be sent again; the client is told so by a retriable error.
fn refuse_bytes(err: &BatchError) -> Rejection {
    let code = match err {
        BatchError::Magic(_) => ErrorCode::InvalidRecord,
        _ => ErrorCode::CorruptMessage,
    };
    Rejection::new(code, err.to_string())
}

/// Records that are wrong under a good checksum were made so.
fn refuse_records(err: &BatchError) -> Rejection {
    let code = match err {
        BatchError::TooLarge { .. } => ErrorCode::MessageTooLarge,
        _ => ErrorCode::InvalidRecord,
    };
    Rejection::new(code, err.to_string())
}

/// Builds the batches anew if the topic asks for another codec.
fn convert(validated: Validated, rules: &Rules<'_>) -> Result<Validated, Rejection> {
    let CompressionPolicy::Broker { codec, level } = rules.config.compression else {
        return Ok(validated);
    };
    let has_codec = |batch: &ValidatedBatch| compression(batch.header.attributes) == Some(codec);
    if validated.batches.iter().all(|batch| has_codec(batch) || batch.header.is_control()) {
        return Ok(validated);
    }
    let mut bytes = Vec::with_capacity(validated.bytes.len());
    let mut batches = Vec::with_capacity(validated.batches.len());
    for batch in &validated.batches {
        let start = bytes.len();
        if batch.header.is_control() {
            bytes.extend_from_slice(validated.batch_bytes(batch));
            batches.push(ValidatedBatch { start, ..*batch });
            continue;
        }
        let mut header = rebuild(&validated, batch, codec, level, &mut bytes)?;
        let payload = bytes.get(start + HEADER_BYTES..).unwrap_or_default();
        let timestamp_type = rules.config.message_timestamp_type;
        stamp(&mut header, payload, timestamp_type, batch.header.max_timestamp);
        let max_bytes = rules.config.max_message_bytes;
        if header.size() > max_bytes {
            let message = format!(
                "the batch has {} bytes as {codec}, and max.message.bytes of the topic is {max_bytes}",
                header.size()
            );
            return Err(Rejection::new(ErrorCode::MessageTooLarge, message));
        }
        batches.push(ValidatedBatch { header, start, marker: None });
    }
    Ok(Validated { bytes: bytes.into(), batches, log_append_time: validated.log_append_time })
}

fn compression(attributes: Attributes) -> Option<Compression> {
    attributes.compression().ok()
}

/// Writes a batch with another codec; returns its header.
fn rebuild(
    validated: &Validated,
    batch: &ValidatedBatch,
    codec: Compression,
    level: Option<i32>,
    out: &mut Vec<u8>,
) -> Result<BatchHeader, Rejection> {
    let header = &batch.header;
    let mut builder = BatchBuilder::new(BatchOptions {
        base_offset: header.base_offset,
        compression: codec,
        level,
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        is_transactional: header.is_transactional(),
        ..BatchOptions::default()
    });
    let source = Batch::first(validated.batch_bytes(batch)).map_err(|err| refuse_bytes(&err))?;
    let records = source.records(DECOMPRESSED_BYTES_MAX).map_err(|err| refuse_records(&err))?;
    for record in records.iter() {
        let record = record.map_err(|err| refuse_records(&err))?;
        let headers: Vec<_> = record.headers.collect();
        builder.append(record.timestamp, record.key, record.value, &headers);
    }
    let built = builder.build();
    out.extend_from_slice(&built);
    BatchHeader::decode(&built).map_err(|err| refuse_bytes(&err))
}

#[cfg(test)]
mod tests;
