//! DescribeTransactions and ListTransactions.

use std::collections::BTreeSet;
use std::sync::Arc;

use coordinator::txn::{Described, Filter, Listed, TransactionState};
use protocol::messages::describe_transactions_response::{
    TopicData, TransactionState as DescribedState,
};
use protocol::messages::list_transactions_response::TransactionState as ListedState;
use protocol::messages::{
    DescribeTransactionsResponse, ListTransactionsRequest, ListTransactionsResponse, ProducerId,
    Request, Response, StrBytes, TransactionalId,
};
use protocol::{ErrorCode, ProducerId as Id, Timestamp};
use regex::{Regex, RegexBuilder};

use super::super::{Call, each_once, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::wire;

/// A pattern may take so much memory once it is compiled: a client must not be able to fill ours.
const PATTERN_BYTES_MAX: usize = 1 << 20;

pub(in crate::handlers) fn describe_transactions(
    broker: &Arc<Broker>,
    _: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::DescribeTransactions(request) = request else { return misrouted(&request) };
    let ids = each_once(request.transactional_ids, TransactionalId::clone);
    let states = ids.map(|id| {
        let described = match id.is_empty() {
            true => Err(ErrorCode::InvalidRequest),
            false => broker.transactions.look_at(&id, |shard| shard.describe(&id)),
        };
        let described = described.and_then(|known| known.ok_or(ErrorCode::TransactionalIdNotFound));
        let state = DescribedState::default().with_transactional_id(id);
        match described {
            Ok(described) => show(state, described),
            Err(code) => state.with_error_code(code.code()),
        }
    });
    let response =
        DescribeTransactionsResponse::default().with_transaction_states(states.collect());
    Reply::now(Response::DescribeTransactions(response))
}

fn show(state: DescribedState, described: Described) -> DescribedState {
    let mut topics: Vec<TopicData> = Vec::new();
    // They come topic by topic.
    for partition in &described.partitions {
        if topics.last().is_none_or(|topic| **topic.topic != *partition.topic) {
            topics.push(TopicData::default().with_topic(wire::topic_name(&partition.topic)));
        }
        if let Some(topic) = topics.last_mut() {
            topic.partitions.push(partition.partition.0);
        }
    }
    state
        .with_transaction_state(StrBytes::from_static_str(described.state.name()))
        .with_transaction_timeout_ms(described.timeout_ms)
        .with_transaction_start_time_ms(described.start.0)
        .with_producer_id(ProducerId(described.producer_id.0))
        .with_producer_epoch(described.producer_epoch.0)
        .with_topics(topics)
}

pub(in crate::handlers) fn list_transactions(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::ListTransactions(request) = request else { return misrouted(&request) };
    let response = match list(broker, &request, call.now) {
        Ok(listed) => {
            let unknown = request.state_filters.into_iter();
            let unknown = unknown.filter(|name| TransactionState::from_name(name).is_none());
            ListTransactionsResponse::default()
                .with_unknown_state_filters(unknown.collect())
                .with_transaction_states(listed)
        }
        Err(code) => ListTransactionsResponse::default().with_error_code(code.code()),
    };
    Reply::now(Response::ListTransactions(response))
}

fn list(
    broker: &Broker,
    request: &ListTransactionsRequest,
    now: Timestamp,
) -> Result<Vec<ListedState>, ErrorCode> {
    let pattern = request.transactional_id_pattern.as_deref().filter(|text| !text.is_empty());
    let pattern = pattern.map(compile).transpose()?;
    let matches = |id: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(id));
    let names = &request.state_filters;
    let states = names.iter().filter_map(|name| TransactionState::from_name(name)).collect();
    let producer_ids: BTreeSet<_> = request.producer_id_filters.iter().map(|id| Id(id.0)).collect();
    let duration_ms = request.duration_filter;
    let filter = Filter {
        producer_ids: (!producer_ids.is_empty()).then_some(&producer_ids),
        states: (!names.is_empty()).then_some(&states),
        longer_than_ms: (duration_ms >= 0).then_some(duration_ms),
        matches: Some(&matches),
    };
    let listed = broker.transactions.look(|shard| shard.list(&filter, now));
    let show = |Listed { transactional_id, producer_id, state }| {
        ListedState::default()
            .with_transactional_id(TransactionalId(wire::text(&transactional_id)))
            .with_producer_id(ProducerId(producer_id.0))
            .with_transaction_state(StrBytes::from_static_str(state.name()))
    };
    Ok(listed.into_iter().flatten().map(show).collect())
}

/// The whole id has to match. The engine takes linear time, whatever the pattern is.
fn compile(pattern: &str) -> Result<Regex, ErrorCode> {
    let whole = format!("^(?:{pattern})$");
    let compiled = RegexBuilder::new(&whole).size_limit(PATTERN_BYTES_MAX).build();
    compiled.map_err(|_| ErrorCode::InvalidRegularExpression)
}
