//! The rows of the table: what is measured, under which conditions, and what is asked of Ottla.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use protocol::record::Compression;
use rustix::fs::Advice;

use crate::bench::{Bench, Form, Values};
use crate::brokers::Side;
use crate::consume::{Batches, Fetcher};
use crate::latency::{self, PRODUCERS, half_load};
use crate::load::{Meter, Sample, Window, Worker, under_load, watch};
use crate::produce::{self, IN_FLIGHT, LARGE, SMALL_RECORDS, Shape};
use crate::transactions::{self, Kind, Length};
use crate::wire::{Link, Result, encode};
use crate::{groups, small, start, tools, topics};

/// What Ottla has to reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    /// At least so many times Kafka's.
    AtLeast(f64),
    /// At most so many times Kafka's.
    AtMost(f64),
    /// Below this, whatever Kafka has.
    Below(f64),
}

/// How often Kafka Streams commits under `exactly_once_v2`.
const STREAMS_COMMIT: Duration = Duration::from_millis(100);

/// Equal to Kafka.
const SPEED: (&str, Bar) = ("MB/s", Bar::AtLeast(1.0));
const WRITE_CPU: (&str, Bar) = ("CPU s/GB", Bar::AtMost(0.25));
const READ_CPU: (&str, Bar) = ("CPU s/GB", Bar::AtMost(0.6));
const CPU: (&str, Bar) = ("CPU s/GB", Bar::AtMost(1.0));
const WRITE: &[(&str, Bar)] = &[SPEED, WRITE_CPU];
const READ: &[(&str, Bar)] = &[SPEED, READ_CPU];
const LATENCY: &[(&str, Bar)] = &[
    ("p50 ms", Bar::AtMost(1.0)),
    ("p99 ms", Bar::AtMost(0.3)),
    ("p99.9 ms", Bar::AtMost(0.2)),
    ("p99.99 ms", Bar::AtMost(1.0)),
    CPU,
];
const SMALL: &[(&str, Bar)] =
    &[("requests/s", Bar::AtLeast(1.0)), ("CPU µs/request", Bar::AtMost(1.0))];

/// How a row is run.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// On brokers that have been running for a while.
    Warm(fn(&Bench<'_>) -> Result<Values>),
    /// On a broker of its own, in this empty directory.
    Own(fn(Side, &Path, &Form) -> Result<Values>),
}

/// A row.
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) sides: &'static [Side],
    pub(crate) values: &'static [(&'static str, Bar)],
    pub(crate) run: Run,
}

const fn row(
    id: &'static str,
    what: &'static str,
    values: &'static [(&'static str, Bar)],
    run: fn(&Bench<'_>) -> Result<Values>,
) -> Row {
    Row { id, what, sides: &Side::BROKERS, values, run: Run::Warm(run) }
}

const fn with_bare(row: Row) -> Row {
    Row { sides: &Side::ALL, ..row }
}

const fn own(
    id: &'static str,
    what: &'static str,
    values: &'static [(&'static str, Bar)],
    run: fn(Side, &Path, &Form) -> Result<Values>,
) -> Row {
    Row { id, what, sides: &Side::BROKERS, values, run: Run::Own(run) }
}

