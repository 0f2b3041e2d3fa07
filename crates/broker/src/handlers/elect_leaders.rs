//! ElectLeaders: new leaders at an operator's wish, answered when they lead.

use std::sync::Arc;

use controller::decide::{self, ApiError, ElectedPartition, Election};
use protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use protocol::messages::{ElectLeadersRequest, ElectLeadersResponse, Request, Response};
use protocol::{ErrorCode, PartitionId, TopicPartition};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::wire;

/// From this version on, an error may concern the whole request.
const ERROR_CODE_SINCE: i16 = 1;

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::ElectLeaders(request) = request else { return misrouted(&request) };
    let broker = Arc::clone(broker);
    let version = call.header.version;
    Reply::later(async move {
        let response = match elect(&broker, &request).await {
            Ok(elected) => answer(elected),
            Err(err) => {
                let failed = |partition| (partition, Err(err.clone()));
                let asked = asked(&request).unwrap_or_default();
                let response = answer(asked.into_iter().map(failed).collect());
                let has_code = version >= ERROR_CODE_SINCE;
                response.with_error_code(if has_code { err.code.code() } else { 0 })
            }
        };
        Response::ElectLeaders(response).into()
    })
}

async fn elect(
    broker: &Arc<Broker>,
    request: &ElectLeadersRequest,
) -> Result<Vec<ElectedPartition>, ApiError> {
    let election = match request.election_type {
        0 => Election::Preferred,
        1 => Election::Unclean,
        code => {
            let message = format!("there is no election of type {code}");
            return Err(ApiError { code: ErrorCode::InvalidRequest, message });
        }
    };
    let asked = asked(request);
    broker.decide(move |cluster| decide::elect_leaders(cluster, election, asked.as_deref())).await
}

/// The partitions that are asked for; `None` stands for all.
fn asked(request: &ElectLeadersRequest) -> Option<Vec<TopicPartition>> {
    let topics = request.topic_partitions.as_ref()?.iter();
    let partitions = topics.flat_map(|topic| {
        let name: Arc<str> = Arc::from(&**topic.topic);
        let partitions = topic.partitions.iter();
        partitions.map(move |id| TopicPartition::new(Arc::clone(&name), PartitionId(*id)))
    });
    Some(partitions.collect())
}

fn answer(elected: Vec<ElectedPartition>) -> ElectLeadersResponse {
    let results = elected.chunk_by(|(a, _), (b, _)| a.topic == b.topic).map(|of_topic| {
        let partitions = of_topic.iter().map(|(partition, result)| {
            let (code, message) = wire::error(result.clone().err());
            PartitionResult::default()
                .with_partition_id(partition.partition.0)
                .with_error_code(code)
                .with_error_message(message)
        });
        let topic = of_topic
            .first()
            .map_or_else(Default::default, |(partition, _)| wire::topic_name(&partition.topic));
        ReplicaElectionResult::default()
            .with_topic(topic)
            .with_partition_result(partitions.collect())
    });
    ElectLeadersResponse::default().with_replica_election_results(results.collect())
}
