//! Frames out of a stream of bytes.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use protocol::frame::{FrameError, LENGTH_BYTES, frame_length};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As much is read at a time while the length of a frame is not known: several small requests in one call.
const READ_AHEAD_BYTES: usize = 8 << 10;

/// The unit in which the memory of frames is counted.
const BUDGET_UNIT_BYTES: usize = 1 << 10;

/// A frame without its length, and its share of the memory that all frames under way may take.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) bytes: Bytes,
    /// Given back when the request has been answered.
    pub(super) permit: OwnedSemaphorePermit,
}

/// Why no more frames come.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Cuts a stream into frames.
#[derive(Debug)]
pub(super) struct FrameReader {
    buffer: BytesMut,
    /// The memory of all connections.
    budget: Arc<Semaphore>,
    budget_units: u32,
    frame_bytes_max: usize,
}

impl FrameReader {
    pub(super) fn new(budget: Arc<Semaphore>, budget_bytes: usize, frame_bytes_max: usize) -> Self {
        Self { buffer: BytesMut::new(), budget, budget_units: units(budget_bytes), frame_bytes_max }
    }

    /// Whether a part of a frame has come.
    pub(super) fn is_mid_frame(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next frame; `None` when the client has closed the connection. May be dropped and called again: what has come
    /// is kept.
    pub(super) async fn next(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<Option<Frame>, ReadError> {
        loop {
            let length = match self.buffer.first_chunk::<LENGTH_BYTES>() {
                Some(prefix) => Some(frame_length(*prefix, self.frame_bytes_max)?),
                None => None,
            };
            if let Some(length) = length {
                if self.buffer.len() >= LENGTH_BYTES + length {
                    return self.take(length).await.map(Some);
                }
                let missing = LENGTH_BYTES + length - self.buffer.len();
                // The memory is taken when the bytes are there to fill it or the frame is small: a client that only
                // announces a large frame takes none.
                self.buffer.reserve(missing.min(self.buffer.len().max(READ_AHEAD_BYTES)));
            } else {
                self.buffer.reserve(READ_AHEAD_BYTES);
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn take(&mut self, length: usize) -> Result<Frame, ReadError> {
        let wanted = units(length).min(self.budget_units);
        let permit = Arc::clone(&self.budget)
            .acquire_many_owned(wanted)
            .await
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::ConnectionAborted))?;
        self.buffer.advance(LENGTH_BYTES);
        let bytes = self.buffer.split_to(length).freeze();
        Ok(Frame { bytes, permit })
    }
}

/// The budget, in units, of so many bytes.
pub(super) fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(BUDGET_UNIT_BYTES)).unwrap_or(u32::MAX).max(1)
}
