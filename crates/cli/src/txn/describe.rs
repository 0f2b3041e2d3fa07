//! `ottla txn describe`.

use clap::Args;
use client::{Client, Topics};
use protocol::Timestamp;
use serde::Serialize;

use super::known::{self, Known};
use super::open::open_in;
use crate::Error;
use crate::connect::Connect;
use crate::moment::{now, show_moment};
use crate::output::Output;
use crate::table::{Table, or_dash};

/// What to describe.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The transactional ids.
    #[arg(required = true, value_name = "TRANSACTIONAL-ID")]
    ids: Vec<String>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Transaction {
    transactional_id: String,
    state: String,
    coordinator: String,
    producer_id: i64,
    producer_epoch: i16,
    timeout_ms: i32,
    /// When it began; none if the producer has begun none.
    started: Option<String>,
    /// How long it has been open; none if it is not.
    open_for_ms: Option<i64>,
    partitions: Vec<Partition>,
}

#[derive(Debug, Serialize)]
struct Partition {
    topic: String,
    partition: i32,
    /// Where it begins there; none if nothing is written yet, or its end is, or nobody leads the partition.
    start_offset: Option<i64>,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let mut transactions = Vec::new();
    for id in &arguments.ids {
        transactions.push(read(&client, id, now()).await?);
    }
    arguments.output.show(&transactions, |transactions| {
        transactions.iter().map(show).collect::<Vec<_>>().join("\n")
    })
}

async fn read(client: &Client, id: &str, now: Timestamp) -> Result<Transaction, Error> {
    let known = known::describe(client, id).await?;
    Ok(Transaction {
        partitions: partitions(client, &known).await?,
        started: (!known.start.is_none()).then(|| show_moment(known.start)),
        open_for_ms: known.age_ms(now).filter(|_| known.is_ongoing()),
        transactional_id: known.transactional_id,
        state: known.state,
        coordinator: known.coordinator,
        producer_id: known.producer_id.0,
        producer_epoch: known.producer_epoch.0,
        timeout_ms: known.timeout_ms,
    })
}

/// The partitions of a transaction, and what they know of it.
async fn partitions(client: &Client, known: &Known) -> Result<Vec<Partition>, Error> {
    let names: Vec<&str> = known.partitions.iter().map(|it| &*it.topic).collect();
    let metadata = client.metadata(Topics::Named(&names)).await?;
    let mut partitions = Vec::new();
    for name in &known.partitions {
        let found = metadata.topics.get(&*name.topic).and_then(|it| it.partition(name.partition));
        let open = match found.and_then(|partition| partition.leader) {
            Some(_) => open_in(client, name).await?,
            None => Vec::new(),
        };
        let open = open.iter().find(|it| it.producer_id == known.producer_id);
        partitions.push(Partition {
            topic: name.topic.to_string(),
            partition: name.partition.0,
            start_offset: open.map(|it| it.start.0),
        });
    }
    Ok(partitions)
}

fn show(transaction: &Transaction) -> String {
    let open_for = transaction.open_for_ms.map(|ms| format!(", {} s ago", ms / 1000));
    let head = format!(
        "transactional id  {}\nstate             {}\ncoordinator       {}\nproducer          {}, epoch {}\n\
         time-out          {} s\nstarted           {}{}\n",
        transaction.transactional_id,
        transaction.state,
        transaction.coordinator,
        transaction.producer_id,
        transaction.producer_epoch,
        transaction.timeout_ms / 1000,
        or_dash(transaction.started.as_ref()),
        open_for.unwrap_or_default(),
    );
    if transaction.partitions.is_empty() {
        return head;
    }
    let mut table = Table::new(&["TOPIC", "PARTITION", "FROM"]);
    for partition in &transaction.partitions {
        table.row(vec![
            partition.topic.clone(),
            partition.partition.to_string(),
            or_dash(partition.start_offset),
        ]);
    }
    format!("{head}\n{table}")
}
