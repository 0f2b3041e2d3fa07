//! Settings of a broker in, a typed broker or a conflict out.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::*;
use crate::broker::BROKER;
use crate::group::{GROUP, RANGES};
use crate::kind::Effect;
use crate::topic::TOPIC;

pub(super) type Pairs<'a> = &'a [(&'a str, &'a str)];

pub(super) fn config(pairs: Pairs<'_>) -> Result<BrokerConfig, Error> {
    BrokerConfig::new(&Settings::parse(&BROKER, pairs.iter().copied()).unwrap())
}

/// Checks that a broker is refused for its setting `key`, with this reason.
pub(super) fn check_refused(pairs: Pairs<'_>, key: &str, reason: &str) {
    let error = config(pairs).expect_err(&format!("{pairs:?} do not fit"));
    assert_eq!(error.key(), Some(key), "{error}");
    assert!(error.to_string().ends_with(reason), "{error}");
}

pub(super) fn names(listeners: &[Listener]) -> Vec<String> {
    listeners.iter().map(ToString::to_string).collect()
}

#[test]
fn config_without_settings_is_one_node_on_its_own_machine() {
    let config = config(&[]).unwrap();
    assert_eq!(config.node_id, BrokerId(1));
    assert_eq!(names(&config.listeners), ["PLAINTEXT://127.0.0.1:9092"]);
    assert_eq!(names(&config.controller_listeners), [""; 0]);
    assert_eq!(config.advertised_listeners, None);
    assert_eq!(config.inter_broker_listener, "PLAINTEXT");
    assert_eq!(config.http_listener, None);
    let network = NetworkConfig {
        request_bytes_max: 100 << 20,
        requests_bytes_max: 256 << 20,
        connections_max_idle_ms: Some(600_000),
        max_connections: 2_147_483_647,
        max_connections_by_listener: vec![],
        max_connections_per_ip: 2_147_483_647,
        max_connections_per_ip_overrides: vec![],
        listen_backlog: 50,
        send_buffer_bytes: Some(100 << 10),
    };
    assert_eq!(config.network, network);
    let offsets = InternalTopicConfig {
        num_partitions: 50,
        replication_factor: 3,
        segment_bytes: 100 << 20,
        min_insync_replicas: None,
    };
    assert_eq!(config.groups.offsets.topic, offsets);
    assert_eq!(config.groups.offsets.retention_ms, 604_800_000);
    assert_eq!(config.groups.consumer.assignors, [Assignor::Uniform, Assignor::Range]);
    assert_eq!(
        config.groups.consumer.migration_policy,
        MigrationPolicy { upgrade: true, downgrade: true }
    );
    assert_eq!(config.transactions.topic.min_insync_replicas, Some(2));
    assert_eq!(config.metadata_log.snapshot_interval_max_ms, Some(3_600_000));
    assert_eq!(config.replication.lag_time_max_ms, 30_000);
}

#[test]
fn cluster_of_several_nodes_is_refused() {
    let one = "so far a cluster is one node, which is its own broker and controller";
    check_refused(&[("process.roles", "broker")], "process.roles", one);
    let check = |voters, reason| {
        let key = "controller.quorum.voters";
        check_refused(&[("node.id", "2"), (key, voters)], key, reason);
    };
    check("2@a:1,3@b:1", "it has no voter but node 2");
    check("1@a:1", "it has no voter but node 2");
    check("2@a", "`2@a` is not of the form id@host:port");
    check("a:1", "`a:1` is not of the form id@host:port");
    let servers = "controller.quorum.bootstrap.servers";
    let reason = "and a:1 is none of its controller listeners";
    check_refused(&[(servers, "a:1")], servers, reason);
    check_refused(&[(servers, "a")], servers, "`a` is not of the form host:port");
    let numbers = [("node.id", "1"), ("broker.id", "2")];
    check_refused(&numbers, "broker.id", "node.id is another number, 1");
}

/// Settings, the one of them that is refused, and the reason.
type Refused<'a> = (Pairs<'a>, &'a str, &'a str);

const REFUSED: &[Refused<'_>] = &[
    (
        &[("queued.max.request.bytes", "1")],
        "queued.max.request.bytes",
        "socket.request.max.bytes is larger, 104857600",
    ),
    (
        &[("max.connections.per.ip", "0")],
        "max.connections.per.ip",
        "nobody could connect without max.connections.per.ip.overrides",
    ),
    (
        &[("max.connections.per.ip.overrides", "a:b")],
        "max.connections.per.ip.overrides",
        "it is a list of host:number",
    ),
    (
        &[("connections.max.idle.ms", "100")],
        "connections.max.idle.ms",
        "it is not above connection.failed.authentication.delay.ms",
    ),
    (
        &[("default.replication.factor", "0")],
        "default.replication.factor",
        "a partition has from 1 to 32767 replicas",
    ),
    (
        &[("replica.lag.time.max.ms", "499")],
        "replica.lag.time.max.ms",
        "replica.fetch.wait.max.ms is larger, 500",
    ),
    (
        &[("replica.high.watermark.checkpoint.interval.ms", "0")],
        "replica.high.watermark.checkpoint.interval.ms",
        "it takes at least 1",
    ),
    (&[("log.cleaner.threads", "0")], "log.cleaner.threads", "it takes at least 1"),
];

