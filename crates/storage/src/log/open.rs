//! Opening a log: what is in its directory becomes segments, whatever was going on when the last process ended.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use arc_swap::ArcSwap;
use config::TopicConfig;
use protocol::record::HEADER_BYTES;
use protocol::{Offset, Timestamp, TopicId, TopicPartition};

use super::identity::read_topic_id;
use super::recovery::Recovered;
use super::{Log, Offsets, SPARE_FILE, Writer};
use crate::dir::LogDir;
use crate::disk::{Disk, Entry, Open, list_files};
use crate::error::{Error, IoContext, Result};
use crate::files;
use crate::files::leader_epochs::{self, LeaderEpochs};
use crate::files::names::{FileKind, FileName, Stage};
use crate::handles::lock;
use crate::producer::Producers;
use crate::scan::{Scan, ScanError};
use crate::segment::{Limits, Segment};

/// What is known of a log before its directory is read.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Whose log it is.
    pub topic_partition: TopicPartition,
    /// The partition's directory, which exists.
    pub path: PathBuf,
    /// The topic's configuration.
    pub config: Arc<TopicConfig>,
    /// Whether the last process closed all logs of the log directory.
    pub was_clean: bool,
    /// The offset in the recovery point checkpoint.
    pub recovery_point: Offset,
    /// The offset in the log start checkpoint.
    pub log_start: Offset,
    /// The offset in the high watermark checkpoint.
    pub high_watermark: Offset,
    /// The offset in the cleaner checkpoint: below it, records may be missing between segments.
    pub cleaned_to: Offset,
    /// `producer.id.expiration.ms`.
    pub producer_expiration_ms: i64,
    /// The time.
    pub now: Timestamp,
}

/// A log, and what it took to open it.
#[derive(Debug)]
pub struct Opened {
    /// The log.
    pub log: Arc<Log>,
    /// How many bytes recovery has read.
    pub recovered_bytes: u64,
    /// How many bytes of torn or garbage tails it has cut off.
    pub truncated_bytes: u64,
}

impl Log {
    /// Opens the log in `options.path`, and recovers it if it was not closed.
    pub fn open(dir: &Arc<LogDir>, options: OpenOptions) -> Result<Opened> {
        let disk = dir.disk();
        let entries = finish_interrupted(disk, &options)?;
        let limits = Limits {
            segment_bytes: options.config.segment_bytes,
            index_bytes: options.config.segment_index_bytes,
        };
        let listed = list_segments(dir, &options, &entries, limits)?;
        let topic_id = read_topic_id(disk, &options, &listed)?;
        let epochs_path = options.path.join(leader_epochs::FILE_NAME);
        let epochs = files::read(disk, &epochs_path, LeaderEpochs::decode);
        let damaged_epochs =
            matches!(&epochs, Err(err) if err.kind() == io::ErrorKind::InvalidData);
        if damaged_epochs {
            tracing::warn!(path = %epochs_path.display(), "leader epochs are damaged and are read from the log anew");
        }
        let epochs = if damaged_epochs { None } else { epochs.context("read", &epochs_path)? };
        let log = Arc::new_cyclic(|me| {
            new_log(me, dir, &options, topic_id, &listed, epochs.unwrap_or_default())
        });
        let loaded = {
            let mut writer = lock(&log.writer);
            log.load(&mut writer, &options, &listed, damaged_epochs)
        };
        let recovered = match loaded {
            Err(err @ Error::Corrupt { .. }) if options.was_clean => {
                tracing::warn!(%err, "log was closed and yet cannot be read: recovering it");
                return Self::open(dir, OpenOptions { was_clean: false, ..options });
            }
            loaded => loaded?,
        };
        let Recovered { recovered_bytes, truncated_bytes, .. } = recovered;
        Ok(Opened { log, recovered_bytes, truncated_bytes })
    }
}

fn new_log(
    me: &Weak<Log>,
    dir: &Arc<LogDir>,
    options: &OpenOptions,
    topic_id: Option<TopicId>,
    listed: &Listed,
    epochs: LeaderEpochs,
) -> Log {
    let offset = |offset: Offset| AtomicI64::new(offset.0);
    Log {
        me: Weak::clone(me),
        dir: ArcSwap::from(Arc::clone(dir)),
        topic_partition: options.topic_partition.clone(),
        topic_id: topic_id.map_or_else(OnceLock::new, OnceLock::from),
        path: ArcSwap::from_pointee(options.path.clone()),
        config: ArcSwap::new(Arc::clone(&options.config)),
        segments: ArcSwap::from_pointee(listed.segments.clone()),
        offsets: Offsets {
            log_start: offset(options.log_start),
            log_end: offset(options.log_start),
            high_watermark: offset(options.high_watermark),
            first_unstable: offset(Offset::MAX),
            flushed: offset(Offset::ZERO),
            recovery_point: offset(options.recovery_point),
        },
        structure: Mutex::new(()),
        flushing: Mutex::new(()),
        writer: Mutex::new(new_writer(options, epochs)),
        unchecked_bytes: AtomicU64::new(0),
        unflushed_since_ms: AtomicI64::new(i64::MAX),
        has_chores: AtomicBool::new(false),
        has_rolled: AtomicBool::new(false),
        is_closed: AtomicBool::new(false),
    }
}

