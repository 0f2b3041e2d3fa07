//! The driver of the groups on a disk that fails.

use config::{BROKER, BrokerConfig, StorageConfig, TopicConfig};
use controller::image::Image;
use protocol::{BrokerId, LeaderEpoch, TopicId, TopicPartition};
use storage::dir::NoObserver;
use storage::{Storage, StorageOptions};
use testkit::{FaultDisk, Operation};

use super::*;
use crate::partitions::Topic;
use crate::start::group_settings;
use crate::tests::offset_commit;

#[test]
fn hash_of_a_group_is_javas() {
    for (text, hash) in
        [("", 0), ("a", 97), ("connect-cluster", 1_440_343_063), ("größe", 98_762_257)]
    {
        assert_eq!(java_hash(text), hash, "{text}");
    }
}

/// The groups of one partition, each of whose appends is flushed.
fn groups_on(disk: &FaultDisk) -> (Groups, Arc<Partitions>) {
    let mut config = StorageConfig::new(&config::Settings::new(&BROKER)).unwrap();
    config.log_dirs = vec!["/data".into()];
    let options = StorageOptions {
        config,
        node_id: BrokerId(1),
        cluster_id: None,
        disk: Arc::new(disk.clone()),
        observer: Arc::new(NoObserver),
        open_files_max: 100,
        free_bytes_min: 0,
        now: wall_clock(),
    };
    let topic_config = Arc::new(TopicConfig { flush_messages: 1, ..TopicConfig::default() });
    let (storage, _) = Storage::open(&options, &|_| Arc::clone(&topic_config)).unwrap();
    let (name, id) = (Arc::<str>::from(CONSUMER_OFFSETS), TopicId([1; 16]));
    let topic_partition = TopicPartition::new(Arc::clone(&name), PartitionId(0));
    let log = storage.create(&topic_partition, id, topic_config, wall_clock()).unwrap();
    let led = Partition::lead(log, BrokerId(1), LeaderEpoch(0), &[BrokerId(1)]);
    let partitions = Arc::new(Partitions::default());
    let topic = Topic { name, id, partitions: HashMap::from([(PartitionId(0), Arc::new(led))]) };
    partitions.update(&[], vec![topic]);
    let settings = config::Settings::new(&BROKER);
    let view = ClusterView::new(Arc::new(Image::new("c")), Offset(-1), settings.clone());
    let config = BrokerConfig::new(&settings).unwrap();
    let groups = Groups::new(group_settings(&config), view, 1);
    groups.follow(&partitions);
    (groups, partitions)
}

/// Commits an offset; the error code in the answer, or why nobody could be asked.
fn commit(groups: &Groups, offset: i64) -> ErrorCode {
    let request = offset_commit("t", Offset(offset));
    let asked = groups.ask("g", 9, |shard, now, token, out| {
        shard.commit_offsets(now, token, &request, out);
    });
    let mut answer = match asked {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    let Response::OffsetCommit(answer) = *answer.try_recv().expect("it is answered at once") else {
        panic!("another answer")
    };
    ErrorCode::from_code(answer.topics[0].partitions[0].error_code).unwrap()
}

fn committed(groups: &Groups) -> Vec<Offset> {
    let offsets = groups.look(|shard| {
        let mut offsets = Vec::new();
        shard.each_offset(|_, _, _, offset| offsets.push(offset));
        offsets
    });
    offsets.into_iter().flatten().collect()
}

#[test]
fn shard_is_given_up_when_a_flush_fails() {
    let disk = FaultDisk::new(1);
    let (groups, _partitions) = groups_on(&disk);
    assert_eq!(commit(&groups, 1), ErrorCode::None);
    assert_eq!(committed(&groups), [Offset(1)]);
    disk.fail_after(Operation::Sync, 0);
    assert_ne!(commit(&groups, 2), ErrorCode::None);
    // Whether the second commit is in the log, nobody knows, and from an offline directory nobody is to learn it.
    assert_eq!(commit(&groups, 3), ErrorCode::NotCoordinator);
    assert_eq!(committed(&groups), []);
}

#[test]
fn shard_is_loaded_anew_from_its_log() {
    let disk = FaultDisk::new(2);
    let (groups, _partitions) = groups_on(&disk);
    assert_eq!(commit(&groups, 1), ErrorCode::None);
    let mut state = lock(&groups.shards[0]);
    groups.reload(&mut state);
    drop(state);
    assert_eq!(committed(&groups), [Offset(1)]);
    assert_eq!(commit(&groups, 2), ErrorCode::None);
}
