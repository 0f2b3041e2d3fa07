//! Frames out of a stream of bytes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use protocol::frame::{FrameError, LENGTH_BYTES, frame_length};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::memory::{Loan, Memory, SMALL_FRAME_BYTES};

/// When memory is short, a frame is slow that has been on its way for longer than this...
const SLOW_AFTER: Duration = Duration::from_secs(1);
/// ...and has come with fewer bytes per second.
const SLOW_BYTES_PER_SECOND: f64 = 1e6;

/// A frame may take so many times what has come of it, so that a long one is read by few calls, and one that is only
/// announced takes little.
const TRUST: usize = 16;
/// When so much of a frame has come, it may take all that it says: what has come would be copied at each step else, and be
/// there twice while it is.
const TRUSTED_BYTES: usize = 1 << 20;

/// A frame without its length, and the memory that it takes.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) bytes: Bytes,
    /// Given back when the request has been answered.
    pub(super) loan: Loan,
}

/// Why no more frames come.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("a request came slowly while the memory for requests was short")]
    MemoryIsShort,
}

/// Cuts a stream into frames.
#[derive(Debug)]
pub(super) struct FrameReader {
    buffer: BytesMut,
    memory: Arc<Memory>,
    /// What the frame that is coming has been lent; small ones get theirs when they are whole.
    loan: Loan,
    /// When the first bytes of the frame that is coming were seen.
    since: Option<Instant>,
    is_waiting_for_memory: bool,
    /// Whether the last call has read less than it could: the socket was empty.
    has_emptied_socket: bool,
    frame_bytes_max: usize,
}

impl FrameReader {
    pub(super) fn new(memory: Arc<Memory>, frame_bytes_max: usize) -> Self {
        let loan = memory.loan();
        Self {
            buffer: BytesMut::new(),
            memory,
            loan,
            since: None,
            is_waiting_for_memory: false,
            has_emptied_socket: false,
            frame_bytes_max,
        }
    }

    /// Whether more may be there to read without waiting.
    pub(super) fn may_have_more(&self) -> bool {
        !(self.has_emptied_socket && self.buffer.is_empty())
    }

    /// Until when the frame that is coming has to be whole; `None` if none is coming. The time that it has is
    /// `at_least`, and more if it is long: a second for each `bytes_per_second`.
    pub(super) fn deadline(&self, at_least: Duration, bytes_per_second: u32) -> Option<Instant> {
        let since = self.since.filter(|_| !self.is_waiting_for_memory)?;
        let length = self.length().ok().flatten().unwrap_or_default();
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        Some(since + at_least + Duration::from_secs((length / bytes_per_second).into()))
    }

    /// Nobody has read for a while: the time of the frame that is coming begins anew.
    pub(super) fn excuse(&mut self) {
        self.since = self.since.map(|_| Instant::now());
    }

