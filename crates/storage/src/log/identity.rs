//! Whose a log is, and when that is on stable storage.
//!
//! Making a log syncs nothing, as in Kafka: a thousand new partitions would wait for the disk thousands of times. The first
//! flush makes up for it, before it says that it is done: the file that names the topic, the names in the directory, and
//! the directory's own. So whatever a power loss leaves of a log before that, nothing flushed is in it:
//!
//! - no directory: the log is made anew, empty;
//! - a directory whose file is missing or torn: the log is that of the topic that has the name now, because the directory
//!   of an earlier one has lost the name before it could be given again (`store/partitions.rs`), and it gets the file anew.
//!
//! A log that has been flushed must have the file whole, and is not opened if it has not.

use std::io;

use protocol::TopicId;

use super::open::{Listed, OpenOptions};
use super::{Log, Writer};
use crate::disk::{Disk, Open, replace_file, write_all_at};
use crate::error::{Error, IoContext, Result};
use crate::files::{self, partition_metadata};
use crate::handles::lock;

impl Log {
    /// Says whose the log is, if that is not known; refuses if it is another topic's.
    pub(crate) fn assign_topic_id(&self, topic_id: TopicId) -> Result<()> {
        match self.topic_id.get() {
            Some(own) if *own == topic_id => return Ok(()),
            Some(own) => {
                let reason =
                    format!("the log is of the topic with the id {own}, and not of {topic_id}");
                return Err(Error::corrupt(&self.path(), reason));
            }
            None => {}
        }
        let writer = lock(&self.writer);
        let written = self.write_topic_id(&writer, topic_id);
        self.offline_on_io_error(written)?;
        // Who comes second has the same: ids are assigned by one at a time.
        let _first = self.topic_id.set(topic_id);
        Ok(())
    }

    fn write_topic_id(&self, writer: &Writer, topic_id: TopicId) -> Result<()> {
        let dir = self.dir.load();
        let path = self.path().join(partition_metadata::FILE_NAME);
        let bytes = partition_metadata::encode(topic_id);
        if !writer.is_new {
            return replace_file(dir.disk(), &path, &bytes).context("write", &path);
        }
        let file = dir.disk().open(&path, Open::Truncate).context("make", &path)?;
        write_all_at(&*file, &bytes, 0).context("write to", &path)
    }

    /// Makes durable that there is this log, and whose it is.
    pub(super) fn sync_identity(&self) -> Result<()> {
        let (dir, path) = (self.dir.load(), self.path());
        let disk = dir.disk();
        if self.topic_id.get().is_some() {
            let metadata = path.join(partition_metadata::FILE_NAME);
            let file = disk.open(&metadata, Open::Read).context("open", &metadata)?;
            file.sync_data().map_err(|err| Error::failed_sync(&metadata, err))?;
        }
        self.sync_names()?;
        let root = path.parent().unwrap_or(&path);
        disk.sync_dir(root).map_err(|err| Error::failed_sync(root, err))
    }
}

/// Reads whose the log is; `None` where nothing says so, or where a power loss has torn what would.
pub(super) fn read_topic_id(
    disk: &dyn Disk,
    options: &OpenOptions,
    listed: &Listed,
) -> Result<Option<TopicId>> {
    let path = options.path.join(partition_metadata::FILE_NAME);
    let is_flushed = options.recovery_point.0 > 0 || (options.was_clean && listed.has_batches());
    match files::read(disk, &path, partition_metadata::decode) {
        Err(err) if err.kind() == io::ErrorKind::InvalidData && !is_flushed => {
            tracing::warn!(%err, "a log that was never flushed does not say whose it is: taking it for that of its name");
            Ok(None)
        }
        read => read.context("read", &path),
    }
}
