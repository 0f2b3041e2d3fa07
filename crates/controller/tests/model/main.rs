//! Any decisions in any order: what they leave is sound, every node comes to the same image, and so does the log after
//! any crash.

mod steps;
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{BROKER, BrokerConfig, Settings};
use controller::image::Partition;
use controller::log::OpenOptions;
use controller::{Image, MetadataLog, Quorum as _};
use proptest::prelude::*;
use protocol::internal::metadata::MetadataRecord;
use protocol::{BrokerId, PartitionId, Timestamp};
use storage::disk::RealDisk;

use steps::steps;
use world::{CLUSTER_ID, World};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn decisions_leave_a_sound_image_that_is_the_same_everywhere(steps in steps(60)) {
        let mut world = World::new();
        // One node publishes an image after each decision, one after every few records, and one never.
        let mut seldom = Image::new(CLUSTER_ID);
        let mut published = Vec::new();
        let mut all = world.take_records();
        for step in &steps {
            let before = world.image.clone();
            world.decide(step);
            check_sound(&before, &world.image);
            all.extend(world.take_records());
        }
        for (idx, record) in all.iter().enumerate() {
            seldom.apply(record).expect("it was applied before");
            if idx % 7 == 0 {
                published.push(seldom.clone());
            }
        }
        let never = replay(&all);
        prop_assert_eq!(&seldom, &world.image);
        prop_assert_eq!(&never, &world.image);
        prop_assert_eq!(&replay(&world.image.records()), &world.image);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn log_makes_the_image_again_after_any_crash(
        steps in steps(40),
        crashes in prop::collection::vec((0..40usize, 0..=1000u64), 0..4),
        snapshot_bytes in 200..4_000u64,
        segment_bytes in 2_000..8_000u32,
    ) {
        let dir = tempfile::tempdir().expect("the temporary folder is writable");
        let open = || open(dir.path(), snapshot_bytes, segment_bytes);
        let mut log = open();
        let mut world = World::at(log.image().clone());
        for (idx, step) in steps.iter().enumerate() {
            let before = (world.image.clone(), active(dir.path()));
            world.decide(step);
            let records = world.take_records();
            log.propose(&records, NOW).expect("the records fit the image");
            prop_assert_eq!(log.image(), &world.image);
            if let Some((_, permille)) = crashes.iter().find(|(at, _)| *at == idx) {
                drop(log);
                let is_whole = crash(dir.path(), &before.1, *permille);
                log = open();
                let expected = if is_whole { &world.image } else { &before.0 };
                prop_assert_eq!(log.image(), expected);
                world = World::at(log.image().clone());
            }
        }
        drop(log);
        let log = open();
        prop_assert_eq!(log.image(), &world.image);
    }
}

fn replay(records: &[MetadataRecord]) -> Image {
    let mut image = Image::new(CLUSTER_ID);
    for record in records {
        image.apply(record).expect("it was applied before");
    }
    image
}

/// What holds in every image, and of every change.
fn check_sound(before: &Image, after: &Image) {
    for topic in after.topics() {
        assert_eq!(after.topic_by_id(topic.id).map(|other| &other.name), Some(&topic.name));
        let numbers = (0..).map(PartitionId).take(topic.partitions.len());
        assert!(topic.partitions.keys().copied().eq(numbers), "{topic:?}");
        for (number, partition) in &topic.partitions {
            check_partition(after, partition);
            let before = before.topic_by_id(topic.id).and_then(|t| t.partitions.get(number));
            if let Some(before) = before {
                check_epochs(before, partition);
            }
        }
    }
    let ids: BTreeSet<_> = after.topics().map(|topic| topic.id).collect();
    assert_eq!(ids.len(), after.topic_count());
}

fn check_partition(image: &Image, partition: &Partition) {
    let is_replica = |id: &BrokerId| partition.replicas.contains(id);
    assert_eq!(partition.replicas.len(), partition.directories.len());
    assert!(partition.isr.iter().chain(&partition.elr).all(is_replica), "{partition:?}");
    assert!(partition.elr.iter().all(|id| !partition.isr.contains(id)), "{partition:?}");
    if let Some(leader) = partition.leader {
        assert!(partition.isr.contains(&leader), "{partition:?}");
        assert!(image.broker(leader).is_some_and(|broker| broker.is_active()), "{partition:?}");
    }
}

/// Another leader has another epoch, and no change goes without one.
fn check_epochs(before: &Partition, after: &Partition) {
    let elections = after.leader_epoch.0 - before.leader_epoch.0;
    let is_counted = if before.leader == after.leader { elections >= 0 } else { elections > 0 };
    assert!(is_counted, "{before:?} {after:?}");
    let changes = after.partition_epoch - before.partition_epoch;
    assert!(if before == after { changes == 0 } else { changes > 0 }, "{before:?} {after:?}");
}

fn open(dir: &Path, snapshot_bytes: u64, segment_bytes: u32) -> MetadataLog {
    let settings = Settings::new(&BROKER);
    let mut config = BrokerConfig::new(&settings).expect("the defaults fit").metadata_log;
    config.snapshot_bytes_max = snapshot_bytes;
    config.segment_bytes = segment_bytes;
    config.retention_bytes_max = Some(0);
    let options = OpenOptions {
        dir: dir.to_path_buf(),
        disk: Arc::new(RealDisk),
        node_id: BrokerId(1),
        cluster_id: CLUSTER_ID,
        settings: &settings,
        config: &config,
        now: NOW,
    };
    MetadataLog::open(&options).expect("what is left by a crash can be opened")
}

/// The files of the log whose names end so, without that end; sorted.
fn files(dir: &Path, suffix: &str) -> Vec<String> {
    let entries = fs::read_dir(log_dir(dir)).expect("the log was opened").flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> =
        names.filter_map(|name| name.strip_suffix(suffix).map(str::to_owned)).collect();
    names.sort();
    names
}

fn log_dir(dir: &Path) -> PathBuf {
    dir.join("__cluster_metadata-0")
}

/// The base offset of the segment that takes the appends, and its file and length.
fn active(dir: &Path) -> (String, PathBuf, u64) {
    let base = files(dir, ".log").pop().expect("a log has a segment");
    let path = log_dir(dir).join(format!("{base}.log"));
    let len = fs::metadata(&path).expect("the segment is there").len();
    (base, path, len)
}

/// Takes a part of the last change away, as a crash may that came before it was synced. Says whether all of it is still
/// there: because nothing was cut, or because a snapshot has been taken since, which is done with what is synced.
fn crash(dir: &Path, before: &(String, PathBuf, u64), permille: u64) -> bool {
    let (base, path, end) = active(dir);
    let start = if base == before.0 { before.2 } else { 0 };
    let kept = start + (end - start) * permille / 1000;
    let has_snapshot = files(dir, ".checkpoint").pop().is_some_and(|newest| newest > base);
    if kept == end || has_snapshot {
        return true;
    }
    let file = fs::File::options().write(true).open(path).expect("the segment is there");
    file.set_len(kept).expect("a file can be cut");
    false
}
