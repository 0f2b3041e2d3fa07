//! IncrementalAlterConfigs: changes single keys of resources (KIP-339).

use std::sync::Arc;

use controller::decide::{self, ApiError, ConfigOp, KeyChange};
use protocol::ErrorCode;
use protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use protocol::messages::{IncrementalAlterConfigsResponse, Request, Response};

use super::alter_configs::{alter, resource};
use super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::wire;

pub(super) fn handle(broker: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::IncrementalAlterConfigs(request) = request else { return misrouted(&request) };
    let broker = Arc::clone(broker);
    Reply::later(async move {
        let asked = request.resources.iter().map(|asked| {
            let resource = resource(broker.node_id, asked.resource_type, &asked.resource_name)?;
            Ok((resource, changes(asked)?))
        });
        let (asked, validate_only) = (asked.collect(), request.validate_only);
        let results = alter(&broker, asked, move |cluster, asked| {
            decide::incremental_alter_configs(cluster, asked, validate_only)
        });
        let responses = request.resources.iter().zip(results.await).map(|(asked, result)| {
            let (code, message) = wire::error(result.err());
            AlterConfigsResourceResponse::default()
                .with_error_code(code)
                .with_error_message(message)
                .with_resource_type(asked.resource_type)
                .with_resource_name(asked.resource_name.clone())
        });
        let response =
            IncrementalAlterConfigsResponse::default().with_responses(responses.collect());
        Response::IncrementalAlterConfigs(response).into()
    })
}

fn changes(asked: &AlterConfigsResource) -> Result<Vec<KeyChange>, ApiError> {
    let change = |config: &AlterableConfig| {
        let op = ConfigOp::from_code(config.config_operation).ok_or_else(|| ApiError {
            code: ErrorCode::InvalidRequest,
            message: format!(
                "there is no operation {} on setting `{}`",
                config.config_operation, &*config.name
            ),
        })?;
        let value = config.value.as_ref().map(ToString::to_string);
        Ok(KeyChange { key: config.name.to_string(), op, value })
    };
    asked.configs.iter().map(change).collect()
}
