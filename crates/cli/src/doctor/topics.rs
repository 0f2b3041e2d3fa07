//! The topics that Kafka Connect, Debezium and schema registries need to be as they expect them.
//!
//! Connect's worker exits unless its topics are compacted and nothing else, and its config topic has one partition
//! (`KafkaConfigBackingStore`). Debezium's schema history must keep every record, in one partition
//! (`KafkaSchemaHistory`).

use client::{Client, Metadata, TopicMetadata};

use super::Finding;
use crate::Error;
use crate::configs::{Resource, ResourceType, describe};

const CHECK: &str = "topics";

/// Topics that were named on the command line.
#[derive(Debug)]
pub(super) struct Named<'a> {
    pub(super) connect: &'a [String],
    pub(super) history: &'a [String],
}

/// What a topic is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Role {
    ConnectConfig,
    ConnectState,
    History,
    Schemas,
    ConsumerOffsets,
}

/// Checks the topics that are there and have a role, and that those exist which were named.
pub(super) async fn check(
    client: &Client,
    metadata: &Metadata,
    named: &Named<'_>,
) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let given = named.connect.iter().chain(named.history);
    for name in given.filter(|name| !metadata.topics.contains_key(*name)) {
        findings.push(Finding::warn(
            CHECK,
            format!("{name} is not there"),
            "whoever needs it will create it, if there are as many brokers as it wants replicas",
        ));
    }
    for (name, topic) in &metadata.topics {
        let Some(role) = role(name, named) else { continue };
        let keys = ["cleanup.policy", "retention.ms", "retention.bytes"].map(str::to_owned);
        let resource = Resource { kind: ResourceType::Topic, name: name.clone() };
        let configs = describe(client, &resource, &keys, false).await?;
        let value = |key: &str| {
            let entry = configs.iter().find(|entry| entry.name == key);
            entry.and_then(|entry| entry.value.clone()).unwrap_or_default()
        };
        let [policy, retention_ms, retention_bytes] = keys.each_ref().map(|key| value(key));
        let retention = (retention_ms.as_str(), retention_bytes.as_str());
        findings.push(judge(name, topic, role, &policy, retention));
    }
    Ok(findings)
}

/// The role of a topic: as it was named, or by the names that guides and images use.
fn role(name: &str, named: &Named<'_>) -> Option<Role> {
    if let Some(place) = named.connect.iter().position(|it| it == name) {
        return Some(if place == 0 { Role::ConnectConfig } else { Role::ConnectState });
    }
    if named.history.iter().any(|it| it == name) {
        return Some(Role::History);
    }
    let plain = name.to_lowercase().replace(['_', '.'], "-");
    let ends = |ends: &[&str]| ends.iter().any(|end| plain.ends_with(end));
    let is_history =
        ["schema-history", "schemahistory", "dbhistory"].iter().any(|part| plain.contains(part));
    match name {
        "_schemas" => Some(Role::Schemas),
        "__consumer_offsets" => Some(Role::ConsumerOffsets),
        _ if is_history && named.history.is_empty() => Some(Role::History),
        _ if !plain.contains("connect") || !named.connect.is_empty() => None,
        _ if ends(&["-configs", "-config"]) => Some(Role::ConnectConfig),
        _ if ends(&["-offsets", "-offset", "-status", "-statuses"]) => Some(Role::ConnectState),
        _ => None,
    }
}

