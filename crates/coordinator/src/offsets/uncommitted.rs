//! What readers are not to see yet: offsets whose records may still be lost with this leader of the log.
//!
//! The state that decisions are made on is always the newest one. Those who only read get, for the few partitions in
//! here, what it was before (Kafka keeps all of its state in several versions for that).

use std::collections::{HashMap, VecDeque};

use protocol::Offset;
use protocol::internal::group::OffsetCommitKey;

use super::state::Committed;

/// The changes that the log has not committed.
#[derive(Debug)]
pub(crate) struct Uncommitted {
    high_watermark: Offset,
    /// The changes, in the order of the log.
    changes: VecDeque<Change>,
    /// What is committed for each partition that has a change, and where its last change is.
    before: HashMap<OffsetCommitKey, (Option<Committed>, Offset)>,
}

#[derive(Debug)]
struct Change {
    log_offset: Offset,
    key: OffsetCommitKey,
    after: Option<Committed>,
}

impl Uncommitted {
    /// The log has committed everything before the high watermark.
    pub(super) fn new(high_watermark: Offset) -> Self {
        Self { high_watermark, changes: VecDeque::new(), before: HashMap::new() }
    }

    /// True if the log has committed the record at `log_offset`.
    pub(super) fn is_committed(&self, log_offset: Offset) -> bool {
        log_offset < self.high_watermark
    }

    /// Notes what the record at `log_offset`, which is not committed, changed.
    pub(super) fn note(
        &mut self,
        log_offset: Offset,
        key: &OffsetCommitKey,
        before: Option<Committed>,
        after: Option<Committed>,
    ) {
        let entry = self.before.entry(key.clone()).or_insert((before, log_offset));
        entry.1 = log_offset;
        self.changes.push_back(Change { log_offset, key: key.clone(), after });
    }

    /// The log has committed everything before the high watermark.
    pub(super) fn advance(&mut self, high_watermark: Offset) {
        self.high_watermark = high_watermark;
        while let Some(change) =
            self.changes.pop_front_if(|first| first.log_offset < high_watermark)
        {
            match self.before.get_mut(&change.key) {
                Some((before, last)) if *last != change.log_offset => *before = change.after,
                _ => {
                    self.before.remove(&change.key);
                }
            }
        }
    }

    /// What is committed for the partitions of a group that have changes.
    pub(super) fn of_group<'a>(
        &'a self,
        group_id: &'a str,
    ) -> impl Iterator<Item = (&'a OffsetCommitKey, Option<&'a Committed>)> {
        let before = self.before.iter().filter(move |(key, _)| *key.group_id == *group_id);
        before.map(|(key, (committed, _))| (key, committed.as_ref()))
    }
}
