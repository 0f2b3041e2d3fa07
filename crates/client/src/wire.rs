//! From our types to those of the messages and back.

use protocol::TopicId;
use protocol::messages::{StrBytes, TopicName};
use uuid::Uuid;

/// A string of a message.
pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A topic's name in a message.
pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// A topic's id in a message.
pub(crate) fn uuid(id: TopicId) -> Uuid {
    Uuid::from_bytes(id.0)
}

/// A time as the messages have it; longer than they can say is the longest that they can.
pub(crate) fn millis(duration: std::time::Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
