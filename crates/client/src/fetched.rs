//! What one fetch brought of one partition, and the walk over the records in it that are for consumers.

use std::collections::HashSet;
use std::ops::ControlFlow;

use bytes::Bytes;
use protocol::messages::fetch_response::PartitionData;
use protocol::record::{Batch, BatchError, Batches, ControlType, Record};
use protocol::{Offset, ProducerId, TopicPartition};

use crate::Error;

/// As much as a batch may decompress to; what a broker of ours takes from a producer is no larger.
const DECOMPRESSED_BYTES_MAX: usize = 256 << 20;

/// The records of one partition from one answer.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The partition.
    pub partition: TopicPartition,
    /// Batches, the last of which may be cut off.
    records: Bytes,
    /// The first batch may begin before it.
    from: Offset,
    next: Offset,
    /// Transactions that were aborted: the producer, and where each began. None if all records count.
    aborted: Option<Vec<(Offset, ProducerId)>>,
}

impl Fetched {
    pub(crate) fn new(
        partition: TopicPartition,
        from: Offset,
        data: PartitionData,
        read_committed: bool,
    ) -> Result<Self, Error> {
        let records = data.records.unwrap_or_default();
        let next = check(&partition, &records, from)?;
        let mut aborted: Vec<_> = data
            .aborted_transactions
            .unwrap_or_default()
            .iter()
            .map(|aborted| (Offset(aborted.first_offset), ProducerId(aborted.producer_id.0)))
            .collect();
        aborted.sort();
        Ok(Self { partition, records, from, next, aborted: read_committed.then_some(aborted) })
    }

    /// Where to read on: it also passes over what no consumer sees.
    pub const fn next_offset(&self) -> Offset {
        self.next
    }