fn new_writer(options: &OpenOptions, epochs: LeaderEpochs) -> Writer {
    Writer {
        producers: Producers::empty(options.log_start),
        epochs,
        epochs_changed: false,
        bytes_since_index: 0,
        first_timestamp: None,
        created: options.now,
        roll_jitter_ms: 0,
        last_append_time: Timestamp::NONE,
        scratch: Vec::new(),
        spare: None,
        snapshots: Vec::new(),
        truncations: 0,
        is_unnamed: false,
        is_dir_dirty: false,
        is_new: true,
        is_half_cut: false,
    }
}

/// What there is in a directory.
pub(super) struct Listed {
    segments: Vec<Arc<Segment>>,
    /// Whether they have files: nothing was ever written to a log that has none.
    pub(super) has_files: bool,
    /// The base offsets of segments that lack an index.
    pub(super) incomplete: Vec<Offset>,
    /// The end offsets of the producer snapshots.
    pub(super) snapshots: Vec<Offset>,
}

impl Listed {
    pub(super) fn has_batches(&self) -> bool {
        self.segments.iter().any(|segment| segment.size() > 0)
    }

    /// Whether nothing tells of any batch that has ever been there.
    pub(super) fn is_blank(&self) -> bool {
        !self.has_files && self.snapshots.is_empty()
    }
}

/// Makes segments of the files, and deletes indexes that have no log.
fn list_segments(
    dir: &LogDir,
    options: &OpenOptions,
    entries: &[Entry],
    limits: Limits,
) -> Result<Listed> {
    let path = &options.path;
    let files = || entries.iter().filter_map(|entry| Some((FileName::parse(&entry.name)?, entry)));
    let has = |base_offset, kind| {
        let name = FileName::new(base_offset, kind).to_string();
        entries.binary_search_by(|entry| entry.name.as_str().cmp(&name)).is_ok()
    };
    let (mut segments, mut incomplete, mut snapshots) = (Vec::new(), Vec::new(), Vec::new());
    for (name, entry) in files() {
        match name.kind {
            FileKind::Log => {
                let size = u32::try_from(entry.len).unwrap_or(u32::MAX);
                let segment =
                    Segment::existing(dir, path, name.base_offset, size, limits, |kind| {
                        has(name.base_offset, kind)
                    });
                segment.set_modified_ms(entry.modified_ms);
                let has_indexes = has(name.base_offset, FileKind::OffsetIndex)
                    && has(name.base_offset, FileKind::TimeIndex);
                if !has_indexes && size > 0 {
                    incomplete.push(name.base_offset);
                }
                segments.push(Arc::new(segment));
            }
            FileKind::ProducerSnapshot => snapshots.push(name.base_offset),
            _ if has(name.base_offset, FileKind::Log) => {}
            _ => {
                let path = path.join(&entry.name);
                tracing::warn!(path = %path.display(), "deleting an index that has no log");
                dir.disk().remove_file(&path).context("delete", &path)?;
            }
        }
    }
    let has_files = !segments.is_empty();
    if !has_files {
        let segment = Segment::create(dir, path, options.log_start, Stage::Live, limits);
        segment.set_modified_ms(options.now.0);
        segments.push(Arc::new(segment));
    }
    Ok(Listed { segments, has_files, incomplete, snapshots })
}

