//! Settings that change over the wire, and take effect.

use controller::image::ResourceType;
use protocol::frame::{RequestHeader, encode_request};
use protocol::messages::alter_configs_request::{
    AlterConfigsResource as LegacyResource, AlterableConfig as LegacyConfig,
};
use protocol::messages::describe_configs_request::DescribeConfigsResource;
use protocol::messages::describe_configs_response::DescribeConfigsResourceResult;
use protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use protocol::messages::{
    AlterConfigsRequest, ApiVersionsRequest, DescribeConfigsRequest,
    IncrementalAlterConfigsRequest, Request, Response,
};
use protocol::{ApiKey, ErrorCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Scene, code, text};

pub(super) const SET: i8 = 0;
pub(super) const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// Changes one key; the error, if it was refused.
pub(super) async fn alter(
    scene: &Scene,
    (kind, name): (i8, &str),
    (op, key, value): (i8, &str, Option<&str>),
    validate_only: bool,
) -> ErrorCode {
    let config = AlterableConfig::default()
        .with_name(text(key))
        .with_config_operation(op)
        .with_value(value.map(text));
    let resource = AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(vec![config]);
    let request = IncrementalAlterConfigsRequest::default()
        .with_resources(vec![resource])
        .with_validate_only(validate_only);
    let Response::IncrementalAlterConfigs(altered) = scene.ask(request, 1).await else { panic!() };
    code(altered.responses[0].error_code)
}

/// Sets keys of a resource, and takes away all others.
pub(super) async fn alter_legacy(
    scene: &Scene,
    (kind, name): (i8, &str),
    configs: &[(&str, &str)],
    version: i16,
) -> ErrorCode {
    let configs = configs.iter().map(|(key, value)| {
        LegacyConfig::default().with_name(text(key)).with_value(Some(text(value)))
    });
    let resource = LegacyResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(configs.collect());
    let request = AlterConfigsRequest::default().with_resources(vec![resource]);
    let Response::AlterConfigs(altered) = scene.ask(request, version).await else { panic!() };
    code(altered.responses[0].error_code)
}

/// What is said of the keys of a resource; of all if none is named.
pub(super) async fn describe(
    scene: &Scene,
    (kind, name): (i8, &str),
    keys: &[&str],
    version: i16,
) -> Result<Vec<DescribeConfigsResourceResult>, ErrorCode> {
    let keys = (!keys.is_empty()).then(|| keys.iter().map(|key| text(key)).collect());
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configuration_keys(keys);
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![resource])
        .with_include_synonyms(true);
    let Response::DescribeConfigs(described) = scene.ask(request, version).await else { panic!() };
    let result = described.results.into_iter().next().unwrap();
    match code(result.error_code) {
        ErrorCode::None => Ok(result.configs),
        code => Err(code),
    }
}

/// The value of one key, and where it comes from.
async fn value(scene: &Scene, resource: (i8, &str), key: &str) -> (String, i8) {
    let described = describe(scene, resource, &[key], 4).await.unwrap();
    let described = &described[0];
    (described.value.as_deref().unwrap_or("none").to_owned(), described.config_source)
}

const TOPIC: (i8, &str) = (ResourceType::Topic.code(), "t");
const BROKER: (i8, &str) = (ResourceType::Broker.code(), "1");
const BROKERS: (i8, &str) = (ResourceType::Broker.code(), "");

#[tokio::test]
async fn setting_of_a_topic_takes_effect_at_once() {
    let scene = Scene::start(&[]).await;
    scene.create("t", 1).await;
    let set = (SET, "max.message.bytes", Some("1000"));
    assert_eq!(alter(&scene, TOPIC, set, true).await, ErrorCode::None);
    assert_eq!(scene.produce("t", 2_000).await, ErrorCode::None, "it was only checked");
    assert_eq!(alter(&scene, TOPIC, set, false).await, ErrorCode::None);
    assert_eq!(scene.produce("t", 2_000).await, ErrorCode::MessageTooLarge);
    assert_eq!(value(&scene, TOPIC, "max.message.bytes").await, ("1000".to_owned(), 1));
    let delete = (DELETE, "max.message.bytes", None);
    assert_eq!(alter(&scene, TOPIC, delete, false).await, ErrorCode::None);
    assert_eq!(scene.produce("t", 2_000).await, ErrorCode::None);
    // What all brokers have holds for topics that say nothing.
    let set = (SET, "message.max.bytes", Some("1000"));
    assert_eq!(alter(&scene, BROKERS, set, false).await, ErrorCode::None);
    assert_eq!(scene.produce("t", 2_000).await, ErrorCode::MessageTooLarge);
    assert_eq!(value(&scene, TOPIC, "max.message.bytes").await, ("1000".to_owned(), 3));
}

