//! The log of a coordinator's shard, which is a partition of an internal topic: what groups and transactions share of it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use coordinator::Now;
use protocol::Offset;
use protocol::record::{Batch, BatchBuilder, BatchError, Batches};
use storage::log::{LeaderAppend, ReadRequest};
use storage::producer::{Origin, Verified};
use storage::validate::{Rules, validate};
use storage::{Error, Log};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::broker::now as wall_clock;
use crate::errors::Failure;
use crate::partition::Partition;

/// As much of the log is read at a time when a shard is loaded.
const LOAD_BYTES: u32 = 1 << 20;

/// Why a batch was not appended.
#[derive(Debug)]
pub(super) struct AppendError {
    pub(super) failure: Failure,
    /// Whether it may be in the log all the same, in part or whole: the shard has to be loaded anew.
    pub(super) is_doubtful: bool,
}

impl<F: Into<Failure>> From<F> for AppendError {
    fn from(failure: F) -> Self {
        Self { failure: failure.into(), is_doubtful: false }
    }
}

/// Appends a batch, and puts it on stable storage if the topic asks for it.
pub(super) fn append(
    partition: &Partition,
    batch: BatchBuilder,
    verified: Verified,
) -> Result<Offset, AppendError> {
    let now = wall_clock();
    let log = &partition.log;
    let config = log.config();
    let origin = Origin::Coordinator;
    let rules = Rules { config: &config, origin, now };
    let records = validate(&Bytes::from(batch.build()), &rules).map_err(Error::from)?;
    let append = LeaderAppend { verified, ..LeaderAppend::new(&records, origin) };
    let appended = partition.append(&append, config.min_insync_replicas, now);
    let appended = appended.map_err(|err| {
        // A write that the disk failed may have come through.
        let is_doubtful = log.dir().offline_reason().is_some();
        AppendError { failure: err.into(), is_doubtful }
    })?;
    if appended.must_flush {
        let flushed = may_block(|| log.flush_to(appended.last_offset.next()));
        flushed.map_err(|err| AppendError { failure: err.into(), is_doubtful: true })?;
    }
    Ok(appended.first_offset)
}

/// Does something that waits for the disk, while another thread goes on with the connections of this one.
fn may_block<T>(work: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    match flavor {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Reads the whole log, batch by batch.
pub(super) fn replay(
    log: &Log,
    mut replay_batch: impl FnMut(&Batch<'_>) -> Result<(), BatchError>,
) -> Result<(), Error> {
    let corrupt = |err: BatchError| Error::Corrupt { path: log.path(), reason: err.to_string() };
    let mut offset = log.log_start_offset();
    let end = log.log_end_offset();
    while offset < end {
        let request = ReadRequest {
            offset,
            max_bytes: LOAD_BYTES,
            bound: end,
            at_least_one: true,
            may_block: true,
        };
        let fetched = log.read(&request)?;
        let Some(slice) = fetched.records else { break };
        for batch in Batches::new(&slice) {
            let batch = batch.map_err(corrupt)?;
            replay_batch(&batch).map_err(corrupt)?;
            offset = batch.header().next_offset();
        }
    }
    Ok(())
}

/// The time, by both clocks.
pub(super) fn now() -> Now {
    Now { instant: Instant::now(), timestamp: wall_clock() }
}

/// Locks the state of a shard, which is whole between any two statements.
pub(super) fn lock<S>(state: &Mutex<S>) -> MutexGuard<'_, S> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn thread_goes_on_with_others_while_something_waits_for_the_disk() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let (done, disk) = mpsc::channel();
        let result = runtime.unwrap().block_on(async {
            let waiting =
                tokio::spawn(
                    async move { may_block(|| disk.recv_timeout(Duration::from_secs(30))) },
                );
            tokio::spawn(async move { done.send(()) }).await.unwrap().unwrap();
            waiting.await.unwrap()
        });
        assert_eq!(result, Ok(()));
    }
}
