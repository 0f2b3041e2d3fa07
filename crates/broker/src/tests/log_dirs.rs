//! Several log directories, and what is said of them.

use controller::image::ResourceType;
use protocol::ErrorCode;
use protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResult, Response};

use super::configs::{SET, alter};
use super::{Scene, code};

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
