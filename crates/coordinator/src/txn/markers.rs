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
    /// The partitions to whom a marker is to be sent (again).
    missing: BTreeSet<TopicPartition>,
    /// Those to whom one is being sent. None is sent another meanwhile: in the first version, where transactions share an
    /// epoch, one that comes late could end the next transaction.
    under_way: BTreeSet<TopicPartition>,
    /// True while the record is being appended that all have one.
    pub(super) is_ending: bool,
}

impl Shard {
    /// Some markers have been written, or not: the error for each of their partitions. Every marker is answered for once.
    pub fn on_markers_written(
        &mut self,
        turn: &mut Turn<'_>,
        markers: &Markers,
        results: &[(TopicPartition, ErrorCode)],
    ) {
        let id = &markers.transactional_id;
        let is_known = markers.coordinator_epoch == self.coordinator_epoch
            && self.transaction(id).is_some_and(|known| {
                (known.producer_id, known.epoch) == (markers.producer_id, markers.producer_epoch)
            });
        let Some(completing) = self.completing.get_mut(id).filter(|_| is_known) else { return };
        for (partition, error) in results {
            if !completing.under_way.remove(partition) {
                continue;
            }
            match error {
                ErrorCode::None => {}
                // The partition has seen a later epoch, so this transaction is not open there.
                ErrorCode::InvalidProducerEpoch => {
                    tracing::warn!(%id, %partition, "a marker comes too late for its partition");
                }
                error => {
                    tracing::debug!(%id, %partition, %error, "a marker has to be written again");
                    completing.missing.insert(partition.clone());
                }
            }
        }
        if completing.missing.is_empty() {
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
        let completing = Completing {
            missing: known.partitions.clone(),
            under_way: BTreeSet::new(),
            is_ending: false,
        };
        self.completing.insert(Arc::clone(id), completing);
        self.advance(turn, id);
    }

    /// Tries again whatever has not come to its end.
    pub(super) fn retry_markers(&mut self, turn: &mut Turn<'_>) {
        let ids: Vec<_> = self.completing.keys().cloned().collect();
        for id in ids {
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
        let missing = std::mem::take(&mut completing.missing);
        completing.under_way.extend(missing.iter().cloned());
        let is_over = completing.under_way.is_empty() && !completing.is_ending;
        completing.is_ending |= is_over;
        let Some(known) = self.transaction(id) else { return };
        if is_over {
            append(turn, id, &known.completed(turn.now.timestamp), None);
        }
        if missing.is_empty() {
            return;
        }
        turn.out.push(Action::WriteMarkers(Markers {
            transactional_id: Arc::clone(id),
            producer_id: known.producer_id,
            producer_epoch: known.epoch,
            is_commit: known.state == TransactionState::PrepareCommit,
            coordinator_epoch,
            transaction_version: known.client_version,
            partitions: missing.into_iter().collect(),
        }));
    }
}
