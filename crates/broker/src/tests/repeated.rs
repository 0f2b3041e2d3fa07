//! Requests that name the same thing again and again: what is told of it may be far longer than its name.

use protocol::PartitionId;
use protocol::TopicId;
use protocol::messages::describe_configs_request::DescribeConfigsResource;
use protocol::messages::describe_producers_request::TopicRequest;
use protocol::messages::{
    ConsumerGroupDescribeRequest, DescribeConfigsRequest, DescribeGroupsRequest,
    DescribeProducersRequest, DescribeTransactionsRequest, FindCoordinatorRequest, GroupId,
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, Request, Response,
    TopicName, TransactionalId,
};

use super::{Scene, text};

#[tokio::test]
async fn what_is_named_again_and_again_is_described_once() {
    let scene = Scene::start(&[]).await;
    scene.create("t", 1).await;
    // The topic of the groups is made.
    let Response::FindCoordinator(found) =
        scene.ask(FindCoordinatorRequest::default().with_key(text("g")), 3).await
    else {
        panic!()
    };
    assert_eq!(found.error_code, 0);
    let resource =
        DescribeConfigsResource::default().with_resource_type(4).with_configuration_keys(None);
    let producers =
        TopicRequest::default().with_name(TopicName(text("t"))).with_partition_indexes(vec![0; 3]);
    let topic = OffsetFetchRequestTopic {
        name: "t".to_owned(),
        topic_id: TopicId::ZERO,
        partition_indexes: vec![PartitionId(0); 3],
    };
    let group = OffsetFetchRequestGroup {
        group_id: "g".to_owned(),
        member_id: None,
        member_epoch: -1,
        topics: Some(vec![topic.clone(), topic]),
    };
    let offsets = OffsetFetchRequest { groups: vec![group.clone(), group], require_stable: false };
    let (groups, ids) = (vec![GroupId(text("g")); 3], vec![TransactionalId(text("x")); 3]);
    let requests: [(Request, i16); 6] = [
        (DescribeConfigsRequest::default().with_resources(vec![resource; 3]).into(), 4),
        (DescribeGroupsRequest::default().with_groups(groups.clone()).into(), 5),
        (ConsumerGroupDescribeRequest::default().with_group_ids(groups).into(), 1),
        (DescribeProducersRequest::default().with_topics(vec![producers; 3]).into(), 0),
        (DescribeTransactionsRequest::default().with_transactional_ids(ids).into(), 0),
        (Request::OffsetFetch(offsets), 9),
    ];
    for (request, version) in requests {
        let api = request.api();
        let counts = match scene.ask(request, version).await {
            Response::DescribeConfigs(it) => vec![it.results.len()],
            Response::DescribeGroups(it) => vec![it.groups.len()],
            Response::ConsumerGroupDescribe(it) => vec![it.groups.len()],
            Response::DescribeProducers(it) => {
                vec![it.topics.len(), it.topics[0].partitions.len()]
            }
            Response::DescribeTransactions(it) => vec![it.transaction_states.len()],
            Response::OffsetFetch(it) => {
                let topics = it.groups[0].topics.iter();
                vec![it.groups.len(), topics.map(|topic| topic.partitions.len()).sum()]
            }
            other => panic!("{other:?}"),
        };
        assert!(counts.iter().all(|count| *count == 1), "{api}: {counts:?}");
    }
}
