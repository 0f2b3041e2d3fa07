//! Whether settings may be changed: the resource, each key and value by its table, and all of them together.

use config::{
    BrokerConfig, Definition, Dynamic, Error, GROUP, GroupConfig, Kind, TOPIC, TopicConfig,
};
use protocol::{BrokerId, ErrorCode};

use super::{Change, MIN_INSYNC_REPLICAS};
use crate::decide::{ApiError, Cluster, check_topic_name, table};
use crate::image::{ConfigMap, ConfigResource, ResourceType, settings};

/// The longest value: records cannot hold longer strings.
const VALUE_BYTES_MAX: usize = i16::MAX as usize;

/// Whether the changes are allowed, for a resource that may be about to be created.
pub(super) fn check(
    cluster: &Cluster<'_>,
    resource: &ConfigResource,
    changes: &[Change<'_>],
) -> Result<(), ApiError> {
    check_name(resource)?;
    for (key, value) in changes {
        check_min_isr(cluster, resource, key, value.as_deref())?;
        if let Some(value) = value {
            check_value(resource, key, value)?;
        }
    }
    check_together(cluster, resource, changes)
}

/// Whether there is such a resource. Groups and subscriptions need not exist to have settings.
pub(super) fn exists(cluster: &Cluster<'_>, resource: &ConfigResource) -> Result<(), ApiError> {
    let name = resource.name.as_str();
    let (exists, code) = match resource.kind {
        ResourceType::Topic => {
            (cluster.image.topic(name).is_some(), ErrorCode::UnknownTopicOrPartition)
        }
        ResourceType::Broker => {
            let id = name.parse().map(BrokerId);
            let is_known = |id| cluster.image.broker(id).is_some() || id == cluster.node_id;
            (name.is_empty() || id.is_ok_and(is_known), ErrorCode::BrokerIdNotRegistered)
        }
        ResourceType::ClientMetrics | ResourceType::Group => return Ok(()),
    };
    if exists {
        return Ok(());
    }
    Err(ApiError::new(code, format!("there is no {} `{name}`", resource.kind)))
}

/// What a list was before values are added to it or taken out; an error if the key has no list.
pub(super) fn list_before(
    kind: ResourceType,
    config: &ConfigMap,
    key: &str,
) -> Result<Vec<String>, ApiError> {
    let definition = table(kind)
        .get(key)
        .map_err(|error| ApiError::new(ErrorCode::InvalidConfig, error.to_string()))?;
    if definition.kind != Kind::List {
        let message = format!("`{key}` takes a {} and not a list: set it instead", definition.kind);
        return Err(ApiError::new(ErrorCode::InvalidConfig, message));
    }
    let default = || definition.default_value().map(|value| value.to_string());
    let before = config.get(key).cloned().or_else(default).unwrap_or_default();
    let values = before.split(',').map(str::trim).filter(|value| !value.is_empty());
    Ok(values.map(str::to_owned).collect())
}

fn check_name(resource: &ConfigResource) -> Result<(), ApiError> {
    let name = resource.name.as_str();
    let is_id = |name: &str| name.parse::<i32>().is_ok_and(|id| id >= 0);
    let reason = match resource.kind {
        ResourceType::Topic if name.is_empty() => "topics have no common settings of their own",
        ResourceType::Topic => return check_topic_name(name),
        ResourceType::Broker if name.is_empty() || is_id(name) => return Ok(()),
        ResourceType::Broker => "a broker's name is its id",
        _ if name.is_empty() => "the name is empty",
        _ => return Ok(()),
    };
    let message = format!("{} `{name}` cannot have settings: {reason}", resource.kind);
    Err(ApiError::new(ErrorCode::InvalidRequest, message))
}

fn check_value(resource: &ConfigResource, key: &str, value: &str) -> Result<(), ApiError> {
    let refuse = |error| refused(resource.kind, &error);
    let definition = table(resource.kind).get(key).map_err(refuse)?;
    if value.len() > VALUE_BYTES_MAX {
        let message =
            format!("the value of `{key}` has {} bytes, more than {VALUE_BYTES_MAX}", value.len());
        return Err(ApiError::new(ErrorCode::InvalidConfig, message));
    }
    if resource.kind == ResourceType::Broker {
        check_dynamic(definition, &resource.name)?;
    }
    definition.parse(value).map(drop).map_err(refuse)
}

/// A wrong setting is an invalid configuration to Kafka. One of a broker is an invalid request, and so is what it
/// checks of a subscription by itself: the keys, and the bounds of the interval (`ClientMetricsConfigs`). A key of a
/// broker that there is not is taken by Kafka, for plug-ins may read it; we have none, and name the key that was meant.
fn refused(kind: ResourceType, error: &Error) -> ApiError {
    let is_request = match (kind, error) {
        (ResourceType::Broker, Error::UnknownKey { .. }) => false,
        (ResourceType::Broker, _) | (ResourceType::ClientMetrics, Error::UnknownKey { .. }) => true,
        (ResourceType::ClientMetrics, Error::InvalidValue { key: "interval.ms", value, .. }) => {
            value.parse::<i32>().is_ok()
        }
        _ => false,
    };
    let code = if is_request { ErrorCode::InvalidRequest } else { ErrorCode::InvalidConfig };
    ApiError::new(code, error.to_string())
}

/// Whether a broker's setting can change while it runs, and for this broker or all of them (KIP-226).
fn check_dynamic(definition: &Definition, broker: &str) -> Result<(), ApiError> {
    let key = definition.key;
    let message = match definition.dynamic {
        Dynamic::ReadOnly => {
            format!("`{key}` changes only by a restart: set it in the configuration of the broker")
        }
        Dynamic::PerBroker if broker.is_empty() => {
            format!("`{key}` is set for one broker at a time: name the broker")
        }
        Dynamic::PerBroker | Dynamic::ClusterWide | Dynamic::Only => return Ok(()),
    };
    Err(ApiError::new(ErrorCode::InvalidRequest, message))
}

/// Eligible leader replicas need one `min.insync.replicas` that holds for all brokers.
fn check_min_isr(
    cluster: &Cluster<'_>,
    resource: &ConfigResource,
    key: &str,
    value: Option<&str>,
) -> Result<(), ApiError> {
    let is_brokers = resource.kind == ResourceType::Broker && key == MIN_INSYNC_REPLICAS;
    if !is_brokers || !cluster.is_elr_enabled() {
        return Ok(());
    }
    let reason = match (resource.name.as_str(), value) {
        ("", Some(_)) => return Ok(()),
        ("", None) => "cannot be taken away from all brokers",
        _ => "cannot differ from broker to broker",
    };
    let message = format!("`{key}` {reason} while eligible leader replicas are enabled");
    Err(ApiError::new(ErrorCode::InvalidConfig, message))
}

/// Whether all settings of the resource, as they will be, fit each other and those of the broker.
fn check_together(
    cluster: &Cluster<'_>,
    resource: &ConfigResource,
    changes: &[Change<'_>],
) -> Result<(), ApiError> {
    let mut config = cluster.image.config(resource.kind, &resource.name).clone();
    for (key, value) in changes {
        match value {
            Some(value) => drop(config.insert((*key).to_owned(), value.clone())),
            None => drop(config.remove(*key)),
        }
    }
    let checked = match resource.kind {
        ResourceType::Topic => {
            let overrides = settings(&TOPIC, &config);
            TopicConfig::check(&overrides, &cluster.broker_settings())
        }
        ResourceType::Broker => {
            let stored = |name: &str| cluster.image.config(ResourceType::Broker, name);
            let broker = match resource.name.as_str() {
                "" => cluster.layered(&config, stored(&cluster.node_id.to_string())),
                _ => cluster.layered(stored(""), &config),
            };
            BrokerConfig::new(&broker).map(drop)
        }
        ResourceType::Group => {
            GroupConfig::check(&settings(&GROUP, &config), &cluster.broker_settings())
        }
        ResourceType::ClientMetrics => return Ok(()),
    };
    checked.map_err(|error| refused(resource.kind, &error))
}
