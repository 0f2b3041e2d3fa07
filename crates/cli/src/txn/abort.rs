//! `ottla txn abort`.
//!
//! By its coordinator a transaction is aborted in all its partitions, and its producer is fenced. One that no coordinator
//! knows is ended by a marker in the partition where it hangs. That is refused for a transaction that a coordinator has
//! open there: it would be torn.

use clap::Args;
use client::Client;
use protocol::messages::{InitProducerIdRequest, ProducerId as WireProducerId, TransactionalId};
use protocol::{ErrorCode, PartitionId, TopicPartition};

use super::known::{self, of_producers};
use super::open::{OpenTransaction, open_in, write_abort_marker};
use crate::Error;
use crate::connect::Connect;
use crate::outcome::{Outcome, report};
use crate::output::Output;
use crate::wire::text;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ottla txn abort billing-writer-7
  ottla txn abort --topic orders --partition 3 --start-offset 4711      one that hangs; `ottla doctor` finds it";

/// What to abort.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The transactional ids whose transactions are open.
    #[arg(
        value_name = "TRANSACTIONAL-ID",
        required_unless_present = "topic",
        conflicts_with = "topic"
    )]
    ids: Vec<String>,
    #[command(flatten)]
    place: Option<Place>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

/// Which transaction of a partition.
#[derive(Debug, Args)]
struct Place {
    /// The topic in which one hangs.
    #[arg(long, requires = "partition", requires = "which", required = false)]
    topic: String,
    /// The partition in which one hangs.
    #[arg(long, requires = "topic", required = false, value_name = "NUMBER")]
    partition: i32,
    /// Where it begins.
    #[arg(long, requires = "topic", group = "which", value_name = "OFFSET")]
    start_offset: Option<i64>,
    /// Whose it is.
    #[arg(long, requires = "topic", group = "which", value_name = "ID")]
    producer_id: Option<i64>,
    /// The epoch in which that producer has begun it.
    #[arg(long, requires = "producer_id", value_name = "EPOCH")]
    producer_epoch: Option<i16>,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let mut outcomes = Vec::new();
    if let Some(place) = &arguments.place {
        let partition = TopicPartition::new(place.topic.as_str(), PartitionId(place.partition));
        let found = find(&client, &partition, place).await?;
        let result = write_abort_marker(&client, &partition, &found).await;
        let name = format!("transaction of producer {} in {partition}", found.producer_id);
        outcomes.push(Outcome::new(name, "aborted", result));
    }
    for id in arguments.ids {
        let result = abort(&client, &id).await;
        outcomes.push(Outcome::new(id, "aborted", result));
    }
    report(&arguments.output, outcomes)
}

/// Has the coordinator abort a transaction: it does so before it gives the id to somebody else, and that are we.
async fn abort(client: &Client, id: &str) -> Result<(), client::Error> {
    let known = known::describe(client, id).await?;
    if !known.is_ongoing() {
        let message = format!("its transaction is {}, there is nothing to abort", known.state);
        let code = ErrorCode::InvalidTxnState.code();
        return Err(client::Error::refused(format!("transactional id {id}"), code, Some(&message)));
    }
    let ask = |coordinator: client::Connection| async move {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(TransactionalId(text(id))))
            .with_transaction_timeout_ms(known.timeout_ms)
            .with_producer_id(WireProducerId(-1))
            .with_producer_epoch(-1);
        // Until the markers are written the answer is that it is to be asked again.
        let response = coordinator.call(request).await?;
        client::Error::check(response.error_code, None, || format!("transactional id {id}"))
    };
    client.with_transaction_coordinator(id, ask).await
}

/// The transaction that hangs in a place.
async fn find(
    client: &Client,
    partition: &TopicPartition,
    place: &Place,
) -> Result<OpenTransaction, Error> {
    let open = open_in(client, partition).await?;
    let is_it = |it: &&OpenTransaction| {
        place.start_offset.is_none_or(|offset| offset == it.start.0)
            && place.producer_id.is_none_or(|id| id == it.producer_id.0)
            && place.producer_epoch.is_none_or(|epoch| epoch == it.producer_epoch.0)
    };
    let Some(found) = open.iter().find(is_it) else {
        let all: Vec<_> = open.iter().map(show).collect();
        let all = if all.is_empty() { "none is".to_owned() } else { all.join(", ") };
        return Err(Error::invalid(format!("no such transaction is open in {partition}: {all}")));
    };
    let known = of_producers(client, [found.producer_id]).await?;
    match known.iter().find(|it| it.is_live() && it.partitions.contains(partition)) {
        None => Ok(found.clone()),
        Some(live) => Err(Error::invalid(format!(
            "it does not hang: it is part of the transaction of {id}, which is {state}; `ottla txn abort {id}` aborts it in \
             all its partitions",
            id = live.transactional_id,
            state = live.state,
        ))),
    }
}

fn show(open: &OpenTransaction) -> String {
    let OpenTransaction { producer_id, producer_epoch, start, .. } = open;
    format!("that of producer {producer_id} (epoch {producer_epoch}) from {start} on")
}
