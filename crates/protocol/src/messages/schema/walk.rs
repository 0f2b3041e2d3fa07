//! The walk: passes over a body as the decoder will, and stops where the decoder must not go.

use super::{Field, Kind};
use crate::wire::{Reader, WireError};

/// What is wrong with a body, and with which field of it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::messages) struct Malformed {
    /// The field, by its names from the outside in; empty for the body as a whole.
    pub(in crate::messages) field: String,
    /// What is wrong.
    pub(in crate::messages) error: WireError,
}

impl Malformed {
    /// Puts the name of the enclosing field before the field's.
    fn within(mut self, name: &str) -> Self {
        let dot = if self.field.is_empty() { "" } else { "." };
        self.field.insert_str(0, dot);
        self.field.insert_str(0, name);
        self
    }
}

impl From<WireError> for Malformed {
    fn from(error: WireError) -> Self {
        Self { field: String::new(), error }
    }
}

/// Passes over a whole body. Strings, structs in arrays and unknown tagged fields, which take more memory than bytes on
/// the wire, may together not be more than `elements_max`. Bytes behind the last field are left alone, as Kafka leaves
/// them: librdkafka 2.16 has three too many in its Metadata 13 for all topics.
pub(in crate::messages) fn walk(
    body: Reader<'_>,
    fields: &[Field],
    elements_max: usize,
) -> Result<(), Malformed> {
    let mut walk = Walk { reader: body, elements_max, elements: 0 };
    walk.fields(fields)
}

struct Walk<'a> {
    reader: Reader<'a>,
    elements_max: usize,
    elements: usize,
}

impl Walk<'_> {
    fn fields(&mut self, fields: &[Field]) -> Result<(), Malformed> {
        let version = self.reader.version();
        for field in fields {
            if field.tag.is_none() && field.versions.contains(version) {
                self.field(field)?;
            }
        }
        if self.reader.is_flexible() { self.tags(fields) } else { Ok(()) }
    }

    fn field(&mut self, field: &Field) -> Result<(), Malformed> {
        let is_nullable = field.nullable.contains(self.reader.version());
        self.value(&field.kind, is_nullable).map_err(|error| error.within(field.name))
    }

    fn value(&mut self, kind: &Kind, is_nullable: bool) -> Result<(), Malformed> {
        match kind {
            Kind::Fixed(size) => {
                self.reader.take(*size)?;
                return Ok(());
            }
            Kind::Struct(fields) if is_nullable => {
                return match self.reader.read::<i8>()? {
                    1 => self.fields(fields),
                    -1 => Ok(()),
                    other => Err(WireError::Presence(other).into()),
                };
            }
            Kind::Struct(fields) => return self.fields(fields),
            _ => {}
        }
        let len = match kind {
            Kind::String => self.reader.string_len()?,
            _ => self.reader.len()?,
        };
        match len {
            Some(count) if let Kind::Array(element) = kind => self.elements(count, element),
            Some(len) => {
                self.reader.take(len)?;
                Ok(())
            }
            None if is_nullable => Ok(()),
            None => Err(WireError::Null.into()),
        }
    }

    fn elements(&mut self, count: usize, element: &Kind) -> Result<(), Malformed> {
        if let Kind::Fixed(size) = element {
            // The count is at most the number of bytes that are left.
            self.reader.take(count.saturating_mul(*size))?;
            return Ok(());
        }
        self.count(count)?;
        for _ in 0..count {
            self.value(element, false)?;
        }
        Ok(())
    }

    fn tags(&mut self, fields: &[Field]) -> Result<(), Malformed> {
        let version = self.reader.version();
        for _ in 0..self.reader.varint()? {
            let (tag, size) = (self.reader.varint()?, self.reader.varint()?);
            let known = |field: &&Field| field.tag == Some(tag) && field.versions.contains(version);
            let left = self.reader.rest().len();
            match fields.iter().find(known) {
                Some(field) => self.field(field)?,
                None => {
                    self.count(1)?;
                    self.reader.take(size as usize)?;
                }
            }
            let (declared, used) = (size as usize, left - self.reader.rest().len());
            if used != declared {
                return Err(WireError::TagSize { declared, used }.into());
            }
        }
        Ok(())
    }

    fn count(&mut self, more: usize) -> Result<(), WireError> {
        self.elements += more;
        if self.elements > self.elements_max {
            return Err(WireError::TooManyElements(self.elements_max));
        }
        Ok(())
    }
}
