//! Feature levels: what the whole cluster has agreed to use (KIP-584, KIP-1022).

use std::collections::BTreeMap;

use config::Settings;
use protocol::internal::metadata::{FeatureLevelRecord, MetadataRecord};
use protocol::{BrokerId, ErrorCode};

use super::configs::MIN_INSYNC_REPLICAS;
use super::{ApiError, Cluster, Decision};
use crate::image::{Image, ResourceType, VersionRange};
use crate::records::config_record;

/// The version of the metadata: which records there are, and in which versions.
pub const METADATA_VERSION: &str = "metadata.version";
/// Eligible leader replicas (KIP-966), from level 1 on.
pub(super) const ELIGIBLE_LEADER_REPLICAS: &str = "eligible.leader.replicas.version";

/// A feature of Apache Kafka 4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name.
    pub name: &'static str,
    /// The levels that there are. The highest one is what a new cluster begins with, as Kafka formats it.
    pub levels: VersionRange,
    /// The metadata.version that its levels above 0 need.
    needs: i16,
}

const fn feature(name: &'static str, min: i16, max: i16, needs: i16) -> Feature {
    Feature { name, levels: VersionRange { min, max }, needs }
}

/// The least metadata.version of Kafka 4: 3.3-IV3.
const OLDEST_METADATA: i16 = 7;

/// All features.
pub const FEATURES: [Feature; 6] = [
    feature(METADATA_VERSION, OLDEST_METADATA, 30, OLDEST_METADATA),
    feature(ELIGIBLE_LEADER_REPLICAS, 0, 1, 23),
    feature("group.version", 0, 1, OLDEST_METADATA),
    feature("share.version", 0, 1, OLDEST_METADATA),
    feature("streams.version", 0, 1, OLDEST_METADATA),
    feature("transaction.version", 0, 2, OLDEST_METADATA),
];

/// A level that a client wants a feature to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureUpdate {
    /// The feature.
    pub name: String,
    /// The level.
    pub level: i16,
    /// Which way the client means to go.
    pub upgrade_type: UpgradeType,
}

/// Which way a feature is meant to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradeType {
    /// A number that has no meaning.
    Unknown,
    /// Up.
    Upgrade,
    /// Down, as long as nothing is lost.
    SafeDowngrade,
    /// Down, at any cost.
    UnsafeDowngrade,
}

impl UpgradeType {
    /// The type with Kafka's number (`FeatureUpdate.UpgradeType`).
    pub const fn from_code(code: i8) -> Self {
        match code {
            1 => Self::Upgrade,
            2 => Self::SafeDowngrade,
            3 => Self::UnsafeDowngrade,
            _ => Self::Unknown,
        }
    }
}

/// Moves all features to the wanted levels, or none.
pub fn update_features(
    cluster: &Cluster<'_>,
    updates: &[FeatureUpdate],
    validate_only: bool,
) -> Decision<Result<(), ApiError>> {
    let mut levels = cluster.image.features().clone();
    levels.extend(updates.iter().map(|update| (update.name.clone(), update.level)));
    let records: Result<Vec<_>, _> =
        updates.iter().map(|update| update_feature(cluster, &levels, update)).collect();
    let enables_elr =
        updates.iter().any(|update| update.name == ELIGIBLE_LEADER_REPLICAS && update.level > 0);
    Decision::from_result(records.map(|features| {
        let mut records = if enables_elr { elr_safety_records(cluster) } else { Vec::new() };
        records.extend(features.into_iter().map(MetadataRecord::FeatureLevel));
        (records, ())
    }))
    .only_checked(validate_only)
}

