//! Where each leader of a partition began to write, and its file `leader-epoch-checkpoint`.
//!
//! Owned by the log and kept in memory; the file has the text form of a checkpoint with `epoch start_offset` on a
//! line. Each change says whether the file is out of date, and the log decides when it is written
//! (`LeaderEpochFileCache`: after `assign` at once, after a truncation at leisure, since recovery truncates again).
//!
//! Invariant: epochs and start offsets both grow from entry to entry.

use protocol::{LeaderEpoch, Offset};

use super::FormatError;
use super::checkpoint::{decode_lines, encode_lines};

/// The file's name.
pub const FILE_NAME: &str = "leader-epoch-checkpoint";

/// The first offset that a leader wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEntry {
    /// The leader's epoch.
    pub epoch: LeaderEpoch,
    /// The offset of its first record.
    pub start_offset: Offset,
}

/// Where an epoch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEnd {
    /// The greatest epoch up to the one that was asked for.
    pub epoch: LeaderEpoch,
    /// The offset behind its last record.
    pub end_offset: Offset,
}

/// The leader epochs of one log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaderEpochs {
    entries: Vec<EpochEntry>,
}

impl LeaderEpochs {
    /// All entries, oldest first.
    pub fn entries(&self) -> &[EpochEntry] {
        &self.entries
    }

    /// The youngest entry.
    pub fn latest(&self) -> Option<EpochEntry> {
        self.entries.last().copied()
    }

    /// The greatest known epoch below `epoch`.
    pub fn previous_epoch(&self, epoch: LeaderEpoch) -> Option<LeaderEpoch> {
        let idx = self.entries.partition_point(|entry| entry.epoch < epoch);
        self.entries.get(idx.checked_sub(1)?).map(|entry| entry.epoch)
    }

    /// The epoch in which the record at `offset` was written.
    pub fn epoch_for_offset(&self, offset: Offset) -> Option<LeaderEpoch> {
        let idx = self.entries.partition_point(|entry| entry.start_offset <= offset);
        self.entries.get(idx.checked_sub(1)?).map(|entry| entry.epoch)
    }

    /// Where `epoch` ends in a log that ends at `log_end_offset`; `None` is Kafka's undefined epoch and offset (-1,
    /// -1).
    pub fn end_offset_for(&self, epoch: LeaderEpoch, log_end_offset: Offset) -> Option<EpochEnd> {
        if epoch == LeaderEpoch::NONE {
            return None;
        }
        if self.latest().is_some_and(|latest| latest.epoch == epoch) {
            return Some(EpochEnd { epoch, end_offset: log_end_offset });
        }
        let idx = self.entries.partition_point(|entry| entry.epoch <= epoch);
        // An epoch above all that are known is undefined.
        let end_offset = self.entries.get(idx)?.start_offset;
        // One below all of them ends where the oldest begins: what was before it is gone from the log.
        let floor = idx.checked_sub(1).and_then(|idx| self.entries.get(idx));
        Some(EpochEnd { epoch: floor.map_or(epoch, |entry| entry.epoch), end_offset })
    }

    /// Records that the leader of `epoch` begins at `start_offset`, and says whether anything changed.
    ///
    /// Younger entries that contradict it are dropped: their records have been cut off. A negative epoch or offset
    /// stands for a batch without one and changes nothing.
    pub fn assign(&mut self, epoch: LeaderEpoch, start_offset: Offset) -> bool {
        let changes = self
            .latest()
            .is_none_or(|latest| latest.epoch != epoch || start_offset < latest.start_offset);
        if epoch.is_none() || start_offset.is_none() || !changes {
            return false;
        }
        while self
            .entries
            .pop_if(|last| last.epoch >= epoch || last.start_offset >= start_offset)
            .is_some()
        {}
        self.entries.push(EpochEntry { epoch, start_offset });
        true
    }

    /// Drops the epochs that begin at `end_offset` or behind it, and says whether anything changed.
    pub fn truncate_from_end(&mut self, end_offset: Offset) -> bool {
        let len = self.entries.len();
        if !end_offset.is_none() {
            self.entries
                .truncate(self.entries.partition_point(|entry| entry.start_offset < end_offset));
        }
        self.entries.len() < len
    }

    /// Drops the epochs that end at `start_offset` or before it, lets the oldest of the others begin there, and says
    /// whether anything changed.
    pub fn truncate_from_start(&mut self, start_offset: Offset) -> bool {
        let idx = self.entries.partition_point(|entry| entry.start_offset <= start_offset);
        let Some(oldest_idx) = idx.checked_sub(1) else { return false };
        self.entries.drain(..oldest_idx);
        let Some(oldest) = self.entries.first_mut() else { return false };
        let changes = oldest_idx > 0 || oldest.start_offset != start_offset;
        oldest.start_offset = start_offset;
        changes
    }

    /// Drops all entries, and says whether there were any.
    pub fn clear(&mut self) -> bool {
        let changes = !self.entries.is_empty();
        self.entries.clear();
        changes
    }

    /// The content of the file.
    pub fn encode(&self) -> Vec<u8> {
        encode_lines(
            self.entries.iter().map(|entry| format!("{} {}", entry.epoch, entry.start_offset)),
        )
    }

    /// Reads the file. Entries out of order are put right as [`LeaderEpochs::assign`] does.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut epochs = Self::default();
        decode_lines(bytes, "epoch start_offset", |mut words| {
            let epoch = words.next()?.parse().ok().filter(|&number: &i32| number >= 0)?;
            let start_offset = words.next()?.parse().ok().filter(|&number: &i64| number >= 0)?;
            epochs.assign(LeaderEpoch(epoch), Offset(start_offset));
            words.next().is_none().then_some(())
        })?;
        Ok(epochs)
    }
}

#[cfg(test)]
mod tests;
