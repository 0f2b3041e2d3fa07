//! DescribeCluster: the brokers and where they are reached.

use std::sync::Arc;

use protocol::ErrorCode;
use protocol::messages::describe_cluster_response::DescribeClusterBroker;
use protocol::messages::{DescribeClusterRequest, DescribeClusterResponse, Request, Response};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::endpoints::View;
use crate::net::Reply;
use crate::wire;

/// What a client means to talk to (`EndpointType`).
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

/// From this version on, the type of the endpoint is in the request.
const ENDPOINT_TYPE_SINCE: i16 = 1;

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::DescribeCluster(request) = request else { return misrouted(&request) };
    let refusal = match request.endpoint_type {
        BROKERS => None,
        CONTROLLERS => Some((
            ErrorCode::MismatchedEndpointType,
            "this is a broker's listener, not a controller's",
        )),
        _ => Some((ErrorCode::UnsupportedEndpointType, "there is no such type of endpoint")),
    };
    let response = match refusal {
        None => answer(broker, call, &request),
        Some((code, message)) => {
            let has_type = call.header.version >= ENDPOINT_TYPE_SINCE;
            let code = if has_type { code } else { ErrorCode::InvalidRequest };
            DescribeClusterResponse::default()
                .with_error_code(code.code())
                .with_error_message(Some(wire::text(message)))
        }
    };
    Reply::now(Response::DescribeCluster(response))
}

fn answer(
    broker: &Broker,
    call: &Call<'_>,
    request: &DescribeClusterRequest,
) -> DescribeClusterResponse {
    let image = broker.image.load();
    let view = View { broker, image: &image, peer: call.peer };
    let is_shown = |is_fenced: bool| !is_fenced || request.include_fenced_brokers;
    let brokers = view.endpoints().filter(|endpoint| is_shown(endpoint.is_fenced));
    let brokers = brokers.map(|endpoint| {
        DescribeClusterBroker::default()
            .with_broker_id(wire::broker_id(endpoint.id))
            .with_host(wire::text(&endpoint.host))
            .with_port(endpoint.port.into())
            .with_rack(endpoint.rack.as_deref().map(wire::text))
            .with_is_fenced(endpoint.is_fenced)
    });
    let operations = if request.include_cluster_authorized_operations {
        wire::ALL_CLUSTER_OPERATIONS
    } else {
        wire::OPERATIONS_NOT_ASKED
    };
    DescribeClusterResponse::default()
        .with_error_message(None)
        .with_endpoint_type(BROKERS)
        .with_cluster_id(wire::text(image.cluster_id()))
        .with_controller_id(wire::broker_id(broker.node_id))
        .with_brokers(brokers.collect())
        .with_cluster_authorized_operations(operations)
}
