//! A partition that this broker leads: its log, its replication state, and those who wait for it.
//!
//! The machine in `replication` decides; this carries out. Lock order: the leader before the log's writer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use protocol::{BrokerId, ErrorCode, LeaderEpoch, Offset, Timestamp, TopicPartition};
use replication::Leader;
use storage::log::{Appended, LeaderAppend};
use storage::{Error, Log, Rejection};

use crate::watchers::Watchers;

/// A partition that this broker leads.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) log: Arc<Log>,
    leader: Mutex<Leader>,
    watchers: Watchers,
    /// Set once it is deleted: whoever waits for it waits in vain.
    is_gone: AtomicBool,
}

impl AsRef<Watchers> for Partition {
    fn as_ref(&self) -> &Watchers {
        &self.watchers
    }
}

/// A partition, as one who waits for it holds it.
#[derive(Debug, Clone)]
pub(crate) struct Watched(pub(crate) Arc<Partition>);

impl AsRef<Watchers> for Watched {
    fn as_ref(&self) -> &Watchers {
        &self.0.watchers
    }
}

impl Partition {
    /// Begins to lead with the log as it is.
    pub(crate) fn lead(
        log: Arc<Log>,
        local: BrokerId,
        epoch: LeaderEpoch,
        isr: &[BrokerId],
    ) -> Self {
        let leader = Leader::new(local, epoch, isr, log.log_end_offset(), log.high_watermark());
        log.update_high_watermark(leader.high_watermark());
        Self {
            log,
            leader: Mutex::new(leader),
            watchers: Watchers::default(),
            is_gone: AtomicBool::new(false),
        }
    }

    /// The topic and partition.
    pub(crate) fn topic_partition(&self) -> &TopicPartition {
        self.log.topic_partition()
    }

    /// The epoch in which it is led.
    pub(crate) fn epoch(&self) -> LeaderEpoch {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner).epoch()
    }

    /// Where the last epoch up to `asked` ends. The one in which it is led ends with the log; Kafka notes that as the epoch
    /// begins, and we when something is written in it, so that an idle partition costs no write at each start.
    pub(crate) fn end_of_epoch(&self, asked: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        let (epoch, log_end) = (self.epoch(), self.log.log_end_offset());
        if asked == LeaderEpoch::NONE || asked > epoch {
            return None;
        } else if asked == epoch {
            return Some((epoch, log_end));
        }
        let noted = self.log.end_offset_for_epoch(asked).map(|end| (end.epoch, end.end_offset));
        let latest = || self.log.latest_epoch().filter(|latest| *latest < asked).unwrap_or(asked);
        Some(noted.unwrap_or_else(|| (latest(), log_end)))
    }

    /// The epoch of the first record, or of the one to come if there is none.
    pub(crate) fn first_epoch(&self) -> LeaderEpoch {
        self.log.epoch_for_offset(self.log.log_start_offset()).unwrap_or_else(|| self.epoch())
    }

    /// Appends as leader. `in_sync_min` is how many replicas must be in sync for the acknowledgement that is asked for.
    pub(crate) fn append(
        &self,
        append: &LeaderAppend<'_>,
        in_sync_min: u32,
        now: Timestamp,
    ) -> Result<Appended, Error> {
        let mut leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
        if leader.isr().len() < in_sync_min as usize {
            let message = format!(
                "{} replicas are in sync, and min.insync.replicas is {in_sync_min}",
                leader.isr().len()
            );
            return Err(Rejection::new(ErrorCode::NotEnoughReplicas, message).into());
        }
        let mut appended =
            self.log.append_as_leader(std::slice::from_ref(append), leader.epoch(), now);
        let appended = appended.pop().expect("one set was appended")?;
        let high_watermark = leader.on_append(self.log.log_end_offset());
        self.log.update_high_watermark(high_watermark);
        drop(leader);
        self.watchers.wake();
        Ok(appended)
    }

    /// Whether everything below `offset` is replicated, and flushed if it must be.
    pub(crate) fn is_acknowledged(&self, offset: Offset, must_flush: bool) -> bool {
        self.log.high_watermark() >= offset && (!must_flush || self.log.flushed_offset() >= offset)
    }

    /// It is deleted: those who wait are told.
    pub(crate) fn go(&self) {
        self.is_gone.store(true, Ordering::Release);
        self.watchers.wake();
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }

    /// Wakes those who wait: something has changed that no append tells of.
    pub(crate) fn wake(&self) {
        self.watchers.wake();
    }
}
