//! `ottla group list`.

use clap::Args;
use client::{Client, Topics};
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

/// A group as its coordinator lists it.
#[derive(Debug, Serialize)]
pub(crate) struct Group {
    pub(crate) group: String,
    #[serde(rename = "type")]
    kind: String,
    pub(crate) state: String,
    /// `consumer`, `connect`, or empty for one that only commits.
    protocol_type: String,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let texts = |texts: &[String]| texts.iter().map(|it| text(it)).collect();
    let request = ListGroupsRequest::default()
        .with_states_filter(texts(&arguments.state))
        .with_types_filter(texts(&arguments.types));
    let groups = list(&client, request).await?;
    arguments.output.show(&groups, |groups| {
        let mut table = Table::new(&["GROUP", "TYPE", "STATE", "PROTOCOL"]);
        for group in groups {
            let Group { group, kind, state, protocol_type } = group;
            table.row([group, kind, state, protocol_type].map(Clone::clone).to_vec());
        }
        table.to_string()
    })
}

/// The groups of all brokers: each knows those that it coordinates.
pub(crate) async fn list(
    client: &Client,
    request: ListGroupsRequest,
) -> Result<Vec<Group>, client::Error> {
    let mut groups = Vec::new();
    for id in client.metadata(Topics::Named(&[])).await?.brokers.into_keys() {
        let response = client.broker(id).await?.call(request.clone()).await?;
        client::Error::check(response.error_code, None, || format!("groups of broker {id}"))?;
        groups.extend(response.groups.into_iter().map(|group| Group {
            group: group.group_id.to_string(),
            kind: group.group_type.to_string(),
            state: group.group_state.to_string(),
            protocol_type: group.protocol_type.to_string(),
        }));
    }
    groups.sort_by(|one, other| one.group.cmp(&other.group));
    Ok(groups)
}