/// All rows, in the order of the table and of the runs.
pub(crate) const ROWS: &[Row] = &[
    own(
        "start",
        "start: process to first acknowledged record; then idle",
        &[("ms", Bar::Below(100.0)), ("memory MB", Bar::Below(30.0))],
        start::first_record,
    ),
    own(
        "partitions-1",
        "1,000 partitions, idle",
        &[("memory MB", Bar::AtMost(1.0)), ("s to create", Bar::AtMost(1.0))],
        |side, home, form| start::partitions(side, home, form, form.many.0),
    ),
    own(
        "partitions-2",
        "10,000 partitions, idle",
        &[("memory MB", Bar::Below(300.0)), ("s to create", Bar::AtMost(1.0))],
        |side, home, form| start::partitions(side, home, form, form.many.1),
    ),
    with_bare(row("produce-1k-1", "produce 1 KB, 1 producer", WRITE, |b| full(b, LARGE, 1))),
    with_bare(row("produce-1k-10", "produce 1 KB, 10 producers", WRITE, |b| full(b, LARGE, 10))),
    with_bare(row("produce-1k-50", "produce 1 KB, 50 producers", WRITE, |b| full(b, LARGE, 50))),
    row("produce-100-1", "produce 100 B, 1 producer", WRITE, |b| full(b, SMALL_RECORDS, 1)),
    row("produce-100-10", "produce 100 B, 10 producers", WRITE, |b| full(b, SMALL_RECORDS, 10)),
    row("produce-100-50", "produce 100 B, 50 producers", WRITE, |b| full(b, SMALL_RECORDS, 50)),
    row("produce-lz4", "produce 1 KB in lz4, 10 producers", WRITE, |b| {
        full(b, Shape { compression: Compression::Lz4, batch_records: 64, ..LARGE }, 10)
    }),
    row("fsync", "produce 1 KB, 50 producers, fsync before acknowledgement", WRITE, |b| {
        b.with_topic(LARGE.partitions, &[("flush.messages", "1")], |topic| {
            Ok(speed(&produce::measure(b, topic, LARGE, 50, IN_FLIGHT)?))
        })
    }),
    row("plain", "produce 1 KB, 10 plain producers that patch their batches", WRITE, |b| {
        transactional(b, Kind::Plain)
    }),
    row("idempotent", "the same, idempotent", WRITE, |b| transactional(b, Kind::Idempotent)),
    row("transactional", "the same, transactional, 2 MB a transaction", WRITE, |b| {
        transactional(b, Kind::Transactional(Length::Requests(20)))
    }),
    row("transactions-100", "the same, transactional, a commit every 100 ms", WRITE, |b| {
        transactional(b, Kind::Transactional(Length::Time(STREAMS_COMMIT)))
    }),
    with_bare(row("consume-1", "consume 1 KB from memory, 1 consumer", READ, |b| consume(b, 1))),
    with_bare(row("consume-10", "consume 1 KB from memory, 10 consumers", READ, |b| {
        consume(b, 10)
    })),
    row("consume-cold", "consume 1 KB from the disk, 1 consumer", READ, cold),
    row("tail", "both at once: 10 producers of 10 records of 1 KB, 1 consumer", READ, tail),
    row("latency", "end to end at half of Kafka's load, acks=all", LATENCY, |b| {
        latency_of(b, latency::SHAPE, &[], half_load(b))
    }),
    row("latency-acks-1", "the same, acks=1", LATENCY, |b| {
        latency_of(b, Shape { acks: 1, ..latency::SHAPE }, &[], half_load(b))
    }),
    row(
        "latency-fsync",
        "end to end at 50 requests/s, fsync before acknowledgement",
        LATENCY,
        |b| latency_of(b, latency::SHAPE, &[("flush.messages", "1")], 50.0),
    ),
    row(
        "latency-catch-up",
        "end to end, with a consumer that catches up from the disk",
        LATENCY,
        catch_up,
    ),
    row(
        "cleaning",
        "end to end, topic compacted and cut to 16 MB a partition meanwhile",
        LATENCY,
        |b| latency_of(b, latency::SHAPE, CLEANED, half_load(b)),
    ),
    row("small-1", "1 record a request, 1 producer, 1 request under way", SMALL, |b| {
        small(b, 1, 1)
    }),
    row("small-5", "5 records a request, 10 producers, 1 request under way", SMALL, |b| {
        small(b, 5, 10)
    }),
    row("connections", "1,000 connections, 5 records a request, 1 request under way", SMALL, |b| {
        small(b, 5, b.form.many.0)
    }),
    row(
        "polls",
        "1,000 idle consumers in long polls of 500 ms",
        &[("CPU µs/poll", Bar::AtMost(1.0))],
        |b| b.with_topic(1, &[], |topic| small::poll(b, topic, b.form.many.0)),
    ),
    row(
        "fan-out",
        "1,000 partitions: 10 producers of 100 records of 1 KB, 1 consumer",
        READ,
        fan_out,
    ),
    row(
        "rebalance",
        "group of 50: all have their partitions again after one came, or went",
        &[("join ms", Bar::AtMost(1.0)), ("leave ms", Bar::AtMost(1.0))],
        |b| b.with_topic(100, &[], |topic| groups::measure(b, topic, b.form.members)),
    ),
    row("java-produce", "`kafka-producer-perf-test`, 1 KB, acks=all", WRITE, |b| {
        b.with_topic(6, &[], |topic| tools::java_produce(b, topic))
    }),
    row("java-consume", "`kafka-consumer-perf-test`, 1 KB", READ, |b| {
        b.with_topic(6, &[], |topic| tools::java_consume(b, topic))
    }),
    row(
        "java-latency",
        "`kafka-e2e-latency`, 1 KB, acks=all (whole milliseconds)",
        &[
            ("mean ms", Bar::AtMost(1.0)),
            ("p99 ms", Bar::AtMost(1.0)),
            ("p99.9 ms", Bar::AtMost(1.0)),
        ],
        |b| b.with_topic(1, &[], |topic| tools::java_latency(b, topic)),
    ),
    row("librdkafka-produce", "librdkafka (Python), produce 1 KB, acks=all", WRITE, |b| {
        b.with_topic(6, &[], |topic| tools::librdkafka_produce(b, topic))
    }),
    row("librdkafka-consume", "librdkafka (Python), consume 1 KB", READ, |b| {
        b.with_topic(6, &[], |topic| tools::librdkafka_consume(b, topic))
    }),
    row("memory", "memory after all of this", &[("memory MB", Bar::AtMost(1.0))], |b| {
        Ok(vec![("memory MB", b.broker.resident_mb()?)])
    }),
];

