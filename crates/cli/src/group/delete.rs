//! `ottla group delete`.

use clap::Args;
use client::Client;
use protocol::messages::{DeleteGroupsRequest, GroupId};

use crate::Error;
use crate::connect::Connect;
use crate::outcome::{Outcome, report};
use crate::output::Output;
use crate::wire::text;

/// What to delete.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The groups.
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let mut outcomes = Vec::new();
    for group in arguments.groups {
        let result = delete(&client, &group).await;
        outcomes.push(Outcome::new(group, "deleted", result));
    }
    report(&arguments.output, outcomes)
}

async fn delete(client: &Client, group: &str) -> Result<(), client::Error> {
    let ask = |coordinator: client::Connection| async move {
        let names = vec![GroupId(text(group))];
        let request = DeleteGroupsRequest::default().with_groups_names(names);
        for result in coordinator.call(request).await?.results {
            client::Error::check(result.error_code, None, || format!("group {group}"))?;
        }
        Ok(())
    };
    client.with_coordinator(group, ask).await
}
