//! The pages of a real broker, asked for over real sockets, after real traffic.

mod client;
mod exposition;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::Console;
use broker::RunningBroker;
use config::{BROKER, BrokerConfig, HostPort, Settings};
use protocol::messages::create_topics_request::CreatableTopic;
use protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use protocol::messages::{
    CreateTopicsRequest, OffsetCommitRequest, OffsetCommitRequestPartition,
    OffsetCommitRequestTopic, ProduceRequest, Request, Response, StrBytes, TopicName,
    TransactionalId,
};
use protocol::record::{BatchBuilder, BatchOptions};
use protocol::{
    ErrorCode, LeaderEpoch, Offset, PartitionId, ProducerEpoch, ProducerId, Sequence, Timestamp,
    TopicId,
};

use client::{Kafka, get};
use exposition::Metrics;

/// A broker and its console; the directory goes when this is dropped.
struct Scene {
    broker: RunningBroker,
    console: Console,
    _dir: tempfile::TempDir,
}

async fn start() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let listeners = "A://127.0.0.1:0";
    let pairs = [
        ("listeners", listeners),
        ("listener.security.protocol.map", "A:PLAINTEXT"),
        ("inter.broker.listener.name", "A"),
        ("log.dirs", path),
        ("offsets.topic.num.partitions", "3"),
        ("transaction.partition.verification.enable", "false"),
    ];
    let settings = Settings::parse(&BROKER, pairs).unwrap();
    let config = BrokerConfig::new(&settings).unwrap();
    let listener = HostPort { host: "127.0.0.1".to_owned(), port: 0 };
    let console = Console::start(&listener).await.unwrap();
    let (status, body) = get(console.address(), "/readyz").await;
    assert_eq!((status, body.contains("\"ready\":false")), (503, true), "{body}");
    assert_eq!(get(console.address(), "/healthz").await.0, 200);
    assert_eq!(get(console.address(), "/metrics").await.0, 200);
    let broker = broker::start(config, settings).await.unwrap();
    console.attach(broker.status());
    Scene { broker, console, _dir: dir }
}

impl Scene {
    async fn kafka(&self) -> Kafka {
        Kafka::connect(self.broker.addresses()[0].1).await
    }

    async fn metrics(&self, query: &str) -> Metrics {
        let (status, body) = get(self.console.address(), &format!("/metrics{query}")).await;
        assert_eq!(status, 200, "{body}");
        Metrics::parse(&body)
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

async fn create(kafka: &mut Kafka, topic: &str, partitions: i32) {
    let topic = CreatableTopic::default()
        .with_name(TopicName(text(topic)))
        .with_num_partitions(partitions)
        .with_replication_factor(1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(60_000);
    let Response::CreateTopics(created) = kafka.ask(request, 5).await else { panic!() };
    assert_eq!(created.topics[0].error_code, 0, "{created:?}");
}

/// Produces `count` records of this time to one partition.
async fn produce(
    kafka: &mut Kafka,
    topic: &str,
    partition: i32,
    count: usize,
    at: Timestamp,
) -> ErrorCode {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for _ in 0..count {
        builder.append(at, None, Some(b"value"), &[]);
    }
    produce_batch(kafka, topic, partition, builder, None).await
}

async fn produce_batch(
    kafka: &mut Kafka,
    topic: &str,
    partition: i32,
    builder: BatchBuilder,
    transactional_id: Option<TransactionalId>,
) -> ErrorCode {
    let data = PartitionProduceData::default()
        .with_index(partition)
        .with_records(Some(builder.build().into()));
    let topic = TopicProduceData::default()
        .with_name(TopicName(text(topic)))
        .with_partition_data(vec![data]);
    let request = ProduceRequest::default()
        .with_transactional_id(transactional_id)
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic]);
    let Response::Produce(produced) = kafka.ask(request, 9).await else { panic!() };
    let code = produced.responses[0].partition_responses[0].error_code;
    ErrorCode::from_code(code).unwrap()
}

async fn commit(kafka: &mut Kafka, group: &str, topic: &str, offsets: &[(i32, i64)]) {
    let partitions = offsets.iter().map(|(partition, offset)| OffsetCommitRequestPartition {
        partition_index: PartitionId(*partition),
        committed_offset: Offset(*offset),
        committed_leader_epoch: LeaderEpoch::NONE,
        committed_metadata: None,
    });
    let topic = OffsetCommitRequestTopic {
        name: topic.to_owned(),
        topic_id: TopicId::ZERO,
        partitions: partitions.collect(),
    };
    let request = OffsetCommitRequest {
        group_id: group.to_owned(),
        generation_id_or_member_epoch: -1,
        member_id: String::new(),
        group_instance_id: None,
        retention_time_ms: -1,
        topics: vec![topic],
    };
    let request = Request::OffsetCommit(request);
    let Response::OffsetCommit(committed) = kafka.ask(request, 2).await else { panic!() };
    assert_eq!(committed.topics[0].partitions[0].error_code, 0, "{committed:?}");
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(now.as_millis()).unwrap())
}

