//! The requests of scripts.

use bytes::Bytes;
use protocol::messages::join_group_request::JoinGroupRequestProtocol;
use protocol::messages::leave_group_request::MemberIdentity;
use protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use protocol::messages::{
    HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest,
    OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetDeleteRequest,
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, StrBytes, SyncGroupRequest,
    TxnOffsetCommitRequest,
};
use protocol::wire::Writer;
use protocol::{LeaderEpoch, Offset, PartitionId, TopicId};
use uuid::Uuid;

use super::command::Command;
use super::consumer;
use crate::{Action, Client, Now, Shard, Token, wire};

/// The version that a request has if the script does not say it.
pub(super) fn newest_version(api: &str) -> i16 {
    match api {
        "beat" => 1,
        "join" | "commit" | "fetch" => 9,
        "sync" | "leave" | "txn-commit" => 5,
        "heartbeat" => 4,
        "delete-group" => 2,
        "delete-offsets" => 0,
        other => panic!("there is no command {other}"),
    }
}

/// Who sends a request.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) token: Token,
    /// What makes a new member id one of a kind.
    pub(super) uuid: Uuid,
}

/// Sends the request of a command to the shard.
pub(super) fn send(
    shard: &mut Shard,
    now: Now,
    sender: &Sender,
    command: &Command<'_>,
    out: &mut Vec<Action>,
) {
    let Sender { token, uuid } = *sender;
    match command.name {
        "join" => {
            let id = command.get("client").unwrap_or(command.label);
            let client = Client { id, host: "/127.0.0.1", uuid };
            shard.join_group(now, client, token, &join(command), out);
        }
        "beat" => {
            let client = Client { id: command.label, host: "/127.0.0.1", uuid };
            let request = consumer::heartbeat(command);
            shard.consumer_group_heartbeat(now, client, token, &request, out);
        }
        "sync" => shard.sync_group(now, token, &sync(command), out),
        "heartbeat" => shard.heartbeat(now, token, &heartbeat(command), out),
        "leave" => shard.leave_group(now, token, &leave(command, token.api_version), out),
        "commit" => shard.commit_offsets(now, token, &commit(command), out),
        "txn-commit" => shard.commit_txn_offsets(now, token, &txn_commit(command), out),
        "fetch" => {
            let is_stable = command.get("stable").is_some();
            shard.fetch_offsets(now, token, &fetch(command), is_stable, out);
        }
        "delete-offsets" => shard.delete_offsets(now, token, &delete_offsets(command), out),
        "delete-group" => {
            let ids: Vec<_> = command.words().iter().map(|id| wire(id).into()).collect();
            shard.delete_groups(now, token, &ids, out);
        }
        other => panic!("there is no command {other}"),
    }
}

/// The long form of a member id.
fn member_id(short: &str) -> String {
    match short.rsplit_once('-') {
        Some((client, number)) if number.parse::<u128>().is_ok() => {
            format!("{client}-{}", Uuid::from_u128(number.parse().unwrap()))
        }
        _ => short.to_owned(),
    }
}

fn member(command: &Command<'_>) -> StrBytes {
    wire(&member_id(command.get("member").unwrap_or_default()))
}

fn instance(command: &Command<'_>) -> Option<StrBytes> {
    command.get("instance").map(wire)
}

/// What stands for some bytes: text, `@` and the topics of a consumer's subscription, or `%` and its partitions.
fn bytes(text: &str) -> Bytes {
    if let Some(topics) = text.strip_prefix('%') {
        return consumer::assignment(topics);
    }
    let Some(topics) = text.strip_prefix('@') else {
        return Bytes::copy_from_slice(text.as_bytes());
    };
    if let Some((topics, owned)) = topics.split_once('/') {
        return consumer::subscription(topics, owned);
    }
    let topics: Vec<String> = topics.split('+').map(str::to_owned).collect();
    let mut writer = Writer::new(0, false);
    writer.write(&0i16);
    writer.write(&topics);
    writer.write(&Bytes::new());
    writer.finish().unwrap().into()
}

/// `name:value`.
fn pair(text: &str) -> (&str, &str) {
    text.split_once(':').unwrap_or((text, ""))
}

fn join(command: &Command<'_>) -> JoinGroupRequest {
    let mut protocols = command.list("protocols");
    if command.get("protocols").is_none() {
        protocols.push("range:@t");
    }
    let protocols = protocols.into_iter().map(pair).map(|(name, metadata)| {
        JoinGroupRequestProtocol::default().with_name(wire(name)).with_metadata(bytes(metadata))
    });
    JoinGroupRequest::default()
        .with_group_id(wire(command.words().first().unwrap_or(&"")).into())
        .with_member_id(member(command))
        .with_group_instance_id(instance(command))
        .with_session_timeout_ms(command.get_number("session", 10_000))
        .with_rebalance_timeout_ms(command.get_number("rebalance", 60_000))
        .with_protocol_type(wire(command.get("type").unwrap_or("consumer")))
        .with_protocols(protocols.collect())
}

