//! Where the metadata's records are kept: a quorum, which commits them, and of it the smallest, one node with a log on
//! its own disk.
//!
//! [`MetadataLog`] is Kafka's `__cluster_metadata-0` (KIP-595, KIP-630): a decision's records are one batch, or a
//! transaction of batches if they are too large for one (KIP-868); each epoch begins with a leader change; a snapshot
//! stands for the records before it once the log has grown, and then the front of the log goes.
//!
//! Order that must hold: records are tried on a copy of the image, then written, then synced, and only then is the copy
//! the image. So nothing is ever in the log that cannot be applied, or in the image that a crash could take away.

mod batches;
mod error;
mod open;
mod replay;
mod snapshot;

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;
use config::MetadataLogConfig;
use protocol::internal::metadata::MetadataRecord;
use protocol::{BrokerId, LeaderEpoch, Offset, Timestamp};
use storage::Log;
use storage::dir::LogDir;
use storage::disk::Disk;
use storage::log::LeaderAppend;
use storage::producer::Origin;
use storage::validate::{Rules, validate};

pub use error::{Error, Result};
pub use open::OpenOptions;

use crate::image::Image;
use snapshot::{Snapshot, SnapshotId};

/// Who commits changes of the metadata.
pub trait Quorum {
    /// The metadata with every record that is committed.
    fn image(&self) -> &Image;

    /// Commits records as one change, and applies them; returns the offset of the last. After an error the image is as
    /// it was, and whether the records are committed shows at the next start.
    fn propose(&mut self, records: &[MetadataRecord], now: Timestamp) -> Result<Offset>;

    /// The offset that the next record gets: what a broker that registers gets as its epoch.
    fn end_offset(&self) -> Offset;

    /// Who leads the quorum, and in which epoch.
    fn leader(&self) -> (BrokerId, LeaderEpoch);
}

/// A quorum of one.
#[derive(Debug)]
pub struct MetadataLog {
    log: Arc<Log>,
    dir: Arc<LogDir>,
    node_id: BrokerId,
    leader_epoch: LeaderEpoch,
    image: Image,
    config: MetadataLogConfig,
    /// When the last record was appended.
    last_timestamp: Timestamp,
    /// The snapshots there are, the oldest first.
    snapshots: Vec<Snapshot>,
    /// How many bytes the log has grown since the last of them, and since when.
    bytes_since_snapshot: u64,
    since: Timestamp,
    /// Keeps other processes out for as long as it lives.
    _lock: Box<dyn Any + Send + Sync>,
}

impl Quorum for MetadataLog {
    fn image(&self) -> &Image {
        &self.image
    }

    fn propose(&mut self, records: &[MetadataRecord], now: Timestamp) -> Result<Offset> {
        let mut image = self.image.clone();
        for record in records {
            image.apply(record).map_err(Error::Contradiction)?;
        }
        let batches = batches::encode(records, self.leader_epoch, now)?;
        self.append(&batches, now)?;
        self.image = image;
        self.snapshot_if_due(now);
        Ok(self.end_offset() + -1)
    }

    fn end_offset(&self) -> Offset {
        self.log.log_end_offset()
    }

    fn leader(&self) -> (BrokerId, LeaderEpoch) {
        (self.node_id, self.leader_epoch)
    }
}

impl MetadataLog {
    /// Closes the log. Nothing is lost without it: everything that was proposed is on stable storage.
    pub fn close(self) -> Result<()> {
        Ok(self.log.close()?)
    }

