"""Tests of the APIs about topics."""

from suite import api, batch, expect
from wire import error

# READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS, as bits: what may be done to a topic.
TOPIC_OPERATIONS = sum(1 << bit for bit in (3, 4, 5, 6, 7, 8, 10, 11))
NOT_ASKED = -(1 << 31)


@api("Metadata")
def topics_are_in_the_metadata(world, version):
    topic = world.topic(partitions=3)
    host, port = world.address.rsplit(":", 1)
    answer = world.call(
        "Metadata",
        version,
        topics=[{"name": topic.name}],
        allow_auto_topic_creation=False,
        include_topic_authorized_operations=True,
        include_cluster_authorized_operations=True,
    )
    (broker,) = answer.brokers
    expect(broker, node_id=1, host=host, port=int(port))
    if version >= 1:
        expect(broker, rack=None)
        expect(answer, controller_id=1)
    if version >= 2:
        assert answer.cluster_id
    if 8 <= version <= 10:
        assert answer.cluster_authorized_operations > 0
    if version >= 13:
        expect(answer, error_code=0)
    (found,) = answer.topics
    expect(found, error_code=0, name=topic.name)
    if version >= 1:
        expect(found, is_internal=False)
    if version >= 8:
        expect(found, topic_authorized_operations=TOPIC_OPERATIONS)
    if version >= 10:
        expect(found, topic_id=topic.id)
    assert sorted(p.partition_index for p in found.partitions) == [0, 1, 2]
    for partition in found.partitions:
        expect(partition, error_code=0, leader_id=1, replica_nodes=[1], isr_nodes=[1])
        if version >= 5:
            expect(partition, offline_replicas=[])
        if version >= 7:
            expect(partition, leader_epoch=0)


@api("Metadata")
def topics_are_named_or_all_or_none(world, version):
    topic = world.topic()
    # Version 0 has no null: there, no name means all.
    everything = [] if version == 0 else None
    names = [each.name for each in world.call("Metadata", version, topics=everything).topics]
    assert topic.name in names and names.count(topic.name) == 1
    if version >= 1:
        expect(world.call("Metadata", version, topics=[]), topics=[])
    if version >= 12:
        by_id = world.call("Metadata", version, topics=[{"name": None, "topic_id": topic.id}])
        expect(by_id.topics[0], error_code=0, name=topic.name, topic_id=topic.id)
        expect(by_id.topics[0], topic_authorized_operations=NOT_ASKED)


@api("Metadata")
def topic_is_created_when_it_is_asked_for(world, version):
    name = world.fresh("automatic")
    ask = lambda allowed: world.call(
        "Metadata", version, topics=[{"name": name}], allow_auto_topic_creation=allowed
    ).topics[0]
    if version >= 4:
        assert error(ask(False).error_code) == "UNKNOWN_TOPIC_OR_PARTITION"
    found = world.until(lambda: (it := ask(True)).error_code == 0 and it, f"{name} is created")
    assert len(found.partitions) == 1


@api("CreateTopics")
def topics_are_created(world, version):
    plain, counted, assigned = (world.fresh(word) for word in ("plain", "counted", "assigned"))
    assignments = [{"partition_index": index, "broker_ids": [1]} for index in (0, 1)]
    wanted = [
        {
            "name": counted,
            "num_partitions": 4,
            "replication_factor": 1,
            "configs": [config("7000")],
        },
        {
            "name": assigned,
            "num_partitions": -1,
            "replication_factor": -1,
            "assignments": assignments,
        },
    ]
    if version >= 4:
        # The broker's own defaults.
        wanted.append({"name": plain, "num_partitions": -1, "replication_factor": -1})
    answer = world.call("CreateTopics", version, topics=wanted, timeout=10_000)
    created = {topic.name: topic for topic in answer.topics}
    partitions = {counted: 4, assigned: 2} | ({plain: 1} if version >= 4 else {})
    assert set(created) == set(partitions), answer
    for name, count in partitions.items():
        expect(created[name], error_code=0, error_message=None)
        if version >= 5:
            expect(
                created[name], num_partitions=count, replication_factor=1, topic_config_error_code=0
            )
        metadata = lambda: world.newest("Metadata", topics=[{"name": name}]).topics[0]
        world.until(lambda: len(metadata().partitions) == count, f"{name} has {count} partitions")
        if version >= 7:
            expect(metadata(), topic_id=created[name].topic_id)
    if version >= 5:
        configs = {each.name: each for each in created[counted].configs}
        expect(
            configs["retention.ms"],
            value="7000",
            config_source=1,
            read_only=False,
            is_sensitive=False,
        )
        expect(configs["cleanup.policy"], value="delete", config_source=5)


def config(value, name="retention.ms"):
    return {"name": name, "value": value}


