//! What versions and failures make of responses.

use protocol::ErrorCode;
use protocol::messages::{ConsumerGroupHeartbeatResponse, Response, StrBytes};

use crate::classic::{refuse_join, refuse_sync};

/// Makes a response one that its version can carry.
pub(crate) fn fit(response: &mut Response, api_version: i16) {
    match response {
        // Where there is no protocol to name, versions that know null have it, and the others an empty name.
        Response::JoinGroup(body) if api_version >= 7 => {
            body.protocol_name = body.protocol_name.take().filter(|name| !name.is_empty());
        }
        Response::JoinGroup(body) => {
            body.protocol_name.get_or_insert_with(StrBytes::new);
        }
        // Older versions are about one member.
        Response::LeaveGroup(body) if api_version <= 2 => {
            let member = body.members.drain(..).next();
            if let Some(member) = member.filter(|_| body.error_code == 0) {
                body.error_code = member.error_code;
            }
        }
        _ => {}
    }
}

/// Turns a response that waited for its records into one that says why they are not committed.
pub(crate) fn fail(response: &mut Response, error: ErrorCode) {
    let code = coordinator_error(error).code();
    match response {
        Response::OffsetCommit(body) => {
            let code = commit_error(error).code();
            let partitions = body.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
            partitions.for_each(|partition| partition.error_code = code);
        }
        Response::TxnOffsetCommit(body) => {
            let code = commit_error(error).code();
            let partitions = body.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
            partitions.for_each(|partition| partition.error_code = code);
        }
        Response::OffsetFetch(body) => {
            for group in &mut body.groups {
                group.topics.clear();
                group.error_code = fetch_error(error).code();
            }
        }
        Response::OffsetDelete(body) => {
            body.topics.clear();
            body.error_code = code;
        }
        Response::ConsumerGroupHeartbeat(body) => {
            *body = ConsumerGroupHeartbeatResponse::default().with_error_code(code);
        }
        Response::JoinGroup(body) => *body = refuse_join(&body.member_id, coordinator_error(error)),
        Response::SyncGroup(body) => *body = refuse_sync(coordinator_error(error)),
        Response::Heartbeat(body) => body.error_code = code,
        Response::LeaveGroup(body) => {
            body.members.clear();
            body.error_code = code;
        }
        Response::DeleteGroups(body) => {
            body.results.iter_mut().for_each(|result| result.error_code = code);
        }
        other => debug_assert!(false, "{} never waits for records", other.api()),
    }
}

/// What a failed append means to the client of a coordinator (`CoordinatorOperationExceptionHelper`).
pub(crate) const fn coordinator_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => ErrorCode::UnknownServerError,
        ErrorCode::NetworkException => ErrorCode::CoordinatorLoadInProgress,
        error => error,
    }
}

/// The same for offsets. Kafka has a code for too many of them, which it no longer uses; it says more than
/// `UNKNOWN_SERVER_ERROR`.
const fn commit_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => {
            ErrorCode::InvalidCommitOffsetSize
        }
        error => coordinator_error(error),
    }
}

/// The same for those who ask for offsets: consumers before 3.9 do not try again after `COORDINATOR_NOT_AVAILABLE`.
const fn fetch_error(error: ErrorCode) -> ErrorCode {
    match coordinator_error(error) {
        ErrorCode::CoordinatorNotAvailable => ErrorCode::NotCoordinator,
        error => error,
    }
}
