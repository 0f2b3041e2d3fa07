//! InitProducerId: an id for an idempotent producer, or the id and the next epoch of a transactional one.

use std::sync::Arc;

use coordinator::txn::{Answer, InitProducerId};
use protocol::messages::{
    InitProducerIdRequest, InitProducerIdResponse, ProducerId, Request, Response,
};
use protocol::{ErrorCode, ProducerEpoch, ProducerId as Id};

use super::{Call, misrouted, transactions};
use crate::broker::Broker;
use crate::drivers::producer_ids::ProducerIds;
use crate::net::Reply;

/// The epoch of a producer id that nobody has had before.
const FIRST_EPOCH: ProducerEpoch = ProducerEpoch(0);

/// From this version on, clients know the error of a producer that is fenced.
const FENCED_SINCE: i16 = 4;

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::InitProducerId(request) = request else { return misrouted(&request) };
    let version = call.header.version;
    let broker = Arc::clone(broker);
    Reply::later(async move {
        let answer = match (expected(&request), &request.transactional_id) {
            (Err(code), _) => Err(code),
            (Ok(expected), Some(id)) => transactional(&broker, id, &request, expected).await,
            (Ok(_), None) => {
                let id = ProducerIds::next(&broker).await;
                id.map(|id| (id, FIRST_EPOCH)).map_err(|err| err.code)
            }
        };
        let answer = transactions::for_client(answer, version, FENCED_SINCE);
        Response::InitProducerId(response(answer)).into()
    })
}

/// The id and epoch that a producer has had: it names both or none. Without transactions it gets a new id all the same
/// (KIP-360).
fn expected(request: &InitProducerIdRequest) -> Result<Option<(Id, ProducerEpoch)>, ErrorCode> {
    let (id, epoch) = (Id(request.producer_id.0), ProducerEpoch(request.producer_epoch));
    match (id == Id::NONE, epoch == ProducerEpoch::NONE) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some((id, epoch))),
        _ => Err(ErrorCode::InvalidRequest),
    }
}

async fn transactional(
    broker: &Arc<Broker>,
    transactional_id: &str,
    request: &InitProducerIdRequest,
    expected: Option<(Id, ProducerEpoch)>,
) -> Answer {
    ProducerIds::reserve(broker).await.map_err(|err| err.code)?;
    let timeout_ms = request.transaction_timeout_ms;
    let init = InitProducerId { transactional_id, timeout_ms, expected };
    let asked = broker.transactions.ask(transactional_id, |shard, turn, ticket| {
        shard.init_producer_id(turn, ticket, &init);
    });
    transactions::answer(asked).await
}

fn response(answer: Answer) -> InitProducerIdResponse {
    let (code, (id, epoch)) = match answer {
        Ok(producer) => (ErrorCode::None, producer),
        Err(code) => (code, (Id::NONE, ProducerEpoch::NONE)),
    };
    InitProducerIdResponse::default()
        .with_error_code(code.code())
        .with_producer_id(ProducerId(id.0))
        .with_producer_epoch(epoch.0)
}
