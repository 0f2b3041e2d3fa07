//! FindCoordinator: which broker coordinates groups and transactions. The topics that they are kept in are made when they
//! are first needed.

use std::sync::Arc;

use protocol::ErrorCode;
use protocol::messages::find_coordinator_response::Coordinator;
use protocol::messages::{
    FindCoordinatorRequest, FindCoordinatorResponse, Request, Response, StrBytes,
};

use super::super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::topics::{CONSUMER_OFFSETS, TRANSACTION_STATE};
use crate::wire;

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// From this version on, several keys are asked for at once (KIP-699).
const SEVERAL_KEYS_SINCE: i16 = 4;

/// Where the coordinator is, or why there is none.
type Found = Result<(String, u16), ErrorCode>;

pub(in crate::handlers) fn find_coordinator(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::FindCoordinator(request) = request else { return misrouted(&request) };
    let address = broker.address_for(call.peer);
    let version = call.header.version;
    let broker = Arc::clone(broker);
    let topic = match request.key_type {
        GROUP => CONSUMER_OFFSETS,
        TRANSACTION => TRANSACTION_STATE,
        _ => {
            return Reply::now(answer(&broker, &request, version, &Err(ErrorCode::InvalidRequest)));
        }
    };
    if broker.partitions.topic(topic).is_some() {
        return Reply::now(answer(&broker, &request, version, &Ok(address)));
    }
    Reply::later(async move {
        let made = broker.ensure_internal_topic(topic).await;
        answer(&broker, &request, version, &made.map(|()| address).map_err(|err| err.code)).into()
    })
}

fn answer(
    broker: &Broker,
    request: &FindCoordinatorRequest,
    version: i16,
    found: &Found,
) -> Response {
    let response = FindCoordinatorResponse::default();
    if version < SEVERAL_KEYS_SINCE {
        return Response::FindCoordinator(match found {
            Ok((host, port)) => response
                .with_node_id(wire::broker_id(broker.node_id))
                .with_host(wire::text(host))
                .with_port((*port).into()),
            Err(code) => response
                .with_node_id(wire::NO_BROKER)
                .with_port(-1)
                .with_error_code(code.code())
                .with_error_message(Some(wire::text(code.message()))),
        });
    }
    let coordinators = request.coordinator_keys.iter().map(|key| of_key(broker, key, found));
    Response::FindCoordinator(response.with_coordinators(coordinators.collect()))
}

fn of_key(broker: &Broker, key: &StrBytes, found: &Found) -> Coordinator {
    let coordinator = Coordinator::default().with_key(key.clone());
    match found {
        Ok((host, port)) => coordinator
            .with_node_id(wire::broker_id(broker.node_id))
            .with_host(wire::text(host))
            .with_port((*port).into()),
        Err(code) => coordinator
            .with_node_id(wire::NO_BROKER)
            .with_port(-1)
            .with_error_code(code.code())
            .with_error_message(Some(wire::text(code.message()))),
    }
}
