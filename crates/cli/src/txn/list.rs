//! `ottla txn list`.

use std::time::Duration;

use clap::Args;
use protocol::messages::{ListTransactionsRequest, ProducerId};
use serde::Serialize;

use super::known;
use crate::Error;
use crate::connect::Connect;
use crate::duration::parse_duration;
use crate::output::Output;
use crate::table::Table;
use crate::wire::text;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ottla txn list --state Ongoing --longer-than 5m
  ottla txn list --pattern 'connect-cluster-.*'
  ottla doctor                                        finds those that hang";

/// What to list.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only those in these states: Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort.
    #[arg(long, value_name = "STATE,…", value_delimiter = ',')]
    state: Vec<String>,
    /// Only those of these producers.
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    producer: Vec<i64>,
    /// Only those whose transaction has begun longer ago than this, whether it has ended or not.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    longer_than: Option<Duration>,
    /// Only those whose whole transactional id this regular expression matches.
    #[arg(long, value_name = "REGEX")]
    pattern: Option<String>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Row {
    transactional_id: String,
    state: String,
    producer_id: i64,
    /// The broker that coordinates it.
    coordinator: i32,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let longer_than_ms =
        arguments.longer_than.map(|it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX));
    let request = ListTransactionsRequest::default()
        .with_state_filters(arguments.state.iter().map(|it| text(it)).collect())
        .with_producer_id_filters(arguments.producer.iter().map(|id| ProducerId(*id)).collect())
        .with_duration_filter(longer_than_ms.unwrap_or(-1))
        .with_transactional_id_pattern(arguments.pattern.as_deref().map(text));
    let mut rows = Vec::new();
    for (id, response) in known::list(&client, &request).await? {
        if let Some(unknown) = response.unknown_state_filters.first() {
            return Err(Error::invalid(format!(
                "there is no state '{unknown}': they are Empty, Ongoing, PrepareCommit, PrepareAbort, \
                 CompleteCommit and CompleteAbort"
            )));
        }
        rows.extend(response.transaction_states.into_iter().map(|it| Row {
            transactional_id: it.transactional_id.to_string(),
            state: it.transaction_state.to_string(),
            producer_id: it.producer_id.0,
            coordinator: id.0,
        }));
    }
    rows.sort_by(|one, other| one.transactional_id.cmp(&other.transactional_id));
    arguments.output.show(&rows, |rows| {
        let mut table = Table::new(&["TRANSACTIONAL-ID", "STATE", "PRODUCER", "COORDINATOR"]);
        for row in rows {
            table.row(vec![
                row.transactional_id.clone(),
                row.state.clone(),
                row.producer_id.to_string(),
                row.coordinator.to_string(),
            ]);
        }
        table.to_string()
    })
}
