//! What a log knows of the producers that write to it: their epochs, their last five batches, their open transactions.
//!
//! The rules are those of Kafka's `ProducerStateManager` and `ProducerAppendInfo`. A batch is first checked against the
//! state and *staged*; only when its bytes are in the log is the staged state committed, so that a failed write changes
//! nothing. Pure: no IO, no clock.
//!
//! Invariant: `end_offset` is the offset up to which every batch of the log is in the state.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use protocol::record::{BatchHeader, ControlType, EndTxnMarker};
use protocol::{ErrorCode, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};

use super::entry::{BatchMetadata, ProducerEntry};
use super::snapshot::SnapshotEntry;
use super::verification::{Source, Verification};
use crate::error::Rejection;
use crate::index::txn::AbortedTxn;

/// Who appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A client's produce request: all rules hold.
    Client,
    /// A group or transaction coordinator, markers included: sequences are not checked.
    Coordinator,
    /// The leader of the partition, from whom we replicate: it has checked already.
    Replication,
}

/// A transaction that a marker has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CompletedTxn {
    producer_id: ProducerId,
    first_offset: Offset,
    /// The marker's offset.
    last_offset: Offset,
    is_aborted: bool,
}

/// What a batch would change; nothing holds until [`Producers::commit`].
#[derive(Debug, Clone, Default)]
pub struct Staged {
    entries: Vec<(ProducerId, ProducerEntry)>,
    started: Vec<(Offset, ProducerId)>,
    completed: Vec<CompletedTxn>,
    /// Verifications that are used or void now.
    verified: Vec<ProducerId>,
}

impl Staged {
    fn entry(&self, producer_id: ProducerId) -> Option<&ProducerEntry> {
        self.entries.iter().rev().find(|(id, _)| *id == producer_id).map(|(_, entry)| entry)
    }

    fn set(&mut self, producer_id: ProducerId, entry: ProducerEntry) {
        match self.entries.iter_mut().find(|(id, _)| *id == producer_id) {
            Some((_, staged)) => *staged = entry,
            None => self.entries.push((producer_id, entry)),
        }
    }
}

/// The answer to a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// The batch is to be appended.
    New,
    /// The batch was appended before; the client gets its first answer again.
    Duplicate(BatchMetadata),
}

/// The end marker of a transaction, with what the check of its epoch needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// Commit or abort.
    pub control: ControlType,
    /// The marker's value.
    pub value: EndTxnMarker,
    /// The version of transactions under which it is written; from 2 on an epoch ends with each transaction
    /// (KIP-890), so a marker of the current epoch is refused.
    pub transaction_version: i16,
}

/// All producers of one log.
#[derive(Debug, Clone, Default)]
pub struct Producers {
    entries: HashMap<ProducerId, ProducerEntry, foldhash::fast::RandomState>,
    /// Open transactions by their first offset.
    ongoing: BTreeMap<Offset, ProducerId>,
    /// Ended transactions whose marker is not below the high watermark yet: first offset to marker.
    unreplicated: BTreeMap<Offset, Offset>,
    pub(super) verifications: HashMap<ProducerId, Verification, foldhash::fast::RandomState>,
    end_offset: Offset,
}

impl Producers {
    /// No producers, the state of a log that begins at `end_offset`.
    pub fn empty(end_offset: Offset) -> Self {
        Self { end_offset, ..Self::default() }
    }

    /// The state that a snapshot taken at `end_offset` holds, without the producers that have expired.
    pub(crate) fn from_snapshot(
        end_offset: Offset,
        snapshot: &[SnapshotEntry],
        now: Timestamp,
        expiration_ms: i64,
    ) -> Self {
        let mut producers = Self::empty(end_offset);
        for saved in snapshot {
            let batch = BatchMetadata {
                last_sequence: saved.last_sequence,
                last_offset: saved.last_offset,
                offset_delta: saved.offset_delta,
                timestamp: saved.timestamp,
            };
            let entry = ProducerEntry {
                epoch: saved.producer_epoch,
                coordinator_epoch: saved.coordinator_epoch,
                last_timestamp: saved.timestamp,
                current_txn_first_offset: saved.current_txn_first_offset,
                batches: if saved.last_offset >= Offset::ZERO { vec![batch] } else { Vec::new() },
            };
            if is_expired(&entry, now, expiration_ms) {
                continue;
            }
            if let Some(first_offset) = entry.current_txn_first_offset {
                producers.ongoing.insert(first_offset, saved.producer_id);
            }
            producers.entries.insert(saved.producer_id, entry);
        }
        producers
    }

