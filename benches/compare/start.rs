//! Brokers that are started for a row: how soon they serve, and what memory they take when nobody asks for anything.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::bench::{Form, Values};
use crate::brokers::{Broker, Side};
use crate::produce::{LARGE, Shape, VERSION, check_all};
use crate::topics;
use crate::wire::{Link, Result};

/// One record to one partition.
const ONE: Shape = Shape { batch_records: 1, partitions: 1, ..LARGE };
const TOPIC: &str = "first";
/// A topic of many partitions has so many.
const TOPIC_PARTITIONS: i32 = 100;
/// A broker that has just started may not lead its partitions yet.
const PAUSE: Duration = Duration::from_millis(2);
const LIMIT: Duration = Duration::from_secs(60);

/// From the start of the process to the first record that is acknowledged, on a directory that was stopped in order.
pub(crate) fn first_record(side: Side, home: &Path, form: &Form) -> Result<Values> {
    let broker = Broker::start(side, home)?;
    topics::create(&broker, &[TOPIC.to_owned()], 1, &[])?;
    broker.stop();
    let start = Instant::now();
    let broker = Broker::start(side, home)?;
    let mut last = produce(&broker);
    while last.is_err() && start.elapsed() < LIMIT {
        std::thread::sleep(PAUSE);
        last = produce(&broker);
    }
    last?;
    let millis = start.elapsed().as_secs_f64() * 1e3;
    std::thread::sleep(form.settle);
    let resident = broker.resident_mb()?;
    broker.stop();
    Ok(vec![("ms", millis), ("memory MB", resident)])
}

fn produce(broker: &Broker) -> Result<()> {
    let mut link = Link::connect(broker.address())?;
    check_all(&link.call(VERSION, ONE.request(TOPIC, 0))?)
}

/// The memory of so many partitions without records, and how long it takes to make them.
pub(crate) fn partitions(side: Side, home: &Path, form: &Form, count: i32) -> Result<Values> {
    let broker = Broker::start(side, home)?;
    let each = TOPIC_PARTITIONS.min(count);
    let start = Instant::now();
    for number in 0..count / each {
        topics::create(&broker, &[format!("many-{number}")], each, &[])?;
    }
    let seconds = start.elapsed().as_secs_f64();
    std::thread::sleep(form.settle);
    let resident = broker.resident_mb()?;
    // A stop in order would take Kafka a minute, and nothing is kept.
    drop(broker);
    Ok(vec![("memory MB", resident), ("s to create", seconds)])
}
