//! The timers of one shard: data, not threads. Each has a key, and is due at one time only.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

/// What becomes due.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Timer {
    /// A member, or one that is yet to join a classic group with its new id, was silent for too long.
    Session { group_id: Arc<str>, member_id: Arc<str> },
    /// A classic group has waited long enough for its members to join.
    Join { group_id: Arc<str> },
    /// A classic group has waited long enough for its members to ask for their assignments.
    Sync { group_id: Arc<str> },
    /// A member of a consumer group has had enough time to give up partitions.
    Revocation { group_id: Arc<str>, member_id: Arc<str> },
    /// A classic member of a consumer group has had enough time to join again.
    Rejoin { group_id: Arc<str>, member_id: Arc<str> },
    /// A classic member of a consumer group has had enough time to ask for its assignment.
    Resync { group_id: Arc<str>, member_id: Arc<str> },
    /// It is time to look for expired offsets and groups.
    Expire,
}

/// The timers that run.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// When each is due, with its number: timers that are due together come in the order in which they were set.
    places: HashMap<Timer, (Instant, u64)>,
    queue: BTreeMap<(Instant, u64), Timer>,
    set_count: u64,
}

impl Timers {
    /// Sets the timer, also if it runs already.
    pub(crate) fn set(&mut self, timer: Timer, deadline: Instant) {
        self.set_count += 1;
        let place = (deadline, self.set_count);
        if let Some(old) = self.places.insert(timer.clone(), place) {
            self.queue.remove(&old);
        }
        self.queue.insert(place, timer);
    }

    /// True if the timer runs.
    pub(crate) fn is_set(&self, timer: &Timer) -> bool {
        self.places.contains_key(timer)
    }

    /// Stops the timer, if it runs.
    pub(crate) fn cancel(&mut self, timer: &Timer) {
        if let Some(place) = self.places.remove(timer) {
            self.queue.remove(&place);
        }
    }

    /// When the next one is due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|(&(deadline, _), _)| deadline)
    }

    /// How many have been set so far.
    pub(crate) const fn set_count(&self) -> u64 {
        self.set_count
    }

    /// Takes out the next one that is due, if it was among the first `set_count`: so those that are set while the due
    /// ones are worked on, and are due at once, have to wait for their turn.
    pub(crate) fn pop_due(&mut self, now: Instant, set_count: u64) -> Option<Timer> {
        let entry = self.queue.first_entry()?;
        let &(deadline, number) = entry.key();
        if deadline > now || number > set_count {
            return None;
        }
        let timer = entry.remove();
        self.places.remove(&timer);
        Some(timer)
    }
}
