//! ConsumerGroupHeartbeat and ConsumerGroupDescribe: the consumer protocol (KIP-848).

use std::sync::Arc;

use protocol::ErrorCode;
use protocol::messages::consumer_group_describe_response::DescribedGroup;
use protocol::messages::{
    ConsumerGroupDescribeResponse, ConsumerGroupHeartbeatResponse, Request, Response,
};

use super::super::{Call, each_once, misrouted};
use super::{ask, client, host};
use crate::broker::Broker;
use crate::net::Reply;
use crate::wire::ALL_GROUP_OPERATIONS;

pub(in crate::handlers) fn consumer_group_heartbeat(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::ConsumerGroupHeartbeat(request) = request else { return misrouted(&request) };
    let host = host(call);
    let client = client(call, &host);
    ask(
        broker,
        &request.group_id,
        call.header.version,
        |shard, now, token, out| shard.consumer_group_heartbeat(now, client, token, &request, out),
        |code| {
            let response = ConsumerGroupHeartbeatResponse::default();
            Response::ConsumerGroupHeartbeat(response.with_error_code(code.code()))
        },
    )
}

pub(in crate::handlers) fn consumer_group_describe(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::ConsumerGroupDescribe(request) = request else { return misrouted(&request) };
    let version = call.header.version;
    let groups = each_once(&request.group_ids, |group_id| *group_id).map(|group_id| {
        let described = if group_id.is_empty() {
            Err(ErrorCode::InvalidGroupId)
        } else {
            broker
                .groups
                .look_at(group_id, |shard| shard.describe_consumer_group(group_id, version))
        };
        let described = described.unwrap_or_else(|code| {
            DescribedGroup::default().with_group_id(group_id.clone()).with_error_code(code.code())
        });
        if request.include_authorized_operations && described.error_code == 0 {
            return described.with_authorized_operations(ALL_GROUP_OPERATIONS);
        }
        described
    });
    let response = ConsumerGroupDescribeResponse::default().with_groups(groups.collect());
    Reply::now(Response::ConsumerGroupDescribe(response))
}
