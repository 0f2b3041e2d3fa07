//! The broker as those see it who only watch: the metrics, the health.
//!
//! To look changes nothing and holds nothing up: offsets are loaded from atomics, and a shard of groups, or a log with an
//! open transaction, is locked no longer than it takes to copy its numbers.

mod groups;
mod health;

use std::path::PathBuf;
use std::sync::Arc;

use protocol::{Offset, PartitionId, Timestamp, TopicPartition};

pub(crate) use groups::LagClock;
pub use groups::{GroupOffset, GroupStatus, Lag};
pub use health::Phase;
pub(crate) use health::PhaseCell;
pub use storage::store::CleanerStats;

use crate::broker::Broker;
use crate::metrics::{Connections, Requests};

/// A running broker, to be looked at.
#[derive(Debug, Clone)]
pub struct Status(pub(crate) Arc<Broker>);

/// A partition that the broker leads.
#[derive(Debug, Clone)]
pub struct PartitionStatus {
    /// The topic.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: PartitionId,
    /// The first offset there is.
    pub log_start_offset: Offset,
    /// The offset that the next record gets.
    pub log_end_offset: Offset,
    /// Consumers read up to here.
    pub high_watermark: Offset,
    /// Consumers of committed transactions read up to here.
    pub last_stable_offset: Offset,
    /// Everything below is on stable storage.
    pub flushed_offset: Offset,
    /// The bytes of its segments.
    pub size_bytes: u64,
    /// How many segments there are.
    pub segments: usize,
}

/// A log directory.
#[derive(Debug, Clone)]
pub struct LogDirStatus {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is offline, if it is.
    pub offline_reason: Option<String>,
    /// Whether so little is free that produce is refused.
    pub is_low: bool,
    /// The size of its file system, and what is free of it; `None` if the system does not say.
    pub total_and_free_bytes: Option<(u64, u64)>,
}

impl Status {
    /// The broker's id.
    pub fn node_id(&self) -> i32 {
        self.0.node_id.0
    }

    /// The cluster that it belongs to.
    pub fn cluster_id(&self) -> &str {
        self.0.storage.cluster_id()
    }

    /// The requests since the start.
    pub fn requests(&self) -> &Requests {
        &self.0.shared.requests
    }

    /// The connections of all listeners.
    pub fn connections(&self) -> &[Arc<Connections>] {
        &self.0.connections
    }

    /// The bytes that requests take which are being read or served, and how many they may take.
    pub fn request_memory(&self) -> (u64, u64) {
        let memory = &self.0.shared.memory;
        (memory.lent_bytes(), memory.limit_bytes())
    }

    /// How many topics there are in the cluster.
    pub fn topic_count(&self) -> usize {
        self.0.image.load().topic_count()
    }

    /// The last record of the metadata that this broker has applied.
    pub fn metadata_offset(&self) -> Offset {
        self.0.metadata.last_offset()
    }

    /// How many partitions the broker leads.
    pub fn partition_count(&self) -> usize {
        self.0.partitions.all().len()
    }

    /// The partitions that the broker leads, those of a topic one after the other.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionStatus> {
        let partitions = self.0.partitions.all().into_iter();
        partitions.map(|partition| {
            let log = &partition.log;
            let id = log.topic_partition();
            PartitionStatus {
                topic: Arc::clone(&id.topic),
                partition: id.partition,
                log_start_offset: log.log_start_offset(),
                log_end_offset: log.log_end_offset(),
                high_watermark: log.high_watermark(),
                last_stable_offset: log.last_stable_offset(),
                flushed_offset: log.flushed_offset(),
                size_bytes: log.size(),
                segments: log.segment_count(),
            }
        })
    }

    /// The partitions that the broker leads in which a transaction is open that should have been ended long ago: nobody who
    /// reads committed records gets past it.
    pub fn late_transactions(&self, now: Timestamp) -> impl Iterator<Item = TopicPartition> {
        let max_timeout_ms = self.0.config.transactions.max_timeout_ms;
        let max_timeout_ms = i64::try_from(max_timeout_ms).unwrap_or(i64::MAX);
        let partitions = self.0.partitions.all().into_iter().map(|partition| partition.log.clone());
        let late = partitions.filter(move |log| log.has_late_transaction(now, max_timeout_ms));
        late.map(|log| log.topic_partition().clone())
    }

    /// The log directories. The file systems are asked for their sizes, and may take their time.
    pub fn log_dirs(&self) -> Vec<LogDirStatus> {
        let opened: Vec<_> = self.0.storage.dirs().map(|(dir, _)| dir).collect();
        let dirs = self.0.config.storage.log_dirs.iter().map(|path| {
            let Some(dir) = opened.iter().find(|dir| dir.path() == path) else {
                return LogDirStatus {
                    path: path.clone(),
                    offline_reason: Some("it did not work when the broker started".to_owned()),
                    is_low: false,
                    total_and_free_bytes: None,
                };
            };
            let disk = dir.pool().disk();
            let sizes = || Some((disk.total_bytes(path).ok()?, disk.free_bytes(path).ok()?));
            LogDirStatus {
                path: path.clone(),
                offline_reason: dir.offline_reason().map(str::to_owned),
                is_low: dir.is_low(),
                total_and_free_bytes: sizes(),
            }
        });
        dirs.collect()
    }

    /// How many files of logs are open; each may be mapped into memory.
    pub fn open_log_files(&self) -> usize {
        // The directories share one pool.
        self.0.storage.dirs().next().map_or(0, |(dir, _)| dir.pool().open_count())
    }

    /// What compaction has done since the start.
    pub fn cleaner(&self) -> CleanerStats {
        self.0.storage.cleaner_stats()
    }
}
