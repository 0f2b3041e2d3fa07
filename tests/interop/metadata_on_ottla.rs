//! The cluster's metadata: Apache Kafka's `kafka-dump-log --cluster-metadata-decoder` reads the log and the snapshots
//! that Ottla wrote, and Ottla makes an image of what Kafka's controller wrote.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{BROKER, BrokerConfig, MetadataLogConfig, Settings};
use controller::decide::{
    self, CreateTopics, FEATURES, NewTopic, Registration, allocate_producer_ids, create_topics,
    fence_broker, register_broker, unfence_broker,
};
use controller::{Cluster, Decision, Image, MetadataLog, Quorum};
use protocol::internal::metadata::{ConfigRecord, Endpoint, MetadataRecord};
use protocol::{BrokerId, PartitionId, TopicId};
use serde_json::Value;
use storage::disk::RealDisk;
use storage::files::meta_properties::DirectoryId;

use crate::dump_log::{DumpedFile, dump_log};
use crate::made_logs::{Stop, kafka_made_logs};
use crate::ottla_logs::NOW;

const BROKER_ID: BrokerId = BrokerId(1);

#[test]
fn kafka_reads_the_metadata_that_ottla_wrote() {
    let dir = tempfile::tempdir().expect("the temporary folder is writable");
    let mut log = open(dir.path());
    let mut written = log.image().records().len();
    for decision in decisions() {
        let Decision { records, .. } = decision(&log);
        log.propose(&records, NOW).expect("the records fit the image");
        written += records.len();
    }
    let large = large_change();
    log.propose(&large, NOW).expect("the records fit the image");
    log.take_snapshot(NOW).expect("there is room");
    let image = log.image().clone();
    log.close().expect("the log can be closed");

    let [dumped] = &*dump(dir.path(), ".log") else { panic!("there is one segment") };
    let payloads = payloads(dumped);
    // A transaction has a beginning and an end of its own.
    assert_eq!(payloads.len(), written + large.len() + 2);
    check_payloads(&payloads);
    let epochs: Vec<_> = dumped.batches.iter().map(|b| b.number("partitionLeaderEpoch")).collect();
    assert!(epochs.iter().all(|epoch| *epoch == 1), "{epochs:?}");
    let control = dumped.batches.iter().filter(|batch| batch.text("isControl") == "true");
    assert_eq!(control.count(), 1, "the leader change");

    let [snapshot] = &*dump(dir.path(), ".checkpoint") else { panic!("there is one snapshot") };
    let is_control: Vec<_> = snapshot.batches.iter().map(|b| b.text("isControl")).collect();
    assert_eq!((is_control.first(), is_control.last()), (Some(&"true"), Some(&"true")));
    assert_eq!(self::payloads(snapshot).len(), image.records().len());
}

#[test]
fn ottla_reads_the_metadata_that_kafka_wrote() {
    for stop in [Stop::Clean, Stop::Killed] {
        let made = kafka_made_logs(stop);
        let copy = made.copy();
        let log = open(copy.path());
        let image = log.image().clone();
        let mut partitions = BTreeMap::<&str, usize>::new();
        for ends in &made.ends {
            *partitions.entry(&ends.topic).or_default() += 1;
        }
        for (name, count) in partitions {
            let topic = image.topic(name).unwrap_or_else(|| panic!("{name} is not in the image"));
            assert_eq!(topic.partitions.len(), count, "{name}");
            let first = &topic.partitions[&PartitionId(0)];
            assert_eq!((first.replicas.len(), first.directories.len()), (1, 1), "{name}");
        }
        // Kafka formats its directory as we begin ours.
        let formatted = FEATURES.map(|feature| (feature.name.to_owned(), feature.levels.max));
        assert_eq!(image.features(), &BTreeMap::from(formatted));
        assert!(image.brokers().count() == 1 && image.topic_count() > 0);
        let broker = image.brokers().next().expect("there is one");
        assert!(broker.features.contains_key(decide::METADATA_VERSION));
        drop(log);
        assert_eq!(open(copy.path()).image(), &image, "our records do not change the image");
    }
}

fn open(dir: &Path) -> MetadataLog {
    let options = controller::log::OpenOptions {
        dir: dir.to_path_buf(),
        disk: Arc::new(RealDisk),
        node_id: BROKER_ID,
        cluster_id: "5L6g3nShT-eMCtK--X86sw",
        settings: &Settings::new(&BROKER),
        config: &metadata_log_config(),
        now: NOW,
    };
    MetadataLog::open(&options).expect("the log opens")
}

fn metadata_log_config() -> MetadataLogConfig {
    BrokerConfig::new(&Settings::new(&BROKER)).expect("Kafka's defaults").metadata_log
}

type Decide = Box<dyn Fn(&MetadataLog) -> Decision<()>>;

/// A broker comes, topics are created, and the broker goes and comes again.
fn decisions() -> Vec<Decide> {
    let forget = |records| Decision { records, answer: () };
    vec![
        Box::new(move |log| {
            let epoch = log.end_offset().0;
            forget(register_broker(&cluster(log.image()), &registration(1, epoch)).records)
        }),
        Box::new(move |log| {
            let image = log.image();
            forget(unfence_broker(&cluster(image), BROKER_ID, epoch(image)).records)
        }),
        Box::new(move |log| {
            let request = CreateTopics { topics: topics(), validate_only: false, seed: 7 };
            forget(create_topics(&cluster(log.image()), &request).records)
        }),
        Box::new(move |log| {
            let image = log.image();
            forget(allocate_producer_ids(&cluster(image), BROKER_ID, epoch(image)).records)
        }),
        Box::new(move |log| forget(fence_broker(&cluster(log.image()), BROKER_ID).records)),
        Box::new(move |log| {
            let epoch = log.end_offset().0;
            forget(register_broker(&cluster(log.image()), &registration(2, epoch)).records)
        }),
        Box::new(move |log| {
            let image = log.image();
            forget(unfence_broker(&cluster(image), BROKER_ID, epoch(image)).records)
        }),
    ]
}

