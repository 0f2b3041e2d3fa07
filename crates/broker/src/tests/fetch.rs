//! Fetches: what they wait for and what ends their wait, and where epochs end.

use std::time::Duration;

use protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use protocol::messages::fetch_response::PartitionData;
use protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use protocol::messages::{
    DeleteTopicsRequest, FetchRequest, ListOffsetsRequest, Response, TopicName,
};
use protocol::{ErrorCode, LeaderEpoch, PartitionId};

use super::{Scene, code, text};

/// Nobody waits for as long as the fetches here may.
const MAX_WAIT_MS: i32 = 600_000;
const LIMIT: Duration = Duration::from_secs(30);

/// A fetch of partition 0 of topic `t` from its beginning.
fn request(min_bytes: i32, max_bytes: i32, partition_max_bytes: i32) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_current_leader_epoch(-1)
        .with_partition_max_bytes(partition_max_bytes);
    let topic =
        FetchTopic::default().with_topic(TopicName(text("t"))).with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(MAX_WAIT_MS)
        .with_min_bytes(min_bytes)
        .with_max_bytes(max_bytes)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}

/// A fetch from another offset, which is answered at once.
fn request_at(offset: i64) -> FetchRequest {
    let mut request = request(0, 1 << 20, 1 << 20);
    request.topics[0].partitions[0].fetch_offset = offset;
    request
}

/// The answer of version 12, which has to come in time.
async fn fetch(scene: &Scene, request: FetchRequest) -> PartitionData {
    let answer = tokio::time::timeout(LIMIT, scene.ask(request, 12)).await;
    let Response::Fetch(mut answer) = answer.expect("it is answered in time") else { panic!() };
    answer.responses[0].partitions.remove(0)
}

#[tokio::test]
async fn fetch_that_no_more_bytes_fit_into_does_not_wait() {
    let scene = Scene::start(&[]).await;
    scene.create("t", 1).await;
    for _ in 0..8 {
        assert_eq!(scene.produce("t", 1_000).await, ErrorCode::None);
    }
    // Batches are answered whole, so that what the client asks for may be there and not fit.
    for (min_bytes, max_bytes, partition_max_bytes) in
        [(50_000, 2_500, 1 << 20), (2_500, 1 << 20, 2_500), (2_500, 2_500, 2_500)]
    {
        let answer = fetch(&scene, request(min_bytes, max_bytes, partition_max_bytes)).await;
        let length = answer.records.unwrap().len();
        assert!((1_000..=2_500).contains(&length), "{min_bytes} {max_bytes}: {length}");
    }
}

#[tokio::test]
async fn fetch_that_waits_is_told_that_its_topic_is_deleted() {
    let scene = Scene::start(&[]).await;
    scene.create("t", 1).await;
    let names = vec![TopicName(text("t"))];
    let delete = DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(30_000);
    let waiting = fetch(&scene, request(1, 1 << 20, 1 << 20));
    let (answer, _) = tokio::join!(waiting, scene.ask(delete, 4));
    assert_eq!(code(answer.error_code), ErrorCode::UnknownTopicOrPartition);
}

#[tokio::test]
async fn epoch_in_which_nothing_is_written_ends_with_the_log() {
    let scene = Scene::start(&[]).await;
    scene.create("t", 1).await;
    let earliest = ListOffsetsPartition::default().with_timestamp(-2).with_current_leader_epoch(-1);
    let topic =
        ListOffsetsTopic::default().with_name(TopicName(text("t"))).with_partitions(vec![earliest]);
    let request = ListOffsetsRequest::default().with_replica_id((-1).into());
    let Response::ListOffsets(found) = scene.ask(request.with_topics(vec![topic]), 9).await else {
        panic!()
    };
    assert_eq!(found.topics[0].partitions[0].leader_epoch, 0);
    let topic = scene.broker().partitions.topic("t").unwrap();
    let partition = &topic.partitions[&PartitionId(0)];
    let end =
        |epoch| partition.end_of_epoch(LeaderEpoch(epoch)).map(|(epoch, end)| (epoch.0, end.0));
    assert_eq!([end(-1), end(0), end(1)], [None, Some((0, 0)), None]);
    for (offset, diverging) in [(0, (-1, -1)), (7, (0, 0))] {
        let mut request = request_at(offset);
        request.topics[0].partitions[0].last_fetched_epoch = 0;
        let answer = fetch(&scene, request).await;
        assert_eq!(code(answer.error_code), ErrorCode::None, "at {offset}");
        assert_eq!((answer.diverging_epoch.epoch, answer.diverging_epoch.end_offset), diverging);
        assert_eq!((answer.high_watermark, answer.last_stable_offset), (0, 0));
    }
}
