//! A client that behaves: it asks, waits for the answer, and remembers how long that took at worst.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::frames;

/// An answer that takes longer is none.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Connects; the backlog of a listener is short, so that takes more than one attempt when very many do.
pub(crate) fn connect(address: &str) -> TcpStream {
    let attempt = || {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.set_write_timeout(Some(ANSWER_LIMIT))?;
        Ok::<_, std::io::Error>(stream)
    };
    let deadline = Instant::now() + ANSWER_LIMIT;
    loop {
        match attempt() {
            Ok(stream) => return stream,
            Err(err) => assert!(Instant::now() < deadline, "cannot connect: {err}"),
        }
    }
}

/// Sends a frame and returns the answer, without its length.
pub(crate) fn ask(mut stream: &TcpStream, frame: &[u8]) -> Vec<u8> {
    stream.write_all(frame).expect("the broker reads");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("the broker answers");
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).expect("the answer is whole");
    answer
}

/// A client in a thread of its own.
#[derive(Debug)]
pub(crate) struct Client {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Waits>,
}

/// How long a client has waited.
#[derive(Debug)]
pub(crate) struct Waits {
    pub(crate) count: usize,
    pub(crate) worst: Duration,
}

impl Client {
    /// Asks for the versions and writes a record, in turn, until it is stopped.
    pub(crate) fn start(address: &str, topic: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, stream) = (Arc::clone(&stop), connect(address));
        let questions = [frames::api_versions(), frames::produce(topic)];
        let thread = thread::spawn(move || {
            let mut waits = Waits { count: 0, worst: Duration::ZERO };
            while !stopped.load(Ordering::Relaxed) {
                for question in &questions {
                    let start = Instant::now();
                    ask(&stream, question);
                    waits.worst = waits.worst.max(start.elapsed());
                    waits.count += 1;
                }
                thread::sleep(Duration::from_millis(2));
            }
            waits
        });
        Self { stop, thread }
    }

    /// Stops it; it fails if an answer has not come.
    pub(crate) fn stop(self) -> Waits {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("every question was answered")
    }
}
