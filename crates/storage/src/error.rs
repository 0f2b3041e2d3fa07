//! What can go wrong with a log, cut by what the caller does next.

use std::io;
use std::path::{Path, PathBuf};

use protocol::{ErrorCode, Offset};

use crate::handles::LazyFile;

/// The result of a storage operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The records are refused and nothing was written: the client gets the code and the message.
    #[error(transparent)]
    Rejected(#[from] Box<Rejection>),
    /// There is no room; the log is as it was, and the same call works again when there is.
    #[error("no room on the disk of {}: free some or extend it", path.display())]
    NoSpace {
        /// Where room is missing.
        path: PathBuf,
    },
    /// The offset asked for is not in the log.
    #[error("offset {requested} is not in the log, which goes from {log_start} to {log_end}")]
    OutOfRange {
        /// The offset asked for.
        requested: Offset,
        /// The first offset there is.
        log_start: Offset,
        /// The offset after the last one.
        log_end: Offset,
    },
    /// The answer needs pages that are not in memory, and the caller said that it cannot wait for the disk.
    #[error("the pages are not in memory, and the reader may not wait for the disk")]
    WouldBlock,
    /// The disk failed; the log directory is offline from here on.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The log directory has been taken offline by an earlier failure.
    #[error("log directory {} is offline since: {reason}", path.display())]
    Offline {
        /// The log directory.
        path: PathBuf,
        /// The failure that took it offline.
        reason: String,
    },
    /// Bytes on disk are not what they must be, and the log cannot mend them by itself.
    #[error("{} is corrupt: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// A directory cannot be used as it is configured: locked by another process, of another cluster, and the like.
    #[error("cannot use log directory {}: {reason}", path.display())]
    Unusable {
        /// The log directory.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
}

impl Error {
    /// Wraps what the system said about `operation` on `path`; a full disk becomes [`Error::NoSpace`], bytes
    /// that are not what they must be [`Error::Corrupt`].
    pub(crate) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path },
            io::ErrorKind::InvalidData => Self::Corrupt { path, reason: source.to_string() },
            _ => Self::Io { operation, path, source },
        }
    }

    /// What the system said about a sync of `path`. It is never a mere want of room: what could not be written may be
    /// gone, and the next sync would not say so.
    pub(crate) fn failed_sync(path: &Path, source: io::Error) -> Self {
        Self::Io { operation: "sync", path: path.to_path_buf(), source }
    }

    pub(crate) fn corrupt(path: &Path, reason: impl ToString) -> Self {
        Self::Corrupt { path: path.to_path_buf(), reason: reason.to_string() }
    }
}

/// Adds to an IO result what was tried on which file.
pub(crate) trait IoContext<T> {
    fn context(self, operation: &'static str, path: &Path) -> Result<T>;
    /// The same for where a file's path is not at hand, and is asked for only if something has gone wrong.
    fn context_of(self, operation: &'static str, file: &LazyFile) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(self, operation: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::io(operation, path, source))
    }

    fn context_of(self, operation: &'static str, file: &LazyFile) -> Result<T> {
        self.map_err(|source| Error::io(operation, &file.path(), source))
    }
}

/// Records that a log refuses, with what the client is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejection {
    /// Kafka's error code.
    pub code: ErrorCode,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// The records at fault, where single ones are (KIP-467).
    pub records: Vec<RecordRejection>,
}

/// One record at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRejection {
    /// Its place in the batch, from 0.
    pub index: i32,
    /// What is wrong with it.
    pub message: String,
}

impl Rejection {
    /// A refusal of a whole batch.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), records: Vec::new() }
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(Box::new(rejection))
    }
}
