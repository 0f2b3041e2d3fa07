//! `ottla group describe`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use client::{Client, OffsetSpec};
use protocol::{Offset, TopicPartition};
use serde::Serialize;

use super::members::{self, Described};
use crate::Error;
use crate::connect::Connect;
use crate::output::Output;
use crate::table::{Table, or_dash};

/// What to describe.
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

#[derive(Debug, Serialize)]
struct Group {
    group: String,
    #[serde(rename = "type")]
    kind: &'static str,
    state: String,
    assignor: String,
    coordinator: String,
    /// Of all partitions together, as far as it is known.
    lag: i64,
    members: Vec<Member>,
    partitions: Vec<Partition>,
}

#[derive(Debug, Serialize)]
struct Member {
    id: String,
    instance_id: Option<String>,
    client_id: String,
    host: String,
    partitions: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Partition {
    topic: String,
    partition: i32,
    /// None if nothing was committed.
    committed: Option<i64>,
    /// None if the topic is gone.
    end: Option<i64>,
    lag: Option<i64>,
    /// Who has it.
    member: Option<String>,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let mut groups = Vec::new();
    for group in &arguments.groups {
        groups.push(read(&client, group).await?);
    }
    arguments.output.show(&groups, |groups| groups.iter().map(show).collect::<Vec<_>>().join("\n"))
}

async fn read(client: &Client, group_id: &str) -> Result<Group, Error> {
    let described = members::describe(client, group_id).await?;
    let committed = client.group_offsets(group_id).await?;
    let owners: BTreeMap<_, _> = described
        .members
        .iter()
        .flat_map(|member| member.partitions.iter().map(|it| (it.clone(), member.id.clone())))
        .collect();
    let all: BTreeSet<_> = committed.keys().chain(owners.keys()).cloned().collect();
    let ends = ends(client, &all).await?;
    let partitions: Vec<_> = all
        .into_iter()
        .map(|key| {
            let committed = committed.get(&key).copied();
            let end = ends.get(&key).copied();
            Partition {
                lag: committed.zip(end).map(|(committed, end)| (end - committed).max(0)),
                committed: committed.map(|offset| offset.0),
                end: end.map(|offset| offset.0),
                member: owners.get(&key).cloned(),
                topic: key.topic.to_string(),
                partition: key.partition.0,
            }
        })
        .collect();
    let lag = partitions.iter().filter_map(|partition| partition.lag).sum();
    let Described { coordinator, kind, state, assignor, members } = described;
    let members = members.into_iter().map(|member| Member {
        id: member.id,
        instance_id: member.instance_id,
        client_id: member.client_id,
        host: member.host,
        partitions: member.partitions.iter().map(ToString::to_string).collect(),
    });
    let (group, members) = (group_id.to_owned(), members.collect());
    Ok(Group { group, kind, state, assignor, coordinator, lag, members, partitions })
}

/// Where partitions end; those of topics that are gone are left out.
async fn ends(
    client: &Client,
    partitions: &BTreeSet<TopicPartition>,
) -> Result<BTreeMap<TopicPartition, Offset>, Error> {
    let names: BTreeSet<&str> = partitions.iter().map(|it| &*it.topic).collect();
    let names: Vec<_> = names.into_iter().collect();
    let metadata = client.metadata(client::Topics::Named(&names)).await?;
    let is_there = |it: &&TopicPartition| {
        let topic = metadata.topics.get(&*it.topic);
        topic.is_some_and(|topic| topic.partition(it.partition).is_some())
    };
    let wanted = partitions.iter().filter(is_there).map(|it| (it.clone(), OffsetSpec::Latest));
    Ok(client.list_offsets(wanted, false).await?)
}

fn show(group: &Group) -> String {
    let head = format!(
        "group        {}\ntype         {}\nstate        {}\nassignor     {}\ncoordinator  {}\n\
         members      {}\nlag          {}\n",
        group.group,
        group.kind,
        group.state,
        or_dash(Some(&group.assignor).filter(|name| !name.is_empty())),
        group.coordinator,
        group.members.len(),
        group.lag,
    );
    let mut table =
        Table::new(&["TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER", "CLIENT", "HOST"]);
    for partition in &group.partitions {
        let is_owner = |member: &&Member| partition.member.as_ref() == Some(&member.id);
        let owner = group.members.iter().find(is_owner);
        table.row(vec![
            partition.topic.clone(),
            partition.partition.to_string(),
            or_dash(partition.committed),
            or_dash(partition.end),
            or_dash(partition.lag),
            or_dash(owner.map(|it| &it.id)),
            or_dash(owner.map(|it| &it.client_id)),
            or_dash(owner.map(|it| &it.host)),
        ]);
    }
    format!("{head}\n{table}")
}
