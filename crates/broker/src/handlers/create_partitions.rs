//! CreatePartitions: answered when the new partitions can be written to.

use std::sync::Arc;

use controller::decide::{self, Cluster, CreatePartitions, NewPartitions};
use protocol::BrokerId;
use protocol::messages::create_partitions_request::CreatePartitionsTopic;
use protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse, Request, Response};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::topics::random_seed;
use crate::wire;

pub(super) fn handle(broker: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::CreatePartitions(request) = request else { return misrouted(&request) };
    let broker = Arc::clone(broker);
    Reply::later(async move {
        let wanted = wanted(&request);
        let decide = move |cluster: &Cluster<'_>| decide::create_partitions(cluster, &wanted);
        let decided = broker.decide_or_check(request.validate_only, request.timeout_ms, decide);
        let results = decided.await.unwrap_or_else(|err| {
            let names = request.topics.iter().map(|topic| topic.name.to_string());
            names.map(|name| (name, Err(err.clone()))).collect()
        });
        let results = results.into_iter().map(|(name, result)| {
            let (code, message) = wire::error(result.err());
            CreatePartitionsTopicResult::default()
                .with_name(wire::topic_name(&name))
                .with_error_code(code)
                .with_error_message(message)
        });
        let response = CreatePartitionsResponse::default().with_results(results.collect());
        Response::CreatePartitions(response).into()
    })
}

fn wanted(request: &CreatePartitionsRequest) -> CreatePartitions {
    let topics = request.topics.iter().map(|topic| NewPartitions {
        topic: topic.name.to_string(),
        count: topic.count,
        assignments: assignments(topic),
    });
    CreatePartitions {
        topics: topics.collect(),
        validate_only: request.validate_only,
        seed: random_seed(),
    }
}

fn assignments(topic: &CreatePartitionsTopic) -> Option<Vec<Vec<BrokerId>>> {
    let assignments = topic.assignments.as_ref()?.iter().map(|assignment| {
        let brokers = assignment.broker_ids.iter();
        brokers.map(|id| BrokerId(id.0)).collect()
    });
    Some(assignments.collect())
}