fn judge(
    name: &str,
    topic: &TopicMetadata,
    role: Role,
    policy: &str,
    (retention_ms, retention_bytes): (&str, &str),
) -> Finding {
    let count = topic.partitions.len();
    let set = |setting: &str| format!("ottla config set topic {name} {setting}");
    let needs_one = matches!(role, Role::ConnectConfig | Role::History | Role::Schemas);
    if needs_one && count != 1 {
        return Finding::fail(
            CHECK,
            format!("{name} has {count} partitions, and must have one"),
            "partitions cannot be taken away: stop its users, copy it with `ottla replay`, create it anew",
        );
    }
    if role != Role::History {
        if policy == "compact" {
            return Finding::ok(CHECK, format!("{name} is compacted"));
        }
        return Finding::fail(
            CHECK,
            format!("{name} has cleanup.policy={policy}, and must have compact alone"),
            set("cleanup.policy=compact"),
        );
    }
    let is_for_ever = |value: &str| value == "-1" || value == i64::MAX.to_string();
    if policy != "delete" {
        return Finding::fail(
            CHECK,
            format!("{name} has cleanup.policy={policy}: compaction takes away schema changes"),
            set("cleanup.policy=delete"),
        );
    }
    if !is_for_ever(retention_ms) || retention_bytes != "-1" {
        return Finding::fail(
            CHECK,
            format!(
                "{name} forgets schema changes: retention.ms={retention_ms} retention.bytes={retention_bytes}"
            ),
            set("retention.ms=-1 retention.bytes=-1"),
        );
    }
    Finding::ok(CHECK, format!("{name} keeps every schema change"))
}

#[cfg(test)]
mod tests {
    use client::PartitionMetadata;
    use protocol::{LeaderEpoch, PartitionId, TopicId};

    use super::super::Status;
    use super::*;

    #[test]
    fn role_is_known_by_name() {
        let nobody = Named { connect: &[], history: &[] };
        for (name, expected) in [
            ("connect-configs", Some(Role::ConnectConfig)),
            ("my_connect_offsets", Some(Role::ConnectState)),
            ("connect.statuses", Some(Role::ConnectState)),
            ("schema-history.inventory", Some(Role::History)),
            ("schemahistory.fulfillment", Some(Role::History)),
            ("_schemas", Some(Role::Schemas)),
            ("__consumer_offsets", Some(Role::ConsumerOffsets)),
            ("orders", None),
            ("game-configs", None),
            ("connections", None),
        ] {
            assert_eq!(role(name, &nobody), expected, "{name}");
        }
        let connect = ["c", "o", "s"].map(str::to_owned);
        let history = ["h".to_owned()];
        let named = Named { connect: &connect, history: &history };
        assert_eq!(role("c", &named), Some(Role::ConnectConfig));
        assert_eq!(role("s", &named), Some(Role::ConnectState));
        assert_eq!(role("h", &named), Some(Role::History));
        assert_eq!(role("connect-configs", &named), None);
    }

    fn status(role: Role, count: i32, policy: &str, retention: (&str, &str)) -> Status {
        let partition = |id| PartitionMetadata {
            id: PartitionId(id),
            leader: None,
            leader_epoch: LeaderEpoch(0),
            replicas: vec![],
            isr: vec![],
            offline: vec![],
        };
        let partitions = (0..count).map(partition).collect();
        let topic =
            TopicMetadata { error: None, id: TopicId::ZERO, is_internal: false, partitions };
        judge("t", &topic, role, policy, retention).status
    }

    #[test]
    fn topic_is_judged_by_what_its_users_do_to_it() {
        let week = ("604800000", "-1");
        assert_eq!(status(Role::ConnectConfig, 1, "compact", week), Status::Ok);
        assert_eq!(status(Role::ConnectConfig, 2, "compact", week), Status::Fail);
        assert_eq!(status(Role::ConnectState, 25, "compact", week), Status::Ok);
        assert_eq!(status(Role::ConnectState, 25, "compact,delete", week), Status::Fail);
        assert_eq!(status(Role::Schemas, 1, "delete", week), Status::Fail);
        let ever = ("9223372036854775807", "-1");
        assert_eq!(status(Role::History, 1, "delete", ever), Status::Ok);
        assert_eq!(status(Role::History, 1, "delete", ("-1", "-1")), Status::Ok);
        assert_eq!(status(Role::History, 1, "delete", week), Status::Fail);
        assert_eq!(status(Role::History, 1, "delete", ("-1", "1000")), Status::Fail);
        assert_eq!(status(Role::History, 1, "compact", ever), Status::Fail);
        assert_eq!(status(Role::History, 3, "delete", ever), Status::Fail);
    }
}
