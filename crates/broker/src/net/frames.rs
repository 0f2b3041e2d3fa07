//! Frames out of a stream of bytes.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use protocol::frame::{FrameError, LENGTH_BYTES, frame_length};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As much is read at a time while the length of a frame is not known: several small requests in one call.
const READ_AHEAD_BYTES: usize = 8 << 10;

/// The unit in which the memory of frames is counted.
const BUDGET_UNIT_BYTES: usize = 1 << 10;

/// A frame up to this size is small: nearly all are, but for those with records.
const SMALL_FRAME_BYTES_MAX: usize = 64 << 10;

/// This share of the memory is kept for small frames, so that large ones that come slowly hold up only each other.
const SMALL_FRAMES_SHARE: u32 = 4;

/// The memory that the frames of all connections may take.
#[derive(Debug)]
pub(super) struct Budget {
    small: Share,
    large: Share,
}

#[derive(Debug)]
struct Share {
    free: Arc<Semaphore>,
    units: u32,
}

impl Share {
    fn new(units: u32) -> Self {
        Self { free: Arc::new(Semaphore::new(units as usize)), units }
    }
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        // More permits than a semaphore can have are as good as no limit.
        let all = units(bytes.min(Semaphore::MAX_PERMITS));
        let small = all / SMALL_FRAMES_SHARE;
        Self { small: Share::new(small.max(1)), large: Share::new((all - small).max(1)) }
    }

    /// Waits until a frame of this length may hold so many bytes. May be dropped and called again: what it holds is kept.
    async fn grow(
        &self,
        held: &mut Option<OwnedSemaphorePermit>,
        length: usize,
        bytes: usize,
    ) -> std::io::Result<()> {
        let share = if length <= SMALL_FRAME_BYTES_MAX { &self.small } else { &self.large };
        // One frame may be larger than the whole share; then it is alone.
        let wanted = units(bytes).min(share.units);
        let has = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = wanted.saturating_sub(u32::try_from(has).unwrap_or(u32::MAX));
        if missing == 0 {
            return Ok(());
        }
        let more = Arc::clone(&share.free).acquire_many_owned(missing).await;
        let more = more.map_err(|_| std::io::Error::from(std::io::ErrorKind::ConnectionAborted))?;
        match held {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

/// A frame without its length, and its share of the memory that all frames under way may take.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) bytes: Bytes,
    /// Given back when the request has been answered.
    pub(super) permit: Option<OwnedSemaphorePermit>,
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
    budget: Arc<Budget>,
    /// What the frame that is being read has of it.
    held: Option<OwnedSemaphorePermit>,
    frame_bytes_max: usize,
    last_read: Instant,
}

impl FrameReader {
    pub(super) fn new(budget: Arc<Budget>, frame_bytes_max: usize) -> Self {
        let (buffer, held, last_read) = (BytesMut::new(), None, Instant::now());
        Self { buffer, budget, held, frame_bytes_max, last_read }
    }

    /// Whether a part of a frame has come.
    pub(super) fn is_mid_frame(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// When bytes came last.
    pub(super) fn last_read(&self) -> Instant {
        self.last_read
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
            let mut ahead = READ_AHEAD_BYTES;
            if let Some(length) = length {
                let size = LENGTH_BYTES + length;
                if self.buffer.len() >= size {
                    return self.take(length).await.map(Some);
                }
                // Memory is taken when there are bytes to fill it: a client that only announces a large frame takes
                // none. What is read ahead is every connection's own.
                ahead = (size - self.buffer.len()).min(self.buffer.len().max(READ_AHEAD_BYTES));
                let filled = self.buffer.len() + ahead;
                if filled > 2 * READ_AHEAD_BYTES {
                    self.budget.grow(&mut self.held, length, filled).await?;
                }
            }
            self.buffer.reserve(ahead);
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
            self.last_read = Instant::now();
        }
    }

    async fn take(&mut self, length: usize) -> Result<Frame, ReadError> {
        self.budget.grow(&mut self.held, length, length).await?;
        self.buffer.advance(LENGTH_BYTES);
        let bytes = self.buffer.split_to(length).freeze();
        Ok(Frame { bytes, permit: self.held.take() })
    }
}

/// The budget, in units, of so many bytes.
pub(super) fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(BUDGET_UNIT_BYTES)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncWriteExt, DuplexStream};

    use super::*;

    const LARGE: usize = 4 * SMALL_FRAME_BYTES_MAX;

    /// A connection to which `sent` bytes of a frame of `length` have been written.
    async fn connection(budget: &Arc<Budget>, length: usize, sent: usize) -> Connection {
        let (mut client, stream) = tokio::io::duplex(2 * LARGE);
        let prefix = u32::try_from(length).expect("it is small").to_be_bytes();
        client.write_all(&prefix).await.expect("there is room");
        client.write_all(&vec![7; sent]).await.expect("there is room");
        Connection { stream, client, reader: FrameReader::new(Arc::clone(budget), 2 * LARGE) }
    }

    struct Connection {
        stream: DuplexStream,
        client: DuplexStream,
        reader: FrameReader,
    }

    impl Connection {
        /// The next frame, if there is one by now.
        async fn poll(&mut self) -> Option<Frame> {
            let next = self.reader.next(&mut self.stream);
            let next = tokio::time::timeout(Duration::from_millis(50), next).await;
            next.ok().and_then(|frame| frame.expect("nothing is wrong"))
        }
    }

    #[tokio::test]
    async fn frames_that_are_being_read_take_no_more_than_the_budget() {
        // Large frames have three quarters of it: one and a half of them.
        let budget = Arc::new(Budget::new(2 * LARGE));
        let mut frames = Vec::new();
        for _ in 0..8 {
            frames.push(connection(&budget, LARGE, LARGE - 1).await);
        }
        let mut read = 0;
        for frame in &mut frames {
            assert!(frame.poll().await.is_none(), "a byte is missing");
            read += frame.reader.buffer.len();
        }
        assert!(read < 2 * LARGE + 8 * 2 * READ_AHEAD_BYTES, "{read} bytes were read");

        let mut small = connection(&budget, 100, 100).await;
        assert!(small.poll().await.is_some(), "a small frame does not wait for large ones");

        // When the others are gone, one that waited goes on where it was.
        let mut last = frames.pop().expect("there are 8");
        drop(frames);
        last.client.write_all(&[7]).await.expect("there is room");
        let frame = last.poll().await.expect("the frame is whole");
        assert_eq!(frame.bytes.len(), LARGE);
        drop(frame);
        assert_eq!(budget.large.free.available_permits(), budget.large.units as usize);
    }

    #[tokio::test]
    async fn frame_that_is_only_announced_takes_no_memory() {
        let budget = Arc::new(Budget::new(2 * LARGE));
        let mut announced = connection(&budget, LARGE, 10).await;
        assert!(announced.poll().await.is_none());
        assert_eq!(budget.large.free.available_permits(), budget.large.units as usize);
        assert!(announced.reader.buffer.capacity() <= 4 * READ_AHEAD_BYTES);
    }
}
