//! `ottla topic list`.

use clap::Args;
use client::Topics;
use serde::Serialize;

use crate::Error;
use crate::connect::Connect;
use crate::output::Output;
use crate::table::Table;

/// What to list.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The cluster's own topics too.
    #[arg(short, long)]
    internal: bool,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    id: String,
    partitions: i32,
    replicas: usize,
    internal: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let metadata = arguments.connect.client().metadata(Topics::All).await?;
    let topics = metadata.topics.into_iter();
    let topics = topics.filter(|(_, topic)| arguments.internal || !topic.is_internal);
    let rows: Vec<_> = topics
        .map(|(name, topic)| Row {
            name,
            id: topic.id.to_string(),
            partitions: topic.partition_count(),
            replicas: topic.partitions.iter().map(|it| it.replicas.len()).max().unwrap_or(0),
            internal: topic.is_internal,
        })
        .collect();
    arguments.output.show(&rows, |rows| {
        let mut table = Table::new(&["TOPIC", "PARTITIONS", "REPLICAS"]);
        for row in rows {
            table.row(vec![row.name.clone(), row.partitions.to_string(), row.replicas.to_string()]);
        }
        table.to_string()
    })
}