    /// Shows each record to `visit`, in order, until it says to stop.
    pub fn for_each(
        &self,
        mut visit: impl FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut aborted = Aborted::new(self.aborted.as_deref());
        for batch in whole_batches(&self.records) {
            let batch = batch.map_err(|err| corrupt(&self.partition, &err))?;
            if aborted.covers(&batch).map_err(|err| corrupt(&self.partition, &err))? {
                continue;
            }
            let records = batch.records(DECOMPRESSED_BYTES_MAX);
            let records = records.map_err(|err| corrupt(&self.partition, &err))?;
            for record in &records {
                let record = record.map_err(|err| corrupt(&self.partition, &err))?;
                if record.offset >= self.from && visit(&record).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Checks the CRC of all batches, and says where the next one begins.
fn check(partition: &TopicPartition, records: &[u8], from: Offset) -> Result<Offset, Error> {
    let mut next = from;
    for batch in whole_batches(records) {
        let checked = batch.and_then(|batch| batch.check_crc().map(|()| batch));
        let batch = checked.map_err(|err| corrupt(partition, &err))?;
        next = next.max(batch.header().last_offset().next());
    }
    Ok(next)
}

/// The batches without one that is cut off at the end: a broker may send the beginning of what no longer fits.
fn whole_batches(records: &[u8]) -> impl Iterator<Item = Result<Batch<'_>, BatchError>> {
    Batches::new(records).filter(|batch| !matches!(batch, Err(BatchError::Incomplete { .. })))
}

/// What is damaged here was checked before it was stored, so another try would most likely bring the same bytes.
fn corrupt(partition: &TopicPartition, err: &BatchError) -> Error {
    let address = format!("the leader of {partition}");
    Error::Protocol { address, reason: format!("its records are damaged: {err}") }
}

/// Which batches belong to transactions that were aborted (`CompletedFetch.nextFetchedRecord`).
struct Aborted<'a> {
    /// Those that begin further on; none if all records count.
    ahead: Option<&'a [(Offset, ProducerId)]>,
    /// Those that have begun and not ended.
    open: HashSet<ProducerId>,
}

impl<'a> Aborted<'a> {
    fn new(aborted: Option<&'a [(Offset, ProducerId)]>) -> Self {
        Self { ahead: aborted, open: HashSet::new() }
    }

    /// Whether a batch is not for consumers: control batches never are.
    fn covers(&mut self, batch: &Batch<'_>) -> Result<bool, BatchError> {
        let header = batch.header();
        let (producer, attributes) = (header.producer_id, header.attributes);
        while let Some([(first, aborted), rest @ ..]) = self.ahead {
            if *first > header.last_offset() {
                break;
            }
            self.open.insert(*aborted);
            self.ahead = Some(rest);
        }
        if !attributes.is_control() {
            return Ok(attributes.is_transactional() && self.open.contains(&producer));
        }
        for record in &batch.records(DECOMPRESSED_BYTES_MAX)? {
            let key = record?.key.unwrap_or_default();
            if ControlType::parse(key)? == ControlType::Abort {
                self.open.remove(&producer);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use protocol::record::{BatchBuilder, BatchOptions, Compression, EndTxnMarker};
    use protocol::{CoordinatorEpoch, PartitionId, ProducerEpoch, Sequence, Timestamp};

    use super::*;

    fn batch(base: i64, producer: i64, values: &[&str]) -> Vec<u8> {
        let mut builder = BatchBuilder::new(BatchOptions {
            base_offset: Offset(base),
            producer_id: ProducerId(producer),
            producer_epoch: ProducerEpoch(0),
            base_sequence: Sequence(0),
            is_transactional: producer >= 0,
            compression: Compression::Lz4,
            ..BatchOptions::default()
        });
        for value in values {
            builder.append(Timestamp(1), None, Some(value.as_bytes()), &[]);
        }
        builder.build()
    }

    fn marker(base: i64, producer: i64, kind: ControlType) -> Vec<u8> {
        let options = BatchOptions {
            base_offset: Offset(base),
            producer_id: ProducerId(producer),
            producer_epoch: ProducerEpoch(0),
            ..BatchOptions::default()
        };
        EndTxnMarker { coordinator_epoch: CoordinatorEpoch(0) }.batch(kind, Timestamp(1), &options)
    }

    fn fetched(
        from: i64,
        records: Vec<u8>,
        aborted: Option<&[(i64, i64)]>,
    ) -> Result<Fetched, Error> {
        let data = PartitionData::default().with_records(Some(records.into()));
        let partition = TopicPartition::new("t", PartitionId(0));
        let mut fetched = Fetched::new(partition, Offset(from), data, aborted.is_some())?;
        if let Some(aborted) = aborted {
            let all =
                aborted.iter().map(|&(offset, producer)| (Offset(offset), ProducerId(producer)));
            fetched.aborted = Some(all.collect());
        }
        Ok(fetched)
    }

    fn values(fetched: &Fetched) -> Vec<String> {
        let mut values = Vec::new();
        fetched
            .for_each(|record| {
                values.push(String::from_utf8_lossy(record.value.unwrap()).into_owned());
                ControlFlow::Continue(())
            })
            .unwrap();
        values
    }

    #[test]
    fn records_before_the_position_and_a_torn_end_are_passed_over() {
        let mut records = batch(10, -1, &["a", "b", "c"]);
        records.extend(batch(13, -1, &["d"]));
        let torn = batch(14, -1, &["e"]);
        records.extend(&torn[..torn.len() - 1]);
        let fetched = fetched(11, records, None).unwrap();
        assert_eq!(values(&fetched), ["b", "c", "d"]);
        assert_eq!(fetched.next_offset(), Offset(14));
    }

    #[test]
    fn records_of_aborted_transactions_are_passed_over_until_their_markers() {
        let mut records = batch(0, 7, &["aborted"]);
        records.extend(batch(1, 8, &["committed"]));
        records.extend(batch(2, 7, &["aborted too"]));
        records.extend(marker(3, 7, ControlType::Abort));
        records.extend(batch(4, 7, &["the next one of the same producer"]));
        records.extend(marker(5, 8, ControlType::Commit));
        records.extend(marker(6, 7, ControlType::Commit));
        let committed = fetched(0, records.clone(), Some(&[(0, 7)])).unwrap();
        assert_eq!(values(&committed), ["committed", "the next one of the same producer"]);
        assert_eq!(committed.next_offset(), Offset(7));
        assert_eq!(values(&fetched(0, records, None).unwrap()).len(), 4);
    }

    #[test]
    fn damaged_records_are_an_error_and_not_data() {
        let mut records = batch(0, -1, &["a"]);
        let last = records.len() - 1;
        records[last] ^= 1;
        assert!(matches!(fetched(0, records, None), Err(Error::Protocol { .. })));
        assert!(fetched(0, vec![0; 100], None).is_err());
    }
}
