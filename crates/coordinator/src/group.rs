//! A group of either protocol.

use protocol::ErrorCode;
use protocol::Timestamp;
use protocol::internal::group::GroupRecord;
use protocol::messages::list_groups_response::ListedGroup;

use crate::shard::GroupFilter;
use crate::timers::Timer;
use crate::{GroupSummary, classic, consumer, shard, wire};

/// A group. Which protocol it follows changes only by records.
#[derive(Debug)]
pub(crate) enum Group {
    /// Its members lead and assign; also a group that only keeps offsets.
    Classic(classic::Group),
    /// The coordinator assigns.
    Consumer(consumer::Group),
}

impl Group {
    /// True if it has no members: it may be deleted.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_empty(),
            Self::Consumer(group) => group.is_empty(),
        }
    }

    /// True if nobody has joined, or is about to.
    pub(crate) fn is_deserted(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_deserted(),
            Self::Consumer(group) => group.is_empty(),
        }
    }

    /// True if the members are consumers, or the last ones were: then it is known which topics they need.
    pub(crate) fn has_consumers(&self) -> bool {
        match self {
            Self::Classic(group) => group.has_consumers(),
            Self::Consumer(_) => true,
        }
    }

    /// True if its members may need the offsets of the topic.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        match self {
            Self::Classic(group) => group.is_subscribed_to(topic),
            Self::Consumer(group) => group.is_subscribed_to(topic),
        }
    }

    /// From when on an offset committed at `committed_at` ages; none while it does not.
    pub(crate) fn offset_ages_from(&self, committed_at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Classic(group) => group.offset_ages_from(committed_at),
            Self::Consumer(_) => Some(committed_at),
        }
    }

    /// Deletes the group.
    pub(crate) fn tombstones(&self, group_id: &str) -> Vec<GroupRecord> {
        match self {
            Self::Classic(_) => vec![shard::tombstone(group_id)],
            Self::Consumer(group) => group.tombstones(),
        }
    }

    /// All the timers that it may have when it is deleted.
    pub(crate) fn timers(&self) -> Vec<Timer> {
        match self {
            Self::Classic(group) => group.timers().into(),
            Self::Consumer(group) => {
                group.member_ids().flat_map(|member_id| group.timers_of(member_id)).collect()
            }
        }
    }

    /// What metrics show.
    pub(crate) fn summary(&self) -> GroupSummary<'_> {
        match self {
            Self::Classic(group) => group.summary(),
            Self::Consumer(group) => group.summary(),
        }
    }

    /// For ListGroups, if the group passes the filter.
    pub(crate) fn list(&self, filter: &GroupFilter) -> Option<ListedGroup> {
        let GroupSummary { id, kind, state, .. } = self.summary();
        let protocol_type = match self {
            Self::Classic(group) => group.protocol_type().unwrap_or_default(),
            Self::Consumer(_) => consumer::PROTOCOL_TYPE,
        };
        filter.passes(state, kind).then(|| {
            ListedGroup::default()
                .with_group_id(wire(id).into())
                .with_protocol_type(wire(protocol_type))
                .with_group_state(wire(state))
                .with_group_type(wire(kind))
        })
    }

    /// Makes sure that whoever fetches offsets may do so.
    pub(crate) fn validate_fetch(
        &self,
        member_id: Option<&str>,
        epoch: i32,
    ) -> Result<(), ErrorCode> {
        match self {
            Self::Classic(_) => Ok(()),
            Self::Consumer(group) => group.validate_fetch(member_id, epoch),
        }
    }
}
