//! A segment in the directory that its log has been moved to.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::{Limits, Segment};
use crate::dir::LogDir;
use crate::files::names::FileKind;
use crate::handles::lock;

impl Segment {
    /// The same segment with the files of a copy in `partition_dir`, whole and on stable storage; `has` says which of the
    /// indexes there are. Nobody appends meanwhile.
    pub(crate) fn moved_to(
        &self,
        dir: &LogDir,
        partition_dir: &Path,
        limits: Limits,
        has: impl Fn(FileKind) -> bool,
    ) -> Self {
        let size = self.size();
        let moved = Self::existing(dir, partition_dir, self.base_offset, size, limits, has);
        moved.synced.store(size, Ordering::Release);
        moved.set_modified_ms(self.modified_ms());
        // The time index does not have it before the segment is sealed.
        *lock(&moved.largest) = *lock(&self.largest);
        moved
    }
}
