//! DescribeConfigs: what is set for topics, brokers, groups, loggers and subscriptions to clients' metrics, and from where.

use std::sync::Arc;

use config::{
    BrokerLayers, CLIENT_METRICS, Described, DescribedSynonym, GROUP, Kind, Resource, TOPIC,
};
use controller::decide::{ApiError, check_topic_name};
use controller::image::{Image, ResourceType, settings};
use protocol::ErrorCode;
use protocol::messages::describe_configs_request::DescribeConfigsResource;
use protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse, Request, Response};

use super::{Call, each_once, misrouted};
use crate::broker::Broker;
use crate::loggers;
use crate::net::Reply;
use crate::wire;

/// Where a logger's level comes from (`DescribeConfigsResponse.ConfigSource`).
const DYNAMIC_BROKER_LOGGER: i8 = 6;

pub(super) fn handle(broker: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::DescribeConfigs(request) = request else { return misrouted(&request) };
    let image = broker.image.load();
    let layers = broker.metadata.broker_layers(&image);
    // As in Kafka, a type that is not known fails the whole request.
    let types = request.resources.iter().map(|resource| resource.resource_type);
    let is_known =
        |code: i8| ResourceType::from_code(code).is_some() || code == loggers::RESOURCE_TYPE;
    let unknown = types.into_iter().find(|code| !is_known(*code));
    let resources = each_once(&request.resources, |it| (it.resource_type, &it.resource_name));
    let results = resources.map(|resource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        let described = match unknown {
            Some(code) => {
                Err(invalid(format!("there are no settings of resources of type {code}")))
            }
            None if resource.resource_type == loggers::RESOURCE_TYPE => {
                describe_loggers(broker, resource)
            }
            None => describe(broker, &image, &layers, resource)
                .map(|described| shape(described, resource, &request)),
        };
        match described {
            Ok(configs) => result.with_error_message(None).with_configs(configs),
            Err(err) => result
                .with_error_code(err.code.code())
                .with_error_message(Some(wire::text(&err.message))),
        }
    });
    let response = DescribeConfigsResponse::default().with_results(results.collect());
    Reply::now(Response::DescribeConfigs(response))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError { code: ErrorCode::InvalidRequest, message: message.into() }
}

fn describe(
    broker: &Broker,
    image: &Image,
    layers: &BrokerLayers,
    resource: &DescribeConfigsResource,
) -> Result<Vec<Described>, ApiError> {
    let name = resource.resource_name.as_str();
    let kind = ResourceType::from_code(resource.resource_type);
    let kind = kind.ok_or_else(|| invalid("the type of the resource is not known"))?;
    let set = image.config(kind, name);
    Ok(match kind {
        ResourceType::Topic => {
            check_topic_name(name)?;
            image.topic(name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
            config::describe(Resource::Topic(&settings(&TOPIC, set)), layers)
        }
        ResourceType::Broker if name.is_empty() => config::describe(Resource::AllBrokers, layers),
        ResourceType::Broker if name.parse() == Ok(broker.node_id.0) => {
            config::describe(Resource::Broker, layers)
        }
        ResourceType::Broker => {
            return Err(invalid(format!(
                "broker {} describes itself or, with an empty name, all brokers, and not `{name}`",
                broker.node_id
            )));
        }
        ResourceType::Group | ResourceType::ClientMetrics if name.is_empty() => {
            return Err(invalid(format!("the {kind} has no name")));
        }
        ResourceType::Group => config::describe(Resource::Group(&settings(&GROUP, set)), layers),
        ResourceType::ClientMetrics => {
            config::describe(Resource::ClientMetrics(&settings(&CLIENT_METRICS, set)), layers)
        }
    })
}

/// The levels of this broker's loggers. As in Kafka they have no type, no documentation and no synonyms.
fn describe_loggers(
    broker: &Broker,
    resource: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, ApiError> {
    let name = &*resource.resource_name;
    if name.parse() != Ok(broker.node_id.0) {
        let node_id = broker.node_id;
        return Err(invalid(format!("broker {node_id} describes its loggers, and not `{name}`'s")));
    }
    let levels = broker.loggers.levels().into_iter();
    let levels = levels.filter(|(logger, _)| is_asked(resource, logger)).map(|(logger, level)| {
        DescribeConfigsResourceResult::default()
            .with_name(wire::text(&logger))
            .with_value(Some(wire::text(level)))
            .with_config_source(DYNAMIC_BROKER_LOGGER)
    });
    Ok(levels.collect())
}

fn is_asked(resource: &DescribeConfigsResource, key: &str) -> bool {
    let keys = resource.configuration_keys.as_ref().filter(|keys| !keys.is_empty());
    keys.is_none_or(|keys| keys.iter().any(|asked| **asked == *key))
}

/// The settings that are asked for, with what is asked for of each.
fn shape(
    described: Vec<Described>,
    resource: &DescribeConfigsResource,
    request: &DescribeConfigsRequest,
) -> Vec<DescribeConfigsResourceResult> {
    let is_asked = |described: &Described| is_asked(resource, described.definition.key);
    let is_broker = ResourceType::from_code(resource.resource_type) == Some(ResourceType::Broker);
    let described = described.into_iter().filter(is_asked).map(|described| {
        let row = described.definition;
        let synonyms = described.synonyms.iter().filter(|_| request.include_synonyms);
        DescribeConfigsResourceResult::default()
            .with_name(wire::text(row.key))
            .with_value(described.value.as_deref().map(wire::text))
            .with_read_only(is_broker && described.read_only)
            .with_config_source(described.source as i8)
            .with_is_sensitive(described.sensitive())
            .with_synonyms(synonyms.map(synonym).collect())
            .with_config_type(type_code(row.kind))
            .with_documentation(request.include_documentation.then(|| wire::text(row.doc)))
    });
    described.collect()
}

fn synonym(synonym: &DescribedSynonym) -> DescribeConfigsSynonym {
    DescribeConfigsSynonym::default()
        .with_name(wire::text(synonym.key))
        .with_value(synonym.value.as_deref().map(wire::text))
        .with_source(synonym.source as i8)
}

/// Kafka's number for a type (`DescribeConfigsResponse.ConfigType`).
const fn type_code(kind: Kind) -> i8 {
    match kind {
        Kind::Boolean => 1,
        Kind::String => 2,
        Kind::Int => 3,
        Kind::Short => 4,
        Kind::Long => 5,
        Kind::Double => 6,
        Kind::List => 7,
        Kind::Class => 8,
        Kind::Password => 9,
    }
}
