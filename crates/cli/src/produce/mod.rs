//! `ottla produce`: lines of standard input or of a file become records.

mod input;
mod partitioner;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use client::{Acknowledged, Acks, Producer, ProducerOptions};
use protocol::TopicPartition;
use protocol::record::Compression;
use serde::Serialize;

use self::input::{Input, Parser, Source};
use self::partitioner::Partitioner;
use crate::Error;
use crate::configs::Setting;
use crate::connect::Connect;
use crate::moment::now;
use crate::output::Output;

pub(crate) const EXAMPLES: &str = "\
Examples:
  echo hello | ottla produce greetings
  ottla produce orders -K : -z zstd < orders.txt              17:two coffees
  ottla produce orders -k 17 -H source=till --whole order.json
  ottla produce users -K , --tombstones < gone.txt            17,
  ottla consume orders -e -f json | ottla produce copy --input json";

/// Records that are gathered before they are sent, unless the input pauses before.
const FLUSH_BYTES: usize = 4 << 20;

/// What to produce, and how.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The topic.
    topic: String,
    /// The file to read instead of standard input.
    file: Option<PathBuf>,
    /// What the input is made of: a record a line, or a JSON object a line, as `consume -f json` prints them.
    #[arg(long, value_enum, default_value = "lines")]
    input: InputFormat,
    /// Take the whole input for the value of one record.
    #[arg(long, conflicts_with_all = ["key_separator", "input"])]
    whole: bool,
    /// The key of every record that has none of its own.
    #[arg(short, long, value_name = "KEY")]
    key: Option<String>,
    /// What stands between key and value in each line.
    #[arg(short = 'K', long, value_name = "TEXT")]
    key_separator: Option<String>,
    /// A header of every record; may be given several times.
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE")]
    headers: Vec<Setting>,
    /// The partition; without it the key decides, as with the Java client, and chance where there is no key.
    #[arg(short, long, value_name = "NUMBER")]
    partition: Option<i32>,
    /// The codec of the batches.
    #[arg(short = 'z', long, value_enum, value_name = "CODEC", default_value = "none")]
    compression: Codec,
    /// An empty value is a tombstone, which deletes its key from a compacted topic.
    #[arg(short = 'Z', long)]
    tombstones: bool,
    /// Who must have the records before the broker says so. With all of them, none is stored twice.
    #[arg(long, value_enum, default_value = "all")]
    acks: AcksArgument,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
enum InputFormat {
    Lines,
    Json,
}

#[derive(Copy, Clone, Debug, ValueEnum)]
pub(crate) enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl From<Codec> for Compression {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::None => Self::None,
            Codec::Gzip => Self::Gzip,
            Codec::Snappy => Self::Snappy,
            Codec::Lz4 => Self::Lz4,
            Codec::Zstd => Self::Zstd,
        }
    }
}

#[derive(Copy, Clone, Debug, ValueEnum)]
enum AcksArgument {
    /// Nobody.
    #[value(name = "0", alias = "none")]
    None,
    /// The leader.
    #[value(name = "1", alias = "leader")]
    Leader,
    /// All replicas that are in sync.
    #[value(name = "all", alias = "-1")]
    All,
}

impl From<AcksArgument> for Acks {
    fn from(acks: AcksArgument) -> Self {
        match acks {
            AcksArgument::None => Self::None,
            AcksArgument::Leader => Self::Leader,
            AcksArgument::All => Self::All,
        }
    }
}

/// What was produced into one partition.
#[derive(Debug, Serialize)]
struct Produced {
    topic: String,
    partition: i32,
    records: i64,
    /// Of the first and the last record; none if the broker did not say.
    first_offset: Option<i64>,
    last_offset: Option<i64>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let topic = client.topic_or_create(&arguments.topic).await?;
    let partitioner = Partitioner::new(&arguments.topic, &topic, arguments.partition)?;
    let timeout = arguments.connect.timeout.min(Duration::from_secs(30));
    let options = ProducerOptions {
        acks: arguments.acks.into(),
        compression: arguments.compression.into(),
        timeout,
    };
    let producer = Producer::new(client, options).await?;
    let parser = Parser {
        is_json: arguments.input == InputFormat::Json,
        key: arguments.key.map(String::into_bytes),
        separator: arguments.key_separator.map(String::into_bytes),
        headers: arguments
            .headers
            .into_iter()
            .map(|header| (header.key.into_bytes(), Some(header.value.into_bytes())))
            .collect(),
        tombstones: arguments.tombstones,
    };
    let source = Source { file: arguments.file, whole: arguments.whole };
    let produced = send(producer, partitioner, &parser, source.open()?).await?;
    arguments.output.show(&produced, |produced| {
        let records: i64 = produced.iter().map(|it| it.records).sum();
        format!("produced {records} records to {}\n", arguments.topic)
    })
}

/// Sends all of the input. It is flushed whenever it pauses, so that what is typed is there at once.
async fn send(
    mut producer: Producer,
    mut partitioner: Partitioner,
    parser: &Parser,
    mut input: Input,
) -> Result<Vec<Produced>, Error> {
    let mut produced = BTreeMap::new();
    let mut line_number = 0_u64;
    while let Some(lines) = input.next().await? {
        for line in lines {
            line_number += 1;
            let record = parser.parse(&line).map_err(|reason| {
                Error::invalid(format!(
                    "line {line_number} of the input is no record: {reason}; those before it were produced"
                ))
            });
            let record = match record {
                Ok(record) => record,
                Err(err) => {
                    producer.flush().await?;
                    return Err(err);
                }
            };
            let headers: Vec<_> =
                record.headers.iter().map(|(name, value)| (&**name, value.as_deref())).collect();
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            let timestamp = record.timestamp.unwrap_or_else(now);
            producer.add(partitioner.partition(key), timestamp, key, value, &headers);
        }
        if input.pauses() || producer.buffered_bytes() >= FLUSH_BYTES {
            count(&mut produced, producer.flush().await?);
            partitioner.next_batch();
        }
    }
    count(&mut produced, producer.flush().await?);
    Ok(produced.into_values().collect())
}

fn count(produced: &mut BTreeMap<TopicPartition, Produced>, acknowledged: Vec<Acknowledged>) {
    for batch in acknowledged {
        let entry = produced.entry(batch.partition.clone()).or_insert_with(|| Produced {
            topic: batch.partition.topic.to_string(),
            partition: batch.partition.partition.0,
            records: 0,
            first_offset: None,
            last_offset: None,
        });
        entry.records += i64::from(batch.record_count);
        if !batch.base_offset.is_none() {
            entry.first_offset.get_or_insert(batch.base_offset.0);
            entry.last_offset = Some((batch.base_offset + i64::from(batch.record_count - 1)).0);
        }
    }
}
