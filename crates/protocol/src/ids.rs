//! Newtypes for every number that names something, so that an offset is never passed for an epoch.
//!
//! The inner number is public and is Kafka's own, with Kafka's sentinel (-1) where it has one.
//! Arithmetic saturates: a number read from a damaged file can neither panic nor wrap into
//! a plausible one.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Declares a number newtype; `none` adds what Kafka writes where there is none.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
    ($(#[$doc:meta])* $name:ident($inner:ty), none) => {
        id!($(#[$doc])* $name($inner));

        impl $name {
            /// What Kafka writes where there is none.
            pub const NONE: Self = Self(-1);

            /// True for [`Self::NONE`] and the other negative numbers: they name nothing.
            pub const fn is_none(self) -> bool {
                self.0 < 0
            }
        }
    };
}

id! {
    /// The position of a record in its partition.
    Offset(i64), none
}
id! {
    /// How many times a partition had changed its leader when a batch was appended.
    LeaderEpoch(i32), none
}
id! {
    /// An idempotent or transactional producer, as the cluster numbered it.
    ProducerId(i64), none
}
id! {
    /// The incarnation of a producer id: a higher one fences the lower.
    ProducerEpoch(i16), none
}
id! {
    /// The incarnation of a transaction coordinator, kept in the markers that it writes.
    CoordinatorEpoch(i32), none
}
id! {
    /// A producer's own count of its records in one partition; after `i32::MAX` comes 0.
    Sequence(i32), none
}
id! {
    /// Milliseconds since the Unix epoch.
    Timestamp(i64), none
}
id! {
    /// A node of the cluster (`node.id`).
    BrokerId(i32)
}
id! {
    /// The number of a partition within its topic.
    PartitionId(i32)
}

impl Offset {
    /// Where every partition starts.
    pub const ZERO: Self = Self(0);
    /// The largest offset.
    pub const MAX: Self = Self(i64::MAX);

    /// The offset that follows this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Default for Offset {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Add<i64> for Offset {
    type Output = Self;

    fn add(self, count: i64) -> Self {
        Self(self.0.saturating_add(count))
    }
}

impl Sub for Offset {
    type Output = i64;

    fn sub(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }
}

impl Sequence {
    /// The sequence `count` records later (`DefaultRecordBatch.incrementSequence`). `count` is
    /// not negative.
    #[must_use]
    pub const fn advance(self, count: i32) -> Self {
        // Both are below 2^31, so their sum fits in 32 bits, and the mask takes it modulo 2^31.
        Self(self.0.wrapping_add(count) & i32::MAX)
    }

    /// The sequence `count` records earlier (`DefaultRecordBatch.decrementSequence`). `count` is
    /// not negative.
    #[must_use]
    pub const fn decrement(self, count: i32) -> Self {
        Self(self.0.wrapping_sub(count) & i32::MAX)
    }
}

/// The identity of a topic, which its name alone is not: a topic deleted and created again has
/// another one.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub [u8; 16]);

impl TopicId {
    /// No topic id.
    pub const ZERO: Self = Self([0; 16]);
}

/// Kafka's `Uuid` prints 22 characters of URL-safe base64 without padding, and reads them with
/// padding too.
const UUID_BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&UUID_BASE64.encode(self.0))
    }
}

/// A text that is not the base64 of 16 bytes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a topic id is 22 characters of URL-safe base64, which stand for 16 bytes")]
pub struct TopicIdError;

impl FromStr for TopicId {
    type Err = TopicIdError;

    fn from_str(text: &str) -> Result<Self, TopicIdError> {
        let mut id = [0; 16];
        match UUID_BASE64.decode_slice(text, &mut id) {
            Ok(16) => Ok(Self(id)),
            _ => Err(TopicIdError),
        }
    }
}

/// One partition of one topic; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// Which of its partitions.
    pub partition: PartitionId,
}

impl TopicPartition {
    /// Names partition `partition` of `topic`.
    pub fn new(topic: impl Into<Arc<str>>, partition: PartitionId) -> Self {
        Self { topic: topic.into(), partition }
    }
}

/// `topic-0`, which is also the name of its directory.
impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_wraps_at_the_largest_as_kafkas_does() {
        let rows = [
            (0, 0, 0),
            (5, 4, 9),
            (i32::MAX - 1, 1, i32::MAX),
            (i32::MAX, 1, 0),
            (i32::MAX - 1, 4, 2),
            (i32::MAX, i32::MAX, i32::MAX - 1),
        ];
        for (from, count, to) in rows {
            assert_eq!(Sequence(from).advance(count), Sequence(to), "{from} + {count}");
            assert_eq!(Sequence(to).decrement(count), Sequence(from), "{to} - {count}");
        }
    }

    #[test]
    fn offsets_at_the_edge_saturate() {
        assert_eq!(Offset::MAX.next(), Offset::MAX);
        assert_eq!(Offset(i64::MIN) + -1, Offset(i64::MIN));
        assert_eq!(Offset::MAX - Offset::NONE, i64::MAX);
        assert_eq!(Offset(7) - Offset(10), -3);
        assert!(Offset::NONE.is_none() && !Offset::ZERO.is_none());
    }

    #[test]
    fn topic_id_is_written_as_kafkas_uuid() {
        let mut id = [0; 16];
        for (byte, value) in id.iter_mut().zip(0xf0..=0xff) {
            *byte = value;
        }
        let text = "8PHy8_T19vf4-fr7_P3-_w";
        assert_eq!(TopicId(id).to_string(), text);
        for spelling in [text, "8PHy8_T19vf4-fr7_P3-_w==", "8PHy8_T19vf4-fr7_P3-_x"] {
            assert_eq!(spelling.parse(), Ok(TopicId(id)), "{spelling}");
        }
        for wrong in ["", "8PHy8_T19vf4-fr7_P3-", "8PHy8/T19vf4+fr7/P3+/w", &text.repeat(2)] {
            assert_eq!(wrong.parse::<TopicId>(), Err(TopicIdError), "{wrong}");
        }
        assert_eq!(TopicId::ZERO.to_string(), "A".repeat(22));
    }

    #[test]
    fn topic_partition_is_named_as_its_directory() {
        let partition = TopicPartition::new("my.topic-1", PartitionId(12));
        assert_eq!(partition.to_string(), "my.topic-1-12");
        assert_eq!(format!("{:>5}", Offset(42)), "   42");
    }
}
