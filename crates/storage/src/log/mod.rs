//! One partition's log: a row of segments, of which the last takes the appends.
//!
//! Who owns what:
//! - **the writer lock** guards everything an append changes (`Writer`); it is held for one write system call, and a
//!   roll under it swaps pointers. Whoever waits for it waits for an append, never for a flush, a deletion or a cleaning.
//! - **readers take no lock**: they load the segment list, pin a segment, and read below the bound that they were given.
//! - **the structure lock** is held by whoever removes or replaces segments (truncation, retention, compaction), or
//!   makes a checkpoint, one at a time.
//! - **the flush lock** is held by the one that syncs; those who wait for it find their offset synced too: that is the
//!   group commit. A truncation holds it too, so that no sync counts what was cut.
//!
//! They are taken in the order structure, flush, writer.
//!
//! Invariants: `log_end` is where the last batch of the active segment ends, or its base offset without one;
//! `log_start <= last stable offset <= high_watermark <= log_end` and `recovery_point <= flushed <= log_end`,
//! each moved only by this module.

mod append;
mod batch_write;
mod chores;
mod cleaning;
mod flush;
mod identity;
mod lookup;
mod moving;
mod open;
mod read;
mod recovery;
mod remove;
mod replay;
mod truncate;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use arc_swap::ArcSwap;
use config::TopicConfig;
use protocol::{ErrorCode, LeaderEpoch, Offset, ProducerId, Timestamp, TopicId, TopicPartition};

pub use append::{Appended, LeaderAppend};
pub(crate) use cleaning::CleaningSnapshot;
pub use lookup::FoundTimestamp;
pub(crate) use moving::{LogCopy, WHOLE_FILE};
pub use open::{OpenOptions, Opened};
pub use read::{Fetched, ReadRequest};

use crate::dir::LogDir;
use crate::error::{Rejection, Result};
use crate::files::leader_epochs::{EpochEnd, LeaderEpochs};
use crate::files::names::Stage;
use crate::handles::{LazyFile, lock};
use crate::producer::{ProducerEntry, Producers};
use crate::segment::{Limits, Segment};

/// The file that becomes the next segment's log, made ahead of need. Kafka ignores it, and recovery takes it up if a
/// crash came between a roll and its renaming.
const SPARE_FILE: &str = "next-segment";

/// A coordinator may take so long to notice that a transaction is open for too long, and to write its marker.
const LATE_AFTER_MS: i64 = 5 * 60_000;

/// One partition's log.
#[derive(Debug)]
pub struct Log {
    /// The log itself, for queueing its chores.
    me: Weak<Self>,
    /// Another one once the log has been moved.
    dir: ArcSwap<LogDir>,
    topic_partition: TopicPartition,
    /// Not set while nothing says it.
    topic_id: OnceLock<TopicId>,
    /// The partition's directory.
    path: ArcSwap<PathBuf>,
    config: ArcSwap<TopicConfig>,
    /// Never empty; ordered by base offset; the last one takes the appends.
    segments: ArcSwap<Vec<Arc<Segment>>>,
    offsets: Offsets,
    structure: Mutex<()>,
    flushing: Mutex<()>,
    writer: Mutex<Writer>,
    /// Bytes appended since the last checkpoint.
    unchecked_bytes: AtomicU64,
    /// When the oldest record that is not flushed was appended; `i64::MAX` if all are.
    unflushed_since_ms: AtomicI64,
    has_chores: AtomicBool,
    /// Set by a roll, under the writer lock, until the chores have completed it.
    has_rolled: AtomicBool,
    /// Set when the log is deleted, so that chores that are still queued leave its files alone.
    is_closed: AtomicBool,
}

/// The offsets that readers look at without a lock.
#[derive(Debug)]
struct Offsets {
    log_start: AtomicI64,
    log_end: AtomicI64,
    high_watermark: AtomicI64,
    /// The first offset of an open or not yet replicated transaction; `i64::MAX` without one.
    first_unstable: AtomicI64,
    /// Everything below is on stable storage.
    flushed: AtomicI64,
    /// Where recovery begins after a crash: everything below is on stable storage, indexes, epochs and a producer
    /// snapshot included.
    recovery_point: AtomicI64,
}

