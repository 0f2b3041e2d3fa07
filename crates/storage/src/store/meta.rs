//! Whose a log directory is: `meta.properties`, the lock, and the clean shutdown marker.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex};

use protocol::BrokerId;

use super::{Dir, StorageOptions};
use crate::dir::LogDir;
use crate::disk::{Disk, replace_file};
use crate::error::{Error, IoContext, Result};
use crate::files;
use crate::files::clean_shutdown;
use crate::files::meta_properties::{self, DirectoryId, MetaProperties};
use crate::handles::HandlePool;

/// Kafka's own lock file: a running Apache Kafka and we keep each other out.
const LOCK_FILE: &str = ".lock";

/// Locks the directory at `path`, making it if it does not exist, and reads whose it is.
pub(super) fn claim(
    path: &Path,
    pool: &Arc<HandlePool>,
    options: &StorageOptions,
) -> Result<(Dir, Option<MetaProperties>)> {
    let disk = &*options.disk;
    disk.create_dir_all(path).context("make", path)?;
    let lock = disk.lock(&path.join(LOCK_FILE)).map_err(|err| match err.kind() {
        io::ErrorKind::WouldBlock => Error::Unusable {
            path: path.to_path_buf(),
            reason: "another process has locked it: stop that one, or give this one a directory of its own".to_string(),
        },
        _ => Error::io("lock", path, err),
    })?;
    let meta_path = path.join(meta_properties::FILE_NAME);
    let meta = files::read(disk, &meta_path, MetaProperties::decode);
    let meta = meta.map_err(|err| match err.kind() {
        io::ErrorKind::InvalidData => Error::corrupt(&meta_path, err),
        _ => Error::io("read", &meta_path, err),
    })?;
    if let Some(meta) = &meta {
        check_owner(path, meta, options)?;
    }
    let id = meta.as_ref().and_then(|meta| meta.directory_id);
    let id = id.unwrap_or_else(|| DirectoryId(*uuid::Uuid::new_v4().as_bytes()));
    let log_dir = LogDir::new(path.to_path_buf(), Arc::clone(pool), Arc::clone(&options.observer));
    let is_cordoned = options.config.cordoned_log_dirs.iter().any(|cordoned| cordoned == path);
    let dir = Dir {
        log_dir,
        id,
        is_cordoned: AtomicBool::new(is_cordoned),
        log_count: AtomicUsize::new(0),
        is_stale: AtomicBool::new(false),
        unopened: Mutex::default(),
        _lock: lock,
    };
    Ok((dir, meta))
}

fn check_owner(path: &Path, meta: &MetaProperties, options: &StorageOptions) -> Result<()> {
    if meta.node_id != options.node_id {
        let reason = format!(
            "it belongs to node {}, and this is node {}: set node.id to {0}, or choose another log.dirs",
            meta.node_id, options.node_id
        );
        return Err(Error::Unusable { path: path.to_path_buf(), reason });
    }
    Ok(())
}

/// Refuses a directory of another cluster, and one that is a copy of another.
pub(super) fn check_cluster(
    claimed: &[(Dir, Option<MetaProperties>)],
    cluster_id: &str,
) -> Result<()> {
    for (dir_idx, (dir, meta)) in claimed.iter().enumerate() {
        let path = dir.log_dir.path().to_path_buf();
        if let Some(meta) = meta.as_ref().filter(|meta| meta.cluster_id != cluster_id) {
            let other = &meta.cluster_id;
            let reason = format!(
                "it belongs to cluster {other}, and this node to {cluster_id}: choose another log.dirs"
            );
            return Err(Error::Unusable { path, reason });
        }
        let earlier = claimed.iter().take(dir_idx);
        if let Some((twin, _)) = earlier.clone().find(|(other, _)| other.id == dir.id) {
            let twin = twin.log_dir.path().display();
            let reason = format!(
                "it has the directory.id of {twin}, of which it must be a copy: take one of them out of log.dirs"
            );
            return Err(Error::Unusable { path, reason });
        }
    }
    Ok(())
}

/// Writes whose the directory is, unless it says so already.
pub(super) fn mark(
    disk: &dyn Disk,
    dir: &Dir,
    meta: Option<MetaProperties>,
    cluster_id: &str,
    node_id: BrokerId,
) -> Result<()> {
    if meta.as_ref().is_some_and(|meta| meta.directory_id.is_some()) {
        return Ok(());
    }
    let others = meta.map(|meta| meta.others).unwrap_or_default();
    let cluster_id = cluster_id.to_string();
    let meta = MetaProperties { cluster_id, node_id, directory_id: Some(dir.id), others };
    let path = dir.log_dir.path().join(meta_properties::FILE_NAME);
    replace_file(disk, &path, &meta.encode()).context("write", &path)
}

/// The marker of a process that closed all logs: the epoch of its broker, if it says so. It is gone afterwards, before
/// anything is written, and the files that the start goes by are those that the next one would find, should the power fail
/// in between: recovery writes the indexes anew from the recovery point on, and with a later one nobody would look at them.
pub(super) fn take_clean_marker(disk: &dyn Disk, dir: &Path) -> Result<Option<Option<i64>>> {
    let path = dir.join(clean_shutdown::FILE_NAME);
    let read = files::read(disk, &path, |bytes| Ok(clean_shutdown::decode(bytes)));
    // A marker that cannot be read is one without an epoch.
    let epoch = read.ok().flatten().flatten();
    let epoch = match disk.remove_file(&path) {
        Ok(()) => Some(epoch),
        Err(err) if err.kind() == io::ErrorKind::NotFound => None,
        Err(err) => return Err(Error::io("delete", &path, err)),
    };
    disk.sync_dir(dir).context("sync", dir).map(|()| epoch)
}

/// Says that all logs have been closed.
pub(super) fn put_clean_marker(disk: &dyn Disk, dir: &Path, broker_epoch: i64) -> Result<()> {
    let path = dir.join(clean_shutdown::FILE_NAME);
    replace_file(disk, &path, &clean_shutdown::encode(broker_epoch)).context("write", &path)
}
