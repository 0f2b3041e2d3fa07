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

use crate::broker::now as wall_clock;
use crate::errors::Failure;
use crate::partition::Partition;

/// As much of the log is read at a time when a shard is loaded.
const LOAD_BYTES: u32 = 1 << 20;

/// Appends a batch, and puts it on stable storage if the topic asks for it.
pub(super) fn append(
    partition: &Partition,
    batch: BatchBuilder,
    verified: Verified,
) -> Result<Offset, Failure> {
    let now = wall_clock();
    let log = &partition.log;
    let config = log.config();
    let origin = Origin::Coordinator;
    let rules = Rules { config: &config, origin, now };
    let records = validate(&Bytes::from(batch.build()), &rules).map_err(Error::from)?;
    let append = LeaderAppend { verified, ..LeaderAppend::new(&records, origin) };
    let appended = partition.append(&append, config.min_insync_replicas, now)?;
    if appended.must_flush {
        log.flush_to(appended.last_offset.next())?;
    }
    Ok(appended.first_offset)
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
