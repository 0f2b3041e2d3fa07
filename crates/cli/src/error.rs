//! What a command fails with, and what whoever typed it can do about that.

use std::io;

use protocol::ErrorCode;

/// Why a command has failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The cluster could not be asked, or has refused.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// Standard output cannot be written.
    #[error("standard output cannot be written: {0}")]
    Output(io::Error),
    /// A file, a pipe or the system.
    #[error("{what}: {err}")]
    Io {
        /// What was tried.
        what: String,
        /// How it failed.
        err: io::Error,
    },
    /// Several things were asked for, and these could not be done.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<client::Error>),
    /// The command has no sense as it stands, or its input has not.
    #[error("{0}")]
    Invalid(String),
    /// All was said on standard output.
    #[error("")]
    Said,
}

impl Error {
    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid(what.into())
    }

    /// An error of a file or the system while doing `what`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |err| Self::Io { what, err }
    }

    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(err) if err.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Says it on standard error.
    pub(crate) fn say(&self) {
        let errors = match self {
            Self::Said => return,
            Self::Several(errors) => errors.as_slice(),
            Self::Client(error) => std::slice::from_ref(error),
            other => return eprintln!("ottla: {other}"),
        };
        let mut last = None;
        for error in errors {
            eprintln!("ottla: {error}");
            let advice = advice(error);
            if let Some(advice) = advice.filter(|_| advice != last) {
                eprintln!("       {advice}");
            }
            last = advice;
        }
    }
}

/// What to do about an error.
const fn advice(error: &client::Error) -> Option<&'static str> {
    Some(match error {
        client::Error::Connect { .. } => {
            "is a broker running there? `ottla serve` starts one, and --bootstrap names another"
        }
        client::Error::Disconnected { .. } => {
            "see the broker's log; --timeout gives it longer to answer"
        }
        client::Error::Protocol { .. } => {
            "is this the address of a Kafka listener, and one without TLS?"
        }
        client::Error::Unsupported { .. } => {
            "the broker is too old, or the API is switched off there"
        }
        client::Error::Encode(_) => return None,
        client::Error::Refused { code, .. } => return advice_on(*code),
    })
}

const fn advice_on(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::UnknownTopicOrPartition => {
            "`ottla topic list` shows the topics, `ottla topic create NAME` makes one"
        }
        ErrorCode::TopicAlreadyExists => {
            "--if-not-exists takes that for success; `ottla topic describe` shows what is there"
        }
        ErrorCode::InvalidReplicationFactor => {
            "`ottla cluster` shows the brokers; there cannot be more replicas than those"
        }
        ErrorCode::GroupIdNotFound => "`ottla group list` shows the groups",
        ErrorCode::NonEmptyGroup => "stop its members first; `ottla group describe` shows them",
        ErrorCode::TransactionalIdNotFound => "`ottla txn list` shows the transactional ids",
        ErrorCode::OffsetOutOfRange => {
            "`--offset start` begins with what is there, `ottla topic describe` shows the offsets"
        }
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => {
            "`ottla config set topic NAME max.message.bytes=…` allows larger batches"
        }
        ErrorCode::InvalidConfig => "`ottla config get topic NAME --all` shows the keys",
        ErrorCode::SecurityDisabled => "the cluster has no authorizer",
        _ => return None,
    })
}
