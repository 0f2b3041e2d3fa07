//! Our words as the wire's, for the handlers.

use protocol::messages::{self, StrBytes, TopicName};
use protocol::{BrokerId, TopicId};
use uuid::Uuid;

/// The bits of `authorized operations` when nobody's operations are restricted: all that apply (`AclEntry`).
pub(crate) const ALL_TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
/// The same for the cluster.
pub(crate) const ALL_CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;
/// What stands there when the client has not asked.
pub(crate) const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

/// Stands for no broker.
pub(crate) const NO_BROKER: messages::BrokerId = messages::BrokerId(-1);

pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
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
