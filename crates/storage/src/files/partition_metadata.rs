//! `partition.metadata`: which topic a partition's directory belongs to.
//!
//! | line | content (`PartitionMetadata`)                              |
//! |------|------------------------------------------------------------|
//! | 1    | `version: 0`                                               |
//! | 2    | `topic_id: ` and the topic id in base64, without a newline |
//!
//! A topic deleted and created again has another id, so a directory that outlived its topic is recognised by it.

use protocol::TopicId;

use super::FormatError;

/// The file's name.
pub const FILE_NAME: &str = "partition.metadata";

/// The content of the file.
pub fn encode(topic_id: TopicId) -> Vec<u8> {
    format!("version: 0\ntopic_id: {topic_id}").into_bytes()
}

/// Reads the file. As Kafka does, it takes any later version, which keeps the second line as it is.
pub fn decode(bytes: &[u8]) -> Result<TopicId, FormatError> {
    parse(bytes).ok_or_else(|| {
        FormatError::new("not `version: 0` and, on the second line, `topic_id: ` with an id")
    })
}

fn parse(bytes: &[u8]) -> Option<TopicId> {
    let mut lines = std::str::from_utf8(bytes).ok()?.lines();
    let version: i32 = value_of(lines.next()?)?.parse().ok()?;
    let topic_id: TopicId = value_of(lines.next()?)?.parse().ok()?;
    (version >= 0 && topic_id != TopicId::ZERO).then_some(topic_id)
}

/// What follows the colon and at least one space.
fn value_of(line: &str) -> Option<&str> {
    let (_, value) = line.split_once(':')?;
    value.starts_with(char::is_whitespace).then(|| value.trim_start())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn topic_id_as_kafka_writes_it_is_read_and_written() {
        let topic_id = TopicId([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
        let kafka = "version: 0\ntopic_id: AAAAAAAAAAEAAAAAAAAAAg";
        assert_eq!(decode(kafka.as_bytes()).unwrap(), topic_id);
        assert_eq!(
            decode(b"version: 1\r\ntopic_id: AAAAAAAAAAEAAAAAAAAAAg\r\n").unwrap(),
            topic_id
        );
        assert_eq!(String::from_utf8(encode(topic_id)).unwrap(), kafka);
    }

    #[test]
    fn decode_what_is_no_topic_id_is_refused() {
        for text in [
            "",
            "version: 0",
            "version: -1\ntopic_id: AAAAAAAAAAEAAAAAAAAAAg",
            "version: 0\ntopic_id:AAAAAAAAAAEAAAAAAAAAAg",
            "version: 0\ntopic_id: AAAA",
            "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(decode(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn topic_id_survives_a_round_trip(id in any::<[u8; 16]>()) {
            prop_assume!(id != [0; 16]);
            prop_assert_eq!(decode(&encode(TopicId(id))).unwrap(), TopicId(id));
        }

        #[test]
        fn decode_survives_any_bytes(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
