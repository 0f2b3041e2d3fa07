//! The producers' state from what is on disk: a snapshot, and the batches behind it.

use std::io;
use std::sync::Arc;

use protocol::record::Batch;
use protocol::{Offset, Timestamp};

use super::Log;
use super::flush::snapshot_name;
use crate::error::{Error, IoContext, Result};
use crate::files;
use crate::index::txn::AbortedTxn;
use crate::producer::{Marker, Origin, Producers, Staged, snapshot};
use crate::scan::{SCAN_BYTES, Scan, ScanError};
use crate::segment::Segment;
use crate::validate::marker_of;

impl Log {
    /// The producers at `end_offset`: from the newest snapshot that is not past it, and the batches since.
    pub(super) fn load_producers(
        &self,
        segments: &[Arc<Segment>],
        end_offset: Offset,
        now: Timestamp,
    ) -> Result<Producers> {
        let first = segments.first().map_or(Offset::ZERO, |segment| segment.base_offset());
        let log_start = self.log_start_offset().max(first);
        let mut producers = self.newest_snapshot(log_start, end_offset, now)?;
        for segment in segments.iter().skip(Self::segment_idx(segments, producers.end_offset())) {
            if segment.base_offset() >= end_offset {
                break;
            }
            replay_segment(segment, &mut producers, end_offset)?;
        }
        producers.advance_to(end_offset);
        Ok(producers)
    }

    fn newest_snapshot(
        &self,
        log_start: Offset,
        end_offset: Offset,
        now: Timestamp,
    ) -> Result<Producers> {
        let mut offsets = self.snapshot_offsets()?;
        offsets.retain(|offset| (log_start..=end_offset).contains(offset));
        while let Some(offset) = offsets.pop() {
            let path = self.path().join(snapshot_name(offset));
            match files::read(self.dir.load().disk(), &path, snapshot::decode) {
                Ok(Some(entries)) => {
                    return Ok(Producers::from_snapshot(offset, &entries, now, i64::MAX));
                }
                Ok(None) => {}
                Err(err) if err.kind() == io::ErrorKind::InvalidData => {
                    tracing::warn!(%err, "deleting a damaged producer snapshot");
                    self.dir.load().disk().remove_file(&path).context("delete", &path)?;
                }
                Err(err) => return Err(Error::io("read", &path, err)),
            }
        }
        Ok(Producers::empty(log_start))
    }
}

/// Takes a batch that is in the log into the producers' state.
pub(super) fn replay(producers: &mut Producers, batch: &Batch<'_>) -> Vec<AbortedTxn> {
    let header = batch.header();
    let mut staged = Staged::default();
    let marker = marker_of(batch).ok().flatten();
    let marker = marker.map(|(control, value)| Marker { control, value, transaction_version: 0 });
    // What is in the log has passed the checks; those of a replica refuse nothing.
    let _accepted = producers.check(&mut staged, header, marker.as_ref(), Origin::Replication);
    producers.commit(staged, header.next_offset())
}

/// Takes the batches of a segment from the producers' end offset up to `end_offset` into their state.
fn replay_segment(segment: &Segment, producers: &mut Producers, end_offset: Offset) -> Result<()> {
    let from = producers.end_offset();
    let view = segment.view()?;
    let position = segment.position_before(&view, from)?;
    let open = segment.open()?;
    let mut scan = Scan::new(open.file(), position, view.size(), SCAN_BYTES);
    let mut next_offset = segment.base_offset();
    loop {
        match scan.next() {
            Ok(Some((_, batch))) => {
                let base_offset = batch.header().base_offset;
                // What recovery has yet to check may be of any offset.
                if base_offset < next_offset || base_offset >= end_offset {
                    return Ok(());
                }
                next_offset = batch.header().next_offset();
                if next_offset > from {
                    replay(producers, &batch);
                }
            }
            Ok(None) => return Ok(()),
            Err(ScanError::Io(source)) => return Err(Error::io("read", open.path(), source)),
            Err(err @ ScanError::Torn { .. }) => {
                // As in recovery, what can be read behind the damage still counts.
                let path = open.path().display();
                tracing::error!(%path, %err, "the producers' batches cannot all be read");
                return Ok(());
            }
        }
    }
}
