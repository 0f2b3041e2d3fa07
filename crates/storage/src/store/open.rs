//! Opening all logs of a broker, several at a time, and closing them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use config::TopicConfig;
use protocol::{Offset, Timestamp, TopicPartition};

use super::checkpoints::Checkpoints;
use super::cleaner::CleanerState;
use super::housekeeping::Schedule;
use super::moves::Moves;
use super::{Dir, Storage, StorageOptions, meta};
use crate::dir::LogDir;
use crate::error::{Error, IoContext, Result};
use crate::files::checkpoint;
use crate::files::names::{self, DirKind};
use crate::handles::{HandlePool, lock};
use crate::log::{Log, OpenOptions};

/// The controller's log lies among the partitions, but it is not one of them.
const CLUSTER_METADATA_TOPIC: &str = "__cluster_metadata";

/// Progress is said this often while logs are opened.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// What it took to open the logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// How many logs were opened.
    pub logs: usize,
    /// How many could not be, each with a line in the log.
    pub failed: usize,
    /// Bytes that recovery read.
    pub recovered_bytes: u64,
    /// Bytes of torn or garbage tails that it cut off.
    pub truncated_bytes: u64,
    /// The epoch of the broker that closed the logs, if it closed those of all directories (KIP-966).
    pub clean_epoch: Option<i64>,
}

/// A partition directory to open.
struct Job<'a> {
    dir: &'a Dir,
    options: OpenOptions,
}

impl Storage {
    /// Locks the log directories and opens all logs in them. `topic_config` knows the configuration of every topic.
    pub fn open(
        options: &StorageOptions,
        topic_config: &(dyn Fn(&str) -> Arc<TopicConfig> + Sync),
    ) -> Result<(Arc<Self>, OpenReport)> {
        let pool = HandlePool::new(Arc::clone(&options.disk), options.open_files_max);
        let claimed = claim_dirs(&pool, options)?;
        let cluster_id = options.cluster_id.clone();
        let named = claimed.iter().find_map(|(_, meta)| Some(meta.as_ref()?.cluster_id.clone()));
        let cluster_id = cluster_id.or(named).unwrap_or_else(new_cluster_id);
        meta::check_cluster(&claimed, &cluster_id)?;
        let mut dirs = Vec::new();
        for (dir, meta) in claimed {
            meta::mark(&*options.disk, &dir, meta, &cluster_id, options.node_id)?;
            dirs.push(dir);
        }
        let found = dirs.iter().map(|dir| list_partitions(&dir.log_dir));
        let mut found = found.collect::<Result<Vec<_>>>()?;
        let moves = Moves::settle(&dirs, &mut found, dirs.len() == options.config.log_dirs.len())?;
        let mut work = Work::default();
        let mut listed = Vec::with_capacity(dirs.len());
        for (dir, found) in dirs.iter().zip(found) {
            listed.push(plan(dir, found, options, topic_config, &mut work)?);
        }
        let Work { jobs, deletions, cleaner } = work;
        check_unique(&jobs)?;
        let threads = options.config.recovery_threads_per_dir * dirs.len();
        let (logs, mut report) = open_all(jobs, threads);
        report.clean_epoch = clean_epoch(&listed).filter(|_| {
            // What a directory that does not work would say is not known.
            dirs.len() == options.config.log_dirs.len() && report.failed == 0
        });
        let storage = Arc::new(Self {
            config: ArcSwap::from_pointee(options.config.clone()),
            cluster_id,
            dirs,
            logs: Mutex::new(logs),
            changing: Mutex::new(()),
            checkpointing: Mutex::new(()),
            deletions: Mutex::new(deletions),
            cleaner,
            moves,
            schedule: Mutex::new(Schedule::new(&options.config, options.now)),
            free_bytes_min: AtomicU64::new(options.free_bytes_min),
        });
        for log in storage.logs() {
            storage.dir_of(&log.dir()).log_count.fetch_add(1, Ordering::Relaxed);
        }
        for (dir, Listed { recovery_points, .. }) in storage.dirs.iter().zip(listed) {
            storage.lower_recovery_points(dir, &recovery_points)?;
        }
        storage.check_free_space();
        Ok((storage, report))
    }