/// What the one appender owns.
#[derive(Debug)]
struct Writer {
    producers: Producers,
    epochs: LeaderEpochs,
    /// Whether the epochs have changed since their file was written.
    epochs_changed: bool,
    /// Bytes appended since the last index entry.
    bytes_since_index: u32,
    /// The greatest timestamp of the first batch of the active segment: what `segment.ms` counts from.
    first_timestamp: Option<Timestamp>,
    /// When the active segment was made.
    created: Timestamp,
    /// How much earlier than `segment.ms` the active segment is rolled, so that not all roll at once.
    roll_jitter_ms: i64,
    /// The last time that was given to a batch under `LogAppendTime`, which never runs backwards.
    last_append_time: Timestamp,
    /// Reused by every append.
    scratch: Vec<u8>,
    /// A log file for the next segment, made ahead of need.
    spare: Option<LazyFile>,
    /// Producer states at the base offsets of segments, to be written by the chores.
    snapshots: Vec<Producers>,
    /// Counts truncations, so that a cleaning that ran across one does not bring back what is gone.
    truncations: u64,
    /// Set while the active segment's file still has the spare's name.
    is_unnamed: bool,
    /// Set when names in the partition's directory have changed since it was synced.
    is_dir_dirty: bool,
    /// Set until it is on stable storage that there is this log, and whose it is.
    is_new: bool,
    /// Set while a truncation is not done: it failed for want of room, and nothing is appended before it is tried again.
    is_half_cut: bool,
}

impl Log {
    /// The topic and partition.
    pub fn topic_partition(&self) -> &TopicPartition {
        &self.topic_partition
    }

    /// The topic's id, if it has one.
    pub fn topic_id(&self) -> Option<TopicId> {
        self.topic_id.get().copied()
    }

    /// The log directory that the log is in.
    pub fn dir(&self) -> Arc<LogDir> {
        self.dir.load_full()
    }

    /// The partition's own directory.
    pub fn path(&self) -> PathBuf {
        PathBuf::clone(&self.path.load())
    }

    /// The topic's configuration.
    pub fn config(&self) -> Arc<TopicConfig> {
        self.config.load_full()
    }

    /// Replaces the topic's configuration; the next append, retention and cleaning go by it.
    pub fn set_config(&self, config: Arc<TopicConfig>) {
        self.config.store(config);
    }

    /// The first offset there is.
    pub fn log_start_offset(&self) -> Offset {
        Offset(self.offsets.log_start.load(Ordering::Acquire))
    }

    /// The offset that the next record gets.
    pub fn log_end_offset(&self) -> Offset {
        Offset(self.offsets.log_end.load(Ordering::Acquire))
    }

    /// Everything below is replicated as far as it must be, and consumers may read it.
    pub fn high_watermark(&self) -> Offset {
        Offset(self.offsets.high_watermark.load(Ordering::Acquire))
    }

    /// Everything below belongs to no open transaction.
    pub fn last_stable_offset(&self) -> Offset {
        let first_unstable = Offset(self.offsets.first_unstable.load(Ordering::Acquire));
        first_unstable.min(self.high_watermark())
    }

    /// Everything below is on stable storage.
    pub fn flushed_offset(&self) -> Offset {
        Offset(self.offsets.flushed.load(Ordering::Acquire))
    }

    /// Where recovery would begin after a crash.
    pub fn recovery_point(&self) -> Offset {
        Offset(self.offsets.recovery_point.load(Ordering::Acquire))
    }

    /// How many bytes have been appended since the last checkpoint.
    pub(crate) fn bytes_since_checkpoint(&self) -> u64 {
        self.unchecked_bytes.load(Ordering::Relaxed)
    }

    /// Whether the oldest record that is not flushed has waited for `flush.ms`.
    pub(crate) fn is_flush_due(&self, now: Timestamp) -> bool {
        let since_ms = self.unflushed_since_ms.load(Ordering::Relaxed);
        since_ms != i64::MAX && now.0.saturating_sub(since_ms) >= self.config.load().flush_ms
    }

    /// How many segments there are.
    pub fn segment_count(&self) -> usize {
        self.segments.load().len()
    }

    /// The bytes of all segments.
    pub fn size(&self) -> u64 {
        self.segments.load().iter().map(|segment| u64::from(segment.size())).sum()
    }

    /// Moves the high watermark, clamped to what the log holds. Says whether it changed.
    pub fn update_high_watermark(&self, offset: Offset) -> bool {
        // Not by `clamp`, which a truncation between the two would make panic.
        let offset = offset.max(self.log_start_offset()).min(self.log_end_offset());
        let before = self.offsets.high_watermark.swap(offset.0, Ordering::AcqRel);
        // Whoever moves a bound moves it before the high watermark, so one of us sees the other.
        self.offsets.high_watermark.fetch_max(self.log_start_offset().0, Ordering::AcqRel);
        self.offsets.high_watermark.fetch_min(self.log_end_offset().0, Ordering::AcqRel);
        let first_unstable = self.offsets.first_unstable.load(Ordering::Acquire);
        if first_unstable != i64::MAX {
            let mut writer = lock(&self.writer);
            writer.producers.forget_ended_before(offset);
            self.publish_first_unstable(&writer);
        }
        before != offset.0
    }

