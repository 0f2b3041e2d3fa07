//! The records of the metadata log against those that Kafka's own classes have written.

use std::collections::BTreeSet;

use super::super::fixtures::{all, record};
use super::*;
use crate::ids::{BrokerId, LeaderEpoch, PartitionId, ProducerId, Timestamp, TopicId};
use proptest::prelude::*;

const ID: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const OTHER: [u8; 16] = [17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32];

/// Reads a record of Kafka's, compares it, and writes the same bytes again.
fn check(name: &str, expected: &MetadataRecord) {
    check_read(name, expected);
    assert_eq!(expected.encode().unwrap(), record(name), "{name}");
}

/// Reads a record of Kafka's that we would write in another version.
fn check_read(name: &str, expected: &MetadataRecord) {
    assert_eq!(&MetadataRecord::decode(&record(name)).unwrap(), expected, "{name}");
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn brokers(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().map(|id| BrokerId(*id)).collect()
}

fn endpoint(name: &str, port: u16) -> Endpoint {
    Endpoint { name: text(name), host: text("localhost"), port, security_protocol: 0 }
}

fn feature(name: &str, min: i16, max: i16) -> SupportedFeature {
    let (min_supported_version, max_supported_version) = (min, max);
    SupportedFeature { name: text(name), min_supported_version, max_supported_version }
}

#[test]
fn registration_of_each_version_is_read_and_version_4_written() {
    let mut broker = RegisterBrokerRecord {
        broker_id: BrokerId(1),
        is_migrating_zk_broker: false,
        incarnation_id: ID,
        broker_epoch: 5,
        end_points: vec![endpoint("PLAINTEXT", 65535)],
        features: vec![feature("metadata.version", 7, 30)],
        rack: Some(text("r")),
        fenced: true,
        in_controlled_shutdown: true,
        log_dirs: vec![ID],
        cordoned_log_dirs: Some(vec![OTHER]),
    };
    let record = |broker: &RegisterBrokerRecord| MetadataRecord::RegisterBroker(broker.clone());
    check("RegisterBrokerRecord_v4", &record(&broker));
    check_read("RegisterBrokerRecord_v4_unknown_tag", &record(&broker));
    broker.cordoned_log_dirs = None;
    check_read("RegisterBrokerRecord_v3", &record(&broker));
    broker.log_dirs.clear();
    check_read("RegisterBrokerRecord_v2", &record(&broker));
    check_read("RegisterBrokerRecord_v1", &record(&broker));
    (broker.in_controlled_shutdown, broker.rack) = (false, None);
    check_read("RegisterBrokerRecord_v0", &record(&broker));

    let controller = RegisterControllerRecord {
        controller_id: BrokerId(1),
        incarnation_id: ID,
        zk_migration_ready: false,
        end_points: vec![endpoint("CONTROLLER", 9093)],
        features: vec![feature("kraft.version", 0, 1)],
    };
    check("RegisterControllerRecord_v0", &MetadataRecord::RegisterController(controller));
}

#[test]
fn change_of_a_registration_is_written_in_the_least_version_that_has_it() {
    let mut change = BrokerRegistrationChangeRecord {
        broker_id: BrokerId(1),
        broker_epoch: 5,
        fenced: -1,
        in_controlled_shutdown: 1,
        log_dirs: vec![ID],
        cordoned_log_dirs: Some(Vec::new()),
    };
    let record = |change: &BrokerRegistrationChangeRecord| {
        MetadataRecord::BrokerRegistrationChange(change.clone())
    };
    check("BrokerRegistrationChangeRecord_v3", &record(&change));
    change.cordoned_log_dirs = None;
    check("BrokerRegistrationChangeRecord_v2", &record(&change));
    change.log_dirs.clear();
    check("BrokerRegistrationChangeRecord_v1", &record(&change));
    change.in_controlled_shutdown = 0;
    check("BrokerRegistrationChangeRecord_v0", &record(&change));

    let (broker_id, broker_epoch) = (BrokerId(1), 5);
    let gone = UnregisterBrokerRecord { broker_id, broker_epoch };
    check("UnregisterBrokerRecord_v0", &MetadataRecord::UnregisterBroker(gone));
    let fenced = FenceBrokerRecord { id: broker_id, epoch: broker_epoch };
    check("FenceBrokerRecord_v0", &MetadataRecord::FenceBroker(fenced));
    let unfenced = UnfenceBrokerRecord { id: broker_id, epoch: broker_epoch };
    check("UnfenceBrokerRecord_v0", &MetadataRecord::UnfenceBroker(unfenced));
}

#[test]
fn topic_is_read_and_written_as_kafka_writes_it() {
    let topic_id = TopicId(ID);
    let topic = MetadataRecord::Topic(TopicRecord { name: text("t"), topic_id });
    check("TopicRecord_v0", &topic);
    check_read("TopicRecord_v0_unknown_tag", &topic);
    let gone = MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id });
    check("RemoveTopicRecord_v0", &gone);
    let clear = MetadataRecord::ClearElr(ClearElrRecord { topic_name: text("t") });
    check("ClearElrRecord_v0", &clear);
}