#[tokio::test]
async fn metrics_after_traffic_are_true() {
    let scene = start().await;
    let mut kafka = scene.kafka().await;
    create(&mut kafka, "t", 2).await;
    let old = Timestamp(now().0 - 3_600_000);
    assert_eq!(produce(&mut kafka, "t", 0, 10, old).await, ErrorCode::None);
    assert_eq!(produce(&mut kafka, "t", 0, 5, now()).await, ErrorCode::None);
    assert_eq!(produce(&mut kafka, "t", 1, 7, now()).await, ErrorCode::None);
    assert_eq!(produce(&mut kafka, "none", 0, 1, now()).await, ErrorCode::UnknownTopicOrPartition);
    kafka.find_coordinator("g").await;
    commit(&mut kafka, "g", "t", &[(0, 4), (1, 7)]).await;

    let metrics = scene.metrics("").await;
    let of = |name: &str, labels: &[(&str, &str)]| metrics.value(name, labels);
    assert_eq!(of("ottla_ready", &[]), 1.0);
    assert_eq!(of("ottla_connections", &[("listener", "A")]), 1.0);
    assert_eq!(of("ottla_connections_accepted_total", &[("listener", "A")]), 1.0);
    let partition = |id| [("topic", "t"), ("partition", id)];
    assert_eq!(of("ottla_partition_log_end_offset", &partition("0")), 15.0);
    assert_eq!(of("ottla_partition_high_watermark", &partition("1")), 7.0);
    assert_eq!(of("ottla_partition_last_stable_offset", &partition("1")), 7.0);
    assert_eq!(of("ottla_partition_log_start_offset", &partition("0")), 0.0);
    assert_eq!(of("ottla_partition_segments", &partition("0")), 1.0);
    assert!(of("ottla_partition_size_bytes", &partition("0")) > 100.0);
    assert!(of("ottla_partition_flushed_offset", &partition("0")) <= 15.0);
    let offset = |id| [("group", "g"), ("topic", "t"), ("partition", id)];
    assert_eq!(of("ottla_group_committed_offset", &offset("0")), 4.0);
    assert_eq!(of("ottla_group_lag_records", &offset("0")), 11.0);
    assert_eq!(of("ottla_group_lag_records", &offset("1")), 0.0);
    let seconds = of("ottla_group_lag_seconds", &offset("0"));
    assert!((3_600.0..3_700.0).contains(&seconds), "{seconds}");
    assert_eq!(of("ottla_group_lag_seconds", &offset("1")), 0.0);
    assert_eq!(of("ottla_groups", &[("type", "classic"), ("state", "Empty")]), 1.0);
    assert_eq!(of("ottla_group_members", &[("group", "g")]), 0.0);

    let produce_count = of("ottla_request_duration_seconds_count", &[("api", "Produce")]);
    assert_eq!(produce_count, 4.0);
    let buckets = [("api", "Produce"), ("le", "+Inf")];
    assert_eq!(of("ottla_request_duration_seconds_bucket", &buckets), 4.0);
    let error = [("api", "Produce"), ("code", "UNKNOWN_TOPIC_OR_PARTITION")];
    assert_eq!(of("ottla_request_errors_total", &error), 1.0);
    assert!(of("ottla_request_bytes_total", &[("api", "Produce")]) > 400.0);
    assert!(of("ottla_response_bytes_total", &[("api", "Produce")]) > 100.0);
    assert_eq!(of("ottla_request_memory_bytes", &[]), 0.0);
    assert!(of("ottla_process_resident_memory_bytes", &[]) > 1e6);
    assert!(of("ottla_process_open_fds", &[]) > 3.0);
    assert!(metrics.names().any(|name| name == "ottla_log_dir_free_bytes"));
    check_details(&scene).await;
    check_stop(scene).await;
}

