//! CreateTopics: answered when the partitions can be written to.

use std::collections::HashMap;
use std::sync::Arc;

use config::{BrokerLayers, Resource, Settings, TOPIC, describe};
use controller::decide::{ApiError, Cluster, CreateTopics, CreatedTopic, NewTopic, create_topics};
use protocol::messages::create_topics_request::CreatableTopic;
use protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use protocol::messages::{CreateTopicsRequest, CreateTopicsResponse, Request, Response};
use protocol::{BrokerId, ErrorCode, PartitionId};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::topics::{random_seed, random_topic_id};
use crate::wire;

pub(super) fn handle(broker: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::CreateTopics(request) = request else { return misrouted(&request) };
    let broker = Arc::clone(broker);
    Reply::later(async move {
        let wanted = wanted(&request);
        let decide = move |cluster: &Cluster<'_>| create_topics(cluster, &wanted);
        let decided = broker.decide_or_check(request.validate_only, request.timeout_ms, decide);
        let results = match decided.await {
            Ok(results) => results,
            Err(err) => {
                let names = request.topics.iter().map(|topic| topic.name.to_string());
                names.map(|name| (name, Err(err.clone()))).collect()
            }
        };
        let layers = broker.metadata.broker_layers(&broker.image.load());
        let asked: HashMap<&str, _> =
            request.topics.iter().map(|topic| (topic.name.as_str(), topic)).collect();
        let topics = results.into_iter().map(|(name, result)| {
            let result = result.map(|created| {
                let asked = asked.get(&*name);
                (created, asked.map_or_else(Vec::new, |asked| configs(&layers, asked)))
            });
            answer(&name, result)
        });
        let response = CreateTopicsResponse::default().with_topics(topics.collect());
        Response::CreateTopics(response).into()
    })
}

fn wanted(request: &CreateTopicsRequest) -> CreateTopics {
    let topics = request.topics.iter().map(|topic| NewTopic {
        name: topic.name.to_string(),
        id: random_topic_id(),
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: assignments(topic),
        configs: topic
            .configs
            .iter()
            .map(|config| (config.name.to_string(), config.value.as_ref().map(ToString::to_string)))
            .collect(),
    });
    CreateTopics {
        topics: topics.collect(),
        validate_only: request.validate_only,
        seed: random_seed(),
    }
}

fn assignments(topic: &CreatableTopic) -> Vec<(PartitionId, Vec<BrokerId>)> {
    let assignments = topic.assignments.iter().map(|assignment| {
        let brokers = assignment.broker_ids.iter().map(|id| BrokerId(id.0));
        (PartitionId(assignment.partition_index), brokers.collect())
    });
    assignments.collect()
}

/// What holds for a topic that is created with these settings. It is worked out from the request, because a topic that
/// is only checked is in no image.
fn configs(layers: &BrokerLayers, topic: &CreatableTopic) -> Vec<CreatableTopicConfigs> {
    let mut overrides = Settings::new(&TOPIC);
    for config in &topic.configs {
        let text = config.value.as_deref().unwrap_or_default();
        overrides.set(&config.name, text).expect("the topic could be created with it");
    }
    let mut described = describe(Resource::Topic(&overrides), layers);
    described.sort_by_key(|described| described.definition.key);
    let configs = described.into_iter().map(|described| {
        CreatableTopicConfigs::default()
            .with_name(wire::text(described.definition.key))
            .with_value(described.value.as_deref().map(wire::text))
            .with_config_source(described.source as i8)
            .with_is_sensitive(described.sensitive())
    });
    configs.collect()
}

fn answer(
    name: &str,
    result: Result<(CreatedTopic, Vec<CreatableTopicConfigs>), ApiError>,
) -> CreatableTopicResult {
    let answer = CreatableTopicResult::default().with_name(wire::topic_name(name));
    match result {
        Ok((created, configs)) => answer
            .with_error_code(ErrorCode::None.code())
            .with_error_message(None)
            .with_topic_id(wire::uuid(created.id))
            .with_num_partitions(created.partitions)
            .with_replication_factor(created.replication_factor)
            .with_configs(Some(configs)),
        Err(err) => answer
            .with_error_code(err.code.code())
            .with_error_message(Some(wire::text(&err.message))),
    }
}
