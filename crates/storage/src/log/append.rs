//! Appends: batches get their offsets, or keep the leader's, and go into the active segment by one write.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use protocol::record::{Batch, BatchError, BatchHeader, Batches, HEADER_BYTES, TimestampType};
use protocol::{ErrorCode, LeaderEpoch, Offset, Timestamp};

use super::batch_write::BatchWrite;
use super::{Log, Writer};
use crate::error::{Error, IoContext, Rejection, Result};
use crate::files::names::Stage;
use crate::handles::lock;
use crate::producer::{
    BatchMetadata, Begin, Checked, Marker, Origin, Source, Staged, VerificationGuard, Verified,
};
use crate::segment::Segment;
use crate::validate::{Validated, marker_of, stamp};

/// The longest gap that a follower's segment begins with: with it, a batch is still within reach of the base offset.
pub(super) const GAP_MAX: i64 = 1 << 30;

/// One set of batches to append as leader.
#[derive(Debug, Clone, Copy)]
pub struct LeaderAppend<'a> {
    /// The batches, checked.
    pub records: &'a Validated,
    /// Who appends them.
    pub origin: Origin,
    /// The version of transactions under which a marker is written; 0 for data.
    pub transaction_version: i16,
    /// What is known of the transaction that data belong to.
    pub verified: Verified,
}

impl<'a> LeaderAppend<'a> {
    /// Data that belong to no transaction, or to one that need not be asked for.
    pub const fn new(records: &'a Validated, origin: Origin) -> Self {
        Self { records, origin, transaction_version: 0, verified: Verified::Unchecked }
    }
}

/// Where a set of batches went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The offset of the first record.
    pub first_offset: Offset,
    /// The offset of the last record.
    pub last_offset: Offset,
    /// The time that the log gave to the records; `NONE` if they keep their own.
    pub log_append_time: Timestamp,
    /// The first offset in the log.
    pub log_start_offset: Offset,
    /// Whether the batch was appended before, and the offsets are those of that time.
    pub is_duplicate: bool,
    /// Whether `flush.messages` asks for a flush up to the last offset before the append is acknowledged.
    pub must_flush: bool,
}

impl Log {
    /// Appends sets of batches one behind the other, as leader in `leader_epoch`. Each succeeds or fails by itself, and
    /// all that succeed are written by one system call.
    pub fn append_as_leader(
        &self,
        group: &[LeaderAppend<'_>],
        leader_epoch: LeaderEpoch,
        now: Timestamp,
    ) -> Vec<Result<Appended>> {
        let mut writer = lock(&self.writer);
        let mut appender = Appender::new(self, &mut writer, now);
        for append in group {
            let result = appender
                .check_writable(append.origin)
                .and_then(|()| appender.add_as_leader(append, leader_epoch));
            appender.results.push(result);
        }
        appender.finish()
    }

    /// Begins to ask the coordinator for a producer's transaction, before its first batch here; `None` if it is open.
    pub fn begin_verification(
        &self,
        begin: &Begin,
        now: Timestamp,
    ) -> Result<Option<VerificationGuard>> {
        Ok(lock(&self.writer).producers.begin_verification(begin, now)?)
    }

    /// Appends batches that the leader of the partition has appended, with their offsets and epochs. A batch of an
    /// epoch after `leader_epoch`, and what follows it, is left for the fetch that knows of that epoch (KAFKA-18723); so
    /// is a batch that the fetch has cut off. After an error a part may have been appended: the log's end tells.
    pub fn append_as_follower(
        &self,
        records: &Bytes,
        leader_epoch: LeaderEpoch,
        now: Timestamp,
    ) -> Result<Appended> {
        let mut writer = lock(&self.writer);
        let mut appender = Appender::new(self, &mut writer, now);
        let result = appender
            .check_writable(Origin::Replication)
            .and_then(|()| appender.add_as_follower(records, leader_epoch));
        appender.results.push(result);
        appender.finish().pop().unwrap_or_else(|| unreachable!("one set was added"))
    }
}

/// One pass through the writer lock.
struct Appender<'w, 'a> {
    log: &'w Log,
    writer: &'w mut Writer,
    active: Arc<Segment>,
    write: BatchWrite<'a>,
    now: Timestamp,
    results: Vec<Result<Appended>>,
    /// The first result that waits for the write.
    unwritten_from: usize,
}

impl<'w, 'a> Appender<'w, 'a> {
    fn new(log: &'w Log, writer: &'w mut Writer, now: Timestamp) -> Self {
        let active = log.active();
        let scratch = std::mem::take(&mut writer.scratch);
        let write = BatchWrite::new(active.size(), log.log_end_offset(), scratch);
        Self { log, writer, active, write, now, results: Vec::with_capacity(1), unwritten_from: 0 }
    }

