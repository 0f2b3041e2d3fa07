//! Groups, and how far they are behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::record::{Batch, TimestampType};
use protocol::{Offset, PartitionId, Timestamp, TopicPartition};
use storage::Log;
use storage::log::ReadRequest;

use super::Status;

/// So many times are looked up for one answer. Each reads a page or two, which a group that is far behind may make the disk
/// seek for; who commits nothing is looked up only once.
const LOOKUPS_MAX: usize = 20_000;

/// A group.
#[derive(Debug, Clone)]
pub struct GroupStatus {
    /// Its id.
    pub id: Arc<str>,
    /// The protocol that its members speak: `classic`, `consumer`.
    pub kind: &'static str,
    /// Kafka's name for its state.
    pub state: &'static str,
    /// How many members it has.
    pub members: usize,
    /// Rises by one with each rebalance that ends.
    pub generation: i32,
}

/// How far a group is on one partition.
#[derive(Debug, Clone)]
pub struct GroupOffset {
    /// The group's id.
    pub group: Arc<str>,
    /// The topic.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: PartitionId,
    /// What it has committed: the offset of the first record that it has not consumed.
    pub committed: Offset,
    /// How far it is behind; `None` if another broker leads the partition, or nobody does.
    pub lag: Option<Lag>,
}

/// How far a group is behind on one partition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lag {
    /// How many offsets there are up to the high watermark.
    pub records: i64,
    /// How long ago the batch of the first of them was produced. `None` if there was no time to look that up.
    pub seconds: Option<f64>,
}

/// When the records were produced that groups have come to, as it was looked up the last time.
#[derive(Debug, Default)]
pub(crate) struct LagClock(Mutex<HashMap<(TopicPartition, Offset), Timestamp>>);

impl Status {
    /// The groups that this broker coordinates.
    pub fn groups(&self) -> Vec<GroupStatus> {
        let groups = self.0.groups.look(|shard| {
            let status = |group: coordinator::GroupSummary<'_>| GroupStatus {
                id: Arc::clone(group.id),
                kind: group.kind,
                state: group.state,
                members: group.members,
                generation: group.generation,
            };
            shard.summaries().map(status).collect::<Vec<_>>()
        });
        groups.into_iter().flatten().collect()
    }

    /// What the groups that this broker coordinates have committed. Reads the logs, and so may wait for the disk.
    pub fn group_offsets(&self, now: Timestamp) -> Vec<GroupOffset> {
        let offsets = self.0.groups.look(|shard| {
            let mut offsets = Vec::new();
            shard.each_offset(|group, topic, partition, committed| {
                let (group, topic) = (Arc::clone(group), Arc::clone(topic));
                offsets.push(GroupOffset { group, topic, partition, committed, lag: None });
            });
            offsets
        });
        let mut offsets: Vec<_> = offsets.into_iter().flatten().collect();
        let mut clock = self.0.lag_clock.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = HashMap::with_capacity(clock.len());
        let mut lookups_left = LOOKUPS_MAX;
        for offset in &mut offsets {
            let id = TopicPartition::new(Arc::clone(&offset.topic), offset.partition);
            let Some(partition) = self.0.partitions.get(&id) else { continue };
            let log = &partition.log;
            let first = offset.committed.max(log.log_start_offset());
            let records = log.high_watermark().0.saturating_sub(first.0).max(0);
            let seconds = if records == 0 {
                Some(0.0)
            } else {
                let key = (id, first);
                let known = clock.get(&key).copied().or_else(|| {
                    lookups_left = lookups_left.checked_sub(1)?;
                    produced_at(log, first)
                });
                known.map(|produced| {
                    seen.insert(key, produced);
                    age(now, produced)
                })
            };
            offset.lag = Some(Lag { records, seconds });
        }
        // What nobody asked for this time is not asked for again: groups move on.
        *clock = seen;
        offsets
    }
}

/// When the batch of the first record from `offset` on was produced, or appended if the topic goes by that.
fn produced_at(log: &Log, offset: Offset) -> Option<Timestamp> {
    let bound = log.log_end_offset();
    let request = ReadRequest { offset, max_bytes: 1, bound, at_least_one: true, may_block: true };
    // Whatever is wrong with the log, its readers are told of it.
    let slice = log.read(&request).ok()?.records?;
    let batch = Batch::first(&slice).ok()?;
    let header = batch.header();
    let attributes = header.attributes;
    let timestamp = match attributes.timestamp_type() {
        TimestampType::CreateTime if !attributes.has_delete_horizon() => header.base_timestamp,
        _ => header.max_timestamp,
    };
    Some(timestamp).filter(|timestamp| !timestamp.is_none())
}

fn age(now: Timestamp, then: Timestamp) -> f64 {
    now.0.saturating_sub(then.0).max(0) as f64 / 1_000.0
}
