//! `ottla group seek`.

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::Args;
use client::{Client, OffsetSpec};
use protocol::{ErrorCode, Offset, TopicPartition};
use serde::Serialize;

use super::members;
use crate::Error;
use crate::connect::Connect;
use crate::consume::partitions_of;
use crate::output::Output;
use crate::position::{Position, resolve};
use crate::table::{Table, or_dash};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ottla group seek billing --to start
  ottla group seek billing --to @-90m --topic orders --dry-run
  ottla group seek billing --to 4711 --topic orders:3
  ottla group seek audit --to end --topic orders      makes the group if there is none";

/// Where to move which group.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The group.
    group: String,
    /// Where to: start, end, an offset, -N for the last N, @MOMENT.
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true)]
    to: Position,
    /// Only these topics, or only these partitions of one; without it, all that the group has committed.
    #[arg(short, long = "topic", value_name = "TOPIC[:NUMBER,…]")]
    topics: Vec<Selection>,
    /// Only show what would be done.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

/// A topic, or some partitions of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Selection {
    topic: String,
    partitions: Vec<i32>,
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((topic, numbers)) = text.split_once(':') else {
            return Ok(Self { topic: text.to_owned(), partitions: Vec::new() });
        };
        let partitions = numbers.split(',').map(|number| {
            number.parse().map_err(|_| format!("'{number}' is not the number of a partition"))
        });
        Ok(Self { topic: topic.to_owned(), partitions: partitions.collect::<Result<_, _>>()? })
    }
}

#[derive(Debug, Serialize)]
struct Move {
    topic: String,
    partition: i32,
    from: Option<i64>,
    to: i64,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    refuse_members(&client, &arguments.group).await?;
    let committed = client.group_offsets(&arguments.group).await?;
    let mut partitions = Vec::new();
    for Selection { topic, partitions: wanted } in &arguments.topics {
        partitions.extend(partitions_of(&client, topic, wanted).await?);
    }
    if arguments.topics.is_empty() {
        partitions.extend(committed.keys().cloned());
    }
    if partitions.is_empty() {
        let group = &arguments.group;
        return Err(Error::invalid(format!(
            "group {group} has committed nothing; --topic says where to move it"
        )));
    }
    let targets = targets(&client, &partitions, arguments.to).await?;
    if !arguments.dry_run {
        client.commit_offsets(&arguments.group, &targets).await?;
    }
    let moves = targets.iter().map(|(partition, offset)| Move {
        topic: partition.topic.to_string(),
        partition: partition.partition.0,
        from: committed.get(partition).map(|offset| offset.0),
        to: offset.0,
    });
    arguments.output.show(&moves.collect::<Vec<_>>(), |moves| {
        let mut table = Table::new(&["TOPIC", "PARTITION", "FROM", "TO"]);
        for it in moves {
            let (partition, from, to) = (it.partition.to_string(), or_dash(it.from), it.to);
            table.row(vec![it.topic.clone(), partition, from, to.to_string()]);
        }
        table.to_string()
    })
}

/// A member would go on where it is and commit over what was set.
async fn refuse_members(client: &Client, group_id: &str) -> Result<(), Error> {
    match members::describe(client, group_id).await {
        Ok(described) if described.members.is_empty() => Ok(()),
        Ok(described) => {
            let code = ErrorCode::NonEmptyGroup.code();
            let message = format!("the group has {} members", described.members.len());
            let what = format!("group {group_id}");
            Err(client::Error::refused(what, code, Some(&message)).into())
        }
        Err(err) if err.code() == Some(ErrorCode::GroupIdNotFound) => Ok(()),
        Err(err) => Err(err.into()),
    }
}

/// The offsets to commit: an offset that a partition does not have becomes the nearest that it has.
async fn targets(
    client: &Client,
    partitions: &[TopicPartition],
    to: Position,
) -> Result<BTreeMap<TopicPartition, Offset>, Error> {
    let mut targets = resolve(client, partitions, to, false).await?;
    if matches!(to, Position::At(_)) {
        let list = async |spec| {
            let wanted = partitions.iter().map(|partition| (partition.clone(), spec));
            client.list_offsets(wanted, false).await
        };
        let (starts, ends) = (list(OffsetSpec::Earliest).await?, list(OffsetSpec::Latest).await?);
        for (partition, offset) in &mut targets {
            let start = starts.get(partition).copied().unwrap_or_default();
            let end = ends.get(partition).copied().unwrap_or(start);
            *offset = (*offset).min(end).max(start);
        }
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selection_is_a_topic_or_some_of_its_partitions() {
        for (text, topic, partitions) in [
            ("orders", "orders", vec![]),
            ("orders:3", "orders", vec![3]),
            ("a.b:0,12", "a.b", vec![0, 12]),
        ] {
            assert_eq!(text.parse(), Ok(Selection { topic: topic.to_owned(), partitions }));
        }
        assert!("orders:".parse::<Selection>().is_err());
        assert!("orders:x".parse::<Selection>().is_err());
    }
}
