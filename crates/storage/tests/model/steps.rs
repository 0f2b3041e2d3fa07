//! The operations, one at a time, each on the log and on the model.

use std::sync::Arc;

use protocol::{LeaderEpoch, Offset, Timestamp};
use testkit::Operation;

use crate::case::Case;
use crate::history::History;

impl Case {
    /// Does something.
    pub(crate) fn step(&mut self) {
        let ms = *self.rng.pick(&[0, 1, 500, 20_000]);
        self.world.pass_time(ms);
        if self.expects_fault && self.rng.one_in(6) {
            self.world.disk.forget_failures();
            self.expects_fault = false;
        }
        match self.rng.within(0..=99) {
            0..=35 => self.append_as_leader(),
            36 => self.delete_and_create_anew(),
            37..=44 => self.append_as_follower(),
            45..=56 => self.read_somewhere(),
            57..=58 => self.find_timestamps(),
            59 => self.move_to_another_directory(),
            60..=65 => self.move_high_watermark(),
            66..=69 => self.flush(),
            70..=72 => self.checkpoint(),
            73..=79 => self.run_chores(),
            80..=82 => self.truncate(),
            83 => self.truncate_fully(),
            84..=85 => self.delete_records(),
            86..=87 => self.enforce_retention(),
            88..=91 => self.clean(),
            92..=93 => self.plan_fault(),
            94..=95 => self.fill_disk(),
            96..=97 => self.plan_crash(),
            _ => self.restart_at_random(),
        }
        if self.world.has_log() && self.rng.one_in(4) {
            self.check();
        }
    }

    /// Deletes the topic and makes another one of the same name, of which nothing is to be seen in the first one's records,
    /// nor the other way round.
    fn delete_and_create_anew(&mut self) {
        self.note(|| "delete the topic, and create it anew".to_owned());
        if self.rng.one_in(3) {
            self.plan_crash();
        }
        let deleted = self.world.delete_partition();
        self.settle(deleted);
        (self.history, self.half_cut) = (History::default(), Offset::MAX);
        self.may_be_cleaned = false;
        self.in_flight.clear();
        while !self.is_broken && !self.world.disk.is_down() {
            let created = self.world.create_partition();
            if self.settle(created).is_some() {
                break;
            }
            self.make_room();
        }
    }

    fn move_high_watermark(&mut self) {
        let (low, end) = (self.history.high_watermark, self.history.log_end);
        let offset = if self.rng.one_in(3) { self.offset_within(low, end) } else { end };
        self.note(|| format!("move high watermark to {offset}"));
        self.world.log().update_high_watermark(offset);
        self.history.high_watermark = offset;
        assert_eq!(self.world.log().high_watermark(), offset);
    }

    fn flush(&mut self) {
        self.note(|| "flush".to_owned());
        let flushed = self.world.log().flush();
        self.settle(flushed);
    }

    fn checkpoint(&mut self) {
        self.note(|| "checkpoint".to_owned());
        let checkpointed = self.world.log().checkpoint();
        if self.settle(checkpointed).is_some() {
            let written = self.world.storage().checkpoint();
            self.settle(written);
        }
    }

    fn run_chores(&mut self) {
        self.note(|| "run chores".to_owned());
        self.world.run_chores();
        self.is_broken |= self.world.has_failed_dir();
        assert!(!self.is_broken || self.expects_fault || self.world.disk.is_down());
    }

    fn move_to_another_directory(&mut self) {
        let (storage, log, now) = (self.world.storage(), self.world.log(), self.world.now);
        let from = log.dir();
        let mut others = storage.dirs().filter(|(dir, _)| !Arc::ptr_eq(dir, &from));
        let (dir, _) = others.next().expect("there are two");
        self.note(|| format!("move to {}", dir.path().display()));
        storage.want_in_dir(log.topic_partition(), dir);
        assert!(storage.move_one(now), "it is wanted there");
        let is_moved = Arc::ptr_eq(&log.dir(), dir);
        let is_excused = self.expects_fault || self.expects_full_disk || self.world.disk.is_down();
        assert!(is_moved || is_excused, "nothing was wrong, and yet it has not moved");
        self.is_broken |= self.world.has_failed_dir();
    }

    fn truncate(&mut self) {
        let (start, end) = (self.history.log_start, self.history.log_end);
        let low = if self.rng.one_in(8) { Offset(start.0 / 2) } else { start };
        let target = self.offset_within(low, end + 1);
        self.note(|| format!("truncate to {target}"));
        if self.may_be_cleaned {
            // Which batches there are is not known, and so neither where it would end.
            return;
        }
        self.become_follower();
        let (log, now) = (self.world.log(), self.world.now);
        let ends = self.history.ends_of_truncation(target);
        self.half_cut = *ends.end();
        let storage = self.world.storage();
        let is_done = self.retry(|| storage.truncate(&[(Arc::clone(&log), target)], now));
        if !is_done {
            self.history.overtake_from(*ends.start());
        }
        if is_done && target < end {
            let end = log.log_end_offset();
            assert!(ends.contains(&end), "the log ends at {end}, and not in {ends:?}");
            self.history.truncate_to(end);
            // What is cut is cut for good; segments before it are not synced by that.
            self.in_flight.retain(|in_flight| in_flight.log_end < end);
            self.check();
        }
    }

