//! ApiVersions: what this broker speaks, and which features the cluster has finalized.

use std::sync::Arc;

use controller::decide::{FEATURES, Feature};
use protocol::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use protocol::messages::{ApiVersionsResponse, Request, Response, StrBytes};
use protocol::{ApiKey, ErrorCode};

use super::{Call, advertised, misrouted};
use crate::broker::Broker;
use crate::net::Reply;

/// The features, each with an API that it is about. One whose API is not served is kept to ourselves, whatever level the
/// image has for it: a client would rely on it.
const FEATURE_APIS: [(&str, ApiKey); 6] = [
    ("metadata.version", ApiKey::Metadata),
    ("eligible.leader.replicas.version", ApiKey::DescribeTopicPartitions),
    ("group.version", ApiKey::ConsumerGroupHeartbeat),
    ("transaction.version", ApiKey::EndTxn),
    ("share.version", ApiKey::ShareGroupHeartbeat),
    ("streams.version", ApiKey::StreamsGroupHeartbeat),
];

/// Clients of older versions cannot read a feature whose lowest level is 0 (KAFKA-17492).
const LEVEL_ZERO_SINCE: i16 = 4;

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::ApiVersions(request) = request else { return misrouted(&request) };
    if call.header.version >= 3
        && !is_name(&request.client_software_name, &request.client_software_version)
    {
        let error_code = ErrorCode::InvalidRequest.code();
        return Reply::now(Response::ApiVersions(
            ApiVersionsResponse::default().with_error_code(error_code),
        ));
    }
    let response = with_features(broker, supported(), call.header.version);
    Reply::now(Response::ApiVersions(response))
}

/// Adds the features that work. What else the image has finalized is for the log's readers, as Kafka formats it.
fn with_features(
    broker: &Broker,
    response: ApiVersionsResponse,
    version: i16,
) -> ApiVersionsResponse {
    let image = broker.image.load();
    let works = || FEATURES.iter().filter(|feature| works(feature.name));
    let is_readable = |feature: &&Feature| version >= LEVEL_ZERO_SINCE || feature.levels.min != 0;
    let supported = works().filter(is_readable).map(|feature| {
        SupportedFeatureKey::default()
            .with_name(StrBytes::from_static_str(feature.name))
            .with_min_version(feature.levels.min)
            .with_max_version(feature.levels.max)
    });
    let finalized = works().filter_map(|feature| {
        let level = *image.features().get(feature.name)?;
        let key = FinalizedFeatureKey::default().with_name(StrBytes::from_static_str(feature.name));
        Some(key.with_min_version_level(level).with_max_version_level(level))
    });
    response
        .with_supported_features(supported.collect())
        .with_finalized_features(finalized.collect())
        .with_finalized_features_epoch(broker.metadata.last_offset().0)
}

fn works(feature: &str) -> bool {
    let api = FEATURE_APIS.iter().find(|(name, _)| *name == feature);
    api.is_some_and(|(_, api)| advertised().any(|advertised| advertised == *api))
}

/// The answer, in version 0, to a version that we do not speak: it says which we do (KIP-511).
pub(super) fn unsupported() -> ApiVersionsResponse {
    ApiVersionsResponse::default()
        .with_error_code(ErrorCode::UnsupportedVersion.code())
        .with_api_keys(vec![api_version(ApiKey::ApiVersions)])
}

fn supported() -> ApiVersionsResponse {
    ApiVersionsResponse::default().with_api_keys(advertised().map(api_version).collect())
}

fn api_version(api: ApiKey) -> ApiVersion {
    let versions = api.advertised_versions();
    ApiVersion::default()
        .with_api_key(api.key())
        .with_min_version(versions.min)
        .with_max_version(versions.max)
}

/// Kafka asks that both begin and end with a letter or digit, with dots and dashes between (KIP-511).
fn is_name(name: &str, version: &str) -> bool {
    let is_valid = |text: &str| {
        let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let ends_well = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        text.chars().all(is_inner)
            && ends_well(text.chars().next())
            && ends_well(text.chars().last())
    };
    is_valid(name) && is_valid(version)
}