/// Completes or undoes what was going on when the last process ended (`LogLoader`): deletions, cleanings, swaps, the
/// naming of a new segment, the copying of a truncated one. Returns what is there then.
fn finish_interrupted(disk: &dyn Disk, options: &OpenOptions) -> Result<Vec<Entry>> {
    let path = &options.path;
    let entries = list_files(disk, path).context("list", path)?;
    let parsed = |entry: &Entry| FileName::parse(&entry.name);
    let staged = |stage| {
        let names = entries.iter().filter_map(parsed);
        names.filter(move |name| name.stage == stage)
    };
    // A cleaning that was writing its result had not swapped anything from there on: what is in `.swap` at or after it
    // belongs to a group whose other files are not complete.
    let cleaned_from = staged(Stage::Cleaned).map(|name| name.base_offset).min();
    let mut has_removed = false;
    for entry in &entries {
        let is_temporary = entry.name.ends_with(".tmp") || entry.name.ends_with(".truncated");
        let is_void = parsed(entry).is_some_and(|name| match name.stage {
            Stage::Cleaned | Stage::Deleted => true,
            Stage::Swap => cleaned_from.is_some_and(|from| name.base_offset >= from),
            Stage::Live => false,
        });
        if is_temporary || is_void {
            remove(disk, path.join(&entry.name))?;
            has_removed = true;
        }
    }
    if has_removed {
        // They must not come back under the names that they had before, not even if this is closed in order.
        disk.sync_dir(path).context("sync", path)?;
    }
    let swaps: Vec<_> = staged(Stage::Swap)
        .filter(|name| cleaned_from.is_none_or(|from| name.base_offset < from))
        .collect();
    finish_swaps(disk, options, &entries, &swaps)?;
    let has_spare = name_spare(disk, options, &entries)?;
    if !has_removed && swaps.is_empty() && !has_spare {
        return Ok(entries);
    }
    list_files(disk, path).context("list", path)
}

/// A cleaned segment that had been written whole takes the place of those it was made from.
fn finish_swaps(
    disk: &dyn Disk,
    options: &OpenOptions,
    entries: &[Entry],
    swaps: &[FileName],
) -> Result<()> {
    let path = &options.path;
    for swap in swaps.iter().filter(|name| name.kind == FileKind::Log) {
        let swap_path = path.join(swap.to_string());
        let end_offset = super::recovery::end_offset_of_file(disk, &swap_path, swap.base_offset)?;
        tracing::info!(path = %swap_path.display(), "completing an interrupted cleaning");
        for name in entries.iter().filter_map(|entry| FileName::parse(&entry.name)) {
            let is_replaced = name.stage == Stage::Live
                && name.kind != FileKind::ProducerSnapshot
                && (swap.base_offset..end_offset.max(swap.base_offset.next()))
                    .contains(&name.base_offset);
            if is_replaced {
                remove(disk, path.join(name.to_string()))?;
            }
        }
    }
    for swap in swaps {
        let from = path.join(swap.to_string());
        let to = path.join(swap.at(Stage::Live).to_string());
        disk.rename(&from, &to).context("rename", &from)?;
    }
    if swaps.is_empty() { Ok(()) } else { disk.sync_dir(path).context("sync", path) }
}

/// The file that was made for the next segment gets its name if batches were written to it, and goes if not. Says whether
/// there was one.
///
/// IMPORTANT: its name is what its first batch says, so that batch has to be whole. What a power loss has left of one that
/// was not flushed may say anything, and a segment under a wrong name would take flushed ones for what follows a hole.
fn name_spare(disk: &dyn Disk, options: &OpenOptions, entries: &[Entry]) -> Result<bool> {
    let path = options.path.join(SPARE_FILE);
    if !entries.iter().any(|entry| entry.name == SPARE_FILE) {
        return Ok(false);
    }
    let logs = entries.iter().filter_map(|entry| FileName::parse(&entry.name));
    let logs = logs.filter(|name| name.kind == FileKind::Log && name.stage == Stage::Live);
    let last = logs.map(|name| name.base_offset).max();
    let base_offset = first_offset_of_file(disk, &path).context("read", &path)?;
    match base_offset.filter(|base_offset| last.is_none_or(|last| *base_offset > last)) {
        Some(base_offset) => {
            let name = FileName::new(base_offset, FileKind::Log).to_string();
            disk.rename(&path, &options.path.join(name)).context("rename", &path)?;
            disk.sync_dir(&options.path).context("sync", &options.path)?;
        }
        None => remove(disk, path)?,
    }
    Ok(true)
}

/// The offset of the first batch in a log file, if that is whole.
fn first_offset_of_file(disk: &dyn Disk, path: &Path) -> io::Result<Option<Offset>> {
    let file = disk.open(path, Open::Read)?;
    let end = u32::try_from(file.len()?).unwrap_or(u32::MAX);
    match Scan::new(&*file, 0, end, HEADER_BYTES).next() {
        Ok(Some((_, batch))) => Ok(batch.check_crc().is_ok().then(|| batch.header().base_offset)),
        Ok(None) | Err(ScanError::Torn { .. }) => Ok(None),
        Err(ScanError::Io(err)) => Err(err),
    }
}

fn remove(disk: &dyn Disk, path: PathBuf) -> Result<()> {
    match disk.remove_file(&path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.context("delete", &path),
    }
}

#[cfg(test)]
mod tests;
