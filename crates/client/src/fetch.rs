//! Fetch: reads partitions on from where each of them is, without a session.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use protocol::messages::fetch_response::PartitionData;
use protocol::messages::{BrokerId as NodeId, FetchRequest, FetchResponse};
use protocol::{BrokerId, ErrorCode, LeaderEpoch, Offset, PartitionId, TopicId, TopicPartition};

use crate::fetched::Fetched;
use crate::{Backoff, Client, Error, TopicMetadata, wire};

/// How much to take at a time, and how long to wait for it.
#[derive(Copy, Clone, Debug)]
pub struct FetchOptions {
    /// How long the broker may wait while there is less than `bytes_min`.
    pub max_wait: Duration,
    /// What is worth an answer.
    pub bytes_min: i32,
    /// About the most that one answer holds.
    pub bytes_max: i32,
    /// About the most that one partition adds to it.
    pub partition_bytes_max: i32,
    /// Whether to pass over records of transactions that were not committed.
    pub read_committed: bool,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            max_wait: Duration::from_millis(500),
            bytes_min: 1,
            bytes_max: 32 << 20,
            partition_bytes_max: 1 << 20,
            read_committed: false,
        }
    }
}

/// Reads partitions, each on from its own offset.
#[derive(Debug)]
pub struct Fetcher {
    client: Client,
    options: FetchOptions,
    positions: BTreeMap<TopicPartition, Offset>,
    /// While nothing but errors that may pass comes.
    backoff: Option<Backoff>,
}

impl Fetcher {
    /// A reader of nothing yet.
    pub const fn new(client: Client, options: FetchOptions) -> Self {
        Self { client, options, positions: BTreeMap::new(), backoff: None }
    }

    /// Reads `partition`, from `offset` on.
    pub fn seek(&mut self, partition: TopicPartition, offset: Offset) {
        self.positions.insert(partition, offset);
    }

    /// Reads `partition` no longer.
    pub fn remove(&mut self, partition: &TopicPartition) {
        self.positions.remove(partition);
    }

    /// Reads nothing any longer.
    pub fn clear(&mut self) {
        self.positions.clear();
    }

    /// What is read, and the offset that is next in each.
    pub const fn positions(&self) -> &BTreeMap<TopicPartition, Offset> {
        &self.positions
    }

    /// What has come: nothing if that has taken too long. Leaders that move are followed.
    pub async fn poll(&mut self) -> Result<Vec<Fetched>, Error> {
        if self.positions.is_empty() {
            // Nothing will come, but whoever asks in a loop is not to spin.
            tokio::time::sleep(self.options.max_wait).await;
            return Ok(Vec::new());
        }
        let positions = self.positions.clone();
        let by_leader = self.client.by_leader(positions).await?;
        let asked = by_leader.iter().map(|(leader, wanted)| self.ask(*leader, wanted));
        let mut fetched = Vec::new();
        let mut passing = None;
        for answer in join_all(asked).await {
            match answer {
                Ok(answer) => self.take(answer, &mut fetched, &mut passing)?,
                Err(err) => self.pass(err, None, &mut passing)?,
            }
        }
        let Some(err) = passing.filter(|_| fetched.is_empty()) else {
            self.backoff = None;
            return Ok(fetched);
        };
        let limit = self.client.options().retry_timeout;
        let backoff = self.backoff.get_or_insert_with(|| Backoff::new(limit));
        if backoff.wait().await { Ok(fetched) } else { Err(err) }
    }