/// Small segments, so that a run of seconds is longer than the retention; both cleaners look every second, and leave
/// alone what the consumer may not have read yet.
const CLEANED: &[(&str, &str)] = &[
    ("cleanup.policy", "compact,delete"),
    ("segment.bytes", "4194304"),
    ("retention.bytes", "16777216"),
    ("min.cleanable.dirty.ratio", "0.1"),
    ("min.compaction.lag.ms", "3000"),
];

fn speed(sample: &Sample) -> Values {
    vec![("MB/s", sample.mb_per_second()), ("CPU s/GB", sample.cpu_per_gb())]
}

/// Producers at full speed, five requests of each under way.
fn full(bench: &Bench<'_>, shape: Shape, producers: i32) -> Result<Values> {
    bench.with_topic(shape.partitions, &[], |topic| {
        Ok(speed(&produce::measure(bench, topic, shape, producers, IN_FLIGHT)?))
    })
}

fn transactional(bench: &Bench<'_>, kind: Kind) -> Result<Values> {
    bench.with_topic(LARGE.partitions, &[], |topic| transactions::measure(bench, topic, kind))
}

fn small(bench: &Bench<'_>, records: i32, connections: i32) -> Result<Values> {
    bench.with_topic(small::PARTITIONS, &[], |topic| {
        small::produce(bench, topic, small::shape(records), connections)
    })
}

fn latency_of(
    bench: &Bench<'_>,
    shape: Shape,
    settings: &[(&str, &str)],
    rate: f64,
) -> Result<Values> {
    let partitions = i32::try_from(PRODUCERS)?;
    bench.with_topic(partitions, settings, |topic| {
        latency::measure(bench, topic, (shape, rate), (&Meter::default(), Vec::new()))
    })
}

fn batches(shape: Shape) -> Batches {
    Batches { bytes: shape.batch().len(), records: shape.batch_records.into() }
}

/// Load of both kinds, for brokers that have to warm up.
pub(crate) fn warm_up(bench: &Bench<'_>) -> Result<Values> {
    consume(bench, 1)?;
    tail(bench)
}

/// A consumer that reads the topic again and again.
fn reader<'a>(bench: &'a Bench<'_>, topic: &str, meter: &'a Meter) -> Result<Worker<'a>> {
    if bench.side == Side::Bare {
        return bare_reader(bench, meter);
    }
    let partitions = LARGE.partitions;
    let ends = topics::ends(bench.broker, topic, partitions)?;
    let end = ends.into_iter().min().ok_or("a topic has partitions")?;
    let address = bench.broker.address();
    let mut fetcher = Fetcher::new(address, topic, usize::try_from(partitions)?, batches(LARGE))?;
    Ok(Box::new(move || fetcher.read(end, meter)))
}

/// A consumer of the bare source, which sends the same bytes for every fetch.
fn bare_reader<'a>(bench: &'a Bench<'_>, meter: &'a Meter) -> Result<Worker<'a>> {
    let mut link = Link::connect(bench.broker.address())?;
    let request = encode(11, &protocol::messages::FetchRequest::default().into())?;
    Ok(Box::new(move || {
        while !meter.is_over() {
            link.send(&request)?;
            let len = link.frame_len()?;
            link.discard(len)?;
            meter.add(len as u64);
        }
        Ok(())
    }))
}