    /// The latest leader epoch that has written here.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        lock(&self.writer).epochs.latest().map(|entry| entry.epoch)
    }

    /// The epoch that wrote the record at `offset`.
    pub fn epoch_for_offset(&self, offset: Offset) -> Option<LeaderEpoch> {
        lock(&self.writer).epochs.epoch_for_offset(offset)
    }

    /// The greatest epoch not over `epoch`, and where it ends (OffsetForLeaderEpoch).
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<EpochEnd> {
        let writer = lock(&self.writer);
        writer.epochs.end_offset_for(epoch, self.log_end_offset())
    }

    /// Notes that this broker leads in `epoch` from `start_offset` on.
    pub fn assign_epoch(&self, epoch: LeaderEpoch, start_offset: Offset) {
        let mut writer = lock(&self.writer);
        let changed = writer.epochs.assign(epoch, start_offset);
        writer.epochs_changed |= changed;
    }

    /// What is known of the producers, in no order.
    pub fn producers(&self) -> Vec<(ProducerId, ProducerEntry)> {
        let writer = lock(&self.writer);
        writer.producers.iter().map(|(producer_id, entry)| (producer_id, entry.clone())).collect()
    }

    /// Whether the oldest open transaction should have been ended by its coordinator: its producer has been silent for
    /// five minutes more than any transaction may take (Kafka's `hasLateTransaction`).
    pub fn has_late_transaction(&self, now: Timestamp, transaction_max_timeout_ms: i64) -> bool {
        // As a rule none is open, and nobody has to wait.
        if self.offsets.first_unstable.load(Ordering::Acquire) == i64::MAX {
            return false;
        }
        let last_write = lock(&self.writer).producers.last_write_of_oldest_transaction();
        last_write.is_some_and(|last_write| {
            let silence_ms = now.0.saturating_sub(last_write.0);
            silence_ms > transaction_max_timeout_ms.saturating_add(LATE_AFTER_MS)
        })
    }

    /// Forgets producers that have been silent for `expiration_ms`.
    pub fn expire_producers(&self, now: Timestamp, expiration_ms: i64) {
        lock(&self.writer).producers.expire(now, expiration_ms);
    }

    /// Refuses to go on when the log has been closed or deleted, or its directory is offline.
    fn check_open(&self) -> Result<()> {
        if self.is_closed.load(Ordering::Acquire) {
            let message = format!("the log of {} has been closed", self.topic_partition);
            return Err(Rejection::new(ErrorCode::NotLeaderOrFollower, message).into());
        }
        self.dir.load().check_online()
    }

    /// The segment that takes the appends.
    fn active(&self) -> Arc<Segment> {
        let segments = self.segments.load();
        Arc::clone(segments.last().expect("a log always has an active segment"))
    }

    /// The place in `segments` of the one that `offset` belongs to.
    fn segment_idx(segments: &[Arc<Segment>], offset: Offset) -> usize {
        segments.partition_point(|segment| segment.base_offset() <= offset).saturating_sub(1)
    }

    fn limits(&self) -> Limits {
        let config = self.config.load();
        Limits { segment_bytes: config.segment_bytes, index_bytes: config.segment_index_bytes }
    }

    /// An empty segment in this log's directory.
    fn new_segment(&self, base_offset: Offset, stage: Stage) -> Segment {
        Segment::create(&self.dir.load(), &self.path.load(), base_offset, stage, self.limits())
    }

    fn publish_first_unstable(&self, writer: &Writer) {
        let first = writer.producers.first_unstable_offset();
        let first = first.map_or(i64::MAX, |offset| offset.max(self.log_start_offset()).0);
        self.offsets.first_unstable.store(first, Ordering::Release);
    }

    fn set_log_start(&self, writer: &mut Writer, offset: Offset) {
        self.offsets.log_start.store(offset.0, Ordering::Release);
        self.offsets.high_watermark.fetch_max(offset.0, Ordering::AcqRel);
        writer.epochs_changed |= writer.epochs.truncate_from_start(offset);
        writer.producers.forget_ended_before(offset);
        self.publish_first_unstable(writer);
    }

    /// Asks for the chores to be done, once however often it is asked.
    fn queue_chores(&self) {
        if !self.has_chores.swap(true, Ordering::AcqRel) {
            self.dir.load().queue(Weak::clone(&self.me));
        }
    }

    fn offline_on_io_error<T>(&self, result: Result<T>) -> Result<T> {
        self.dir.load().offline_on_io_error(result)
    }
}
