//! One connection to one broker: requests are pipelined, and answers come back in their order.
//!
//! A task owns the stream and ends with it; the handle may be cloned and used by several callers at once. A peer that
//! answers with another correlation id, with too long a frame or not in time loses the connection, since nothing that it
//! says after that can be trusted.

mod apis;
mod stream;

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use protocol::api::{ApiKey, Versions};
use protocol::frame::{RequestHeader, encode_request};
use protocol::messages::{self, ApiVersionsResponse, Call, Request, StrBytes};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use self::stream::{Outgoing, Waiting};
use crate::{ClientOptions, Error};

/// How many requests may wait for the stream to take them; callers beyond that wait themselves.
const OUTGOING_MAX: usize = 16;

/// A connection on which the versions have been agreed.
#[derive(Clone, Debug)]
pub struct Connection {
    link: Arc<Link>,
    apis: Arc<ApiVersionsResponse>,
}

impl Connection {
    /// Connects to `address`, `host:port`.
    pub async fn open(address: &str, options: &ClientOptions) -> Result<Self, Error> {
        let failed = |reason: String| Error::Connect { address: address.to_owned(), reason };
        let connecting = async {
            let stream =
                TcpStream::connect(address).await.map_err(|err| failed(err.to_string()))?;
            // Requests are written whole: there is nothing to wait for.
            stream.set_nodelay(true).map_err(|err| failed(err.to_string()))?;
            Self::over(stream, address, options).await
        };
        match timeout(options.connect_timeout, connecting).await {
            Ok(result) => result,
            Err(_) => Err(failed(format!("no answer within {:?}", options.connect_timeout))),
        }
    }

    /// Speaks over a stream that is connected already, whatever it is made of; `address` is for error messages.
    pub async fn over<S>(stream: S, address: &str, options: &ClientOptions) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let link = Link::start(stream, address, options);
        let apis = apis::negotiate(&link).await?;
        Ok(Self { link: Arc::new(link), apis: Arc::new(apis) })
    }

    /// Where it leads to.
    pub fn address(&self) -> &str {
        &self.link.address
    }

    /// What the broker has said that it serves, with its features.
    pub fn api_versions(&self) -> &ApiVersionsResponse {
        &self.apis
    }

    /// True once nothing more can be asked over it.
    pub fn is_closed(&self) -> bool {
        self.link.end.get().is_some()
    }

    /// The newest version of `api` that both sides speak, out of `wanted`.
    pub fn version_in(&self, api: ApiKey, wanted: RangeInclusive<i16>) -> Result<i16, Error> {
        let ours = api.versions();
        let wanted =
            Versions { min: ours.min.max(*wanted.start()), max: ours.max.min(*wanted.end()) };
        let theirs = self.apis.api_keys.iter().find(|served| served.api_key == api.key());
        let common = theirs.map(|theirs| Versions {
            min: wanted.min.max(theirs.min_version),
            max: wanted.max.min(theirs.max_version),
        });
        match common {
            Some(common) if !common.is_empty() => Ok(common.max),
            _ => Err(Error::Unsupported { address: self.link.address.clone(), api, wanted }),
        }
    }

    /// Asks in the newest version that both sides speak.
    pub async fn call<R: Call>(&self, request: R) -> Result<R::Response, Error> {
        self.call_in(0..=i16::MAX, request).await
    }

    /// Asks in the newest version that both sides speak out of `versions`, for a request that is filled in for those.
    pub async fn call_in<R: Call>(
        &self,
        versions: RangeInclusive<i16>,
        request: R,
    ) -> Result<R::Response, Error> {
        self.call_for(versions, request, Duration::ZERO).await
    }

    /// The same for a request that allows the broker to take `patience` by itself.
    pub async fn call_for<R: Call>(
        &self,
        versions: RangeInclusive<i16>,
        request: R,
        patience: Duration,
    ) -> Result<R::Response, Error> {
        let version = self.version_in(R::API, versions)?;
        let body = self.link.ask(version, &request.into(), patience).await?;
        let response = self.link.checked(messages::decode_response(R::API, version, body))?;
        Ok(R::response(response).expect("it was decoded as the response of this API"))
    }

    /// Sends a request that is not answered: a produce with acks=0.
    pub async fn send_only<R: Call>(&self, request: R) -> Result<(), Error> {
        let version = self.version_in(R::API, 0..=i16::MAX)?;
        let frame = self.link.frame(self.link.next_id(), version, &request.into())?;
        let (taken, is_taken) = oneshot::channel();
        let outgoing = Outgoing { frame, waiting: None, written: Some(taken) };
        self.link.outgoing.send(outgoing).await.map_err(|_| self.link.end())?;
        is_taken.await.map_err(|_| self.link.end())
    }
}

