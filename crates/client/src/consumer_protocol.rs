//! What the members of a consumer group tell each other through the coordinator, in the classic protocol.
//!
//! | subscription | | assignment | |
//! |---|---|---|---|
//! | version | i16 | version | i16 |
//! | topics | array of string | partitions: topic, partitions | array of string, array of i32 |
//! | user data | bytes or null | user data | bytes or null |
//!
//! Later versions add fields at the end, which are passed over here (`ConsumerProtocol`).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use protocol::wire::{Reader, WireError, Writer};
use protocol::{PartitionId, TopicPartition};

/// What is subscribed to, as the other members of the group read it.
pub(crate) fn encode_subscription(topics: &[String]) -> Bytes {
    let mut writer = Writer::new(0, false);
    writer.write(&0_i16);
    writer.write(&topics.to_vec());
    writer.len(None);
    writer.finish().expect("names of topics are short").into()
}

/// The topics that a member has subscribed to.
pub(crate) fn decode_subscription(bytes: &[u8]) -> Result<Vec<String>, WireError> {
    let mut reader = Reader::new(bytes, 0, false);
    let _version: i16 = reader.read()?;
    reader.read()
}

/// What a member gets, as it reads it.
pub(crate) fn encode_assignment(partitions: &[TopicPartition]) -> Bytes {
    let mut topics = BTreeMap::<&str, Vec<PartitionId>>::new();
    for partition in partitions {
        topics.entry(&partition.topic).or_default().push(partition.partition);
    }
    let mut writer = Writer::new(0, false);
    writer.write(&0_i16);
    writer.len(Some(topics.len()));
    for (topic, partitions) in topics {
        writer.write(&topic.to_owned());
        writer.write(&partitions);
    }
    writer.len(None);
    writer.finish().expect("names of topics are short").into()
}

/// The partitions that a member was given. One that waits for its assignment has no bytes, and no partitions.
pub fn decode_assignment(bytes: &[u8]) -> Result<Vec<TopicPartition>, WireError> {
    let mut assigned = Vec::new();
    if bytes.is_empty() {
        return Ok(assigned);
    }
    let mut reader = Reader::new(bytes, 0, false);
    let _version: i16 = reader.read()?;
    for _ in 0..reader.len()?.unwrap_or(0) {
        let topic: Arc<str> = reader.read::<String>()?.into();
        let partitions: Vec<PartitionId> = reader.read()?;
        assigned
            .extend(partitions.into_iter().map(|it| TopicPartition::new(Arc::clone(&topic), it)));
    }
    Ok(assigned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn subscription_and_assignment_come_back_as_they_were() {
        let topics = vec!["a".to_owned(), "b.c".to_owned()];
        assert_eq!(decode_subscription(&encode_subscription(&topics)), Ok(topics));
        let mut partitions = Vec::new();
        for (topic, partition) in [("a", 0), ("a", 2), ("b", 1)] {
            partitions.push(TopicPartition::new(topic, PartitionId(partition)));
        }
        assert_eq!(decode_assignment(&encode_assignment(&partitions)), Ok(partitions));
        assert_eq!(decode_assignment(&[]), Ok(vec![]));
    }

    #[test]
    fn assignment_with_a_count_that_is_not_there_is_an_error() {
        assert!(decode_assignment(&[0, 0, 0x7f, 0xff, 0xff, 0xff]).is_err());
        assert!(
            decode_assignment(&[0, 1, 0, 0, 0, 1, 0, 1, b'a', 0x7f, 0xff, 0xff, 0xff]).is_err()
        );
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _any = decode_assignment(&bytes);
            let _any = decode_subscription(&bytes);
        }
    }
}
