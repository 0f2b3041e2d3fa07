//! The levels of loggers over the wire (KIP-412).

use std::collections::HashMap;

use protocol::ErrorCode;
use protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use protocol::messages::{IncrementalAlterConfigsRequest, Response};

use super::configs::{DELETE, SET, alter, alter_legacy, describe};
use super::{Scene, code, text};

const LOGGERS: (i8, &str) = (8, "1");

async fn levels(scene: &Scene, keys: &[&str]) -> HashMap<String, String> {
    let described = describe(scene, LOGGERS, keys, 4).await.unwrap();
    let level =
        |it: &protocol::messages::describe_configs_response::DescribeConfigsResourceResult| {
            assert_eq!((it.config_source, it.read_only, it.synonyms.len()), (6, false, 0));
            (it.name.to_string(), it.value.as_deref().unwrap_or_default().to_owned())
        };
    described.iter().map(level).collect()
}

#[tokio::test]
async fn level_of_a_logger_is_changed_while_the_broker_runs() {
    let scene = Scene::start(&[]).await;
    assert_eq!(levels(&scene, &[]).await["storage"], "INFO");
    let set = (SET, "storage", Some("DEBUG"));
    assert_eq!(alter(&scene, LOGGERS, set, true).await, ErrorCode::None);
    assert_eq!(*scene.log_filter.lock().unwrap(), "", "it was only checked");
    assert_eq!(alter(&scene, LOGGERS, set, false).await, ErrorCode::None);
    assert_eq!(*scene.log_filter.lock().unwrap(), "info,storage=debug");
    let two = levels(&scene, &["storage", "root"]).await;
    assert_eq!((two.len(), &*two["storage"], &*two["root"]), (2, "DEBUG", "INFO"));
    let delete = (DELETE, "storage", None);
    assert_eq!(alter(&scene, LOGGERS, delete, false).await, ErrorCode::None);
    assert_eq!(levels(&scene, &["storage"]).await["storage"], "INFO");
}

#[tokio::test]
async fn change_of_a_logger_that_makes_no_sense_is_refused() {
    let scene = Scene::start(&[]).await;
    for (resource, change, expected) in [
        (LOGGERS, (SET, "storage", Some("LOUD")), ErrorCode::InvalidConfig),
        (LOGGERS, (SET, "kafka.server", Some("INFO")), ErrorCode::InvalidConfig),
        (LOGGERS, (DELETE, "root", None), ErrorCode::InvalidRequest),
        (LOGGERS, (2, "storage", Some("INFO")), ErrorCode::InvalidRequest),
        ((8, "2"), (SET, "storage", Some("INFO")), ErrorCode::InvalidRequest),
        ((8, ""), (SET, "storage", Some("INFO")), ErrorCode::InvalidRequest),
    ] {
        assert_eq!(
            alter(&scene, resource, change, false).await,
            expected,
            "{resource:?} {change:?}"
        );
    }
    let legacy = alter_legacy(&scene, LOGGERS, &[("storage", "DEBUG")], 2).await;
    assert_eq!(legacy, ErrorCode::InvalidRequest);
    assert_eq!(describe(&scene, (8, ""), &[], 4).await.unwrap_err(), ErrorCode::InvalidRequest);
    assert_eq!(*scene.log_filter.lock().unwrap(), "");
}

/// Loggers and other resources in one request are each answered in their place.
#[tokio::test]
async fn loggers_and_topics_are_changed_by_one_request() {
    let scene = Scene::start(&[]).await;
    scene.create("t", 1).await;
    let resource = |kind: i8, name: &str, key: &str, value: &str| {
        let config = AlterableConfig::default().with_name(text(key)).with_value(Some(text(value)));
        AlterConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configs(vec![config])
    };
    let resources = vec![
        resource(2, "absent", "retention.ms", "1"),
        resource(8, "1", "broker", "WARN"),
        resource(2, "t", "retention.ms", "1"),
    ];
    let request = IncrementalAlterConfigsRequest::default().with_resources(resources);
    let Response::IncrementalAlterConfigs(altered) = scene.ask(request, 0).await else { panic!() };
    let codes: Vec<_> = altered.responses.iter().map(|it| code(it.error_code)).collect();
    let unknown = ErrorCode::UnknownTopicOrPartition;
    assert_eq!(codes, [unknown, ErrorCode::None, ErrorCode::None]);
    assert_eq!(*scene.log_filter.lock().unwrap(), "broker=warn,info");
    let twice = vec![resource(8, "1", "broker", "WARN"), resource(8, "1", "storage", "WARN")];
    let request = IncrementalAlterConfigsRequest::default().with_resources(twice);
    let Response::IncrementalAlterConfigs(altered) = scene.ask(request, 1).await else { panic!() };
    assert!(altered.responses.iter().all(|it| code(it.error_code) == ErrorCode::InvalidRequest));
}