    /// Writes the recovery points of a directory anew if its file speaks of more than there is: a crash has taken a log
    /// back to before its recovery point, or away. What is appended next would be taken for flushed.
    fn lower_recovery_points(&self, dir: &Dir, recovery_points: &Offsets) -> Result<()> {
        let is_too_high = |(topic_partition, offset): (&TopicPartition, &Offset)| {
            let recovery_point = self.log(topic_partition).map(|log| log.recovery_point());
            recovery_point.unwrap_or_default() < *offset
        };
        if dir.log_dir.offline_reason().is_some() || !recovery_points.iter().any(is_too_high) {
            return Ok(());
        }
        let Err(err) = self.write_checkpoints(&dir.log_dir) else { return Ok(()) };
        // On a full disk there is still the other way: without the file, everything is recovered.
        tracing::warn!(dir = %dir.log_dir.path().display(), %err, "deleting the recovery points, which are wrong");
        let (disk, root) = (dir.log_dir.disk(), dir.log_dir.path());
        let removed = disk.remove_file(&root.join(checkpoint::RECOVERY_POINT_FILE));
        removed.and_then(|()| disk.sync_dir(root)).context("delete the recovery points in", root)
    }

    /// Closes all logs and leaves the directories so that the next start need not recover anything.
    pub fn close(&self, broker_epoch: i64) -> Result<()> {
        let _changing = lock(&self.changing);
        let logs = self.logs();
        let failures = Mutex::new(Vec::new());
        let threads = self.config.load().recovery_threads_per_dir * self.dirs.len();
        in_parallel(threads, &logs, |log| {
            if let Err(err) = log.close() {
                tracing::error!(log = %log.topic_partition(), %err, "cannot close a log");
                lock(&failures).push((log.dir().path().to_path_buf(), err));
            }
        });
        let failures = failures.into_inner().unwrap_or_default();
        for Dir { log_dir: dir, unopened, .. } in &self.dirs {
            let has_failed =
                failures.iter().any(|(path, _)| path == dir.path()) || !lock(unopened).is_empty();
            if dir.offline_reason().is_some() {
                continue;
            }
            self.write_checkpoints(dir)?;
            if has_failed {
                continue;
            }
            meta::put_clean_marker(dir.disk(), dir.path(), broker_epoch)?;
        }
        failures.into_iter().next().map_or(Ok(()), |(_, err)| Err(err))
    }
}

type Claimed = (Dir, Option<crate::files::meta_properties::MetaProperties>);

/// Claims every directory that works. One that the disk fails is left out, as long as another one is left.
fn claim_dirs(pool: &Arc<HandlePool>, options: &StorageOptions) -> Result<Vec<Claimed>> {
    let mut claimed = Vec::new();
    let mut first_failure = None;
    for path in &options.config.log_dirs {
        match meta::claim(path, pool, options) {
            Ok(dir) => claimed.push(dir),
            Err(err @ Error::Io { .. }) => {
                tracing::error!(%err, "log directory does not work and is left out");
                first_failure.get_or_insert(err);
            }
            Err(err) => return Err(err),
        }
    }
    match first_failure {
        Some(err) if claimed.is_empty() => Err(err),
        _ => Ok(claimed),
    }
}

fn new_cluster_id() -> String {
    protocol::TopicId(*uuid::Uuid::new_v4().as_bytes()).to_string()
}

type Offsets = BTreeMap<TopicPartition, Offset>;
type Deletions = Vec<(Timestamp, Arc<LogDir>, PathBuf)>;

/// What a directory says of the time before this start.
struct Listed {
    /// What its file says of the recovery points.
    recovery_points: Offsets,
    /// The epoch of the broker that closed it in order.
    clean_epoch: Option<i64>,
}

/// The epoch that all directories were closed in, if it is one.
fn clean_epoch(listed: &[Listed]) -> Option<i64> {
    let (first, others) = listed.split_first()?;
    first.clean_epoch.filter(|epoch| others.iter().all(|other| other.clean_epoch == Some(*epoch)))
}

/// A partition's directory in a log directory.
pub(super) struct PartitionDir {
    pub(super) topic_partition: TopicPartition,
    pub(super) kind: DirKind,
    pub(super) path: PathBuf,
}

/// Lists the partitions' directories in a log directory.
fn list_partitions(dir: &LogDir) -> Result<Vec<PartitionDir>> {
    let (root, mut found) = (dir.path(), Vec::new());
    let entries = dir.disk().list(root).context("list", root)?;
    for entry in entries.into_iter().filter(|entry| entry.is_dir) {
        let path = root.join(&entry.name);
        match names::parse_dir(&entry.name) {
            Some((topic_partition, kind)) => {
                found.push(PartitionDir { topic_partition, kind, path });
            }
            None if entry.name == "lost+found" => {}
            None => {
                tracing::warn!(path = %path.display(), "leaving a directory alone that is no partition's");
            }
        }
    }
    Ok(found)
}

/// What there is to do for a start.
#[derive(Default)]
struct Work<'a> {
    jobs: Vec<Job<'a>>,
    deletions: Deletions,
    cleaner: CleanerState,
}