    /// Refuses to write to a log that is closed, and clients when there is little room.
    fn check_writable(&self, origin: Origin) -> Result<()> {
        self.log.check_open()?;
        let dir = self.log.dir.load();
        if self.writer.is_half_cut || (origin == Origin::Client && dir.is_low()) {
            return Err(Error::NoSpace { path: dir.path().to_path_buf() });
        }
        Ok(())
    }

    fn add_as_leader(
        &mut self,
        append: &LeaderAppend<'a>,
        leader_epoch: LeaderEpoch,
    ) -> Result<Appended> {
        let records = append.records;
        let first_offset = self.write.end_offset;
        let config = self.log.config.load();
        let last_epoch = self.last_epoch();
        if leader_epoch < last_epoch {
            let message = format!("epoch {leader_epoch} is over: epoch {last_epoch} has written");
            return Err(Rejection::new(ErrorCode::NotLeaderOrFollower, message).into());
        }
        self.make_room(&Wanted {
            bytes: u32::try_from(records.size())
                .ok()
                .filter(|bytes| *bytes <= config.segment_bytes)
                .ok_or_else(|| too_large(records.size(), config.segment_bytes))?,
            max_timestamp: records.max_timestamp(),
            first_offset,
            last_offset: first_offset + (records.offset_count() - 1),
        })?;
        // A set of several batches is refused as a whole, so what its first ones have staged must be undone.
        let log_append_time = self.append_time(records.log_append_time());
        let undo = (records.batches().len() > 1).then(|| self.write.staged.clone());
        let source = Source { origin: append.origin, verified: append.verified };
        let mut headers = Vec::with_capacity(records.batches().len());
        let mut next_offset = first_offset;
        for batch in records.batches() {
            let mut header = batch.header;
            header.base_offset = next_offset;
            header.leader_epoch = leader_epoch;
            if log_append_time != records.log_append_time() {
                let payload = records.batch_bytes(batch).get(HEADER_BYTES..).unwrap_or_default();
                stamp(&mut header, payload, TimestampType::LogAppendTime, log_append_time);
            }
            next_offset = header.next_offset();
            let marker = batch.marker.map(|(control, value)| {
                let transaction_version = append.transaction_version;
                Marker { control, value, transaction_version }
            });
            let producers = &self.writer.producers;
            let staged = &mut self.write.staged;
            match producers.check(staged, &header, marker.as_ref(), source) {
                Ok(Checked::New) => headers.push(header),
                Ok(Checked::Duplicate(duplicate)) => {
                    self.undo(undo);
                    return Ok(self.appended_before(&duplicate));
                }
                Err(rejection) => {
                    self.undo(undo);
                    return Err(rejection.into());
                }
            }
        }
        for (header, batch) in headers.into_iter().zip(records.batches()) {
            let mut prefix = [0; HEADER_BYTES];
            header.encode(&mut prefix);
            self.write.push(header, &prefix, records.batch_bytes(batch));
        }
        Ok(self.appended(first_offset, log_append_time))
    }

    fn add_as_follower(&mut self, records: &'a Bytes, epoch: LeaderEpoch) -> Result<Appended> {
        let last_epoch = self.last_epoch();
        let batches = fetched_batches(records, self.write.end_offset, last_epoch..=epoch)?;
        let first = batches.first().map(|(batch, _)| batch.header().base_offset);
        let first_offset = first.unwrap_or(self.write.end_offset);
        for (batch, marker) in batches {
            let header = *batch.header();
            self.make_room(&Wanted {
                bytes: header.size(),
                max_timestamp: header.max_timestamp,
                first_offset: header.base_offset,
                last_offset: header.last_offset(),
            })?;
            let producers = &self.writer.producers;
            let staged = &mut self.write.staged;
            producers.check(staged, &header, marker.as_ref(), Origin::Replication)?;
            self.write.push(header, &[], batch.bytes());
        }
        Ok(self.appended(first_offset, Timestamp::NONE))
    }

