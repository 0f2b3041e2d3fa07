//! AlterReplicaLogDirs: logs are wanted in other log directories of this broker (KIP-113). They are moved behind the
//! answer; DescribeLogDirs tells how far they have come.

use std::sync::Arc;

use protocol::messages::alter_replica_log_dirs_request::AlterReplicaLogDir;
use protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use protocol::messages::{
    AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, Request, Response,
};
use protocol::{ErrorCode, PartitionId, TopicPartition};
use storage::dir::LogDir;
use storage::files::names;

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;

/// As long as what makes the name of a copy's directory unique.
const UNIQUE_ID: &str = "00000000000000000000000000000000";

pub(super) fn handle(broker: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::AlterReplicaLogDirs(request) = request else { return misrouted(&request) };
    let broker = Arc::clone(broker);
    Reply::later(async move {
        // While a log arrives where it was wanted before, this waits for the disk.
        let work = tokio::task::spawn_blocking(move || answer(&broker, &request));
        let response = work.await.unwrap_or_else(|err| {
            tracing::error!(%err, "asking for logs in other directories was abandoned");
            AlterReplicaLogDirsResponse::default()
        });
        Response::AlterReplicaLogDirs(response).into()
    })
}

fn answer(broker: &Broker, request: &AlterReplicaLogDirsRequest) -> AlterReplicaLogDirsResponse {
    let results = request.dirs.iter().flat_map(|wanted| {
        wanted.topics.iter().map(|topic| {
            let name: Arc<str> = Arc::from(&**topic.name);
            let partitions = topic.partitions.iter().map(|number| {
                let topic_partition = TopicPartition::new(Arc::clone(&name), PartitionId(*number));
                let code = want(broker, &topic_partition, wanted).err();
                AlterReplicaLogDirPartitionResult::default()
                    .with_partition_index(*number)
                    .with_error_code(code.unwrap_or(ErrorCode::None).code())
            });
            AlterReplicaLogDirTopicResult::default()
                .with_topic_name(topic.name.clone())
                .with_partitions(partitions.collect())
        })
    });
    AlterReplicaLogDirsResponse::default().with_results(results.collect())
}

/// The checks of `ReplicaManager.alterReplicaLogDirs`, in its order.
fn want(
    broker: &Broker,
    topic_partition: &TopicPartition,
    wanted: &AlterReplicaLogDir,
) -> Result<(), ErrorCode> {
    if names::future_dir(topic_partition, UNIQUE_ID).len() > names::NAME_BYTES_MAX {
        return Err(ErrorCode::InvalidTopicException);
    }
    let storage = &broker.storage;
    let is_wanted = |dir: &LogDir| super::describe_log_dirs::absolute(dir.path()) == *wanted.path;
    let (dir, id) =
        storage.dirs().find(|(dir, _)| is_wanted(dir)).ok_or(ErrorCode::LogDirNotFound)?;
    if dir.offline_reason().is_some() {
        return Err(ErrorCode::KafkaStorageError);
    }
    if storage.cordoned_dirs().any(|cordoned| cordoned == id) {
        return Err(ErrorCode::InvalidReplicaAssignment);
    }
    // Also where there is no such partition: the tool for reassignments says so before it makes one.
    storage.want_in_dir(topic_partition, dir);
    let partition = broker.partitions.get(topic_partition);
    let partition = partition.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let is_offline = partition.log.dir().offline_reason().is_some();
    if is_offline { Err(ErrorCode::KafkaStorageError) } else { Ok(()) }
}
