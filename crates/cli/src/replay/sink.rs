//! Where replayed records go.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::PathBuf;

use client::{Client, Producer, ProducerOptions, TopicMetadata, partition_of_key};
use protocol::record::Record;
use protocol::{PartitionId, Timestamp, TopicPartition};

use super::{Arguments, Timestamps};
use crate::Error;
use crate::connect::Connect;
use crate::moment::now;
use crate::record_format::RecordFormat;

/// What was named on the command line.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Stdout,
    File(PathBuf),
    Topic { name: String, connect: Connect },
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Topic { name, connect } => {
                write!(f, "topic {name} at {}", connect.bootstrap.join(","))
            }
        }
    }
}

impl Target {
    pub(super) fn new(arguments: &Arguments) -> Result<Self, Error> {
        if let Some(path) = &arguments.to_file {
            return Ok(Self::File(path.clone()));
        }
        let Some(name) = arguments.to_topic.clone() else { return Ok(Self::Stdout) };
        let mut connect = arguments.connect.clone();
        if !arguments.to_bootstrap.is_empty() {
            connect.bootstrap.clone_from(&arguments.to_bootstrap);
        } else if name == arguments.topic {
            return Err(Error::invalid(format!(
                "{name} would be replayed into itself; --to-topic names another topic, or --to-bootstrap another cluster"
            )));
        }
        Ok(Self::Topic { name, connect })
    }

    /// Whether somebody may be watching standard error, and the records do not go to the same screen.
    pub(super) fn is_watched(&self) -> bool {
        !matches!(self, Self::Stdout) || !io::stdout().is_terminal()
    }
}

/// A sink that is open.
pub(super) enum Sink {
    Stdout { out: BufWriter<StdoutLock<'static>>, format: RecordFormat },
    File { out: BufWriter<Counted>, path: PathBuf, format: RecordFormat },
    Topic(Box<TopicSink>),
}

/// Another topic.
pub(super) struct TopicSink {
    producer: Producer,
    name: String,
    partition_count: i32,
    /// Whether both topics have the same number of partitions.
    keeps_partitions: bool,
    keeps_timestamps: bool,
}

/// A file, and how long it is.
#[derive(Debug)]
pub(super) struct Counted {
    file: File,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buf)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Sink {
    /// Opens the target. A file is cut to `written_bytes` if the replay goes on, and has to be new or empty otherwise.
    pub(super) async fn open(
        target: &Target,
        arguments: &Arguments,
        written_bytes: u64,
        is_resumed: bool,
    ) -> Result<Self, Error> {
        let format = arguments.format.clone().unwrap_or(RecordFormat::Json);
        match target {
            Target::Stdout => Ok(Self::Stdout { out: BufWriter::new(io::stdout().lock()), format }),
            Target::File(path) => {
                let opened = open_file(path, written_bytes, is_resumed);
                let file = opened.map_err(Error::io(path.display().to_string()))?;
                let out = BufWriter::new(Counted { file, bytes: written_bytes });
                Ok(Self::File { out, path: path.clone(), format })
            }
            Target::Topic { name, connect } => {
                let source = arguments.connect.client().topic(&arguments.topic).await?;
                let client = connect.client();
                let sink = TopicSink::open(client, name, &source, arguments).await?;
                Ok(Self::Topic(Box::new(sink)))
            }
        }
    }

    /// Adds a record.
    pub(super) fn write(
        &mut self,
        partition: &TopicPartition,
        record: &Record<'_>,
    ) -> Result<(), Error> {
        match self {
            Self::Stdout { out, format } => {
                format.print(partition, record, out).map_err(Error::Output)
            }
            Self::File { out, path, format } => {
                format.print(partition, record, out).map_err(Error::io(path.display().to_string()))
            }
            Self::Topic(sink) => {
                sink.add(partition, record);
                Ok(())
            }
        }
    }

    /// Waits until the target has all that was added.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        match self {
            Self::Stdout { out, .. } => out.flush().map_err(Error::Output),
            Self::File { out, path, .. } => {
                out.flush().map_err(Error::io(path.display().to_string()))
            }
            Self::Topic(sink) => {
                sink.producer.flush().await?;
                Ok(())
            }
        }
    }

    /// How long the file is.
    pub(super) fn written_bytes(&self) -> u64 {
        match self {
            Self::File { out, .. } => out.get_ref().bytes,
            Self::Stdout { .. } | Self::Topic(_) => 0,
        }
    }
}

fn open_file(path: &PathBuf, written_bytes: u64, is_resumed: bool) -> io::Result<File> {
    let file = File::options().append(true).create(true).open(path)?;
    let length = file.metadata()?.len();
    if !is_resumed && length > 0 {
        return Err(io::Error::other("there is something in it; name another file, or delete it"));
    }
    if length < written_bytes {
        return Err(io::Error::other(format!(
            "it has {length} bytes, but {written_bytes} when the replay stopped; delete the state to begin anew"
        )));
    }
    file.set_len(written_bytes)?;
    Ok(file)
}

impl TopicSink {
    async fn open(
        client: Client,
        name: &str,
        source: &TopicMetadata,
        arguments: &Arguments,
    ) -> Result<Self, Error> {
        let partition_count = client.topic(name).await?.partition_count();
        let compression = arguments.compression.into();
        let options = ProducerOptions { compression, ..ProducerOptions::default() };
        Ok(Self {
            producer: Producer::new(client, options).await?,
            name: name.to_owned(),
            partition_count,
            keeps_partitions: partition_count == source.partition_count(),
            keeps_timestamps: arguments.timestamps == Timestamps::Keep,
        })
    }

    fn add(&mut self, from: &TopicPartition, record: &Record<'_>) {
        let id = match record.key {
            _ if self.keeps_partitions => from.partition,
            Some(key) => partition_of_key(key, self.partition_count),
            None => PartitionId(from.partition.0 % self.partition_count.max(1)),
        };
        let partition = TopicPartition::new(self.name.as_str(), id);
        let is_kept = self.keeps_timestamps && !record.timestamp.is_none();
        let timestamp: Option<Timestamp> = (!is_kept).then(now);
        self.producer.add_record(&partition, record, timestamp);
    }
}
