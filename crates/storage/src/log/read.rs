//! Reads by offset: slices of a mapped segment, at a cost that does not grow with what they hold.

use std::sync::Arc;

use protocol::Offset;

use super::Log;
use crate::error::{Error, IoContext, Result};
use crate::index::txn::AbortedTxn;
use crate::segment::{Segment, Slice, View};

/// What to read.
#[derive(Debug, Clone, Copy)]
pub struct ReadRequest {
    /// The first record wanted; the answer begins with the batch that holds it.
    pub offset: Offset,
    /// How many bytes at most.
    pub max_bytes: u32,
    /// Records from here on are not shown: the log end offset, the high watermark or the last stable offset. A batch
    /// that has records on both sides is not shown either.
    pub bound: Offset,
    /// Whether the first batch is returned whole even if it is larger than `max_bytes` (KIP-74).
    pub at_least_one: bool,
    /// Whether the caller can wait for the disk. If not, [`Error::WouldBlock`] asks it to come again from where it can.
    pub may_block: bool,
}

/// What was read.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Whole batches; `None` if there is nothing to show.
    pub records: Option<Slice>,
    /// The first offset that is not in the answer: aborted transactions up to here belong to it.
    pub next_offset: Offset,
    /// The first offset in the log.
    pub log_start_offset: Offset,
}

impl Log {
    /// Reads batches from `request.offset` on. An answer never spans two segments, so it may be shorter than it could.
    pub fn read(&self, request: &ReadRequest) -> Result<Fetched> {
        let log_start_offset = self.log_start_offset();
        let log_end = self.log_end_offset();
        let requested = request.offset;
        if requested < log_start_offset || requested > log_end {
            return Err(Error::OutOfRange { requested, log_start: log_start_offset, log_end });
        }
        let bound = request.bound.min(log_end);
        let nothing = Fetched { records: None, next_offset: requested, log_start_offset };
        if requested >= bound {
            return Ok(nothing);
        }
        let segments = self.segments.load();
        let from = Self::segment_idx(&segments, requested);
        for (segment_idx, segment) in segments.iter().enumerate().skip(from) {
            let next_base = segments.get(segment_idx + 1).map(|next| next.base_offset());
            let end_offset = next_base.unwrap_or(bound);
            let read = read_segment(segment, request, bound, end_offset);
            if segment.is_index_wrong() {
                self.queue_chores();
            }
            if let Some((records, next_offset)) = read? {
                return Ok(Fetched { records, next_offset, log_start_offset });
            }
            if end_offset >= bound {
                break;
            }
        }
        Ok(nothing)
    }

    /// The aborted transactions that have records from `start` on and below `end`, for readers of committed records.
    pub fn aborted_transactions(&self, start: Offset, end: Offset) -> Result<Vec<AbortedTxn>> {
        let segments = self.segments.load();
        let mut aborted = Vec::new();
        for segment in segments.iter().skip(Self::segment_idx(&segments, start)) {
            let index = &segment.txn_index;
            let found = index
                .collect_aborted(start, end)
                .context_of("read transaction index of", segment.log())?;
            aborted.extend(found.transactions);
            if found.is_complete {
                break;
            }
        }
        Ok(aborted)
    }
}

/// Reads from one segment, which ends at `end_offset`; `None` if it has no batch for the request.
fn read_segment(
    segment: &Arc<Segment>,
    request: &ReadRequest,
    bound: Offset,
    end_offset: Offset,
) -> Result<Option<(Option<Slice>, Offset)>> {
    if !request.may_block && segment.would_block(request.offset)? {
        return Err(Error::WouldBlock);
    }
    let view = segment.view()?;
    let from = segment.position_before(&view, request.offset)?;
    let first = view.first_from(from, |header| header.last_offset() >= request.offset)?;
    let Some((start, header)) = first.filter(|(_, header)| header.last_offset() < bound) else {
        return Ok(None);
    };
    if !request.at_least_one && header.size() > request.max_bytes {
        return Ok(Some((None, request.offset)));
    }
    let limit = start.saturating_add(request.max_bytes.max(header.size()));
    let (mut end, mut next_offset) = (view.size(), end_offset);
    if end_offset >= bound {
        (end, next_offset) = end_by_offset(segment, &view, start, bound)?;
    }
    if limit < end {
        (end, next_offset) = end_by_bytes(segment, &view, start, limit)?;
    }
    Ok(Some((Some(view.slice(start, end)), next_offset)))
}

/// Where the batches below `bound` end, and the offset from which on they are not shown.
fn end_by_offset(
    segment: &Segment,
    view: &View,
    start: u32,
    bound: Offset,
) -> Result<(u32, Offset)> {
    let from = segment.position_before(view, bound)?.max(start);
    let first_hidden = view.first_from(from, |header| header.last_offset() >= bound)?;
    Ok(first_hidden.map_or_else(
        || (view.size(), bound),
        |(position, header)| (position, header.base_offset.min(bound)),
    ))
}

/// Where the last whole batch that ends at or below the position `limit` ends.
fn end_by_bytes(segment: &Segment, view: &View, start: u32, limit: u32) -> Result<(u32, Offset)> {
    let mut position = segment.position_at_or_before(view, limit)?.max(start);
    loop {
        let header = view.header_at(position)?;
        let end = position.saturating_add(header.size());
        if end > limit {
            return Ok((position, header.base_offset));
        }
        position = end;
    }
}

#[cfg(test)]
mod tests;