#[test]
fn partition_of_each_version_is_read_and_version_2_written() {
    let mut partition = PartitionRecord {
        partition_id: PartitionId(3),
        topic_id: TopicId(ID),
        replicas: brokers(&[1, 2]),
        isr: brokers(&[1]),
        removing_replicas: brokers(&[2]),
        adding_replicas: Vec::new(),
        leader: BrokerId(1),
        leader_recovery_state: 1,
        leader_epoch: LeaderEpoch(4),
        partition_epoch: 6,
        directories: vec![ID, OTHER],
        eligible_leader_replicas: Some(brokers(&[2])),
        last_known_elr: Some(Vec::new()),
    };
    let record = |partition: &PartitionRecord| MetadataRecord::Partition(partition.clone());
    check("PartitionRecord_v2", &record(&partition));
    (partition.eligible_leader_replicas, partition.last_known_elr) = (None, None);
    check_read("PartitionRecord_v1", &record(&partition));
    (partition.directories, partition.leader_recovery_state) = (Vec::new(), 0);
    check_read("PartitionRecord_v0", &record(&partition));
}

#[test]
fn change_of_a_partition_of_each_version_is_read_and_version_2_written() {
    let mut change = PartitionChangeRecord {
        partition_id: PartitionId(3),
        topic_id: TopicId(ID),
        isr: Some(brokers(&[1])),
        leader: BrokerId(-1),
        replicas: Some(brokers(&[1, 2])),
        removing_replicas: Some(Vec::new()),
        adding_replicas: Some(brokers(&[2])),
        leader_recovery_state: 0,
        eligible_leader_replicas: Some(brokers(&[2])),
        last_known_elr: Some(brokers(&[1])),
        directories: Some(vec![ID, OTHER]),
    };
    let record = |change: &PartitionChangeRecord| MetadataRecord::PartitionChange(change.clone());
    check("PartitionChangeRecord_v2", &record(&change));
    (change.eligible_leader_replicas, change.last_known_elr) = (None, None);
    check_read("PartitionChangeRecord_v1", &record(&change));
    change.directories = None;
    check_read("PartitionChangeRecord_v0", &record(&change));

    let mut nothing = PartitionChangeRecord::new(TopicId(OTHER), PartitionId(4));
    check("PartitionChangeRecord_v2_nothing", &record(&nothing));
    nothing.leader = BrokerId(1);
    check_read("PartitionChangeRecord_v2_unknown_tag", &record(&nothing));
}

