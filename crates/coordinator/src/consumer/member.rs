//! One member of a consumer group.

use std::sync::Arc;
use std::time::Duration;

use protocol::internal::group::{
    ClassicMemberMetadata, ConsumerGroupCurrentMemberAssignmentValue,
    ConsumerGroupMemberMetadataValue,
};

use super::partitions::{Owned, from_record, to_record};
use crate::settings::millis;

/// A static member that has gone, and may come back, has this epoch.
pub(super) const LEFT_STATIC_EPOCH: i32 = -2;

/// A member that leaves for good sends this epoch.
pub(super) const LEFT_EPOCH: i32 = -1;

/// How far a member is on its way to its target assignment (`MemberState`).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It has all that it is to have in its epoch.
    Stable,
    /// It is to give up partitions, and stays in its epoch until it has.
    UnrevokedPartitions,
    /// It waits for partitions that others have yet to give up.
    UnreleasedPartitions,
    /// What a later version of Kafka calls by this number.
    Unknown(i8),
}

impl State {
    const fn from_code(code: i8) -> Self {
        match code {
            0 => Self::Stable,
            1 => Self::UnrevokedPartitions,
            2 => Self::UnreleasedPartitions,
            other => Self::Unknown(other),
        }
    }

    const fn code(self) -> i8 {
        match self {
            Self::Stable => 0,
            Self::UnrevokedPartitions => 1,
            Self::UnreleasedPartitions => 2,
            Self::Unknown(code) => code,
        }
    }
}

/// A member.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub(super) id: Arc<str>,
    /// What it says of itself.
    pub(super) about: ConsumerGroupMemberMetadataValue,
    /// The epoch that it is to send.
    pub(super) epoch: i32,
    /// The epoch before. A member that missed the answer still sends this one.
    pub(super) previous_epoch: i32,
    pub(super) state: State,
    /// What it may read.
    pub(super) assigned: Owned,
    /// What it must give up, and still owns.
    pub(super) revoking: Owned,
}

impl Member {
    /// A member that has said nothing yet.
    pub(super) const fn new(id: Arc<str>) -> Self {
        Self {
            id,
            about: ConsumerGroupMemberMetadataValue {
                instance_id: None,
                rack_id: None,
                client_id: String::new(),
                client_host: String::new(),
                subscribed_topic_names: Vec::new(),
                subscribed_topic_regex: None,
                rebalance_timeout_ms: -1,
                server_assignor: None,
                classic_member_metadata: None,
            },
            epoch: 0,
            previous_epoch: 0,
            state: State::Stable,
            assigned: Owned::new(),
            revoking: Owned::new(),
        }
    }

    /// The id of a static member.
    pub(super) fn instance_id(&self) -> Option<&str> {
        self.about.instance_id.as_deref()
    }

    /// The regular expression that it subscribes by.
    pub(super) fn regex(&self) -> Option<&str> {
        self.about.subscribed_topic_regex.as_deref().filter(|regex| !regex.is_empty())
    }

    /// What it said when it joined, if it speaks the classic protocol.
    pub(super) const fn classic(&self) -> Option<&ClassicMemberMetadata> {
        self.about.classic_member_metadata.as_ref()
    }

    /// True if it has what it is to have by this epoch.
    pub(super) fn is_reconciled_to(&self, epoch: i32) -> bool {
        self.state == State::Stable && self.epoch == epoch
    }

    /// How long it may take to give up partitions.
    pub(super) fn rebalance_timeout(&self) -> Duration {
        millis(self.about.rebalance_timeout_ms)
    }

    /// The way to its target assignment, as its record says it.
    pub(super) fn current(&self) -> ConsumerGroupCurrentMemberAssignmentValue {
        ConsumerGroupCurrentMemberAssignmentValue {
            member_epoch: self.epoch,
            previous_member_epoch: self.previous_epoch,
            state: self.state.code(),
            assigned_partitions: to_record(&self.assigned),
            partitions_pending_revocation: to_record(&self.revoking),
        }
    }

    /// Takes over what a record says.
    pub(super) fn set_current(&mut self, value: &ConsumerGroupCurrentMemberAssignmentValue) {
        self.epoch = value.member_epoch;
        self.previous_epoch = value.previous_member_epoch;
        self.state = State::from_code(value.state);
        self.assigned = from_record(&value.assigned_partitions, value.member_epoch);
        self.revoking = from_record(&value.partitions_pending_revocation, value.member_epoch);
    }

    /// It has nothing any more, and is about to be removed.
    pub(super) fn clear_current(&mut self) {
        self.epoch = LEFT_EPOCH;
        self.previous_epoch = LEFT_EPOCH;
        self.assigned.clear();
        self.revoking.clear();
    }
}
