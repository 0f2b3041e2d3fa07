//! Many connections that each have one small request under way: what change-data pipelines and idle consumers are.

use protocol::messages::ProduceRequest;

use crate::bench::{Bench, Values};
use crate::consume::{Batches, Fetcher};
use crate::load::{Meter, Worker, under_load, watch};
use crate::produce::{LARGE, Shape, VERSION, check_all};
use crate::wire::{Frame, Link, Result, encode};

/// A thread for each connection would cost more than the connection.
const CONNECTIONS_PER_THREAD: i32 = 50;
/// The partitions that the connections share.
pub(crate) const PARTITIONS: i32 = 10;

/// A change or a few of them.
pub(crate) const fn shape(records: i32) -> Shape {
    Shape { value_bytes: 200, batch_records: records, partitions: 1, ..LARGE }
}

/// The connections of one thread: their numbers.
fn shares(connections: i32) -> impl Iterator<Item = std::ops::Range<i32>> {
    (0..connections)
        .step_by(CONNECTIONS_PER_THREAD as usize)
        .map(move |first| first..connections.min(first + CONNECTIONS_PER_THREAD))
}

/// Producers with one request under way each: a thread sends on all of its connections, then takes all answers.
pub(crate) fn produce(
    bench: &Bench<'_>,
    topic: &str,
    shape: Shape,
    connections: i32,
) -> Result<Values> {
    let meter = Meter::default();
    let bytes = shape.request_bytes();
    let mut workers = Vec::<Worker<'_>>::new();
    for share in shares(connections) {
        let mut links = Vec::new();
        for number in share {
            let request = shape.request(topic, number % PARTITIONS);
            let frame = Frame::new(&encode(VERSION, &request.into())?)?;
            links.push((Link::connect(bench.broker.address())?, frame));
        }
        let meter = &meter;
        workers.push(Box::new(move || {
            while !meter.is_over() {
                for (link, frame) in &links {
                    link.send_again(frame)?;
                }
                for (link, _) in &mut links {
                    check_all(&link.answer::<ProduceRequest>(VERSION)?)?;
                    meter.add(bytes);
                }
            }
            Ok(())
        }));
    }
    let (sample, resident) = under_load(&[&meter], workers, || {
        let sample = watch(bench.broker, &meter, bench.form.window)?;
        Ok((sample, bench.broker.resident_mb()?))
    })?;
    Ok(vec![
        ("requests/s", sample.requests_per_second()),
        ("CPU µs/request", sample.cpu_micros_per_request()),
        ("memory MB", resident),
    ])
}

/// Consumers that wait for records which do not come, each with a session of its own.
pub(crate) fn poll(bench: &Bench<'_>, topic: &str, connections: i32) -> Result<Values> {
    let meter = Meter::default();
    let mut workers = Vec::<Worker<'_>>::new();
    for share in shares(connections) {
        let mut fetchers = Vec::new();
        for _ in share {
            let batches = Batches { bytes: 1, records: 1 };
            fetchers.push(Fetcher::new(bench.broker.address(), topic, 1, batches)?);
        }
        let meter = &meter;
        workers.push(Box::new(move || {
            while !meter.is_over() {
                fetchers.iter_mut().try_for_each(Fetcher::send)?;
                for fetcher in &mut fetchers {
                    fetcher.receive(|_| ())?;
                    meter.add(0);
                }
            }
            Ok(())
        }));
    }
    let sample = under_load(&[&meter], workers, || watch(bench.broker, &meter, bench.form.window))?;
    Ok(vec![
        ("polls/s", sample.requests_per_second()),
        ("CPU µs/poll", sample.cpu_micros_per_request()),
    ])
}
