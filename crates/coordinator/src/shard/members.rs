//! The requests of the classic protocol, as far as they are not about a group that exists.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use protocol::ErrorCode;
use protocol::messages::join_group_request::JoinGroupRequestProtocol;
use protocol::messages::leave_group_request::MemberIdentity;
use protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, LeaveGroupRequest, LeaveGroupResponse,
    SyncGroupRequest,
};
use protocol::wire::STRING_BYTES_MAX;
use uuid::Uuid;

use super::Shard;
use crate::classic::{self, Join, Protocol, Sync};
use crate::consumer;
use crate::group::Group;
use crate::outcome::{Action, Now, Then, Token};

/// Who asks.
#[derive(Copy, Clone, Debug)]
pub struct Client<'a> {
    /// The client's id, from the header of its request.
    pub id: &'a str,
    /// The client's address, as Kafka prints it: `/127.0.0.1`.
    pub host: &'a str,
    /// A random number, should it need an id as a member.
    pub uuid: Uuid,
}

/// From this version of SyncGroup on, members say what protocol they believe the group to follow.
const SYNC_NAMES_PROTOCOL: i16 = 5;

impl Shard {
    /// Somebody joins a group. It is answered when the others have joined too.
    pub fn join_group(
        &mut self,
        now: Now,
        client: Client<'_>,
        token: Token,
        request: &JoinGroupRequest,
        out: &mut Vec<Action>,
    ) {
        let join = match self.parse_join(client, token, request) {
            Ok(join) => join,
            Err(error) => {
                let response = classic::refuse_join(&request.member_id, error);
                return self.split(now, out).1.respond(token, response);
            }
        };
        let (groups, mut turn) = self.split(now, out);
        let id: Arc<str> = Arc::from(&**request.group_id);
        let mut records = Vec::new();
        match groups.get_mut(&id) {
            Some(Group::Classic(group)) => return group.join(join, &mut turn),
            Some(Group::Consumer(group)) if !group.is_empty() => {
                return match group.join(&join, &mut turn) {
                    Ok(consumer::Joined { change, response }) => {
                        self.answer_change(now, id, change, (token, response), out);
                    }
                    Err(response) => turn.respond(token, *response),
                };
            }
            // It is made a classic one.
            Some(Group::Consumer(group)) => records = group.tombstones(),
            None => {}
        }
        if !join.member_id.is_empty() {
            let response = classic::refuse_join(&join.member_id, ErrorCode::UnknownMemberId);
            return turn.respond(token, response);
        }
        let mut group = classic::Group::new(Arc::clone(&id), now.timestamp);
        group.join(join, &mut turn);
        if !group.is_deserted() {
            // It is in the log from the beginning, so that it can be deleted from there when nobody comes.
            let empty = classic::Group::new(Arc::clone(&id), now.timestamp);
            records.push(empty.picture(None));
            if let Err((error, _)) = turn.append_all(records, Then::Nothing) {
                tracing::warn!(group = %id, %error, "a new group cannot be logged");
            }
            groups.insert(id, Group::Classic(group));
        }
    }

    /// Makes sure that the values are possible, and takes copies of what is kept for longer than the frame.
    fn parse_join(
        &self,
        client: Client<'_>,
        token: Token,
        request: &JoinGroupRequest,
    ) -> Result<Join, ErrorCode> {
        let settings = &self.settings;
        let session_timeouts_ms =
            settings.group_min_session_timeout_ms..=settings.group_max_session_timeout_ms;
        if request.group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        if !session_timeouts_ms.contains(&request.session_timeout_ms) {
            return Err(ErrorCode::InvalidSessionTimeout);
        }
        let instance_id = request.group_instance_id.as_deref();
        let new_member_id = format!("{}-{}", instance_id.unwrap_or(client.id), client.uuid);
        if new_member_id.len() > STRING_BYTES_MAX {
            return Err(ErrorCode::InvalidRequest);
        }
        // Version 0 has one timeout for both.
        let rebalance_timeout_ms = match token.api_version {
            0 => request.session_timeout_ms,
            _ => request.rebalance_timeout_ms,
        };
        Ok(Join {
            token,
            member_id: Arc::from(&*request.member_id),
            new_member_id: new_member_id.into(),
            instance_id: instance_id.map(Arc::from),
            client_id: client.id.to_owned(),
            client_host: client.host.to_owned(),
            session_timeout_ms: request.session_timeout_ms,
            rebalance_timeout_ms,
            protocol_type: Arc::from(&*request.protocol_type),
            protocols: protocols(&request.protocols),
            reason: request.reason.as_deref().unwrap_or("not provided").to_owned(),
        })
    }

