//! From what is typed to the types of the messages.

use protocol::messages::{StrBytes, TopicName};

/// A string of a message.
pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A topic's name in a message.
pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}
