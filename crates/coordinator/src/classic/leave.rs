//! LeaveGroup: members leave, or an administrator removes static ones by their instance ids (KIP-345).

use protocol::ErrorCode;
use protocol::messages::leave_group_request::MemberIdentity;
use protocol::messages::leave_group_response::MemberResponse;
use tracing::info;

use super::group::Group;
use crate::turn::Turn;

/// What is answered for one member.
pub(crate) fn left(member: &MemberIdentity, result: Result<(), ErrorCode>) -> MemberResponse {
    MemberResponse::default()
        .with_member_id(member.member_id.clone())
        .with_group_instance_id(member.group_instance_id.clone())
        .with_error_code(result.err().unwrap_or(ErrorCode::None).code())
}

impl Group {
    /// Members leave.
    pub(crate) fn leave(
        &mut self,
        members: &[MemberIdentity],
        turn: &mut Turn<'_>,
    ) -> Vec<MemberResponse> {
        let mut has_left = false;
        let mut responses = Vec::with_capacity(members.len());
        for member in members {
            let result = self.leave_one(member, turn);
            has_left |= result.is_ok();
            responses.push(left(member, result));
        }
        if has_left && !self.is_empty() {
            self.rebalance_or_complete("members have left", turn);
        }
        responses
    }

    fn leave_one(&mut self, member: &MemberIdentity, turn: &mut Turn<'_>) -> Result<(), ErrorCode> {
        let instance_id = member.group_instance_id.as_deref();
        let member_id: &str = &member.member_id;
        let member_id = if member_id.is_empty() {
            let id = instance_id.and_then(|id| self.static_members.get(id));
            id.ok_or(ErrorCode::UnknownMemberId)?.to_string()
        } else {
            if !self.pending_joins.contains(member_id) {
                self.validate(member_id, instance_id)?;
            }
            member_id.to_owned()
        };
        let reason = member.reason.as_deref().unwrap_or("not provided");
        info!(group = %self.id, member = member_id, reason, "the member leaves");
        self.remove(&member_id, turn);
        Ok(())
    }
}
