//! Fetch: batches from the logs as they lie there, at once or when there are enough.
//!
//! What is in memory is answered by the worker; what may have to come from the disk is read by the blocking pool, so
//! that a cold read stalls nobody else.

pub(crate) mod session;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use protocol::messages::{BrokerId, FetchRequest, FetchResponse, ProducerId, Request, Response};
use protocol::{ErrorCode, LeaderEpoch, Offset, PartitionId, TopicId};
use storage::Slice;
use storage::log::ReadRequest;
use tokio::time::Instant;

use self::session::{Context, Wanted};
use super::{Call, misrouted};
use crate::broker::Broker;
use crate::errors::Failure;
use crate::net::{Answer, Reply};
use crate::partition::{Partition, Watched};
use crate::watchers::Waiter;

/// From this version on, topics are named by their ids.
const TOPIC_IDS_SINCE: i16 = 13;

const READ_COMMITTED: i8 = 1;

/// A fetch request, resolved.
#[derive(Debug)]
struct Fetch {
    context: Context,
    wanted: Vec<(Wanted, Result<Arc<Partition>, ErrorCode>)>,
    max_bytes: u32,
    min_bytes: u32,
    is_committed_only: bool,
    /// The error where a topic is not there, or not any more.
    unknown: ErrorCode,
}

/// What has been read for all partitions.
#[derive(Debug, Default)]
struct Read {
    partitions: Vec<PartitionData>,
    slices: Vec<(Bytes, Slice)>,
    bytes: u32,
    /// What there is to read, within the bytes that the client takes of each partition. An answer has whole batches only,
    /// and may have less.
    available_bytes: u32,
    has_error: bool,
}

/// What has been read for one partition.
struct PartitionRead {
    answer: PartitionData,
    records: Option<Slice>,
    /// So many bytes were wanted, and more are there.
    limit: Option<u32>,
}

/// A read would have to wait for the disk.
struct WouldBlock;

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::Fetch(mut request) = request else { return misrouted(&request) };
    let by_id = call.header.version >= TOPIC_IDS_SINCE;
    let (context, wanted) = match broker.fetch_sessions.resolve(&mut request, by_id, call.now) {
        Ok(resolved) => resolved,
        Err(code) => {
            let response = FetchResponse::default().with_error_code(code.code());
            return Reply::now(Response::Fetch(response));
        }
    };
    let fetch = resolve(broker, &request, by_id, context, wanted);
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    match fetch.read(false) {
        Ok(read) if fetch.is_enough(&read) || max_wait.is_zero() => Reply::now(fetch.answer(read)),
        _ => {
            let deadline = Instant::now() + max_wait;
            Reply::later(wait(Arc::new(fetch), deadline))
        }
    }
}

fn resolve(
    broker: &Broker,
    request: &FetchRequest,
    by_id: bool,
    context: Context,
    wanted: Vec<Wanted>,
) -> Fetch {
    let unknown =
        if by_id { ErrorCode::UnknownTopicId } else { ErrorCode::UnknownTopicOrPartition };
    // From version 15 on a follower says in another place who it is.
    let is_follower = request.replica_id.0.max(request.replica_state.replica_id.0) >= 0;
    let partition_of = |wanted: &Wanted| {
        let topic = if by_id {
            broker.partitions.topic_by_id(wanted.topic_id)
        } else {
            broker.partitions.topic(&wanted.topic)
        };
        let topic = topic.ok_or(unknown)?;
        let partition = topic.partitions.get(&PartitionId(wanted.fetch.partition));
        let partition = partition.cloned().ok_or(ErrorCode::UnknownTopicOrPartition)?;
        // All replicas are ours: a follower is none of them.
        if is_follower { Err(ErrorCode::NotLeaderOrFollower) } else { Ok(partition) }
    };
    let wanted = wanted.into_iter().map(|wanted| {
        let partition = partition_of(&wanted);
        (wanted, partition)
    });
    let max_bytes = u32::try_from(request.max_bytes).unwrap_or(0);
    let max_bytes = max_bytes.min(broker.config.requests.fetch_max_bytes);
    // Whoever waits for more than fits into an answer would wait in vain.
    let min_bytes = u32::try_from(request.min_bytes).unwrap_or(0).min(max_bytes);
    Fetch {
        context,
        wanted: wanted.collect(),
        max_bytes,
        min_bytes,
        unknown,
        is_committed_only: request.isolation_level == READ_COMMITTED,
    }
}

