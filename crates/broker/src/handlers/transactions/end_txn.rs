//! EndTxn: a transaction is committed or aborted.

use std::sync::Arc;

use coordinator::txn::{Answer, Producer};
use protocol::messages::{EndTxnRequest, EndTxnResponse, ProducerId, Request, Response};
use protocol::{ErrorCode, ProducerEpoch, ProducerId as Id};

use super::super::{Call, misrouted};
use super::{answer, for_client};
use crate::broker::Broker;
use crate::drivers::producer_ids::ProducerIds;
use crate::net::Reply;

/// From this version on, a client uses the second version of transactions: each end begins a new epoch.
const SECOND_VERSION_SINCE: i16 = 5;

/// From this version on, clients know the error of a producer that is fenced.
const FENCED_SINCE: i16 = 2;

pub(in crate::handlers) fn end_txn(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::EndTxn(request) = request else { return misrouted(&request) };
    let version = call.header.version;
    let broker = Arc::clone(broker);
    Reply::later(async move {
        let ended = for_client(end(&broker, version, &request).await, version, FENCED_SINCE);
        Response::EndTxn(response(ended, version)).into()
    })
}

async fn end(broker: &Arc<Broker>, version: i16, request: &EndTxnRequest) -> Answer {
    let client_version = if version >= SECOND_VERSION_SINCE { 2 } else { 0 };
    if client_version == 2 {
        // The last epoch of a producer id ends with a new id.
        ProducerIds::reserve(broker).await.map_err(|err| err.code)?;
    }
    let id = &request.transactional_id;
    let from = Producer {
        transactional_id: id,
        id: Id(request.producer_id.0),
        epoch: ProducerEpoch(request.producer_epoch),
    };
    let is_commit = request.committed;
    answer(broker.transactions.ask(id, |shard, turn, ticket| {
        shard.end_txn(turn, ticket, from, is_commit, client_version);
    }))
    .await
}

fn response(ended: Answer, version: i16) -> EndTxnResponse {
    let none = (Id::NONE, ProducerEpoch::NONE);
    let (code, (id, epoch)) = match ended {
        Ok(producer) if version >= SECOND_VERSION_SINCE => (ErrorCode::None, producer),
        Ok(_) => (ErrorCode::None, none),
        Err(code) => (code, none),
    };
    EndTxnResponse::default()
        .with_error_code(code.code())
        .with_producer_id(ProducerId(id.0))
        .with_producer_epoch(epoch.0)
}
