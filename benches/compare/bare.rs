//! The machine without a broker: a sink that takes frames, checks their CRC-32C and writes them to the disk, and a source
//! that sends a file that is in memory. Each runs in a process of its own, as the brokers do.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use bytes::Bytes;
use protocol::frame::{RopeEncoder, encode_response, split_request};
use protocol::messages::ApiKey;
use protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use protocol::messages::{ProduceResponse, Response};
use rustix::fs::FallocateFlags;

use crate::wire::{Result, length_prefix};

/// The argument that makes this program the bare machine.
pub(crate) const ARGUMENT: &str = "--bare";
/// A file of the sink; it begins anew when it is full.
const FILE_BYTES: u64 = 256 << 20;
/// Room in it is set aside ahead of what is written, as much at a time.
const RESERVED_BYTES: u64 = 16 << 20;
/// What the source sends at a time: what a fetch of the load has, six partitions of 1 MiB each.
const ANSWER_BYTES: usize = 6 << 20;

/// The process.
#[derive(Debug)]
pub(crate) struct BareProcess {
    child: Child,
    address: String,
}

impl BareProcess {
    /// Starts this program again, as the sink and the source.
    pub(crate) fn start(data: &Path) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([ARGUMENT.as_ref(), data.as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("stdout is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().to_owned() })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for BareProcess {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Serves until whoever started it has gone.
pub(crate) fn serve(data: PathBuf) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let path = data.join(number.to_string());
            thread::spawn(move || {
                // The client is gone: that is how each run ends.
                let _ended = serve_one(stream, &path);
                let _gone = fs::remove_file(&path);
            });
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// One connection, with a file of its own.
struct Bare {
    stream: TcpStream,
    file: File,
    /// The answer to a produce request, which is always the same.
    acknowledgement: Vec<u8>,
    written: u64,
    reserved: u64,
    /// So that nobody leaves the checksums out.
    sum: u32,
}

fn serve_one(stream: TcpStream, path: &Path) -> Result<()> {
    stream.set_nodelay(true)?;
    let file = File::options().create(true).truncate(true).read(true).write(true).open(path)?;
    let (acknowledgement, written, reserved, sum) = (Vec::new(), 0, 0, 0);
    let mut bare = Bare { stream, file, acknowledgement, written, reserved, sum };
    let mut frame = Vec::new();
    loop {
        let mut length = [0; 4];
        bare.stream.read_exact(&mut length)?;
        frame.resize(usize::try_from(u32::from_be_bytes(length))?, 0);
        bare.stream.read_exact(&mut frame)?;
        match frame.first_chunk().map(|key| ApiKey::from_key(i16::from_be_bytes(*key))) {
            Some(Some(ApiKey::Fetch)) => bare.send()?,
            _ => bare.write(&frame)?,
        }
    }
}

impl Bare {
    fn write(&mut self, frame: &[u8]) -> Result<()> {
        if self.acknowledgement.is_empty() {
            self.acknowledgement = acknowledgement(Bytes::copy_from_slice(frame))?;
        }
        self.sum ^= crc32c::crc32c(frame);
        let len = u64::try_from(frame.len())?;
        if self.written + len > FILE_BYTES {
            self.file.set_len(0)?;
            (self.written, self.reserved) = (0, 0);
        }
        if self.written + len > self.reserved {
            let more = RESERVED_BYTES.max(len);
            rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, self.reserved, more)?;
            self.reserved += more;
        }
        self.file.write_all_at(frame, self.written)?;
        self.written += len;
        std::hint::black_box(self.sum);
        Ok(self.stream.write_all(&self.acknowledgement)?)
    }

    fn send(&mut self) -> Result<()> {
        if self.written == 0 {
            self.file.write_all_at(&vec![b'v'; ANSWER_BYTES], 0)?;
            self.written = u64::try_from(ANSWER_BYTES)?;
        }
        self.stream.write_all(&length_prefix(ANSWER_BYTES)?)?;
        let mut offset = 0;
        while usize::try_from(offset)? < ANSWER_BYTES {
            let left = ANSWER_BYTES - usize::try_from(offset)?;
            rustix::fs::sendfile(&self.stream, &self.file, Some(&mut offset), left)?;
        }
        Ok(())
    }
}

/// An answer that says yes to a produce request.
fn acknowledgement(frame: Bytes) -> Result<Vec<u8>> {
    let (header, _) = split_request(frame)?;
    let partition = PartitionProduceResponse::default();
    let topic = TopicProduceResponse::default().with_partition_responses(vec![partition]);
    let response = ProduceResponse::default().with_responses(vec![topic]);
    let mut rope = RopeEncoder::new();
    encode_response(
        header.version,
        header.correlation_id,
        &Response::Produce(response),
        &mut rope,
    )?;
    let rope = rope.finish();
    let owned = rope.segments().map(|segment| match segment {
        protocol::frame::Segment::Owned(bytes) => bytes.as_ref(),
        protocol::frame::Segment::Shared { bytes, .. } => bytes.as_ref(),
    });
    Ok(owned.collect::<Vec<_>>().concat())
}
