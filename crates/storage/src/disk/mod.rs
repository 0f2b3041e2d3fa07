//! The one seam between a log and the disk.
//!
//! Everything in this crate reaches files through [`Disk`] and [`File`]: the real ones ([`RealDisk`]) and the
//! fault-injecting ones of `testkit`, which lose, tear and refuse writes. The seam is as small as the log's needs:
//! positioned reads and writes, a shared read-only mapping, reservation, write-back, and the few directory operations
//! whose order on disk matters after a crash.

mod mapping;
mod real;
mod sigbus;

use std::any::Any;
use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;

pub use mapping::Mapping;
pub use real::RealDisk;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// For reading; it must exist.
    Read,
    /// For reading and writing; it must exist.
    Write,
    /// For reading and writing; made if it does not exist, its content kept if it does.
    Create,
    /// For reading and writing; made if it does not exist, emptied if it does.
    Truncate,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name without its directory. Names that are not UTF-8 are not ours and are left out of listings.
    pub name: String,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// The length in bytes; 0 for a directory.
    pub len: u64,
    /// When it was last modified, in milliseconds since 1970.
    pub modified_ms: i64,
}

/// A file system.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Opens the file at `path`.
    fn open(&self, path: &Path, open: Open) -> io::Result<Arc<dyn File>>;
    /// Renames a file or directory, replacing a file at `to`. It survives a crash after [`Disk::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file; mappings and open handles of it stay valid.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes a directory and its parents; one that exists is no error.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Lists a directory, sorted by name.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;
    /// Makes the names in `dir` durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// The bytes that are left for us on the file system of `path`.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
    /// The size of the file system of `path`.
    fn total_bytes(&self, path: &Path) -> io::Result<u64>;
    /// Takes an exclusive lock on the file at `path`, made if needed. It is held until the value is dropped, and
    /// `WouldBlock` says that somebody else holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>>;
}

/// An open file. All reads and writes are positioned: a handle has no cursor and is shared freely.
pub trait File: Send + Sync + fmt::Debug {
    /// The length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Reads up to `buf.len()` bytes at `offset`; 0 at the end of the file.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes the buffers one behind the other at `offset`; it may write less than all.
    fn write_vectored_at(&self, buffers: &[IoSlice<'_>], offset: u64) -> io::Result<usize>;
    /// Cuts or extends the file.
    ///
    /// IMPORTANT: nobody may hold a [`Mapping`] that reaches over `len`; `handles::LazyFile::truncate` sees to it.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes the content durable (fdatasync).
    fn sync_data(&self) -> io::Result<()>;
    /// Sets blocks aside for `len` bytes from `offset` without changing the length, so that writes there neither
    /// allocate nor find the disk full.
    fn reserve(&self, offset: u64, len: u64) -> io::Result<()>;
    /// Starts writing dirty pages of the range back, and does not wait for it.
    fn start_writeback(&self, offset: u64, len: u64) -> io::Result<()>;
    /// Maps the first `len` bytes for reading. A mapping may reach over the end of the file; what is behind the end
    /// must not be touched until it has been written.
    fn map(&self, len: usize) -> io::Result<Mapping>;
    /// Whether the pages of the range are in memory, so that touching them does not wait for the disk.
    fn is_resident(&self, offset: u64, len: u64) -> bool;
    /// Starts reading the range into memory, and does not wait for it. Behind the end of the file there is nothing to read.
    fn will_need(&self, offset: u64, len: u64);
    /// The descriptor, for sendfile; a simulated file has none.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;
}

/// Reads exactly `buf.len()` bytes at `offset`; `UnexpectedEof` if the file is shorter.
pub fn read_exact_at(file: &dyn File, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buf.is_empty() {
        let count = file.read_at(buf, offset)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buf = buf.get_mut(count..).unwrap_or_default();
        offset += count as u64;
    }
    Ok(())
}

/// Writes all of `bytes` at `offset`.
pub fn write_all_at(file: &dyn File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = file.write_vectored_at(&[IoSlice::new(bytes)], offset)?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(count..).unwrap_or_default();
        offset += count as u64;
    }
    Ok(())
}

/// The most that [`read_file`] takes into memory: our small files (checkpoints, snapshots, properties) are far below.
const SMALL_FILE_BYTES_MAX: u64 = 1 << 30;

/// Reads a small file whole.
pub fn read_file(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path, Open::Read)?;
    let len = file.len()?;
    if len > SMALL_FILE_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "file is too large to be read whole",
        ));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
    read_exact_at(&*file, &mut bytes, 0)?;
    Ok(bytes)
}

/// Lists the files of a directory, sorted by name. A directory in it is nobody's, whatever its name.
pub fn list_files(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = disk.list(dir)?;
    entries.retain(|entry| !entry.is_dir);
    Ok(entries)
}

/// Replaces the file at `path` by `bytes` so that a crash leaves the old content or the new, never a mixture: written
/// beside it as `<name>.tmp`, synced, renamed, and the directory synced.
pub fn replace_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    let staged = path.with_file_name(name);
    let file = disk.open(&staged, Open::Truncate)?;
    write_all_at(&*file, bytes, 0)?;
    file.sync_data()?;
    disk.rename(&staged, path)?;
    path.parent().map_or(Ok(()), |dir| disk.sync_dir(dir))
}
