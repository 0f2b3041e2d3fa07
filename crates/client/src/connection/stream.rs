//! The task behind a connection: writes requests as they come, and pairs answers with them in their order.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::{Buf as _, Bytes, BytesMut};
use protocol::api::ApiKey;
use protocol::frame::{FrameError, LENGTH_BYTES, frame_length, split_response};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};

use crate::Error;

/// As much room is made at a time, or as much again as has come: what a length only announces costs nothing.
const READ_AHEAD_BYTES: usize = 64 << 10;

/// A request on its way to the stream.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) frame: Bytes,
    /// Who waits for the answer; none if there will be none.
    pub(super) waiting: Option<Waiting>,
    /// Hears of it when the stream has taken all of it.
    pub(super) written: Option<oneshot::Sender<()>>,
}

/// A request that was sent, and who waits for its answer.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) api: ApiKey,
    pub(super) version: i16,
    pub(super) correlation_id: i32,
    pub(super) answer: oneshot::Sender<Bytes>,
}

/// The requests that were sent and not answered yet, in their order. Each has a caller that waits.
type Unanswered = Mutex<VecDeque<Waiting>>;

/// Why the stream ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the broker closed it")]
    Closed,
    #[error("nobody uses it any longer")]
    Unused,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("it answers request {got} where the answer to {expected} is due")]
    Correlation { expected: i32, got: i32 },
    #[error("it answers what was not asked")]
    Unasked,
}

/// What the task is made of.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) address: String,
    pub(super) frame_bytes_max: usize,
    pub(super) queue: mpsc::Receiver<Outgoing>,
}

impl Task {
    /// Runs until the stream or its users are gone. `end` is set before anybody who waits hears of it.
    pub(super) async fn run<S>(mut self, stream: S, end: Arc<OnceLock<Error>>)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let unanswered = Unanswered::default();
        let (mut reader, mut writer) = tokio::io::split(stream);
        let reason = tokio::select! {
            reason = write_requests(&mut writer, &mut self.queue, &unanswered) => reason,
            reason = read_answers(&mut reader, self.frame_bytes_max, &unanswered) => reason,
        };
        let address = self.address.clone();
        let is_lost = matches!(reason, End::Io(_) | End::Closed | End::Unused);
        let reason = reason.to_string();
        let _earlier = end.set(if is_lost {
            Error::Disconnected { address, reason }
        } else {
            Error::Protocol { address, reason }
        });
    }
}

async fn write_requests(
    writer: &mut (impl AsyncWrite + Unpin),
    queue: &mut mpsc::Receiver<Outgoing>,
    unanswered: &Unanswered,
) -> End {
    while let Some(outgoing) = queue.recv().await {
        // IMPORTANT: before the bytes, for the answer may be faster than we are.
        if let Some(waiting) = outgoing.waiting {
            lock(unanswered).push_back(waiting);
        }
        if let Err(err) = writer.write_all(&outgoing.frame).await {
            return err.into();
        }
        if let Some(written) = outgoing.written {
            // Who gave up waiting does not mind.
            let _heard = written.send(());
        }
    }
    End::Unused
}

async fn read_answers(
    reader: &mut (impl AsyncRead + Unpin),
    frame_bytes_max: usize,
    unanswered: &Unanswered,
) -> End {
    let mut buffer = BytesMut::new();
    loop {
        let paired = match next_frame(reader, &mut buffer, frame_bytes_max).await {
            Ok(frame) => pair(frame, unanswered),
            Err(end) => Err(end),
        };
        if let Err(end) = paired {
            return end;
        }
    }
}

/// Hands an answer to whom it is for.
fn pair(frame: Bytes, unanswered: &Unanswered) -> Result<(), End> {
    let waiting = lock(unanswered).pop_front().ok_or(End::Unasked)?;
    let (got, body) = split_response(waiting.api, waiting.version, frame)?;
    if got != waiting.correlation_id {
        return Err(End::Correlation { expected: waiting.correlation_id, got });
    }
    // Who gave up waiting does not mind.
    let _heard = waiting.answer.send(body);
    Ok(())
}

async fn next_frame(
    reader: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    frame_bytes_max: usize,
) -> Result<Bytes, End> {
    loop {
        let mut missing = READ_AHEAD_BYTES;
        if let Some(prefix) = buffer.first_chunk::<LENGTH_BYTES>() {
            let length = frame_length(*prefix, frame_bytes_max)?;
            if buffer.len() >= LENGTH_BYTES + length {
                buffer.advance(LENGTH_BYTES);
                return Ok(buffer.split_to(length).freeze());
            }
            missing = LENGTH_BYTES + length - buffer.len();
        }
        buffer.reserve(missing.min(buffer.len().max(READ_AHEAD_BYTES)));
        if reader.read_buf(buffer).await? == 0 {
            return Err(End::Closed);
        }
    }
}

fn lock(unanswered: &Unanswered) -> std::sync::MutexGuard<'_, VecDeque<Waiting>> {
    // No code that can panic runs under the lock.
    unanswered.lock().unwrap_or_else(PoisonError::into_inner)
}
