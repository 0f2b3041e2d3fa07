//! ListOffsets: the start, the end, and the offset of a timestamp.

use std::collections::HashSet;
use std::sync::Arc;

use protocol::messages::list_offsets_request::ListOffsetsPartition;
use protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use protocol::messages::{ListOffsetsRequest, ListOffsetsResponse, Request, Response};
use protocol::{ErrorCode, LeaderEpoch, Offset, PartitionId, Timestamp};
use storage::log::FoundTimestamp;

use super::fetch::check_epoch;
use super::{Call, Numbers, misrouted};
use crate::broker::Broker;
use crate::errors::Failure;
use crate::net::Reply;
use crate::partitions::Topic;

/// The timestamps with a meaning of their own (`ListOffsetsRequest`).
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// A consumer; a replica that follows says who it is.
const CONSUMER: i32 = -1;
const READ_COMMITTED: i8 = 1;

/// From this version on, an answer has room for the epoch of the leader that wrote the record (KIP-320).
const EPOCH_SINCE: i16 = 4;

/// The special timestamps, each with the version that brought it.
const SPECIAL: [(i64, i16); 6] = [
    (LATEST, 0),
    (EARLIEST, 0),
    (MAX_TIMESTAMP, 7),
    (EARLIEST_LOCAL, 8),
    (LATEST_TIERED, 9),
    (EARLIEST_PENDING_UPLOAD, 11),
];

/// What is answered when nothing was found, which is no error, and with an error.
const NOTHING: FoundTimestamp = FoundTimestamp {
    offset: Offset::NONE,
    timestamp: Timestamp::NONE,
    leader_epoch: LeaderEpoch::NONE,
};

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::ListOffsets(request) = request else { return misrouted(&request) };
    let needs_disk = |partition: &ListOffsetsPartition| {
        partition.timestamp >= 0 || partition.timestamp == MAX_TIMESTAMP
    };
    let may_block = request.topics.iter().flat_map(|topic| &topic.partitions).any(needs_disk);
    let broker = Arc::clone(broker);
    let version = call.header.version;
    if !may_block {
        return Reply::now(Response::ListOffsets(answer(&broker, &request, version)));
    }
    Reply::later(async move {
        let work = tokio::task::spawn_blocking(move || answer(&broker, &request, version));
        Response::ListOffsets(work.await.unwrap_or_default()).into()
    })
}

fn answer(broker: &Broker, request: &ListOffsetsRequest, version: i16) -> ListOffsetsResponse {
    let mut numbers = Numbers::new();
    let numbers: Vec<_> = request.topics.iter().map(|topic| numbers.of(&topic.name)).collect();
    let (repeated, mut refused) = (repeated_partitions(request, &numbers), HashSet::new());
    let topics = request.topics.iter().zip(&numbers).map(|(wanted, number)| {
        let topic = broker.partitions.topic(&wanted.name);
        let is_first = |partition: &&ListOffsetsPartition| {
            let key = (*number, partition.partition_index);
            !repeated.contains(&key) || refused.insert(key)
        };
        let partitions = wanted.partitions.iter().filter(is_first).map(|partition| {
            let found = if repeated.contains(&(*number, partition.partition_index)) {
                Err(ErrorCode::InvalidRequest.into())
            } else if !is_known(partition.timestamp, version) {
                Err(ErrorCode::UnsupportedVersion.into())
            } else {
                find(topic.as_deref(), partition, request)
            };
            answer_partition(partition.partition_index, found, version)
        });
        ListOffsetsTopicResponse::default()
            .with_name(wanted.name.clone())
            .with_partitions(partitions.collect())
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

/// Partitions that are named more than once. Which of the questions would be meant is not guessed.
fn repeated_partitions(request: &ListOffsetsRequest, numbers: &[usize]) -> HashSet<(usize, i32)> {
    let mut seen = HashSet::new();
    let named = request.topics.iter().zip(numbers).flat_map(|(topic, number)| {
        topic.partitions.iter().map(|partition| (*number, partition.partition_index))
    });
    named.filter(|partition| !seen.insert(*partition)).collect()
}

/// Whether a timestamp is a time, or has a special meaning in this version.
fn is_known(timestamp: i64, version: i16) -> bool {
    timestamp >= 0 || SPECIAL.iter().any(|(known, since)| *known == timestamp && *since <= version)
}

fn answer_partition(
    index: i32,
    found: Result<FoundTimestamp, Failure>,
    version: i16,
) -> ListOffsetsPartitionResponse {
    let (code, found) = match found {
        Ok(found) => (ErrorCode::None, found),
        Err(failure) => (failure.code, NOTHING),
    };
    let epoch = if version < EPOCH_SINCE { LeaderEpoch::NONE } else { found.leader_epoch };
    ListOffsetsPartitionResponse::default()
        .with_partition_index(index)
        .with_error_code(code.code())
        .with_offset(found.offset.0)
        .with_timestamp(found.timestamp.0)
        .with_leader_epoch(epoch.0)
}

fn find(
    topic: Option<&Topic>,
    wanted: &ListOffsetsPartition,
    request: &ListOffsetsRequest,
) -> Result<FoundTimestamp, Failure> {
    let partition =
        topic.and_then(|topic| topic.partitions.get(&PartitionId(wanted.partition_index)));
    let partition = partition.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    check_epoch(partition, LeaderEpoch(wanted.current_leader_epoch))?;
    let log = &partition.log;
    let bound = match (request.replica_id.0, request.isolation_level) {
        (CONSUMER, READ_COMMITTED) => log.last_stable_offset(),
        (CONSUMER, _) => log.high_watermark(),
        _ => log.log_end_offset(),
    };
    let at = |offset: Offset, leader_epoch: LeaderEpoch| FoundTimestamp {
        offset,
        timestamp: Timestamp::NONE,
        leader_epoch,
    };
    Ok(match wanted.timestamp {
        LATEST => at(bound, partition.epoch()),
        EARLIEST | EARLIEST_LOCAL => at(log.log_start_offset(), partition.first_epoch()),
        // Nothing is tiered.
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => NOTHING,
        MAX_TIMESTAMP => visible(log.offset_of_max_timestamp()?, bound),
        timestamp => visible(log.offset_for_timestamp(Timestamp(timestamp))?, bound),
    })
}

/// A record that readers cannot see yet counts as not found.
fn visible(found: Option<FoundTimestamp>, bound: Offset) -> FoundTimestamp {
    found.filter(|found| found.offset < bound).unwrap_or(NOTHING)
}

#[cfg(test)]
mod tests {
    use protocol::ApiKey;

    use super::*;

    #[test]
    fn answer_in_every_version_can_be_encoded() {
        let found = FoundTimestamp {
            offset: Offset(7),
            timestamp: Timestamp(8),
            leader_epoch: LeaderEpoch(9),
        };
        let versions = ApiKey::ListOffsets.advertised_versions();
        for version in versions.min..=versions.max {
            let partition = answer_partition(0, Ok(found), version);
            let epoch = if version < 4 { -1 } else { 9 };
            let shown = (partition.offset, partition.timestamp, partition.leader_epoch);
            assert_eq!(shown, (7, 8, epoch), "in version {version}");
            let topic = ListOffsetsTopicResponse::default().with_partitions(vec![partition]);
            let response = ListOffsetsResponse::default().with_topics(vec![topic]);
            let encoded = Response::ListOffsets(response).encode(version, &mut Vec::new());
            assert!(encoded.is_ok(), "in version {version}: {encoded:?}");
        }
    }
}
