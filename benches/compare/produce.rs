//! Producers: each a connection that sends the same request again and again, several under way at once.

use bytes::Bytes;
use protocol::Timestamp;
use protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use protocol::messages::{ProduceRequest, ProduceResponse};
use protocol::record::{BatchBuilder, BatchOptions, Compression};
use testkit::Rng;

use crate::bench::Bench;
use crate::load::{Meter, Sample, Window, Worker, under_load, watch};
use crate::topics::name;
use crate::wire::{Frame, Link, Result, check, encode};

/// The newest version that every producer of these sends in.
pub(crate) const VERSION: i16 = 9;
/// What Java's producer has under way at most (`max.in.flight.requests.per.connection`).
pub(crate) const IN_FLIGHT: usize = 5;
const TIMEOUT_MS: i32 = 60_000;
const KEY_BYTES: usize = 8;
/// Values are made of these: text that compresses as text does.
const WORDS: [&str; 16] = [
    "order",
    "customer",
    "price",
    "amount",
    "2026-11-21",
    "created",
    "berlin",
    "street",
    "null",
    "true",
    "express",
    "invoice",
    "paid",
    "4711",
    "item",
    "shipping",
];

/// What every request of a producer looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) value_bytes: usize,
    pub(crate) batch_records: i32,
    /// Each request has a batch for each of so many partitions.
    pub(crate) partitions: i32,
    pub(crate) compression: Compression,
    pub(crate) acks: i16,
}

/// Batches of 16 KiB, which is Java's `batch.size`, one for each of 6 partitions.
pub(crate) const LARGE: Shape = Shape {
    value_bytes: 1000,
    batch_records: 16,
    partitions: 6,
    compression: Compression::None,
    acks: -1,
};

/// The same in small records.
pub(crate) const SMALL_RECORDS: Shape = Shape { value_bytes: 100, batch_records: 140, ..LARGE };

impl Shape {
    /// One batch.
    pub(crate) fn batch(&self) -> Vec<u8> {
        let mut rng = Rng::new(1);
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let now = Timestamp(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
        let options = BatchOptions { compression: self.compression, ..BatchOptions::default() };
        let mut builder = BatchBuilder::new(options);
        for number in 0..self.batch_records {
            let key = format!("{number:0KEY_BYTES$}");
            let mut value = String::new();
            while value.len() < self.value_bytes {
                value.push_str(rng.pick::<&str>(&WORDS));
                value.push(' ');
            }
            value.truncate(self.value_bytes);
            builder.append(now, Some(key.as_bytes()), Some(value.as_bytes()), &[]);
        }
        builder.build()
    }

    /// A request of the partitions from `first` on.
    pub(crate) fn request(&self, topic: &str, first: i32) -> ProduceRequest {
        let batch = Bytes::from(self.batch());
        let partition =
            |id| PartitionProduceData::default().with_index(id).with_records(Some(batch.clone()));
        let partitions = (first..first + self.partitions).map(partition).collect();
        let data = TopicProduceData::default().with_name(name(topic));
        ProduceRequest::default()
            .with_acks(self.acks)
            .with_timeout_ms(TIMEOUT_MS)
            .with_topic_data(vec![data.with_partition_data(partitions)])
    }

    /// The bytes of the batches of a request.
    pub(crate) fn request_bytes(&self) -> u64 {
        u64::from(self.partitions.unsigned_abs()) * self.batch().len() as u64
    }
}

/// An error if any partition has refused its records.
pub(crate) fn check_all(response: &ProduceResponse) -> Result<()> {
    let mut partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
    partitions.try_for_each(|partition| check("produce", partition.error_code))
}

/// Sends the same request until the meter says stop.
pub(crate) fn send_again_and_again(
    address: &str,
    request: ProduceRequest,
    bytes: u64,
    in_flight: usize,
    meter: &Meter,
) -> Result<()> {
    let mut link = Link::connect(address)?;
    let frame = Frame::new(&encode(VERSION, &request.into())?)?;
    let mut under_way = 0;
    loop {
        while under_way < in_flight && !meter.is_over() {
            link.send_again(&frame)?;
            under_way += 1;
        }
        if under_way == 0 {
            return Ok(());
        }
        check_all(&link.answer::<ProduceRequest>(VERSION)?)?;
        meter.add(bytes);
        under_way -= 1;
    }
}

/// Producers at full speed; producer `n` begins with the partition `first(n)`.
pub(crate) fn workers<'a>(
    bench: &'a Bench<'_>,
    topic: &str,
    (shape, producers, in_flight): (Shape, i32, usize),
    first: impl Fn(i32) -> i32,
    meter: &'a Meter,
) -> Vec<Worker<'a>> {
    let address = bench.broker.address();
    let bytes = shape.request_bytes();
    let worker = |number| {
        let request = shape.request(topic, first(number));
        let run = move || send_again_and_again(address, request, bytes, in_flight, meter);
        Box::new(run) as Worker<'a>
    };
    (0..producers).map(worker).collect()
}

/// What producers that all send to the same partitions do in a run.
pub(crate) fn measure(
    bench: &Bench<'_>,
    topic: &str,
    shape: Shape,
    producers: i32,
    in_flight: usize,
) -> Result<Sample> {
    let meter = Meter::default();
    let workers = workers(bench, topic, (shape, producers, in_flight), |_| 0, &meter);
    under_load(&[&meter], workers, || watch(bench.broker, &meter, bench.form.window))
}

/// Writes about so many bytes into a topic.
pub(crate) fn fill(bench: &Bench<'_>, topic: &str, shape: Shape, bytes: u64) -> Result<()> {
    let meter = Meter::default();
    let window = Window { bytes_max: bytes, ..bench.form.fill };
    let workers = workers(bench, topic, (shape, 1, IN_FLIGHT), |_| 0, &meter);
    under_load(&[&meter], workers, || watch(bench.broker, &meter, window)).map(|_| ())
}
