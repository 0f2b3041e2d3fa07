//! `ottla topic alter`.

use clap::Args;
use client::Client;
use protocol::messages::CreatePartitionsRequest;
use protocol::messages::create_partitions_request::CreatePartitionsTopic;

use crate::Error;
use crate::configs::{Change, Resource, ResourceType, Setting, alter};
use crate::connect::Connect;
use crate::outcome::{Outcome, report};
use crate::output::Output;
use crate::wire::topic_name;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ottla topic alter orders -p 24
  ottla topic alter orders --set retention.ms=86400000 --unset max.message.bytes

More partitions send keys to other partitions than before: the order of a key's records then holds only from there on.";

/// What to alter.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The topic.
    topic: String,
    /// How many partitions it is to have; only more than now is possible.
    #[arg(short, long, value_name = "COUNT", required_unless_present_any = ["set", "unset"])]
    partitions: Option<i32>,
    /// Sets a configuration; may be given several times.
    #[arg(short, long, value_name = "KEY=VALUE")]
    set: Vec<Setting>,
    /// Goes back to the default of a configuration; may be given several times.
    #[arg(short, long, value_name = "KEY")]
    unset: Vec<String>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let sets = arguments.set.into_iter().map(Change::Set);
    let changes: Vec<_> = sets.chain(arguments.unset.into_iter().map(Change::Unset)).collect();
    if !changes.is_empty() {
        let resource = Resource { kind: ResourceType::Topic, name: arguments.topic.clone() };
        alter(&client, &resource, &changes, false).await?;
    }
    if let Some(count) = arguments.partitions {
        let timeout_ms = arguments.connect.timeout_ms();
        add_partitions(&client, &arguments.topic, count, timeout_ms).await?;
    }
    report(&arguments.output, vec![Outcome::new(arguments.topic, "altered", Ok(()))])
}

async fn add_partitions(
    client: &Client,
    topic: &str,
    count: i32,
    timeout_ms: i32,
) -> Result<(), Error> {
    let change = CreatePartitionsTopic::default()
        .with_name(topic_name(topic))
        .with_count(count)
        .with_assignments(None);
    let request =
        CreatePartitionsRequest::default().with_topics(vec![change]).with_timeout_ms(timeout_ms);
    for result in client.call(request).await?.results {
        let message = result.error_message.as_deref();
        client::Error::check(result.error_code, message, || format!("topic {topic}"))?;
    }
    Ok(())
}
