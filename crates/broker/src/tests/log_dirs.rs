//! Several log directories, and what is said of them.

use controller::image::ResourceType;
use protocol::ErrorCode;
use protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use protocol::messages::{
    AlterReplicaLogDirsRequest, DescribeLogDirsRequest, DescribeLogDirsResult,
    DescribeLogDirsTopic, Response,
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

/// Asks for its only partition in the directory in which it is not, and waits until it is there.
async fn move_to_other_dir(scene: &Scene) {
    let is_current =
        |topic: &DescribeLogDirsTopic| topic.partitions.iter().any(|it| !it.is_future_key);
    let dirs_of_log = async || {
        let dirs = describe(scene, 5).await;
        let found = dirs.iter().filter(|dir| dir.topics.iter().any(is_current));
        let found: Vec<_> = found.map(|dir| dir.log_dir.clone()).collect();
        assert_eq!(found.len(), 1, "the log is in one directory: {dirs:?}");
        (found[0].clone(), dirs)
    };
    let (from, dirs) = dirs_of_log().await;
    let to = dirs.iter().find(|dir| dir.log_dir != from).expect("there are two").log_dir.clone();
    assert_eq!(alter_dir(scene, &to, "t").await, ErrorCode::None);
    let moved = async {
        loop {
            let (dir, dirs) = dirs_of_log().await;
            let count: usize = dirs.iter().map(partitions).sum();
            if dir == to {
                assert_eq!(count, 1, "nothing of it is elsewhere: {dirs:?}");
                return;
            }
        }
    };
    let moved = tokio::time::timeout(std::time::Duration::from_secs(20), moved).await;
    moved.expect("it is there in time");
}

#[tokio::test]
async fn partition_that_is_moved_is_in_one_directory_at_any_moment() {
    let scene = Scene::start(DIRS).await;
    scene.create("t", 1).await;
    for _ in 0..10 {
        move_to_other_dir(&scene).await;
    }
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