    /// The epoch of the last batch. None of an older one may follow: recovery would take it for the remains of a history
    /// that was truncated.
    fn last_epoch(&self) -> LeaderEpoch {
        let last_offset = self.write.end_offset + -1;
        self.writer.epochs.epoch_for_offset(last_offset).unwrap_or(LeaderEpoch::NONE)
    }

    /// The time that batches get which were given `time` before the lock was taken: never one before the last.
    fn append_time(&mut self, time: Timestamp) -> Timestamp {
        if time.is_none() {
            return time;
        }
        self.writer.last_append_time = self.writer.last_append_time.max(time);
        self.writer.last_append_time
    }

    fn undo(&mut self, undo: Option<Staged>) {
        if let Some(staged) = undo {
            self.write.staged = staged;
        }
    }

    fn appended(&self, first_offset: Offset, log_append_time: Timestamp) -> Appended {
        let end_offset = self.write.end_offset;
        let flush_messages = self.log.config.load().flush_messages;
        let unflushed = end_offset - self.log.flushed_offset();
        Appended {
            first_offset,
            last_offset: end_offset + -1,
            log_append_time,
            log_start_offset: self.log.log_start_offset(),
            is_duplicate: false,
            must_flush: u64::try_from(unflushed).is_ok_and(|count| count >= flush_messages),
        }
    }

    fn appended_before(&self, duplicate: &BatchMetadata) -> Appended {
        // A duplicate of a batch that waits for its flush must wait as well: its answer is the same promise.
        let must_flush = self.log.config.load().flush_messages == 1
            && self.log.flushed_offset() <= duplicate.last_offset;
        Appended {
            first_offset: duplicate.first_offset(),
            last_offset: duplicate.last_offset,
            log_append_time: duplicate.timestamp,
            log_start_offset: self.log.log_start_offset(),
            is_duplicate: true,
            must_flush,
        }
    }

    /// Whether an index of the active segment is full. Asking loads both, so nothing about them can fail once the batch
    /// is written; indexes that are damaged are built anew first.
    fn is_index_full(&self) -> Result<bool> {
        match self.active.is_index_full() {
            Err(Error::Corrupt { .. }) => {
                self.active.rebuild_indexes(self.log.config.load().index_interval_bytes)?;
                self.active.is_index_full()
            }
            result => result,
        }
    }

    /// Rolls the active segment if it cannot, or should not, take what is wanted.
    fn make_room(&mut self, wanted: &Wanted) -> Result<()> {
        let timestamp = wanted.max_timestamp;
        let config = self.log.config.load();
        let size = self.active.size().saturating_add(self.write.len);
        let segment_ms = config.max_segment_ms().saturating_sub(self.writer.roll_jitter_ms);
        let waited_ms = match self.writer.first_timestamp.filter(|first| !first.is_none()) {
            Some(first) if !timestamp.is_none() => timestamp.0.saturating_sub(first.0),
            _ => self.now.0.saturating_sub(self.writer.created.0),
        };
        let must_roll = size > config.segment_bytes.saturating_sub(wanted.bytes)
            || (size > 0 && waited_ms > segment_ms)
            || self.is_index_full()?
            || !self.active.can_hold(wanted.last_offset);
        if must_roll {
            self.commit()?;
            let rolled = self.log.roll(self.writer, wanted.first_offset, self.now);
            self.log.offline_on_io_error(rolled)?;
            self.active = self.log.active();
            self.write.position = self.active.size();
        }
        // The opening of a log takes the first batch of a file without a name for its base offset.
        if size == 0 && wanted.first_offset > self.active.base_offset() {
            let named = self.log.name_active(self.writer);
            self.log.offline_on_io_error(named)?;
        }
        Ok(())
    }

    /// Writes what has been gathered and makes it visible.
    fn commit(&mut self) -> Result<()> {
        if self.write.is_empty() {
            self.unwritten_from = self.results.len();
            return Ok(());
        }
        if let Err(err) = self.write_bytes() {
            self.write.restart(self.active.size(), self.log.log_end_offset());
            self.fail_unwritten(&err);
            return Err(err);
        }
        self.log.publish(self.writer, &self.active, &mut self.write, self.now);
        self.write.restart(self.active.size(), self.write.end_offset);
        self.unwritten_from = self.results.len();
        Ok(())
    }

