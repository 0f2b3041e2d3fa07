//! The log on a real disk: starts, snapshots, large changes, and what crashes and damage leave behind.

use std::fs;
use std::path::{Path, PathBuf};

use config::{BROKER, Settings};
use protocol::TopicId;
use protocol::internal::metadata::{ClientQuotaRecord, ConfigRecord, TopicRecord};
use storage::disk::RealDisk;
use tempfile::TempDir;

use super::*;
use crate::decide::METADATA_VERSION;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// A directory and how the log in it is kept.
struct Place {
    dir: TempDir,
    config: MetadataLogConfig,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), config: config(1 << 30, 1 << 30) }
    }

    /// Snapshots every `snapshot_bytes`, and segments no larger than `segment_bytes`.
    fn with(snapshot_bytes: u64, segment_bytes: u32) -> Self {
        Self { config: config(snapshot_bytes, segment_bytes), ..Self::new() }
    }

    /// A copy of the directory, as a crash would leave it if the system lived on.
    fn copy(&self) -> Self {
        let copy = Self { dir: tempfile::tempdir().unwrap(), config: self.config.clone() };
        let log_dir = copy.log_dir();
        fs::create_dir_all(&log_dir).unwrap();
        for entry in fs::read_dir(self.log_dir()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), log_dir.join(entry.file_name())).unwrap();
        }
        copy
    }

    fn open(&self) -> Result<MetadataLog> {
        self.open_at(NOW)
    }

    fn open_at(&self, now: Timestamp) -> Result<MetadataLog> {
        MetadataLog::open(&OpenOptions {
            dir: self.dir.path().to_path_buf(),
            disk: Arc::new(RealDisk),
            node_id: BrokerId(1),
            cluster_id: "cluster",
            settings: &Settings::new(&BROKER),
            config: &self.config,
            now,
        })
    }

    fn log_dir(&self) -> PathBuf {
        self.dir.path().join("__cluster_metadata-0")
    }

    /// The files whose names end so, the first first.
    fn files(&self, suffix: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.log_dir()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            entries.filter(|path| path.to_str().unwrap().ends_with(suffix)).collect();
        files.sort();
        files
    }

    /// The one segment.
    fn segment(&self) -> PathBuf {
        let files = self.files(".log");
        assert_eq!(files.len(), 1);
        files[0].clone()
    }
}

fn config(snapshot_bytes_max: u64, segment_bytes: u32) -> MetadataLogConfig {
    MetadataLogConfig {
        segment_bytes,
        segment_ms: 7 * 24 * 3_600_000,
        snapshot_bytes_max,
        snapshot_interval_max_ms: None,
        retention_bytes_max: Some(0),
        retention_max_ms: None,
    }
}

fn topic(number: u8) -> Vec<MetadataRecord> {
    let (name, topic_id) = (format!("topic-{number}"), TopicId([number; 16]));
    vec![MetadataRecord::Topic(TopicRecord { name, topic_id })]
}

fn setting(key: &str, value: String) -> MetadataRecord {
    MetadataRecord::Config(ConfigRecord {
        resource_type: 2,
        resource_name: "topic".to_owned(),
        name: key.to_owned(),
        value: Some(value),
    })
}

/// A change that does not fit in one batch.
fn large() -> Vec<MetadataRecord> {
    (0..300).map(|number| setting(&format!("key-{number}"), "v".repeat(30_000))).collect()
}

/// Cuts a file to its first `len` bytes.
fn cut(path: &Path, len: u64) {
    fs::File::options().write(true).open(path).unwrap().set_len(len).unwrap();
}

fn names(image: &Image) -> Vec<String> {
    image.topics().map(|topic| topic.name.to_string()).collect()
}

#[test]
fn open_begins_a_cluster_and_goes_on_with_it() {
    let place = Place::new();
    let mut log = place.open().unwrap();
    assert_eq!(log.image().cluster_id(), "cluster");
    assert_eq!(log.image().feature_level(METADATA_VERSION), 30);
    assert_eq!(log.leader(), (BrokerId(1), LeaderEpoch(1)));
    // A leader change, six features and min.insync.replicas.
    assert_eq!(log.end_offset(), Offset(8));
    assert_eq!(log.propose(&topic(1), NOW).unwrap(), Offset(8));
    let image = log.image().clone();
    drop(log);
    let mut log = place.open().unwrap();
    assert_eq!(log.image(), &image);
    assert_eq!(log.leader(), (BrokerId(1), LeaderEpoch(2)));
    assert_eq!(log.end_offset(), Offset(10));
    log.propose(&topic(2), NOW).unwrap();
    log.close().unwrap();
    assert_eq!(names(place.open().unwrap().image()), ["topic-1", "topic-2"]);
    let metadata = fs::read_to_string(place.log_dir().join("partition.metadata")).unwrap();
    assert_eq!(metadata, "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ");
}

