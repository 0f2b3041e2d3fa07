//! The real file system, by Linux system calls.
#![expect(unsafe_code, reason = "system calls that std has no safe form of, and memory mappings")]

use std::any::Any;
use std::ffi::CString;
use std::fs;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use super::{Disk, Entry, File, Mapping, Open};

/// The real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

/// The kernel takes no more buffers in one call (IOV_MAX).
const BUFFERS_MAX: usize = 1024;

impl Disk for RealDisk {
    fn open(&self, path: &Path, open: Open) -> io::Result<Arc<dyn File>> {
        let writes = open != Open::Read;
        let creates = matches!(open, Open::Create | Open::Truncate);
        let file = fs::OpenOptions::new()
            .read(true)
            .write(writes)
            .create(creates)
            .truncate(open == Open::Truncate)
            .open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // A file may be deleted by another thread between the listing and this question.
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(err) if err.kind() == io::ErrorKind::NotFound => continue,
                Err(err) => return Err(err),
            };
            let is_dir = metadata.is_dir();
            let len = if is_dir { 0 } else { metadata.len() };
            let modified_ms = metadata.mtime() * 1000 + metadata.mtime_nsec() / 1_000_000;
            entries.push(Entry { name, is_dir, len, modified_ms });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let stats = statvfs(path)?;
        Ok(stats.f_bavail * stats.f_frsize)
    }

    fn total_bytes(&self, path: &Path) -> io::Result<u64> {
        let stats = statvfs(path)?;
        Ok(stats.f_blocks * stats.f_frsize)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut lock = MaybeUninit::<libc::flock>::zeroed();
        // An open-file-description lock holds between handles of one process too, and meets the POSIX locks that the
        // JVM takes, so a running Apache Kafka keeps us out and we keep it out.
        // SAFETY: an all-zero flock is valid (it spans the file from its start), and the descriptor is open.
        unsafe {
            let lock_ref = lock.assume_init_mut();
            lock_ref.l_type = WRITE_LOCK;
            check(libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, lock.as_ptr()).into())?;
        }
        Ok(Box::new(file))
    }
}

fn statvfs(path: &Path) -> io::Result<libc::statvfs> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut stats = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with a zero byte, and the kernel fills the struct when it answers 0.
    unsafe {
        check(libc::statvfs(path.as_ptr(), stats.as_mut_ptr()).into())?;
        Ok(stats.assume_init())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "libc types the constant wider than the field")]
const WRITE_LOCK: libc::c_short = libc::F_WRLCK as libc::c_short;

#[derive(Debug)]
struct RealFile(fs::File);

impl File for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match self.0.read_at(buf, offset) {
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn write_vectored_at(&self, buffers: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let count = i32::try_from(buffers.len().min(BUFFERS_MAX)).unwrap_or_default();
        loop {
            // SAFETY: IoSlice has the layout of iovec, and the buffers live through the call.
            let written = unsafe {
                libc::pwritev(self.0.as_raw_fd(), buffers.as_ptr().cast(), count, signed(offset)?)
            };
            match check(written as i64) {
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map(|n| usize::try_from(n).unwrap_or_default()),
            }
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn reserve(&self, offset: u64, len: u64) -> io::Result<()> {
        // SAFETY: the descriptor is open; the call touches no memory of ours.
        let result = unsafe {
            libc::fallocate(
                self.0.as_raw_fd(),
                libc::FALLOC_FL_KEEP_SIZE,
                signed(offset)?,
                signed(len)?,
            )
        };
        check(result.into()).map(drop)
    }

    fn start_writeback(&self, offset: u64, len: u64) -> io::Result<()> {
        // SAFETY: the descriptor is open; the call touches no memory of ours.
        let result = unsafe {
            libc::sync_file_range(
                self.0.as_raw_fd(),
                signed(offset)?,
                signed(len)?,
                libc::SYNC_FILE_RANGE_WRITE,
            )
        };
        check(result.into()).map(drop)
    }

    fn map(&self, len: usize) -> io::Result<Mapping> {
        // SAFETY: `Mapping` hands out only bytes that have been written and are never changed or cut while it lives
        // (see its head); a page that cannot be read is caught by `sigbus`.
        let map = unsafe { memmap2::MmapOptions::new().len(len).map(&self.0)? };
        Mapping::real(map).ok_or_else(|| io::Error::other("no room to register another mapping"))
    }

    fn is_resident(&self, offset: u64, len: u64) -> bool {
        residency::is_resident(self.0.as_fd(), offset, len)
    }

    fn will_need(&self, offset: u64, len: u64) {
        let (Ok(offset), Ok(len)) = (signed(offset), signed(len)) else { return };
        // SAFETY: the descriptor is open; the call touches no memory of ours. It is advice: whoever touches the pages
        // reads them in any case.
        let _unheeded = unsafe {
            libc::posix_fadvise(self.0.as_raw_fd(), offset, len, libc::POSIX_FADV_WILLNEED)
        };
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }
}

fn signed(value: u64) -> io::Result<i64> {
    i64::try_from(value).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn check(result: i64) -> io::Result<i64> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The question whether pages are in memory: `cachestat` (Linux 6.5), and below that a read that may not wait.
mod residency {
    use std::io;
    use std::os::fd::{AsRawFd, BorrowedFd};
    use std::sync::atomic::{AtomicBool, Ordering};

    /// The number of the system call on every architecture of Linux.
    const CACHESTAT: libc::c_long = 451;
    static HAS_CACHESTAT: AtomicBool = AtomicBool::new(true);

    #[repr(C)]
    struct Range {
        offset: u64,
        len: u64,
    }

    #[repr(C)]
    #[derive(Default)]
    struct Stats {
        cached: u64,
        dirty: u64,
        writeback: u64,
        evicted: u64,
        recently_evicted: u64,
    }

    pub(super) fn is_resident(file: BorrowedFd<'_>, offset: u64, len: u64) -> bool {
        if len == 0 {
            return true;
        }
        if HAS_CACHESTAT.load(Ordering::Relaxed) {
            let range = Range { offset, len };
            let mut stats = Stats::default();
            // SAFETY: both structs are laid out as the kernel's, and live through the call.
            let result = unsafe {
                libc::syscall(CACHESTAT, file.as_raw_fd(), &raw const range, &raw mut stats, 0)
            };
            if result == 0 {
                let pages = (offset + len).div_ceil(4096) - offset / 4096;
                return stats.cached >= pages;
            }
            if io::Error::last_os_error().raw_os_error() != Some(libc::ENOSYS) {
                return false;
            }
            HAS_CACHESTAT.store(false, Ordering::Relaxed);
        }
        last_byte_is_resident(file, offset + len - 1)
    }

    /// Without cachestat the last byte stands for the range: read-ahead brings pages in from the front.
    fn last_byte_is_resident(file: BorrowedFd<'_>, offset: u64) -> bool {
        let mut byte = [0_u8; 1];
        let iov = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
        let Ok(offset) = i64::try_from(offset) else { return false };
        // SAFETY: the buffer lives through the call.
        let count =
            unsafe { libc::preadv2(file.as_raw_fd(), &raw const iov, 1, offset, libc::RWF_NOWAIT) };
        count == 1
    }
}
