//! A whole broker on a real disk, asked as a connection asks it: requests and answers go through their bytes.

mod acls;
mod configs;
mod fetch;
mod log_dirs;
mod loggers;
mod repeated;
mod topics;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Buf as _;
use config::{BROKER, BrokerConfig, Settings};
use protocol::frame::{
    LENGTH_BYTES, RequestHeader, RopeEncoder, encode_request, encode_response, split_request,
    split_response,
};
use protocol::messages::create_topics_request::CreatableTopic;
use protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use protocol::messages::{
    CreateTopicsRequest, OffsetCommitRequest, OffsetCommitRequestPartition,
    OffsetCommitRequestTopic, ProduceRequest, Request, Response, StrBytes, TopicName,
    decode_response,
};
use protocol::record::{BatchBuilder, BatchOptions};
use protocol::{ErrorCode, LeaderEpoch, Offset, PartitionId, TopicId};

use crate::broker::{Broker, now};
use crate::handlers::{Call, dispatch};
use crate::net::{Peer, Reply};
use crate::{Loggers, RunningBroker, start_with};

/// A broker; its directory goes when this is dropped.
pub(crate) struct Scene {
    pub(crate) running: RunningBroker,
    /// What the log goes by.
    pub(crate) log_filter: Arc<Mutex<String>>,
    pub(crate) dir: tempfile::TempDir,
}

impl Scene {
    /// Starts a broker with these settings, beside those that every test needs. `DIR` stands for a directory of its own.
    pub(crate) async fn start(pairs: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), pairs).await
    }

    pub(crate) async fn start_in(dir: tempfile::TempDir, pairs: &[(&str, &str)]) -> Self {
        let path = dir.path().to_str().unwrap();
        let mut settings = Settings::new(&BROKER);
        let usual = [
            ("listeners", "PLAINTEXT://127.0.0.1:0"),
            ("log.dirs", "DIR"),
            ("offsets.topic.num.partitions", "3"),
        ];
        for (key, text) in usual.iter().chain(pairs) {
            settings.set(key, &text.replace("DIR", path)).unwrap();
        }
        let config = BrokerConfig::new(&settings).unwrap();
        let log_filter = Arc::new(Mutex::new(String::new()));
        let applied = Arc::clone(&log_filter);
        let loggers = Loggers::new("info", move |directives| {
            directives.clone_into(&mut applied.lock().unwrap());
            Ok(())
        });
        let running = start_with(config, settings, loggers).await.unwrap();
        Self { running, log_filter, dir }
    }

    pub(crate) fn broker(&self) -> &Arc<Broker> {
        self.running.broker()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.addresses()[0].1
    }

    /// Asks as a client does.
    pub(crate) async fn ask(&self, request: impl Into<Request>, version: i16) -> Response {
        let request = request.into();
        let (api, client_id) = (request.api(), StrBytes::default());
        let header = RequestHeader { api, version, correlation_id: 1, client_id };
        let mut frame = encode_request(&header, &request).unwrap();
        let (header, body) = split_request(frame.split_off(LENGTH_BYTES)).unwrap();
        let address = self.address();
        let peer = Peer { address, local: address, listener: "PLAINTEXT".into() };
        let call = Call { peer: &peer, header: &header, now: now() };
        let answer = match dispatch(self.broker(), &call, body) {
            Reply::Now(answer) => answer,
            Reply::Later(work) => work.await,
            other => panic!("{api} version {version}: {other:?}"),
        };
        let mut rope = RopeEncoder::new();
        encode_response(version, 1, &answer.response, &mut rope).unwrap();
        let mut rope = rope.finish();
        rope.advance(LENGTH_BYTES);
        let frame = rope.copy_to_bytes(rope.remaining());
        let (_, body) = split_response(api, version, frame).unwrap();
        decode_response(api, version, body).unwrap()
    }

    pub(crate) async fn create(&self, topic: &str, partitions: i32) {
        let request = CreateTopicsRequest::default()
            .with_topics(vec![new_topic(topic, partitions)])
            .with_timeout_ms(30_000);
        let Response::CreateTopics(created) = self.ask(request, 7).await else { panic!() };
        assert_eq!(created.topics[0].error_code, 0, "{created:?}");
    }

    /// Produces one record with a value of this size to partition 0.
    pub(crate) async fn produce(&self, topic: &str, value_bytes: usize) -> ErrorCode {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.append(now(), Some(b"key"), Some(&vec![0; value_bytes]), &[]);
        let records = Some(builder.build().into());
        let data = PartitionProduceData::default().with_records(records);
        let topic = TopicProduceData::default()
            .with_name(TopicName(text(topic)))
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![topic]);
        let Response::Produce(produced) = self.ask(request, 9).await else { panic!() };
        code(produced.responses[0].partition_responses[0].error_code)
    }
}

pub(crate) fn new_topic(name: &str, partitions: i32) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(TopicName(text(name)))
        .with_num_partitions(partitions)
        .with_replication_factor(-1)
}

/// A commit of partition 0 of a topic, by nobody who is a member of group `g`.
pub(crate) fn offset_commit(topic: &str, offset: Offset) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition {
        partition_index: PartitionId(0),
        committed_offset: offset,
        committed_leader_epoch: LeaderEpoch::NONE,
        committed_metadata: None,
    };
    let topic = OffsetCommitRequestTopic {
        name: topic.to_owned(),
        topic_id: TopicId::ZERO,
        partitions: vec![partition],
    };
    OffsetCommitRequest {
        group_id: "g".to_owned(),
        generation_id_or_member_epoch: -1,
        member_id: String::new(),
        group_instance_id: None,
        retention_time_ms: -1,
        topics: vec![topic],
    }
}

pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(crate) fn code(code: i16) -> ErrorCode {
    ErrorCode::from_code(code).unwrap()
}
