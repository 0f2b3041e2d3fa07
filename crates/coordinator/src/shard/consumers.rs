//! Requests to consumer groups, of members of either protocol.

use std::sync::Arc;

use protocol::ErrorCode;
use protocol::messages::consumer_group_describe_response::DescribedGroup;
use protocol::messages::leave_group_request::MemberIdentity;
use protocol::messages::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, LeaveGroupResponse, Response,
};

use super::{Client, Shard, tombstone};
use crate::consumer::{self, Change, Draft, Refusal};
use crate::group::Group;
use crate::outcome::{Action, Now, Then, Token};
use crate::{answer, wire};

impl Shard {
    /// A member of a consumer group heartbeats: it joins, stays, changes or leaves. It is answered when what comes of it is
    /// committed.
    pub fn consumer_group_heartbeat(
        &mut self,
        now: Now,
        client: Client<'_>,
        token: Token,
        request: &ConsumerGroupHeartbeatRequest,
        out: &mut Vec<Action>,
    ) {
        match self.heartbeat_consumer(now, client, token, request, out) {
            Ok(heartbeat) => {
                let group_id = Arc::from(&**request.group_id);
                self.answer_change(
                    now,
                    group_id,
                    heartbeat.change,
                    (token, heartbeat.response),
                    out,
                );
            }
            Err(Refusal { code, message }) => {
                let response = ConsumerGroupHeartbeatResponse::default()
                    .with_error_code(code.code())
                    .with_error_message(Some(wire(&message)));
                self.split(now, out).1.respond(token, response);
            }
        }
    }

    fn heartbeat_consumer(
        &mut self,
        now: Now,
        client: Client<'_>,
        token: Token,
        request: &ConsumerGroupHeartbeatRequest,
        out: &mut Vec<Action>,
    ) -> Result<consumer::Heartbeat, Refusal> {
        if !self.settings.consumer_protocol {
            let message =
                "group.coordinator.rebalance.protocols does not have the consumer protocol";
            return Err(Refusal::new(ErrorCode::UnsupportedVersion, message));
        }
        consumer::check_heartbeat(request, token.api_version, &self.settings)?;
        if self.is_log_behind() {
            let message = "too many requests wait for the log";
            return Err(Refusal::new(ErrorCode::CoordinatorLoadInProgress, message));
        }
        let group_id: &str = &request.group_id;
        let (groups, mut turn) = self.split(now, out);
        let group = groups.get_mut(group_id);
        if request.member_epoch != 0 && !matches!(group, Some(Group::Consumer(_))) {
            let message = format!("there is no consumer group {group_id}");
            return Err(Refusal::new(ErrorCode::GroupIdNotFound, message));
        }
        let new = || consumer::Group::new(group_id.into());
        match group {
            Some(Group::Consumer(group)) => {
                let draft = Draft::of(group);
                let heartbeat = consumer::heartbeat(draft, client, request, &mut turn)?;
                // What was looked at is noted by a record if it has changed, and otherwise here.
                if heartbeat.change.records.is_empty() {
                    group.mark_fresh();
                }
                Ok(heartbeat)
            }
            None => consumer::heartbeat(Draft::new(new(), Vec::new()), client, request, &mut turn),
            Some(Group::Classic(classic)) if classic.is_empty() => {
                let draft = Draft::new(new(), vec![tombstone(group_id)]);
                consumer::heartbeat(draft, client, request, &mut turn)
            }
            Some(Group::Classic(classic)) => {
                let draft = consumer::upgrade(group_id, classic, &turn)?;
                let heartbeat = consumer::heartbeat(draft, client, request, &mut turn)?;
                // They are to join again, and find the consumer group.
                classic.unload(ErrorCode::RebalanceInProgress, &mut turn);
                classic.renew_sessions(&mut turn);
                Ok(heartbeat)
            }
        }
    }

