//! Places in a partition as they are typed: `start`, `end`, `42`, `-10` for the last ten, `@` and a moment.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use client::{Client, OffsetSpec};
use protocol::{Offset, Timestamp, TopicPartition};

use crate::Error;
use crate::moment::{now, parse_moment, show_moment};

/// A place that has an offset in each partition.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// The first record that is there.
    Start,
    /// After the last one.
    End,
    /// This offset.
    At(Offset),
    /// So many offsets before the end, or the start.
    Last(i64),
    /// The first record of this time or later, or the end.
    Time(Timestamp),
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "start" | "beginning" | "earliest" => return Ok(Self::Start),
            "end" | "latest" => return Ok(Self::End),
            _ => {}
        }
        if let Some(moment) = text.strip_prefix('@') {
            return parse_moment(moment, now()).map(Self::Time);
        }
        match text.parse::<i64>() {
            Ok(number) if text.starts_with('-') => Ok(Self::Last(number.saturating_neg())),
            Ok(number) => Ok(Self::At(Offset(number))),
            Err(_) => Err(format!(
                "'{text}' is no place in a topic; there are start, end, an offset, -N for the last N, and @MOMENT, \
                 such as @2026-11-21T10:00:00Z or @-90m"
            )),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::End => f.write_str("end"),
            Self::At(offset) => write!(f, "{offset}"),
            Self::Last(count) => write!(f, "-{count}"),
            Self::Time(timestamp) => write!(f, "@{}", show_moment(*timestamp)),
        }
    }
}

/// The offsets of a position in each of `partitions`.
pub(crate) async fn resolve(
    client: &Client,
    partitions: &[TopicPartition],
    position: Position,
    read_committed: bool,
) -> Result<BTreeMap<TopicPartition, Offset>, Error> {
    let list = async |spec: OffsetSpec| {
        let wanted = partitions.iter().map(|partition| (partition.clone(), spec));
        Ok::<_, Error>(client.list_offsets(wanted, read_committed).await?)
    };
    match position {
        Position::Start => list(OffsetSpec::Earliest).await,
        Position::End => list(OffsetSpec::Latest).await,
        Position::At(offset) => Ok(partitions.iter().map(|it| (it.clone(), offset)).collect()),
        Position::Last(count) => {
            let starts = list(OffsetSpec::Earliest).await?;
            let mut ends = list(OffsetSpec::Latest).await?;
            for (partition, end) in &mut ends {
                let start = starts.get(partition).copied().unwrap_or_default();
                *end = start.max(*end + count.saturating_neg());
            }
            Ok(ends)
        }
        Position::Time(timestamp) => {
            let mut found = list(OffsetSpec::At(timestamp)).await?;
            let ends = list(OffsetSpec::Latest).await?;
            for (partition, offset) in &mut found {
                if offset.is_none() {
                    *offset = ends.get(partition).copied().unwrap_or_default();
                }
            }
            Ok(found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_and_shown() {
        for (text, position) in [
            ("start", Position::Start),
            ("beginning", Position::Start),
            ("latest", Position::End),
            ("0", Position::At(Offset(0))),
            ("42", Position::At(Offset(42))),
            ("-10", Position::Last(10)),
            ("@1700000000000", Position::Time(Timestamp(1_700_000_000_000))),
        ] {
            assert_eq!(text.parse(), Ok(position), "{text}");
            assert_eq!(position.to_string().parse(), Ok(position), "{text}");
        }
        for text in ["", "middle", "1.5", "@", "@noon", "--1"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }
}