@api("CreateTopics")
def topics_are_only_validated(world, version):
    name = world.fresh("never")
    wanted = {"name": name, "num_partitions": 2, "replication_factor": 1}
    body = {"topics": [wanted], "timeout": 10_000, "validate_only": True}
    expect(world.call("CreateTopics", version, **body).topics[0], name=name, error_code=0)
    found = world.newest("Metadata", topics=[{"name": name}], allow_auto_topic_creation=False)
    assert error(found.topics[0].error_code) == "UNKNOWN_TOPIC_OR_PARTITION"


@api("DeleteTopics")
def topics_are_deleted(world, version):
    one, two = world.topic(), world.topic(partitions=2)
    names = [one.name, two.name]
    topics = [{"name": one.name}, {"name": None, "topic_id": two.id}]
    answer = world.call("DeleteTopics", version, topic_names=names, topics=topics, timeout=10_000)
    assert {each.name for each in answer.responses} == set(names)
    for each in answer.responses:
        expect(each, error_code=0)
        if version >= 5:
            expect(each, error_message=None)
        if version >= 6:
            expect(each, topic_id={one.name: one.id, two.name: two.id}[each.name])
    wanted = [{"name": name} for name in names]
    left = lambda: {
        error(topic.error_code)
        for topic in world.newest("Metadata", topics=wanted, allow_auto_topic_creation=False).topics
    }
    world.until(lambda: left() == {"UNKNOWN_TOPIC_OR_PARTITION"}, "the topics are gone")


@api("CreatePartitions")
def partitions_are_added(world, version):
    topic = world.topic()
    assigned = {"name": topic.name, "count": 3, "assignments": [{"broker_ids": [1]}] * 2}
    body = {"topics": [assigned], "timeout": 10_000}
    for validate_only in (True, False):
        answer = world.call("CreatePartitions", version, **body, validate_only=validate_only)
        expect(answer.results[0], name=topic.name, error_code=0, error_message=None)
        if validate_only:
            assert world.end(topic, partition=1) is None
    world.until(lambda: world.end(topic, partition=2) == 0, "partition 2 is there")
    more = {"name": topic.name, "count": 4, "assignments": None}
    answer = world.call("CreatePartitions", version, topics=[more], timeout=10_000)
    expect(answer.results[0], error_code=0)
    world.until(lambda: world.end(topic, partition=3) == 0, "partition 3 is there")
    expect(world.produce(topic, batch(b"new"), partition=3), error_code=0, base_offset=0)


@api("DescribeTopicPartitions")
def partitions_are_described_page_by_page(world, version):
    topics = sorted((world.topic(partitions=3), world.topic(partitions=2)), key=lambda it: it.name)
    body = {"topics": [{"name": topic.name} for topic in topics]}
    answer = world.call("DescribeTopicPartitions", version, **body)
    expect(answer, next_cursor=None)
    for topic, found in zip(topics, answer.topics, strict=True):
        expect(found, error_code=0, name=topic.name, topic_id=topic.id, is_internal=False)
        expect(found, topic_authorized_operations=TOPIC_OPERATIONS)
        assert [p.partition_index for p in found.partitions] == list(range(topic.partitions))
        for partition in found.partitions:
            expect(
                partition,
                error_code=0,
                leader_id=1,
                leader_epoch=0,
                replica_nodes=[1],
                isr_nodes=[1],
            )
            expect(partition, eligible_leader_replicas=[], last_known_elr=[], offline_replicas=[])
    first = topics[0].partitions - 1
    page = world.call("DescribeTopicPartitions", version, **body, response_partition_limit=first)
    assert [len(topic.partitions) for topic in page.topics] == [first], page
    expect(page.next_cursor, topic_name=topics[0].name, partition_index=first)
    rest = world.call("DescribeTopicPartitions", version, **body, cursor=dict(page.next_cursor))
    assert [len(topic.partitions) for topic in rest.topics] == [1, topics[1].partitions], rest
    expect(rest, next_cursor=None)


@api("ElectLeaders")
def leader_that_is_preferred_already_stays(world, version):
    topic = world.topic(partitions=2)
    wanted = [{"topic": topic.name, "partitions": [1, 0]}]
    answer = world.call(
        "ElectLeaders", version, topic_partitions=wanted, timeout=10_000, election_type=0
    )
    if version >= 1:
        expect(answer, error_code=0)
    (found,) = answer.replica_election_results
    expect(found, topic=topic.name)
    for partition in found.partition_result:
        assert error(partition.error_code) == "ELECTION_NOT_NEEDED", partition
    assert sorted(partition.partition_id for partition in found.partition_result) == [0, 1]
    everything = world.call("ElectLeaders", version, topic_partitions=None, timeout=10_000)
    # Of all partitions only those are told that had to be elected; Kafka names the topics of the others.
    assert not any(each.partition_result for each in everything.replica_election_results)
