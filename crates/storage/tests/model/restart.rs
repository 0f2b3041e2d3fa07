//! The end of a life and the beginning of the next, and what may have been lost in between.

use protocol::Offset;
use storage::files::checkpoint;

use crate::batches::Stored;
use crate::case::Case;
use crate::history::History;

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// All logs are closed; then the machine may be switched off.
    Close,
    /// The process is killed, and the machine lives.
    Kill,
    /// The power fails.
    PowerLoss,
}

/// What the log had promised when it ended.
#[derive(Debug, Clone, Copy)]
struct Promise {
    end: End,
    flushed: Offset,
    log_start: Offset,
}

impl Case {
    /// The first start, of a disk without anything.
    pub(crate) fn start(&mut self) {
        self.world.start().expect("an empty disk that works can be used");
        self.check();
    }

    pub(crate) fn restart_at_random(&mut self) {
        let end = match self.rng.within(0..=2) {
            0 => End::Close,
            1 if !self.has_lost_pages => End::Kill,
            _ => End::PowerLoss,
        };
        self.restart(end);
    }

    pub(crate) fn restart_after_failure(&mut self) {
        let can_kill = !self.has_lost_pages && !self.world.disk.is_down();
        let end = if can_kill && self.rng.one_in(2) { End::Kill } else { End::PowerLoss };
        self.restart(end);
    }

    fn restart(&mut self, mut end: End) {
        if end == End::Close && !self.close() {
            end = if self.has_lost_pages { End::PowerLoss } else { End::Kill };
        }
        if end == End::Kill && self.world.disk.is_down() {
            end = End::PowerLoss;
        }
        self.note(|| format!("end: {end:?}"));
        self.check_held();
        let (flushed, log_start) = match self.world.has_log() {
            true => (self.world.log().flushed_offset(), self.world.log().log_start_offset()),
            false => (Offset::ZERO, Offset::ZERO),
        };
        self.held.clear();
        self.world.stop();
        self.world.disk.set_capacity(None);
        match end {
            End::Close if self.rng.one_in(2) => self.world.disk.reboot(),
            End::Close | End::Kill => self.world.disk.kill(),
            End::PowerLoss => self.world.disk.reboot(),
        }
        (self.expects_full_disk, self.expects_fault) = (false, false);
        (self.is_broken, self.has_lost_pages) = (false, false);
        let mut promise = Promise { end, flushed, log_start };
        self.start_again(&mut promise);
        self.take_stock(promise);
        self.check();
    }

    /// Closes all logs; says whether that worked.
    fn close(&mut self) -> bool {
        self.note(|| "close".to_owned());
        let closed = self.world.storage().close(1);
        self.settle(closed).is_some()
    }

    /// Starts the broker until it comes up: the power may fail while it recovers.
    fn start_again(&mut self, promise: &mut Promise) {
        if self.rng.one_in(3) {
            let count = self.rng.within(0..=15);
            self.note(|| format!("plan a power loss after {count} changes of the start"));
            self.world.disk.crash_after(count);
        }
        loop {
            let started = self.world.start();
            self.note(|| format!("start: {started:?}"));
            if !self.world.disk.is_down() {
                let report = started.expect("the disk works");
                assert_eq!(report.failed, 0, "the log cannot be opened");
                assert!(promise.end != End::Close || report.truncated_bytes == 0);
                break;
            }
            promise.end = End::PowerLoss;
            self.world.stop();
            self.world.disk.reboot();
        }
        self.world.disk.forget_crash();
    }

    /// Finds out what is left, and whether all that must be is.
    fn take_stock(&mut self, promise: Promise) {
        let log = self.world.log();
        let (start, end) = (log.log_start_offset(), log.log_end_offset());
        let found = self.read_all();
        self.note(|| format!("    {promise:?}, found {start} to {end}"));
        let mut candidates = vec![self.history.clone()];
        for in_flight in &self.in_flight {
            let is_possible = match promise.end {
                End::PowerLoss => in_flight.log_end >= promise.flushed,
                End::Close | End::Kill => in_flight.log_end >= self.history.log_end,
            };
            if is_possible {
                candidates.push(self.history.with(in_flight));
            }
        }
        if promise.end == End::PowerLoss {
            candidates.extend(self.mixed(&found, promise.flushed));
        }
        let mut reasons = Vec::new();
        let explained = candidates.into_iter().find(|history| {
            let explained = history.explains(&found, start, end);
            explained.map_err(|reason| reasons.push(reason)).is_ok()
        });
        let Some(explained) = explained else {
            panic!("nothing explains {}", reasons.join("\n"));
        };
        if promise.end == End::PowerLoss {
            self.in_flight.clear();
        }
        self.check_promise(promise, &found, start, end);
        (self.history, self.half_cut) = (explained, Offset::MAX);
        self.history.adopt(found, start, end);
        self.history.high_watermark = log.high_watermark();
        assert!((start..=end).contains(&self.history.high_watermark));
        if promise.end == End::Close {
            assert_eq!(log.flushed_offset(), end, "what was closed is flushed");
        }
    }

