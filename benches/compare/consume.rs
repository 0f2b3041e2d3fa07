//! Consumers: each a connection with a fetch session, which counts the records that come and lets the kernel drop them.

use std::collections::BTreeSet;

use protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use protocol::messages::{BrokerId, FetchRequest};

use crate::load::Meter;
use crate::topics::name;
use crate::wire::{Link, Result, check, encode};

/// The last version without compact lengths, which can be taken apart as it comes.
const VERSION: i16 = 11;
/// The defaults of consumers.
const BYTES_MAX: i32 = 50 << 20;
const PARTITION_BYTES_MAX: i32 = 1 << 20;
const WAIT_MS: i32 = 500;

/// The batches of a topic, which are all alike: so the length of what comes says what it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batches {
    pub(crate) bytes: usize,
    pub(crate) records: i64,
}

/// What has come of one partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Came {
    pub(crate) partition: i32,
    /// The offset after the last whole batch.
    pub(crate) next_offset: i64,
    pub(crate) batches: usize,
}

/// Reads partitions `0..` of a topic.
#[derive(Debug)]
pub(crate) struct Fetcher {
    link: Link,
    topic: String,
    batches: Batches,
    positions: Vec<i64>,
    /// The partitions whose position the broker does not know.
    moved: BTreeSet<usize>,
    session: (i32, i32),
}

impl Fetcher {
    pub(crate) fn new(
        address: &str,
        topic: &str,
        partitions: usize,
        batches: Batches,
    ) -> Result<Self> {
        Ok(Self {
            link: Link::connect(address)?,
            topic: topic.to_owned(),
            batches,
            positions: vec![0; partitions],
            moved: (0..partitions).collect(),
            session: (0, 0),
        })
    }

    /// Asks.
    pub(crate) fn send(&mut self) -> Result<()> {
        let wanted = std::mem::take(&mut self.moved).into_iter().filter_map(|id| {
            let position = self.positions.get(id)?;
            let partition = FetchPartition::default()
                .with_partition(i32::try_from(id).ok()?)
                .with_current_leader_epoch(-1)
                .with_fetch_offset(*position)
                .with_log_start_offset(-1)
                .with_partition_max_bytes(PARTITION_BYTES_MAX);
            Some(partition)
        });
        let wanted: Vec<_> = wanted.collect();
        let topics = match wanted.is_empty() {
            true => Vec::new(),
            false => {
                vec![FetchTopic::default().with_topic(name(&self.topic)).with_partitions(wanted)]
            }
        };
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(WAIT_MS)
            .with_min_bytes(1)
            .with_max_bytes(BYTES_MAX)
            .with_session_id(self.session.0)
            .with_session_epoch(self.session.1)
            .with_topics(topics);
        self.link.send(&encode(VERSION, &request.into())?)
    }

    /// Takes the answer, and tells what of each partition came.
    pub(crate) fn receive(&mut self, mut came: impl FnMut(Came)) -> Result<()> {
        let len = self.link.frame_len()?;
        // Correlation id, throttle time; then the error, the session and the number of topics.
        self.link.discard(8)?;
        check("fetch", self.i16()?)?;
        let session_id = self.i32()?;
        let topics = self.i32()?;
        let mut left = len.saturating_sub(18);
        for _ in 0..topics {
            let name_len = usize::try_from(self.i16()?)?;
            self.link.discard(name_len)?;
            let partitions = self.i32()?;
            left = left.saturating_sub(name_len + 6);
            for _ in 0..partitions {
                let (bytes, one) = self.partition()?;
                left = left.saturating_sub(bytes);
                came(one);
            }
        }
        self.link.discard(left)?;
        self.session = match session_id {
            0 => (0, 0),
            id => (id, self.session.1 + 1),
        };
        if session_id == 0 {
            self.moved = (0..self.positions.len()).collect();
        }
        Ok(())
    }

    /// One partition of an answer, and its bytes.
    fn partition(&mut self) -> Result<(usize, Came)> {
        let partition = self.i32()?;
        check("fetch of a partition", self.i16()?)?;
        // High watermark, last stable offset, log start offset.
        self.link.discard(24)?;
        let aborted = usize::try_from(self.i32()?.max(0))? * 16;
        self.link.discard(aborted + 4)?;
        let len = usize::try_from(self.i32()?.max(0))?;
        let id = usize::try_from(partition)?;
        let position = self.positions.get_mut(id).ok_or("no such partition was asked for")?;
        let batches = len / self.batches.bytes;
        if batches > 0 {
            // The first batch may begin before what was asked for, but here it never does.
            let first = i64::from_be_bytes(self.link.take()?);
            if first != *position {
                return Err(format!("offset {first} came for {position}").into());
            }
            self.link.discard(len - 8)?;
            *position += i64::try_from(batches)? * self.batches.records;
            self.moved.insert(id);
        } else {
            self.link.discard(len)?;
        }
        Ok((42 + aborted + len, Came { partition, next_offset: *position, batches }))
    }

    fn i16(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.link.take()?))
    }

    fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.link.take()?))
    }

    /// Reads until the meter says stop. A partition that has been read up to `end` is read from its start again.
    pub(crate) fn read(&mut self, end: i64, meter: &Meter) -> Result<()> {
        let batch_bytes = self.batches.bytes as u64;
        while !meter.is_over() {
            let mut bytes = 0;
            self.send()?;
            self.receive(|came| bytes += came.batches as u64 * batch_bytes)?;
            meter.add(bytes);
            for position in self.positions.iter_mut().filter(|position| **position >= end) {
                *position = 0;
            }
        }
        Ok(())
    }
}
