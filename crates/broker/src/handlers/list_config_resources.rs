//! ListConfigResources: what has settings, or may be given some (KIP-1142).

use std::sync::Arc;

use controller::image::ResourceType;
use protocol::ErrorCode;
use protocol::messages::list_config_resources_response::ConfigResource;
use protocol::messages::{ListConfigResourcesResponse, Request, Response};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::endpoints::View;
use crate::loggers;
use crate::net::Reply;
use crate::wire;

/// In version 0 there are only subscriptions to clients' metrics, and no types in the request.
const TYPES_SINCE: i16 = 1;

/// All types, in the order that Kafka answers in.
const TYPES: &[i8] = &[
    ResourceType::Group.code(),
    ResourceType::ClientMetrics.code(),
    loggers::RESOURCE_TYPE,
    ResourceType::Broker.code(),
    ResourceType::Topic.code(),
];
const FIRST_TYPES: &[i8] = &[ResourceType::ClientMetrics.code()];

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::ListConfigResources(request) = request else { return misrouted(&request) };
    let known = if call.header.version >= TYPES_SINCE { TYPES } else { FIRST_TYPES };
    let asked = &request.resource_types;
    let response = ListConfigResourcesResponse::default();
    let response = if asked.iter().all(|code| known.contains(code)) {
        let types = known.iter().filter(|code| asked.is_empty() || asked.contains(code));
        let resources = types.flat_map(|code| {
            names(broker, call, *code).into_iter().map(|name| {
                ConfigResource::default()
                    .with_resource_name(wire::text(&name))
                    .with_resource_type(*code)
            })
        });
        response.with_config_resources(resources.collect())
    } else {
        response.with_error_code(ErrorCode::UnsupportedVersion.code())
    };
    Reply::now(Response::ListConfigResources(response))
}

/// The resources of a type: of those that need not exist to have settings, the ones that have some.
fn names(broker: &Broker, call: &Call<'_>, code: i8) -> Vec<String> {
    let image = broker.image.load();
    match ResourceType::from_code(code) {
        Some(ResourceType::Topic) => image.topics().map(|topic| topic.name.to_string()).collect(),
        Some(kind @ (ResourceType::Group | ResourceType::ClientMetrics)) => {
            image.configs(kind).map(|(name, _)| name.to_string()).collect()
        }
        Some(ResourceType::Broker) | None => {
            let view = View { broker, image: &image, peer: call.peer };
            let alive = view.endpoints().filter(|endpoint| !endpoint.is_fenced);
            alive.map(|endpoint| endpoint.id.to_string()).collect()
        }
    }
}
