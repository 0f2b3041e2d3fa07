//! IncrementalAlterConfigs: changes single keys of resources (KIP-339).

use std::collections::HashSet;
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
use crate::loggers;
use crate::net::Reply;

pub(super) fn handle(broker: &Arc<Broker>, _: &Call<'_>, request: Request) -> Reply {
    let Request::IncrementalAlterConfigs(request) = request else { return misrouted(&request) };
    let broker = Arc::clone(broker);
    Reply::later(async move {
        let validate_only = request.validate_only;
        let ours = request.resources.iter().filter(|asked| are_our_loggers(&broker, asked));
        let are_named_once = ours.count() == 1;
        let asked = request.resources.iter().map(|asked| {
            if asked.resource_type == loggers::RESOURCE_TYPE {
                alter_loggers(&broker, asked, are_named_once, validate_only)?;
                return Ok(None);
            }
            let resource = resource(broker.node_id, asked.resource_type, &asked.resource_name)?;
            Ok(Some((resource, changes(asked)?)))
        });
        let asked = asked.collect();
        let results = alter(&broker, asked, move |cluster, asked| {
            decide::incremental_alter_configs(cluster, asked, validate_only)
        });
        let asked = request.resources.iter().zip(results.await);
        let responses = asked.map(|(asked, (code, message))| {
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

fn are_our_loggers(broker: &Broker, asked: &AlterConfigsResource) -> bool {
    asked.resource_type == loggers::RESOURCE_TYPE
        && asked.resource_name.parse() == Ok(broker.node_id.0)
}

/// Changes the levels of this broker's loggers. That is no business of the cluster's: they are gone after a restart.
fn alter_loggers(
    broker: &Broker,
    asked: &AlterConfigsResource,
    are_named_once: bool,
    validate_only: bool,
) -> Result<(), ApiError> {
    let invalid = |message| Err(ApiError { code: ErrorCode::InvalidRequest, message });
    if !are_our_loggers(broker, asked) {
        let (node_id, name) = (broker.node_id, &*asked.resource_name);
        return invalid(format!("broker {node_id} has its own loggers, and not those of `{name}`"));
    }
    if !are_named_once {
        return invalid("the loggers of the broker are named twice".to_owned());
    }
    let changes: Vec<_> = asked.configs.iter().map(logger_change).collect();
    let mut seen = HashSet::new();
    if let Some(twice) = changes.iter().find(|change| !seen.insert(change.logger)) {
        return invalid(format!("logger `{}` is named twice", twice.logger));
    }
    broker.loggers.alter(&changes, validate_only)
}

fn logger_change(config: &AlterableConfig) -> loggers::Change<'_> {
    loggers::Change {
        logger: &config.name,
        op: ConfigOp::from_code(config.config_operation),
        value: config.value.as_deref(),
    }
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
