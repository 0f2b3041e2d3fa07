//! Snapshots: all records that are needed to make the image at one offset of the log (KIP-630).
//!
//! A snapshot is a file of batches like the log's, beside its segments:
//!
//! | batch | records |
//! |---|---|
//! | the first, control | `SnapshotHeader`: when the last record that the snapshot stands for was appended |
//! | any number | the image |
//! | the last, control | `SnapshotFooter`: without it the file is not whole |
//!
//! It is named after the offset and the epoch that it reaches to: `00000000000000000042-0000000003.checkpoint` stands
//! for the 42 records before offset 42, of which the last was written in epoch 3.

use std::fmt;
use std::io;
use std::path::Path;

use protocol::internal::metadata::{ControlRecord, SnapshotFooterRecord, SnapshotHeaderRecord};
use protocol::record::{Batch, BatchOptions, Batches};
use protocol::wire::WireError;
use protocol::{LeaderEpoch, Offset, Timestamp};
use storage::disk::{Disk, Entry, read_file, replace_file};

use super::batches::{control, pack};
use super::error::{Error, Result};
use super::replay::{Replay, control_records};
use crate::image::Image;

const SUFFIX: &str = ".checkpoint";

/// How many digits the offset and the epoch have in a name.
const OFFSET_DIGITS: usize = 20;
const EPOCH_DIGITS: usize = 10;

/// Which records a snapshot stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SnapshotId {
    /// The offset after the last of them.
    pub(super) end_offset: Offset,
    /// The epoch of the last of them.
    pub(super) epoch: LeaderEpoch,
}

/// A snapshot on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// What it stands for.
    pub(super) id: SnapshotId,
    /// How large it is.
    pub(super) bytes: u64,
    /// When it was taken.
    pub(super) taken: Timestamp,
}

/// The name of the file.
impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { end_offset, epoch } = self;
        write!(f, "{:0OFFSET_DIGITS$}-{:0EPOCH_DIGITS$}{SUFFIX}", end_offset.0, epoch.0)
    }
}

impl SnapshotId {
    /// Reads the name of a file; `None` for files that are no snapshots.
    fn parse(name: &str) -> Option<Self> {
        let (offset, epoch) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        let is_number = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(offset, OFFSET_DIGITS) || !is_number(epoch, EPOCH_DIGITS) {
            return None;
        }
        let (end_offset, epoch) = (offset.parse().ok()?, epoch.parse().ok()?);
        Some(Self { end_offset: Offset(end_offset), epoch: LeaderEpoch(epoch) })
    }
}

/// The snapshots in the log's directory, the oldest first.
pub(super) fn list(disk: &dyn Disk, dir: &Path) -> storage::Result<Vec<Snapshot>> {
    let entries = disk.list(dir).map_err(|err| failed("list", dir, err))?;
    let snapshot = |entry: &Entry| {
        let id = SnapshotId::parse(&entry.name)?;
        Some(Snapshot { id, bytes: entry.len, taken: Timestamp(entry.modified_ms) })
    };
    // Names sort as what they say, and listings are sorted.
    Ok(entries.iter().filter_map(snapshot).collect())
}

/// The content of the snapshot of an image.
pub(super) fn encode(
    image: &Image,
    id: SnapshotId,
    last_timestamp: Timestamp,
) -> Result<Vec<u8>, WireError> {
    let header = SnapshotHeaderRecord { last_contained_log_timestamp: last_timestamp };
    let header = ControlRecord::SnapshotHeader(header);
    let mut bytes = control(&header, Offset::ZERO, id.epoch, last_timestamp)?.to_vec();
    let records = image.records();
    let values = records.iter().map(|record| record.encode()).collect::<Result<Vec<_>, _>>()?;
    let footer_offset = Offset(1) + i64::try_from(values.len()).unwrap_or(i64::MAX);
    let options =
        BatchOptions { base_offset: Offset(1), leader_epoch: id.epoch, ..BatchOptions::default() };
    for batch in pack(values, options, last_timestamp) {
        bytes.extend_from_slice(&batch);
    }
    let footer = ControlRecord::SnapshotFooter(SnapshotFooterRecord);
    bytes.extend_from_slice(&control(&footer, footer_offset, id.epoch, last_timestamp)?);
    Ok(bytes)
}

/// The image of a snapshot, on top of `empty`, and when its last record was appended.
pub(super) fn decode(bytes: &[u8], empty: Image) -> Result<Replay> {
    let mut replay = Replay::new(empty);
    let mut batches = Batches::new(bytes);
    let mut next = || -> Result<Option<Batch<'_>>> {
        let position = Offset(i64::try_from(batches.position()).unwrap_or(i64::MAX));
        batches.next().transpose().map_err(|err| Error::unreadable(position, err))
    };
    let header = match next()? {
        Some(batch) if batch.header().is_control() => control_records(&batch)?.into_iter().next(),
        _ => None,
    };
    let Some(ControlRecord::SnapshotHeader(header)) = header else {
        return Err(Error::unreadable(Offset::ZERO, "a snapshot has no header"));
    };
    let mut is_whole = false;
    while let Some(batch) = next()? {
        replay.batch(&batch, Offset::ZERO)?;
        is_whole = batch.header().is_control()
            && control_records(&batch)?
                .contains(&ControlRecord::SnapshotFooter(SnapshotFooterRecord));
    }
    if !is_whole || replay.is_in_transaction() {
        return Err(Error::unreadable(Offset::ZERO, "a snapshot has no footer"));
    }
    replay.last_timestamp = header.last_contained_log_timestamp;
    Ok(replay)
}

/// Reads a snapshot on top of `empty`.
pub(super) fn read(disk: &dyn Disk, dir: &Path, id: SnapshotId, empty: Image) -> Result<Replay> {
    let path = dir.join(id.to_string());
    let bytes = read_file(disk, &path).map_err(|err| failed("read", &path, err))?;
    decode(&bytes, empty)
}

/// Writes a snapshot so that a crash leaves all of it or nothing.
pub(super) fn write(
    disk: &dyn Disk,
    dir: &Path,
    id: SnapshotId,
    bytes: &[u8],
) -> storage::Result<()> {
    let path = dir.join(id.to_string());
    replace_file(disk, &path, bytes).map_err(|err| failed("write", &path, err))
}

/// Deletes a snapshot.
pub(super) fn remove(disk: &dyn Disk, dir: &Path, id: SnapshotId) -> storage::Result<()> {
    let path = dir.join(id.to_string());
    disk.remove_file(&path).map_err(|err| failed("delete", &path, err))
}

/// What the system said about `operation` on `path`.
pub(super) fn failed(operation: &'static str, path: &Path, source: io::Error) -> storage::Error {
    let path = path.to_path_buf();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            storage::Error::NoSpace { path }
        }
        _ => storage::Error::Io { operation, path, source },
    }
}
