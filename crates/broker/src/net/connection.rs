//! One connection: frames in, requests handed on in order, answers out in order.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Buf as _;
use protocol::frame::{
    FrameError, LENGTH_BYTES, RequestHeader, Rope, RopeEncoder, encode_response, split_request,
};
use storage::Slice;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::frames::{Frame, FrameReader, ReadError};
use super::memory::Loan;
use super::write::write_frame;
use super::{Answer, Limits, Peer, Reply, Service};
use crate::metrics::{self, Requests, each_error};

/// So many requests of one connection are under way at most; then no more are read. Clients have at most five produce
/// requests in flight, and a consumer one fetch.
pub(crate) const PIPELINE_MAX: usize = 64;

/// No more requests are read while those of one connection that are under way, and the answers that wait for their turn,
/// take so much: one connection is not to have the memory of all. A single request may be larger.
const IN_FLIGHT_BYTES_MAX: usize = 32 << 20;

/// An answer that is here goes out with those to the requests that have come meanwhile, by one write that wakes the client
/// once; this long after its request it waits for no more of them.
const TOGETHER_MAX: Duration = Duration::from_micros(500);
/// So many bytes of small answers go out together at most: a client that takes none of them is found out no later.
const TOGETHER_BYTES_MAX: usize = 16 << 10;

/// Requests come, and answers are taken, at least this fast, in bytes per second; a slow line is faster.
const RATE_MIN: u32 = 16 << 10;

/// A request that is under way.
struct Pending {
    header: RequestHeader,
    since: Instant,
    state: State,
    /// No other request is taken before it is answered.
    holds: bool,
    loan: Loan,
}

enum State {
    Done(Encoded),
    Waiting(Pin<Box<dyn Future<Output = Box<Answer>> + Send>>),
}

/// An answer as it is written.
struct Encoded {
    rope: Rope,
    slices: Vec<Slice>,
}

impl Encoded {
    /// Adds an answer that is to go out behind this one.
    fn push(&mut self, next: Self) {
        self.rope.append(next.rope, self.slices.len());
        self.slices.extend(next.slices);
    }
}

impl Pending {
    fn is_answered(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    /// Whether its answer is here, and may go out behind those that are gathered.
    fn goes_with(&self, gathered: Option<&Encoded>) -> bool {
        let State::Done(answer) = &self.state else { return false };
        let room = gathered.map(|it| TOGETHER_BYTES_MAX.saturating_sub(it.rope.remaining()));
        room.is_none_or(|room| answer.rope.remaining() <= room)
    }

    /// Whether its answer may wait for others.
    fn may_wait(&self) -> bool {
        self.since.elapsed() < TOGETHER_MAX
    }

    /// What it takes of the connection's share.
    fn bytes(&self) -> usize {
        let answer = match &self.state {
            State::Done(encoded) => encoded.rope.remaining(),
            State::Waiting(_) => 0,
        };
        self.loan.bytes() + answer
    }
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
    #[error("a request came too slowly")]
    SlowRequest,
    #[error("a request came slowly while the memory for requests was short")]
    MemoryIsShort,
    #[error("the client took its answer too slowly")]
    SlowReader,
    #[error("{0}")]
    Refused(String),
    #[error("the broker stops")]
    Stopping,
}

impl End {
    fn kind(&self) -> metrics::End {
        match self {
            Self::Closed | Self::Io(_) => metrics::End::Client,
            Self::Idle => metrics::End::Idle,
            Self::SlowRequest | Self::MemoryIsShort | Self::SlowReader => metrics::End::Slow,
            Self::Frame(_) | Self::Refused(_) => metrics::End::Refused,
            Self::Stopping => metrics::End::Stop,
        }
    }
}

/// One connection.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) peer: Peer,
    pub(super) reader: FrameReader,
    pub(super) service: Arc<dyn Service>,
    pub(super) limits: Limits,
    pub(super) requests: Arc<Requests>,
}