fn consume(bench: &Bench<'_>, consumers: usize) -> Result<Values> {
    bench.with_topic(LARGE.partitions, &[], |topic| {
        if bench.side != Side::Bare {
            produce::fill(bench, topic, LARGE, bench.form.fill.bytes_max)?;
        }
        let meter = Meter::default();
        let workers = (0..consumers).map(|_| reader(bench, topic, &meter));
        let workers = workers.collect::<Result<Vec<_>>>()?;
        // What is read is in memory already: only the time ends the run.
        let window = Window { bytes_max: u64::MAX, ..bench.form.window };
        Ok(speed(&under_load(&[&meter], workers, || watch(bench.broker, &meter, window))?))
    })
}

/// Puts a topic on the disk and out of the memory.
fn make_cold(bench: &Bench<'_>, topic: &str) -> Result<()> {
    let prefix = format!("{topic}-");
    for entry in fs::read_dir(bench.broker.data())?.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(&prefix) {
            continue;
        }
        for file in fs::read_dir(entry.path())?.flatten() {
            let file = File::open(file.path())?;
            file.sync_data()?;
            rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}

fn cold(bench: &Bench<'_>) -> Result<Values> {
    bench.with_topic(LARGE.partitions, &[], |topic| {
        produce::fill(bench, topic, LARGE, bench.form.fill.bytes_max)?;
        make_cold(bench, topic)?;
        let meter = Meter::default();
        let workers = vec![reader(bench, topic, &meter)?];
        // Once through the topic: the second time it is in memory.
        let fill = bench.form.fill;
        let window = Window { bytes_max: fill.bytes_max * 9 / 10, ..fill };
        Ok(speed(&under_load(&[&meter], workers, || watch(bench.broker, &meter, window))?))
    })
}

/// Producers at full speed, and a consumer that follows them.
fn tail(bench: &Bench<'_>) -> Result<Values> {
    bench.with_topic(i32::try_from(PRODUCERS)?, &[], |topic| {
        followed(bench, (topic, PRODUCERS), latency::SHAPE, bench.form.window)
    })
}

fn fan_out(bench: &Bench<'_>) -> Result<Values> {
    let partitions = bench.form.many.0;
    let share = partitions / 10;
    let shape = Shape { batch_records: 1, partitions: share, ..LARGE };
    // The first record of a partition makes its files.
    let window = Window { warm: bench.form.window.warm * 5, ..bench.form.window };
    bench.with_topic(partitions, &[], |topic| {
        followed(bench, (topic, usize::try_from(partitions)?), shape, window)
    })
}

/// Ten producers, each to its own partitions, and one consumer of all.
fn followed(
    bench: &Bench<'_>,
    (topic, partitions): (&str, usize),
    shape: Shape,
    window: Window,
) -> Result<Values> {
    let (written, read) = (Meter::default(), Meter::default());
    let first = |number| number * shape.partitions;
    let mut workers = produce::workers(bench, topic, (shape, 10, IN_FLIGHT), first, &written);
    let address = bench.broker.address();
    let mut fetcher = Fetcher::new(address, topic, partitions, batches(shape))?;
    let read_to = &read;
    workers.push(Box::new(move || fetcher.read(i64::MAX, read_to)));
    let (sample, read) = under_load(&[&written, &read], workers, || {
        let read_before = read.bytes();
        let sample = watch(bench.broker, &written, window)?;
        Ok((sample, read.bytes() - read_before))
    })?;
    let mut values = speed(&sample);
    values.push(("requests/s", sample.requests_per_second()));
    values.push(("read MB", read as f64 / 1e6));
    Ok(values)
}

fn catch_up(bench: &Bench<'_>) -> Result<Values> {
    let cold = format!("cold-{}", bench.topic);
    topics::create(bench.broker, std::slice::from_ref(&cold), LARGE.partitions, &[])?;
    produce::fill(bench, &cold, LARGE, bench.form.fill.bytes_max)?;
    make_cold(bench, &cold)?;
    let meter = Meter::default();
    let background = vec![reader(bench, &cold, &meter)?];
    let values = bench.with_topic(i32::try_from(PRODUCERS)?, &[], |topic| {
        let load = (latency::SHAPE, half_load(bench));
        latency::measure(bench, topic, load, (&meter, background))
    });
    topics::delete(bench.broker, &cold)?;
    values
}