/// Waits until there is enough to answer, or the time is over.
async fn wait(fetch: Arc<Fetch>, deadline: Instant) -> Answer {
    let partitions = fetch.wanted.iter().filter_map(|(_, partition)| partition.as_ref().ok());
    let waiter = Waiter::join(partitions.map(|partition| Watched(Arc::clone(partition))));
    loop {
        let read = read_anyhow(&fetch).await;
        if fetch.is_enough(&read) || Instant::now() >= deadline {
            return fetch.answer(read);
        }
        // When the time is over, what there is by then is the answer.
        let _over = tokio::time::timeout_at(deadline, waiter.woken()).await;
    }
}

/// Reads here if everything is in memory, and on the blocking pool if not.
async fn read_anyhow(fetch: &Arc<Fetch>) -> Read {
    if let Ok(read) = fetch.read(false) {
        return read;
    }
    let blocking = Arc::clone(fetch);
    let read = tokio::task::spawn_blocking(move || {
        let read = blocking.read(true).unwrap_or_default();
        read.slices.iter().for_each(|(_, slice)| slice.prefetch());
        read.slices.iter().for_each(|(_, slice)| slice.populate());
        read
    });
    read.await.unwrap_or_default()
}

impl Fetch {
    fn is_enough(&self, read: &Read) -> bool {
        read.available_bytes >= self.min_bytes || read.has_error || self.wanted.is_empty()
    }

    /// Reads all partitions in turn, within the bytes that the client takes.
    fn read(&self, may_block: bool) -> Result<Read, WouldBlock> {
        let mut read = Read::default();
        let mut bytes_left = self.max_bytes;
        for (wanted, partition) in &self.wanted {
            let answer = PartitionData::default()
                .with_partition_index(wanted.fetch.partition)
                .with_high_watermark(-1)
                .with_log_start_offset(-1)
                .with_preferred_read_replica(BrokerId(-1))
                .with_aborted_transactions(None)
                .with_records(Some(Bytes::new()));
            let result = match partition {
                Ok(partition) => {
                    let at_least_one = read.bytes == 0;
                    self.read_partition(
                        wanted,
                        partition,
                        bytes_left,
                        at_least_one,
                        may_block,
                        answer.clone(),
                    )
                }
                Err(code) => Err((*code).into()),
            };
            match result {
                Ok(PartitionRead { mut answer, records, limit }) => {
                    let mut length = 0;
                    if let Some(slice) = records {
                        if !may_block && !slice.is_resident() {
                            return Err(WouldBlock);
                        }
                        let bytes = Bytes::from_owner(slice.clone());
                        length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                        answer.records = Some(bytes.clone());
                        read.slices.push((bytes, slice));
                    }
                    read.bytes = read.bytes.saturating_add(length);
                    bytes_left = bytes_left.saturating_sub(length);
                    let available = length.max(limit.unwrap_or(0));
                    read.available_bytes = read.available_bytes.saturating_add(available);
                    read.has_error |= answer.diverging_epoch.epoch >= 0;
                    read.partitions.push(answer);
                }
                Err(ReadFailure::WouldBlock) => return Err(WouldBlock),
                Err(ReadFailure::Failed(failure)) => {
                    read.has_error = true;
                    read.partitions.push(answer.with_error_code(failure.code.code()));
                }
            }
        }
        Ok(read)
    }

