//! JoinGroup, SyncGroup, Heartbeat and LeaveGroup: the classic protocol.

use std::sync::Arc;

use protocol::messages::{
    HeartbeatResponse, JoinGroupResponse, LeaveGroupResponse, Request, Response, SyncGroupResponse,
};

use super::super::{Call, misrouted};
use super::{ask, client, host};
use crate::broker::Broker;
use crate::net::Reply;

pub(in crate::handlers) fn join_group(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::JoinGroup(request) = request else { return misrouted(&request) };
    let host = host(call);
    let client = client(call, &host);
    ask(
        broker,
        &request.group_id,
        call.header.version,
        |shard, now, token, out| shard.join_group(now, client, token, &request, out),
        |code| Response::JoinGroup(JoinGroupResponse::default().with_error_code(code.code())),
    )
}

pub(in crate::handlers) fn sync_group(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::SyncGroup(request) = request else { return misrouted(&request) };
    ask(
        broker,
        &request.group_id,
        call.header.version,
        |shard, now, token, out| shard.sync_group(now, token, &request, out),
        |code| Response::SyncGroup(SyncGroupResponse::default().with_error_code(code.code())),
    )
}

pub(in crate::handlers) fn heartbeat(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::Heartbeat(request) = request else { return misrouted(&request) };
    ask(
        broker,
        &request.group_id,
        call.header.version,
        |shard, now, token, out| shard.heartbeat(now, token, &request, out),
        |code| Response::Heartbeat(HeartbeatResponse::default().with_error_code(code.code())),
    )
}

pub(in crate::handlers) fn leave_group(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::LeaveGroup(request) = request else { return misrouted(&request) };
    ask(
        broker,
        &request.group_id,
        call.header.version,
        |shard, now, token, out| shard.leave_group(now, token, &request, out),
        |code| Response::LeaveGroup(LeaveGroupResponse::default().with_error_code(code.code())),
    )
}
