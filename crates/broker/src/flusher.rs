//! The threads that put records on stable storage for those who wait for it.
//!
//! A log that is asked for is queued once, however often it is asked; one sync then serves all that wait. Several
//! threads let the logs of several partitions share a journal commit of the file system.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use storage::Log;

/// So many logs are synced side by side.
const THREADS: usize = 4;

/// Syncs logs behind the appends.
#[derive(Debug)]
pub(crate) struct Flusher {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    logs: VecDeque<Arc<Log>>,
    is_stopping: bool,
}

impl Flusher {
    pub(crate) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let threads = (0..THREADS).map(|_| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name("log-flusher".to_string()).spawn(move || shared.run())
        });
        let threads = Mutex::new(threads.collect::<Result<_, _>>()?);
        Ok(Self { shared, threads })
    }

    /// Asks for everything that is in the log now to be flushed.
    pub(crate) fn request(&self, log: &Arc<Log>) {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if !queue.logs.iter().any(|queued| Arc::ptr_eq(queued, log)) {
            queue.logs.push_back(Arc::clone(log));
            self.shared.wake.notify_one();
        }
    }

    /// Ends the threads. What is queued is left to the closing of the logs.
    pub(crate) fn stop(&self) {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).is_stopping = true;
        self.shared.wake.notify_all();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a flusher thread has panicked");
            }
        }
    }
}

impl Shared {
    fn run(&self) {
        while let Some(log) = self.next() {
            if let Err(err) = log.flush() {
                tracing::warn!(log = %log.topic_partition(), %err, "cannot flush a log");
            }
        }
    }

    fn next(&self) -> Option<Arc<Log>> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut queue = self
            .wake
            .wait_while(queue, |queue| queue.logs.is_empty() && !queue.is_stopping)
            .unwrap_or_else(PoisonError::into_inner);
        if queue.is_stopping { None } else { queue.logs.pop_front() }
    }
}
