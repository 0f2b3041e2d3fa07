//! What idle partitions cost: 10,000 of them, closed in order, are open again at once and take little memory.
//!
//! The only test of its binary, for it measures the memory of its process.

mod partitions;

use std::path::Path;
use std::time::Instant;

/// Partitions of one broker.
const COUNT: usize = 10_000;

/// The aim: 10 kB a partition.
const BYTES_MAX: u64 = 100_000_000;

/// The aim is 2 s in a release build; a debug build on a busy machine is allowed more.
const SECONDS_MAX: f64 = if cfg!(debug_assertions) { 15.0 } else { 2.0 };

#[test]
fn idle_partitions_after_a_clean_stop_open_quickly_and_take_little_memory() {
    // A disk would be measured by the many files that are made and deleted, not by those that are opened. But a container
    // may have none in memory, or one that is too small for them.
    let made = |folder: &Path| {
        let dir = tempfile::tempdir_in(folder).ok()?;
        partitions::make(dir.path(), COUNT).ok().map(|()| dir)
    };
    let dir = made(Path::new("/dev/shm")).or_else(|| made(&std::env::temp_dir()));
    let dir = dir.expect("there is room for the partitions");
    let bytes_before = partitions::resident_bytes().unwrap();
    let started = Instant::now();
    let (storage, report) = partitions::open(dir.path()).unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let bytes = partitions::resident_bytes().unwrap().saturating_sub(bytes_before);
    assert_eq!((report.logs, report.failed, report.recovered_bytes), (COUNT, 0, 0));
    assert!(storage.logs().iter().all(|log| log.log_end_offset().0 == 1));
    assert!(bytes < BYTES_MAX, "{COUNT} idle partitions take {bytes} bytes");
    assert!(seconds < SECONDS_MAX, "{COUNT} idle partitions were open after {seconds} s");
}
