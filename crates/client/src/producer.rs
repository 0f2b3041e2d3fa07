//! A producer: gathers records into batches, one row of them a partition, and sends them with their sequences.
//!
//! With acks=all it is idempotent (KIP-98): a batch that is sent again because its answer was lost is stored once. Of a
//! partition only one batch is under way at a time, so the order holds whatever has to be tried again.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use protocol::messages::produce_response::PartitionProduceResponse;
use protocol::messages::{InitProducerIdRequest, ProduceRequest};
use protocol::record::{BatchBuilder, BatchOptions, Compression, Record};
use protocol::{
    BrokerId, ErrorCode, Offset, PartitionId, ProducerEpoch, ProducerId, Sequence, Timestamp,
    TopicId, TopicPartition,
};

use crate::{Backoff, Client, Error, wire};

/// A batch is closed once it is that large, uncompressed; only one record may make it larger.
const BATCH_BYTES: usize = 256 << 10;

/// Who has to have the records before the broker says so.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Acks {
    /// Nobody: the broker does not answer at all.
    None,
    /// The leader.
    Leader,
    /// All replicas that are in sync.
    #[default]
    All,
}

impl Acks {
    const fn code(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

/// How to send.
#[derive(Copy, Clone, Debug)]
pub struct ProducerOptions {
    /// What to wait for.
    pub acks: Acks,
    /// The codec of the batches.
    pub compression: Compression,
    /// How long the broker may wait for replicas.
    pub timeout: Duration,
}

impl Default for ProducerOptions {
    fn default() -> Self {
        Self { acks: Acks::All, compression: Compression::None, timeout: Duration::from_secs(30) }
    }
}

/// A batch that the broker has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Where.
    pub partition: TopicPartition,
    /// The offset of its first record; none if the broker did not say.
    pub base_offset: Offset,
    /// How many records it has.
    pub record_count: i32,
}

/// A batch that is to be sent, or sent again.
#[derive(Debug)]
struct Sealed {
    bytes: Bytes,
    record_count: i32,
}

/// What is to be sent to one partition.
#[derive(Debug, Default)]
struct Queue {
    closed: VecDeque<Sealed>,
    open: Option<BatchBuilder>,
    /// The sequence of the next record that is added.
    next: Option<Sequence>,
}

/// Sends records.
#[derive(Debug)]
pub struct Producer {
    client: Client,
    options: ProducerOptions,
    /// None if records are not numbered.
    identity: Option<(ProducerId, ProducerEpoch)>,
    queues: BTreeMap<TopicPartition, Queue>,
    buffered_bytes: usize,
}

impl Producer {
    /// A producer, which gets its id from the cluster if it is to be idempotent.
    pub async fn new(client: Client, options: ProducerOptions) -> Result<Self, Error> {
        let identity = match options.acks {
            Acks::All => Some(identity(&client).await?),
            Acks::None | Acks::Leader => None,
        };
        Ok(Self { client, options, identity, queues: BTreeMap::new(), buffered_bytes: 0 })
    }

    /// Adds a record; [`Self::flush`] sends it. Its offset does not matter. None of its parts may be near 2 GiB.
    pub fn add(
        &mut self,
        partition: &TopicPartition,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
    ) {
        let header_bytes: usize =
            headers.iter().map(|(key, value)| key.len() + value.map_or(0, <[u8]>::len)).sum();
        let bytes = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len) + header_bytes;
        if !self.queues.contains_key(partition) {
            self.queues.insert(partition.clone(), Queue::default());
        }
        let queue = self.queues.get_mut(partition).expect("it was put there");
        if queue.open.as_ref().is_some_and(|open| open.estimated_size() + bytes > BATCH_BYTES) {
            queue.close();
        }
        let options = queue.options(&self.options, self.identity);
        let open = queue.open.get_or_insert_with(|| BatchBuilder::new(options));
        open.append(timestamp, key, value, headers);
        self.buffered_bytes += bytes;
    }

