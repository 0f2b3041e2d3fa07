//! AlterConfigs: sets keys of resources, and takes away all that are not named. It is the older of the two requests
//! that change settings; what both share is here.

use std::sync::Arc;

use controller::decide::{self, ApiError, Cluster, Decision, Setting};
use controller::image::{ConfigResource, ResourceType};
use protocol::messages::alter_configs_request::AlterConfigsResource;
use protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use protocol::messages::{AlterConfigsResponse, Request, Response, StrBytes};
use protocol::{BrokerId, ErrorCode};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::wire;

/// A resource and what is asked for of it, or why nothing can be; `None` if it has been done.
pub(super) type Asked<C> = Result<Option<(ConfigResource, C)>, ApiError>;

pub(super) fn handle(broker: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::AlterConfigs(request) = request else { return misrouted(&request) };
    let broker = Arc::clone(broker);
    Reply::later(async move {
        let asked = request.resources.iter().map(|asked| {
            let resource = resource(broker.node_id, asked.resource_type, &asked.resource_name)?;
            Ok(Some((resource, values(asked))))
        });
        let (asked, validate_only) = (asked.collect(), request.validate_only);
        let results = alter(&broker, asked, move |cluster, asked| {
            decide::alter_configs(cluster, asked, validate_only)
        });
        let asked = request.resources.iter().zip(results.await);
        let responses = asked.map(|(asked, (code, message))| {
            AlterConfigsResourceResponse::default()
                .with_error_code(code)
                .with_error_message(message)
                .with_resource_type(asked.resource_type)
                .with_resource_name(asked.resource_name.clone())
        });
        let response = AlterConfigsResponse::default().with_responses(responses.collect());
        Response::AlterConfigs(response).into()
    })
}

fn values(asked: &AlterConfigsResource) -> Vec<Setting> {
    let values = asked.configs.iter();
    values
        .map(|config| (config.name.to_string(), config.value.as_ref().map(ToString::to_string)))
        .collect()
}

/// The resource of this type and name, if this broker changes its settings. As in Kafka, a broker changes its own and
/// those of all brokers only (`ConfigAdminManager`).
pub(super) fn resource(
    node_id: BrokerId,
    code: i8,
    name: &str,
) -> Result<ConfigResource, ApiError> {
    let invalid = |message| Err(ApiError { code: ErrorCode::InvalidRequest, message });
    match ResourceType::from_code(code) {
        None => invalid(format!("there are no settings of resources of type {code}")),
        Some(ResourceType::Broker) if !name.is_empty() && name != node_id.to_string() => {
            invalid(format!(
                "broker {node_id} changes its own settings or, with an empty name, those of all \
                 brokers, and not those of `{name}`"
            ))
        }
        Some(kind) => Ok(ConfigResource::new(kind, name)),
    }
}

/// Decides what is asked for. The error codes and messages are in the order of the resources.
pub(super) async fn alter<C: Send + 'static>(
    broker: &Arc<Broker>,
    asked: Vec<Asked<C>>,
    decide: impl FnOnce(&Cluster<'_>, &[(ConfigResource, C)]) -> Decision<Vec<Result<(), ApiError>>>
    + Send
    + 'static,
) -> Vec<(i16, Option<StrBytes>)> {
    let mut allowed = Vec::new();
    let mut allow = |asked: Option<_>| asked.map(|asked| allowed.push(asked));
    let checked: Vec<_> = asked.into_iter().map(|asked| asked.map(&mut allow)).collect();
    let count = allowed.len();
    let decided = broker.decide(move |cluster| decide(cluster, &allowed)).await;
    let mut decided = decided.unwrap_or_else(|err| vec![Err(err); count]).into_iter();
    let mut answer = |checked: Result<Option<()>, ApiError>| match checked? {
        Some(()) => decided.next().expect("each resource is decided on"),
        None => Ok(()),
    };
    checked.into_iter().map(|checked| wire::error(answer(checked).err())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_is_one_that_this_broker_changes() {
        for (code, name, expected) in [
            (2, "t", Some(ResourceType::Topic)),
            (4, "", Some(ResourceType::Broker)),
            (4, "7", Some(ResourceType::Broker)),
            (4, "8", None),
            (4, "seven", None),
            (8, "7", None),
            (16, "s", Some(ResourceType::ClientMetrics)),
            (32, "g", Some(ResourceType::Group)),
            (1, "", None),
        ] {
            let found = resource(BrokerId(7), code, name);
            let expected = expected.map(|kind| ConfigResource::new(kind, name));
            let expected = expected.ok_or(ErrorCode::InvalidRequest);
            assert_eq!(found.map_err(|err| err.code), expected, "{code} `{name}`");
        }
    }
}
