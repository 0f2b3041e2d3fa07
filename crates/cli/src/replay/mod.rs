//! `ottla replay`: a stretch of a topic once more, filtered, at a chosen rate, and to be gone on with after a stop.
//!
//! The ends are fixed when it begins. What has been replayed is kept in the state file whenever the sink has it: a replay
//! that was cut goes on there. A file is cut back to what the state knows of, so each record is in it once; to a topic or
//! a pipe the last records before a crash may go twice.

mod pace;
mod progress;
mod sink;
mod state;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use client::{Client, FetchOptions, Fetched};
use protocol::{Offset, PartitionId, TopicPartition};

use self::pace::Pace;
use self::progress::Progress;
use self::sink::{Sink, Target};
use self::state::{Identity, State};
use crate::Error;
use crate::connect::Connect;
use crate::consume::{Scan, partitions_of};
use crate::filter::Filter;
use crate::interrupt::Interrupt;
use crate::position::Position;
use crate::produce::Codec;
use crate::record_format::RecordFormat;

pub(crate) const EXAMPLES: &str = r"Examples:
  ottla replay orders -o @2026-11-27T08:00:00Z --until @2026-11-27T09:30:00Z --to-topic orders-again --rate 500
  ottla replay orders -o @-90m --key-prefix customer-17 -f '%d %k %v\n'
  ottla replay orders -p 3 -o 4711 --header type=payment --to-file payments.json --state payments.state

With --state, a replay that was stopped goes on where it was when the same command is given again; --offset and --until
then count no longer. Records of aborted transactions are never replayed.";

/// The state is saved no more often, but for a stop and the end.
const SAVE_INTERVAL: Duration = Duration::from_millis(200);

/// What to replay, and where to.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The topic.
    topic: String,
    /// Only these partitions.
    #[arg(short, long, value_name = "NUMBER,…", value_delimiter = ',')]
    partitions: Vec<i32>,
    /// Where to begin: start, end, an offset, -N for the last N, @MOMENT.
    #[arg(short, long, value_name = "WHERE", default_value = "start", allow_hyphen_values = true)]
    offset: Position,
    /// Where to stop, likewise.
    #[arg(long, value_name = "WHERE", default_value = "end", allow_hyphen_values = true)]
    until: Position,
    /// No more records a second than this.
    #[arg(long, value_name = "NUMBER", value_parser = pace::parse_rate)]
    rate: Option<f64>,
    /// Write to this topic, each record to the partition it was in if there are as many, else to that of its key.
    #[arg(long, value_name = "TOPIC", conflicts_with = "to_file")]
    to_topic: Option<String>,
    /// The cluster of that topic, if it is another.
    #[arg(long, value_name = "HOST:PORT,…", value_delimiter = ',', requires = "to_topic")]
    to_bootstrap: Vec<String>,
    /// Write to this file.
    #[arg(long, value_name = "FILE")]
    to_file: Option<PathBuf>,
    /// What time the records have in the other topic. Retention goes by it: old ones may be deleted at once.
    #[arg(long, value_enum, default_value = "keep", requires = "to_topic")]
    timestamps: Timestamps,
    /// The codec of the batches in the other topic.
    #[arg(
        short = 'z',
        long,
        value_enum,
        value_name = "CODEC",
        default_value = "lz4",
        requires = "to_topic"
    )]
    compression: Codec,
    /// How to print each record: a format string, or json, the default. To a topic: json shows the result as JSON.
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<RecordFormat>,
    /// Keep in this file how far it has got, and go on from there.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
enum Timestamps {
    /// That which they have.
    Keep,
    /// That of the replay.
    Now,
}

/// A replay at work.
struct Replay {
    filter: Filter,
    pace: Option<Pace>,
    sink: Sink,
    state: State,
    state_path: Option<PathBuf>,
    saved: Instant,
    progress: Progress,
    interrupt: Interrupt,
}

/// Why a replay has stopped working.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Stop {
    Finished,
    Interrupted,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let target = Target::new(&arguments)?;
    let identity = identity(&client, &arguments, &target).await?;
    let resumed = match &arguments.state {
        Some(path) => State::load(path, &identity)?,
        None => None,
    };
    let options = FetchOptions {
        read_committed: true,
        // Of a slow replay the records are walked anew for each few.
        partition_bytes_max: if arguments.rate.is_some() { 64 << 10 } else { 1 << 20 },
        ..FetchOptions::default()
    };
    let is_resumed = resumed.is_some();
    let (mut scan, state) = begin(client, &arguments, options, identity, resumed).await?;
    let sink = Sink::open(&target, &arguments, state.written_bytes, is_resumed).await?;
    let mut replay = Replay {
        filter: arguments.filter.clone(),
        pace: arguments.rate.map(|rate| Pace::new(rate, Instant::now())),
        progress: Progress::new(state.left(), target.is_watched()),
        sink,
        state,
        state_path: arguments.state.clone(),
        saved: Instant::now(),
        interrupt: Interrupt::listen()?,
    };
    let began = Instant::now();
    let before = replay.state.replayed;
    let result = replay.run(&mut scan).await;
    replay.progress.finish();
    let stop = result?;
    replay.say(&arguments, replay.state.replayed - before, began.elapsed(), stop)
}