    /// What a snapshot at [`Producers::end_offset`] holds, in the order of the producer ids.
    pub(crate) fn to_snapshot(&self) -> Vec<SnapshotEntry> {
        let mut snapshot: Vec<_> = self
            .entries
            .iter()
            .map(|(producer_id, entry)| SnapshotEntry {
                producer_id: *producer_id,
                producer_epoch: entry.epoch,
                last_sequence: entry.last_sequence(),
                last_offset: entry.last_data_offset().unwrap_or(Offset::NONE),
                offset_delta: entry.batches.last().map_or(0, |batch| batch.offset_delta),
                timestamp: entry.last_timestamp,
                coordinator_epoch: entry.coordinator_epoch,
                current_txn_first_offset: entry.current_txn_first_offset,
            })
            .collect();
        snapshot.sort_unstable_by_key(|entry| entry.producer_id);
        snapshot
    }

    /// The offset up to which the state is complete.
    pub fn end_offset(&self) -> Offset {
        self.end_offset
    }

    /// Says that the log has been read or written up to `end_offset`.
    pub(crate) fn advance_to(&mut self, end_offset: Offset) {
        self.end_offset = end_offset;
    }

    /// All producers, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (ProducerId, &ProducerEntry)> {
        self.entries.iter().map(|(producer_id, entry)| (*producer_id, entry))
    }

    /// What is known of one producer.
    pub fn entry(&self, producer_id: ProducerId) -> Option<&ProducerEntry> {
        self.entries.get(&producer_id)
    }

    /// Checks a batch, whose header has its final offsets, and stages what it changes. Batches without a producer id
    /// pass. `marker` is what a control batch holds.
    pub fn check(
        &self,
        staged: &mut Staged,
        header: &BatchHeader,
        marker: Option<&Marker>,
        source: impl Into<Source>,
    ) -> Result<Checked, Rejection> {
        if header.producer_id.is_none() {
            return Ok(Checked::New);
        }
        let Source { origin, verified } = source.into();
        let known = staged.entry(header.producer_id).or_else(|| self.entry(header.producer_id));
        if origin == Origin::Client
            && let Some(duplicate) = known.and_then(|entry| entry.duplicate_of(header))
        {
            return Ok(Checked::Duplicate(*duplicate));
        }
        let mut entry = known.cloned().unwrap_or(ProducerEntry::UNKNOWN);
        if header.attributes.is_control() {
            if let Some(marker) = marker {
                staged.completed.extend(end_txn(&mut entry, header, marker, origin)?);
            }
        } else {
            let verification = self.verifications.get(&header.producer_id);
            if header.attributes.is_transactional() && origin != Origin::Replication {
                self.check_verified(&entry, header, verified)?;
            }
            if let Some(first_offset) = add_data(&mut entry, header, verification, origin)? {
                staged.started.push((first_offset, header.producer_id));
            }
        }
        if self.uses_up_verification(header) {
            staged.verified.push(header.producer_id);
        }
        staged.set(header.producer_id, entry);
        Ok(Checked::New)
    }

    /// True if a verification is under way that the batch makes use of, or makes void.
    fn uses_up_verification(&self, header: &BatchHeader) -> bool {
        let attributes = header.attributes;
        let verification = self.verifications.get(&header.producer_id);
        attributes.is_transactional()
            && verification.is_some_and(|verification| {
                !(attributes.is_control() && verification.outlives_marker(header.producer_epoch))
            })
    }

    /// Makes what was staged hold, now that the log reaches to `end_offset`. Returns the transactions that were
    /// aborted, for the transaction index.
    pub fn commit(&mut self, staged: Staged, end_offset: Offset) -> Vec<AbortedTxn> {
        let mut aborted = Vec::new();
        self.ongoing.extend(staged.started);
        self.entries.extend(staged.entries);
        for producer_id in staged.verified {
            self.verifications.remove(&producer_id);
        }
        for txn in staged.completed {
            if txn.is_aborted {
                aborted.push(AbortedTxn {
                    producer_id: txn.producer_id,
                    first_offset: txn.first_offset,
                    last_offset: txn.last_offset,
                    last_stable_offset: self.last_stable_offset_after(&txn),
                });
            }
            self.ongoing.remove(&txn.first_offset);
            self.unreplicated.insert(txn.first_offset, txn.last_offset);
        }
        self.end_offset = end_offset;
        aborted
    }

    /// The last stable offset once `txn` has ended and its marker is replicated.
    fn last_stable_offset_after(&self, txn: &CompletedTxn) -> Offset {
        let other = self.ongoing.iter().find(|(_, producer_id)| **producer_id != txn.producer_id);
        other.map_or_else(|| txn.last_offset.next(), |(first_offset, _)| *first_offset)
    }

    /// The first offset whose transaction is open, or ended by a marker that is not replicated yet.
    pub fn first_unstable_offset(&self) -> Option<Offset> {
        let ongoing = self.ongoing.keys().next();
        let unreplicated = self.unreplicated.keys().next();
        ongoing.into_iter().chain(unreplicated).min().copied()
    }

    /// When the producer of the open transaction that begins first has written last.
    pub(crate) fn last_write_of_oldest_transaction(&self) -> Option<Timestamp> {
        let oldest = self.ongoing.values().next()?;
        self.entry(*oldest).map(|entry| entry.last_timestamp)
    }

    /// Forgets ended transactions whose marker lies below `offset`: the high watermark, or the start of the log.
    pub fn forget_ended_before(&mut self, offset: Offset) {
        self.unreplicated.retain(|_, last_offset| *last_offset >= offset);
    }

    /// Forgets producers that have been silent for `expiration_ms` and have no open transaction.
    pub(crate) fn expire(&mut self, now: Timestamp, expiration_ms: i64) {
        self.entries.retain(|_, entry| !is_expired(entry, now, expiration_ms));
        let is_old = |since: Timestamp| now.0.saturating_sub(since.0) >= expiration_ms;
        self.verifications.retain(|_, verification| !is_old(verification.since));
    }
}

