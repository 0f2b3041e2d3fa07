//! DescribeLogDirs: the log directories, the partitions in them, and the room that is left.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use protocol::messages::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse,
    DescribeLogDirsResult, DescribeLogDirsTopic, Request, Response,
};
use protocol::{ErrorCode, PartitionId, TopicPartition};
use storage::dir::LogDir;
use storage::store::Moving;
use storage::{Log, Storage};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;

/// The lag of a log that belongs to no partition here.
const LAG_UNKNOWN: i64 = -1;

pub(super) fn handle(broker: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::DescribeLogDirs(request) = request else { return misrouted(&request) };
    let broker = Arc::clone(broker);
    Reply::later(async move {
        // The file systems are asked for their sizes, and may take their time.
        let work = tokio::task::spawn_blocking(move || answer(&broker, &request));
        let response = work.await.unwrap_or_else(|err| {
            tracing::error!(%err, "describing the log directories was abandoned");
            let error_code = ErrorCode::UnknownServerError.code();
            DescribeLogDirsResponse { error_code, ..DescribeLogDirsResponse::default() }
        });
        Response::DescribeLogDirs(response).into()
    })
}

fn answer(broker: &Broker, request: &DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    let places = Places::of(&broker.storage, asked(request).as_ref());
    let cordoned: Vec<_> = broker.storage.cordoned_dirs().collect();
    let results = broker
        .storage
        .dirs()
        .map(|(dir, id)| describe(broker, dir, &places, cordoned.contains(&id)));
    DescribeLogDirsResponse { results: results.collect(), ..DescribeLogDirsResponse::default() }
}

/// The partitions that are asked for; `None` stands for all.
fn asked(request: &DescribeLogDirsRequest) -> Option<HashMap<&str, HashSet<PartitionId>>> {
    let mut asked: HashMap<&str, HashSet<PartitionId>> = HashMap::new();
    for topic in request.topics.as_ref()? {
        let partitions = topic.partitions.iter().map(|id| PartitionId(*id));
        asked.entry(&topic.topic).or_default().extend(partitions);
    }
    Some(asked)
}

/// Where the logs are and where they go, looked up once for all directories: a log that arrives meanwhile in another one
/// would be found in both, or in none.
struct Places {
    logs: Vec<(Arc<Log>, Arc<LogDir>)>,
    moving: Vec<Moving>,
}

impl Places {
    fn of(storage: &Storage, asked: Option<&HashMap<&str, HashSet<PartitionId>>>) -> Self {
        let is_asked = |log: &Arc<Log>| {
            let TopicPartition { topic, partition } = log.topic_partition();
            let is_in = |partitions: &HashSet<_>| partitions.contains(partition);
            asked.is_none_or(|asked| asked.get(&**topic).is_some_and(is_in))
        };
        let mut logs = storage.logs();
        logs.retain(is_asked);
        logs.sort_by(|a, b| a.topic_partition().cmp(b.topic_partition()));
        let logs = logs.into_iter().map(|log| (Arc::clone(&log), log.dir())).collect();
        // Asked for after the directories: what has arrived since then is shown once, where it was.
        Self { logs, moving: storage.moving() }
    }

    /// A log that is asked for, and its directory; all may be moving at once.
    fn find(&self, log: &Arc<Log>) -> Option<&(Arc<Log>, Arc<LogDir>)> {
        let name = log.topic_partition();
        let idx = self.logs.binary_search_by(|(other, _)| other.topic_partition().cmp(name));
        self.logs.get(idx.ok()?).filter(|(other, _)| Arc::ptr_eq(other, log))
    }

    fn in_dir(&self, broker: &Broker, dir: &Arc<LogDir>) -> Vec<InDir<'_>> {
        let here = self.logs.iter().filter(|(_, place)| Arc::ptr_eq(place, dir));
        let mut found: Vec<_> = here
            .map(|(log, _)| {
                let lag = match broker.partitions.get(log.topic_partition()) {
                    Some(_) => (log.high_watermark().0 - log.log_end_offset().0).max(0),
                    None => LAG_UNKNOWN,
                };
                InDir { log, bytes: log.size(), lag, is_future: false }
            })
            .collect();
        for moving in self.moving.iter().filter(|moving| Arc::ptr_eq(&moving.dir, dir)) {
            // One that is here already has arrived, and is about to be struck from what is moving.
            if let Some((log, place)) = self.find(&moving.log)
                && !Arc::ptr_eq(place, dir)
            {
                let lag = (log.log_end_offset().0 - moving.end_offset.0).max(0);
                found.push(InDir { log, bytes: moving.copied_bytes, lag, is_future: true });
            }
        }
        found
    }
}

fn describe(
    broker: &Broker,
    dir: &Arc<LogDir>,
    places: &Places,
    is_cordoned: bool,
) -> DescribeLogDirsResult {
    let log_dir = absolute(dir.path());
    match room(dir) {
        Ok((total_bytes, usable_bytes)) => DescribeLogDirsResult {
            error_code: ErrorCode::None.code(),
            log_dir,
            topics: topics(&places.in_dir(broker, dir)),
            total_bytes,
            usable_bytes,
            is_cordoned,
        },
        Err(err) => {
            tracing::warn!(path = %log_dir, %err, "a log directory cannot be described");
            DescribeLogDirsResult {
                error_code: ErrorCode::KafkaStorageError.code(),
                log_dir,
                topics: Vec::new(),
                total_bytes: -1,
                usable_bytes: -1,
                is_cordoned: false,
            }
        }
    }
}

/// The size of the file system, and what is free of it.
fn room(dir: &LogDir) -> io::Result<(i64, i64)> {
    if let Some(reason) = dir.offline_reason() {
        return Err(io::Error::other(reason));
    }
    let disk = dir.pool().disk();
    let clamp = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    Ok((clamp(disk.total_bytes(dir.path())?), clamp(disk.free_bytes(dir.path())?)))
}

/// What is in a directory of a log.
struct InDir<'a> {
    log: &'a Log,
    bytes: u64,
    lag: i64,
    /// Whether it is a copy that will take the place of the log in another directory.
    is_future: bool,
}

fn topics(found: &[InDir<'_>]) -> Vec<DescribeLogDirsTopic> {
    let mut topics = BTreeMap::<_, Vec<_>>::new();
    for InDir { log, bytes, lag, is_future } in found {
        let TopicPartition { topic, partition } = log.topic_partition();
        topics.entry(topic).or_default().push(DescribeLogDirsPartition {
            partition_index: *partition,
            partition_size: i64::try_from(*bytes).unwrap_or(i64::MAX),
            offset_lag: *lag,
            is_future_key: *is_future,
        });
    }
    let topic = |(name, partitions): (&Arc<str>, _)| DescribeLogDirsTopic {
        name: name.to_string(),
        partitions,
    };
    topics.into_iter().map(topic).collect()
}

/// The path of a log directory, as clients see it.
pub(super) fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string()
}
