//! Which members may commit and fetch offsets.

use std::sync::Arc;

use protocol::{ErrorCode, PartitionId, TopicId};

use super::group::Group;
use super::member::Member;

/// From this version on, OffsetCommit speaks of member epochs.
const COMMIT_HAS_EPOCHS: i16 = 9;

/// The partitions whose offsets may be committed.
#[derive(Clone, Debug)]
pub(crate) enum Gate {
    All,
    /// Those that the member has had since an epoch that it still believes to be in (KIP-1251).
    Since(Arc<Member>, i32),
}

impl Gate {
    /// Makes sure that a partition is among them.
    pub(crate) fn check(&self, topic: TopicId, partition: PartitionId) -> Result<(), ErrorCode> {
        let Self::Since(member, epoch) = self else { return Ok(()) };
        let places = [&member.assigned, &member.revoking];
        let mut since = places.iter().filter_map(|owned| owned.get(&topic)?.get(&partition));
        if since.next().is_some_and(|since| epoch >= since) { Ok(()) } else { Err(stale(member)) }
    }
}

const fn stale(member: &Member) -> ErrorCode {
    match member.classic() {
        Some(_) => ErrorCode::IllegalGeneration,
        None => ErrorCode::StaleMemberEpoch,
    }
}

impl Group {
    /// Makes sure that whoever commits offsets may do so.
    pub(crate) fn validate_commit(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
        epoch: i32,
        is_transactional: bool,
        api_version: i16,
    ) -> Result<Gate, ErrorCode> {
        if epoch < 0 && self.is_empty() {
            // An administrator, or a consumer that assigns to itself.
            return Ok(Gate::All);
        }
        if is_transactional && epoch < 0 && member_id.is_empty() && instance_id.is_none() {
            // A producer that is too old to say which member it commits for.
            return Ok(Gate::All);
        }
        let member = self.members.get(member_id).ok_or(ErrorCode::UnknownMemberId)?;
        if !is_transactional && member.classic().is_none() && api_version < COMMIT_HAS_EPOCHS {
            return Err(ErrorCode::UnsupportedVersion);
        }
        match epoch {
            _ if epoch == member.epoch => Ok(Gate::All),
            _ if epoch > member.epoch => Err(stale(member)),
            _ => Ok(Gate::Since(Arc::clone(member), epoch)),
        }
    }

    /// Makes sure that whoever fetches offsets may do so: a member must be in its epoch.
    pub(crate) fn validate_fetch(
        &self,
        member_id: Option<&str>,
        epoch: i32,
    ) -> Result<(), ErrorCode> {
        if member_id.is_none() && epoch < 0 {
            return Ok(());
        }
        let member = member_id.and_then(|member_id| self.members.get(member_id));
        let member = member.ok_or(ErrorCode::UnknownMemberId)?;
        if epoch == member.epoch { Ok(()) } else { Err(stale(member)) }
    }
}