/// The task that owns a stream, as its users see it.
#[derive(Debug)]
struct Link {
    address: String,
    client_id: StrBytes,
    request_timeout: Duration,
    next_correlation_id: AtomicI32,
    outgoing: mpsc::Sender<Outgoing>,
    /// Why the stream ended, once it has.
    end: Arc<OnceLock<Error>>,
    task: AbortHandle,
}

impl Link {
    fn start<S>(stream: S, address: &str, options: &ClientOptions) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (outgoing, queue) = mpsc::channel(OUTGOING_MAX);
        let end = Arc::new(OnceLock::new());
        let frame_bytes_max = options.frame_bytes_max;
        let task = stream::Task { address: address.to_owned(), frame_bytes_max, queue };
        let task = tokio::spawn(task.run(stream, Arc::clone(&end))).abort_handle();
        Self {
            address: address.to_owned(),
            client_id: crate::wire::text(&options.client_id),
            request_timeout: options.request_timeout,
            next_correlation_id: AtomicI32::new(0),
            outgoing,
            end,
            task,
        }
    }

    fn next_id(&self) -> i32 {
        self.next_correlation_id.fetch_add(1, Ordering::Relaxed)
    }

    fn frame(&self, correlation_id: i32, version: i16, request: &Request) -> Result<Bytes, Error> {
        let client_id = self.client_id.clone();
        let header = RequestHeader { api: request.api(), version, correlation_id, client_id };
        Ok(encode_request(&header, request)?)
    }

    /// The body of the answer.
    async fn ask(
        &self,
        version: i16,
        request: &Request,
        patience: Duration,
    ) -> Result<Bytes, Error> {
        let (api, correlation_id) = (request.api(), self.next_id());
        let frame = self.frame(correlation_id, version, request)?;
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { api, version, correlation_id, answer };
        let asking = async {
            let outgoing = Outgoing { frame, waiting: Some(waiting), written: None };
            self.outgoing.send(outgoing).await.map_err(|_| self.end())?;
            answered.await.map_err(|_| self.end())
        };
        let limit = self.request_timeout + patience;
        match timeout(limit, asking).await {
            Ok(result) => result,
            // The broker hangs: whoever else waits on this stream would wait in vain.
            Err(_) => Err(self.close(Error::Disconnected {
                address: self.address.clone(),
                reason: format!("{api} was not answered within {limit:?}"),
            })),
        }
    }

    /// What could not be decoded ends the connection.
    fn checked<T>(&self, result: Result<T, impl ToString>) -> Result<T, Error> {
        result.map_err(|err| {
            let reason = err.to_string();
            self.close(Error::Protocol { address: self.address.clone(), reason })
        })
    }

    /// Ends the stream for this reason, unless it has ended by itself since.
    fn close(&self, reason: Error) -> Error {
        let _earlier = self.end.set(reason.clone());
        self.task.abort();
        reason
    }

    /// Why the stream has ended.
    fn end(&self) -> Error {
        self.end.get().cloned().unwrap_or_else(|| Error::Disconnected {
            address: self.address.clone(),
            reason: "it was closed".to_owned(),
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
