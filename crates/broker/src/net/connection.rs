//! One connection: frames in, requests handed on in order, answers out in order.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::frame::{FrameError, RequestHeader, RopeEncoder, encode_response, split_request};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Sleep;

use super::frames::{Frame, FrameReader, ReadError};
use super::write::write_frame;
use super::{Answer, Peer, Reply, Service};

/// So many requests of one connection are under way at most; then no more are read. Clients have at most five produce
/// requests in flight, and a consumer one fetch.
pub(crate) const PIPELINE_MAX: usize = 64;

/// A frame that has begun must go on at least this often.
const STALLED_FRAME_LIMIT: Duration = Duration::from_secs(30);

/// A client that takes no byte of its answer for so long is cut off: it holds memory and segments of ours.
const STALLED_WRITE_LIMIT: Duration = Duration::from_secs(120);

/// A request that is under way.
struct Pending {
    header: RequestHeader,
    state: State,
    /// No other request is taken before it is answered.
    holds: bool,
    /// Its share of the memory of all frames.
    _permit: Option<OwnedSemaphorePermit>,
}

enum State {
    Done(Box<Answer>),
    Waiting(Pin<Box<dyn Future<Output = Box<Answer>> + Send>>),
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("the client closed it")]
    Closed,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("it was idle for too long")]
    Idle,
    #[error("the client stopped in the middle of a request")]
    Stalled,
    #[error("{0}")]
    Refused(String),
    #[error("the broker stops")]
    Stopping,
}

/// One connection.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) peer: Peer,
    pub(super) reader: FrameReader,
    pub(super) service: Arc<dyn Service>,
    pub(super) idle_limit: Duration,
}

impl Connection {
    /// Serves the connection to its end.
    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) {
        let end = self.serve(stop).await;
        self.service.disconnected(&self.peer);
        let (client, listener) = (self.peer.address, &self.peer.listener);
        match end {
            End::Closed | End::Io(_) | End::Idle | End::Stopping => {
                tracing::debug!(%client, %listener, reason = %end, "connection closed");
            }
            End::Frame(_) | End::Stalled | End::Refused(_) => {
                tracing::warn!(%client, %listener, reason = %end, "connection closed");
            }
        }
    }

    async fn serve(&mut self, mut stop: watch::Receiver<bool>) -> End {
        let mut pending = VecDeque::new();
        let mut last_progress = Instant::now();
        let timer = tokio::time::sleep(self.idle_limit.min(STALLED_FRAME_LIMIT));
        tokio::pin!(timer);
        loop {
            let is_stopping = *stop.borrow();
            if is_stopping && pending.is_empty() {
                return End::Stopping;
            }
            let is_held = pending.back().is_some_and(|last: &Pending| last.holds);
            let may_read = !is_stopping && !is_held && pending.len() < PIPELINE_MAX;
            let step = tokio::select! {
                biased;
                answer = front(&mut pending), if !pending.is_empty() => {
                    self.answer(&mut pending, answer).await
                }
                frame = self.reader.next(&mut self.stream), if may_read => {
                    self.take(frame, &mut pending).await
                }
                _ = stop.changed() => Ok(()),
                () = &mut timer => {
                    let is_busy = !pending.is_empty();
                    match self.check_progress(last_progress, is_busy, timer.as_mut()) {
                        Ok(()) => continue,
                        Err(end) => Err(end),
                    }
                }
            };
            if let Err(end) = step {
                return end;
            }
            last_progress = Instant::now();
        }
    }

    /// Ends a connection that has made no progress for too long, and sets the timer for the next look.
    fn check_progress(
        &self,
        last_progress: Instant,
        is_busy: bool,
        timer: Pin<&mut Sleep>,
    ) -> Result<(), End> {
        let limit = if self.reader.is_mid_frame() { STALLED_FRAME_LIMIT } else { self.idle_limit };
        let last_progress = last_progress.max(self.reader.last_read());
        let left = limit.saturating_sub(last_progress.elapsed());
        if left.is_zero() && !is_busy {
            return Err(if self.reader.is_mid_frame() { End::Stalled } else { End::Idle });
        }
        let next = if left.is_zero() { limit } else { left };
        timer.reset(tokio::time::Instant::now() + next.min(STALLED_FRAME_LIMIT));
        Ok(())
    }

    /// Hands a request on.
    async fn take(
        &mut self,
        frame: Result<Option<Frame>, ReadError>,
        pending: &mut VecDeque<Pending>,
    ) -> Result<(), End> {
        let Frame { bytes, permit } = match frame {
            Ok(Some(frame)) => frame,
            Ok(None) => return Err(End::Closed),
            Err(ReadError::Io(err)) => return Err(err.into()),
            Err(ReadError::Frame(err)) => return Err(err.into()),
        };
        let (header, body) = split_request(bytes)?;
        let mut holds = false;
        let state = match self.service.call(&self.peer, &header, body) {
            // The usual case: nothing is under way, and the answer is here.
            Reply::Now(answer) if pending.is_empty() => {
                return self.write(&header, *answer).await;
            }
            Reply::Now(answer) => State::Done(answer),
            Reply::Later(work) => State::Waiting(work),
            Reply::Held(work) => {
                holds = true;
                State::Waiting(work)
            }
            Reply::Nothing => return Ok(()),
            Reply::Close(reason) => return Err(End::Refused(reason)),
        };
        pending.push_back(Pending { header, state, holds, _permit: permit });
        Ok(())
    }

    /// Writes the answer to the oldest request.
    async fn answer(
        &mut self,
        pending: &mut VecDeque<Pending>,
        answer: Option<Box<Answer>>,
    ) -> Result<(), End> {
        let Some(request) = pending.pop_front() else { return Ok(()) };
        let answer = match (answer, request.state) {
            (Some(answer), _) | (None, State::Done(answer)) => answer,
            (None, State::Waiting(work)) => work.await,
        };
        self.write(&request.header, *answer).await
    }

    async fn write(&mut self, header: &RequestHeader, answer: Answer) -> Result<(), End> {
        let mut rope = RopeEncoder::new();
        let slices: Vec<_> = answer
            .slices
            .into_iter()
            .map(|(bytes, slice)| {
                rope.share(bytes);
                slice
            })
            .collect();
        let version = answer.version.unwrap_or(header.version);
        encode_response(version, header.correlation_id, &answer.response, &mut rope)
            .map_err(|err| End::Refused(err.to_string()))?;
        let write = write_frame(&self.stream, rope.finish(), &slices);
        match tokio::time::timeout(STALLED_WRITE_LIMIT, write).await {
            Ok(written) => written?,
            Err(_) => return Err(End::Refused("the client takes no answers".to_string())),
        }
        if slices.iter().any(storage::Slice::is_broken) {
            return Err(End::Refused("the disk could not read what was sent".to_string()));
        }
        Ok(())
    }
}

/// Waits until the oldest request can be answered. `None` says that its answer was there before.
async fn front(pending: &mut VecDeque<Pending>) -> Option<Box<Answer>> {
    match pending.front_mut().map(|request| &mut request.state) {
        Some(State::Waiting(work)) => Some(work.as_mut().await),
        _ => None,
    }
}