    /// A member asks for its assignment. It is answered when the leader has handed them in.
    pub fn sync_group(
        &mut self,
        now: Now,
        token: Token,
        request: &SyncGroupRequest,
        out: &mut Vec<Action>,
    ) {
        let names_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
        let (groups, mut turn) = self.split(now, out);
        let error = if token.api_version >= SYNC_NAMES_PROTOCOL && !names_protocol {
            ErrorCode::InconsistentGroupProtocol
        } else if request.group_id.is_empty() {
            ErrorCode::InvalidGroupId
        } else {
            let sync = Sync {
                token,
                generation: request.generation_id,
                member_id: &request.member_id,
                instance_id: request.group_instance_id.as_deref(),
                protocol_type: request.protocol_type.as_deref(),
                protocol: request.protocol_name.as_deref(),
                assignments: &request.assignments,
            };
            match groups.get_mut(&**request.group_id) {
                Some(Group::Classic(group)) => return group.sync(sync, &mut turn),
                Some(Group::Consumer(group)) => match group.sync(&sync, &mut turn) {
                    Ok(response) => return self.respond_when_committed(now, token, response, out),
                    Err(error) => error,
                },
                None => ErrorCode::UnknownMemberId,
            }
        };
        turn.respond(token, classic::refuse_sync(error));
    }

    /// A member is alive.
    pub fn heartbeat(
        &mut self,
        now: Now,
        token: Token,
        request: &HeartbeatRequest,
        out: &mut Vec<Action>,
    ) {
        let (groups, mut turn) = self.split(now, out);
        let instance_id = request.group_instance_id.as_deref();
        let (member_id, generation) = (&*request.member_id, request.generation_id);
        let result = match groups.get_mut(&**request.group_id) {
            _ if request.group_id.is_empty() => Err(ErrorCode::InvalidGroupId),
            Some(Group::Classic(group)) => {
                group.heartbeat(member_id, instance_id, generation, &mut turn)
            }
            Some(Group::Consumer(group)) => {
                group.heartbeat_classic(member_id, instance_id, generation, &mut turn)
            }
            None => Err(ErrorCode::UnknownMemberId),
        };
        let error = result.err().unwrap_or(ErrorCode::None);
        turn.respond(token, HeartbeatResponse::default().with_error_code(error.code()));
    }

    /// Members leave. It is answered at once: that they are gone is not for the log, only that nobody is left.
    pub fn leave_group(
        &mut self,
        now: Now,
        token: Token,
        request: &LeaveGroupRequest,
        out: &mut Vec<Action>,
    ) {
        let (groups, mut turn) = self.split(now, out);
        let response = LeaveGroupResponse::default();
        if request.group_id.is_empty() {
            let error = ErrorCode::InvalidGroupId;
            return turn.respond(token, response.with_error_code(error.code()));
        }
        // Older versions are about one member.
        let alone;
        let members = if token.api_version <= 2 {
            alone = [MemberIdentity::default().with_member_id(request.member_id.clone())];
            &alone[..]
        } else {
            &request.members
        };
        let responses = match groups.get_mut(&**request.group_id) {
            Some(Group::Classic(group)) => group.leave(members, &mut turn),
            Some(Group::Consumer(_)) => {
                return self.leave_consumers(now, token, &request.group_id, members, out);
            }
            None => {
                let refuse = |member| classic::left(member, Err(ErrorCode::UnknownMemberId));
                members.iter().map(refuse).collect()
            }
        };
        turn.respond(token, response.with_members(responses));
    }
}

/// The protocols, each name once: members vote for names.
fn protocols(requested: &[JoinGroupRequestProtocol]) -> Vec<Protocol> {
    let mut names = HashSet::new();
    let distinct = requested.iter().filter(|protocol| names.insert(&protocol.name));
    let copy = |protocol: &JoinGroupRequestProtocol| Protocol {
        name: Arc::from(&*protocol.name),
        metadata: Bytes::copy_from_slice(&protocol.metadata),
    };
    distinct.map(copy).collect()
}
