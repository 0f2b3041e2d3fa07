//! What can go wrong with the metadata's log, cut by what the caller does next.

use protocol::Offset;
use protocol::wire::WireError;

use crate::apply::ApplyError;

/// The result of an operation on the metadata's log.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk: full, and the change can be made again when there is room, or failed, and the node has to stop.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The records contradict the metadata: they were decided on another image than this. Nothing was written.
    #[error("a change contradicts the metadata: {0}")]
    Contradiction(ApplyError),
    /// A record that the log cannot hold. Nothing was written.
    #[error("a change cannot be written: {0}")]
    Unwritable(#[from] WireError),
    /// The log holds what this version cannot read or apply. It is left as it is, and the node cannot start.
    #[error("the metadata cannot be read at offset {offset}: {reason}")]
    Unreadable {
        /// Where.
        offset: Offset,
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    pub(super) fn unreadable(offset: Offset, reason: impl ToString) -> Self {
        Self::Unreadable { offset, reason: reason.to_string() }
    }
}
