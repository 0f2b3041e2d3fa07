//! The writing side. A value that Kafka's types cannot hold is remembered and comes out at the end, so that a layout
//! stays a plain list of its fields.

use super::{STRING_BYTES_MAX, Wire, WireError};
use crate::varint::put_unsigned_varint;

/// Appends values to a buffer.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    version: i16,
    is_flexible: bool,
    error: Option<WireError>,
}

impl Writer {
    /// Writes version `version` of a layout that is, in this version, flexible or not.
    pub const fn new(version: i16, is_flexible: bool) -> Self {
        Self { out: Vec::new(), version, is_flexible, error: None }
    }

    /// The version of the layout.
    pub const fn version(&self) -> i16 {
        self.version
    }

    /// Appends a value.
    pub fn write<T: Wire>(&mut self, value: &T) {
        value.write(self);
    }

    /// Appends a value if this version has it, which versions from `version` on do.
    pub fn write_since<T: Wire>(&mut self, version: i16, value: &T) {
        if self.version >= version {
            self.write(value);
        }
    }

    /// Appends bytes as they are.
    pub fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Appends an unsigned variable-length number.
    pub fn varint(&mut self, value: u32) {
        put_unsigned_varint(&mut self.out, value);
    }

    /// Appends the length of a string; `None` for a null one.
    pub fn string_len(&mut self, len: Option<usize>) {
        let len = self.checked(len, STRING_BYTES_MAX);
        if self.is_flexible {
            self.varint((len + 1).cast_unsigned());
        } else {
            // A length above the limit has become 0, so every length fits 16 bits.
            self.put(&i16::try_from(len).unwrap_or_default().to_be_bytes());
        }
    }

    /// Appends the length of bytes, or the number of an array's elements; `None` for a null one.
    pub fn len(&mut self, len: Option<usize>) {
        // The compact form holds the length plus one.
        let len = self.checked(len, i32::MAX as usize - 1);
        if self.is_flexible {
            self.varint((len + 1).cast_unsigned());
        } else {
            self.put(&len.to_be_bytes());
        }
    }

    /// The number that stands for a length, -1 for null; 0, and an error at the end, for one above `max`.
    fn checked(&mut self, len: Option<usize>, max: usize) -> i32 {
        let Some(len) = len else { return -1 };
        match i32::try_from(len) {
            Ok(number) if len <= max => number,
            _ => {
                self.error.get_or_insert(WireError::TooLong(len));
                0
            }
        }
    }

    /// Ends a struct, if the version is flexible, with the tagged fields that `add` adds in the order of their tags.
    pub fn write_tags(&mut self, add: impl FnOnce(&mut Tags)) {
        if !self.is_flexible {
            return;
        }
        let mut tags = Tags { count: 0, fields: Self::new(self.version, true) };
        add(&mut tags);
        self.varint(tags.count);
        self.put(&tags.fields.out);
        self.error = self.error.or(tags.fields.error);
    }

    /// Ends a struct that has no tagged fields.
    pub fn no_tags(&mut self) {
        self.write_tags(|_| ());
    }

    /// What was written, unless some of it could not be.
    pub fn finish(self) -> Result<Vec<u8>, WireError> {
        match self.error {
            None => Ok(self.out),
            Some(error) => Err(error),
        }
    }
}

/// The tagged fields of one struct.
#[derive(Debug)]
pub struct Tags {
    count: u32,
    fields: Writer,
}

impl Tags {
    /// The version of the layout.
    pub const fn version(&self) -> i16 {
        self.fields.version
    }

    /// Adds a field, unless it has its default: then Kafka leaves it out.
    pub fn field<T: Wire + PartialEq>(&mut self, tag: u32, value: &T, default: &T) {
        if value == default {
            return;
        }
        let mut field = Writer::new(self.fields.version, true);
        field.write(value);
        self.count += 1;
        self.fields.varint(tag);
        // The value itself was within the limits of a length, or has left its error.
        self.fields.varint(u32::try_from(field.out.len()).unwrap_or_default());
        self.fields.put(&field.out);
        self.fields.error = self.fields.error.or(field.error);
    }
}
