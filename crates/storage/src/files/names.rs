//! The names of a partition's directory and of the files in it (`LogFileUtils`, `LocalLog`).
//!
//! A file is `<base offset, 20 digits><kind><stage>`, so that names sort by offset:
//! `00000000000000000042.log.deleted`. A directory is `<topic>-<partition>`, or `<topic>-<partition>.<unique
//! id><kind>` on its way in or out.

use std::fmt;

use protocol::{Offset, PartitionId, TopicPartition};

/// The longest file name that file systems take.
pub const NAME_BYTES_MAX: usize = 255;
const OFFSET_DIGITS: usize = 20;

/// What a file of a segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// The record batches.
    Log,
    /// The offset index.
    OffsetIndex,
    /// The time index.
    TimeIndex,
    /// The aborted transactions.
    TxnIndex,
    /// The state of the producers up to the offset that the file is named by.
    ProducerSnapshot,
}

impl FileKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Log, Self::OffsetIndex, Self::TimeIndex, Self::TxnIndex, Self::ProducerSnapshot];

    /// How the names of this kind go on after the offset.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Log => ".log",
            Self::OffsetIndex => ".index",
            Self::TimeIndex => ".timeindex",
            Self::TxnIndex => ".txnindex",
            Self::ProducerSnapshot => ".snapshot",
        }
    }
}

/// Where a file stands between being made and being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Part of the log.
    Live,
    /// Being written by the cleaner; worthless after a crash.
    Cleaned,
    /// Written whole and about to take the place of live files; finished after a crash.
    Swap,
    /// No longer part of the log; deleted when no reader can be using it.
    Deleted,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Live, Self::Cleaned, Self::Swap, Self::Deleted];

    /// How names of this stage end.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Live => "",
            Self::Cleaned => ".cleaned",
            Self::Swap => ".swap",
            Self::Deleted => ".deleted",
        }
    }
}

/// The name of a file of a segment; its text form is the name itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileName {
    /// The segment's base offset; of a producer snapshot the offset up to which it holds, exclusive.
    pub base_offset: Offset,
    /// What the file holds.
    pub kind: FileKind,
    /// Whether it is in use.
    pub stage: Stage,
}

impl FileName {
    /// The name of a live file.
    pub const fn new(base_offset: Offset, kind: FileKind) -> Self {
        Self { base_offset, kind, stage: Stage::Live }
    }

    /// The name that the file has at another stage.
    #[must_use]
    pub const fn at(self, stage: Stage) -> Self {
        Self { stage, ..self }
    }

    /// Reads a name; `None` for files that belong to no segment.
    pub fn parse(name: &str) -> Option<Self> {
        let (digits, suffix) = name.split_at_checked(OFFSET_DIGITS)?;
        // A sign would be parsed too.
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let base_offset = digits.parse().ok().filter(|_| is_number)?;
        let (kind, rest) = FileKind::ALL
            .into_iter()
            .find_map(|kind| Some((kind, suffix.strip_prefix(kind.suffix())?)))?;
        let stage = Stage::ALL.into_iter().find(|stage| stage.suffix() == rest)?;
        Some(Self { base_offset: Offset(base_offset), kind, stage })
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}{}{}", self.base_offset.0, self.kind.suffix(), self.stage.suffix())
    }
}

/// What a partition's directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DirKind {
    /// The partition's log.
    Live,
    /// A log that is being deleted.
    Delete,
    /// A copy that will replace the log in another log directory of the node.
    Future,
    /// A log that the node was not told to have any more.
    Stray,
}

impl DirKind {
    /// How names of this kind end.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Live => "",
            Self::Delete => "-delete",
            Self::Future => "-future",
            Self::Stray => "-stray",
        }
    }
}

/// Reads the name of a partition's directory; `None` for what is none.
///
/// The topic of a directory that is being deleted, or is stray, may have lost its end.
pub fn parse_dir(name: &str) -> Option<(TopicPartition, DirKind)> {
    let kind = [DirKind::Delete, DirKind::Future, DirKind::Stray]
        .into_iter()
        .find(|kind| name.ends_with(kind.suffix()))
        .unwrap_or(DirKind::Live);
    let live = match kind {
        DirKind::Live => name,
        _ => {
            let (live, unique_id) = name.strip_suffix(kind.suffix())?.rsplit_once('.')?;
            (!unique_id.is_empty()).then_some(live)?
        }
    };
    let (topic, partition) = live.rsplit_once('-')?;
    let number: i32 = partition.parse().ok()?;
    // A name that is not written as we write it, like `topic-01`, is not ours.
    let is_ours = !topic.is_empty() && number.to_string() == partition;
    is_ours.then(|| (TopicPartition::new(topic, PartitionId(number)), kind))
}

/// The name that a partition's directory takes before it is deleted; a long topic loses its end.
pub fn delete_dir(partition: &TopicPartition, unique_id: &str) -> String {
    cut_dir(partition, unique_id, DirKind::Delete)
}