    fn write_bytes(&self) -> Result<()> {
        let open = self.active.open()?;
        let result = self.write.write_to(open.file()).context("write to", open.path());
        // What a failed write has left behind the end would otherwise lie under the next, shorter one.
        let result = result.or_else(|err| self.active.cut_to_size().and(Err(err)));
        self.log.offline_on_io_error(result)
    }

    /// Tells everyone whose batches were in the failed write.
    fn fail_unwritten(&mut self, err: &Error) {
        let (dir, log_end) = (self.log.dir(), self.log.log_end_offset());
        // A duplicate of what is in the log stays one.
        let is_unwritten = |result: &&mut Result<Appended>| {
            result.as_ref().is_ok_and(|appended| appended.last_offset >= log_end)
        };
        for result in self.results.iter_mut().skip(self.unwritten_from).filter(is_unwritten) {
            *result = Err(match err {
                Error::NoSpace { path } => Error::NoSpace { path: path.clone() },
                _ => Error::Offline { path: dir.path().to_path_buf(), reason: err.to_string() },
            });
        }
        self.unwritten_from = self.results.len();
    }

    fn finish(mut self) -> Vec<Result<Appended>> {
        // Everyone whose batches are in a failed write has been told.
        let _told = self.commit();
        self.writer.scratch = self.write.into_scratch();
        self.results
    }
}

impl Log {
    /// Makes written batches part of the log: indexes, epochs, producers, and then the offsets that readers go by. They
    /// are in the log from here on, so nothing may fail any more.
    fn publish(
        &self,
        writer: &mut Writer,
        active: &Segment,
        write: &mut BatchWrite<'_>,
        now: Timestamp,
    ) {
        let interval = self.config.load().index_interval_bytes;
        let mut position = write.position;
        // The first write to a segment makes its file, if no chore has: a flush in between has not seen its name.
        writer.is_dir_dirty |= position == 0;
        active.publish_size(position.saturating_add(write.len));
        active.set_modified_ms(now.0);
        for header in &write.headers {
            self.observe(writer, active, header, position, interval);
            position = position.saturating_add(header.size());
        }
        let end_offset = write.end_offset;
        for aborted in writer.producers.commit(std::mem::take(&mut write.staged), end_offset) {
            if let Err(err) = active.txn_index.append(aborted) {
                // Without the entry, readers of committed records would be shown aborted ones.
                self.dir
                    .load()
                    .take_offline(&format!("cannot note the aborted {aborted:?}: {err}"));
            }
        }
        self.unchecked_bytes.fetch_add(write.len.into(), Ordering::Relaxed);
        self.unflushed_since_ms.fetch_min(now.0, Ordering::Relaxed);
        self.publish_first_unstable(writer);
        self.offsets.log_end.store(end_offset.0, Ordering::Release);
        self.queue_chores_if_due(active);
    }

    /// Takes note of one batch of the active segment.
    pub(super) fn observe(
        &self,
        writer: &mut Writer,
        active: &Segment,
        header: &BatchHeader,
        position: u32,
        interval: u32,
    ) {
        if position == 0 {
            writer.first_timestamp = Some(header.max_timestamp);
        }
        active.observe(header);
        if writer.bytes_since_index > interval {
            active.add_index_entries(header.last_offset(), position);
            writer.bytes_since_index = 0;
        }
        writer.bytes_since_index = writer.bytes_since_index.saturating_add(header.size());
        if writer.epochs.latest().is_none_or(|latest| header.leader_epoch > latest.epoch) {
            let changed = writer.epochs.assign(header.leader_epoch, header.base_offset);
            writer.epochs_changed |= changed;
        }
    }

