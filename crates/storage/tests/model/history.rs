//! What has been appended to a log: the model's whole knowledge, and what a crash may make of it.

use protocol::{LeaderEpoch, Offset};

use crate::batches::Stored;
use crate::producers::Producers;

/// The model of one log.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// All batches that were appended and not truncated, those before the start of the log included.
    pub(crate) appended: Vec<Stored>,
    /// The same as the log has them: compaction thins them out.
    pub(crate) batches: Vec<Stored>,
    pub(crate) log_start: Offset,
    pub(crate) log_end: Offset,
    pub(crate) high_watermark: Offset,
    /// No cleaning has reached beyond this offset.
    pub(crate) cleanable_to: Offset,
}

impl History {
    pub(crate) fn append(&mut self, batch: Stored) {
        assert!(batch.base() >= self.log_end);
        self.log_end = batch.next();
        self.appended.push(batch.clone());
        self.batches.push(batch);
    }

    /// The batches that readers can find.
    pub(crate) fn readable(&self) -> &[Stored] {
        let from = self.batches.partition_point(|batch| batch.last() < self.log_start);
        self.batches.get(from..).unwrap_or_default()
    }

    /// Removes the batches that reach to `target` or beyond.
    pub(crate) fn truncate_to(&mut self, target: Offset) {
        self.appended.retain(|batch| batch.last() < target);
        self.batches.retain(|batch| batch.last() < target);
        self.log_end = self.log_end.min(target);
        self.log_start = self.log_start.min(target);
        self.high_watermark = self.high_watermark.min(target);
        self.cleanable_to = self.cleanable_to.min(target);
    }

    pub(crate) fn restart_at(&mut self, offset: Offset) {
        *self =
            Self { log_start: offset, log_end: offset, high_watermark: offset, ..Self::default() };
    }

    pub(crate) fn producers(&self) -> Producers {
        Producers::of(&self.appended)
    }

    /// Where the first transaction begins that is open, or whose marker is not replicated.
    pub(crate) fn first_unstable(&self, producers: &Producers) -> Offset {
        let ended = producers.ended.iter().filter(|(_, marker)| *marker >= self.high_watermark);
        let unreplicated = ended.map(|(first, _)| *first).min().unwrap_or(Offset::MAX);
        unreplicated.min(producers.first_undecided())
    }

    pub(crate) fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.readable().last().map(|batch| batch.header.leader_epoch)
    }
}