/// What makes this replay this one, so that its state is not taken for another's.
async fn identity(
    client: &Client,
    arguments: &Arguments,
    target: &Target,
) -> Result<Identity, Error> {
    let topic = client.topic(&arguments.topic).await?;
    let metadata = client.metadata(client::Topics::Named(&[])).await?;
    Ok(Identity {
        cluster_id: metadata.cluster_id.unwrap_or_default(),
        topic: arguments.topic.clone(),
        topic_id: topic.id.to_string(),
        partitions: arguments.partitions.clone(),
        filter: arguments.filter.describe(),
        target: target.to_string(),
    })
}

/// Begins where the state says, or where the command line does.
async fn begin(
    client: Client,
    arguments: &Arguments,
    options: FetchOptions,
    identity: Identity,
    resumed: Option<State>,
) -> Result<(Scan, State), Error> {
    let topic = arguments.topic.as_str();
    let key = |id: i32| TopicPartition::new(topic, PartitionId(id));
    if let Some(state) = resumed {
        let partitions = state.partitions.keys().map(|id| key(*id)).collect();
        let mut scan = Scan::new(client, partitions, options);
        let places = || state.partitions.iter();
        scan.begin_at(places().map(|(id, it)| (key(*id), Offset(it.next))).collect());
        scan.end_at(places().map(|(id, it)| (key(*id), Offset(it.end))).collect());
        return Ok((scan, state));
    }
    let partitions = partitions_of(&client, topic, &arguments.partitions).await?;
    let mut scan = Scan::new(client, partitions, options);
    scan.begin(arguments.offset).await?;
    scan.end(arguments.until).await?;
    let ends = scan.ends().cloned().unwrap_or_default();
    let state = State::new(identity, scan.positions(), &ends);
    Ok((scan, state))
}

impl Replay {
    async fn run(&mut self, scan: &mut Scan) -> Result<Stop, Error> {
        let mut stop = Stop::Finished;
        loop {
            let fetched = tokio::select! {
                fetched = scan.next() => fetched?,
                () = self.interrupt.come() => {
                    stop = Stop::Interrupted;
                    None
                }
            };
            let Some(fetched) = fetched else { break };
            for part in &fetched {
                stop = self.replay(part, scan.end_of(&part.partition)).await?;
                if stop == Stop::Interrupted {
                    break;
                }
            }
            if stop == Stop::Interrupted {
                break;
            }
            self.settle(false).await?;
        }
        self.settle(true).await?;
        Ok(stop)
    }

    /// Replays what was fetched of one partition, with pauses if it is to be slow.
    async fn replay(&mut self, fetched: &Fetched, end: Offset) -> Result<Stop, Error> {
        let partition = fetched.partition.partition.0;
        let mut next = Offset::ZERO;
        loop {
            let wait = self.replay_some(fetched, end, &mut next)?;
            self.progress.advance(self.state.advance(partition, next.0), self.state.replayed);
            let Some(wait) = wait else { return Ok(Stop::Finished) };
            self.settle(false).await?;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.interrupt.come() => return Ok(Stop::Interrupted),
            }
        }
    }

    /// Replays records from `next` on until the pace asks for a pause, which is returned. Moves `next`.
    fn replay_some(
        &mut self,
        fetched: &Fetched,
        end: Offset,
        next: &mut Offset,
    ) -> Result<Option<Duration>, Error> {
        let mut wait = None;
        let mut written = Ok(());
        let Self { filter, pace, sink, state, .. } = self;
        let now = Instant::now();
        fetched.for_each(|record| {
            if record.offset < *next {
                return ControlFlow::Continue(());
            }
            if record.offset >= end {
                return ControlFlow::Break(());
            }
            if filter.fits(record) {
                wait = pace.as_mut().and_then(|pace| pace.take(now));
                if wait.is_some() {
                    return ControlFlow::Break(());
                }
                written = sink.write(&fetched.partition, record);
                if written.is_err() {
                    return ControlFlow::Break(());
                }
                state.replayed += 1;
            }
            *next = record.offset.next();
            ControlFlow::Continue(())
        })?;
        written?;
        if wait.is_none() {
            *next = fetched.next_offset().min(end);
        }
        Ok(wait)
    }

    /// Makes sure that the sink has what was written, and then keeps how far that is. Not each time, unless `is_last`.
    async fn settle(&mut self, is_last: bool) -> Result<(), Error> {
        self.sink.flush().await?;
        let Some(path) = &self.state_path else { return Ok(()) };
        if is_last || self.saved.elapsed() >= SAVE_INTERVAL {
            self.state.written_bytes = self.sink.written_bytes();
            self.state.save(path)?;
            self.saved = Instant::now();
        }
        Ok(())
    }

    /// Says what was done.
    fn say(
        &self,
        arguments: &Arguments,
        replayed: u64,
        took: Duration,
        stop: Stop,
    ) -> Result<(), Error> {
        let left = self.state.left();
        let seconds = took.as_secs_f64();
        if arguments.to_topic.is_some() && arguments.format == Some(RecordFormat::Json) {
            let result = BTreeMap::from([("replayed", replayed), ("left", left)]);
            let result = serde_json::to_string(&result).expect("keys are strings");
            writeln!(io::stdout(), "{result}").map_err(Error::Output)?;
        } else {
            eprintln!("replayed {replayed} records in {seconds:.1} s");
        }
        match (stop, &arguments.state) {
            (Stop::Finished, _) => Ok(()),
            (Stop::Interrupted, Some(path)) => Err(Error::invalid(format!(
                "stopped with {left} offsets left; the same command goes on from {}",
                path.display()
            ))),
            (Stop::Interrupted, None) => Err(Error::invalid(format!(
                "stopped with {left} offsets left; with --state FILE it could go on"
            ))),
        }
    }
}
