//! The segment that a cleaning writes, until it is swapped in.

use std::sync::Arc;

use protocol::record::BatchHeader;

use crate::disk::write_all_at;
use crate::error::{IoContext, Result};
use crate::index::txn::AbortedTxn;
use crate::segment::Segment;

/// As many bytes are gathered before they are written.
const WRITE_BYTES: usize = 1 << 20;

/// Writes batches into a segment whose files are marked `.cleaned`.
#[derive(Debug)]
pub(super) struct CleanedWriter {
    segment: Arc<Segment>,
    /// Batches that are not written yet.
    buffer: Vec<u8>,
    index_interval: u32,
    bytes_since_index: u32,
}

impl CleanedWriter {
    pub(super) fn new(segment: Segment, index_interval: u32) -> Self {
        let segment = Arc::new(segment);
        Self { segment, buffer: Vec::new(), index_interval, bytes_since_index: 0 }
    }

    /// Where the next batch is put.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Takes note of the batch that was put into the buffer last.
    pub(super) fn added(&mut self, header: &BatchHeader) -> Result<()> {
        let buffered = u32::try_from(self.buffer.len()).unwrap_or(u32::MAX);
        let position = self.segment.size().saturating_add(buffered).saturating_sub(header.size());
        self.segment.observe(header);
        if self.bytes_since_index > self.index_interval {
            self.segment.add_index_entries(header.last_offset(), position);
            self.bytes_since_index = 0;
        }
        self.bytes_since_index = self.bytes_since_index.saturating_add(header.size());
        if self.buffer.len() >= WRITE_BYTES { self.write() } else { Ok(()) }
    }

    /// Keeps the index entry of an aborted transaction.
    pub(super) fn keep_aborted(&self, txn: AbortedTxn) -> Result<()> {
        let path = self.segment.log().path();
        self.segment.txn_index.append(txn).context("write transaction index of", &path)
    }

    fn write(&mut self) -> Result<()> {
        let open = self.segment.open()?;
        let position = self.segment.size();
        write_all_at(open.file(), &self.buffer, position.into()).context("write", open.path())?;
        let written = u32::try_from(self.buffer.len()).unwrap_or(u32::MAX);
        self.segment.publish_size(position.saturating_add(written));
        self.buffer.clear();
        Ok(())
    }

    /// Writes what is left and puts the segment on stable storage.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.write()?;
        self.segment.seal()?;
        self.segment.sync()?;
        self.segment.sync_indexes()
    }

    /// The segment, which is finished.
    pub(super) fn into_segment(self) -> Arc<Segment> {
        self.segment
    }

    /// Gives up.
    pub(super) fn discard(self) -> Result<()> {
        self.segment.remove()
    }
}
