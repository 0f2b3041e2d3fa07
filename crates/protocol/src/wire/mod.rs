//! Kafka's primitive types, read from bytes that may be hostile and written to a `Vec`.
//!
//! [`Wire`] is implemented once for each primitive, for arrays and nullable values, and by hand for each struct: then a
//! layout is the list of its fields in order. A [`Reader`] or [`Writer`] knows the version and whether it is flexible
//! (KIP-482), so the same list serves both encodings. Every length is compared with the bytes that are left before
//! anything is allocated for it.

mod reader;
mod values;
mod writer;

pub use reader::Reader;
pub use values::{Nullable, Wire};
pub use writer::{Tags, Writer};

pub(crate) use values::wire_fields;

use crate::varint::VarintError;

/// The longest string that Kafka reads or writes, flexible or not.
pub const STRING_BYTES_MAX: usize = i16::MAX as usize;

/// Why bytes are not the values that they should be, or values cannot be written.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end within a value, or a length counts more than there are.
    #[error("{needed} bytes are needed and {left} are left")]
    Truncated {
        /// How many the value takes at least.
        needed: usize,
        /// How many there are.
        left: usize,
    },
    /// A length below zero that does not stand for null either.
    #[error("a length is {0}")]
    Negative(i32),
    /// A null where there must be a value.
    #[error("a value is null that must not be")]
    Null,
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    Utf8,
    /// A damaged variable-length number.
    #[error("a variable-length number is damaged: {0}")]
    Varint(#[from] VarintError),
    /// A string longer than [`STRING_BYTES_MAX`], or bytes or an array beyond 2^31.
    #[error("a string, an array or a field takes {0} bytes or elements, more than Kafka allows")]
    TooLong(usize),
    /// The byte before an optional struct is neither 1 nor -1.
    #[error("the byte before an optional struct is {0}, and only 1 and -1 have a meaning")]
    Presence(i8),
    /// A tagged field of another size than its header says.
    #[error("a tagged field takes {used} bytes, but its header says {declared}")]
    TagSize {
        /// What the header says.
        declared: usize,
        /// What the value takes.
        used: usize,
    },
    /// More elements than a request may have.
    #[error("it has more than {0} elements")]
    TooManyElements(usize),
    /// Bytes behind the last field.
    #[error("{0} bytes are left behind the last field")]
    Trailing(usize),
}

#[cfg(test)]
mod tests;
