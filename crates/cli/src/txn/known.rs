//! What the coordinators know of transactions.

use client::{Client, Error, Topics};
use protocol::messages::list_transactions_response::TransactionState as Listed;
use protocol::messages::{
    DescribeTransactionsRequest, ListTransactionsRequest, ListTransactionsResponse,
    ProducerId as WireProducerId, TransactionalId,
};
use protocol::{
    BrokerId, ErrorCode, PartitionId, ProducerEpoch, ProducerId, Timestamp, TopicPartition,
};

use crate::wire::text;

/// A transactional id as its coordinator describes it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) transactional_id: String,
    pub(crate) coordinator: String,
    pub(crate) state: String,
    pub(crate) producer_id: ProducerId,
    pub(crate) producer_epoch: ProducerEpoch,
    pub(crate) timeout_ms: i32,
    /// When the transaction began; none if there has been none.
    pub(crate) start: Timestamp,
    /// Where it writes to; after its end, none.
    pub(crate) partitions: Vec<TopicPartition>,
}

impl Known {
    /// True if a transaction is open, or its end not yet written everywhere.
    pub(crate) fn is_live(&self) -> bool {
        self.is_ongoing() || self.state.starts_with("Prepare")
    }

    /// True if a transaction is open.
    pub(crate) fn is_ongoing(&self) -> bool {
        self.state == "Ongoing"
    }

    /// How long ago it began.
    pub(crate) fn age_ms(&self, now: Timestamp) -> Option<i64> {
        (!self.start.is_none()).then(|| now.0.saturating_sub(self.start.0).max(0))
    }
}

/// What each broker answers: it lists the ids that it coordinates.
pub(super) async fn list(
    client: &Client,
    request: &ListTransactionsRequest,
) -> Result<Vec<(BrokerId, ListTransactionsResponse)>, Error> {
    let mut answers = Vec::new();
    for id in client.metadata(Topics::Named(&[])).await?.brokers.into_keys() {
        let response = client.broker(id).await?.call(request.clone()).await?;
        Error::check(response.error_code, None, || format!("transactions of broker {id}"))?;
        answers.push((id, response));
    }
    Ok(answers)
}

/// Asks the coordinator of a transactional id.
pub(super) async fn describe(client: &Client, transactional_id: &str) -> Result<Known, Error> {
    let what = || format!("transactional id {transactional_id}");
    let ask = |coordinator: client::Connection| async move {
        let ids = vec![TransactionalId(text(transactional_id))];
        let request = DescribeTransactionsRequest::default().with_transactional_ids(ids);
        let response = coordinator.call(request).await?;
        let described = response.transaction_states.into_iter().next();
        let Some(found) = described else {
            return Err(Error::refused(what(), ErrorCode::TransactionalIdNotFound.code(), None));
        };
        Error::check(found.error_code, None, what)?;
        let partitions = found.topics.into_iter().flat_map(|topic| {
            let name = topic.topic.to_string();
            let ids = topic.partitions.into_iter();
            ids.map(move |id| TopicPartition::new(name.as_str(), PartitionId(id)))
        });
        Ok(Known {
            transactional_id: transactional_id.to_owned(),
            coordinator: coordinator.address().to_owned(),
            state: found.transaction_state.to_string(),
            producer_id: ProducerId(found.producer_id.0),
            producer_epoch: ProducerEpoch(found.producer_epoch),
            timeout_ms: found.transaction_timeout_ms,
            start: Timestamp(found.transaction_start_time_ms),
            partitions: partitions.collect(),
        })
    };
    client.with_transaction_coordinator(transactional_id, ask).await
}

/// The transactional ids that some producers have now.
pub(crate) async fn of_producers(
    client: &Client,
    producers: impl IntoIterator<Item = ProducerId>,
) -> Result<Vec<Known>, Error> {
    let ids: Vec<_> = producers.into_iter().map(|id| WireProducerId(id.0)).collect();
    if ids.is_empty() {
        // No id at all would be a filter that lets everything through.
        return Ok(Vec::new());
    }
    let request = ListTransactionsRequest::default().with_producer_id_filters(ids);
    let answers = list(client, &request).await?;
    let mut known = Vec::new();
    for Listed { transactional_id, .. } in
        answers.into_iter().flat_map(|(_, answer)| answer.transaction_states)
    {
        match describe(client, &transactional_id).await {
            Ok(described) => known.push(described),
            // It was forgotten meanwhile.
            Err(err) if err.code() == Some(ErrorCode::TransactionalIdNotFound) => {}
            Err(err) => return Err(err),
        }
    }
    Ok(known)
}
