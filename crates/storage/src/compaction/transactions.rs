//! The transactions that a cleaning passes: which batches belong to aborted ones, and which markers have no records left
//! (`CleanedTransactionMetadata`). Pure.

use std::collections::{BTreeMap, BTreeSet};

use protocol::record::{BatchHeader, ControlType};
use protocol::{Offset, ProducerId};

use crate::index::txn::AbortedTxn;

/// What a cleaning knows of transactions at the point that it has reached.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    /// Aborted transactions that lie ahead, by their first offset.
    ahead: BTreeMap<(Offset, ProducerId), AbortedTxn>,
    /// Aborted transactions that have begun, and whether a batch of theirs has been met.
    aborted: BTreeMap<ProducerId, (AbortedTxn, bool)>,
    /// Producers of which a batch of a committed transaction has been met, but not the marker.
    committed: BTreeSet<ProducerId>,
}

/// What a control batch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// A transaction of which nothing is left: the marker may go when its horizon has passed.
    Empty,
    /// A transaction with batches before it. Of an aborted one the index entry is still needed.
    WithBatches(Option<AbortedTxn>),
}

impl Transactions {
    /// Adds aborted transactions that lie ahead.
    pub(super) fn add(&mut self, aborted: Vec<AbortedTxn>) {
        self.ahead
            .extend(aborted.into_iter().map(|txn| ((txn.first_offset, txn.producer_id), txn)));
    }

    /// Meets a data batch. Says whether it was aborted.
    pub(super) fn on_batch(&mut self, header: &BatchHeader) -> bool {
        self.begin_up_to(header.last_offset());
        if !header.is_transactional() {
            return false;
        }
        if let Some((_, was_met)) = self.aborted.get_mut(&header.producer_id) {
            *was_met = true;
            return true;
        }
        self.committed.insert(header.producer_id);
        false
    }

    /// Meets a control batch, whose record is of `control` type; `None` if it has no record.
    pub(super) fn on_control(
        &mut self,
        header: &BatchHeader,
        control: Option<ControlType>,
    ) -> Ended {
        self.begin_up_to(header.last_offset());
        match control {
            None => Ended::Empty,
            Some(ControlType::Abort) => match self.aborted.remove(&header.producer_id) {
                Some((txn, true)) => Ended::WithBatches(Some(txn)),
                _ => Ended::Empty,
            },
            Some(ControlType::Commit) if self.committed.remove(&header.producer_id) => {
                Ended::WithBatches(None)
            }
            Some(ControlType::Commit) => Ended::Empty,
            // Other control records are not ours to judge.
            Some(_) => Ended::WithBatches(None),
        }
    }

    fn begin_up_to(&mut self, offset: Offset) {
        while let Some(entry) = self.ahead.first_entry().filter(|entry| entry.key().0 <= offset) {
            let txn = entry.remove();
            self.aborted.entry(txn.producer_id).or_insert((txn, false));
        }
    }
}

#[cfg(test)]
mod tests;
