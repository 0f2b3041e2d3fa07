//! Frames: a length, a header and a body, as they travel on a connection.
//!
//! | request | | response | |
//! |---|---|---|---|
//! | length | i32, of what follows | length | i32, of what follows |
//! | API key, API version | i16, i16 | correlation id | i32 |
//! | correlation id | i32 | tagged fields | header version 1 |
//! | client id | i16 and its bytes, or -1 | body | |
//! | tagged fields | header version 2 | | |
//! | body | | | |
//!
//! A frame that cannot be read leaves nothing to answer to: the connection is closed, as Kafka does. Splitting a frame
//! copies nothing. A response is written into a [`Rope`], which keeps records where they are.

mod header;
mod rope;

pub use header::{RequestHeader, encode_request, encode_response, split_request, split_response};
pub use rope::{Rope, RopeEncoder, Segment};

use crate::wire::WireError;

/// How many bytes the length before a frame takes.
pub const LENGTH_BYTES: usize = 4;

/// Why bytes are not a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A length below zero; the peer does not speak Kafka's protocol, or TLS where it should not.
    #[error("the length of a frame is {0}; does the client speak plain Kafka to this listener?")]
    Negative(i32),
    /// A longer frame than is taken here.
    #[error("a frame of {length} bytes is larger than the {max} that are allowed here")]
    TooLarge {
        /// The length that it has.
        length: usize,
        /// The largest that is taken.
        max: usize,
    },
    /// A key that Kafka 4.3 has not, or no longer.
    #[error("there is no API with the key {key} (version {version})")]
    UnknownApi {
        /// The key.
        key: i16,
        /// The version that was asked for.
        version: i16,
    },
    /// A header that is cut off or damaged.
    #[error("the header of a frame is damaged: {0}")]
    Header(#[from] WireError),
}

/// The length of the frame that follows, from the four bytes before it; no frame may be longer than `max`.
pub fn frame_length(prefix: [u8; LENGTH_BYTES], max: usize) -> Result<usize, FrameError> {
    let length = i32::from_be_bytes(prefix);
    match usize::try_from(length) {
        Err(_) => Err(FrameError::Negative(length)),
        Ok(length) if length > max => Err(FrameError::TooLarge { length, max }),
        Ok(length) => Ok(length),
    }
}

#[cfg(test)]
mod tests;