    /// The next frame; `None` when the client has closed the connection. May be dropped and called again: what has come
    /// is kept.
    pub(super) async fn next(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<Option<Frame>, ReadError> {
        loop {
            let length = self.length()?;
            if let Some(length) = length
                && self.buffer.len() >= LENGTH_BYTES + length
            {
                return Ok(Some(self.take(length).await));
            }
            if !self.buffer.is_empty() {
                self.since.get_or_insert_with(Instant::now);
            }
            let room = match length {
                Some(length) => self.lend(LENGTH_BYTES + length).await,
                None => SMALL_FRAME_BYTES,
            };
            self.buffer.reserve(room);
            let read = self.read(stream, room).await?;
            self.has_emptied_socket = read < room;
            if read == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads what is there, up to `room` bytes: the buffer may have room for more than has been lent, for it grows to twice
    /// its size. A frame that holds memory which others need more ends here, if it comes slowly.
    async fn read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        room: usize,
    ) -> Result<usize, ReadError> {
        let mut buffer = (&mut self.buffer).limit(room);
        if self.loan.bytes() == 0 {
            return Ok(stream.read_buf(&mut buffer).await?);
        }
        loop {
            tokio::select! {
                biased;
                read = stream.read_buf(&mut buffer) => return Ok(read?),
                () = self.memory.pressure() => if is_slow(self.since, buffer.get_ref().len()) {
                    return Err(ReadError::MemoryIsShort);
                }
            }
        }
    }

    /// The length of the frame that is coming, once it is known.
    fn length(&self) -> Result<Option<usize>, FrameError> {
        let prefix = self.buffer.first_chunk::<LENGTH_BYTES>();
        prefix.map(|prefix| frame_length(*prefix, self.frame_bytes_max)).transpose()
    }

    /// Lends the frame memory for the next bytes of its `total`, by what has come so far, and says how much that is.
    async fn lend(&mut self, total: usize) -> usize {
        let come = self.buffer.len();
        let missing = total - come;
        let room = match come {
            ..TRUSTED_BYTES => missing.min((come * TRUST).max(SMALL_FRAME_BYTES)),
            TRUSTED_BYTES.. => missing,
        };
        if total > SMALL_FRAME_BYTES {
            // Still set if this is dropped while it waits, and true: it will be called again.
            self.is_waiting_for_memory = true;
            let asked = Instant::now();
            self.loan.grow(come + room).await;
            self.is_waiting_for_memory = false;
            // The client is not to blame for this.
            self.since = self.since.map(|since| since + asked.elapsed());
        }
        room
    }

    async fn take(&mut self, length: usize) -> Frame {
        let total = LENGTH_BYTES + length;
        let loan = if total <= SMALL_FRAME_BYTES {
            self.memory.small(total).await
        } else {
            self.loan.grow(total).await;
            std::mem::replace(&mut self.loan, self.memory.loan())
        };
        self.since = None;
        self.buffer.advance(LENGTH_BYTES);
        let bytes = self.buffer.split_to(length).freeze();
        Frame { bytes, loan }
    }
}

/// Whether a frame of which so many bytes have come since then is slow.
fn is_slow(since: Option<Instant>, come: usize) -> bool {
    since.is_some_and(|since| {
        let elapsed = since.elapsed();
        elapsed > SLOW_AFTER && (come as f64) < elapsed.as_secs_f64() * SLOW_BYTES_PER_SECOND
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    fn frame(body: &[u8]) -> Vec<u8> {
        let length = i32::try_from(body.len()).unwrap();
        [&length.to_be_bytes()[..], body].concat()
    }

    #[tokio::test]
    async fn frames_come_whole_however_they_are_cut() {
        let memory = Memory::new(1 << 20);
        let bodies = [vec![1; 3], vec![2; 100_000], Vec::new(), vec![3; 70_000]];
        let bytes: Vec<u8> = bodies.iter().flat_map(|body| frame(body)).collect();
        for step in [1, 7, 4096, bytes.len()] {
            let (mut client, mut server) = tokio::io::duplex(64 << 10);
            let mut reader = FrameReader::new(Arc::clone(&memory), 1 << 20);
            let bytes = bytes.clone();
            let send = tokio::spawn(async move {
                for part in bytes.chunks(step) {
                    client.write_all(part).await.unwrap();
                }
            });
            for body in &bodies {
                let frame = reader.next(&mut server).await.unwrap().expect("a frame");
                assert!(frame.bytes == *body, "a frame of {} bytes", body.len());
                assert_eq!(memory.lent_bytes(), frame.loan.bytes() as u64);
                assert_eq!(frame.loan.bytes(), LENGTH_BYTES + body.len());
            }
            assert!(reader.next(&mut server).await.unwrap().is_none());
            send.await.unwrap();
        }
        assert_eq!(memory.lent_bytes(), 0);
    }

    #[tokio::test]
    async fn no_more_of_a_frame_is_read_than_it_has_been_lent() {
        let memory = Memory::new(1 << 20);
        let (mut client, mut server) = tokio::io::duplex(1 << 20);
        let mut reader = FrameReader::new(Arc::clone(&memory), 1 << 20);
        client.write_all(&(1_000_000_i32).to_be_bytes()).await.unwrap();
        let wait = tokio::time::timeout(Duration::from_millis(20), reader.next(&mut server));
        assert!(wait.await.is_err());
        // All other memory is somebody else's.
        let mut other = memory.loan();
        other.grow((1 << 20) / 8 * 7 - 2 * SMALL_FRAME_BYTES).await;
        client.write_all(&vec![0; 900_000]).await.unwrap();
        let wait = tokio::time::timeout(Duration::from_millis(20), reader.next(&mut server));
        assert!(wait.await.is_err());
        assert!(reader.buffer.capacity() > reader.loan.bytes(), "there was room for more");
        assert_eq!(reader.buffer.len(), reader.loan.bytes());
    }

    #[tokio::test]
    async fn frame_that_is_only_announced_takes_no_memory() {
        let memory = Memory::new(1 << 20);
        let (mut client, mut server) = tokio::io::duplex(64 << 10);
        let mut reader = FrameReader::new(Arc::clone(&memory), 1 << 20);
        client.write_all(&(1_000_000_i32).to_be_bytes()).await.unwrap();
        let wait = tokio::time::timeout(Duration::from_millis(20), reader.next(&mut server));
        assert!(wait.await.is_err());
        assert!(memory.lent_bytes() <= 2 * SMALL_FRAME_BYTES as u64, "{}", memory.lent_bytes());
        assert!(reader.buffer.capacity() <= 4 * SMALL_FRAME_BYTES);
        let (short, long) = (Duration::from_secs(1), Duration::from_secs(6));
        let deadline = reader.deadline(short, 200_000).expect("a frame is coming");
        assert_eq!(deadline, reader.since.unwrap() + long);
        reader.excuse();
        assert!(reader.deadline(short, 200_000).unwrap() > deadline);
    }
}