impl Connection {
    /// Serves the connection to its end, and says what that was.
    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) -> metrics::End {
        let end = self.serve(stop).await;
        self.service.disconnected(&self.peer);
        let (client, listener) = (self.peer.address, &self.peer.listener);
        match end {
            End::Closed | End::Io(_) | End::Idle | End::Stopping => {
                tracing::debug!(%client, %listener, reason = %end, "connection closed");
            }
            _ => tracing::warn!(%client, %listener, reason = %end, "connection closed"),
        }
        end.kind()
    }

    async fn serve(&mut self, mut stop: watch::Receiver<bool>) -> End {
        let mut pending = VecDeque::new();
        let mut last_progress = Instant::now();
        let timer = tokio::time::sleep(self.limits.idle.min(self.limits.slow));
        tokio::pin!(timer);
        let mut has_read = true;
        loop {
            let is_stopping = *stop.borrow();
            if is_stopping && pending.is_empty() {
                return End::Stopping;
            }
            let is_held = pending.back().is_some_and(|last: &Pending| last.holds);
            let may_read = !is_stopping && !is_held && has_room(&pending);
            if !(may_read && has_read) {
                self.reader.excuse();
            }
            has_read = may_read;
            let has_answer = pending.front().is_some_and(Pending::is_answered);
            let may_join = self.reader.may_have_more();
            let is_due =
                has_answer && !(may_join && pending.front().is_some_and(Pending::may_wait));
            let step = tokio::select! {
                biased;
                answer = front(&mut pending), if !has_answer && !pending.is_empty() => {
                    self.keep(&mut pending, answer)
                }
                frame = self.reader.next(&mut self.stream), if may_read && !is_due => {
                    match self.take(frame, &mut pending) {
                        // What has been answered is not lost with a connection that ends.
                        Err(end) => self.answer(&mut pending).await.and(Err(end)),
                        taken => taken,
                    }
                }
                () = std::future::ready(()), if has_answer => self.answer(&mut pending).await,
                _ = stop.changed() => Ok(()),
                () = &mut timer => match self.next_look(last_progress, may_read, pending.is_empty()) {
                    Ok(next) => {
                        timer.as_mut().reset(next.into());
                        continue;
                    }
                    Err(end) => Err(end),
                },
            };
            if let Err(end) = step {
                return end;
            }
            last_progress = Instant::now();
        }
    }

    /// Ends a connection on which nothing happens any more, or too slowly; else says when to look again.
    fn next_look(
        &self,
        last_progress: Instant,
        is_reading: bool,
        is_idle: bool,
    ) -> Result<Instant, End> {
        let now = Instant::now();
        // A look in time: whatever begins after it is looked at no later than twice the time that it has.
        let again = now + self.limits.slow;
        let deadline = self.reader.deadline(self.limits.slow, RATE_MIN);
        if let Some(deadline) = deadline.filter(|_| is_reading) {
            return if now >= deadline { Err(End::SlowRequest) } else { Ok(deadline.min(again)) };
        }
        match last_progress.checked_add(self.limits.idle).filter(|_| is_idle) {
            Some(deadline) if now >= deadline => Err(End::Idle),
            Some(deadline) => Ok(deadline.min(again)),
            None => Ok(again),
        }
    }

    /// Hands a request on.
    fn take(
        &mut self,
        frame: Result<Option<Frame>, ReadError>,
        pending: &mut VecDeque<Pending>,
    ) -> Result<(), End> {
        let Frame { bytes, loan } = match frame {
            Ok(Some(frame)) => frame,
            Ok(None) => return Err(End::Closed),
            Err(ReadError::Io(err)) => return Err(err.into()),
            Err(ReadError::Frame(err)) => return Err(err.into()),
            Err(ReadError::MemoryIsShort) => return Err(End::MemoryIsShort),
        };
        let since = Instant::now();
        let frame_bytes = LENGTH_BYTES + bytes.len();
        let (header, body) = split_request(bytes)?;
        let requests = Arc::clone(&self.requests);
        let requests = requests.of(header.api);
        requests.on_request(frame_bytes);
        let mut holds = false;
        let state = match self.service.call(&self.peer, &header, body) {
            Reply::Now(answer) => State::Done(self.encode(&header, *answer)?),
            Reply::Later(work) => State::Waiting(work),
            Reply::Held(work) => {
                holds = true;
                State::Waiting(work)
            }
            Reply::Nothing => {
                requests.on_done(since.elapsed());
                return Ok(());
            }
            Reply::Close(reason) => return Err(End::Refused(reason)),
        };
        pending.push_back(Pending { header, since, state, holds, loan });
        Ok(())
    }

    /// Keeps the answer to the oldest request until it is written.
    fn keep(&self, pending: &mut VecDeque<Pending>, answer: Box<Answer>) -> Result<(), End> {
        if let Some(request) = pending.front_mut() {
            request.state = State::Done(self.encode(&request.header, *answer)?);
        }
        Ok(())
    }

    /// Writes the oldest answer, and with it those behind it that are here and small.
    async fn answer(&mut self, pending: &mut VecDeque<Pending>) -> Result<(), End> {
        let mut answered = Vec::with_capacity(1);
        let mut together: Option<Encoded> = None;
        let mut kept = Ok(());
        while let Some(request) = pending.pop_front_if(|first| first.goes_with(together.as_ref())) {
            let Pending { header, since, state, loan, .. } = request;
            let State::Done(encoded) = state else { continue };
            answered.push((header.api, since, encoded.rope.remaining(), loan));
            match &mut together {
                Some(together) => together.push(encoded),
                None => together = Some(encoded),
            }
            if let Some(answer) = now(pending).await {
                kept = self.keep(pending, answer);
            }
        }
        if let Some(together) = together {
            self.write(together).await?;
        }
        for (api, since, bytes, _loan) in answered {
            let requests = self.requests.of(api);
            requests.on_response(bytes);
            requests.on_done(since.elapsed());
        }
        kept
    }

    fn encode(&self, header: &RequestHeader, answer: Answer) -> Result<Encoded, End> {
        let requests = self.requests.of(header.api);
        each_error(&answer.response, |code| requests.on_error(code));
        let mut rope = RopeEncoder::new();
        let slices = answer.slices.into_iter().map(|(bytes, slice)| {
            rope.share(bytes);
            slice
        });
        let slices: Vec<_> = slices.collect();
        let version = answer.version.unwrap_or(header.version);
        encode_response(version, header.correlation_id, &answer.response, &mut rope)
            .map_err(|err| End::Refused(err.to_string()))?;
        Ok(Encoded { rope: rope.finish(), slices })
    }

    async fn write(&mut self, answers: Encoded) -> Result<(), End> {
        let Encoded { rope, slices } = answers;
        let seconds = u32::try_from(rope.remaining()).unwrap_or(u32::MAX) / RATE_MIN;
        let time = self.limits.slow + Duration::from_secs(seconds.into());
        match tokio::time::timeout(time, write_frame(&self.stream, rope, &slices)).await {
            Ok(written) => written?,
            Err(_) => return Err(End::SlowReader),
        }
        if slices.iter().any(Slice::is_broken) {
            return Err(End::Refused("the disk could not read what was sent".to_string()));
        }
        Ok(())
    }
}

/// Whether one more request may be taken on.
fn has_room(pending: &VecDeque<Pending>) -> bool {
    let bytes: usize = pending.iter().map(Pending::bytes).sum();
    pending.len() < PIPELINE_MAX && bytes < IN_FLIGHT_BYTES_MAX
}

/// The answer to the oldest request, which has none yet.
async fn front(pending: &mut VecDeque<Pending>) -> Box<Answer> {
    match pending.front_mut().map(|request| &mut request.state) {
        Some(State::Waiting(work)) => work.as_mut().await,
        _ => std::future::pending().await,
    }
}

/// The same, if it need not be waited for.
async fn now(pending: &mut VecDeque<Pending>) -> Option<Box<Answer>> {
    tokio::select! {
        biased;
        answer = front(pending) => Some(answer),
        () = std::future::ready(()) => None,
    }
}
