//! Responses on their way out: headers by vectored writes, large slices of the log by sendfile.

use std::io::{self, IoSlice};

use bytes::Buf;
use protocol::frame::{Rope, Segment};
use storage::Slice;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// From this size on a slice goes by sendfile, which does not touch its pages; below, one vectored write with the
/// header is cheaper than two calls.
const SENDFILE_BYTES_MIN: usize = 64 << 10;

/// One call sends no more than this: larger ones gain nothing, and hold the worker up.
const SENDFILE_BYTES_MAX: usize = 256 << 10;

/// As many pieces go into one vectored write.
const PIECES_MAX: usize = 64;

/// Writes a whole frame. `slices` are those that the rope's shared segments name by their index.
pub(super) async fn write_frame(
    stream: &TcpStream,
    mut rope: Rope,
    slices: &[Slice],
) -> io::Result<()> {
    while rope.has_remaining() {
        let written = match file_part(&rope, slices) {
            Some((slice, offset, count)) => send_file(stream, slice, offset, count).await?,
            None => write_pieces(stream, &rope, slices).await?,
        };
        if written == 0 {
            // A file that was to be sent has become shorter: the rest of the frame does not exist.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        rope.advance(written);
    }
    Ok(())
}

/// The front of the rope as a part of a file, if it is one and worth a call of its own.
fn file_part<'a>(rope: &Rope, slices: &'a [Slice]) -> Option<(&'a Slice, u64, usize)> {
    let Some(Segment::Shared { bytes, index, offset }) = rope.front() else { return None };
    let slice = slices.get(*index)?;
    let (_, start) = slice.descriptor()?;
    (bytes.len() >= SENDFILE_BYTES_MIN || *offset > 0)
        .then(|| (slice, u64::from(start) + *offset as u64, bytes.len().min(SENDFILE_BYTES_MAX)))
}

async fn send_file(
    stream: &TcpStream,
    slice: &Slice,
    start: u64,
    count: usize,
) -> io::Result<usize> {
    let send = || {
        let (file, _) = slice.descriptor().ok_or(io::ErrorKind::Unsupported)?;
        let mut offset = start;
        Ok(rustix::fs::sendfile(stream, file, Some(&mut offset), count)?)
    };
    stream.async_io(Interest::WRITABLE, send).await
}

/// Writes the pieces up to the next that goes by sendfile.
async fn write_pieces(stream: &TcpStream, rope: &Rope, slices: &[Slice]) -> io::Result<usize> {
    let is_file = |segment: &Segment| match segment {
        Segment::Owned(_) => false,
        Segment::Shared { bytes, index, .. } => {
            bytes.len() >= SENDFILE_BYTES_MIN
                && slices.get(*index).is_some_and(|slice| slice.descriptor().is_some())
        }
    };
    let pieces: Vec<_> = rope
        .segments()
        .take(PIECES_MAX)
        .enumerate()
        .take_while(|(idx, segment)| *idx == 0 || !is_file(segment))
        .map(|(_, segment)| match segment {
            Segment::Owned(bytes) | Segment::Shared { bytes, .. } => IoSlice::new(bytes),
        })
        .collect();
    loop {
        stream.writable().await?;
        match stream.try_write_vectored(&pieces) {
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
    }
}
