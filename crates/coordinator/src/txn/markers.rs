//! Markers: how the partitions of a transaction come to know its end, however often that takes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use protocol::{ErrorCode, TopicPartition};

use super::outcome::{Action, Markers, Turn};
use super::shard::{Shard, append};
use super::state::TransactionState;

/// A transaction whose end is committed to the log.
#[derive(Debug)]
pub(super) struct Completing {
    /// The partitions that have no marker yet, as far as is known.
    remaining: BTreeSet<TopicPartition>,
    /// True while markers are being written, or the record that all are.
    pub(super) is_under_way: bool,
}

impl Shard {
    /// Some markers have been written, or not: the error for each of their partitions.
    pub fn on_markers_written(
        &mut self,
        turn: &mut Turn<'_>,
        markers: &Markers,
        results: &[(TopicPartition, ErrorCode)],
    ) {
        let id = &markers.transactional_id;
        let known = self.transaction(id).is_some_and(|known| {
            (known.producer_id, known.epoch) == (markers.producer_id, markers.producer_epoch)
        });
        // What was under way when the shard was loaded anew is about a transaction that may have gone on.
        let Some(completing) = self.completing.get_mut(id).filter(|_| known) else { return };
        for (partition, error) in results {
            match error {
                ErrorCode::None => {}
                // The partition has seen a later epoch, so this transaction is not open there.
                ErrorCode::InvalidProducerEpoch => {
                    tracing::warn!(%id, %partition, "a marker comes too late for its partition");
                }
                error => {
                    tracing::debug!(%id, %partition, %error, "a marker has to be written again");
                    continue;
                }
            }
            completing.remaining.remove(partition);
        }
        completing.is_under_way = false;
        if completing.remaining.is_empty() {
            self.advance(turn, &Arc::clone(id));
        } else {
            self.retry_later(turn.now.instant);
        }
    }

    /// The end of a transaction is committed to the log.
    pub(super) fn begin_markers(&mut self, turn: &mut Turn<'_>, id: &Arc<str>) {
        let Some(known) = self.transaction(id).filter(|known| known.state.is_preparing()) else {
            return;
        };
        let completing = Completing { remaining: known.partitions.clone(), is_under_way: false };
        self.completing.insert(Arc::clone(id), completing);
        self.advance(turn, id);
    }

    /// Tries again whatever is not under way.
    pub(super) fn retry_markers(&mut self, turn: &mut Turn<'_>) {
        let idle = self.completing.iter().filter(|(_, completing)| !completing.is_under_way);
        let idle: Vec<_> = idle.map(|(id, _)| Arc::clone(id)).collect();
        for id in idle {
            self.advance(turn, &id);
        }
    }

    /// Makes sure that [`Self::retry_markers`] is called before long.
    pub(super) fn retry_later(&mut self, now: Instant) {
        if self.next_retry.is_none() {
            self.next_retry = now.checked_add(self.settings.marker_retry);
        }
    }

    /// Has the markers written that are missing, or the record that none are.
    fn advance(&mut self, turn: &mut Turn<'_>, id: &Arc<str>) {
        let coordinator_epoch = self.coordinator_epoch;
        let Some(completing) = self.completing.get_mut(id) else { return };
        completing.is_under_way = true;
        let partitions: Vec<_> = completing.remaining.iter().cloned().collect();
        let Some(known) = self.transaction(id) else { return };
        if partitions.is_empty() {
            return append(turn, id, &known.completed(turn.now.timestamp), None);
        }
        turn.out.push(Action::WriteMarkers(Markers {
            transactional_id: Arc::clone(id),
            producer_id: known.producer_id,
            producer_epoch: known.epoch,
            is_commit: known.state == TransactionState::PrepareCommit,
            coordinator_epoch,
            transaction_version: known.client_version,
            partitions,
        }));
    }
}
