//! Those who send what they should not.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::connect;

/// Sends a frame on a connection of its own and nothing after it, and reads whatever comes until the broker closes.
pub(crate) fn send(address: &str, frame: &[u8]) {
    let mut stream = connect(address);
    // The broker may close it at any point of this.
    let sent = stream.write_all(frame).and_then(|()| stream.shutdown(Shutdown::Write));
    if sent.is_ok() {
        drain(&mut stream);
    }
}

/// Sends a frame and waits for the whole answer, or the end of the connection.
pub(crate) fn send_and_wait(address: &str, frame: &[u8]) {
    let mut stream = connect(address);
    let mut length = [0; 4];
    if stream.write_all(frame).and_then(|()| stream.read_exact(&mut length)).is_ok() {
        drain(&mut stream.take(u32::from_be_bytes(length).into()));
    }
}

/// Reads to the end. That nothing comes for long means that the broker hangs.
fn drain(stream: &mut impl Read) {
    if let Err(err) = std::io::copy(stream, &mut std::io::sink()) {
        assert_ne!(err.kind(), ErrorKind::WouldBlock, "the broker neither answers nor closes");
    }
}

/// A connection on which a frame of `length` bytes was announced and as much of `sent` bytes written as the broker takes.
pub(crate) fn unfinished_frame(address: &str, length: usize, sent: usize) -> TcpStream {
    let mut stream = connect(address);
    let prefix = u32::try_from(length).expect("it is the length of a frame").to_be_bytes();
    stream.write_all(&prefix).expect("the broker takes four bytes");
    // The broker may stop to read when its budget is used up.
    let pause = Some(Duration::from_millis(300));
    stream.set_write_timeout(pause).expect("the socket is open");
    let zeros = vec![0; 1 << 20];
    let mut left = sent;
    while left > 0 {
        match stream.write(zeros.get(..left.min(zeros.len())).expect("it is that long")) {
            Ok(written) => left -= written,
            Err(err) if err.kind() == ErrorKind::WouldBlock => break,
            Err(err) => panic!("the broker has closed it: {err}"),
        }
    }
    stream
}

/// Connections that send a byte of a frame at a time, in turn, for so long.
pub(crate) fn slow_senders(address: &str, count: usize, time: Duration) -> Vec<TcpStream> {
    let mut streams: Vec<_> = (0..count).map(|_| connect(address)).collect();
    let frame = [&1_000_u32.to_be_bytes()[..], &[0; 1_000]].concat();
    let end = Instant::now() + time;
    for byte in frame.chunks(1).cycle() {
        if Instant::now() > end {
            break;
        }
        for stream in &mut streams {
            // The frame is nonsense: the broker may close it as soon as it has come.
            let _closed = stream.write_all(byte);
        }
        thread::sleep(Duration::from_millis(20));
    }
    streams
}