/// Checks one update against the `levels` that all features would have.
fn update_feature(
    cluster: &Cluster<'_>,
    levels: &BTreeMap<String, i16>,
    update: &FeatureUpdate,
) -> Result<FeatureLevelRecord, ApiError> {
    let FeatureUpdate { name, level, upgrade_type } = update;
    let refuse = |reason: String| {
        let message = format!("feature {name} cannot be set to {level}: {reason}");
        Err(ApiError::new(ErrorCode::InvalidUpdateVersion, message))
    };
    let current = cluster.image.feature_level(name);
    let Some(feature) = FEATURES.iter().find(|feature| feature.name == *name) else {
        return refuse("this node does not support the feature".to_owned());
    };
    if let Some(reason) = unsupported_by(cluster.image, feature, *level) {
        return refuse(reason);
    }
    match upgrade_type {
        UpgradeType::Unknown => return refuse("the upgrade type is not known".to_owned()),
        UpgradeType::Upgrade if *level < current => {
            return refuse(format!("it is at {current}, and this is not said to be a downgrade"));
        }
        UpgradeType::SafeDowngrade | UpgradeType::UnsafeDowngrade if *level > current => {
            return refuse(format!("it is at {current}, and this is said to be a downgrade"));
        }
        _ => {}
    }
    if feature.name == METADATA_VERSION {
        // 4.3-IV0, which every cluster of ours begins with, changed the records; Kafka too goes back behind no change.
        if *level < current {
            return refuse(format!("it is at {current}, and what came since would be lost"));
        }
    } else if *level > 0
        && levels.get(METADATA_VERSION).is_none_or(|version| *version < feature.needs)
    {
        return refuse(format!("it needs {METADATA_VERSION} {}", feature.needs));
    }
    Ok(FeatureLevelRecord { name: name.clone(), feature_level: *level })
}

/// Why a feature cannot have this level, if that is so: a node does not support it.
fn unsupported_by(image: &Image, feature: &Feature, level: i16) -> Option<String> {
    if !feature.levels.contains(level) {
        let VersionRange { min, max } = feature.levels;
        return Some(format!("this node supports the levels from {min} to {max}"));
    }
    image.brokers().find_map(|broker| {
        let range = broker.features.get(feature.name).copied().unwrap_or_default();
        let VersionRange { min, max } = range;
        (!range.contains(level))
            .then(|| format!("broker {} supports the levels from {min} to {max}", broker.id))
    })
}

/// Whether a broker that supports these features can work in this cluster.
pub(super) fn check_support(
    image: &Image,
    broker: BrokerId,
    supported: &BTreeMap<String, VersionRange>,
) -> Result<(), ApiError> {
    if !supported.contains_key(METADATA_VERSION) {
        let message = format!("broker {broker} does not say which {METADATA_VERSION} it supports");
        return Err(ApiError::new(ErrorCode::InvalidRegistration, message));
    }
    for (name, level) in image.features() {
        let range = supported.get(name).copied().unwrap_or_default();
        if !range.contains(*level) {
            let message = format!(
                "{name} is at {level}, and broker {broker} supports the levels from {} to {}",
                range.min, range.max
            );
            return Err(ApiError::new(ErrorCode::UnsupportedVersion, message));
        }
    }
    Ok(())
}

/// What eligible leader replicas rest on: one `min.insync.replicas` for all brokers, for with several no replica could
/// be known to have everything.
fn elr_safety_records(cluster: &Cluster<'_>) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    if !cluster.image.config(ResourceType::Broker, "").contains_key(MIN_INSYNC_REPLICAS) {
        records.push(cluster_min_insync_replicas(cluster.settings));
    }
    let brokers = cluster.image.configs(ResourceType::Broker);
    let set = brokers
        .filter(|(name, config)| !name.is_empty() && config.contains_key(MIN_INSYNC_REPLICAS));
    records.extend(set.map(|(name, _)| {
        let record = config_record(ResourceType::Broker, name, MIN_INSYNC_REPLICAS, None);
        MetadataRecord::Config(record)
    }));
    records
}

/// What this node was started with, as a setting for all brokers.
fn cluster_min_insync_replicas(started_with: &Settings) -> MetadataRecord {
    let value = started_with.get_or_default(MIN_INSYNC_REPLICAS).map(|value| value.to_string());
    MetadataRecord::Config(config_record(ResourceType::Broker, "", MIN_INSYNC_REPLICAS, value))
}

/// What a new cluster begins with: the highest levels of all features, as Kafka formats it, and what they rest on.
pub fn first_records(started_with: &Settings) -> Vec<MetadataRecord> {
    let levels = FEATURES.iter().map(|feature| FeatureLevelRecord {
        name: feature.name.to_owned(),
        feature_level: feature.levels.max,
    });
    let levels = levels.map(MetadataRecord::FeatureLevel);
    levels.chain([cluster_min_insync_replicas(started_with)]).collect()
}
