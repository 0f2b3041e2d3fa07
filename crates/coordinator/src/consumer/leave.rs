//! Members that leave: because they say so, because they were silent or too slow, or because an administrator wants it.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::ErrorCode;
use protocol::messages::leave_group_request::MemberIdentity;
use protocol::messages::leave_group_response::MemberResponse;

use super::change::{Change, Downgrade};
use super::draft::Draft;
use super::group::Group;
use super::member::{LEFT_STATIC_EPOCH, Member};
use super::partitions::{Owned, since, without_epochs};
use super::records;
use super::refusal::Refusal;
use crate::classic;
use crate::turn::Turn;

impl Group {
    /// Removes members for good. If only members of the classic protocol are left, the group may become a classic one.
    pub(crate) fn remove_members(
        &self,
        member_ids: &BTreeSet<Arc<str>>,
        turn: &Turn<'_>,
    ) -> Change {
        let mut draft = Draft::of(self);
        if member_ids.is_empty() {
            return Change::default();
        }
        if self.may_downgrade_without(member_ids, turn.settings) {
            let records = draft.downgrade(member_ids, turn);
            return Change { records, downgrade: Some(Downgrade { rebalances: true }) };
        }
        for member_id in member_ids {
            draft.push_removal(member_id);
        }
        let forgotten = |regex: &&String| !draft.regex_members.contains_key(*regex);
        let forgotten: Vec<_> = draft.resolved.keys().filter(forgotten).cloned().collect();
        for regex in forgotten {
            draft.push(records::unresolved(&self.id, &regex));
        }
        draft.bump_epoch(turn.cluster);
        draft.into_records().into()
    }

    /// A member says that it leaves. A static one may say that it will be back: it keeps its partitions for its session.
    pub(super) fn leave(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
        epoch: i32,
        turn: &Turn<'_>,
    ) -> Result<Change, Refusal> {
        let member = self.known_member(member_id, instance_id)?;
        tracing::info!(group = %self.id, member = member_id, epoch, "a member leaves");
        if epoch != LEFT_STATIC_EPOCH {
            return Ok(self.remove_members(&BTreeSet::from([Arc::clone(&member.id)]), turn));
        }
        let away = Member {
            epoch: LEFT_STATIC_EPOCH,
            // It has them from the beginning when it comes back.
            assigned: since(0, &without_epochs(&member.assigned)),
            revoking: Owned::new(),
            ..Member::clone(member)
        };
        let mut draft = Draft::of(self);
        draft.push_current(&away);
        Ok(draft.into_records().into())
    }

    /// Members leave by LeaveGroup, which removes those of both protocols.
    pub(crate) fn leave_many(
        &self,
        members: &[MemberIdentity],
        turn: &Turn<'_>,
    ) -> (Change, Vec<MemberResponse>) {
        let mut leaving = BTreeSet::new();
        let mut responses = Vec::with_capacity(members.len());
        for identity in members {
            let result = self.leaving(identity);
            if let Ok(member_id) = &result {
                leaving.insert(Arc::clone(member_id));
            }
            responses.push(classic::left(identity, result.map(drop)));
        }
        (self.remove_members(&leaving, turn), responses)
    }

    fn leaving(&self, identity: &MemberIdentity) -> Result<Arc<str>, ErrorCode> {
        let instance_id = identity.group_instance_id.as_deref();
        let member = match instance_id {
            // An administrator names the instance alone (KIP-345).
            Some(instance_id) if identity.member_id.is_empty() => {
                self.static_member(instance_id).ok_or(ErrorCode::UnknownMemberId)?
            }
            _ => self.known_member(&identity.member_id, instance_id).map_err(|error| error.code)?,
        };
        let reason = identity.reason.as_deref().unwrap_or("not provided");
        tracing::info!(group = %self.id, member = %member.id, reason, "a member leaves");
        Ok(Arc::clone(&member.id))
    }
}
