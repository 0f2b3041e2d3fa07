//! The network: listeners, connections, and frames on their way in and out.
//!
//! A connection is one task. It reads a frame, hands the request to the [`Service`] in the order of arrival, and writes
//! the answers in the same order; up to `connection::PIPELINE_MAX` requests of one connection are under way at once,
//! so producers that pipeline wait for one round trip and not for one each. It knows nothing of what is asked.
//!
//! Bounds: connections by `limits`, the memory of requests by `memory`, and by `connection` what one connection has of it,
//! how long a request may take to come and an answer to be taken, and how long a connection may be idle.

pub(crate) mod connection;
mod frames;
mod limits;
mod listener;
mod memory;
mod write;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use protocol::frame::RequestHeader;
use protocol::messages::Response;
use storage::Slice;

pub use limits::{ConnectionCounts, ConnectionLimits};
pub use listener::{Limits, Listener, Shared};
pub use memory::Memory;

/// Who asks, and over which listener.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The client's address.
    pub address: SocketAddr,
    /// The address of ours that it reached.
    pub local: SocketAddr,
    /// The name of the listener.
    pub listener: Arc<str>,
}

/// A response, and the slices of the log in it, which are written without copying them.
#[derive(Debug)]
pub struct Answer {
    /// The response.
    pub response: Response,
    /// Each record field of the response that is a slice of the log.
    pub slices: Vec<(Bytes, Slice)>,
    /// The version to answer in, where it is not that of the request.
    pub version: Option<i16>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { response, slices: Vec::new(), version: None }
    }
}

/// What becomes of a request.
pub enum Reply {
    /// The answer is here.
    Now(Box<Answer>),
    /// The answer comes later; the connection goes on with the next request meanwhile.
    Later(Pin<Box<dyn Future<Output = Box<Answer>> + Send>>),
    /// The same, but the connection takes no other request before: this one has yet to append.
    Held(Pin<Box<dyn Future<Output = Box<Answer>> + Send>>),
    /// The client wants no answer (acks=0).
    Nothing,
    /// The connection has to end, for a reason that is logged.
    Close(String),
}

impl Reply {
    /// An answer that is here.
    pub(crate) fn now(answer: impl Into<Answer>) -> Self {
        Self::Now(Box::new(answer.into()))
    }

    /// An answer that comes later. The work goes on when its turn to be written has come.
    pub(crate) fn later(work: impl Future<Output = Answer> + Send + 'static) -> Self {
        Self::Later(Box::pin(async move { Box::new(work.await) }))
    }

    /// An answer that comes later, before the next request of the connection.
    pub(crate) fn held(work: impl Future<Output = Answer> + Send + 'static) -> Self {
        Self::Held(Box::pin(async move { Box::new(work.await) }))
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Now(_) => "Now",
            Self::Later(_) => "Later",
            Self::Held(_) => "Held",
            Self::Nothing => "Nothing",
            Self::Close(_) => "Close",
        })
    }
}

/// Answers requests. What must happen in the order of arrival happens before `call` returns.
pub trait Service: Send + Sync + 'static {
    /// Takes a request on.
    fn call(&self, peer: &Peer, header: &RequestHeader, body: Bytes) -> Reply;
    /// A peer has gone.
    fn disconnected(&self, peer: &Peer);
}

#[cfg(test)]
mod tests;
