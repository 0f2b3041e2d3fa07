//! Topics that come and go.

use protocol::messages::delete_topics_request::DeleteTopicState;
use protocol::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, FindCoordinatorRequest, Request, Response, TopicName,
};
use protocol::{ErrorCode, Offset, PartitionId};

use super::{Scene, code, new_topic, offset_commit, text};

/// What the groups have committed: topic and offset.
fn committed(scene: &Scene) -> Vec<(String, i64)> {
    let offsets = scene.running.status().group_offsets(crate::broker::now());
    offsets.iter().map(|it| (it.topic.to_string(), it.committed.0)).collect()
}

async fn commit(scene: &Scene, topic: &str, offset: i64) {
    let request = FindCoordinatorRequest::default().with_key(text("g"));
    let Response::FindCoordinator(found) = scene.ask(request, 3).await else { panic!() };
    assert_eq!(found.error_code, 0);
    let request = Request::OffsetCommit(offset_commit(topic, Offset(offset)));
    let Response::OffsetCommit(answer) = scene.ask(request, 9).await else { panic!() };
    assert_eq!(answer.topics[0].partitions[0].error_code, 0, "{answer:?}");
}

#[tokio::test]
async fn offsets_of_a_topic_go_with_it() {
    let scene = Scene::start(&[]).await;
    for topic in ["gone", "stays"] {
        scene.create(topic, 1).await;
        assert_eq!(scene.produce(topic, 10).await, ErrorCode::None);
        commit(&scene, topic, 1).await;
    }
    assert_eq!(committed(&scene).len(), 2);
    let names = vec![TopicName(text("gone"))];
    let request = DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(30_000);
    let Response::DeleteTopics(deleted) = scene.ask(request, 4).await else { panic!() };
    assert_eq!(deleted.responses[0].error_code, 0);
    assert_eq!(committed(&scene), [("stays".to_owned(), 1)]);
    // That it is gone is in the log, too.
    let Scene { running, dir, .. } = scene;
    running.stop().await.unwrap();
    let again = Scene::start_in(dir, &[]).await;
    assert_eq!(committed(&again), [("stays".to_owned(), 1)]);
}

#[tokio::test]
async fn deletion_is_answered_as_kafka_does() {
    let scene = Scene::start(&[]).await;
    for topic in ["a", "both", "twice"] {
        scene.create(topic, 1).await;
    }
    let id = scene.broker().image.load().topic("both").unwrap().id;
    let by_name = |name: &str| DeleteTopicState::default().with_name(Some(TopicName(text(name))));
    let by_id = DeleteTopicState::default().with_topic_id(crate::wire::uuid(id));
    let topics = vec![
        by_name("a"),
        by_name("absent"),
        by_name("both"),
        by_id,
        by_name("twice"),
        by_name("twice"),
    ];
    let request = DeleteTopicsRequest::default().with_topics(topics).with_timeout_ms(30_000);
    let Response::DeleteTopics(deleted) = scene.ask(request, 6).await else { panic!() };
    let shown = deleted.responses.iter().map(|it| {
        let name = it.name.as_ref().map(|name| name.to_string());
        (name.unwrap_or_default(), !it.topic_id.is_nil(), code(it.error_code))
    });
    let expected = [
        ("a", true, ErrorCode::None),
        ("absent", false, ErrorCode::UnknownTopicOrPartition),
        ("both", true, ErrorCode::InvalidRequest),
        ("twice", false, ErrorCode::InvalidRequest),
    ];
    let expected = expected.map(|(name, has_id, code)| (name.to_owned(), has_id, code));
    assert_eq!(shown.collect::<Vec<_>>(), expected);
    assert!(scene.broker().image.load().topic("both").is_some());
}

#[tokio::test]
async fn creation_that_takes_too_long_goes_on_without_the_client() {
    let scene = Scene::start(&[]).await;
    let topics = vec![new_topic("t", 50)];
    let request = CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(0);
    let Response::CreateTopics(created) = scene.ask(request, 7).await else { panic!() };
    assert_eq!(code(created.topics[0].error_code), ErrorCode::RequestTimedOut);
    while scene.broker().partitions.topic("t").is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.produce("t", 10).await, ErrorCode::None);
}

/// A broker that was not stopped does not say that it was: it still leads, in another epoch, all that its logs have.
#[tokio::test]
async fn start_after_a_crash_serves_what_was_there() {
    let scene = Scene::start(&[]).await;
    scene.create("t", 1).await;
    assert_eq!(scene.produce("t", 10).await, ErrorCode::None);
    let epoch =
        scene.broker().image.load().topic("t").unwrap().partitions[&PartitionId(0)].leader_epoch;
    let Scene { running, dir, .. } = scene;
    let stopped = running.stop().await;
    stopped.unwrap();
    // As after a crash, the marker of the stop is not there.
    std::fs::remove_file(dir.path().join(".kafka_cleanshutdown")).unwrap();
    let again = Scene::start_in(dir, &[]).await;
    let image = again.broker().image.load_full();
    let partition = &image.topic("t").unwrap().partitions[&PartitionId(0)];
    assert!(partition.leader_epoch > epoch, "{partition:?}");
    assert_eq!(partition.isr, [again.broker().node_id]);
    assert_eq!(again.produce("t", 10).await, ErrorCode::None);
    let status = again.running.status();
    let ends = status.partitions().filter(|it| *it.topic == *"t");
    assert_eq!(ends.map(|it| it.log_end_offset.0).collect::<Vec<_>>(), [2]);
}