#[tokio::test]
async fn lists_are_added_to_and_taken_from() {
    let scene = Scene::start(&[]).await;
    scene.create("t", 1).await;
    for (op, expected) in [
        (APPEND, "delete,compact"),
        (APPEND, "delete,compact"),
        (SUBTRACT, "delete"),
        (SUBTRACT, "delete"),
    ] {
        let change = (op, "cleanup.policy", Some("compact"));
        assert_eq!(alter(&scene, TOPIC, change, false).await, ErrorCode::None);
        assert_eq!(value(&scene, TOPIC, "cleanup.policy").await.0, expected);
    }
    let change = (APPEND, "retention.ms", Some("1"));
    assert_eq!(alter(&scene, TOPIC, change, false).await, ErrorCode::InvalidConfig);
    let change = (9, "retention.ms", Some("1"));
    assert_eq!(alter(&scene, TOPIC, change, false).await, ErrorCode::InvalidRequest);
}

#[tokio::test]
async fn legacy_alteration_takes_away_what_it_does_not_name() {
    let scene = Scene::start(&[]).await;
    scene.create("t", 1).await;
    for version in 0..=2 {
        let set = (SET, "retention.ms", Some("1000"));
        assert_eq!(alter(&scene, TOPIC, set, false).await, ErrorCode::None);
        let named = [("segment.bytes", "2000000")];
        assert_eq!(alter_legacy(&scene, TOPIC, &named, version).await, ErrorCode::None);
        assert_eq!(value(&scene, TOPIC, "segment.bytes").await, ("2000000".to_owned(), 1));
        assert_eq!(value(&scene, TOPIC, "retention.ms").await, ("604800000".to_owned(), 5));
    }
    let absent = (ResourceType::Topic.code(), "absent");
    let code = alter_legacy(&scene, absent, &[], 2).await;
    assert_eq!(code, ErrorCode::UnknownTopicOrPartition);
}

#[tokio::test]
async fn limit_of_connections_takes_effect_at_once() {
    let scene = Scene::start(&[]).await;
    // A connection is served, or it is closed: one of both comes.
    let is_served = async |mut stream: TcpStream| {
        let header = RequestHeader {
            api: ApiKey::ApiVersions,
            version: 0,
            correlation_id: 1,
            client_id: text(""),
        };
        let request = Request::ApiVersions(ApiVersionsRequest::default());
        let asked = stream.write_all(&encode_request(&header, &request).unwrap()).await;
        asked.is_ok() && stream.read_u8().await.is_ok()
    };
    let first = TcpStream::connect(scene.address()).await.unwrap();
    let set = (SET, "max.connections.per.ip", Some("1"));
    assert_eq!(alter(&scene, BROKERS, set, false).await, ErrorCode::None);
    let second = TcpStream::connect(scene.address()).await.unwrap();
    assert!(!is_served(second).await, "there is one already");
    let set = (SET, "max.connections.per.ip.overrides", Some("127.0.0.1:5"));
    assert_eq!(alter(&scene, BROKER, set, false).await, ErrorCode::None);
    let third = TcpStream::connect(scene.address()).await.unwrap();
    assert!(is_served(third).await);
    drop(first);
    assert_eq!(value(&scene, BROKER, "max.connections.per.ip").await, ("1".to_owned(), 3));
}

#[tokio::test]
async fn settings_of_the_logs_take_effect_at_once() {
    let scene = Scene::start(&[]).await;
    let config = || scene.broker().storage.config();
    assert!(config().transaction_partition_verification);
    let set = (SET, "transaction.partition.verification.enable", Some("false"));
    assert_eq!(alter(&scene, BROKER, set, false).await, ErrorCode::None);
    assert!(!config().transaction_partition_verification);
    let set = (SET, "log.cleaner.io.max.bytes.per.second", Some("1000"));
    assert_eq!(alter(&scene, BROKERS, set, false).await, ErrorCode::None);
    assert!(config().cleaner.io_max_bytes_per_second < 1001.0);
}

#[tokio::test]
async fn settings_of_groups_and_subscriptions_are_kept() {
    let scene = Scene::start(&[]).await;
    for (kind, key, text, source) in [
        (ResourceType::Group, "consumer.session.timeout.ms", "50000", 8),
        (ResourceType::ClientMetrics, "interval.ms", "60000", 7),
    ] {
        let resource = (kind.code(), "name");
        let set = (SET, key, Some(text));
        assert_eq!(alter(&scene, resource, set, false).await, ErrorCode::None);
        assert_eq!(value(&scene, resource, key).await, (text.to_owned(), source));
        let nameless = (kind.code(), "");
        assert_eq!(alter(&scene, nameless, set, false).await, ErrorCode::InvalidRequest);
    }
}

#[tokio::test]
async fn every_version_describes() {
    let scene = Scene::start(&[]).await;
    scene.create("t", 1).await;
    for version in 1..=4 {
        for resource in [TOPIC, BROKER, BROKERS, (8, "1")] {
            assert!(describe(&scene, resource, &[], version).await.is_ok(), "{resource:?}");
        }
        let other = (ResourceType::Broker.code(), "2");
        let described = describe(&scene, other, &[], version).await;
        assert_eq!(described.unwrap_err(), ErrorCode::InvalidRequest);
    }
    let two = describe(&scene, TOPIC, &["retention.ms", "cleanup.policy"], 1).await.unwrap();
    assert_eq!(two.len(), 2);
}