#[test]
fn settings_are_read_and_written_as_kafka_writes_them() {
    let setting = |resource_type, resource_name: &str, value: Option<&str>| {
        let (resource_name, value) = (text(resource_name), value.map(text));
        let name = text("retention.ms");
        MetadataRecord::Config(ConfigRecord { resource_type, resource_name, name, value })
    };
    check("ConfigRecord_v0", &setting(2, "t", Some("1")));
    check("ConfigRecord_v0_deleted", &setting(4, "", None));

    let part = |entity_type: &str, entity_name: Option<&str>| EntityData {
        entity_type: text(entity_type),
        entity_name: entity_name.map(text),
    };
    let quota = ClientQuotaRecord {
        entity: vec![part("user", Some("u")), part("client-id", None)],
        key: text("producer_byte_rate"),
        value: 1024.5,
        remove: false,
    };
    check("ClientQuotaRecord_v0", &MetadataRecord::ClientQuota(quota));

    let level = FeatureLevelRecord { name: text("metadata.version"), feature_level: 30 };
    check("FeatureLevelRecord_v0", &MetadataRecord::FeatureLevel(level));
    let ids = ProducerIdsRecord {
        broker_id: BrokerId(1),
        broker_epoch: 5,
        next_producer_id: ProducerId(1000),
    };
    check("ProducerIdsRecord_v0", &MetadataRecord::ProducerIds(ids));
    let state = ZkMigrationStateRecord { zk_migration_state: 0 };
    check("ZkMigrationStateRecord_v0", &MetadataRecord::ZkMigrationState(state));
}

#[test]
fn transaction_of_records_is_read_and_written_as_kafka_writes_it() {
    let begin = |name: Option<&str>| {
        MetadataRecord::BeginTransaction(BeginTransactionRecord { name: name.map(text) })
    };
    check("BeginTransactionRecord_v0", &begin(Some("why")));
    check("BeginTransactionRecord_v0_unnamed", &begin(None));
    check("EndTransactionRecord_v0", &MetadataRecord::EndTransaction(EndTransactionRecord));
    let abort = AbortTransactionRecord { reason: Some(text("because")) };
    check("AbortTransactionRecord_v0", &MetadataRecord::AbortTransaction(abort));
    check("NoOpRecord_v0", &MetadataRecord::NoOp(NoOpRecord));
}

#[test]
fn credential_is_read_and_written_as_kafka_writes_it_and_not_shown() {
    let credential = UserScramCredentialRecord {
        name: text("u"),
        mechanism: 1,
        salt: Bytes::from_static(b"salt"),
        stored_key: Bytes::from_static(b"stored"),
        server_key: Bytes::from_static(b"server"),
        iterations: 4096,
    };
    let shown = "UserScramCredentialRecord { name: \"u\", mechanism: 1, iterations: 4096, .. }";
    assert_eq!(format!("{credential:?}"), shown);
    check("UserScramCredentialRecord_v0", &MetadataRecord::UserScramCredential(credential));
    let gone = RemoveUserScramCredentialRecord { name: text("u"), mechanism: 2 };
    check("RemoveUserScramCredentialRecord_v0", &MetadataRecord::RemoveUserScramCredential(gone));

    let token = DelegationTokenRecord {
        owner: text("User:o"),
        requester: text("User:r"),
        renewers: vec![text("User:n")],
        issue_timestamp: Timestamp(1),
        max_timestamp: Timestamp(2),
        expiration_timestamp: Timestamp(3),
        token_id: text("id"),
    };
    check("DelegationTokenRecord_v0", &MetadataRecord::DelegationToken(token));
    let gone = RemoveDelegationTokenRecord { token_id: text("id") };
    check("RemoveDelegationTokenRecord_v0", &MetadataRecord::RemoveDelegationToken(gone));
}

#[test]
fn acl_is_read_and_written_as_kafka_writes_it() {
    let acl = AccessControlEntryRecord {
        id: ID,
        resource_type: 2,
        resource_name: text("t"),
        pattern_type: 3,
        principal: text("User:u"),
        host: text("*"),
        operation: 4,
        permission_type: 3,
    };
    check("AccessControlEntryRecord_v0", &MetadataRecord::AccessControlEntry(acl));
    let gone = RemoveAccessControlEntryRecord { id: ID };
    let gone = MetadataRecord::RemoveAccessControlEntry(gone);
    check("RemoveAccessControlEntryRecord_v0", &gone);
}

