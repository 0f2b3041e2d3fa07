//! The requests of random clients.

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
    ConsumerGroupHeartbeatRequest, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest,
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetDeleteRequest, OffsetFetchRequestGroup, StrBytes, SyncGroupRequest,
    TxnOffsetCommitRequest,
};
use protocol::wire::Writer;
use protocol::{LeaderEpoch, Offset, PartitionId, TopicId};
use uuid::Uuid;

use super::world::{Known, group_of};
use crate::{Client, Token, wire};

pub(super) fn group_id(group: u8) -> StrBytes {
    wire(&format!("g{group}"))
}

/// Some clients are static members, and two share an instance id.
fn instance_id(client: u8) -> Option<StrBytes> {
    (client >= 6).then(|| wire(&format!("i{}", client.min(8))))
}

/// Two partitions of two topics.
fn partition(number: u8) -> (String, i32) {
    (format!("t{}", number % 2), i32::from(number / 2))
}

pub(super) fn client(token: Token) -> Client<'static> {
    Client { id: "c", host: "/127.0.0.1", uuid: Uuid::from_u128(token.id.into()) }
}

/// Version 0 of a consumer's subscription.
fn subscription(topic: u8) -> Bytes {
    Bytes::copy_from_slice(&[0, 0, 0, 0, 0, 1, 0, 2, b't', b'0' + topic, 255, 255, 255, 255])
}

/// Version 0 of a consumer's assignment: one partition.
fn assignment(number: u8) -> Bytes {
    let (topic, partition) = partition(number);
    let mut writer = Writer::new(0, false);
    writer.write(&0i16);
    writer.write(&1i32);
    writer.write(&topic);
    writer.write(&vec![partition]);
    writer.write(&None::<Bytes>);
    writer.finish().unwrap().into()
}

/// A heartbeat in the consumer protocol.
pub(super) fn beat(client: u8, known: &Known, epoch: i32) -> ConsumerGroupHeartbeatRequest {
    let joins = epoch == 0;
    let member_id =
        if known.member_id.is_empty() { format!("m{client}") } else { known.member_id.clone() };
    ConsumerGroupHeartbeatRequest::default()
        .with_group_id(group_id(group_of(client)).into())
        .with_member_id(wire(&member_id))
        .with_member_epoch(epoch)
        .with_instance_id(instance_id(client))
        .with_rebalance_timeout_ms(if joins { 6_000 } else { -1 })
        .with_subscribed_topic_names(joins.then(|| vec![wire("t0").into()]))
        .with_subscribed_topic_regex((joins && client % 4 < 2).then(|| wire("t.*")))
        .with_topic_partitions(Some(Vec::new()))
}

/// All can follow one protocol; some say sometimes that they can follow others too, or other things.
pub(super) fn join(client: u8, known: &Known, protocols: u8) -> JoinGroupRequest {
    let topic = protocols / 12;
    let names = [("range", 0), ("sticky", 1), ("roundrobin", 2)].into_iter();
    let names = names.filter(|(_, number)| protocols / 4 == *number || *number == 2);
    let protocols = names.map(|(name, _)| {
        JoinGroupRequestProtocol::default().with_name(wire(name)).with_metadata(subscription(topic))
    });
    JoinGroupRequest::default()
        .with_group_id(group_id(group_of(client)).into())
        .with_member_id(wire(&known.member_id))
        .with_group_instance_id(instance_id(client))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(6_000)
        .with_protocol_type(StrBytes::from_static_str("consumer"))
        .with_protocols(protocols.collect())
}

/// Everybody that is known is assigned something, should the client be the leader.
pub(super) fn sync(client: u8, known: &Known, all: &[Known]) -> SyncGroupRequest {
    let assignments = (0..).zip(all).map(|(number, known)| {
        SyncGroupRequestAssignment::default()
            .with_member_id(wire(&known.member_id))
            .with_assignment(assignment(number))
    });
    SyncGroupRequest::default()
        .with_group_id(group_id(group_of(client)).into())
        .with_member_id(wire(&known.member_id))
        .with_group_instance_id(instance_id(client))
        .with_generation_id(known.generation)
        .with_assignments(assignments.collect())
}

pub(super) fn heartbeat(client: u8, known: &Known) -> HeartbeatRequest {
    HeartbeatRequest::default()
        .with_group_id(group_id(group_of(client)).into())
        .with_member_id(wire(&known.member_id))
        .with_group_instance_id(instance_id(client))
        .with_generation_id(known.generation)
}

pub(super) fn leave(client: u8, known: &Known) -> LeaveGroupRequest {
    let member = MemberIdentity::default()
        .with_member_id(wire(&known.member_id))
        .with_group_instance_id(instance_id(client));
    LeaveGroupRequest::default()
        .with_group_id(group_id(group_of(client)).into())
        .with_members(vec![member])
}

/// A client that knows nothing commits from outside the group.
pub(super) fn commit(client: u8, known: &Known, number: u8, offset: i64) -> OffsetCommitRequest {
    let (name, partition) = partition(number);
    let is_member = !known.member_id.is_empty();
    let partition = OffsetCommitRequestPartition {
        partition_index: PartitionId(partition),
        committed_offset: Offset(offset),
        committed_leader_epoch: LeaderEpoch::NONE,
        committed_metadata: None,
    };
    OffsetCommitRequest {
        group_id: group_id(group_of(client)).to_string(),
        generation_id_or_member_epoch: if is_member { known.generation } else { -1 },
        member_id: known.member_id.clone(),
        group_instance_id: instance_id(client).filter(|_| is_member).map(|id| id.to_string()),
        retention_time_ms: -1,
        topics: vec![OffsetCommitRequestTopic {
            name,
            topic_id: TopicId::ZERO,
            partitions: vec![partition],
        }],
    }
}

pub(super) fn txn_commit(client: u8, number: u8, offset: i64) -> TxnOffsetCommitRequest {
    let (name, partition) = partition(number);
    let partition = TxnOffsetCommitRequestPartition::default()
        .with_partition_index(partition)
        .with_committed_offset(offset);
    let topic = TxnOffsetCommitRequestTopic::default()
        .with_name(wire(&name).into())
        .with_partitions(vec![partition]);
    TxnOffsetCommitRequest::default()
        .with_group_id(group_id(group_of(client)).into())
        .with_topics(vec![topic])
}

pub(super) fn fetch_all(group: u8) -> OffsetFetchRequestGroup {
    OffsetFetchRequestGroup {
        group_id: group_id(group).to_string(),
        member_id: None,
        member_epoch: -1,
        topics: None,
    }
}

pub(super) fn delete_offsets(group: u8, number: u8) -> OffsetDeleteRequest {
    let (name, partition) = partition(number);
    let partition = OffsetDeleteRequestPartition::default().with_partition_index(partition);
    let topic = OffsetDeleteRequestTopic::default()
        .with_name(wire(&name).into())
        .with_partitions(vec![partition]);
    OffsetDeleteRequest::default().with_group_id(group_id(group).into()).with_topics(vec![topic])
}
