//! The offsets of all groups of a shard. Only replay changes them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::internal::group::{OffsetCommitKey, OffsetCommitValue};
use protocol::{Offset, ProducerId};

use super::map::PartitionMap;
use super::uncommitted::Uncommitted;

/// An offset that was committed, as its record says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Committed {
    /// What the record says.
    pub(crate) value: OffsetCommitValue,
    /// Where the record is: of two records the later one counts, also if a transaction brings it in later.
    pub(crate) record_offset: Offset,
}

/// The offsets of all groups.
#[derive(Debug)]
pub(crate) struct Offsets {
    /// What counts, whether the log has committed it or not.
    current: PartitionMap<Committed>,
    /// What transactions that have not ended bring in, by their producers.
    pending: PartitionMap<BTreeMap<ProducerId, Committed>>,
    /// What each of these transactions brings in.
    transactions: HashMap<ProducerId, BTreeSet<OffsetCommitKey>>,
    /// What of `current` the log has not committed.
    uncommitted: Uncommitted,
}

impl Offsets {
    /// No offsets. The log has committed everything before the high watermark.
    pub(crate) fn new(high_watermark: Offset) -> Self {
        Self {
            current: PartitionMap::default(),
            pending: PartitionMap::default(),
            transactions: HashMap::new(),
            uncommitted: Uncommitted::new(high_watermark),
        }
    }

    /// What counts, whether the log has committed it or not.
    pub(crate) const fn current(&self) -> &PartitionMap<Committed> {
        &self.current
    }

    /// What transactions that have not ended bring in, by their producers.
    pub(crate) const fn pending(&self) -> &PartitionMap<BTreeMap<ProducerId, Committed>> {
        &self.pending
    }

    /// What the log has committed of it.
    pub(crate) const fn uncommitted(&self) -> &Uncommitted {
        &self.uncommitted
    }

    /// The record at `record_offset`, which is part of a transaction if it has a producer.
    pub(crate) fn replay(
        &mut self,
        record_offset: Offset,
        producer_id: Option<ProducerId>,
        key: OffsetCommitKey,
        value: Option<OffsetCommitValue>,
    ) {
        match (value, producer_id) {
            (Some(value), None) => {
                self.set(record_offset, &key, Some(Committed { value, record_offset }))
            }
            (Some(value), Some(producer_id)) => {
                self.set_pending(producer_id, key, Committed { value, record_offset });
            }
            (None, _) => {
                self.set(record_offset, &key, None);
                for producer_id in self.pending.remove(&key).unwrap_or_default().into_keys() {
                    self.forget_pending(producer_id, &key);
                }
            }
        }
    }

    /// The marker at `marker_offset` that ends the transaction of a producer.
    pub(crate) fn replay_marker(
        &mut self,
        marker_offset: Offset,
        producer_id: ProducerId,
        is_commit: bool,
    ) {
        for key in self.transactions.remove(&producer_id).unwrap_or_default() {
            let Some(producers) = self.pending.get_mut(&key) else { continue };
            let brought_in = producers.remove(&producer_id);
            if producers.is_empty() {
                self.pending.remove(&key);
            }
            let Some(brought_in) = brought_in.filter(|_| is_commit) else { continue };
            let known = self.current.get(&key);
            if known.is_none_or(|known| known.record_offset < brought_in.record_offset) {
                self.set(marker_offset, &key, Some(brought_in));
            }
        }
    }

    /// The log has committed everything before the high watermark.
    pub(crate) fn on_high_watermark(&mut self, high_watermark: Offset) {
        self.uncommitted.advance(high_watermark);
    }

    fn set(&mut self, log_offset: Offset, key: &OffsetCommitKey, committed: Option<Committed>) {
        let after = (!self.uncommitted.is_committed(log_offset)).then(|| committed.clone());
        let before = match committed {
            Some(committed) => self.current.insert(key, committed),
            None => self.current.remove(key),
        };
        if let Some(after) = after {
            self.uncommitted.note(log_offset, key, before, after);
        }
    }

    fn set_pending(&mut self, producer_id: ProducerId, key: OffsetCommitKey, committed: Committed) {
        match self.pending.get_mut(&key) {
            Some(producers) => {
                producers.insert(producer_id, committed);
            }
            None => {
                self.pending.insert(&key, BTreeMap::from([(producer_id, committed)]));
            }
        }
        self.transactions.entry(producer_id).or_default().insert(key);
    }

    fn forget_pending(&mut self, producer_id: ProducerId, key: &OffsetCommitKey) {
        if let Some(keys) = self.transactions.get_mut(&producer_id) {
            keys.remove(key);
            if keys.is_empty() {
                self.transactions.remove(&producer_id);
            }
        }
    }
}
