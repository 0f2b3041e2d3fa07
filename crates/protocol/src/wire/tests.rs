//! The primitive types in both encodings, and what hostile bytes get for an answer.

use super::*;
use crate::ids::{Offset, TopicId};
use bytes::Bytes;
use proptest::prelude::*;

/// A struct with everything that a layout may have.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    number: i64,
    text: Option<String>,
    bytes: Option<Bytes>,
    list: Vec<Inner>,
    inner: Option<Inner>,
    since_two: i16,
    tagged: Offset,
    tagged_list: Option<Vec<u16>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    flag: bool,
    id: TopicId,
    ratio: f64,
}
wire_fields!(Inner { flag, id, ratio });
impl Nullable for Inner {}

impl Wire for Sample {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut sample = Self {
            number: reader.read()?,
            text: reader.read()?,
            bytes: reader.read()?,
            list: reader.read()?,
            inner: reader.read()?,
            since_two: reader.read_since(2, -1)?,
            tagged: Offset::NONE,
            tagged_list: None,
        };
        reader.read_tags(|tag, field| {
            match tag {
                0 => sample.tagged = field.read()?,
                5 => sample.tagged_list = field.read()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(sample)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.number);
        writer.write(&self.text);
        writer.write(&self.bytes);
        writer.write(&self.list);
        writer.write(&self.inner);
        writer.write_since(2, &self.since_two);
        writer.write_tags(|tags| {
            tags.field(0, &self.tagged, &Offset::NONE);
            tags.field(5, &self.tagged_list, &None);
        });
    }
}

fn inner() -> impl Strategy<Value = Inner> {
    (any::<bool>(), any::<[u8; 16]>(), -1e9f64..1e9).prop_map(|(flag, id, ratio)| Inner {
        flag,
        id: TopicId(id),
        ratio,
    })
}

prop_compose! {
    fn sample()(
        number: i64,
        text in prop::option::of(".{0,200}"),
        bytes in prop::option::of(prop::collection::vec(any::<u8>(), 0..200)),
        list in prop::collection::vec(inner(), 0..200),
        inner in prop::option::of(inner()),
        since_two: i16,
        tagged: i64,
        tagged_list: Option<Vec<u16>>,
    ) -> Sample {
        let (bytes, tagged) = (bytes.map(Bytes::from), Offset(tagged));
        Sample { number, text, bytes, list, inner, since_two, tagged, tagged_list }
    }
}

proptest! {
    #[test]
    fn struct_of_any_version_round_trips(sample in sample(), version in 0i16..4, is_flexible: bool) {
        let mut writer = Writer::new(version, is_flexible);
        writer.write(&sample);
        let bytes = writer.finish().unwrap();
        let mut reader = Reader::new(&bytes, version, is_flexible);
        let mut expected = sample;
        if version < 2 {
            expected.since_two = -1;
        }
        if !is_flexible {
            (expected.tagged, expected.tagged_list) = (Offset::NONE, None);
        }
        prop_assert_eq!(reader.read::<Sample>().unwrap(), expected);
        prop_assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        is_flexible: bool,
    ) {
        let _ = Reader::new(&bytes, 2, is_flexible).read::<Sample>();
    }
}

/// Reads bytes that are not a value, in one of the two encodings.
fn check<T: Wire + std::fmt::Debug + PartialEq>(bytes: &[u8], is_flexible: bool, error: WireError) {
    assert_eq!(Reader::new(bytes, 0, is_flexible).read::<T>(), Err(error), "{bytes:x?}");
}

#[test]
fn length_that_cannot_be_is_refused() {
    let truncated = |needed, left| WireError::Truncated { needed, left };
    check::<i32>(&[0; 3], false, truncated(4, 3));
    check::<String>(&[0, 2, b'a'], false, truncated(2, 1));
    check::<String>(&[0xff, 0xff], false, WireError::Null);
    check::<String>(&[0x80, 0], false, WireError::Negative(-32_768));
    check::<String>(&[0, 1, 0xff], false, WireError::Utf8);
    check::<Bytes>(&[0xff; 4], false, WireError::Null);
    check::<Vec<i64>>(&[0x7f, 0xff, 0xff, 0xff, 0], false, truncated(i32::MAX as usize, 1));
    check::<Vec<i64>>(&[0xff, 0xff, 0xff, 0xff, 0x0f], true, truncated(u32::MAX as usize - 1, 0));
    check::<String>(&[0x81, 0x80, 0x02], true, WireError::TooLong(32_768));
    check::<Option<Inner>>(&[0], true, WireError::Presence(0));
}

#[test]
fn value_beyond_kafkas_limits_is_an_error_at_the_end() {
    let mut writer = Writer::new(0, true);
    writer.write(&"x".repeat(STRING_BYTES_MAX + 1));
    writer.write(&1i8);
    assert_eq!(writer.finish(), Err(WireError::TooLong(STRING_BYTES_MAX + 1)));
    let mut writer = Writer::new(0, true);
    writer.write_tags(|tags| {
        tags.field(0, &"x".repeat(STRING_BYTES_MAX + 1), &String::new());
    });
    assert_eq!(writer.finish(), Err(WireError::TooLong(STRING_BYTES_MAX + 1)));
}

#[test]
fn bytes_behind_the_last_field_are_told() {
    let mut reader = Reader::new(&[1, 2, 3], 0, false);
    assert_eq!(reader.read(), Ok(1i8));
    assert_eq!(reader.finish(), Err(WireError::Trailing(2)));
}