    /// Answers a request when what it changes is committed.
    pub(super) fn answer_change(
        &mut self,
        now: Now,
        group_id: Arc<str>,
        change: Change,
        (token, response): (Token, impl Into<Response>),
        out: &mut Vec<Action>,
    ) {
        let Change { records, downgrade } = change;
        let response = Box::new(response.into());
        if records.is_empty() {
            return self.respond_when_committed(now, token, *response, out);
        }
        let then = match downgrade {
            None => Then::Respond { token, response },
            Some(downgrade) => {
                Then::Downgrade { group_id, downgrade, answer: Some((token, response)) }
            }
        };
        let (_, mut turn) = self.split(now, out);
        if let Err((
            error,
            Then::Respond { token, mut response }
            | Then::Downgrade { answer: Some((token, mut response)), .. },
        )) = turn.append_all(records, then)
        {
            answer::fail(&mut response, error);
            turn.respond_boxed(token, response);
        }
    }

    /// Removes a member that was silent or too slow; true if that is on its way into the log.
    pub(super) fn fence(
        &mut self,
        now: Now,
        group_id: &Arc<str>,
        member_id: &Arc<str>,
        reason: &str,
        out: &mut Vec<Action>,
    ) -> bool {
        let (groups, mut turn) = self.split(now, out);
        let Some(Group::Consumer(group)) = groups.get(&**group_id) else { return false };
        if !group.member_ids().any(|known| known == member_id) {
            return false;
        }
        tracing::info!(group = %group_id, member = %member_id, reason, "the member is fenced");
        let Change { records, downgrade } =
            group.remove_members(&[Arc::clone(member_id)].into(), &turn);
        let group_id = Arc::clone(group_id);
        let then = match downgrade {
            Some(downgrade) => Then::Downgrade { group_id, downgrade, answer: None },
            None => Then::Fence { group_id },
        };
        let appended = turn.append_all(records, then);
        if let Err((error, _)) = &appended {
            tracing::warn!(member = %member_id, %error, "that the member is fenced cannot be logged");
        }
        appended.is_ok()
    }

    /// A member has had enough time to give up partitions; true if its removal is on its way into the log.
    pub(super) fn on_revocation_timer(
        &mut self,
        now: Now,
        group_id: &Arc<str>,
        member_id: &Arc<str>,
        out: &mut Vec<Action>,
    ) -> bool {
        let group = self.groups.get(group_id);
        let is_slow = matches!(group, Some(Group::Consumer(group)) if group.is_revoking(member_id));
        let reason = "it has not given up its partitions in time";
        is_slow && self.fence(now, group_id, member_id, reason, out)
    }

    /// Makes sure that all members of a consumer group have a session: one may be still there that was to be fenced.
    pub(super) fn watch(&mut self, now: Now, group_id: &str, out: &mut Vec<Action>) {
        let (groups, mut turn) = self.split(now, out);
        if let Some(Group::Consumer(group)) = groups.get(group_id) {
            group.watch_sessions(&mut turn);
        }
    }

    /// Members leave a consumer group by LeaveGroup.
    pub(super) fn leave_consumers(
        &mut self,
        now: Now,
        token: Token,
        group_id: &str,
        members: &[MemberIdentity],
        out: &mut Vec<Action>,
    ) {
        let (groups, turn) = self.split(now, out);
        let Some((id, Group::Consumer(group))) = groups.get_key_value(group_id) else { return };
        let (change, responses) = group.leave_many(members, &turn);
        let (id, response) =
            (Arc::clone(id), LeaveGroupResponse::default().with_members(responses));
        self.answer_change(now, id, change, (token, response), out);
    }

    /// Describes a consumer group.
    pub fn describe_consumer_group(&self, group_id: &str, api_version: i16) -> DescribedGroup {
        if let Some(Group::Consumer(group)) = self.groups.get(group_id) {
            let assignors = &self.settings.consumer.assignors;
            return group.describe(assignors, api_version, &*self.cluster);
        }
        let message = match self.groups.get(group_id) {
            Some(_) => format!("Group {group_id} is not a consumer group."),
            None => format!("Group {group_id} not found."),
        };
        DescribedGroup::default()
            .with_group_id(wire(group_id).into())
            .with_error_code(ErrorCode::GroupIdNotFound.code())
            .with_error_message(Some(wire(&message)))
    }
}
