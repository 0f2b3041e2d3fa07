//! A read-only view of a file's first bytes.
//!
//! IMPORTANT: touching a mapped page kills a process by SIGBUS when the file has become shorter than the page, or when
//! the disk cannot read it. Here is how that is excluded, once for the whole crate:
//! - only `log` files are mapped, and a [`Mapping`] is sliced only below the size that its segment has published;
//! - a mapped file is never cut below that size: `handles::LazyFile::truncate` moves the prefix to a new file while
//!   anyone holds the old one, and files are deleted by unlink, which leaves mappings whole;
//! - what remains (the disk fails to read a page, or somebody else truncates our file) is caught by `sigbus`: the page
//!   is replaced by zeros, the mapping is marked broken, and readers ask [`Mapping::is_broken`] after they have read.

use std::fmt;
use std::sync::Arc;

use super::sigbus::Guard;

/// A read-only view of a file's first bytes; see the head of this file for what makes it safe to touch.
pub struct Mapping(Inner);

enum Inner {
    /// A shared mapping of a real file. The guard is dropped first, before the range is unmapped.
    Real { guard: Guard, map: memmap2::Mmap },
    /// What a simulated file held when it was mapped.
    Snapshot(Arc<[u8]>),
}

impl Mapping {
    pub(super) fn real(map: memmap2::Mmap) -> Option<Self> {
        let guard = Guard::new(map.as_ptr() as usize, map.len())?;
        Some(Self(Inner::Real { guard, map }))
    }

    /// A mapping that holds its own bytes, for simulated disks. It does not show later writes: the log maps anew when
    /// it needs bytes behind its end.
    pub fn snapshot(bytes: Arc<[u8]>) -> Self {
        Self(Inner::Snapshot(bytes))
    }

    /// How many bytes are mapped; of a real file more than it has, at times.
    pub fn capacity(&self) -> usize {
        match &self.0 {
            Inner::Real { map, .. } => map.len(),
            Inner::Snapshot(bytes) => bytes.len(),
        }
    }

    /// The bytes from `start` up to `end`, or `None` when they are not all mapped. The caller keeps `end` below the
    /// published size of the file.
    pub fn get(&self, start: usize, end: usize) -> Option<&[u8]> {
        match &self.0 {
            Inner::Real { map, .. } => map.get(start..end),
            Inner::Snapshot(bytes) => bytes.get(start..end),
        }
    }

    /// Whether a page could not be read since the mapping was made. Bytes taken before the question may be zeros.
    pub fn is_broken(&self) -> bool {
        match &self.0 {
            Inner::Real { guard, .. } => guard.is_broken(),
            Inner::Snapshot(_) => false,
        }
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("capacity", &self.capacity())
            .field("broken", &self.is_broken())
            .finish()
    }
}