const REFUSED_FOR_GROUPS: &[Refused<'_>] = &[
    (
        &[("group.coordinator.rebalance.protocols", "consumer")],
        "group.coordinator.rebalance.protocols",
        "the classic protocol cannot be switched off",
    ),
    (
        &[("group.max.session.timeout.ms", "1")],
        "group.max.session.timeout.ms",
        "group.min.session.timeout.ms is larger, 6000",
    ),
    (
        &[("group.consumer.assignors", "uniform,org.example.Mine")],
        "group.consumer.assignors",
        "there is no assignor `org.example.Mine`, only uniform and range",
    ),
    (
        &[("group.consumer.heartbeat.interval.ms", "15001")],
        "group.consumer.heartbeat.interval.ms",
        "to group.consumer.max.heartbeat.interval.ms, from 5000 to 15000",
    ),
    (
        &[("group.consumer.heartbeat.interval.ms", "4999")],
        "group.consumer.heartbeat.interval.ms",
        "to group.consumer.max.heartbeat.interval.ms, from 5000 to 15000",
    ),
    (
        &[
            ("group.consumer.max.heartbeat.interval.ms", "45000"),
            ("group.consumer.heartbeat.interval.ms", "45000"),
        ],
        "group.consumer.session.timeout.ms",
        "it is not above group.consumer.heartbeat.interval.ms",
    ),
    (
        &[("group.streams.num.standby.replicas", "3")],
        "group.streams.num.standby.replicas",
        "it is from 0 to group.streams.max.standby.replicas, from 0 to 2",
    ),
];

#[test]
fn settings_that_do_not_fit_each_other_are_refused() {
    for (pairs, key, reason) in REFUSED.iter().chain(REFUSED_FOR_GROUPS) {
        check_refused(pairs, key, reason);
    }
}

#[test]
fn limits_where_nobody_sets_one() {
    let config = config(&[
        ("socket.request.max.bytes", "300000000"),
        ("connections.max.idle.ms", "-1"),
        ("max.connections.per.ip", "0"),
        ("max.connections.per.ip.overrides", "::1:5,host.example:6"),
        ("metadata.log.max.snapshot.interval.ms", "0"),
        ("metadata.max.retention.ms", "-1"),
        ("group.coordinator.rebalance.protocols", "classic"),
        ("group.consumer.migration.policy", "UPGRADE"),
    ])
    .unwrap();
    assert_eq!(config.network.requests_bytes_max, 300_000_000);
    assert_eq!(config.network.connections_max_idle_ms, None);
    assert_eq!(
        config.network.max_connections_per_ip_overrides,
        [("::1".to_owned(), 5), ("host.example".to_owned(), 6)]
    );
    assert_eq!(config.metadata_log.snapshot_interval_max_ms, None);
    assert_eq!(config.metadata_log.retention_max_ms, None);
    assert!(!config.groups.consumer_protocol);
    assert_eq!(
        config.groups.consumer.migration_policy,
        MigrationPolicy { upgrade: true, downgrade: false }
    );
}

/// The mark in the table is true: what is marked as used is read, and what is read without being marked is only
/// compared with something else, or has a value that nothing but the check of it needs.
#[test]
fn settings_marked_as_used_are_those_that_are_read() {
    const ONLY_CHECKED: &[&str] = &[
        "connection.failed.authentication.delay.ms",
        "replica.fetch.wait.max.ms",
        "replica.socket.timeout.ms",
        "security.inter.broker.protocol",
    ];
    let settings = Settings::new(&BROKER);
    let read = RefCell::new(BTreeSet::new());
    let reader = Reader(|key: &str| {
        read.borrow_mut().insert(key.to_owned());
        settings.get_or_default(key)
    });
    BrokerConfig::read(&settings, &reader).unwrap();
    // Looked for among what is set, before its default would count.
    read.borrow_mut().extend(
        ["advertised.listeners", "controller.listener.names", "log.dirs"].map(str::to_owned),
    );
    let synonyms = TOPIC.definitions().chain(GROUP.definitions());
    let synonyms = synonyms.filter(|row| row.effect == Effect::Used).flat_map(|row| row.synonyms);
    read.borrow_mut().extend(synonyms.map(|synonym| synonym.key.to_owned()));

    let of_unused_groups: BTreeSet<_> = RANGES
        .iter()
        .filter(|range| !range.key.starts_with("consumer."))
        .flat_map(|range| [Some(range.broker_key), range.min_key, Some(range.max_key)])
        .flatten()
        .collect();
    for row in BROKER.definitions() {
        let is_read = read.borrow().contains(row.key)
            && !ONLY_CHECKED.contains(&row.key)
            && !of_unused_groups.contains(row.key);
        assert_eq!(row.effect == Effect::Used, is_read, "{}", row.key);
    }
}