fn cluster(image: &Image) -> Cluster<'_> {
    use std::sync::LazyLock;
    static SETTINGS: LazyLock<Settings> = LazyLock::new(|| Settings::new(&BROKER));
    static CONFIG: LazyLock<BrokerConfig> =
        LazyLock::new(|| BrokerConfig::new(&SETTINGS).expect("Kafka's defaults"));
    Cluster { image, node_id: BROKER_ID, settings: &SETTINGS, topics: &CONFIG.topics }
}

fn epoch(image: &Image) -> i64 {
    image.broker(BROKER_ID).expect("the broker has registered").epoch
}

fn registration(incarnation: u8, new_epoch: i64) -> Registration {
    let feature = |feature: decide::Feature| (feature.name.to_owned(), feature.levels);
    Registration {
        id: BROKER_ID,
        cluster_id: "5L6g3nShT-eMCtK--X86sw".to_owned(),
        incarnation_id: [incarnation; 16],
        endpoints: vec![Endpoint {
            name: "PLAINTEXT".to_owned(),
            host: "localhost".to_owned(),
            port: 9092,
            security_protocol: 0,
        }],
        features: FEATURES.into_iter().map(feature).collect(),
        rack: Some("a".to_owned()),
        log_dirs: vec![DirectoryId([5; 16])],
        previous_epoch: -1,
        new_epoch,
        is_in_use: false,
    }
}

fn topics() -> Vec<NewTopic> {
    let topic = |name: &str, id: u8, configs: &[(&str, &str)]| NewTopic {
        name: name.to_owned(),
        id: TopicId([id; 16]),
        partitions: 3,
        replication_factor: 1,
        assignments: Vec::new(),
        configs: configs.iter().map(|(k, v)| ((*k).to_owned(), Some((*v).to_owned()))).collect(),
    };
    vec![topic("plain", 1, &[]), topic("compacted", 2, &[("cleanup.policy", "compact")])]
}

/// A change that takes several batches.
fn large_change() -> Vec<MetadataRecord> {
    let setting = |number: usize| ConfigRecord {
        resource_type: 2,
        resource_name: "plain".to_owned(),
        name: format!("key-{number}"),
        value: Some("v".repeat(30_000)),
    };
    (0..200).map(|number| MetadataRecord::Config(setting(number))).collect()
}

/// What Kafka's tool makes of the files whose names end so; it finds nothing wrong.
fn dump(dir: &Path, suffix: &str) -> Vec<DumpedFile> {
    let log_dir = dir.join("__cluster_metadata-0");
    let entries = fs::read_dir(log_dir).expect("the log was written").flatten();
    let paths = entries.map(|entry| entry.path());
    let is_wanted = |path: &PathBuf| path.to_string_lossy().ends_with(suffix);
    let files: Vec<_> = paths.filter(is_wanted).collect();
    let dump = dump_log(&["--cluster-metadata-decoder"], &files);
    assert_eq!(dump.findings, [""; 0]);
    dump.files
}

/// The records as the tool decodes them.
fn payloads(file: &DumpedFile) -> Vec<Value> {
    let payloads = file.records.iter().filter_map(|record| record.payload.as_deref());
    let parse = |text| serde_json::from_str(text).unwrap_or_else(|err| panic!("{err}: {text}"));
    payloads.map(parse).collect()
}

fn check_payloads(payloads: &[Value]) {
    let mut types = BTreeMap::<&str, usize>::new();
    for payload in payloads {
        *types.entry(payload["type"].as_str().expect("a record has a type")).or_default() += 1;
    }
    let expected = [
        ("BEGIN_TRANSACTION_RECORD", 1),
        ("BROKER_REGISTRATION_CHANGE_RECORD", 3),
        ("CONFIG_RECORD", 202),
        ("END_TRANSACTION_RECORD", 1),
        ("FEATURE_LEVEL_RECORD", 6),
        ("PARTITION_CHANGE_RECORD", 18),
        ("PARTITION_RECORD", 6),
        ("PRODUCER_IDS_RECORD", 1),
        ("REGISTER_BROKER_RECORD", 2),
        ("TOPIC_RECORD", 2),
    ];
    assert_eq!(types, BTreeMap::from(expected));
    let first = |name: &str, pointer: &str| {
        let record = payloads.iter().find(|payload| payload["type"] == *name);
        record.and_then(|record| record.pointer(pointer)).cloned()
    };
    let broker = "REGISTER_BROKER_RECORD";
    assert_eq!(first(broker, "/data/endPoints/0/port"), Some(9092.into()));
    assert_eq!(first(broker, "/data/rack"), Some("a".into()));
    assert_eq!(first(broker, "/version"), Some(4.into()));
    assert_eq!(first("PARTITION_RECORD", "/data/leader"), Some(1.into()));
    assert_eq!(first("PARTITION_RECORD", "/version"), Some(2.into()));
}
