//! The reading side: a cursor over borrowed bytes.

use super::{STRING_BYTES_MAX, Wire, WireError};
use crate::varint::take_unsigned_varint;

/// Takes values off the front of some bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    version: i16,
    is_flexible: bool,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` as version `version` of a layout that is, in this version, flexible or not.
    pub const fn new(bytes: &'a [u8], version: i16, is_flexible: bool) -> Self {
        Self { rest: bytes, version, is_flexible }
    }

    /// The version of the layout.
    pub const fn version(&self) -> i16 {
        self.version
    }

    /// True if strings and arrays are compact, and tagged fields follow each struct.
    pub const fn is_flexible(&self) -> bool {
        self.is_flexible
    }

    /// What has not been read.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next value.
    pub fn read<T: Wire>(&mut self) -> Result<T, WireError> {
        T::read(self)
    }

    /// The next value if this version has it, which versions from `version` on do; otherwise `default`.
    pub fn read_since<T: Wire>(&mut self, version: i16, default: T) -> Result<T, WireError> {
        if self.version >= version { self.read() } else { Ok(default) }
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let error = WireError::Truncated { needed: count, left: self.rest.len() };
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(error)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn take_array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let error = WireError::Truncated { needed: N, left: self.rest.len() };
        let (taken, rest) = self.rest.split_first_chunk().ok_or(error)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// An unsigned variable-length number.
    pub fn varint(&mut self) -> Result<u32, WireError> {
        Ok(take_unsigned_varint(&mut self.rest)?)
    }

    /// The length of a string; `None` for a null one.
    pub fn string_len(&mut self) -> Result<Option<usize>, WireError> {
        let len = if self.is_flexible {
            self.compact_len()?
        } else {
            fixed_len(i32::from(i16::from_be_bytes(self.take_array()?)))?
        };
        match len {
            Some(len) if len > STRING_BYTES_MAX => Err(WireError::TooLong(len)),
            len => self.bounded(len),
        }
    }

    /// The length of bytes, or how many elements an array has; `None` for a null one.
    ///
    /// There is no element that takes no byte, so the bytes that are left bound both.
    pub fn len(&mut self) -> Result<Option<usize>, WireError> {
        let len = if self.is_flexible {
            self.compact_len()?
        } else {
            fixed_len(i32::from_be_bytes(self.take_array()?))?
        };
        self.bounded(len)
    }

    /// A length plus one as a variable-length number; 0 is null.
    fn compact_len(&mut self) -> Result<Option<usize>, WireError> {
        Ok(self.varint()?.checked_sub(1).map(|len| len as usize))
    }

    fn bounded(&self, len: Option<usize>) -> Result<Option<usize>, WireError> {
        match len {
            Some(needed) if needed > self.rest.len() => {
                Err(WireError::Truncated { needed, left: self.rest.len() })
            }
            len => Ok(len),
        }
    }

    /// The tagged fields at the end of a struct, if the version is flexible: `read_tag` gets each tag with a reader over
    /// the field, and leaves alone what it does not know.
    pub fn read_tags(
        &mut self,
        mut read_tag: impl FnMut(u32, &mut Self) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        if !self.is_flexible {
            return Ok(());
        }
        for _ in 0..self.varint()? {
            let (tag, size) = (self.varint()?, self.varint()?);
            let mut field = Self { rest: self.take(size as usize)?, ..*self };
            read_tag(tag, &mut field)?;
        }
        Ok(())
    }

    /// Passes over the tagged fields at the end of a struct that has none which we know.
    pub fn skip_tags(&mut self) -> Result<(), WireError> {
        self.read_tags(|_, _| Ok(()))
    }

    /// Makes sure that nothing is left.
    pub const fn finish(&self) -> Result<(), WireError> {
        if self.rest.is_empty() { Ok(()) } else { Err(WireError::Trailing(self.rest.len())) }
    }
}

/// A length as a signed number; -1 is null.
fn fixed_len(len: i32) -> Result<Option<usize>, WireError> {
    match usize::try_from(len) {
        Ok(len) => Ok(Some(len)),
        Err(_) if len == -1 => Ok(None),
        Err(_) => Err(WireError::Negative(len)),
    }
}
