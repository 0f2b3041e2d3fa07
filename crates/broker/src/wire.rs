//! Our words as the wire's, for the handlers.

use controller::decide::ApiError;
use protocol::messages::{self, StrBytes, TopicName};
use protocol::{BrokerId, ErrorCode, TopicId};
use uuid::Uuid;

/// The bits of `authorized operations` when nobody's operations are restricted: all that apply (`AclEntry`).
pub(crate) const ALL_TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
/// The same for the cluster.
pub(crate) const ALL_CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;
/// The same for a group: read, delete, describe, and its configuration.
pub(crate) const ALL_GROUP_OPERATIONS: i32 = 0b1101_0100_1000;
/// What stands there when the client has not asked.
pub(crate) const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

/// Stands for no broker.
pub(crate) const NO_BROKER: messages::BrokerId = messages::BrokerId(-1);

pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// The code and the message of an answer; where nothing went wrong there is no message.
pub(crate) fn error(error: Option<ApiError>) -> (i16, Option<StrBytes>) {
    error.map_or((ErrorCode::None.code(), None), |error| {
        (error.code.code(), Some(StrBytes::from_string(error.message)))
    })
}

pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

pub(crate) fn broker_id(id: BrokerId) -> messages::BrokerId {
    messages::BrokerId(id.0)
}

pub(crate) fn broker_ids(ids: &[BrokerId]) -> Vec<messages::BrokerId> {
    ids.iter().copied().map(broker_id).collect()
}

pub(crate) fn uuid(id: TopicId) -> Uuid {
    Uuid::from_bytes(id.0)
}

pub(crate) fn topic_id(uuid: Uuid) -> TopicId {
    TopicId(*uuid.as_bytes())
}
