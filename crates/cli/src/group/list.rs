//! `ottla group list`.

use clap::Args;
use client::Topics;
use protocol::messages::ListGroupsRequest;
use serde::Serialize;

use crate::Error;
use crate::connect::Connect;
use crate::output::Output;
use crate::table::Table;
use crate::wire::text;

/// What to list.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only groups in these states: Stable, Empty, PreparingRebalance, …
    #[arg(long, value_name = "STATE,…", value_delimiter = ',')]
    state: Vec<String>,
    /// Only groups of these types: classic, consumer.
    #[arg(long = "type", value_name = "TYPE,…", value_delimiter = ',')]
    types: Vec<String>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Row {
    group: String,
    #[serde(rename = "type")]
    kind: String,
    state: String,
    /// `consumer`, `connect`, or empty for one that only commits.
    protocol_type: String,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let texts = |texts: &[String]| texts.iter().map(|it| text(it)).collect();
    let request = ListGroupsRequest::default()
        .with_states_filter(texts(&arguments.state))
        .with_types_filter(texts(&arguments.types));
    let mut rows = Vec::new();
    // Each broker knows the groups that it coordinates.
    for id in client.metadata(Topics::Named(&[])).await?.brokers.into_keys() {
        let response = client.broker(id).await?.call(request.clone()).await?;
        client::Error::check(response.error_code, None, || format!("groups of broker {id}"))?;
        rows.extend(response.groups.into_iter().map(|group| Row {
            group: group.group_id.to_string(),
            kind: group.group_type.to_string(),
            state: group.group_state.to_string(),
            protocol_type: group.protocol_type.to_string(),
        }));
    }
    rows.sort_by(|one, other| one.group.cmp(&other.group));
    arguments.output.show(&rows, |rows| {
        let mut table = Table::new(&["GROUP", "TYPE", "STATE", "PROTOCOL"]);
        for row in rows {
            let Row { group, kind, state, protocol_type } = row;
            table.row([group, kind, state, protocol_type].map(Clone::clone).to_vec());
        }
        table.to_string()
    })
}
