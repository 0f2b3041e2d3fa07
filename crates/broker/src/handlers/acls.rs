//! DescribeAcls, CreateAcls and DeleteAcls: refused, because there is no authorizer that would ask them. As in Kafka
//! every rule and every filter is refused on its own (`AclApis`).

use std::sync::Arc;

use controller::decide::ApiError;
use protocol::ErrorCode;
use protocol::messages::create_acls_response::AclCreationResult;
use protocol::messages::delete_acls_response::DeleteAclsFilterResult;
use protocol::messages::{
    CreateAclsResponse, DeleteAclsResponse, DescribeAclsResponse, Request, Response,
};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::wire;

pub(super) fn describe(_: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::DescribeAcls(_) = request else { return misrouted(&request) };
    let (code, message) = wire::error(Some(disabled()));
    let response =
        DescribeAclsResponse::default().with_error_code(code).with_error_message(message);
    Reply::now(Response::DescribeAcls(response))
}

pub(super) fn create(_: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::CreateAcls(request) = request else { return misrouted(&request) };
    let (code, message) = wire::error(Some(disabled()));
    let refused = AclCreationResult::default().with_error_code(code).with_error_message(message);
    let results = vec![refused; request.creations.len()];
    Reply::now(Response::CreateAcls(CreateAclsResponse::default().with_results(results)))
}

pub(super) fn delete(_: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::DeleteAcls(request) = request else { return misrouted(&request) };
    let (code, message) = wire::error(Some(disabled()));
    let refused =
        DeleteAclsFilterResult::default().with_error_code(code).with_error_message(message);
    let results = vec![refused; request.filters.len()];
    Reply::now(Response::DeleteAcls(DeleteAclsResponse::default().with_filter_results(results)))
}

fn disabled() -> ApiError {
    ApiError {
        code: ErrorCode::SecurityDisabled,
        message: "no authorizer is configured, so there are no ACLs".to_owned(),
    }
}
