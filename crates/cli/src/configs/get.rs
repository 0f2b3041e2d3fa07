//! `ottla config get`.

use clap::Args;

use super::{Entry, Resource, ResourceType, describe};
use crate::Error;
use crate::connect::Connect;
use crate::output::Output;
use crate::table::Table;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ottla config get topic orders
  ottla config get topic orders retention.ms cleanup.policy
  ottla config get broker 1 --all
  ottla config get broker ''          what is set for all brokers together";

/// What to show.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What kind of thing it is configured for.
    #[arg(value_enum)]
    kind: ResourceType,
    /// Its name, or the number of a broker.
    name: String,
    /// The keys; without any, those that do not have their defaults.
    #[arg(value_name = "KEY")]
    keys: Vec<String>,
    /// All keys, those with defaults too.
    #[arg(short, long)]
    all: bool,
    /// What each key is about.
    #[arg(long)]
    doc: bool,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let resource = Resource { kind: arguments.kind, name: arguments.name };
    let mut entries = describe(&client, &resource, &arguments.keys, arguments.doc).await?;
    if let Some(key) = arguments.keys.iter().find(|key| !entries.iter().any(|it| it.name == **key))
    {
        return Err(Error::invalid(format!(
            "{resource} has no configuration '{key}'; --all shows those that it has"
        )));
    }
    if arguments.keys.is_empty() && !arguments.all {
        entries.retain(|entry| entry.source != "default");
    }
    arguments.output.show(&entries, |entries| show(entries))
}

fn show(entries: &[Entry]) -> String {
    let mut table = Table::new(&["KEY", "VALUE", "SOURCE"]);
    for entry in entries {
        let value =
            if entry.sensitive { "(hidden)" } else { entry.value.as_deref().unwrap_or("-") };
        table.row(vec![entry.name.clone(), value.to_owned(), entry.source.to_owned()]);
    }
    let documented =
        entries.iter().filter_map(|entry| Some((entry, entry.documentation.as_ref()?)));
    let notes = documented.map(|(entry, text)| format!("\n{}\n  {text}\n", entry.name));
    format!("{table}{}", notes.collect::<String>())
}
