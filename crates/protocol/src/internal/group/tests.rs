//! The records of groups against those that Kafka's own classes have written.

use super::super::fixtures::record;
use super::*;
use crate::ids::{LeaderEpoch, Offset, PartitionId, Timestamp, TopicId, TopicPartition};
use bytes::Bytes;
use proptest::prelude::*;

const ID: TopicId = TopicId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
const OTHER: TopicId = TopicId([17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32]);
const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// Reads a record of Kafka's, compares it, and writes the same bytes again.
fn check(key: &str, value: &str, expected: &GroupRecord) {
    let (key, value) = (record(key), record(value));
    assert_eq!(&GroupRecord::decode(&key, Some(&value)).unwrap(), expected);
    let written = expected.encode().unwrap();
    assert_eq!(written, KeyValue { key: key.into(), value: Some(value.into()) });
}

/// Reads a value of Kafka's that we would write in another version.
fn check_read(key: &str, value: &str, expected: &GroupRecord) {
    assert_eq!(&GroupRecord::decode(&record(key), Some(&record(value))).unwrap(), expected);
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn group() -> GroupKey {
    GroupKey { group_id: text("g") }
}

fn member() -> MemberKey {
    MemberKey { group_id: text("g"), member_id: text("m") }
}

fn partitions(partitions: &[i32]) -> Vec<PartitionId> {
    partitions.iter().map(|partition| PartitionId(*partition)).collect()
}

#[test]
fn offset_of_each_version_is_read_and_version_4_or_1_written() {
    let partition = TopicPartition::new("t", PartitionId(3));
    let key = OffsetCommitKey { group_id: text("grüße"), partition };
    let value = OffsetCommitValue {
        offset: Offset(42),
        leader_epoch: LeaderEpoch(7),
        metadata: text("m"),
        commit_timestamp: NOW,
        expire_timestamp: Timestamp::NONE,
        topic_id: ID,
    };
    let record =
        |value: &OffsetCommitValue| GroupRecord::OffsetCommit(key.clone(), Some(value.clone()));
    check("offset_key", "offset_v4", &record(&value));
    let value = OffsetCommitValue { topic_id: TopicId::ZERO, ..value };
    check_read("offset_key", "offset_v3", &record(&value));
    let value = OffsetCommitValue { leader_epoch: LeaderEpoch::NONE, ..value };
    check_read("offset_key", "offset_v2", &record(&value));
    check_read("offset_key", "offset_v0", &record(&value));
    let expiring = OffsetCommitValue { expire_timestamp: Timestamp(NOW.0 + 9999), ..value.clone() };
    check("offset_key", "offset_v1", &record(&expiring));
    let bare = OffsetCommitValue { metadata: String::new(), ..value };
    check("offset_key", "offset_no_topic_id_v4", &record(&bare));
}

#[test]
fn offset_of_the_old_record_type_is_read_like_one_of_the_new() {
    let partition = TopicPartition::new("t", PartitionId(3));
    let value = OffsetCommitValue {
        offset: Offset(42),
        leader_epoch: LeaderEpoch::NONE,
        metadata: text("m"),
        commit_timestamp: NOW,
        expire_timestamp: Timestamp::NONE,
        topic_id: TopicId::ZERO,
    };
    let key = OffsetCommitKey { group_id: text("g"), partition };
    let expected = GroupRecord::OffsetCommit(key, Some(value));
    check_read("legacy_offset", "legacy_offset_value", &expected);
}

#[test]
fn classic_group_of_each_version_is_read_and_version_3_written() {
    let member = |id: &str, instance: Option<&str>| MemberMetadata {
        member_id: text(id),
        group_instance_id: instance.map(text),
        client_id: text("c"),
        client_host: text("/127.0.0.1"),
        rebalance_timeout_ms: 300_000,
        session_timeout_ms: 45_000,
        subscription: Bytes::from_static(b"sub"),
        assignment: Bytes::new(),
    };
    let mut value = GroupMetadataValue {
        protocol_type: text("consumer"),
        generation: 5,
        protocol: Some(text("range")),
        leader: Some(text("m-1")),
        current_state_timestamp: NOW,
        members: vec![member("m-1", Some("static")), member("m-2", None)],
    };
    let record =
        |value: &GroupMetadataValue| GroupRecord::GroupMetadata(group(), Some(value.clone()));
    check("group_key", "group_v3", &record(&value));
    check_read("group_key", "group_v4", &record(&value));
    value.members[0].group_instance_id = None;
    check_read("group_key", "group_v2", &record(&value));
    value.current_state_timestamp = Timestamp::NONE;
    check_read("group_key", "group_v1", &record(&value));
    value.members.iter_mut().for_each(|member| member.rebalance_timeout_ms = -1);
    check_read("group_key", "group_v0", &record(&value));
    let empty = GroupMetadataValue {
        protocol_type: String::new(),
        generation: 0,
        protocol: None,
        leader: None,
        current_state_timestamp: NOW,
        members: Vec::new(),
    };
    check("group_key", "group_empty_v3", &record(&empty));
}

#[test]
fn consumer_group_is_read_and_written_as_kafka_writes_it() {
    let value = ConsumerGroupMetadataValue { epoch: 9, metadata_hash: -5 };
    let record = GroupRecord::ConsumerGroupMetadata(group(), Some(value));
    check("consumer_key", "consumer_v0", &record);

    let value = ConsumerGroupMetadataValue { epoch: 9, metadata_hash: 0 };
    let record = GroupRecord::ConsumerGroupMetadata(group(), Some(value));
    check_read("consumer_key", "consumer_unknown_tag_v0", &record);

    let racks = vec![text("a"), text("b")];
    let topic = TopicMetadata {
        topic_id: ID,
        topic_name: text("t"),
        num_partitions: 2,
        partition_metadata: vec![PartitionMetadata { partition: PartitionId(1), racks }],
    };
    let value = ConsumerGroupPartitionMetadataValue { topics: vec![topic] };
    let record = GroupRecord::ConsumerGroupPartitionMetadata(group(), Some(value));
    check("partition_metadata_key", "partition_metadata_v0", &record);

    let value = ConsumerGroupRegularExpressionValue {
        topics: vec![text("t"), text("u")],
        version: 77,
        timestamp: NOW,
    };
    let key = RegularExpressionKey { group_id: text("g"), regular_expression: text("t.*") };
    let record = GroupRecord::ConsumerGroupRegularExpression(key, Some(value));
    check("regex_key", "regex_v0", &record);
}

#[test]
fn consumer_group_member_is_read_and_written_as_kafka_writes_it() {
    let value = ConsumerGroupMemberMetadataValue {
        instance_id: Some(text("i")),
        rack_id: Some(text("r")),
        client_id: text("c"),
        client_host: text("/127.0.0.1"),
        subscribed_topic_names: vec![text("t"), text("u")],
        subscribed_topic_regex: Some(text("t.*")),
        rebalance_timeout_ms: 300_000,
        server_assignor: Some(text("uniform")),
        classic_member_metadata: None,
    };
    let record = GroupRecord::ConsumerGroupMemberMetadata(member(), Some(value.clone()));
    check("member_key", "member_v0", &record);

    let protocol = ClassicProtocol { name: text("range"), metadata: Bytes::from_static(b"sub") };
    let value = ConsumerGroupMemberMetadataValue {
        instance_id: None,
        rack_id: None,
        subscribed_topic_regex: None,
        server_assignor: None,
        classic_member_metadata: Some(ClassicMemberMetadata {
            session_timeout_ms: 45_000,
            supported_protocols: vec![protocol],
        }),
        ..value
    };
    let record = GroupRecord::ConsumerGroupMemberMetadata(member(), Some(value));
    check("member_key", "member_classic_v0", &record);
}

#[test]
fn consumer_group_assignment_is_read_and_written_as_kafka_writes_it() {
    let value = ConsumerGroupTargetAssignmentMetadataValue {
        assignment_epoch: 9,
        assignment_timestamp: NOW,
    };
    let record = GroupRecord::ConsumerGroupTargetAssignmentMetadata(group(), Some(value));
    check("target_key", "target_v0", &record);

    let topic = TopicPartitions { topic_id: ID, partitions: partitions(&[0, 1]) };
    let value = ConsumerGroupTargetAssignmentMemberValue { topic_partitions: vec![topic] };
    let record = GroupRecord::ConsumerGroupTargetAssignmentMember(member(), Some(value));
    check("target_member_key", "target_member_v0", &record);

    let assigned = AssignedPartitions {
        topic_id: ID,
        partitions: partitions(&[0, 1]),
        assignment_epochs: Some(vec![8, 9]),
    };
    let pending = AssignedPartitions {
        topic_id: OTHER,
        partitions: partitions(&[2]),
        assignment_epochs: None,
    };
    let value = ConsumerGroupCurrentMemberAssignmentValue {
        member_epoch: 9,
        previous_member_epoch: 8,
        state: 1,
        assigned_partitions: vec![assigned],
        partitions_pending_revocation: vec![pending],
    };
    let record = GroupRecord::ConsumerGroupCurrentMemberAssignment(member(), Some(value));
    check("current_key", "current_v0", &record);
}

#[test]
fn tombstone_has_a_key_and_no_value() {
    let record = GroupRecord::ConsumerGroupMetadata(group(), None);
    let written = record.encode().unwrap();
    assert_eq!(written.value, None);
    assert_eq!(GroupRecord::decode(&written.key, None).unwrap(), record);
    assert_eq!(record.group_id(), "g");
}

#[test]
fn record_of_a_later_kafka_is_told_from_a_damaged_one() {
    let unknown = RecordError::UnknownType(17);
    assert_eq!(GroupRecord::decode(&[0, 17, 0, 1, b'g'], None), Err(unknown));
    let version = RecordError::UnknownVersion { record: "GroupMetadata", version: 5, newest: 4 };
    let key = record("group_key");
    assert_eq!(GroupRecord::decode(&key, Some(&[0, 5])), Err(version));
    let value = record("group_v3");
    let error = GroupRecord::decode(&key, Some(&value[..value.len() - 1])).unwrap_err();
    let text = "GroupMetadata is damaged: 4 bytes are needed and 3 are left";
    assert_eq!(error.to_string(), text);
    assert!(matches!(GroupRecord::decode(&[1], None), Err(RecordError::Damaged { .. })));
}

#[test]
fn string_that_kafka_could_not_read_is_not_written() {
    let key = GroupKey { group_id: "x".repeat(32_768) };
    let record = GroupRecord::ConsumerGroupMetadata(key, None);
    assert_eq!(record.encode(), Err(WireError::TooLong(32_768)));
}

proptest! {
    /// Any of Kafka's records with some of its bytes replaced: what can be read can be written and read again.
    #[test]
    fn damaged_records_never_panic(
        names in (prop::sample::select(keys()), prop::sample::select(values())),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let (key, mut value) = (record(names.0), record(names.1));
        for (place, byte) in damage {
            *place.get_mut(&mut value[..]) = byte;
        }
        if let Ok(read) = GroupRecord::decode(&key, Some(&value)) {
            let written = read.encode().unwrap();
            let again = GroupRecord::decode(&written.key, written.value.as_deref());
            // The version may be another one, and then some fields are lost, but not the record.
            prop_assert!(again.is_ok());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        key in prop::collection::vec(any::<u8>(), 0..40),
        value in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let _ = GroupRecord::decode(&key, Some(&value));
    }
}

fn keys() -> Vec<&'static str> {
    let names = super::super::fixtures::all().into_keys();
    names.filter(|name| name.ends_with("_key") && *name != "transaction_key").collect()
}

fn values() -> Vec<&'static str> {
    super::super::fixtures::all().into_keys().filter(|name| name.contains("_v")).collect()
}