    /// Adds a record as it was read, at another time if one is given.
    pub fn add_record(
        &mut self,
        partition: &TopicPartition,
        record: &Record<'_>,
        timestamp: Option<Timestamp>,
    ) {
        let headers: Vec<_> = record.headers.collect();
        let timestamp = timestamp.unwrap_or(record.timestamp);
        self.add(partition, timestamp, record.key, record.value, &headers);
    }

    /// How many bytes of records wait to be sent.
    pub const fn buffered_bytes(&self) -> usize {
        self.buffered_bytes
    }

    /// Sends all that was added, and waits until the cluster has it. After an error what was not acknowledged is lost,
    /// and the producer is of no use any more.
    pub async fn flush(&mut self) -> Result<Vec<Acknowledged>, Error> {
        self.queues.values_mut().for_each(Queue::close);
        let mut acknowledged = Vec::new();
        let mut backoff = Backoff::new(self.client.options().retry_timeout);
        loop {
            let waiting = self.queues.iter().filter(|(_, queue)| !queue.closed.is_empty());
            let waiting: Vec<_> = waiting.map(|(key, _)| (key.clone(), ())).collect();
            if waiting.is_empty() {
                self.buffered_bytes = 0;
                return Ok(acknowledged);
            }
            let before = acknowledged.len();
            let failure = self.send(waiting, &mut acknowledged).await?;
            if acknowledged.len() > before {
                backoff = Backoff::new(self.client.options().retry_timeout);
            } else if let Some(failure) = failure
                && !backoff.wait().await
            {
                return Err(failure);
            }
        }
    }

    /// Sends the first batch of each of `partitions`. Returns an error that may pass, if there was one.
    async fn send(
        &mut self,
        partitions: Vec<(TopicPartition, ())>,
        acknowledged: &mut Vec<Acknowledged>,
    ) -> Result<Option<Error>, Error> {
        let by_leader = self.client.by_leader(partitions).await?;
        let sends = by_leader.iter().map(|(leader, partitions)| self.send_to(*leader, partitions));
        let results = join_all(sends).await;
        let mut failure = None;
        for ((_, partitions), result) in by_leader.iter().zip(results) {
            let mut answers = match result {
                Ok(answers) => answers,
                Err(err) if err.is_retriable() => {
                    partitions.iter().for_each(|(it, ())| self.client.forget(&it.topic));
                    failure = Some(err);
                    continue;
                }
                Err(err) => return Err(err),
            };
            for (partition, ()) in partitions {
                let answer = answers.remove(partition).unwrap_or_else(|| Err(left_out(partition)));
                match answer {
                    Ok(base_offset) => {
                        let queue = self.queues.get_mut(partition).expect("a batch of it was sent");
                        let sent = queue.closed.pop_front().expect("it is there until answered");
                        acknowledged.push(Acknowledged {
                            partition: partition.clone(),
                            base_offset,
                            record_count: sent.record_count,
                        });
                    }
                    Err(err) if err.is_retriable() => {
                        self.client.forget(&partition.topic);
                        failure = Some(err);
                    }
                    Err(err) => return Err(err),
                }
            }
        }
        Ok(failure)
    }

