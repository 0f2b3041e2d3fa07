//! Load: threads that work until they are told to stop, and what they and the broker have done between two moments.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::brokers::Broker;
use crate::wire::Result;

/// How often is looked whether a run is over.
const TICK: Duration = Duration::from_millis(2);

/// What all threads of a load have done.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    requests: AtomicU64,
    bytes: AtomicU64,
    is_over: AtomicBool,
}

impl Meter {
    /// Another request was answered, with so many bytes of batches in it or in the answer.
    pub(crate) fn add(&self, bytes: u64) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether to stop.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Tells everyone to stop.
    pub(crate) fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// The bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// How long a run is: it ends with the time, or earlier with the bytes, which must not be more than the page cache takes
/// without making the writers wait for the disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Before anything is counted.
    pub(crate) warm: Duration,
    pub(crate) measured: Duration,
    pub(crate) bytes_max: u64,
}

/// What has been done in a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) seconds: f64,
    /// Of the broker.
    pub(crate) cpu_seconds: f64,
    pub(crate) requests: f64,
    pub(crate) bytes: f64,
}

impl Sample {
    fn now(broker: &Broker, meter: &Meter, start: Instant) -> Result<Self> {
        Ok(Self {
            seconds: start.elapsed().as_secs_f64(),
            cpu_seconds: broker.cpu_seconds()?,
            requests: meter.requests.load(Ordering::Relaxed) as f64,
            bytes: meter.bytes() as f64,
        })
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            seconds: self.seconds - earlier.seconds,
            cpu_seconds: self.cpu_seconds - earlier.cpu_seconds,
            requests: self.requests - earlier.requests,
            bytes: self.bytes - earlier.bytes,
        }
    }

    pub(crate) fn mb_per_second(&self) -> f64 {
        self.bytes / 1e6 / self.seconds
    }

    pub(crate) fn cpu_per_gb(&self) -> f64 {
        self.cpu_seconds / (self.bytes / 1e9)
    }

    pub(crate) fn requests_per_second(&self) -> f64 {
        self.requests / self.seconds
    }

    pub(crate) fn cpu_micros_per_request(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.requests
    }
}

/// A thread of a load.
pub(crate) type Worker<'a> = Box<dyn FnOnce() -> Result<()> + Send + 'a>;

/// Runs the workers for as long as `watch` takes. The first error of any of them is the result.
pub(crate) fn under_load<T>(
    meters: &[&Meter],
    workers: Vec<Worker<'_>>,
    watch: impl FnOnce() -> Result<T>,
) -> Result<T> {
    thread::scope(|scope| {
        let workers: Vec<_> = workers
            .into_iter()
            .map(|worker| {
                scope.spawn(move || {
                    let result = worker();
                    if result.is_err() {
                        meters.iter().for_each(|meter| meter.stop());
                    }
                    result
                })
            })
            .collect();
        let seen = watch();
        meters.iter().for_each(|meter| meter.stop());
        for worker in workers {
            worker.join().map_err(|_| "a thread of the load panicked")??;
        }
        seen
    })
}

/// Watches a load that runs: lets it warm up, and counts what it does after that.
pub(crate) fn watch(broker: &Broker, meter: &Meter, window: Window) -> Result<Sample> {
    let start = Instant::now();
    let warm_bytes = window.bytes_max / 4;
    while start.elapsed() < window.warm && meter.bytes() < warm_bytes && !meter.is_over() {
        thread::sleep(TICK);
    }
    let before = Sample::now(broker, meter, start)?;
    let end = Duration::from_secs_f64(before.seconds) + window.measured;
    let bytes_end = meter.bytes().saturating_add(window.bytes_max);
    while start.elapsed() < end && meter.bytes() < bytes_end && !meter.is_over() {
        thread::sleep(TICK);
    }
    Ok(Sample::now(broker, meter, start)?.since(before))
}