    fn read_partition(
        &self,
        wanted: &Wanted,
        partition: &Partition,
        bytes_left: u32,
        at_least_one: bool,
        may_block: bool,
        answer: PartitionData,
    ) -> Result<PartitionRead, ReadFailure> {
        let (fetch, log) = (&wanted.fetch, &partition.log);
        if partition.is_gone() {
            return Err(self.unknown.into());
        }
        check_epoch(partition, LeaderEpoch(fetch.current_leader_epoch))?;
        let (high_watermark, last_stable) = (log.high_watermark(), log.last_stable_offset());
        let answer = answer
            .with_high_watermark(high_watermark.0)
            .with_last_stable_offset(last_stable.0)
            .with_log_start_offset(log.log_start_offset().0);
        if let Some(diverging) = diverging_epoch(partition, wanted)? {
            let answer = answer.with_diverging_epoch(diverging);
            return Ok(PartitionRead { answer, records: None, limit: None });
        }
        let bound = if self.is_committed_only { last_stable } else { high_watermark };
        let max_bytes = u32::try_from(fetch.partition_max_bytes).unwrap_or(0).min(bytes_left);
        let fetched = log.read(&ReadRequest {
            offset: Offset(fetch.fetch_offset),
            max_bytes,
            bound,
            at_least_one,
            may_block,
        })?;
        let mut answer = answer.with_log_start_offset(fetched.log_start_offset.0);
        if self.is_committed_only {
            let aborted = match &fetched.records {
                Some(_) => {
                    log.aborted_transactions(Offset(fetch.fetch_offset), fetched.next_offset)?
                }
                None => Vec::new(),
            };
            let aborted = aborted.into_iter().map(|txn| {
                AbortedTransaction::default()
                    .with_producer_id(ProducerId(txn.producer_id.0))
                    .with_first_offset(txn.first_offset.0)
            });
            answer.aborted_transactions = Some(aborted.collect());
        }
        let limit = (fetched.next_offset < bound).then_some(max_bytes);
        Ok(PartitionRead { answer, records: fetched.records, limit })
    }

    /// The response: partitions of one topic together, in the order in which they were read.
    fn answer(&self, read: Read) -> Answer {
        let mut topics: Vec<FetchableTopicResponse> = Vec::new();
        for ((wanted, _), answer) in self.wanted.iter().zip(read.partitions) {
            if !self.context.select(wanted, &answer) {
                continue;
            }
            let is_same = |topic: &&mut FetchableTopicResponse| {
                topic.topic == wanted.topic
                    && TopicId(*topic.topic_id.as_bytes()) == wanted.topic_id
            };
            match topics.last_mut().filter(is_same) {
                Some(topic) => topic.partitions.push(answer),
                None => topics.push(
                    FetchableTopicResponse::default()
                        .with_topic(wanted.topic.clone())
                        .with_topic_id(uuid::Uuid::from_bytes(wanted.topic_id.0))
                        .with_partitions(vec![answer]),
                ),
            }
        }
        let response = FetchResponse::default()
            .with_session_id(self.context.session_id())
            .with_responses(topics);
        Answer { response: Response::Fetch(response), slices: read.slices, version: None }
    }
}

/// Why a partition could not be read.
enum ReadFailure {
    WouldBlock,
    Failed(Failure),
}

impl From<storage::Error> for ReadFailure {
    fn from(err: storage::Error) -> Self {
        match err {
            storage::Error::WouldBlock => Self::WouldBlock,
            err => Self::Failed(err.into()),
        }
    }
}

impl From<ErrorCode> for ReadFailure {
    fn from(code: ErrorCode) -> Self {
        Self::Failed(code.into())
    }
}

/// A client that knows of another leader epoch than ours has to look at the metadata first (KIP-320).
pub(super) fn check_epoch(partition: &Partition, known: LeaderEpoch) -> Result<(), ErrorCode> {
    match partition.epoch() {
        _ if known.is_none() => Ok(()),
        epoch if known < epoch => Err(ErrorCode::FencedLeaderEpoch),
        epoch if known > epoch => Err(ErrorCode::UnknownLeaderEpoch),
        _ => Ok(()),
    }
}

/// Where the log of one that has fetched up to here, in another history, parts from ours (KIP-595).
fn diverging_epoch(
    partition: &Partition,
    wanted: &Wanted,
) -> Result<Option<EpochEndOffset>, ErrorCode> {
    let fetched = LeaderEpoch(wanted.fetch.last_fetched_epoch);
    if fetched.is_none() {
        return Ok(None);
    }
    let (epoch, end) = partition.end_of_epoch(fetched).ok_or(ErrorCode::OffsetOutOfRange)?;
    let diverges = epoch < fetched || end < Offset(wanted.fetch.fetch_offset);
    Ok(diverges.then(|| EpochEndOffset::default().with_epoch(epoch.0).with_end_offset(end.0)))
}