#[test]
fn record_that_kafka_would_refuse_is_refused() {
    let frame = "the frame of a metadata record";
    let overlong = WireError::Varint(VarintError::Overlong);
    let truncated = |needed, left| WireError::Truncated { needed, left };
    let damaged = |record, error| RecordError::Damaged { record, error };
    let unknown_version =
        |record, version, newest| RecordError::UnknownVersion { record, version, newest };
    let rows: [(&[u8], RecordError); 11] = [
        (&[], damaged(frame, WireError::Varint(VarintError::Truncated))),
        (&[1, 0x94], damaged(frame, WireError::Varint(VarintError::Truncated))),
        (&[0, 20, 0, 0], unknown_version(frame, 0, 1)),
        (&[2, 20, 0, 0], unknown_version(frame, 2, 1)),
        (&[1, 0x80, 0x80, 0x02, 0, 0], damaged(frame, overlong)),
        (&[1, 20, 0xff, 0xff, 0xff, 0xff, 0x0f, 0], damaged(frame, overlong)),
        (&[1, 29, 0, 0], RecordError::UnknownType(29)),
        (&[1, 6, 0, 0], RecordError::UnknownType(6)),
        (&[1, 20, 1, 0], unknown_version("NoOpRecord", 1, 0)),
        (&[1, 20, 0, 0, 7], damaged("NoOpRecord", WireError::Trailing(1))),
        // A name of 2^28 - 2 bytes, which are not there.
        (
            &[1, 2, 0, 0xff, 0xff, 0xff, 0x7f],
            damaged("TopicRecord", WireError::TooLong(0xfff_fffe)),
        ),
    ];
    for (bytes, error) in rows {
        assert_eq!(MetadataRecord::decode(bytes), Err(error), "{bytes:x?}");
    }
    let mut partition = record("PartitionRecord_v2");
    // How many replicas there are.
    partition.splice(23..24, [0xff, 0xff, 0xff, 0x7f]);
    let left = partition.len() - 27;
    let error = damaged("PartitionRecord", truncated(0xfff_fffe, left));
    assert_eq!(MetadataRecord::decode(&partition), Err(error));
}

#[test]
fn string_that_kafka_could_not_read_is_not_written() {
    let record = MetadataRecord::ClearElr(ClearElrRecord { topic_name: "x".repeat(32_768) });
    assert_eq!(record.encode(), Err(WireError::TooLong(32_768)));
}

/// The names of the records of the metadata log among the fixtures.
fn names() -> Vec<&'static str> {
    all().into_keys().filter(|name| name.contains("Record_v")).collect()
}

/// What can be read can be written, and is the same when it is read again.
fn check_round_trip(bytes: &[u8]) {
    if let Ok(read) = MetadataRecord::decode(bytes) {
        let written = read.encode().unwrap();
        let again = MetadataRecord::decode(&written).unwrap();
        // Bytes are compared, for a quota may be a number that does not equal itself.
        assert_eq!(again.encode().unwrap(), written);
    }
}

#[test]
fn record_of_each_version_round_trips() {
    let mut versions = BTreeSet::new();
    for name in names() {
        let bytes = record(name);
        let (api_key, version, _) = read_frame(&bytes).unwrap();
        versions.insert((api_key, version));
        assert!(MetadataRecord::decode(&bytes).is_ok(), "{name}");
        check_round_trip(&bytes);
    }
    // There are 26 records, and four of them have 11 older versions.
    assert_eq!(versions.len(), 37);
}

proptest! {
    /// Any of Kafka's records with some of its bytes replaced.
    #[test]
    fn damaged_records_never_panic(
        name in prop::sample::select(names()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = record(name);
        for (place, byte) in damage {
            *place.get_mut(&mut bytes[..]) = byte;
        }
        check_round_trip(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        api_key in 0..30u8,
        version in 0..5u8,
        fields in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let _ = MetadataRecord::decode(&fields);
        check_round_trip(&[&[1, api_key, version], &fields[..]].concat());
    }
}
