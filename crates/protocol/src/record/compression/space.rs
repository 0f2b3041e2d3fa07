//! Where decompressed bytes go: a buffer with a bound, whose memory stays with the thread from one
//! batch to the next.

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;

use super::Failure;

thread_local! {
    /// The memory of the buffer that this thread used last. Its contents are stale and never read.
    static POOLED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A thread keeps no more than this; a larger buffer is given back to the allocator. Most batches
/// stay far below.
const POOLED_BYTES_MAX: usize = 1 << 20;
/// The smallest piece of memory worth asking for.
const SPACE_BYTES_MIN: usize = 1 << 12;

/// Decompressed bytes; it derefs to them.
pub struct Decompressed {
    /// Initialised memory, of which the first `filled` bytes are output. It only grows, so that it
    /// is zeroed but once.
    space: Vec<u8>,
    filled: usize,
    limit: usize,
}

impl Decompressed {
    /// An empty buffer that will hold up to `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        let space = POOLED.try_with(Cell::take).unwrap_or_default();
        Self { space, filled: 0, limit }
    }

    /// Space behind the output for `wanted` bytes, or for as many as the limit allows.
    pub(super) fn spare(&mut self, wanted: usize) -> &mut [u8] {
        let end = self.filled.saturating_add(wanted).min(self.limit);
        if end > self.space.len() {
            // Doubling bounds the copies of a stream of unknown length; the limit bounds doubling.
            let size = end.max(self.space.len() * 2).max(SPACE_BYTES_MIN).min(self.limit);
            if self.filled == 0 {
                // Fresh zeroed memory costs nothing until it is written to.
                self.space = vec![0; size];
            } else {
                self.space.resize(size, 0);
            }
        }
        self.space.get_mut(self.filled..end).unwrap_or_default()
    }

    /// Counts the first `written` bytes of what [`Self::spare`] last gave as output.
    pub(super) fn advance(&mut self, written: usize) {
        self.filled = self.filled.saturating_add(written).min(self.space.len());
    }

    /// Adds bytes as they are.
    pub(super) fn extend(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let spare = self.spare(bytes.len());
        if spare.len() < bytes.len() {
            return Err(Failure::TooLarge);
        }
        spare.copy_from_slice(bytes);
        self.advance(bytes.len());
        Ok(())
    }
}

impl Deref for Decompressed {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.space.get(..self.filled).unwrap_or_default()
    }
}

impl Drop for Decompressed {
    fn drop(&mut self) {
        if self.space.capacity() <= POOLED_BYTES_MAX {
            let space = std::mem::take(&mut self.space);
            // At the end of a thread there is no pool any more, and the memory is simply freed.
            let _ = POOLED.try_with(|pooled| pooled.set(space));
        }
    }
}

impl fmt::Debug for Decompressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressed").field("bytes", &self.filled).finish_non_exhaustive()
    }
}