#[test]
fn propose_nothing_commits_nothing() {
    let place = Place::new();
    let mut log = place.open().unwrap();
    let end_offset = log.end_offset();
    assert_eq!(log.propose(&[], NOW).unwrap().next(), end_offset);
    assert_eq!(log.end_offset(), end_offset);
}

#[test]
fn propose_what_contradicts_writes_nothing() {
    let place = Place::new();
    let mut log = place.open().unwrap();
    log.propose(&topic(1), NOW).unwrap();
    let (image, end_offset) = (log.image().clone(), log.end_offset());
    let twice = [topic(2), topic(1)].concat();
    assert!(matches!(log.propose(&twice, NOW), Err(Error::Contradiction(_))));
    let too_long = [setting("key", "v".repeat(40_000))];
    assert!(matches!(log.propose(&too_long, NOW), Err(Error::Unwritable(_))));
    assert_eq!((log.image(), log.end_offset()), (&image, end_offset));
    drop(log);
    assert_eq!(place.open().unwrap().image(), &image);
}

#[test]
fn open_twice_is_refused() {
    let place = Place::new();
    let _log = place.open().unwrap();
    let error = place.open().unwrap_err();
    assert!(matches!(error, Error::Storage(storage::Error::Unusable { .. })), "{error}");
}

#[test]
fn crash_at_any_byte_of_a_change_leaves_all_of_it_or_nothing() {
    let place = Place::new();
    let mut log = place.open().unwrap();
    log.propose(&topic(1), NOW).unwrap();
    let whole = log.log.size();
    log.propose(&[topic(2), topic(3)].concat(), NOW).unwrap();
    let end = log.log.size();
    for len in whole..end {
        let copy = place.copy();
        cut(&copy.segment(), len);
        let mut log = copy.open().unwrap();
        assert_eq!(names(log.image()), ["topic-1"], "{len} of {end} bytes");
        log.propose(&topic(4), NOW).unwrap();
        drop(log);
        assert_eq!(names(copy.open().unwrap().image()), ["topic-1", "topic-4"]);
    }
}

#[test]
fn large_change_is_a_transaction() {
    let place = Place::new();
    let mut log = place.open().unwrap();
    let before = (log.image().clone(), log.end_offset(), log.log.size());
    let last = log.propose(&large(), NOW).unwrap();
    // The beginning and the end of the transaction have offsets of their own.
    assert_eq!(last - before.1, 300 + 2 - 1);
    let after = log.image().clone();
    assert_eq!(after.configs(crate::image::ResourceType::Topic).count(), 1);
    drop(log);
    let bytes = fs::read(place.segment()).unwrap();
    let mut position = usize::try_from(before.2).unwrap();
    let mut ends = Vec::new();
    for batch in protocol::record::Batches::new(&bytes[position..]) {
        position += batch.unwrap().bytes().len();
        ends.push(position);
    }
    assert_eq!(ends.len(), 3, "nine million bytes take three batches");
    for end in &ends[..2] {
        let copy = place.copy();
        cut(&copy.segment(), *end as u64);
        let mut log = copy.open().unwrap();
        assert!(log.image() == &before.0, "half a change is none");
        log.propose(&large(), NOW).unwrap();
        assert!(log.image() == &after);
        drop(log);
        assert!(copy.open().unwrap().image() == &after);
    }
    assert!(place.open().unwrap().image() == &after);
}

#[test]
fn snapshot_is_taken_when_the_log_has_grown_and_the_front_goes() {
    let place = Place::with(2_000, 4_000);
    let mut log = place.open().unwrap();
    for number in 1..=200 {
        log.propose(&topic(number), NOW).unwrap();
    }
    let image = log.image().clone();
    let snapshots = place.files(".checkpoint");
    assert_eq!(snapshots.len(), 2, "{snapshots:?}");
    assert!(log.log.log_start_offset() > Offset(100), "{}", log.log.log_start_offset());
    assert!(log.log.segment_count() < 4, "{} segments", log.log.segment_count());
    let end_offset = log.end_offset();
    drop(log);
    let log = place.open().unwrap();
    assert_eq!((log.image(), log.end_offset()), (&image, end_offset.next()));
    assert_eq!(log.leader().1, LeaderEpoch(2));
}

#[test]
fn snapshot_is_taken_after_a_while() {
    let mut place = Place::new();
    place.config.snapshot_interval_max_ms = Some(1_000);
    let mut log = place.open().unwrap();
    log.propose(&topic(1), NOW).unwrap();
    assert_eq!(place.files(".checkpoint").len(), 0);
    log.propose(&topic(2), Timestamp(NOW.0 + 1_000)).unwrap();
    assert_eq!(place.files(".checkpoint").len(), 1);
    log.propose(&topic(3), Timestamp(NOW.0 + 1_999)).unwrap();
    assert_eq!(place.files(".checkpoint").len(), 1);
}