    /// Starts a new segment at the end of the log, or behind it where the next batch is: a follower may have to leave a
    /// gap that no segment reaches over. All that costs time is left to the chores.
    pub(super) fn roll(
        &self,
        writer: &mut Writer,
        next_offset: Offset,
        now: Timestamp,
    ) -> Result<()> {
        let active = self.active();
        // A segment that begins where the last one ends tells recovery that nothing is missing between them.
        let end_offset = self.log_end_offset();
        let is_in_reach = next_offset - end_offset <= GAP_MAX;
        let base_offset = if is_in_reach { end_offset } else { next_offset };
        if active.size() == 0 && active.base_offset() == base_offset {
            return Ok(());
        }
        self.name_active(writer)?;
        active.seal()?;
        writer.producers.advance_to(base_offset);
        writer.snapshots.push(writer.producers.clone());
        let segment = self.new_segment(base_offset, Stage::Live);
        // The opening of a log finds the base offset of a spare in its first batch.
        let spare = writer.spare.take_if(|_| next_offset == base_offset);
        let segment = match spare {
            Some(spare) => {
                writer.is_unnamed = true;
                segment.with_log_file(spare)
            }
            None => segment,
        };
        let mut segments = Vec::clone(&self.segments.load());
        segments.push(Arc::new(segment));
        self.segments.store(Arc::new(segments));
        self.offsets.log_end.store(base_offset.0, Ordering::Release);
        writer.start_segment(now);
        writer.roll_jitter_ms = self.roll_jitter_ms(now);
        self.has_rolled.store(true, Ordering::Release);
        self.queue_chores();
        Ok(())
    }
}

impl Log {
    /// How much before `segment.ms` the segment made at `now` is rolled: drawn from the partition's name and the time,
    /// which is random enough to keep the logs of a broker from rolling all at once.
    pub(super) fn roll_jitter_ms(&self, now: Timestamp) -> i64 {
        let config = self.config.load();
        let name = self.topic_partition.to_string();
        let drawn = crc32c::crc32c_append(crc32c::crc32c(&now.0.to_be_bytes()), name.as_bytes());
        let max_ms = config.segment_jitter_ms.min(config.segment_ms);
        i64::from(drawn).checked_rem(max_ms).unwrap_or_default()
    }
}

impl Writer {
    /// Forgets what was known of the previous active segment.
    pub(super) fn start_segment(&mut self, now: Timestamp) {
        self.bytes_since_index = 0;
        self.first_timestamp = None;
        self.created = now;
        self.is_dir_dirty = true;
    }
}

/// What the active segment is asked to take.
struct Wanted {
    bytes: u32,
    max_timestamp: Timestamp,
    first_offset: Offset,
    last_offset: Offset,
}

/// The whole batches of a fetch up to the first one of an epoch after the last of `epochs`, with the markers in them,
/// all checked: the first lies at or behind `end_offset` and is of the first of `epochs` or a later one, and so each
/// after the one before.
fn fetched_batches(
    records: &Bytes,
    mut end_offset: Offset,
    epochs: RangeInclusive<LeaderEpoch>,
) -> Result<Vec<(Batch<'_>, Option<Marker>)>, Rejection> {
    let (mut last_epoch, epoch_max) = epochs.into_inner();
    let mut batches = Vec::new();
    for batch in Batches::new(records) {
        let batch = match batch {
            Err(BatchError::Incomplete { .. }) if !batches.is_empty() => break,
            batch => batch.map_err(|err| corrupt_fetch(&err))?,
        };
        let header = batch.header();
        if header.leader_epoch > epoch_max {
            break;
        }
        batch.check_crc().map_err(|err| corrupt_fetch(&err))?;
        if header.base_offset < end_offset {
            let reason = format!("offset {} comes after the end {end_offset}", header.base_offset);
            return Err(corrupt_fetch(&reason));
        }
        if !header.leader_epoch.is_none() && header.leader_epoch < last_epoch {
            let reason = format!("epoch {} comes after epoch {last_epoch}", header.leader_epoch);
            return Err(corrupt_fetch(&reason));
        }
        (end_offset, last_epoch) = (header.next_offset(), last_epoch.max(header.leader_epoch));
        let marker = marker_of(&batch).map_err(|err| corrupt_fetch(&err))?;
        let marker =
            marker.map(|(control, value)| Marker { control, value, transaction_version: 0 });
        batches.push((batch, marker));
    }
    if records.is_empty() { Err(corrupt_fetch(&"it is empty")) } else { Ok(batches) }
}

fn too_large(bytes: usize, segment_bytes: u32) -> Rejection {
    Rejection::new(
        ErrorCode::RecordListTooLarge,
        format!("{bytes} bytes of records do not fit in a segment of {segment_bytes}"),
    )
}

fn corrupt_fetch(reason: &dyn std::fmt::Display) -> Rejection {
    Rejection::new(
        ErrorCode::CorruptMessage,
        format!("fetched records cannot be appended: {reason}"),
    )
}

#[cfg(test)]
mod tests;