fn sync(command: &Command<'_>) -> SyncGroupRequest {
    let assignments = command.list("assign").into_iter().map(pair).map(|(id, assignment)| {
        SyncGroupRequestAssignment::default()
            .with_member_id(wire(&member_id(id)))
            .with_assignment(bytes(assignment))
    });
    let named =
        |key: &str, default| Some(command.get(key).unwrap_or(default)).filter(|v| *v != "null");
    SyncGroupRequest::default()
        .with_group_id(wire(command.word(0)).into())
        .with_member_id(member(command))
        .with_group_instance_id(instance(command))
        .with_generation_id(command.get_number("generation", 1))
        .with_protocol_type(named("type", "consumer").map(wire))
        .with_protocol_name(named("protocol", "range").map(wire))
        .with_assignments(assignments.collect())
}

fn heartbeat(command: &Command<'_>) -> HeartbeatRequest {
    HeartbeatRequest::default()
        .with_group_id(wire(command.word(0)).into())
        .with_member_id(member(command))
        .with_group_instance_id(instance(command))
        .with_generation_id(command.get_number("generation", 1))
}

/// `members=` has members, and `/i` for instance ids alone.
fn leave(command: &Command<'_>, version: i16) -> LeaveGroupRequest {
    let request = LeaveGroupRequest::default().with_group_id(wire(command.word(0)).into());
    if version <= 2 {
        return request.with_member_id(member(command));
    }
    let members = command.list("members").into_iter().map(|text| {
        let (id, instance) = text.split_once('/').map_or((text, None), |(id, i)| (id, Some(i)));
        MemberIdentity::default()
            .with_member_id(wire(&member_id(id)))
            .with_group_instance_id(instance.map(wire))
    });
    request.with_members(members.collect())
}

/// `topic-0:value` as topic, partition and value.
fn partition(text: &str) -> (&str, i32, &str) {
    let (partition, value) = pair(text);
    let (topic, partition) = partition.rsplit_once('-').unwrap();
    (topic, partition.parse().unwrap(), value)
}

/// `5`, or `5/meta`.
fn position(text: &str) -> (i64, Option<&str>) {
    let (offset, metadata) = text.split_once('/').map_or((text, None), |(o, m)| (o, Some(m)));
    (offset.parse().unwrap(), metadata)
}

fn commit(command: &Command<'_>) -> OffsetCommitRequest {
    let topics =
        command.list("offsets").into_iter().map(partition).map(|(topic, partition, text)| {
            let (offset, metadata) = position(text);
            OffsetCommitRequestTopic {
                name: topic.to_owned(),
                topic_id: TopicId([command.get_number("topic-id", 0); 16]),
                partitions: vec![OffsetCommitRequestPartition {
                    partition_index: PartitionId(partition),
                    committed_offset: Offset(offset),
                    committed_leader_epoch: LeaderEpoch(command.get_number("epoch", -1)),
                    committed_metadata: metadata.map(str::to_owned),
                }],
            }
        });
    OffsetCommitRequest {
        group_id: command.word(0).to_owned(),
        generation_id_or_member_epoch: command.get_number("generation", -1),
        member_id: member(command).to_string(),
        group_instance_id: command.get("instance").map(str::to_owned),
        retention_time_ms: command.get_number("retention", -1),
        topics: topics.collect(),
    }
}

fn txn_commit(command: &Command<'_>) -> TxnOffsetCommitRequest {
    let topics =
        command.list("offsets").into_iter().map(partition).map(|(topic, partition, text)| {
            let (offset, metadata) = position(text);
            let partition = TxnOffsetCommitRequestPartition::default()
                .with_partition_index(partition)
                .with_committed_offset(offset)
                .with_committed_metadata(metadata.map(wire));
            TxnOffsetCommitRequestTopic::default()
                .with_name(wire(topic).into())
                .with_partitions(vec![partition])
        });
    TxnOffsetCommitRequest::default()
        .with_group_id(wire(command.words().first().unwrap_or(&"")).into())
        .with_producer_id(command.get_number::<i64>("producer", 1).into())
        .with_generation_id(command.get_number("generation", -1))
        .with_member_id(member(command))
        .with_group_instance_id(instance(command))
        .with_topics(topics.collect())
}

/// `partitions=t-0,t-1`, or all.
fn fetch(command: &Command<'_>) -> OffsetFetchRequestGroup {
    let topics =
        command.list("partitions").into_iter().map(partition).map(|(topic, partition, _)| {
            OffsetFetchRequestTopic {
                name: topic.to_owned(),
                topic_id: TopicId([command.get_number("topic-id", 0); 16]),
                partition_indexes: vec![PartitionId(partition)],
            }
        });
    OffsetFetchRequestGroup {
        group_id: command.word(0).to_owned(),
        member_id: command.get("member").map(str::to_owned),
        member_epoch: command.get_number("epoch", -1),
        topics: command.get("partitions").map(|_| topics.collect()),
    }
}

fn delete_offsets(command: &Command<'_>) -> OffsetDeleteRequest {
    let topics =
        command.list("partitions").into_iter().map(partition).map(|(topic, partition, _)| {
            let partition = OffsetDeleteRequestPartition::default().with_partition_index(partition);
            OffsetDeleteRequestTopic::default()
                .with_name(wire(topic).into())
                .with_partitions(vec![partition])
        });
    OffsetDeleteRequest::default()
        .with_group_id(wire(command.word(0)).into())
        .with_topics(topics.collect())
}

/// `list states=stable types=classic`.
pub(super) fn list(command: &Command<'_>) -> ListGroupsRequest {
    let names = |key| command.list(key).into_iter().map(wire).collect();
    ListGroupsRequest::default()
        .with_states_filter(names("states"))
        .with_types_filter(names("types"))
}
