//! InitProducerId: an id for an idempotent producer.
//!
//! A producer with a transactional id is told that it may not use it: every client takes that as final. To most other
//! errors librdkafka tries again until its time is over, and so does Java's client if a coordinator is missing.

use std::sync::Arc;

use protocol::messages::{
    InitProducerIdRequest, InitProducerIdResponse, ProducerId, Request, Response,
};
use protocol::{ErrorCode, ProducerId as Id};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::drivers::producer_ids::ProducerIds;
use crate::net::Reply;

/// The epoch of a producer id that nobody has had before.
const FIRST_EPOCH: i16 = 0;
/// What stands for no producer id, and for no epoch.
const NONE: (ProducerId, i16) = (ProducerId(-1), -1);

pub(super) fn handle(broker: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::InitProducerId(request) = request else { return misrouted(&request) };
    if let Err(code) = check(&request) {
        return Reply::now(Response::InitProducerId(answer(Err(code))));
    }
    let broker = Arc::clone(broker);
    Reply::later(async move {
        let id = ProducerIds::next(&broker).await.map_err(|err| err.code);
        Response::InitProducerId(answer(id)).into()
    })
}

fn check(request: &InitProducerIdRequest) -> Result<(), ErrorCode> {
    if request.transactional_id.is_some() {
        return Err(ErrorCode::TransactionalIdAuthorizationFailed);
    }
    // A producer that has had an id names its epoch too. Without transactions it gets a new one all the same (KIP-360).
    let (has_id, has_epoch) = (request.producer_id != NONE.0, request.producer_epoch != NONE.1);
    if has_id == has_epoch { Ok(()) } else { Err(ErrorCode::InvalidRequest) }
}

fn answer(id: Result<Id, ErrorCode>) -> InitProducerIdResponse {
    let (code, id, epoch) = match id {
        Ok(id) => (ErrorCode::None, ProducerId(id.0), FIRST_EPOCH),
        Err(code) => (code, NONE.0, NONE.1),
    };
    InitProducerIdResponse::default()
        .with_error_code(code.code())
        .with_producer_id(id)
        .with_producer_epoch(epoch)
}