async fn check_details(scene: &Scene) {
    let topics = scene.metrics("?detail=topic").await;
    assert_eq!(topics.value("ottla_partition_log_end_offset", &[("topic", "t")]), 22.0);
    let labels = [("group", "g"), ("topic", "t")];
    assert_eq!(topics.value("ottla_group_lag_records", &labels), 11.0);
    assert!(topics.value("ottla_group_lag_seconds", &labels) >= 3_600.0);
    let broker = scene.metrics("?detail=broker").await;
    assert!(broker.names().all(|name| !name.starts_with("ottla_partition_")));
    assert_eq!(get(scene.console.address(), "/metrics?detail=all").await.0, 400);
    assert_eq!(get(scene.console.address(), "/nothing").await.0, 404);
    assert!(get(scene.console.address(), "/").await.1.contains("/readyz"));
}

/// A broker that stops is alive to the end, and not ready.
async fn check_stop(scene: Scene) {
    let (address, status) = (scene.console.address(), scene.broker.status());
    let (code, body) = get(address, "/readyz").await;
    assert_eq!(code, 200, "{body}");
    assert!(body.contains("\"node_id\":1") && body.contains(status.cluster_id()), "{body}");
    scene.broker.stop().await.unwrap();
    let (code, body) = get(address, "/readyz").await;
    assert_eq!((code, body.contains("stopping")), (503, true), "{body}");
    assert_eq!(get(address, "/healthz").await.0, 200);
    scene.console.stop().await;
}

/// A page of many partitions is made in a time that no scraper minds. The bound is far above what ten thousand take, for
/// machines that are busy.
#[tokio::test]
async fn metrics_of_many_partitions_are_made_quickly() {
    let scene = start().await;
    let mut kafka = scene.kafka().await;
    create(&mut kafka, "many", 300).await;
    let began = Instant::now();
    let metrics = scene.metrics("").await;
    let scrape = metrics.value("ottla_scrape_duration_seconds", &[]);
    assert!(scrape < 2.0, "{scrape} seconds");
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(metrics.count("ottla_partition_segments"), 300);
    let topics = scene.metrics("?detail=topic").await;
    assert_eq!(topics.value("ottla_partition_segments", &[("topic", "many")]), 300.0);
    scene.broker.stop().await.unwrap();
}

/// What is no request costs its sender the connection, and nobody else anything.
#[tokio::test]
async fn hostile_requests_are_refused() {
    let scene = start().await;
    let address = scene.console.address();
    for (bytes, status) in [
        (b"POST /metrics HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello".to_vec(), 405),
        (b"GET /metrics HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello".to_vec(), 413),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".to_vec(), 400),
        ([b"GET /".to_vec(), vec![b'a'; 10_000]].concat(), 431),
    ] {
        assert_eq!(client::send(address, &bytes).await.map(|(status, _)| status), Some(status));
    }
    let pipelined =
        b"GET /healthz HTTP/1.1\r\n\r\nGET /readyz HTTP/1.1\r\nconnection: close\r\n\r\n";
    let (status, body) = client::send(address, pipelined).await.unwrap();
    assert!(status == 200 && body.contains("\"ready\":true"), "{body}");
    scene.broker.stop().await.unwrap();
}

#[tokio::test]
async fn transaction_that_nobody_ends_is_named() {
    let scene = start().await;
    let mut kafka = scene.kafka().await;
    create(&mut kafka, "t", 3).await;
    // The limit is fifteen minutes, and five more.
    for (partition, minutes) in [(0, 10), (1, 30), (2, 30)] {
        let mut builder = BatchBuilder::new(BatchOptions {
            producer_id: ProducerId(7),
            producer_epoch: ProducerEpoch(0),
            base_sequence: Sequence(0),
            is_transactional: true,
            ..BatchOptions::default()
        });
        builder.append(Timestamp(now().0 - minutes * 60_000), None, Some(b"value"), &[]);
        let id = Some(TransactionalId(text("nobody")));
        let produced = produce_batch(&mut kafka, "t", partition, builder, id).await;
        assert_eq!(produced, ErrorCode::None);
    }
    let metrics = scene.metrics("").await;
    assert_eq!(metrics.value("ottla_partitions_with_late_transactions", &[]), 2.0);
    let of = |id| ("ottla_partition_late_transactions", [("topic", "t"), ("partition", id)]);
    for (name, labels) in [of("1"), of("2")] {
        assert_eq!(metrics.value(name, &labels), 1.0);
    }
    let topics = scene.metrics("?detail=topic").await;
    assert_eq!(topics.value("ottla_partition_late_transactions", &[("topic", "t")]), 2.0);
    let broker = scene.metrics("?detail=broker").await;
    assert_eq!(broker.value("ottla_partitions_with_late_transactions", &[]), 2.0);
    scene.broker.stop().await.unwrap();
}