    async fn send_to(
        &self,
        leader: BrokerId,
        partitions: &[(TopicPartition, ())],
    ) -> Result<Answers, Error> {
        let mut topics = BTreeMap::<&str, Vec<_>>::new();
        for (partition, ()) in partitions {
            let queue = self.queues.get(partition);
            let batch = queue.and_then(|queue| queue.closed.front());
            let records = batch.map(|batch| batch.bytes.clone());
            let id = partition.partition.0;
            let data = PartitionProduceData::default().with_index(id).with_records(records);
            topics.entry(&partition.topic).or_default().push(data);
        }
        let mut known = Vec::new();
        let mut data = Vec::new();
        for (name, partitions) in topics {
            let id = self.client.topic(name).await?.id;
            known.push((id, name));
            data.push(
                TopicProduceData::default()
                    .with_name(wire::topic_name(name))
                    .with_topic_id(wire::uuid(id))
                    .with_partition_data(partitions),
            );
        }
        let request = ProduceRequest::default()
            .with_acks(self.options.acks.code())
            .with_timeout_ms(wire::millis(self.options.timeout))
            .with_topic_data(data);
        let connection = self.client.broker(leader).await?;
        if self.options.acks == Acks::None {
            connection.send_only(request).await?;
            return Ok(partitions.iter().map(|(it, ())| (it.clone(), Ok(Offset::NONE))).collect());
        }
        // From version 13 on topics go by their ids, which brokers before Kafka 2.8 had not.
        let has_ids = known.iter().all(|(id, _)| *id != TopicId::ZERO);
        let versions = if has_ids { 3..=i16::MAX } else { 3..=12 };
        let response = connection.call_for(versions, request, self.options.timeout).await?;
        let mut answers = Answers::new();
        for topic in response.responses {
            let id = TopicId(topic.topic_id.into_bytes());
            let by_id = known.iter().find(|(known, _)| id != TopicId::ZERO && *known == id);
            let name = by_id.map_or(topic.name.as_str(), |(_, name)| name);
            for answer in topic.partition_responses {
                let partition = TopicPartition::new(name, PartitionId(answer.index));
                let answer = read(&partition, &answer);
                answers.insert(partition, answer);
            }
        }
        Ok(answers)
    }
}

type Answers = BTreeMap<TopicPartition, Result<Offset, Error>>;

fn left_out(partition: &TopicPartition) -> Error {
    let code = ErrorCode::UnknownServerError.code();
    Error::refused(format!("produce to {partition}"), code, Some("it is missing in the answer"))
}

/// The offset of a batch. One that was there already, because an answer was lost, is as good as stored now.
fn read(partition: &TopicPartition, answer: &PartitionProduceResponse) -> Result<Offset, Error> {
    if answer.error_code == ErrorCode::DuplicateSequenceNumber.code() {
        return Ok(Offset::NONE);
    }
    let record =
        answer.record_errors.first().and_then(|it| it.batch_index_error_message.as_deref());
    let message = record.or(answer.error_message.as_deref());
    Error::check(answer.error_code, message, || format!("produce to {partition}"))?;
    Ok(Offset(answer.base_offset))
}

async fn identity(client: &Client) -> Result<(ProducerId, ProducerEpoch), Error> {
    let mut backoff = Backoff::new(client.options().retry_timeout);
    loop {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_producer_id(protocol::messages::ProducerId(-1))
            .with_producer_epoch(-1)
            .with_transaction_timeout_ms(i32::MAX);
        let answer = client.call(request).await.and_then(|response| {
            Error::check(response.error_code, None, || "a producer id".to_owned())?;
            Ok((ProducerId(response.producer_id.0), ProducerEpoch(response.producer_epoch)))
        });
        match answer {
            // Nothing is lost if nobody answers: whoever starts should hear of it at once.
            Err(err) if err.code().is_some() && err.is_retriable() && backoff.wait().await => {}
            answer => return answer,
        }
    }
}

impl Queue {
    /// What the batch that is open, or the next one, is besides its records.
    fn options(
        &self,
        options: &ProducerOptions,
        identity: Option<(ProducerId, ProducerEpoch)>,
    ) -> BatchOptions {
        let plain = BatchOptions { compression: options.compression, ..BatchOptions::default() };
        match identity {
            Some((producer_id, producer_epoch)) => {
                let base_sequence = self.next.unwrap_or(Sequence(0));
                BatchOptions { producer_id, producer_epoch, base_sequence, ..plain }
            }
            None => plain,
        }
    }

    /// Closes the batch that is open, if there is one.
    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let record_count = open.record_count();
        self.next = Some(self.next.unwrap_or(Sequence(0)).advance(record_count));
        self.closed.push_back(Sealed { bytes: open.build().into(), record_count });
    }
}