    async fn ask(
        &self,
        leader: BrokerId,
        wanted: &[(TopicPartition, Offset)],
    ) -> Result<Vec<(TopicPartition, PartitionData)>, Error> {
        let mut topics = BTreeMap::<&str, Vec<_>>::new();
        for (partition, offset) in wanted {
            topics.entry(&partition.topic).or_default().push((partition.partition, *offset));
        }
        let mut known = Vec::new();
        let mut asked = Vec::new();
        for (name, partitions) in topics {
            let topic = self.client.topic(name).await?;
            asked.push(self.topic(name, &topic, &partitions));
            known.push((topic.id, name));
        }
        let request = FetchRequest::default()
            .with_replica_id(NodeId(-1))
            .with_max_wait_ms(wire::millis(self.options.max_wait))
            .with_min_bytes(self.options.bytes_min)
            .with_max_bytes(self.options.bytes_max)
            .with_isolation_level(i8::from(self.options.read_committed))
            .with_session_epoch(-1)
            .with_topics(asked);
        // From version 13 on topics go by their ids, which brokers before Kafka 2.8 had not.
        let has_ids = known.iter().all(|(id, _)| *id != TopicId::ZERO);
        let versions = if has_ids { 4..=i16::MAX } else { 4..=12 };
        let connection = self.client.broker(leader).await?;
        let response = connection.call_for(versions, request, self.options.max_wait).await?;
        read(response, &known)
    }

    fn topic(
        &self,
        name: &str,
        topic: &TopicMetadata,
        partitions: &[(PartitionId, Offset)],
    ) -> FetchTopic {
        let partitions = partitions.iter().map(|&(id, offset)| {
            let epoch = topic.partition(id).map_or(LeaderEpoch::NONE, |found| found.leader_epoch);
            FetchPartition::default()
                .with_partition(id.0)
                .with_current_leader_epoch(epoch.0)
                .with_fetch_offset(offset.0)
                .with_partition_max_bytes(self.options.partition_bytes_max)
        });
        FetchTopic::default()
            .with_topic(wire::topic_name(name))
            .with_topic_id(wire::uuid(topic.id))
            .with_partitions(partitions.collect())
    }

    /// Moves on over what has come.
    fn take(
        &mut self,
        answer: Vec<(TopicPartition, PartitionData)>,
        fetched: &mut Vec<Fetched>,
        passing: &mut Option<Error>,
    ) -> Result<(), Error> {
        for (partition, data) in answer {
            // Somebody may have moved or removed it, and an answer may name what was not asked for.
            let Some(position) = self.positions.get_mut(&partition) else { continue };
            if let Err(err) = check(&partition, *position, &data) {
                self.pass(err, Some(&partition), passing)?;
                continue;
            }
            let part = Fetched::new(partition, *position, data, self.options.read_committed)?;
            *position = part.next_offset();
            fetched.push(part);
        }
        Ok(())
    }

    /// Keeps an error that may pass, and has the leaders looked for again.
    fn pass(
        &self,
        err: Error,
        partition: Option<&TopicPartition>,
        passing: &mut Option<Error>,
    ) -> Result<(), Error> {
        if !err.is_retriable() {
            return Err(err);
        }
        match partition {
            Some(partition) => self.client.forget(&partition.topic),
            None => {
                self.positions.keys().for_each(|partition| self.client.forget(&partition.topic))
            }
        }
        *passing = Some(err);
        Ok(())
    }
}

fn check(partition: &TopicPartition, position: Offset, data: &PartitionData) -> Result<(), Error> {
    let is_outside = data.error_code == ErrorCode::OffsetOutOfRange.code();
    let message = is_outside.then(|| {
        let start = data.log_start_offset.max(0);
        format!("offset {position} is not in the log, which begins at {start}")
    });
    Error::check(data.error_code, message.as_deref(), || format!("fetch from {partition}"))
}

/// The partitions of an answer, by name whatever the version.
fn read(
    response: FetchResponse,
    known: &[(TopicId, &str)],
) -> Result<Vec<(TopicPartition, PartitionData)>, Error> {
    Error::check(response.error_code, None, || "fetch".to_owned())?;
    let mut partitions = Vec::new();
    for topic in response.responses {
        let id = TopicId(topic.topic_id.into_bytes());
        let by_id = known.iter().find(|(known, _)| id != TopicId::ZERO && *known == id);
        let name = by_id.map_or(topic.topic.as_str(), |(_, name)| name);
        for data in topic.partitions {
            let partition = TopicPartition::new(name, PartitionId(data.partition_index));
            partitions.push((partition, data));
        }
    }
    Ok(partitions)
}
