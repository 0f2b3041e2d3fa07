//! Markers on their way into partitions. Those of this broker are written by a call; the answer for others is that they are
//! not led here, upon which the coordinator tries again.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use controller::image::Image;
use coordinator::txn::Markers;
use protocol::record::{BatchOptions, ControlType, EndTxnMarker};
use protocol::{ErrorCode, Offset, TopicPartition};
use storage::Error;
use storage::log::{Appended, LeaderAppend};
use storage::producer::Origin;
use storage::validate::{Rules, validate};
use tokio::time::{Instant, timeout_at};

use crate::broker::now;
use crate::drivers::groups::Groups;
use crate::errors::Failure;
use crate::partition::{Partition, Watched};
use crate::partitions::Partitions;
use crate::topics::CONSUMER_OFFSETS;
use crate::watchers::Waiter;

/// How long a marker may take to be replicated before it is written again.
const REPLICATION_LIMIT: Duration = Duration::from_secs(30);

/// Writes markers into the partitions of this broker.
#[derive(Debug)]
pub(crate) struct MarkerWriter {
    partitions: Arc<Partitions>,
    groups: Arc<Groups>,
    image: Arc<ArcSwap<Image>>,
}

/// A marker that is appended, and not as safe yet as it must be.
#[derive(Debug)]
pub(crate) struct Unwritten {
    name: TopicPartition,
    partition: Arc<Partition>,
    end_offset: Offset,
    must_flush: bool,
}

/// The partitions that have their marker, or why not.
pub(crate) type Written = Vec<(TopicPartition, ErrorCode)>;

impl MarkerWriter {
    pub(crate) fn new(
        partitions: Arc<Partitions>,
        groups: Arc<Groups>,
        image: Arc<ArcSwap<Image>>,
    ) -> Self {
        Self { partitions, groups, image }
    }

    /// Appends a transaction's markers. What is replicated only later is handed to [`wait_for`].
    pub(crate) fn append(&self, markers: &Markers) -> (Written, Vec<Unwritten>) {
        let (mut written, mut unwritten) = (Vec::new(), Vec::new());
        for name in &markers.partitions {
            let appended = match self.partitions.get(name) {
                Some(partition) => self.append_to(&partition, markers).map(|it| (partition, it)),
                None => Err(ErrorCode::UnknownTopicOrPartition.into()),
            };
            match appended {
                Ok((partition, Appended { last_offset, must_flush, .. })) => {
                    let end_offset = last_offset.next();
                    if partition.is_acknowledged(end_offset, must_flush) {
                        written.push((name.clone(), ErrorCode::None));
                    } else {
                        let name = name.clone();
                        unwritten.push(Unwritten { name, partition, end_offset, must_flush });
                    }
                }
                Err(Failure { code, .. }) => written.push((name.clone(), code)),
            }
        }
        (written, unwritten)
    }

    /// The same for a coordinator, to whom a partition that is deleted counts as done.
    pub(crate) fn append_for_coordinator(&self, markers: &Markers) -> (Written, Vec<Unwritten>) {
        let (mut written, unwritten) = self.append(markers);
        let image = self.image.load();
        for (name, code) in &mut written {
            let topic = image.topic(&name.topic);
            let exists = topic.is_some_and(|it| it.partitions.contains_key(&name.partition));
            if *code == ErrorCode::UnknownTopicOrPartition && !exists {
                *code = ErrorCode::None;
            }
        }
        (written, unwritten)
    }

    fn append_to(
        &self,
        partition: &Arc<Partition>,
        markers: &Markers,
    ) -> Result<Appended, Failure> {
        let control = if markers.is_commit { ControlType::Commit } else { ControlType::Abort };
        let name = partition.topic_partition();
        if *name.topic == *CONSUMER_OFFSETS {
            let append = || append_marker(partition, markers, control);
            return self.groups.end_txn(name.partition, markers.producer_id, control, append);
        }
        append_marker(partition, markers, control)
    }
}

fn append_marker(
    partition: &Partition,
    markers: &Markers,
    control: ControlType,
) -> Result<Appended, Failure> {
    let options = BatchOptions {
        producer_id: markers.producer_id,
        producer_epoch: markers.producer_epoch,
        ..BatchOptions::default()
    };
    let marker = EndTxnMarker { coordinator_epoch: markers.coordinator_epoch };
    let now = now();
    let batch = Bytes::from(marker.batch(control, now, &options));
    let config = partition.log.config();
    let origin = Origin::Coordinator;
    let rules = Rules { config: &config, origin, now };
    let records = validate(&batch, &rules).map_err(Error::from)?;
    let transaction_version = markers.transaction_version;
    let append = LeaderAppend { transaction_version, ..LeaderAppend::new(&records, origin) };
    Ok(partition.append(&append, config.min_insync_replicas, now)?)
}

/// Waits until markers are as safe as they must be.
pub(crate) async fn wait_for(mut unwritten: Vec<Unwritten>) -> Written {
    let deadline = Instant::now() + REPLICATION_LIMIT;
    let waiter = Waiter::join(unwritten.iter().map(|it| Watched(Arc::clone(&it.partition))));
    for it in unwritten.iter().filter(|it| it.must_flush) {
        let (log, end_offset) = (Arc::clone(&it.partition.log), it.end_offset);
        // Whether it has worked is seen by the flushed offset.
        drop(tokio::task::spawn_blocking(move || log.flush_to(end_offset)));
    }
    let mut written = Vec::new();
    loop {
        unwritten.retain(|it| {
            let is_safe = it.partition.is_acknowledged(it.end_offset, it.must_flush);
            if is_safe {
                written.push((it.name.clone(), ErrorCode::None));
            }
            !is_safe
        });
        if unwritten.is_empty() || timeout_at(deadline, waiter.woken()).await.is_err() {
            let late = unwritten.into_iter().map(|it| (it.name, ErrorCode::RequestTimedOut));
            written.extend(late);
            return written;
        }
    }
}