fn is_expired(entry: &ProducerEntry, now: Timestamp, expiration_ms: i64) -> bool {
    entry.current_txn_first_offset.is_none()
        && now.0.saturating_sub(entry.last_timestamp.0) >= expiration_ms
}

/// Adds a data batch; returns the first offset of the transaction that it opens.
fn add_data(
    entry: &mut ProducerEntry,
    header: &BatchHeader,
    verification: Option<&Verification>,
    origin: Origin,
) -> Result<Option<Offset>, Rejection> {
    check_epoch(entry, header, 0, origin)?;
    if origin == Origin::Client {
        if let Some(verification) = verification {
            verification.check_sequence(entry, header)?;
        }
        check_sequence(entry, header)?;
    }
    entry.add_batch(header);
    match (entry.current_txn_first_offset, header.attributes.is_transactional()) {
        (Some(first_offset), false) if origin != Origin::Replication => Err(Rejection::new(
            ErrorCode::InvalidTxnState,
            format!(
                "producer {} wrote outside its transaction, which is open since offset {first_offset}",
                header.producer_id
            ),
        )),
        (None, true) => {
            entry.current_txn_first_offset = Some(header.base_offset);
            Ok(Some(header.base_offset))
        }
        _ => Ok(None),
    }
}

/// Ends the open transaction, if there is one.
fn end_txn(
    entry: &mut ProducerEntry,
    header: &BatchHeader,
    marker: &Marker,
    origin: Origin,
) -> Result<Option<CompletedTxn>, Rejection> {
    check_epoch(entry, header, marker.transaction_version, origin)?;
    let coordinator_epoch = marker.value.coordinator_epoch;
    if coordinator_epoch < entry.coordinator_epoch && origin != Origin::Replication {
        return Err(Rejection::new(
            ErrorCode::TransactionCoordinatorFenced,
            format!(
                "marker for producer {} comes from coordinator epoch {coordinator_epoch}, but epoch {} has written before",
                header.producer_id, entry.coordinator_epoch
            ),
        ));
    }
    let completed = entry.current_txn_first_offset.map(|first_offset| CompletedTxn {
        producer_id: header.producer_id,
        first_offset,
        last_offset: header.base_offset,
        is_aborted: marker.control == ControlType::Abort,
    });
    entry.enter_epoch(header.producer_epoch);
    entry.coordinator_epoch = coordinator_epoch;
    entry.current_txn_first_offset = None;
    entry.last_timestamp = header.max_timestamp;
    Ok(completed)
}

fn check_epoch(
    entry: &ProducerEntry,
    header: &BatchHeader,
    transaction_version: i16,
    origin: Origin,
) -> Result<(), Rejection> {
    let is_fenced = if transaction_version >= 2 {
        // A marker that is sent again after its transaction has ended finds the epoch it brought; it may be written
        // twice. So may one of the last epoch there is, which no marker can raise (KIP-890).
        let is_repeated = header.producer_epoch == entry.epoch
            && (entry.current_txn_first_offset.is_none() || header.producer_epoch.0 == i16::MAX);
        header.producer_epoch <= entry.epoch && !is_repeated
    } else {
        header.producer_epoch < entry.epoch
    };
    if !is_fenced || origin == Origin::Replication {
        return Ok(());
    }
    Err(Rejection::new(
        ErrorCode::InvalidProducerEpoch,
        format!(
            "producer {} writes in epoch {}, but epoch {} has been seen",
            header.producer_id, header.producer_epoch, entry.epoch
        ),
    ))
}

fn check_sequence(entry: &ProducerEntry, header: &BatchHeader) -> Result<(), Rejection> {
    let first = header.base_sequence;
    // A producer that is not known (any more) may go on with any sequence number, as in Kafka since 2.4 (KIP-360).
    if entry.epoch == ProducerEpoch::NONE {
        return Ok(());
    }
    let expected = if header.producer_epoch == entry.epoch {
        entry.last_sequence().advance(1)
    } else {
        Sequence(0)
    };
    if first == expected {
        return Ok(());
    }
    Err(Rejection::new(
        ErrorCode::OutOfOrderSequenceNumber,
        format!(
            "producer {} sent sequence number {first} in epoch {} where {expected} comes next",
            header.producer_id, header.producer_epoch
        ),
    ))
}

#[cfg(test)]
mod tests;