    /// Appends batches and syncs them, all or none.
    fn append(&mut self, batches: &[Bytes], now: Timestamp) -> Result<()> {
        let start = self.log.log_end_offset();
        let config = self.log.config();
        let origin = Origin::Coordinator;
        let rules = Rules { config: &config, origin, now };
        let checked = batches.iter().map(|batch| validate(batch, &rules));
        let checked = checked.collect::<std::result::Result<Vec<_>, _>>();
        let checked = checked.map_err(storage::Error::from)?;
        let appends: Vec<_> =
            checked.iter().map(|records| LeaderAppend::new(records, origin)).collect();
        let appended = self.log.append_as_leader(&appends, self.leader_epoch, now);
        if let Err(err) = appended.into_iter().collect::<storage::Result<Vec<_>>>() {
            // What the first batches of a transaction have left would be in the way of the next change.
            self.offline_on_error(self.log.truncate_to(start, now))?;
            return Err(err.into());
        }
        self.offline_on_error(self.log.flush())?;
        self.log.update_high_watermark(self.log.log_end_offset());
        self.last_timestamp = now;
        let bytes = batches.iter().map(|batch| batch.len() as u64).sum::<u64>();
        self.bytes_since_snapshot = self.bytes_since_snapshot.saturating_add(bytes);
        self.dir.run_chores(now.0);
        Ok(())
    }

    /// Passes a result on; after an error nothing is written any more, for the log and the image may differ.
    fn offline_on_error<T>(&self, result: storage::Result<T>) -> Result<T> {
        if let Err(err) = &result {
            self.dir.take_offline(&err.to_string());
        }
        Ok(result?)
    }

    /// Takes a snapshot if the log has grown enough, or for long enough. That it fails is no reason to refuse a change:
    /// the log is longer, and it is tried again after as many bytes.
    fn snapshot_if_due(&mut self, now: Timestamp) {
        let interval_ms = self.config.snapshot_interval_max_ms;
        let waited_ms = u64::try_from(now.0.saturating_sub(self.since.0)).unwrap_or_default();
        let is_due = self.bytes_since_snapshot >= self.config.snapshot_bytes_max
            || interval_ms.is_some_and(|interval_ms| waited_ms >= interval_ms);
        if !is_due || self.bytes_since_snapshot == 0 {
            return;
        }
        (self.bytes_since_snapshot, self.since) = (0, now);
        if let Err(err) = self.take_snapshot(now) {
            tracing::warn!(%err, "cannot take a snapshot of the metadata");
        }
    }

    /// Writes a snapshot of the image, and lets go of what that makes dispensable.
    pub fn take_snapshot(&mut self, now: Timestamp) -> Result<()> {
        let id = SnapshotId { end_offset: self.end_offset(), epoch: self.leader_epoch };
        if self.snapshots.last().is_some_and(|last| last.id == id) {
            return Ok(());
        }
        let bytes = snapshot::encode(&self.image, id, self.last_timestamp)?;
        snapshot::write(self.disk(), &self.log.path(), id, &bytes)?;
        tracing::info!(snapshot = %id, bytes = bytes.len(), "took a snapshot of the metadata");
        self.snapshots.push(Snapshot { id, bytes: bytes.len() as u64, taken: now });
        self.clean(now)
    }

    /// Deletes the snapshots, and the records before them, that are too old or too much (`metadata.max.retention.*`).
    /// The newest two stay, with the log from the older one on, so that a damaged one can be done without.
    fn clean(&mut self, now: Timestamp) -> Result<()> {
        while let [oldest, next, _, ..] = *self.snapshots {
            let bytes = self.snapshots.iter().map(|snapshot| snapshot.bytes).sum::<u64>();
            let bytes = bytes.saturating_add(self.log.size());
            let age_ms = u64::try_from(now.0.saturating_sub(oldest.taken.0)).unwrap_or_default();
            let is_too_much = self.config.retention_bytes_max.is_some_and(|max| bytes > max);
            let is_too_old = self.config.retention_max_ms.is_some_and(|max| age_ms > max);
            if !is_too_much && !is_too_old {
                break;
            }
            snapshot::remove(self.disk(), &self.log.path(), oldest.id)?;
            self.snapshots.remove(0);
            self.log.delete_records_before(next.id.end_offset)?;
            self.log.enforce_retention(now)?;
            self.dir.run_chores(now.0);
        }
        Ok(())
    }

    fn disk(&self) -> &dyn Disk {
        &**self.dir.pool().disk()
    }
}

#[cfg(test)]
mod tests;
