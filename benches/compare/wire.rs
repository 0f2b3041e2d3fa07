//! A blocking connection, made to cost little: frames that are sent again and again go by sendfile out of memory, and
//! records that come back are thrown away by the kernel, so that the broker and not the client is the limit.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::Duration;

use bytes::Bytes;
use protocol::frame::{LENGTH_BYTES, RequestHeader, encode_request, split_response};
use protocol::messages::{Call, Request, StrBytes, decode_response};
use rustix::fs::MemfdFlags;
use rustix::net::RecvFlags;

/// Why something could not be measured.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
/// What may fail.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// A broker that is silent for so long hangs.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// As much is read at once where it is not known how much is wanted: a whole answer to a produce request, and little of
/// the records in an answer to a fetch.
const READ_AHEAD_BYTES: usize = 1 << 10;
/// As much is thrown away at once.
const DISCARD_BYTES_MAX: usize = 1 << 20;

/// A request that never changes.
#[derive(Debug)]
pub(crate) struct Frame {
    memory: OwnedFd,
    len: usize,
}

impl Frame {
    /// Puts the bytes of a whole frame where sendfile can take them from.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self> {
        let memory = rustix::fs::memfd_create("frame", MemfdFlags::CLOEXEC)?;
        let mut file = File::from(memory);
        file.write_all(bytes)?;
        Ok(Self { memory: file.into(), len: bytes.len() })
    }
}

/// A connection to a broker.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    buffer: Box<[u8]>,
    /// What of the buffer has been read and not taken.
    start: usize,
    end: usize,
    /// Where the kernel is told to put what it throws away.
    nowhere: Box<[u8]>,
}

impl Link {
    /// Connects to `host:port`.
    pub(crate) fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        Ok(Self::over(stream))
    }

    fn over(stream: TcpStream) -> Self {
        let buffer = vec![0; READ_AHEAD_BYTES].into();
        Self { stream, buffer, start: 0, end: 0, nowhere: Box::default() }
    }

    /// The same connection, for a thread that only sends.
    pub(crate) fn sender(&self) -> Result<Self> {
        Ok(Self::over(self.stream.try_clone()?))
    }

    /// Sends a frame that never changes.
    pub(crate) fn send_again(&self, frame: &Frame) -> Result<()> {
        let mut offset = 0_u64;
        while usize::try_from(offset)? < frame.len {
            let left = frame.len - usize::try_from(offset)?;
            rustix::fs::sendfile(&self.stream, &frame.memory, Some(&mut offset), left)?;
        }
        Ok(())
    }

    /// Sends a frame.
    pub(crate) fn send(&mut self, frame: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(frame)?)
    }

    /// Asks, and waits for the answer.
    pub(crate) fn call<R: Call>(&mut self, version: i16, request: R) -> Result<R::Response> {
        self.send(&encode(version, &request.into())?)?;
        self.answer::<R>(version)
    }

    /// The answer to a request that was sent.
    pub(crate) fn answer<R: Call>(&mut self, version: i16) -> Result<R::Response> {
        let (_, body) = split_response(R::API, version, self.receive()?)?;
        let response = decode_response(R::API, version, body)?;
        Ok(R::response(response).ok_or("the answer of another API")?)
    }

    /// A whole frame, without its length.
    pub(crate) fn receive(&mut self) -> Result<Bytes> {
        let mut frame = vec![0; self.frame_len()?];
        let buffered = frame.len().min(self.end - self.start);
        let (front, rest) = frame.split_at_mut(buffered);
        front.copy_from_slice(self.peek(buffered)?);
        self.start += buffered;
        self.stream.read_exact(rest)?;
        Ok(frame.into())
    }

    /// The length of the next frame, whose bytes are then to be taken or thrown away.
    pub(crate) fn frame_len(&mut self) -> Result<usize> {
        Ok(usize::try_from(i32::from_be_bytes(self.take()?))?)
    }

    /// The next bytes.
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        while self.end - self.start < N {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            let free = self.buffer.get_mut(self.end..).ok_or("the buffer is too small")?;
            self.end += match self.stream.read(free)? {
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                count => count,
            };
        }
        let bytes = self.peek(N)?.first_chunk().copied().ok_or("the buffer is too small")?;
        self.start += N;
        Ok(bytes)
    }

    /// Throws the next bytes away.
    pub(crate) fn discard(&mut self, count: usize) -> Result<()> {
        let buffered = count.min(self.end - self.start);
        self.start += buffered;
        let mut left = count - buffered;
        if left > 0 && self.nowhere.is_empty() {
            self.nowhere = vec![0; DISCARD_BYTES_MAX].into();
        }
        while left > 0 {
            let most = left.min(DISCARD_BYTES_MAX);
            let nowhere = self.nowhere.get_mut(..most).ok_or("it has that size")?;
            // A wait for all of it, so that a small piece does not cost a call of its own.
            let flags = RecvFlags::TRUNC | RecvFlags::WAITALL;
            left -= match rustix::net::recv(&self.stream, nowhere, flags)?.0 {
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                count => count,
            };
        }
        Ok(())
    }

    fn peek(&self, count: usize) -> Result<&[u8]> {
        Ok(self.buffer.get(self.start..self.start + count).ok_or("it is not there")?)
    }
}

/// A request as a whole frame.
pub(crate) fn encode(version: i16, request: &Request) -> Result<Bytes> {
    let client_id = StrBytes::from_static_str("compare");
    let header = RequestHeader { api: request.api(), version, correlation_id: 0, client_id };
    Ok(encode_request(&header, request)?)
}

/// The bytes of a frame that say how long it is.
pub(crate) fn length_prefix(len: usize) -> Result<[u8; LENGTH_BYTES]> {
    Ok(i32::try_from(len)?.to_be_bytes())
}

/// An error unless the code is 0.
pub(crate) fn check(what: &str, code: i16) -> Result<()> {
    if code == 0 { Ok(()) } else { Err(format!("{what} failed with error {code}").into()) }
}
