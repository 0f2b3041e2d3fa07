//! What can go wrong between a client and a cluster, cut by what the caller does about it.

use protocol::ErrorCode;
use protocol::api::{ApiKey, Versions};
use protocol::messages::EncodeError;

/// Why the cluster has not done what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers at an address. Nothing was sent.
    #[error("cannot connect to {address}: {reason}")]
    Connect {
        /// Host and port.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// The connection broke, or the answer did not come in time. The request may have been carried out.
    #[error("the connection to {address} was lost: {reason}")]
    Disconnected {
        /// Host and port.
        address: String,
        /// How it ended.
        reason: String,
    },
    /// What came is not Kafka's protocol, or not an answer to what was asked.
    #[error("{address} does not speak Kafka's protocol as it should: {reason}")]
    Protocol {
        /// Host and port.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The broker has no version of an API that we speak.
    #[error("{address} does not serve {api} in versions {wanted}")]
    Unsupported {
        /// Host and port.
        address: String,
        /// The API.
        api: ApiKey,
        /// The versions that would do.
        wanted: Versions,
    },
    /// The broker has answered with an error.
    #[error("{what}: {code}: {message}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The code.
        code: ErrorCode,
        /// The broker's own words, or what the code means.
        message: String,
    },
    /// A request was filled in wrongly.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl Error {
    /// The error of an answer with a code other than none; one that Kafka 4.3 has not counts as unknown.
    pub fn refused(what: impl Into<String>, code: i16, message: Option<&str>) -> Self {
        let code = ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError);
        let message = message.filter(|message| !message.is_empty());
        Self::Refused {
            what: what.into(),
            code,
            message: message.unwrap_or_else(|| code.message()).to_owned(),
        }
    }

    /// An error if `code` is one; `what` names what was asked for.
    pub fn check(
        code: i16,
        message: Option<&str>,
        what: impl FnOnce() -> String,
    ) -> Result<(), Self> {
        if code == ErrorCode::None.code() {
            return Ok(());
        }
        Err(Self::refused(what(), code, message))
    }

    /// The broker's error code, if that is what it was.
    pub const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// True if the same request may succeed a little later, perhaps at another broker.
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Disconnected { .. } => true,
            Self::Refused { code, .. } => code.is_retriable(),
            Self::Protocol { .. } | Self::Unsupported { .. } | Self::Encode(_) => false,
        }
    }
}