    fn truncate_fully(&mut self) {
        let end = self.history.log_end;
        let offset = self.offset_within(Offset(end.0 / 2), end + 10);
        self.note(|| format!("truncate fully, to begin at {offset}"));
        self.become_follower();
        let (storage, log, now) = (self.world.storage(), self.world.log(), self.world.now);
        self.half_cut = Offset::ZERO;
        if self.retry(|| storage.truncate_fully(&log, offset, now)) {
            self.history.restart_at(offset);
            self.in_flight.clear();
            self.check();
        }
    }

    /// Truncates, again if it has failed for want of room: until it is done nothing can be appended. Says whether it is.
    fn retry(&mut self, truncate: impl Fn() -> storage::Result<()>) -> bool {
        loop {
            if self.settle(truncate()).is_some() {
                self.half_cut = Offset::MAX;
                return true;
            }
            if self.is_broken || self.world.disk.is_down() {
                return false;
            }
            self.make_room();
        }
    }

    /// Lets what has failed succeed, if it was not for good.
    fn make_room(&mut self) {
        self.note(|| "once more, and there is room".to_owned());
        self.world.disk.forget_failures();
        self.world.disk.set_capacity(None);
        (self.expects_fault, self.expects_full_disk) = (false, false);
    }

    /// Logs are truncated by followers, whose leader has a higher epoch.
    fn become_follower(&mut self) {
        self.leader_epoch = LeaderEpoch(self.leader_epoch.0 + 1);
    }

    fn delete_records(&mut self) {
        let (start, end) = (self.history.log_start, self.history.log_end);
        let offset = self.offset_within(start, end);
        self.note(|| format!("delete records before {offset}"));
        let high_watermark = self.history.high_watermark;
        match self.world.log().delete_records_before(offset) {
            Err(storage::Error::OutOfRange { .. }) if offset > high_watermark => {}
            Ok(log_start) => {
                assert!(offset <= high_watermark, "what is not replicated was deleted");
                assert_eq!(log_start, offset);
                self.history.start_at(offset);
            }
            Err(err) => self.excuse(&err),
        }
    }

    fn enforce_retention(&mut self) {
        self.note(|| "enforce retention".to_owned());
        let now = self.world.now;
        let stable = self.world.log().last_stable_offset();
        let enforced = self.world.log().enforce_retention(now);
        if self.settle(enforced).is_some() {
            self.check_retention(stable);
        }
    }

    /// Whatever is gone had a reason to go, and the log still begins with a segment.
    fn check_retention(&mut self, stable: Offset) {
        let (before, after) = (self.history.log_start, self.world.log().log_start_offset());
        assert!(before <= after && after <= stable.max(before), "{after} is past {stable}");
        let topic = &self.world.topic;
        let kept = self.history.batches.iter().filter(|batch| batch.base() >= after);
        let kept_bytes: usize = kept.map(|batch| batch.size()).sum();
        let is_surplus = topic.retention_bytes.is_some_and(|bytes| kept_bytes as u64 >= bytes);
        let is_old = |timestamp: Timestamp| {
            topic.retention_ms.is_some_and(|ms| self.world.now.0 - timestamp.0 > ms)
        };
        let deletes = topic.cleanup_policy.delete;
        for batch in self.history.readable().iter().filter(|batch| batch.last() < after) {
            let is_due = deletes && (is_surplus || is_old(batch.header.max_timestamp));
            assert!(is_due, "the batch at {} was deleted before its time", batch.base());
        }
        self.history.start_at(after);
        self.check();
    }

    /// Lets one operation of the disk fail, sooner or later.
    fn plan_fault(&mut self) {
        const OPERATIONS: [Operation; 11] = [
            Operation::Open,
            Operation::Create,
            Operation::Read,
            Operation::Write,
            Operation::SetLen,
            Operation::Reserve,
            Operation::Sync,
            Operation::Rename,
            Operation::Remove,
            Operation::List,
            Operation::SyncDir,
        ];
        let operation = *self.rng.pick(&OPERATIONS);
        let count = self.rng.within(0..=4);
        self.note(|| format!("plan a failure of {operation:?} after {count} more"));
        self.world.disk.fail_after(operation, count);
        self.expects_fault = true;
        self.has_lost_pages |= operation == Operation::Sync;
    }

    /// Makes the disk nearly full, or gives it room again.
    fn fill_disk(&mut self) {
        self.expects_full_disk = !self.expects_full_disk;
        let room = usize::try_from(self.rng.within(0..=3_000)).expect("it is small");
        let used = self.world.disk.used_bytes();
        let capacity = self.expects_full_disk.then_some(used + room);
        self.note(|| format!("the disk has room for {capacity:?} bytes"));
        self.world.disk.set_capacity(capacity);
    }

    /// Lets the power fail, sooner or later.
    fn plan_crash(&mut self) {
        let count = self.rng.within(0..=30);
        self.note(|| format!("plan a power loss after {count} more changes"));
        self.world.disk.crash_after(count);
    }

    pub(crate) fn offset_within(&mut self, start: Offset, end: Offset) -> Offset {
        let span = u64::try_from(end - start).expect("they are in order");
        start + i64::try_from(self.rng.within(0..=span)).expect("it is small")
    }
}
