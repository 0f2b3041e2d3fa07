//! DescribeGroups, ListGroups and DeleteGroups.

use std::sync::Arc;

use coordinator::GroupFilter;
use protocol::messages::delete_groups_response::DeletableGroupResult;
use protocol::messages::describe_groups_response::DescribedGroup;
use protocol::messages::{
    DeleteGroupsResponse, DescribeGroupsResponse, GroupId, ListGroupsResponse, Request, Response,
};

use super::super::{Call, each_once, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::wire;

pub(in crate::handlers) fn describe_groups(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::DescribeGroups(request) = request else { return misrouted(&request) };
    let groups = each_once(&request.groups, |group_id| *group_id).map(|group_id| {
        let described = broker
            .groups
            .look_at(group_id, |shard| shard.describe_group(group_id, call.header.version));
        described.unwrap_or_else(|code| {
            DescribedGroup::default().with_group_id(group_id.clone()).with_error_code(code.code())
        })
    });
    let operations = if request.include_authorized_operations {
        wire::ALL_GROUP_OPERATIONS
    } else {
        wire::OPERATIONS_NOT_ASKED
    };
    let groups = groups.map(|group| match group.error_code {
        0 => group.with_authorized_operations(operations),
        _ => group,
    });
    let response = DescribeGroupsResponse::default().with_groups(groups.collect());
    Reply::now(Response::DescribeGroups(response))
}

pub(in crate::handlers) fn list_groups(
    broker: &Arc<Broker>,
    _: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::ListGroups(request) = request else { return misrouted(&request) };
    let filter = GroupFilter::new(&request);
    let groups = broker.groups.look(|shard| shard.list_groups(&filter));
    let response =
        ListGroupsResponse::default().with_groups(groups.into_iter().flatten().collect());
    Reply::now(Response::ListGroups(response))
}

pub(in crate::handlers) fn delete_groups(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::DeleteGroups(request) = request else { return misrouted(&request) };
    let version = call.header.version;
    // Each group is asked for by itself: they may belong to different shards.
    let asked: Vec<_> = each_once(request.groups_names, GroupId::clone)
        .map(|group_id| {
            let ids = [group_id.clone()];
            let asked = broker.groups.ask(&group_id, version, |shard, now, token, out| {
                shard.delete_groups(now, token, &ids, out);
            });
            (group_id, asked)
        })
        .collect();
    Reply::later(async move {
        let mut results = Vec::with_capacity(asked.len());
        for (group_id, asked) in asked {
            let answer = match asked {
                Ok(answer) => answer.await.map_err(|_| protocol::ErrorCode::NotCoordinator),
                Err(code) => Err(code),
            };
            match answer.map(|response| *response) {
                Ok(Response::DeleteGroups(response)) => results.extend(response.results),
                Ok(_) => {}
                Err(code) => results.push(failed(group_id, code)),
            }
        }
        Response::DeleteGroups(DeleteGroupsResponse::default().with_results(results)).into()
    })
}

fn failed(group_id: GroupId, code: protocol::ErrorCode) -> DeletableGroupResult {
    DeletableGroupResult::default().with_group_id(group_id).with_error_code(code.code())
}