#[test]
fn snapshots_stay_as_long_as_they_may() {
    let mut place = Place::new();
    place.config.retention_bytes_max = None;
    place.config.retention_max_ms = Some(1_000);
    let mut log = place.open().unwrap();
    for number in 0..5 {
        log.propose(&topic(number), NOW).unwrap();
        log.take_snapshot(Timestamp(NOW.0 + i64::from(number))).unwrap();
    }
    assert_eq!(place.files(".checkpoint").len(), 5);
    log.propose(&topic(5), NOW).unwrap();
    log.take_snapshot(Timestamp(NOW.0 + 1_003)).unwrap();
    // The first three are older than a second.
    assert_eq!(place.files(".checkpoint").len(), 3);
    log.take_snapshot(Timestamp(NOW.0 + 1_004)).unwrap();
    assert_eq!(place.files(".checkpoint").len(), 3, "of the same records there is one already");
}

#[test]
fn damaged_snapshot_is_done_without() {
    let place = Place::with(2_000, 4_000);
    let mut log = place.open().unwrap();
    for number in 1..=200 {
        log.propose(&topic(number), NOW).unwrap();
    }
    let image = log.image().clone();
    drop(log);
    let len = fs::metadata(place.files(".checkpoint").last().unwrap()).unwrap().len();
    // The header is torn, the image is, the footer is, and the footer is missing.
    for kept in [0, 30, 100, len / 2, len - 1, len - 70] {
        let copy = place.copy();
        cut(copy.files(".checkpoint").last().unwrap(), kept);
        assert_eq!(copy.open().unwrap().image(), &image, "{kept} of {len} bytes");
    }
    let copy = place.copy();
    for snapshot in copy.files(".checkpoint") {
        cut(&snapshot, 0);
    }
    let error = copy.open().unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
}

#[test]
fn lost_log_goes_on_behind_its_snapshot() {
    let place = Place::new();
    let mut log = place.open().unwrap();
    log.propose(&topic(1), NOW).unwrap();
    log.take_snapshot(NOW).unwrap();
    let (image, end_offset) = (log.image().clone(), log.end_offset());
    drop(log);
    for file in [place.files(".log"), place.files("index")].concat() {
        fs::remove_file(file).unwrap();
    }
    let mut log = place.open().unwrap();
    assert_eq!((log.image(), log.end_offset()), (&image, end_offset.next()));
    assert_eq!(log.leader().1, LeaderEpoch(2));
    log.propose(&topic(2), NOW).unwrap();
    drop(log);
    assert_eq!(names(place.open().unwrap().image()), ["topic-1", "topic-2"]);
}

#[test]
fn snapshot_id_is_the_name_of_its_file() {
    let id = SnapshotId { end_offset: Offset(42), epoch: LeaderEpoch(3) };
    let place = Place::new();
    fs::create_dir_all(place.log_dir()).unwrap();
    for name in [
        "00000000000000000042-0000000003.checkpoint",
        "00000000000000000042-0000000003.checkpoint.deleted",
        "0000000000000000042-0000000003.checkpoint",
        "00000000000000000042-+000000003.checkpoint",
        "99999999999999999999-0000000003.checkpoint",
        "00000000000000000042.log",
    ] {
        fs::write(place.log_dir().join(name), "").unwrap();
    }
    let found = snapshot::list(&RealDisk, &place.log_dir()).unwrap();
    assert_eq!(found.iter().map(|snapshot| snapshot.id).collect::<Vec<_>>(), [id]);
    assert_eq!(id.to_string(), "00000000000000000042-0000000003.checkpoint");
}

#[test]
fn record_that_this_version_does_not_keep_stops_the_start() {
    let place = Place::new();
    let mut log = place.open().unwrap();
    let quota = MetadataRecord::ClientQuota(ClientQuotaRecord {
        entity: Vec::new(),
        key: "producer_byte_rate".to_owned(),
        value: 1.0,
        remove: false,
    });
    assert!(matches!(log.propose(std::slice::from_ref(&quota), NOW), Err(Error::Contradiction(_))));
    let batches = batches::encode(&[quota], log.leader_epoch, NOW).unwrap();
    log.append(&batches, NOW).unwrap();
    drop(log);
    let bytes = fs::read(place.segment()).unwrap();
    let error = place.open().unwrap_err();
    assert!(error.to_string().contains("client quotas"), "{error}");
    assert_eq!(fs::read(place.segment()).unwrap(), bytes, "the log is left as it is");
}

#[test]
fn closed_directory_refuses_changes() {
    let place = Place::new();
    let mut log = place.open().unwrap();
    let image = log.image().clone();
    log.dir.take_offline("the disk is on fire");
    let error = log.propose(&topic(1), NOW).unwrap_err();
    assert!(error.to_string().contains("on fire"), "{error}");
    assert_eq!(log.image(), &image);
}
