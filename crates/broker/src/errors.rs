//! What went wrong inside, as the error code that makes a client do the right thing.

use protocol::ErrorCode;
use storage::{Error, RecordRejection};

/// An answer to one partition of a request that could not be served.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: ErrorCode,
    /// For people; empty where the code says it all.
    pub(crate) message: String,
    pub(crate) records: Vec<RecordRejection>,
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self { code, message: String::new(), records: Vec::new() }
    }
}

impl From<Error> for Failure {
    /// Logged where it is worth an operator's eye; what a client did wrong is only told to the client.
    fn from(err: Error) -> Self {
        let message = err.to_string();
        let code = match err {
            Error::Rejected(rejection) => {
                let storage::Rejection { code, message, records } = *rejection;
                return Self { code, message, records };
            }
            Error::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            // Retriable, each: the disk may have room again, the partition another leader, the pages been read.
            Error::NoSpace { .. } | Error::Offline { .. } | Error::WouldBlock => {
                ErrorCode::KafkaStorageError
            }
            Error::Io { .. } | Error::Corrupt { .. } | Error::Unusable { .. } => {
                tracing::error!(%message, "a log cannot be used");
                ErrorCode::KafkaStorageError
            }
        };
        Self { code, message, records: Vec::new() }
    }
}
