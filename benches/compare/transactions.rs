//! The same load as plain, idempotent and transactional producers send it. Their batches change with each request, so
//! all three are patched and written from user space, and only the broker's part differs.

use std::time::{Duration, Instant};

use bytes::BufMut as _;
use protocol::messages::{
    EndTxnRequest, FindCoordinatorRequest, InitProducerIdRequest, ProduceRequest, ProducerId,
    StrBytes, TransactionalId,
};

use crate::bench::{Bench, Values};
use crate::load::{Meter, Worker, under_load, watch};
use crate::produce::{IN_FLIGHT, LARGE, check_all};
use crate::wire::{Link, Result, check, encode};

/// With this version the partitions of a transaction need not be added to it before (KIP-890).
const VERSION: i16 = 12;
const END_VERSION: i16 = 5;
/// The producers of each row.
const PRODUCERS: usize = 10;
/// The markers of the last transaction may still be on their way.
const CONCURRENT_TRANSACTIONS: i16 = 51;
const PAUSE: Duration = Duration::from_millis(1);
const ATTEMPTS_MAX: usize = 5000;

/// What a producer promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Idempotent,
    Transactional(Length),
}

/// When a transaction is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// After so many requests of six batches of 16 KiB.
    Requests(usize),
    /// After so long.
    Time(Duration),
}

/// One producer.
struct Producer<'a> {
    link: Link,
    kind: Kind,
    id: TransactionalId,
    frame: Vec<u8>,
    /// Where in the frame the batches begin, and how long each is.
    batches: Vec<usize>,
    batch_bytes: usize,
    producer: (i64, i16),
    sequence: i32,
    meter: &'a Meter,
}

/// What 10 producers of the kind do.
pub(crate) fn measure(bench: &Bench<'_>, topic: &str, kind: Kind) -> Result<Values> {
    let meter = Meter::default();
    let mut workers = Vec::<Worker<'_>>::new();
    for number in 0..PRODUCERS {
        let mut producer = Producer::start(bench, topic, kind, number, &meter)?;
        workers.push(Box::new(move || producer.run()));
    }
    let sample = under_load(&[&meter], workers, || watch(bench.broker, &meter, bench.form.window))?;
    Ok(vec![("MB/s", sample.mb_per_second()), ("CPU s/GB", sample.cpu_per_gb())])
}

impl<'a> Producer<'a> {
    fn start(
        bench: &Bench<'_>,
        topic: &str,
        kind: Kind,
        number: usize,
        meter: &'a Meter,
    ) -> Result<Self> {
        let id = TransactionalId(StrBytes::from_string(format!("{topic}-{number}")));
        let is_transactional = matches!(kind, Kind::Transactional(_));
        let request = LARGE.request(topic, 0);
        let records = |request: &ProduceRequest| {
            request.topic_data.first()?.partition_data.first()?.records.clone()
        };
        let batch = records(&request).ok_or("a request has a batch")?;
        let request = request.with_transactional_id(is_transactional.then(|| id.clone()));
        let frame = encode(VERSION, &request.into())?.to_vec();
        let batches = find_all(&frame, &batch);
        let link = Link::connect(bench.broker.address())?;
        let (batch_bytes, producer) = (batch.len(), (-1, -1));
        let mut producer =
            Self { link, kind, id, frame, batches, batch_bytes, producer, sequence: 0, meter };
        if kind != Kind::Plain {
            producer.identify()?;
        }
        Ok(producer)
    }

    /// Gets a producer id; the coordinator's topic may have to be made for it.
    fn identify(&mut self) -> Result<()> {
        let is_transactional = matches!(self.kind, Kind::Transactional(_));
        let mut last = 0;
        for _ in 0..ATTEMPTS_MAX {
            if is_transactional {
                let request =
                    FindCoordinatorRequest::default().with_key_type(1).with_key(self.id.0.clone());
                self.link.call(2, request)?;
            }
            let request = InitProducerIdRequest::default()
                .with_transactional_id(is_transactional.then(|| self.id.clone()))
                .with_transaction_timeout_ms(60_000)
                .with_producer_id(ProducerId(-1))
                .with_producer_epoch(-1);
            let answer = self.link.call(4, request)?;
            if answer.error_code == 0 {
                self.producer = (answer.producer_id.0, answer.producer_epoch);
                return Ok(());
            }
            last = answer.error_code;
            std::thread::sleep(PAUSE);
        }
        check("a producer id", last)
    }