/// The name of a stray partition's directory; a long topic loses its end.
pub fn stray_dir(partition: &TopicPartition, unique_id: &str) -> String {
    cut_dir(partition, unique_id, DirKind::Stray)
}

/// The name of the directory of a copy. The topic is kept whole, as it is needed when the copy is opened again.
pub fn future_dir(partition: &TopicPartition, unique_id: &str) -> String {
    format!("{partition}.{unique_id}{}", DirKind::Future.suffix())
}

fn cut_dir(partition: &TopicPartition, unique_id: &str, kind: DirKind) -> String {
    let tail = format!("-{}.{unique_id}{}", partition.partition, kind.suffix());
    let topic_bytes_max = NAME_BYTES_MAX.saturating_sub(tail.len());
    let (topic, _) = partition.topic.split_at(partition.topic.floor_char_boundary(topic_bytes_max));
    format!("{topic}{tail}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UUID: &str = "5fc0975566184161ab79cef873c210c7";

    fn partition(topic: &str, number: i32) -> TopicPartition {
        TopicPartition::new(topic, PartitionId(number))
    }

    #[test]
    fn file_name_of_each_kind_and_stage_is_kafkas() {
        let name = FileName::new(Offset(42), FileKind::TimeIndex);
        assert_eq!(name.to_string(), "00000000000000000042.timeindex");
        assert_eq!(name.at(Stage::Swap).to_string(), "00000000000000000042.timeindex.swap");
        for kind in FileKind::ALL {
            for stage in Stage::ALL {
                let name = FileName::new(Offset::MAX, kind).at(stage);
                assert_eq!(FileName::parse(&name.to_string()), Some(name));
            }
        }
    }

    #[test]
    fn file_name_of_no_segment_is_refused() {
        for name in [
            "",
            "partition.metadata",
            "leader-epoch-checkpoint",
            "0.log",
            "0000000000000000004x.log",
            "00000000000000000042",
            "00000000000000000042.log.tmp",
            "00000000000000000042.log.swap.deleted",
            "00000000000000000042.checkpoint",
            "000000000000000000042.log",
            "+0000000000000000042.log",
            "99999999999999999999.log",
            "0000000000000000000\u{e9}.log",
        ] {
            assert_eq!(FileName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn dir_name_is_parsed_as_kafka_does() {
        let rows = [
            ("a-1", Some(("a", 1, DirKind::Live))),
            ("a-b-1", Some(("a-b", 1, DirKind::Live))),
            ("a-delete-1", Some(("a-delete", 1, DirKind::Live))),
            ("a--1", Some(("a-", 1, DirKind::Live))),
            ("a-1.x-delete", Some(("a", 1, DirKind::Delete))),
            ("a.b-1.u-stray", Some(("a.b", 1, DirKind::Stray))),
            ("a-1.u-future", Some(("a", 1, DirKind::Future))),
            ("a-1-delete", None),
            ("a-1.-delete", None),
            ("a.1-delete", None),
            ("-1", None),
            ("a-", None),
            ("a", None),
            ("a-x", None),
            ("a-007", None),
            ("a-+1", None),
            ("a-2147483648", None),
        ];
        for (name, expected) in rows {
            let expected = expected.map(|(topic, number, kind)| (partition(topic, number), kind));
            assert_eq!(parse_dir(name), expected, "{name}");
        }
    }

    #[test]
    fn dir_name_of_a_long_topic_is_cut() {
        let long = partition(&"t".repeat(249), 12);
        // Kafka 4.3.1 made this name of the same topic, but for the unique id.
        let kafka = format!("{}-12.{UUID}-delete", "t".repeat(212));
        assert_eq!((delete_dir(&long, UUID), kafka.len()), (kafka, 255));
        assert_eq!(stray_dir(&long, UUID).len(), 255);
        assert_eq!(future_dir(&partition("t", 12), UUID), format!("t-12.{UUID}-future"));
    }

    proptest! {
        #[test]
        fn dir_name_survives_a_round_trip(topic in "[a-zA-Z0-9._-]{1,80}", number in 0..=i32::MAX) {
            let partition = partition(&topic, number);
            for (name, kind) in [
                (partition.to_string(), DirKind::Live),
                (delete_dir(&partition, UUID), DirKind::Delete),
                (stray_dir(&partition, UUID), DirKind::Stray),
                (future_dir(&partition, UUID), DirKind::Future),
            ] {
                prop_assert_eq!(parse_dir(&name), Some((partition.clone(), kind)));
            }
        }

        #[test]
        fn names_survive_any_text(name: String) {
            let _ = FileName::parse(&name);
            let _ = parse_dir(&name);
            prop_assert!(delete_dir(&partition(&name.repeat(9), 1), UUID).len() <= NAME_BYTES_MAX);
        }
    }
}