/// Says what there is to open, and to delete, in one directory.
fn plan<'a>(
    dir: &'a Dir,
    found: Vec<PartitionDir>,
    options: &StorageOptions,
    topic_config: &dyn Fn(&str) -> Arc<TopicConfig>,
    work: &mut Work<'a>,
) -> Result<Listed> {
    let (disk, root) = (&*options.disk, dir.log_dir.path());
    let mut checkpoints = Checkpoints::read(disk, root)?;
    let live = found.iter().filter(|found| found.kind == DirKind::Live);
    let live: HashSet<_> = live.map(|found| found.topic_partition.clone()).collect();
    dir.is_stale.store(checkpoints.names().any(|name| !live.contains(name)), Ordering::Relaxed);
    checkpoints.cleaned.retain(|topic_partition, _| live.contains(topic_partition));
    let marker = meta::take_clean_marker(disk, root)?;
    let was_clean = marker.is_some();
    for PartitionDir { topic_partition, kind, path } in found {
        match kind {
            DirKind::Delete => work.deletions.push((options.now, Arc::clone(&dir.log_dir), path)),
            DirKind::Stray | DirKind::Future => {
                tracing::warn!(path = %path.display(), "leaving a partition's directory alone that is not in use");
            }
            DirKind::Live if *topic_partition.topic == *CLUSTER_METADATA_TOPIC => {}
            DirKind::Live => {
                let config = topic_config(&topic_partition.topic);
                let offset = |offsets: &Offsets| {
                    offsets.get(&topic_partition).copied().unwrap_or(Offset::ZERO)
                };
                let options = OpenOptions {
                    config,
                    path,
                    was_clean,
                    recovery_point: offset(&checkpoints.recovery_points),
                    log_start: offset(&checkpoints.log_starts),
                    high_watermark: offset(&checkpoints.high_watermarks),
                    cleaned_to: offset(&checkpoints.cleaned),
                    producer_expiration_ms: options.config.producer_id_expiration_ms,
                    now: options.now,
                    topic_partition,
                };
                work.jobs.push(Job { dir, options });
            }
        }
    }
    work.cleaner.extend(checkpoints.cleaned);
    let recovery_points = checkpoints.recovery_points;
    Ok(Listed { recovery_points, clean_epoch: marker.flatten() })
}

/// Refuses a partition that lies in two directories: nobody can say which of the logs is the right one.
fn check_unique(jobs: &[Job<'_>]) -> Result<()> {
    let mut paths = HashMap::with_capacity(jobs.len());
    for Job { options, .. } in jobs {
        if let Some(other) = paths.insert(&options.topic_partition, &options.path) {
            let reason = format!(
                "partition {} is in {} as well: keep one of them and move the other away",
                options.topic_partition,
                other.display()
            );
            return Err(Error::Unusable { path: options.path.clone(), reason });
        }
    }
    Ok(())
}

/// Opens all logs, `threads` at a time.
fn open_all(jobs: Vec<Job<'_>>, threads: usize) -> (HashMap<TopicPartition, Arc<Log>>, OpenReport) {
    let total = jobs.len();
    let done = AtomicUsize::new(0);
    let said = Mutex::new(Instant::now());
    let results = Mutex::new((HashMap::with_capacity(total), OpenReport::default()));
    in_parallel(threads, &jobs, |job| {
        let opened = Log::open(&job.dir.log_dir, job.options.clone());
        let opened = job.dir.log_dir.offline_on_io_error(opened);
        let mut results = lock(&results);
        let (logs, report) = &mut *results;
        match opened {
            Ok(opened) => {
                report.logs += 1;
                report.recovered_bytes += opened.recovered_bytes;
                report.truncated_bytes += opened.truncated_bytes;
                logs.insert(job.options.topic_partition.clone(), opened.log);
            }
            Err(err) => {
                report.failed += 1;
                lock(&job.dir.unopened).push(job.options.clone());
                tracing::error!(log = %job.options.topic_partition, %err, "cannot open a log");
            }
        }
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        let mut said = lock(&said);
        if said.elapsed() >= PROGRESS_INTERVAL {
            *said = Instant::now();
            tracing::info!(done, total, bytes = report.recovered_bytes, "opening logs");
        }
    });
    results.into_inner().unwrap_or_default()
}

/// Does the work on all items with up to `threads` threads.
fn in_parallel<T: Sync>(threads: usize, items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let run = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(item);
        }
    };
    let threads = threads.clamp(1, items.len().max(1));
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
}

#[cfg(test)]
mod tests;
