//! Several log directories, and what is said of them.

use controller::image::ResourceType;
use protocol::ErrorCode;
use protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use protocol::messages::{
    AlterReplicaLogDirsRequest, DescribeLogDirsRequest, DescribeLogDirsResult, Response,
};

use super::configs::{SET, alter};
use super::{Scene, code};
use crate::wire;

const DIRS: &[(&str, &str)] = &[("log.dirs", "DIR/a,DIR/b")];

async fn describe(scene: &Scene, version: i16) -> Vec<DescribeLogDirsResult> {
    let request = DescribeLogDirsRequest::default().with_topics(None);
    let Response::DescribeLogDirs(described) = scene.ask(request, version).await else { panic!() };
    described.results
}

/// How many partitions a directory has.
fn partitions(dir: &DescribeLogDirsResult) -> usize {
    dir.topics.iter().map(|topic| topic.partitions.len()).sum()
}

#[tokio::test]
async fn partitions_are_spread_over_the_directories() {
    let scene = Scene::start(DIRS).await;
    scene.create("t", 6).await;
    for version in 1..=5 {
        let dirs = describe(&scene, version).await;
        let counts: Vec<_> = dirs.iter().map(partitions).collect();
        assert_eq!(counts, [3, 3], "version {version}");
        assert!(dirs[0].log_dir.ends_with("/a") && dirs[1].log_dir.ends_with("/b"));
    }
    assert_eq!(scene.running.status().hindrances(), [""; 0]);
}

#[tokio::test]
async fn cordoned_directory_gets_no_partitions() {
    let scene = Scene::start(DIRS).await;
    let path = scene.dir.path().join("b");
    let set = (SET, "cordoned.log.dirs", path.to_str());
    let broker = (ResourceType::Broker.code(), "1");
    assert_eq!(alter(&scene, broker, set, false).await, ErrorCode::None);
    scene.create("t", 4).await;
    let dirs = describe(&scene, 5).await;
    assert_eq!((partitions(&dirs[0]), partitions(&dirs[1])), (4, 0));
    assert_eq!((dirs[0].is_cordoned, dirs[1].is_cordoned), (false, true));
}

#[tokio::test]
async fn directory_that_has_failed_is_said_to_have() {
    let scene = Scene::start(DIRS).await;
    let (dir, _) = scene.broker().storage.dirs().nth(1).unwrap();
    dir.take_offline("it burnt");
    let dirs = describe(&scene, 5).await;
    assert_eq!(code(dirs[0].error_code), ErrorCode::None);
    assert_eq!(code(dirs[1].error_code), ErrorCode::KafkaStorageError);
    assert_eq!(dirs[1].total_bytes, -1);
    let hindrances = scene.running.status().hindrances();
    assert!(hindrances.len() == 1 && hindrances[0].ends_with("it burnt"), "{hindrances:?}");
}

async fn alter_dir(scene: &Scene, path: &str, topic: &str) -> ErrorCode {
    let topic = AlterReplicaLogDirTopic::default()
        .with_name(wire::topic_name(topic))
        .with_partitions(vec![0]);
    let dir = AlterReplicaLogDir::default().with_path(wire::text(path)).with_topics(vec![topic]);
    let request = AlterReplicaLogDirsRequest::default().with_dirs(vec![dir]);
    let Response::AlterReplicaLogDirs(altered) = scene.ask(request, 2).await else { panic!() };
    code(altered.results[0].partitions[0].error_code)
}

#[tokio::test]
async fn partition_is_moved_to_another_directory() {
    let scene = Scene::start(DIRS).await;
    scene.create("t", 1).await;
    let dirs = describe(&scene, 5).await;
    let to = dirs.iter().find(|dir| dir.topics.is_empty()).expect("one has none").log_dir.clone();
    assert_eq!(alter_dir(&scene, &to, "t").await, ErrorCode::None);
    let moved = async {
        loop {
            let dirs = describe(&scene, 5).await;
            let is_there = |dir: &DescribeLogDirsResult| {
                dir.log_dir == to
                    && dir.topics.iter().any(|topic| !topic.partitions[0].is_future_key)
            };
            if dirs.iter().any(is_there) {
                return dirs.iter().map(partitions).sum::<usize>();
            }
            tokio::task::yield_now().await;
        }
    };
    let count = tokio::time::timeout(std::time::Duration::from_secs(20), moved).await;
    assert_eq!(count, Ok(1), "it is in one directory only");
}

#[tokio::test]
async fn directory_that_takes_nothing_is_refused_with_its_reason() {
    let scene = Scene::start(DIRS).await;
    scene.create("t", 1).await;
    let path = |name: &str| scene.dir.path().join(name).display().to_string();
    assert_eq!(alter_dir(&scene, &path("c"), "t").await, ErrorCode::LogDirNotFound);
    assert_eq!(alter_dir(&scene, &path("a"), "u").await, ErrorCode::UnknownTopicOrPartition);
    let set = (SET, "cordoned.log.dirs", Some(&*path("a")));
    let broker = (ResourceType::Broker.code(), "1");
    assert_eq!(alter(&scene, broker, set, false).await, ErrorCode::None);
    assert_eq!(alter_dir(&scene, &path("a"), "t").await, ErrorCode::InvalidReplicaAssignment);
    let (dir, _) = scene.broker().storage.dirs().nth(1).unwrap();
    dir.take_offline("it burnt");
    assert_eq!(alter_dir(&scene, &path("b"), "t").await, ErrorCode::KafkaStorageError);
}
