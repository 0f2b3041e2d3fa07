//! What several tests of this crate need.

pub(crate) mod batches;
pub(crate) mod disk;
pub(crate) mod logs;
pub(crate) mod stores;

use std::sync::Arc;

use tempfile::TempDir;

use crate::disk::{Disk, RealDisk};
use crate::handles::{HandlePool, LazyFile};

/// The bytes that `hex` stands for.
pub(crate) fn bytes_of(hex: &str) -> Vec<u8> {
    let byte = |idx| u8::from_str_radix(&hex[idx..idx + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// One file in a directory of its own.
pub(crate) struct ScratchFile {
    dir: TempDir,
    pool: Arc<HandlePool>,
}

impl ScratchFile {
    /// The file does not exist yet.
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(RealDisk))
    }

    pub(crate) fn on(disk: Arc<dyn Disk>) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), pool: HandlePool::new(disk, 8) }
    }

    /// The file has this content.
    pub(crate) fn with(bytes: &[u8]) -> Self {
        let file = Self::new();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("file")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    /// The file as a process that has just started sees it.
    pub(crate) fn lazy(&self) -> LazyFile {
        LazyFile::new(&self.pool, self.path())
    }
}