    fn run(&mut self) -> Result<()> {
        match self.kind {
            Kind::Transactional(length) => {
                while !self.meter.is_over() {
                    self.transaction(length)?;
                }
                Ok(())
            }
            _ => self.pipeline(|_| true),
        }
    }

    /// One transaction. Its first request may find the last transaction not quite at its end.
    fn transaction(&mut self, length: Length) -> Result<()> {
        let start = Instant::now();
        self.send()?;
        for attempt in 0.. {
            let answer = self.link.answer::<ProduceRequest>(VERSION)?;
            let mut partitions =
                answer.responses.iter().flat_map(|topic| &topic.partition_responses);
            let is_early = partitions.any(|it| it.error_code == CONCURRENT_TRANSACTIONS);
            if !is_early || attempt == ATTEMPTS_MAX {
                check_all(&answer)?;
                break;
            }
            std::thread::sleep(PAUSE);
            self.link.send(&self.frame)?;
        }
        self.count();
        self.pipeline(|sent| match length {
            Length::Requests(count) => sent + 1 < count,
            Length::Time(time) => start.elapsed() < time,
        })?;
        let request = EndTxnRequest::default()
            .with_transactional_id(self.id.clone())
            .with_producer_id(ProducerId(self.producer.0))
            .with_producer_epoch(self.producer.1)
            .with_committed(true);
        let answer = self.link.call(END_VERSION, request)?;
        check("a commit", answer.error_code)?;
        // The next transaction has another epoch, and counts anew.
        self.producer = (answer.producer_id.0, answer.producer_epoch);
        self.sequence = 0;
        Ok(())
    }

    /// Requests for as long as `wants_more` says so of their number, several under way at once.
    fn pipeline(&mut self, wants_more: impl Fn(usize) -> bool) -> Result<()> {
        let (mut sent, mut under_way) = (0, 0);
        loop {
            while under_way < IN_FLIGHT && wants_more(sent) && !self.meter.is_over() {
                self.send()?;
                sent += 1;
                under_way += 1;
            }
            if under_way == 0 {
                return Ok(());
            }
            check_all(&self.link.answer::<ProduceRequest>(VERSION)?)?;
            self.count();
            under_way -= 1;
        }
    }

    fn count(&self) {
        self.meter.add((self.batches.len() * self.batch_bytes) as u64);
    }

    /// Writes who sends and what number it is into the batches, and sends them.
    fn send(&mut self) -> Result<()> {
        let sequence = if self.kind == Kind::Plain { -1 } else { self.sequence };
        let is_transactional = matches!(self.kind, Kind::Transactional(_));
        for start in &self.batches {
            let batch = self.frame.get_mut(*start..*start + self.batch_bytes);
            let batch = batch.ok_or("the batch was found there")?;
            let (head, body) = batch.split_at_mut(21);
            let (mut attributes, _) = body.split_at_mut(2);
            attributes.put_i16(if is_transactional { 0x10 } else { 0 });
            // Producer id, epoch and sequence: bytes 43 to 57 of the batch.
            let mut producer = body.get_mut(22..36).ok_or("the batch has a header")?;
            producer.put_i64(self.producer.0);
            producer.put_i16(self.producer.1);
            producer.put_i32(sequence);
            let crc = crc32c::crc32c(body);
            let mut place = head.get_mut(17..21).ok_or("the batch has a header")?;
            place.put_u32(crc);
        }
        self.sequence += LARGE.batch_records;
        self.link.send(&self.frame)
    }
}

/// Where the batch begins in the frame, each time.
fn find_all(frame: &[u8], batch: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(part) = frame.get(from..from + batch.len()) {
        if part == batch {
            places.push(from);
            from += batch.len();
        } else {
            from += 1;
        }
    }
    places
}
