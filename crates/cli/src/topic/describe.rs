//! `ottla topic describe`.

use clap::Args;
use client::{Client, OffsetSpec, TopicMetadata};
use protocol::{BrokerId, Offset, TopicPartition};
use serde::Serialize;

use crate::Error;
use crate::configs::{Entry, Resource, ResourceType, describe};
use crate::connect::Connect;
use crate::output::Output;
use crate::table::{Table, or_dash};

/// What to describe.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The names of the topics.
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Topic {
    name: String,
    id: String,
    internal: bool,
    partitions: Vec<Partition>,
    /// Those that are not the defaults.
    configs: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Partition {
    partition: i32,
    leader: Option<i32>,
    epoch: i32,
    replicas: Vec<i32>,
    isr: Vec<i32>,
    offline: Vec<i32>,
    /// Not known without a leader.
    start_offset: Option<i64>,
    end_offset: Option<i64>,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let mut topics = Vec::new();
    for name in &arguments.topics {
        topics.push(read(&client, name).await?);
    }
    arguments.output.show(&topics, |topics| topics.iter().map(show).collect::<Vec<_>>().join("\n"))
}

async fn read(client: &Client, name: &str) -> Result<Topic, Error> {
    let metadata = client.topic(name).await?;
    let led = metadata.partitions.iter().filter(|partition| partition.leader.is_some());
    let led: Vec<_> = led.map(|it| TopicPartition::new(name, it.id)).collect();
    let list = async |spec| {
        client.list_offsets(led.iter().map(|partition| (partition.clone(), spec)), false).await
    };
    let (starts, ends) = (list(OffsetSpec::Earliest).await?, list(OffsetSpec::Latest).await?);
    let ids = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect();
    let partitions = metadata.partitions.iter().map(|partition| {
        let key = TopicPartition::new(name, partition.id);
        Partition {
            partition: partition.id.0,
            leader: partition.leader.map(|id| id.0),
            epoch: partition.leader_epoch.0,
            replicas: ids(&partition.replicas),
            isr: ids(&partition.isr),
            offline: ids(&partition.offline),
            start_offset: starts.get(&key).map(|offset| offset.0),
            end_offset: ends.get(&key).map(|offset| offset.0),
        }
    });
    let partitions = partitions.collect();
    let resource = Resource { kind: ResourceType::Topic, name: name.to_owned() };
    let mut configs = describe(client, &resource, &[], false).await?;
    configs.retain(Entry::is_set_here);
    let TopicMetadata { id, is_internal, .. } = metadata;
    let (id, name) = (id.to_string(), name.to_owned());
    Ok(Topic { name, id, internal: is_internal, partitions, configs })
}

fn show(topic: &Topic) -> String {
    let ids = |ids: &[i32]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut head = format!("topic      {}\nid         {}\n", topic.name, topic.id);
    for (label, entry) in
        std::iter::once("configs").chain(std::iter::repeat("")).zip(&topic.configs)
    {
        let value = entry.value.as_deref().unwrap_or("(hidden)");
        head.push_str(&format!("{label:<11}{}={value}\n", entry.name));
    }
    let mut table =
        Table::new(&["PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR", "START", "END", "RECORDS"]);
    for partition in &topic.partitions {
        let (start, end) = (partition.start_offset, partition.end_offset);
        let records = start.zip(end).map(|(start, end)| Offset(end) - Offset(start));
        table.row(vec![
            partition.partition.to_string(),
            or_dash(partition.leader),
            partition.epoch.to_string(),
            ids(&partition.replicas),
            ids(&partition.isr),
            or_dash(start),
            or_dash(end),
            or_dash(records),
        ]);
    }
    format!("{head}\n{table}")
}
