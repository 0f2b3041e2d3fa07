//! Latency from end to end at a fixed load: requests go out by a schedule that does not wait for answers, and each
//! record's time is counted from when it was to be sent to when a consumer had it, so that a broker that stalls is
//! charged for everything that came late (no coordinated omission).

use std::sync::Mutex;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use protocol::messages::ProduceRequest;

use crate::bench::{Bench, Values};
use crate::consume::{Batches, Fetcher};
use crate::load::{Meter, Worker, under_load};
use crate::produce::{LARGE, Shape, VERSION, check_all};
use crate::wire::{Frame, Link, Result, encode};

/// Ten producers, each to a partition of its own: the place of a batch in it says when it was to be sent.
pub(crate) const PRODUCERS: usize = 10;

/// What a request has.
pub(crate) const SHAPE: Shape = Shape { batch_records: 10, partitions: 1, ..LARGE };

/// The first request is sent when all connections are there.
const LEAD: Duration = Duration::from_millis(100);

/// The longest time that is told apart from longer ones.
const LATENCY_MAX_MICROS: u64 = 120_000_000;

/// Requests at even distances.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    start: Instant,
    interval: Duration,
    /// What comes before is not counted.
    first_counted: usize,
    count: usize,
}

impl Schedule {
    fn at(&self, number: usize) -> Instant {
        self.start + self.interval.mul_f64(number as f64)
    }

    /// How many requests the producer sends.
    const fn count_of(&self, producer: usize) -> usize {
        (self.count + PRODUCERS - 1 - producer) / PRODUCERS
    }
}

/// The requests a second that are half of what Kafka took at most when it was written to and read at once.
pub(crate) fn half_load(bench: &Bench<'_>) -> f64 {
    bench.kafka_median("tail", "requests/s").map_or(500.0, |most| most / 2.0)
}

/// Runs the load of `rate` requests a second, with `background` work beside it until it ends.
pub(crate) fn measure(
    bench: &Bench<'_>,
    topic: &str,
    (shape, rate): (Shape, f64),
    background: (&Meter, Vec<Worker<'_>>),
) -> Result<Values> {
    let form = bench.form;
    let total = form.window.warm + form.latency;
    let interval = Duration::from_secs_f64(1.0 / rate);
    let requests = |time: Duration| usize::try_from(time.as_nanos() / interval.as_nanos().max(1));
    let schedule = Schedule {
        start: Instant::now() + LEAD,
        interval,
        first_counted: requests(form.window.warm)?,
        count: requests(total)?,
    };
    let histogram = Mutex::new(Histogram::<u64>::new_with_bounds(1, LATENCY_MAX_MICROS, 3)?);
    let (meter, mut workers) = background;
    let load = Meter::default();
    let cpu_before = bench.broker.cpu_seconds()?;
    let address = bench.broker.address();
    let mut senders = Vec::new();
    for producer in 0..PRODUCERS {
        let request = shape.request(topic, i32::try_from(producer)?);
        let frame = Frame::new(&encode(VERSION, &request.into())?)?;
        let mut link = Link::connect(address)?;
        senders.push((link.sender()?, frame));
        workers.push(Box::new(move || {
            for _ in 0..schedule.count_of(producer) {
                check_all(&link.answer::<ProduceRequest>(VERSION)?)?;
            }
            Ok(())
        }));
    }
    let batches = Batches { bytes: shape.batch().len(), records: shape.batch_records.into() };
    let mut fetcher = Fetcher::new(address, topic, PRODUCERS, batches)?;
    under_load(&[meter, &load], workers, || {
        std::thread::scope(|scope| {
            let receiver = scope.spawn(|| receive(&mut fetcher, schedule, &histogram, &load));
            let sent = send(&senders, schedule, &load);
            receiver.join().map_err(|_| "the consumer panicked")??;
            sent
        })
    })?;
    let cpu = bench.broker.cpu_seconds()? - cpu_before;
    let bytes = schedule.count as f64 * batches.bytes as f64;
    let histogram = histogram.into_inner().map_err(|_| "the consumer panicked")?;
    let millis = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
    Ok(vec![
        ("p50 ms", millis(0.5)),
        ("p99 ms", millis(0.99)),
        ("p99.9 ms", millis(0.999)),
        ("p99.99 ms", millis(0.9999)),
        ("max ms", histogram.max() as f64 / 1e3),
        ("CPU s/GB", cpu / (bytes / 1e9)),
        ("load MB/s", rate * batches.bytes as f64 / 1e6),
    ])
}

/// Sends by the schedule, however late it is.
fn send(senders: &[(Link, Frame)], schedule: Schedule, load: &Meter) -> Result<()> {
    for (number, (link, frame)) in (0..schedule.count).zip(senders.iter().cycle()) {
        if load.is_over() {
            return Ok(());
        }
        std::thread::sleep(schedule.at(number).saturating_duration_since(Instant::now()));
        link.send_again(frame)?;
    }
    Ok(())
}

/// Reads everything, and counts how late it is.
fn receive(
    fetcher: &mut Fetcher,
    schedule: Schedule,
    histogram: &Mutex<Histogram<u64>>,
    load: &Meter,
) -> Result<()> {
    let mut histogram = histogram.lock().map_err(|_| "nobody else has it")?;
    let mut left = schedule.count;
    while left > 0 && !load.is_over() {
        fetcher.send()?;
        fetcher.receive(|came| {
            let now = Instant::now();
            left = left.saturating_sub(came.batches);
            let records = i64::from(SHAPE.batch_records);
            let end = usize::try_from(came.next_offset / records).unwrap_or(usize::MAX);
            let partition = usize::try_from(came.partition).unwrap_or(0);
            for ordinal in end.saturating_sub(came.batches)..end {
                let number = ordinal * PRODUCERS + partition;
                if number >= schedule.first_counted {
                    let late = now.saturating_duration_since(schedule.at(number));
                    histogram
                        .saturating_record(u64::try_from(late.as_micros()).unwrap_or(u64::MAX));
                }
            }
        })?;
    }
    Ok(())
}
