//! `ottla consume`: records of topics, printed as a format string says.

mod member;
mod printer;
mod scan;

use clap::Args;
use client::{Client, FetchOptions};
use protocol::{PartitionId, TopicPartition};

use self::printer::Printer;
pub(crate) use self::scan::Scan;
use crate::Error;
use crate::connect::Connect;
use crate::filter::Filter;
use crate::position::Position;
use crate::record_format::RecordFormat;

pub(crate) const EXAMPLES: &str = r"Examples:
  ottla consume orders                          all there is, and then what comes
  ottla consume orders -e -f '%k %v %o\n'       all there is, each with key and offset
  ottla consume orders -o -10                   the last ten of each partition, and what comes
  ottla consume orders -o @-90m --until @-30m -f json
  ottla consume orders -o end -n 1              the next one
  ottla consume orders -g billing               as a member of a group, which commits what it has printed

Formats:
  %k key  %v value  %t topic  %p partition  %o offset  %T timestamp (ms)  %d date  %h headers
  %K %V lengths (-1 for none)  %H number of headers  %k{hex} %v{base64}  %%  \n \t \xHH
  or json, for one object a line; `ottla produce --input json` reads that again.";

/// What to consume, and how to show it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The topics.
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,
    /// Only these partitions.
    #[arg(short, long, value_name = "NUMBER,…", value_delimiter = ',', conflicts_with = "group")]
    partitions: Vec<i32>,
    /// Where to begin: start, end, an offset, -N for the last N, @MOMENT. For a group: where it has committed nothing.
    #[arg(short, long, value_name = "WHERE", default_value = "start", allow_hyphen_values = true)]
    offset: Position,
    /// Where to stop, likewise. What comes after is not waited for.
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true)]
    until: Option<Position>,
    /// Stop at the end, as --until end does.
    #[arg(short, long, conflicts_with = "until")]
    exit: bool,
    /// Stop after so many records.
    #[arg(short = 'n', long, value_name = "NUMBER")]
    count: Option<u64>,
    /// Consume as a member of this group.
    #[arg(short, long, value_name = "GROUP")]
    group: Option<String>,
    /// How to print each record: a format string, or json.
    #[arg(short, long, value_name = "FORMAT", default_value = r"%v\n")]
    format: RecordFormat,
    /// Pass over records of transactions that are open or were aborted.
    #[arg(long)]
    read_committed: bool,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    connect: Connect,
}

impl Arguments {
    const fn until(&self) -> Option<Position> {
        if self.exit { Some(Position::End) } else { self.until }
    }

    fn fetch_options(&self) -> FetchOptions {
        FetchOptions { read_committed: self.read_committed, ..FetchOptions::default() }
    }
}

pub(crate) async fn run(mut arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let filter = std::mem::take(&mut arguments.filter);
    let printer = Printer::new(arguments.format.clone(), filter, arguments.count);
    match arguments.group.clone() {
        Some(group) => member::run(client, group, &arguments, printer).await,
        None => read(client, &arguments, printer).await,
    }
}

/// Reads without a group, and leaves no trace in the cluster.
async fn read(client: Client, arguments: &Arguments, mut printer: Printer) -> Result<(), Error> {
    let mut partitions = Vec::new();
    for topic in &arguments.topics {
        partitions.extend(partitions_of(&client, topic, &arguments.partitions).await?);
    }
    let mut scan = Scan::new(client, partitions, arguments.fetch_options());
    scan.begin(arguments.offset).await?;
    if let Some(until) = arguments.until() {
        scan.end(until).await?;
    }
    while !printer.is_done() {
        let Some(fetched) = scan.next().await? else { break };
        for part in &fetched {
            printer.print(part, scan.end_of(&part.partition))?;
        }
        printer.flush()?;
    }
    Ok(())
}

/// The partitions of a topic that are wanted; all if none is named.
pub(crate) async fn partitions_of(
    client: &Client,
    topic: &str,
    wanted: &[i32],
) -> Result<Vec<TopicPartition>, Error> {
    let all = client.partitions(topic).await?;
    if wanted.is_empty() {
        return Ok(all);
    }
    let named = wanted.iter().map(|&id| {
        let partition = TopicPartition::new(topic, PartitionId(id));
        if all.contains(&partition) {
            return Ok(partition);
        }
        let count = all.len();
        Err(Error::invalid(format!("{topic} has no partition {id}, but {count}, numbered from 0")))
    });
    named.collect()
}
