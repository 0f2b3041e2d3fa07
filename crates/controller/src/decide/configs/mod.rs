//! AlterConfigs and IncrementalAlterConfigs: settings of topics, brokers, groups and subscriptions to clients' metrics.
//!
//! Each resource succeeds or fails as a whole: of several changes to it, all are made or none. What a change comes to
//! (a key and its new value, or none) is worked out here, and whether it is allowed in [`check`].

mod check;

use std::collections::{BTreeMap, BTreeSet};

use protocol::ErrorCode;
use protocol::internal::metadata::{ClearElrRecord, ConfigRecord, MetadataRecord};

use super::{ApiError, Cluster, Decision};
use crate::image::{ConfigMap, ConfigResource, ResourceType};
use crate::records::config_record;

/// As many records may one request make (`QuorumController.MAX_RECORDS_PER_USER_OP`): groups and subscriptions need not
/// exist to have settings, so nothing else bounds what a request can leave behind.
const RECORDS_PER_REQUEST_MAX: usize = 10_000;

pub(super) const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// What is done with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigOp {
    /// It is set to the value.
    Set,
    /// It is no longer set.
    Delete,
    /// The values are added to the list that it is set to, those that are there already excepted.
    Append,
    /// The values are taken out of that list.
    Subtract,
}

impl ConfigOp {
    /// The operation with Kafka's number (`AlterConfigOp.OpType`).
    pub const fn from_code(code: i8) -> Option<Self> {
        match code {
            0 => Some(Self::Set),
            1 => Some(Self::Delete),
            2 => Some(Self::Append),
            3 => Some(Self::Subtract),
            _ => None,
        }
    }
}

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// The key.
    pub key: String,
    /// What is done with it.
    pub op: ConfigOp,
    /// The value; a client may leave it out where there must be one, and is refused.
    pub value: Option<String>,
}

/// A key and the value that it is to have; a client may leave the value out, and is refused.
pub type Setting = (String, Option<String>);

/// What a key of a resource is to be: a value, or not set.
type Change<'a> = (&'a str, Option<String>);

/// Changes single keys of resources (KIP-339). The answers are in the order of the resources.
pub fn incremental_alter_configs(
    cluster: &Cluster<'_>,
    resources: &[(ConfigResource, Vec<KeyChange>)],
    validate_only: bool,
) -> Decision<Vec<Result<(), ApiError>>> {
    alter_each(cluster, resources, |resource, changes| {
        check_keys(changes.iter().map(|change| change.key.as_str()))?;
        let needs_value = |change: &&KeyChange| change.op != ConfigOp::Delete;
        check_values(
            changes.iter().filter(needs_value).map(|change| (&*change.key, &change.value)),
        )?;
        let config = cluster.image.config(resource.kind, &resource.name);
        changes.iter().map(|change| apply_op(resource.kind, config, change)).collect()
    })
    .only_checked(validate_only)
}

/// Sets keys of resources, and takes away all settings that are not named. The answers are in the order of the
/// resources.
pub fn alter_configs(
    cluster: &Cluster<'_>,
    resources: &[(ConfigResource, Vec<Setting>)],
    validate_only: bool,
) -> Decision<Vec<Result<(), ApiError>>> {
    alter_each(cluster, resources, |resource, values| {
        check_keys(values.iter().map(|(key, _)| key.as_str()))?;
        check_values(values.iter().map(|(key, value)| (&**key, value)))?;
        let config = cluster.image.config(resource.kind, &resource.name);
        let is_left_out = |key: &&String| values.iter().all(|(named, _)| named != *key);
        let removed = config.keys().filter(is_left_out).map(|key| (key.as_str(), None));
        Ok(values.iter().map(|(key, value)| (key.as_str(), value.clone())).chain(removed).collect())
    })
    .only_checked(validate_only)
}

/// The records of the settings that a new topic is created with.
pub(super) fn of_new_topic(
    cluster: &Cluster<'_>,
    name: &str,
    configs: &[Setting],
) -> Result<Vec<MetadataRecord>, ApiError> {
    let nulls = configs.iter().filter(|(_, value)| value.is_none());
    let nulls: Vec<_> = nulls.map(|(key, _)| key.as_str()).collect();
    if !nulls.is_empty() {
        let message = format!("a topic's settings have no value: {}", nulls.join(", "));
        return Err(ApiError::new(ErrorCode::InvalidConfig, message));
    }
    // As in Kafka, of a key that comes twice the last value counts.
    let by_key: BTreeMap<_, _> =
        configs.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    let changes: Vec<Change<'_>> = by_key.into_iter().collect();
    let resource = ConfigResource::new(ResourceType::Topic, name);
    check::check(cluster, &resource, &changes)?;
    Ok(records(cluster, &resource, &changes))
}

