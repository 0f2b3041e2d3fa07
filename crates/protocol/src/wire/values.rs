//! [`Wire`] for the primitives, for arrays of them and for what may be null.

use std::sync::Arc;

use bytes::Bytes;

use super::{Reader, WireError, Writer};
use crate::ids::{
    BrokerId, CoordinatorEpoch, LeaderEpoch, Offset, PartitionId, ProducerEpoch, ProducerId,
    Timestamp, TopicId, TopicPartition,
};

/// A value with a place in Kafka's layouts.
pub trait Wire: Sized {
    /// Takes the value off the front of what is left.
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError>;
    /// Appends the value.
    fn write(&self, writer: &mut Writer);
}

/// A value that may be null; as it stands, a struct with a byte before it that says whether it is there.
pub trait Nullable: Wire {
    /// Takes the value, or null, off the front.
    fn read_nullable(reader: &mut Reader<'_>) -> Result<Option<Self>, WireError> {
        match i8::read(reader)? {
            1 => Self::read(reader).map(Some),
            -1 => Ok(None),
            other => Err(WireError::Presence(other)),
        }
    }

    /// Appends the value, or null.
    fn write_nullable(value: Option<&Self>, writer: &mut Writer) {
        match value {
            Some(value) => {
                writer.write(&1i8);
                writer.write(value);
            }
            None => writer.write(&-1i8),
        }
    }
}

impl<T: Nullable> Wire for Option<T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        T::read_nullable(reader)
    }

    fn write(&self, writer: &mut Writer) {
        T::write_nullable(self.as_ref(), writer);
    }
}

/// Implements [`Wire`] for numbers.
macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl Wire for $number {
            fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
                reader.take_array().map(Self::from_be_bytes)
            }

            fn write(&self, writer: &mut Writer) {
                writer.put(&self.to_be_bytes());
            }
        })*
    };
}

numbers!(i8, i16, u16, i32, i64, f64);

/// Implements [`Wire`] for the newtypes of what it is implemented for.
macro_rules! newtypes {
    ($($newtype:ident),*) => {
        $(impl Wire for $newtype {
            fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
                Ok(Self(reader.read()?))
            }

            fn write(&self, writer: &mut Writer) {
                writer.write(&self.0);
            }
        })*
    };
}

newtypes!(BrokerId, CoordinatorEpoch, LeaderEpoch, Offset, PartitionId);
newtypes!(ProducerEpoch, ProducerId, Timestamp, TopicId);

/// Implements [`Wire`] for a struct whose fields are in all versions: the fields in this order, and no tagged ones.
macro_rules! wire_fields {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::wire::Wire for $name {
            fn read(
                reader: &mut $crate::wire::Reader<'_>,
            ) -> Result<Self, $crate::wire::WireError> {
                let value = Self { $($field: reader.read()?),* };
                reader.skip_tags()?;
                Ok(value)
            }

            fn write(&self, writer: &mut $crate::wire::Writer) {
                $(writer.write(&self.$field);)*
                writer.no_tags();
            }
        }
    };
}
pub(crate) use wire_fields;

/// The 16 bytes of a UUID.
impl Wire for [u8; 16] {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        reader.take_array()
    }

    fn write(&self, writer: &mut Writer) {
        writer.put(self);
    }
}

impl Wire for bool {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(i8::read(reader)? != 0)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&i8::from(*self));
    }
}

impl Wire for String {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Self::read_nullable(reader)?.ok_or(WireError::Null)
    }

    fn write(&self, writer: &mut Writer) {
        Self::write_nullable(Some(self), writer);
    }
}

impl Nullable for String {
    fn read_nullable(reader: &mut Reader<'_>) -> Result<Option<Self>, WireError> {
        let Some(len) = reader.string_len()? else { return Ok(None) };
        match str::from_utf8(reader.take(len)?) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(WireError::Utf8),
        }
    }

    fn write_nullable(value: Option<&Self>, writer: &mut Writer) {
        let value = value.map(Self::as_bytes);
        writer.string_len(value.map(<[u8]>::len));
        writer.put(value.unwrap_or_default());
    }
}

impl Wire for Bytes {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Self::read_nullable(reader)?.ok_or(WireError::Null)
    }

    fn write(&self, writer: &mut Writer) {
        Self::write_nullable(Some(self), writer);
    }
}

impl Nullable for Bytes {
    fn read_nullable(reader: &mut Reader<'_>) -> Result<Option<Self>, WireError> {
        let Some(len) = reader.len()? else { return Ok(None) };
        reader.take(len).map(|bytes| Some(Self::copy_from_slice(bytes)))
    }

    fn write_nullable(value: Option<&Self>, writer: &mut Writer) {
        writer.len(value.map(Self::len));
        writer.put(value.map(AsRef::as_ref).unwrap_or_default());
    }
}

/// How many elements an array gets room for before the first of them is read: one byte may be all that an element
/// takes, so their number alone does not say what may be allocated.
const ELEMENTS_AHEAD: usize = 64;

impl<T: Wire> Wire for Vec<T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Self::read_nullable(reader)?.ok_or(WireError::Null)
    }

    fn write(&self, writer: &mut Writer) {
        Self::write_nullable(Some(self), writer);
    }
}

impl<T: Wire> Nullable for Vec<T> {
    fn read_nullable(reader: &mut Reader<'_>) -> Result<Option<Self>, WireError> {
        let Some(count) = reader.len()? else { return Ok(None) };
        let mut elements = Self::with_capacity(count.min(ELEMENTS_AHEAD));
        for _ in 0..count {
            elements.push(reader.read()?);
        }
        Ok(Some(elements))
    }

    fn write_nullable(value: Option<&Self>, writer: &mut Writer) {
        writer.len(value.map(Self::len));
        for element in value.into_iter().flatten() {
            writer.write(element);
        }
    }
}

/// The topic's name, then the partition.
impl Wire for TopicPartition {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let topic: String = reader.read()?;
        Ok(Self { topic: Arc::from(topic), partition: reader.read()? })
    }

    fn write(&self, writer: &mut Writer) {
        writer.string_len(Some(self.topic.len()));
        writer.put(self.topic.as_bytes());
        writer.write(&self.partition);
    }
}
