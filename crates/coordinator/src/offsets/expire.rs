//! Expiry: offsets that nobody has committed for `offsets.retention.minutes`, and groups that have nothing left.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use protocol::Timestamp;
use protocol::internal::group::{GroupRecord, OffsetCommitValue};

use super::delete::tombstone;
use crate::group::Group;
use crate::outcome::{Action, Now};
use crate::shard::Shard;
use crate::timers::Timer;

/// How many groups one search looks at, and after about how many tombstones it stops: requests wait meanwhile.
const SEARCH_GROUPS_MAX: usize = 1_000;
const SEARCH_RECORDS_MAX: usize = 1_000;

/// When a search that has stopped goes on.
const SEARCH_PAUSE: Duration = Duration::from_millis(50);

impl Shard {
    /// Looks for what has expired, from where the last search stopped.
    pub(crate) fn on_expire_timer(&mut self, now: Now, out: &mut Vec<Action>) {
        let first = match self.expire_from.take() {
            Some(group_id) => Bound::Included(group_id),
            None => Bound::Unbounded,
        };
        let mut records = Vec::new();
        let groups = self.groups.range::<Arc<str>, _>((first, Bound::Unbounded));
        for (searched, (group_id, group)) in groups.enumerate() {
            if searched >= SEARCH_GROUPS_MAX || records.len() >= SEARCH_RECORDS_MAX {
                self.expire_from = Some(Arc::clone(group_id));
                break;
            }
            self.expire_group(now.timestamp, group_id, group, &mut records);
        }
        let pause = match self.expire_from {
            Some(_) => SEARCH_PAUSE,
            None => self.settings.offsets_retention_check_interval,
        };
        let (_, mut turn) = self.split(now, out);
        turn.append_in_pieces(records);
        turn.set(Timer::Expire, pause);
    }

    /// Deletes what has expired of a group, and the group itself if nobody and nothing is left in it.
    fn expire_group(
        &self,
        now: Timestamp,
        group_id: &str,
        group: &Group,
        records: &mut Vec<GroupRecord>,
    ) {
        let pending = self.offsets.pending().group(group_id);
        let is_pending = |topic: &str, partition| {
            let partitions = pending.and_then(|topics| topics.get(topic));
            partitions.is_some_and(|partitions| partitions.contains_key(partition))
        };
        let mut has_offsets = pending.is_some();
        for (topic, partitions) in self.offsets.current().group(group_id).into_iter().flatten() {
            let is_subscribed = group.is_subscribed_to(topic);
            for (partition, committed) in partitions {
                if !is_subscribed
                    && !is_pending(topic, partition)
                    && self.is_expired(now, group, &committed.value)
                {
                    records.push(tombstone(group_id, topic, *partition));
                } else {
                    has_offsets = true;
                }
            }
        }
        if !has_offsets && group.is_deserted() {
            records.extend(group.tombstones(group_id));
        }
    }

    fn is_expired(&self, now: Timestamp, group: &Group, value: &OffsetCommitValue) -> bool {
        let Some(ages_from) = group.offset_ages_from(value.commit_timestamp) else { return false };
        if value.expire_timestamp.is_none() {
            now.0.saturating_sub(ages_from.0) >= self.settings.offsets_retention_ms
        } else {
            now >= value.expire_timestamp
        }
    }
}