/// Decides each resource by the changes that `changes_of` makes of what the client asked for.
fn alter_each<'a, C>(
    cluster: &Cluster<'a>,
    resources: &'a [(ConfigResource, C)],
    changes_of: impl Fn(&ConfigResource, &'a C) -> Result<Vec<Change<'a>>, ApiError>,
) -> Decision<Vec<Result<(), ApiError>>> {
    if resources.len() > RECORDS_PER_REQUEST_MAX {
        return too_many(resources.len(), resources.len());
    }
    let mut records_of_all = Vec::new();
    let mut mentions = BTreeMap::new();
    for (resource, _) in resources {
        *mentions.entry(resource).or_insert(0_usize) += 1;
    }
    let alter = |(resource, asked): &'a (ConfigResource, C)| {
        if mentions.get(resource) != Some(&1) {
            let message = format!("{} `{}` is named twice", resource.kind, resource.name);
            return Err(ApiError::new(ErrorCode::InvalidRequest, message));
        }
        let changes = changes_of(resource, asked)?;
        check::check(cluster, resource, &changes)?;
        check::exists(cluster, resource)?;
        records_of_all.extend(records(cluster, resource, &changes));
        Ok(())
    };
    let answer: Vec<_> = resources.iter().map(alter).collect();
    if records_of_all.len() > RECORDS_PER_REQUEST_MAX {
        return too_many(records_of_all.len(), resources.len());
    }
    Decision::new(records_of_all, answer)
}

/// Refuses all resources of a request that asks for too many changes.
fn too_many(changes: usize, resources: usize) -> Decision<Vec<Result<(), ApiError>>> {
    let message = format!(
        "the request makes {changes} changes, and one request may make at most \
         {RECORDS_PER_REQUEST_MAX}: split it"
    );
    let error = ApiError::new(ErrorCode::PolicyViolation, message);
    Decision::new(Vec::new(), vec![Err(error); resources])
}

fn check_keys<'a>(keys: impl Iterator<Item = &'a str>) -> Result<(), ApiError> {
    let mut seen = BTreeSet::new();
    for key in keys {
        if !seen.insert(key) {
            let message = format!("setting `{key}` is named twice");
            return Err(ApiError::new(ErrorCode::InvalidRequest, message));
        }
    }
    Ok(())
}

fn check_values<'a>(
    values: impl Iterator<Item = (&'a str, &'a Option<String>)>,
) -> Result<(), ApiError> {
    let nulls: Vec<_> = values.filter(|(_, value)| value.is_none()).map(|(key, _)| key).collect();
    if nulls.is_empty() {
        return Ok(());
    }
    let message = format!("settings have no value: {}", nulls.join(", "));
    Err(ApiError::new(ErrorCode::InvalidRequest, message))
}

/// What a key comes to by an operation.
fn apply_op<'a>(
    kind: ResourceType,
    config: &ConfigMap,
    change: &'a KeyChange,
) -> Result<Change<'a>, ApiError> {
    let key = change.key.as_str();
    let value = match change.op {
        ConfigOp::Set => change.value.clone(),
        ConfigOp::Delete => None,
        ConfigOp::Append | ConfigOp::Subtract => {
            let before = check::list_before(kind, config, key)?;
            let asked = change.value.as_deref().unwrap_or_default();
            Some(change_list(before, change.op, asked))
        }
    };
    Ok((key, value))
}

fn change_list(mut list: Vec<String>, op: ConfigOp, values: &str) -> String {
    for value in values.split(',').map(str::trim).filter(|value| !value.is_empty()) {
        if op == ConfigOp::Subtract {
            list.retain(|other| other != value);
        } else if list.iter().all(|other| other != value) {
            list.push(value.to_owned());
        }
    }
    list.join(",")
}

/// The records of changes that are allowed. A broker's setting gets one even if it stays what it was: that is how it is
/// told to read a file again that the setting names (KAFKA-14136).
fn records(
    cluster: &Cluster<'_>,
    resource: &ConfigResource,
    changes: &[Change<'_>],
) -> Vec<MetadataRecord> {
    let config = cluster.image.config(resource.kind, &resource.name);
    let is_new = |(key, value): &&Change<'_>| {
        resource.kind == ResourceType::Broker || config.get(*key) != value.as_ref()
    };
    let record = |(key, value): &Change<'_>| {
        config_record(resource.kind, &resource.name, key, value.clone())
    };
    let records: Vec<ConfigRecord> = changes.iter().filter(is_new).map(record).collect();
    // Who is eligible to lead follows from the number of replicas that had to be in sync; with another number, it does
    // not follow any more.
    let changes_min_isr = records.iter().any(|record| record.name == MIN_INSYNC_REPLICAS);
    let topic_name = match resource.kind {
        ResourceType::Topic => resource.name.clone(),
        _ => String::new(),
    };
    let is_new_topic =
        resource.kind == ResourceType::Topic && cluster.image.topic(&resource.name).is_none();
    let clears_elr = changes_min_isr && cluster.is_elr_enabled() && !is_new_topic;
    let clear_elr = clears_elr.then(|| MetadataRecord::ClearElr(ClearElrRecord { topic_name }));
    records.into_iter().map(MetadataRecord::Config).chain(clear_elr).collect()
}
