//! `ottla config set`.

use clap::Args;

use super::{Change, Resource, ResourceType, Setting, alter};
use crate::Error;
use crate::connect::Connect;
use crate::outcome::{Outcome, report};
use crate::output::Output;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ottla config set topic orders retention.ms=86400000 max.message.bytes=4194304
  ottla config set broker '' log.retention.ms=604800000";

/// What to set.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What kind of thing is configured.
    #[arg(value_enum)]
    kind: ResourceType,
    /// Its name, or the number of a broker.
    name: String,
    /// The keys with their new values. All of them are set, or none.
    #[arg(required = true, value_name = "KEY=VALUE")]
    settings: Vec<Setting>,
    /// Only check whether it would be possible.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let resource = Resource { kind: arguments.kind, name: arguments.name };
    let keys: Vec<_> = arguments.settings.iter().map(|setting| setting.key.clone()).collect();
    let changes: Vec<_> = arguments.settings.into_iter().map(Change::Set).collect();
    alter(&client, &resource, &changes, arguments.dry_run).await?;
    let done = if arguments.dry_run { "could set" } else { "set" };
    let outcomes = keys.into_iter().map(|key| Outcome::new(key, done, Ok(())));
    report(&arguments.output, outcomes.collect())
}
