//! `ottla config unset`.

use clap::Args;

use super::{Change, Resource, ResourceType, alter};
use crate::Error;
use crate::connect::Connect;
use crate::outcome::{Outcome, report};
use crate::output::Output;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ottla config unset topic orders retention.ms";

/// What to unset.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What kind of thing is configured.
    #[arg(value_enum)]
    kind: ResourceType,
    /// Its name, or the number of a broker.
    name: String,
    /// The keys. All of them are unset, or none.
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let resource = Resource { kind: arguments.kind, name: arguments.name };
    let changes: Vec<_> = arguments.keys.iter().cloned().map(Change::Unset).collect();
    alter(&client, &resource, &changes, false).await?;
    let outcomes = arguments.keys.into_iter().map(|key| Outcome::new(key, "unset", Ok(())));
    report(&arguments.output, outcomes.collect())
}
