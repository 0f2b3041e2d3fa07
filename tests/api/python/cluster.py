"""Tests of the APIs about the cluster and its nodes."""

import os

import wire
from suite import api, batch, expect
from wire import error

CLUSTER_OPERATIONS = sum(1 << bit for bit in (5, 7, 8, 9, 10, 11, 12))


@api("ApiVersions")
def versions_are_told(world, version):
    body = {"client_software_name": "api-test", "client_software_version": "1.0"}
    answer = world.call("ApiVersions", version, **body)
    expect(answer, error_code=0)
    told = {each.api_key: (each.min_version, each.max_version) for each in answer.api_keys}
    assert told[0] == (0, 13), "Produce is advertised from 0 (KAFKA-18659)"
    assert told[18] == (0, 4)
    assert len(told) == len(answer.api_keys)
    if version >= 1:
        expect(answer, throttle_time=0)
    if version >= 3:
        finalized = {each.name: each.max_version_level for each in answer.finalized_features}
        assert finalized["metadata.version"] == 30 and answer.finalized_features_epoch >= 0
        supported = {
            each.name: (each.min_version, each.max_version) for each in answer.supported_features
        }
        assert supported["metadata.version"] == (7, 30)
        assert ("transaction.version" in supported) == (version >= 4 and 26 in told)
    # A client of the future asks in its version, and is told ours in version 0 (KIP-511).
    connection = world.connect()
    frame = bytearray(wire.encode("ApiVersions", 4, 1, body))
    frame[2:4] = (99).to_bytes(2)
    connection.send_frame(bytes(frame))
    answer = wire.decode("ApiVersions", 0, 1, connection.receive_frame())
    connection.close()
    assert error(answer.error_code) == "UNSUPPORTED_VERSION"
    (key,) = answer.api_keys
    expect(key, api_key=18, min_version=0, max_version=4)


@api("DescribeCluster")
def cluster_is_described(world, version):
    host, port = world.address.rsplit(":", 1)
    answer = world.call("DescribeCluster", version, include_cluster_authorized_operations=True)
    expect(answer, error_code=0, error_message=None, controller_id=1)
    expect(answer, cluster_authorized_operations=CLUSTER_OPERATIONS)
    assert answer.cluster_id == world.call("Metadata", 12, topics=[]).cluster_id
    (broker,) = answer.brokers
    expect(broker, broker_id=1, host=host, port=int(port), rack=None)
    if version >= 1:
        expect(answer, endpoint_type=1)
    if version >= 2:
        expect(broker, is_fenced=False)


@api("DescribeLogDirs")
def log_dirs_are_described(world, version):
    topic = world.topic(partitions=2)
    records = batch(b"some", b"bytes")
    world.produce(topic, records, partition=1)
    wanted = [{"topic": topic.name, "partitions": [0, 1]}]
    answer = world.call("DescribeLogDirs", version, topics=wanted)
    if version >= 3:
        expect(answer, error_code=0)
    (directory,) = answer.results
    expect(directory, error_code=0)
    assert os.path.isdir(directory.log_dir)
    (found,) = directory.topics
    expect(found, name=topic.name)
    sizes = {each.partition_index: each.partition_size for each in found.partitions}
    assert sizes == {0: 0, 1: len(records)}, sizes
    for partition in found.partitions:
        expect(partition, offset_lag=0, is_future_key=False)
    if version >= 4:
        assert 0 < directory.usable_bytes <= directory.total_bytes
    if version >= 5:
        expect(directory, is_cordoned=False)
    everything = world.call("DescribeLogDirs", version, topics=None)
    assert topic.name in [each.name for each in everything.results[0].topics]


@api("DescribeQuorum")
def quorum_is_described(world, version):
    wanted = [{"topic_name": "__cluster_metadata", "partitions": [{"partition_index": 0}]}]
    answer = world.call("DescribeQuorum", version, topics=wanted)
    expect(answer, error_code=0)
    (partition,) = answer.topics[0].partitions
    expect(partition, partition_index=0, error_code=0, leader_id=1, observers=[])
    assert partition.high_watermark > 0 and partition.leader_epoch > 0
    (voter,) = partition.current_voters
    expect(voter, replica_id=1)
    assert voter.log_end_offset >= partition.high_watermark
    if version >= 1:
        assert voter.last_caught_up_timestamp > 0
    if version >= 2:
        assert not answer.error_message
        (node,) = answer.nodes
        expect(node, node_id=1)


@api("UpdateFeatures")
def features_are_checked_and_updated(world, version):
    def update(feature, level, **body):
        change = {"feature": feature, "max_version_level": level, "upgrade_type": 1}
        answer = world.call(
            "UpdateFeatures", version, timeout=10_000, feature_updates=[change], **body
        )
        codes = {error(answer.error_code)} | {
            error(each.error_code) for each in answer.get("results", [])
        }
        return codes - {"NONE"}

    # It has this level already.
    assert update("metadata.version", 30) == set()
    assert update("eligible.leader.replicas.version", 1) == set()
    assert update("metadata.version", 99) == {"INVALID_UPDATE_VERSION"}
    assert update("no.such.feature", 1) == {"INVALID_UPDATE_VERSION"}


@api("DescribeAcls")
def acls_are_refused_without_an_authorizer(world, version):
    everything = {
        "resource_type_filter": 1,
        "pattern_type_filter": 1,
        "operation": 1,
        "permission_type": 1,
    }
    answer = world.call("DescribeAcls", version, **everything)
    assert error(answer.error_code) == "SECURITY_DISABLED" and answer.error_message
    expect(answer, resources=[])


@api("CreateAcls")
def new_acls_are_refused_without_an_authorizer(world, version):
    acl = {
        "resource_type": 2,
        "resource_name": "topic",
        "principal": "User:a",
        "host": "*",
        "operation": 3,
        "permission_type": 3,
    }
    answer = world.call("CreateAcls", version, creations=[acl, acl])
    assert [error(each.error_code) for each in answer.results] == ["SECURITY_DISABLED"] * 2


@api("DeleteAcls")
def deletion_of_acls_is_refused_without_an_authorizer(world, version):
    everything = {
        "resource_type_filter": 1,
        "pattern_type_filter": 1,
        "operation": 1,
        "permission_type": 1,
    }
    answer = world.call("DeleteAcls", version, filters=[everything])
    (result,) = answer.filter_results
    assert error(result.error_code) == "SECURITY_DISABLED" and result.error_message
    expect(result, matching_acls=[])


@api("AlterReplicaLogDirs")
def replica_stays_where_it_is(world, version):
    topic = world.topic()
    path = world.call("DescribeLogDirs", 4, topics=None).results[0].log_dir
    dirs = [{"path": path, "topics": [{"name": topic.name, "partitions": [0]}]}]
    answer = world.call("AlterReplicaLogDirs", version, dirs=dirs)
    (result,) = answer.results
    expect(result, topic_name=topic.name)
    expect(result.partitions[0], partition_index=0, error_code=0)
    dirs[0]["path"] = "/no/such/directory"
    answer = world.call("AlterReplicaLogDirs", version, dirs=dirs)
    assert error(answer.results[0].partitions[0].error_code) == "LOG_DIR_NOT_FOUND"


@api("ListPartitionReassignments")
def nothing_is_reassigned(world, version):
    answer = world.call("ListPartitionReassignments", version, topics=None, timeout=1000)
    expect(answer, error_code=0, error_message=None, topics=[])
