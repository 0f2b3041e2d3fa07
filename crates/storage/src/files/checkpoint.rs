//! The checkpoint files of a log directory: one offset for each of its partitions.
//!
//! Kafka's text form, shared with the leader epochs (`CheckpointFile`, `OffsetCheckpointFile`):
//!
//! | line | content                                                           |
//! |------|-------------------------------------------------------------------|
//! | 1    | the version, 0                                                    |
//! | 2    | how many entries follow                                           |
//! | 3…   | one entry a line; of an offset checkpoint: topic partition offset |
//!
//! A file without these first two lines is empty, not damaged: Kafka makes it before it has anything to write.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use protocol::{Offset, PartitionId, TopicPartition};

use super::FormatError;

/// Up to where each log is known to be on disk: recovery after a crash starts here.
pub const RECOVERY_POINT_FILE: &str = "recovery-point-offset-checkpoint";
/// Where each log starts, if DeleteRecords or retention moved the start into a segment.
pub const LOG_START_OFFSET_FILE: &str = "log-start-offset-checkpoint";
/// The high watermark of each replica.
pub const HIGH_WATERMARK_FILE: &str = "replication-offset-checkpoint";
/// Up to where each log has been compacted.
pub const CLEANER_FILE: &str = "cleaner-offset-checkpoint";

const VERSION: i32 = 0;

/// The content of an offset checkpoint file, in the order given.
pub fn encode<'a>(offsets: impl IntoIterator<Item = (&'a TopicPartition, Offset)>) -> Vec<u8> {
    encode_lines(
        offsets.into_iter().map(|(partition, offset)| {
            format!("{} {} {offset}", partition.topic, partition.partition)
        }),
    )
}

/// Reads an offset checkpoint file.
pub fn decode(bytes: &[u8]) -> Result<BTreeMap<TopicPartition, Offset>, FormatError> {
    let mut offsets = BTreeMap::new();
    decode_lines(bytes, "topic partition offset", |mut words| {
        let topic = words.next()?;
        let partition = words.next()?.parse().ok().filter(|&number: &i32| number >= 0)?;
        let offset = words.next()?.parse().ok().filter(|&number: &i64| number >= 0)?;
        offsets.insert(TopicPartition::new(topic, PartitionId(partition)), Offset(offset));
        words.next().is_none().then_some(())
    })?;
    Ok(offsets)
}

/// Frames the lines of a checkpoint.
pub(super) fn encode_lines(lines: impl IntoIterator<Item: Display>) -> Vec<u8> {
    let mut body = String::new();
    let mut line_count = 0_usize;
    for line in lines {
        line_count += 1;
        writeln!(body, "{line}").expect("a String takes all that is written to it");
    }
    format!("{VERSION}\n{line_count}\n{body}").into_bytes()
}

/// Hands the words of every entry to `parse`, which answers `None` when they are not what `expected` says.
pub(super) fn decode_lines<'a>(
    bytes: &'a [u8],
    expected: &str,
    mut parse: impl FnMut(std::str::SplitAsciiWhitespace<'a>) -> Option<()>,
) -> Result<(), FormatError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|err| FormatError::new(format!("byte {} is not UTF-8", err.valid_up_to())))?;
    let malformed = |line_idx: usize, line: &str, expected: &str| {
        let shown: String = line.chars().take(80).collect();
        FormatError::new(format!("line {} is `{shown}`, not `{expected}`", line_idx + 1))
    };
    let mut lines = text.lines().enumerate();
    let (Some((_, version)), Some((count_idx, count))) = (lines.next(), lines.next()) else {
        return Ok(());
    };
    if version.parse() != Ok(VERSION) {
        return Err(malformed(0, version, "0, the version of the format"));
    }
    let expected_count: usize =
        count.parse().map_err(|_| malformed(count_idx, count, "the number of entries"))?;
    let mut found_count = 0;
    for (line_idx, line) in lines {
        parse(line.split_ascii_whitespace()).ok_or_else(|| malformed(line_idx, line, expected))?;
        found_count += 1;
    }
    if found_count == expected_count {
        return Ok(());
    }
    Err(FormatError::new(format!("{found_count} entries where line 2 says {expected_count}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Written by Kafka 4.3.1's OffsetCheckpointFile.
    const KAFKA: &str =
        "0\n3\n__consumer_offsets 49 0\norders 0 12\norders 11 9223372036854775807\n";

    fn kafka() -> BTreeMap<TopicPartition, Offset> {
        [("__consumer_offsets", 49, 0), ("orders", 0, 12), ("orders", 11, i64::MAX)]
            .map(|(topic, partition, offset)| {
                (TopicPartition::new(topic, PartitionId(partition)), Offset(offset))
            })
            .into()
    }

    fn encode_map(offsets: &BTreeMap<TopicPartition, Offset>) -> Vec<u8> {
        encode(offsets.iter().map(|(partition, &offset)| (partition, offset)))
    }

    #[test]
    fn offsets_as_kafka_writes_them_are_read_and_written() {
        assert_eq!(decode(KAFKA.as_bytes()).unwrap(), kafka());
        assert_eq!(String::from_utf8(encode_map(&kafka())).unwrap(), KAFKA);
    }

    #[test]
    fn decode_file_without_entries_is_empty() {
        for text in ["", "0", "0\n", "0\n0\n"] {
            assert_eq!(decode(text.as_bytes()).unwrap(), BTreeMap::new(), "{text:?}");
        }
    }

    #[test]
    fn decode_damaged_file_says_which_line() {
        let rows = [
            ("1\n0\n", "line 1 is `1`, not `0, the version of the format`"),
            ("0\nmany\n", "line 2 is `many`, not `the number of entries`"),
            ("0\n-1\n", "line 2 is `-1`, not `the number of entries`"),
            ("0\n1\na 0\n", "line 3 is `a 0`, not `topic partition offset`"),
            ("0\n1\na 0 1 2\n", "line 3 is `a 0 1 2`, not `topic partition offset`"),
            ("0\n1\na 0 -1\n", "line 3 is `a 0 -1`, not `topic partition offset`"),
            ("0\n1\n\n", "line 3 is ``, not `topic partition offset`"),
            ("0\n2\na 0 1\n", "1 entries where line 2 says 2"),
            ("0\n0\na 0 1\n", "1 entries where line 2 says 0"),
        ];
        for (text, reason) in rows {
            assert_eq!(decode(text.as_bytes()).unwrap_err().to_string(), reason, "{text:?}");
        }
        assert_eq!(decode(b"0\n\xff").unwrap_err().to_string(), "byte 2 is not UTF-8");
    }

    proptest! {
        #[test]
        fn offsets_survive_a_round_trip(
            offsets in proptest::collection::btree_map(
                ("[a-zA-Z0-9._-]{1,20}", 0..=i32::MAX)
                    .prop_map(|(topic, number)| TopicPartition::new(topic, PartitionId(number))),
                (0..=i64::MAX).prop_map(Offset),
                0..50,
            )
        ) {
            prop_assert_eq!(decode(&encode_map(&offsets)).unwrap(), offsets);
        }

        #[test]
        fn decode_survives_any_bytes(bytes: Vec<u8>, text in "0\n[0-9]{1,20}\n[a-z0-9 \n-]{0,40}") {
            let _ = decode(&bytes);
            let _ = decode(text.as_bytes());
        }
    }
}