    /// What the log would be if a batch of a failed append has survived instead of one of the same length that was
    /// written over it, with the batches behind that.
    fn mixed(&self, found: &[Stored], flushed: Offset) -> Option<History> {
        let is_of_history = |batch: &Stored| self.history.appended.contains(batch);
        let first = found.iter().find(|batch| !is_of_history(batch)).map(Stored::base)?;
        let is_of_failed_append = |batch: &Stored| {
            let later = self.in_flight.iter().filter(|in_flight| in_flight.log_end >= flushed);
            later.flat_map(|in_flight| &in_flight.batches).any(|failed| failed == batch)
        };
        let mut history = self.history.clone();
        history.truncate_to(first);
        let mixed = found.iter().filter(|batch| batch.base() >= first);
        for batch in mixed {
            if !is_of_history(batch) && !is_of_failed_append(batch) {
                return None;
            }
            history.append(batch.clone());
        }
        (first >= flushed).then_some(history)
    }

    /// Everything that was flushed is there; after the death of the process alone, everything that was written.
    fn check_promise(&self, promise: Promise, found: &[Stored], start: Offset, end: Offset) {
        let safe_to = match promise.end {
            End::PowerLoss => promise.flushed,
            End::Close | End::Kill => self.history.log_end.min(self.half_cut),
        };
        let required = self
            .history
            .readable()
            .iter()
            .filter(|batch| batch.last() >= promise.log_start && batch.last() < safe_to);
        if self.history.cleanable_to == Offset::ZERO {
            for batch in required {
                assert!(found.contains(batch), "the batch at {} is lost", batch.base());
            }
        } else {
            self.history.check_keys(found, promise.log_start, safe_to);
        }
        let safe_end = self.history.batches.iter().rfind(|batch| batch.last() < safe_to);
        if let Some(safe_end) = safe_end.filter(|batch| batch.last() >= promise.log_start) {
            assert!(end >= safe_end.next(), "offsets are given out again");
            assert!(start <= promise.log_start, "{start} is beyond {}", promise.log_start);
        }
        if promise.end == End::Close {
            assert_eq!((start, promise.flushed), (promise.log_start, self.history.log_end));
        }
        let written = self.world.checkpoint(checkpoint::LOG_START_OFFSET_FILE);
        assert!(start >= written.unwrap_or_default());
    }
}

impl History {
    /// Whether a log with `found` in it may be what is left of this one.
    fn explains(&self, found: &[Stored], start: Offset, end: Offset) -> Result<(), String> {
        let bases = |batches: &[Stored]| -> Vec<_> {
            batches.iter().map(|batch| (batch.base().0, batch.last().0)).collect()
        };
        if self.cleanable_to > Offset::ZERO {
            return self.explains_cleaned(found, start);
        }
        let from = self.appended.partition_point(|batch| batch.last() < start);
        let rest = self.appended.get(from..).unwrap_or_default();
        let last = found.last().map_or(end, Stored::next);
        if rest.starts_with(found) && last <= end && end <= self.log_end.max(last) {
            return Ok(());
        }
        Err(format!("{start} to {end} {:?} from {:?}", bases(found), bases(&self.appended)))
    }

    /// Goes on from what was found.
    fn adopt(&mut self, found: Vec<Stored>, start: Offset, end: Offset) {
        self.appended.retain(|batch| batch.last() < end);
        self.batches.retain(|batch| batch.last() < start);
        self.batches.extend(found);
        self.start_at(start);
        self.forgotten_to = self.forgotten_to.min(end);
        self.log_end = end;
        self.cleanable_to = self.cleanable_to.min(end);
    }
}
