"""Requests that a broker has to refuse, or that are odd: about records, topics, configurations and the cluster."""

import struct

from crc32c import crc32c

from comparison import NO_ID, Named, cases, raw
from suite import batch, fetch_body, produce_body

FAR_FUTURE_MS = 4_000_000_000_000


def damaged(records, at, new):
    return records[:at] + new + records[at + len(new) :]


def checked(records):
    """The batch with the CRC that it has to have."""
    return damaged(records, 17, struct.pack(">I", crc32c(records[21:])))


def to(records, partition=0, **body):
    return lambda stage: produce_body(stage.written, records, partition) | body


cases(
    "Produce",
    12,
    unknown_topic=lambda s: produce_body(Named(s.missing()), batch(b"a")),
    invalid_topic_name=lambda s: produce_body(Named("a b"), batch(b"a")),
    internal_topic=lambda s: produce_body(Named("__consumer_offsets"), batch(b"a")),
    unknown_partition=to(batch(b"a"), 7),
    negative_partition=to(batch(b"a"), -1),
    two_acks=to(batch(b"a"), acks=2),
    wrong_crc=to(damaged(batch(b"a"), 17, b"\0\0\0\0")),
    cut_off_batch=to(batch(b"a")[:-3]),
    cut_off_header=to(batch(b"a")[:40]),
    bytes_after_the_batch=to(batch(b"a") + b"\0\0\0"),
    two_batches=to(batch(b"a") + batch(b"b")),
    no_batch=to(b""),
    null_records=to(None),
    old_magic=to(damaged(batch(b"a"), 16, b"\1")),
    unknown_magic=to(damaged(batch(b"a"), 16, b"\7")),
    unknown_codec=to(batch(b"a", attributes=6)),
    not_compressed_as_it_says=to(batch(b"a", attributes=1)),
    control_batch=to(batch(b"a", attributes=32)),
    transactional_without_an_id=to(batch(b"a", attributes=16, producer=(7, 0, 0))),
    more_records_than_there_are=to(checked(damaged(batch(b"a", b"b"), 57, struct.pack(">i", 3)))),
    fewer_records_than_there_are=to(checked(damaged(batch(b"a", b"b"), 57, struct.pack(">i", 1)))),
    negative_count_of_records=to(checked(damaged(batch(b"a", b"b"), 57, struct.pack(">i", -1)))),
    wrong_last_offset=to(checked(damaged(batch(b"a", b"b"), 23, struct.pack(">i", 5)))),
    too_large_for_the_topic=lambda s: produce_body(s.small, batch(b"a" * 200)),
    no_key_on_a_compacted_topic=lambda s: produce_body(s.compacted, batch(b"a", b"b", key=None)),
    from_the_future=lambda s: produce_body(s.future, batch(b"a", b"b", start_ms=FAR_FUTURE_MS)),
    old_epoch=lambda s: produce_body(s.written, batch(b"a", producer=(s.producer, 1, 0)), 1),
    sequence_with_a_gap=lambda s: produce_body(
        s.written, batch(b"a", producer=(s.producer, 3, 5)), 1
    ),
    new_epoch_not_from_0=lambda s: produce_body(
        s.written, batch(b"a", producer=(s.producer, 4, 5)), 1
    ),
    unknown_producer_not_from_0=to(batch(b"a", producer=(424242, 0, 7)), 1),
    producer_without_a_sequence=to(batch(b"a", producer=(424242, 0, -1)), 1),
    producer_without_an_epoch=to(batch(b"a", producer=(424242, -1, 0)), 1),
    idempotent_without_all_acks=lambda s: produce_body(
        s.written, batch(b"a", producer=(s.producer, 3, 1)), 1, acks=1
    ),
    no_topics=lambda s: {"acks": -1, "timeout": 1000},
    negative_timeout=lambda s: produce_body(s.small, batch(b"a")) | {"timeout": -5},
)
cases("Produce", 13, unknown_topic_id=lambda s: produce_body(Named(""), batch(b"a")))
cases(
    "Produce",
    3,
    no_key_on_a_compacted_topic_in_version_3=lambda s: produce_body(
        s.compacted, batch(b"a", key=None)
    ),
)


def fetch(offset=0, partition=0, topic=None, **body):
    def make(stage):
        made = fetch_body(topic(stage) if topic else stage.topic, partition, offset)
        wanted = made["topics"][0]["partitions"][0]
        wanted.update({key: body[key] for key in body if key in PARTITION_FIELDS})
        return (
            made | {"max_wait": 1} | {key: body[key] for key in body if key not in PARTITION_FIELDS}
        )

    return make


PARTITION_FIELDS = {
    "current_leader_epoch",
    "last_fetched_epoch",
    "partition_max_bytes",
    "log_start_offset",
}
cases(
    "Fetch",
    12,
    unknown_topic=fetch(topic=lambda s: Named(s.missing())),
    unknown_partition=fetch(partition=9),
    offset_after_the_end=fetch(99),
    negative_offset=fetch(-7),
    epoch_of_the_future=fetch(current_leader_epoch=9),
    fetched_in_the_future=fetch(last_fetched_epoch=9),
    fetched_in_this_epoch=fetch(3, last_fetched_epoch=0),
    session_that_is_not_there=fetch(session_id=999_999, session_epoch=4),
    session_without_an_id=fetch(session_id=0, session_epoch=4),
    session_that_is_closed_and_not_there=fetch(session_id=999_999, session_epoch=-1),
    no_bytes=fetch(max_bytes=0),
    negative_bytes=fetch(max_bytes=-1),
    no_bytes_of_the_partition=fetch(partition_max_bytes=0),
    negative_bytes_of_the_partition=fetch(partition_max_bytes=-1),
    unknown_isolation_level=fetch(isolation_level=7),
    negative_min_bytes=fetch(min_bytes=-1),
    negative_wait=fetch(max_wait=-1),
    no_topics=lambda s: {"max_wait": 1, "min_bytes": 1, "session_epoch": -1},
    a_replica_that_is_none=fetch(replica_id=5),
)
cases(
    "Fetch",
    13,
    unknown_topic_id=fetch(topic=lambda s: Named("")),
    no_topic_id=fetch(topic=lambda s: Named("", None)),
)


def offsets(timestamp=-1, partition=0, topic=None, repeated=1, **body):
    def make(stage):
        wanted = {"partition_index": partition, "timestamp": timestamp} | body
        named = topic(stage) if topic else stage.topic
        return {
            "replica_id": -1,
            "topics": [{"name": named.name, "partitions": [wanted] * repeated}],
            "timeout": 1000,
        }

    return make


cases(
    "ListOffsets",
    11,
    unknown_topic=offsets(topic=lambda s: Named(s.missing())),
    invalid_topic_name=offsets(topic=lambda s: Named("a b")),
    unknown_partition=offsets(partition=9),
    negative_partition=offsets(partition=-1),
    special_time_that_is_none=offsets(-7),
    lowest_time=offsets(-(1 << 63)),
    epoch_of_the_future=offsets(current_leader_epoch=9),
    partition_named_twice=offsets(repeated=2),
    no_topics=lambda s: {"replica_id": -1},
)
cases("ListOffsets", 6, special_time_before_its_version=offsets(-3))
cases("ListOffsets", 10, special_time_of_the_next_version=offsets(-6))
cases("ListOffsets", 1, unknown_topic_in_version_1=offsets(topic=lambda s: Named(s.missing())))


def epochs(leader_epoch=0, partition=0, topic=None, **body):
    def make(stage):
        wanted = {"partition": partition, "leader_epoch": leader_epoch} | body
        named = topic(stage) if topic else stage.topic
        return {"replica_id": -1, "topics": [{"topic": named.name, "partitions": [wanted]}]}

    return make


cases(
    "OffsetForLeaderEpoch",
    4,
    unknown_topic=epochs(topic=lambda s: Named(s.missing())),
    unknown_partition=epochs(partition=9),
    epoch_of_the_future=epochs(current_leader_epoch=9),
    negative_epoch=epochs(-1),
    very_negative_epoch=epochs(-9),
)


def delete(offset, partition=0, topic=None):
    def make(stage):
        named = topic(stage) if topic else stage.topic
        wanted = {"partition_index": partition, "offset": offset}
        return {"topics": [{"name": named.name, "partitions": [wanted]}], "timeout": 1000}

    return make


cases(
    "DeleteRecords",
    2,
    unknown_topic=delete(1, topic=lambda s: Named(s.missing())),
    unknown_partition=delete(1, 9),
    offset_after_the_end=delete(99),
    negative_offset=delete(-2),
    compacted_topic=delete(0, topic=lambda s: s.compacted),
    internal_topic=delete(0, topic=lambda s: Named("__consumer_offsets")),
    no_topics=lambda s: {"timeout": 1000},
)


def create(*names, count=1, factor=1, timeout=10_000, validate_only=True, **topic):
    def make(stage):
        made = [
            name if isinstance(name, str) else name(stage)
            for name in names or [lambda s: s.missing("new")]
        ]
        base = {"num_partitions": count, "replication_factor": factor} | topic
        return {
            "topics": [{"name": name} | base for name in made],
            "timeout": timeout,
            "validate_only": validate_only,
        }

    return make


def configured(name, value):
    return create(configs=[{"name": name, "value": value}])


def assigned(*replicas, first=0, **topic):
    assignments = [
        {"partition_index": first + index, "broker_ids": ids} for index, ids in enumerate(replicas)
    ]
    return create(**{"count": -1, "factor": -1, "assignments": assignments} | topic)


cases(
    "CreateTopics",
    7,
    topic_that_exists=create(lambda s: s.topic.name),
    no_name=create(""),
    dot=create("."),
    two_dots=create(".."),
    blank_in_the_name=create("a b"),
    name_of_250=create("n" * 250),
    name_of_249=create("n" * 249),
    internal_topic=create("__consumer_offsets"),
    same_name_twice=create("twice", "twice"),
    no_partitions=create(count=0),
    negative_partitions=create(count=-2),
    far_too_many_partitions=create(count=1_000_000),
    no_replicas=create(factor=0),
    negative_replicas=create(factor=-2),
    more_replicas_than_brokers=create(factor=2),
    unknown_config=configured("no.such.key", "1"),
    value_of_another_type=configured("retention.ms", "soon"),
    value_below_the_limit=configured("segment.bytes", "1"),
    value_that_is_not_allowed=configured("cleanup.policy", "shred"),
    null_value=configured("retention.ms", None),
    empty_value=configured("cleanup.policy", ""),
    config_of_a_broker=configured("log.retention.hours", "1"),
    two_values_that_exclude_each_other=create(
        configs=[
            {"name": "min.compaction.lag.ms", "value": "10"},
            {"name": "max.compaction.lag.ms", "value": "5"},
        ]
    ),
    same_config_twice=create(
        configs=[{"name": "retention.ms", "value": value} for value in ("1", "2")]
    ),
    assignment_and_partitions=assigned([1], count=1),
    assignment_and_replicas=assigned([1], factor=1),
    assignment_to_an_unknown_broker=assigned([7]),
    assignment_to_a_broker_twice=assigned([1, 1]),
    assignment_to_no_broker=assigned([]),
    assignment_with_a_gap=assigned([1], first=1),
    assignment_of_different_sizes=assigned([1], [1, 2]),
    negative_timeout=create(timeout=-1),
    no_topics=lambda s: {"timeout": 1000},
)
cases("CreateTopics", 3, defaults_before_version_4=create(count=-1, factor=-1))
cases("CreateTopics", 4, unknown_config_in_version_4=configured("no.such.key", "1"))


def created_with_dots(stage):
    name = stage.missing("a.b")
    stage.world.call("CreateTopics", 7, **create(name, validate_only=False)(stage))
    return create(name.replace(".", "_"))(stage)


cases("CreateTopics", 7, name_that_collides_with_another=created_with_dots)


def drop(*topics, **body):
    def make(stage):
        named = [topic(stage) for topic in topics]
        return {"topics": named, "timeout": 1000} | body

    return make


cases(
    "DeleteTopics",
    6,
    unknown_topic=drop(lambda s: {"name": s.missing()}),
    unknown_id=drop(lambda s: {"name": None, "topic_id": NO_ID}),
    name_and_id=drop(lambda s: {"name": s.topic.name, "topic_id": s.topic.id}),
    neither_name_nor_id=drop(lambda s: {"name": None}),
    unknown_topic_twice=drop(*[lambda s: {"name": "never-made"}] * 2),
    no_name=drop(lambda s: {"name": ""}),
    no_topics=drop(),
)
cases(
    "DeleteTopics",
    3,
    unknown_topic_in_version_3=lambda s: {"topic_names": [s.missing()], "timeout": 1000},
)


def grow(count, assignments=None, topic=None, repeated=1):
    def make(stage):
        named = topic(stage) if topic else stage.topic
        wanted = {"name": named.name, "count": count, "assignments": assignments}
        return {"topics": [wanted] * repeated, "timeout": 1000, "validate_only": True}

    return make


cases(
    "CreatePartitions",
    3,
    unknown_topic=grow(3, topic=lambda s: Named(s.missing())),
    fewer=grow(1),
    as_many=grow(2),
    none=grow(0),
    negative=grow(-1),
    far_too_many=grow(1_000_000),
    more_assignments_than_partitions=grow(3, [{"broker_ids": [1]}] * 2),
    fewer_assignments_than_partitions=grow(4, [{"broker_ids": [1]}]),
    assignment_to_an_unknown_broker=grow(3, [{"broker_ids": [7]}]),
    assignment_to_no_broker=grow(3, [{"broker_ids": []}]),
    assignment_with_more_replicas=grow(3, [{"broker_ids": [1, 2]}]),
    topic_named_twice=grow(3, repeated=2),
    internal_topic=grow(99, topic=lambda s: Named("__consumer_offsets")),
)


def metadata(*topics, **body):
    return lambda stage: (
        {"topics": [dict(topic) for topic in topics], "allow_auto_topic_creation": False} | body
    )


cases(
    "Metadata",
    13,
    unknown_topic=metadata({"name": "never-made"}),
    unknown_topics_twice=metadata({"name": "never-made"}, {"name": "never-made"}),
    invalid_name=metadata({"name": "a b"}),
    invalid_name_to_be_made=metadata({"name": "a b"}, allow_auto_topic_creation=True),
    no_name=metadata({"name": ""}),
    null_name=metadata({"name": None}),
    unknown_id=metadata({"name": None, "topic_id": NO_ID}),
    name_and_id=lambda s: {"topics": [{"name": s.topic.name, "topic_id": s.topic.id}]},
    name_and_wrong_id=lambda s: {"topics": [{"name": s.topic.name, "topic_id": NO_ID}]},
)
cases(
    "Metadata",
    10,
    null_name_in_version_10=metadata({"name": None}),
    id_in_version_10=lambda s: {"topics": [{"name": None, "topic_id": s.topic.id}]},
)
cases(
    "DescribeTopicPartitions",
    0,
    unknown_topic=lambda s: {"topics": [{"name": s.missing()}]},
    invalid_name=lambda s: {"topics": [{"name": "a b"}]},
    limit_of_0=lambda s: {"topics": [{"name": s.topic.name}], "response_partition_limit": 0},
    negative_limit=lambda s: {"topics": [{"name": s.topic.name}], "response_partition_limit": -1},
    negative_cursor=lambda s: {
        "topics": [{"name": s.topic.name}],
        "cursor": {"topic_name": s.topic.name, "partition_index": -1},
    },
    cursor_after_the_end=lambda s: {
        "topics": [{"name": s.topic.name}],
        "cursor": {"topic_name": s.topic.name, "partition_index": 9},
    },
    cursor_at_another_topic=lambda s: {
        "topics": [{"name": s.topic.name}],
        "cursor": {"topic_name": "a-topic-before", "partition_index": 0},
    },
)


def describe(kind, name, *keys):
    def make(stage):
        named = name if isinstance(name, str) else name(stage)
        resource = {
            "resource_type": kind,
            "resource_name": named,
            "configuration_keys": list(keys) or ["nothing"],
        }
        return {"resources": [resource]}

    return make


cases(
    "DescribeConfigs",
    4,
    unknown_topic=describe(2, lambda s: s.missing()),
    invalid_topic_name=describe(2, "a b"),
    no_topic_name=describe(2, ""),
    unknown_key=describe(2, lambda s: s.topic.name, "no.such.key"),
    unknown_broker=describe(4, "7"),
    broker_that_is_no_number=describe(4, "one"),
    negative_broker=describe(4, "-1"),
    logger_of_an_unknown_broker=describe(8, "7"),
    logger_of_no_broker=describe(8, ""),
    unknown_type=describe(99, "x"),
    type_of_nothing=describe(0, "x"),
    type_of_everything=describe(1, "x"),
    unknown_metrics=describe(16, lambda s: s.missing()),
    metrics_without_a_name=describe(16, ""),
    unknown_group=describe(32, lambda s: s.missing(), "consumer.session.timeout.ms"),
    group_without_a_name=describe(32, ""),
    no_resources=lambda s: {"resources": []},
)


def alter(kind, name, *changes, repeated=1):
    def make(stage):
        named = name if isinstance(name, str) else name(stage)
        # AlterConfigs has no operations.
        names = (
            ("name", "value")
            if len(changes) > 0 and len(changes[0]) == 2
            else ("name", "config_operation", "value")
        )
        configs = [dict(zip(names, change)) for change in changes]
        resource = {"resource_type": kind, "resource_name": named, "configs": configs}
        return {"resources": [resource] * repeated, "validate_only": True}

    return make


def its_name(stage):
    return stage.topic.name


cases(
    "IncrementalAlterConfigs",
    1,
    unknown_topic=alter(2, lambda s: s.missing(), ("retention.ms", 0, "1")),
    invalid_topic_name=alter(2, "a b", ("retention.ms", 0, "1")),
    no_topic_name=alter(2, "", ("retention.ms", 0, "1")),
    unknown_key=alter(2, its_name, ("no.such.key", 0, "1")),
    no_key=alter(2, its_name, ("", 0, "1")),
    value_of_another_type=alter(2, its_name, ("retention.ms", 0, "soon")),
    null_value=alter(2, its_name, ("retention.ms", 0, None)),
    empty_value=alter(2, its_name, ("retention.ms", 0, "")),
    same_key_twice=alter(2, its_name, ("retention.ms", 0, "1"), ("retention.ms", 0, "2")),
    append_to_what_is_no_list=alter(2, its_name, ("retention.ms", 2, "1")),
    append_nothing=alter(2, its_name, ("cleanup.policy", 2, None)),
    append_what_is_there=alter(2, its_name, ("cleanup.policy", 2, "delete")),
    subtract_what_is_not_there=alter(2, its_name, ("cleanup.policy", 3, "compact")),
    subtract_all=alter(2, its_name, ("cleanup.policy", 3, "delete")),
    unknown_operation=alter(2, its_name, ("retention.ms", 9, "1")),
    deletion_of_what_is_not_set=alter(2, its_name, ("retention.ms", 1, None)),
    deletion_of_an_unknown_key=alter(2, its_name, ("no.such.key", 1, None)),
    no_changes=alter(2, its_name),
    resource_named_twice=alter(2, its_name, ("retention.ms", 0, "1"), repeated=2),
    unknown_type=alter(99, "x", ("a", 0, "1")),
    type_of_nothing=alter(0, "x", ("a", 0, "1")),
    key_that_is_only_read=alter(4, "1", ("log.dirs", 0, "/tmp")),
    key_of_the_listeners=alter(4, "1", ("broker.id", 0, "9")),
    unknown_key_of_a_broker=alter(4, "1", ("no.such.key", 0, "1")),
    bad_value_of_a_broker=alter(4, "1", ("log.cleaner.threads", 0, "0")),
    unknown_broker=alter(4, "7", ("log.cleaner.threads", 0, "1")),
    broker_that_is_no_number=alter(4, "one", ("log.cleaner.threads", 0, "1")),
    one_brokers_key_for_all=alter(4, "", ("listeners", 0, "PLAINTEXT://:1")),
    metrics_with_an_unknown_key=alter(16, "m", ("no.such.key", 0, "1")),
    metrics_with_a_bad_value=alter(16, "m", ("interval.ms", 0, "1")),
    metrics_without_a_name=alter(16, "", ("interval.ms", 0, "1000")),
    group_with_an_unknown_key=alter(32, "g", ("no.such.key", 0, "1")),
    group_with_a_value_out_of_bounds=alter(32, "g", ("consumer.session.timeout.ms", 0, "1")),
    group_without_a_name=alter(32, "", ("consumer.session.timeout.ms", 0, "50000")),
)
cases(
    "AlterConfigs",
    2,
    unknown_topic=alter(2, lambda s: s.missing(), ("retention.ms", "1")),
    unknown_key=alter(2, its_name, ("no.such.key", "1")),
    value_of_another_type=alter(2, its_name, ("retention.ms", "soon")),
    null_value=alter(2, its_name, ("retention.ms", None)),
    same_key_twice=alter(2, its_name, ("retention.ms", "1"), ("retention.ms", "2")),
    resource_named_twice=alter(2, its_name, ("retention.ms", "1"), repeated=2),
    unknown_type=alter(99, "x", ("a", "1")),
    unknown_broker=alter(4, "7", ("log.cleaner.threads", "1")),
)
cases("ListConfigResources", 1, unknown_type=lambda s: {"resource_types": [99]})


cases(
    "DescribeProducers",
    0,
    unknown_topic=lambda s: {"topics": [{"name": s.missing(), "partition_indexes": [0]}]},
    invalid_name=lambda s: {"topics": [{"name": "a b", "partition_indexes": [0]}]},
    unknown_partition=lambda s: {"topics": [{"name": s.topic.name, "partition_indexes": [9]}]},
    no_partitions=lambda s: {"topics": [{"name": s.topic.name, "partition_indexes": []}]},
)
cases(
    "ElectLeaders",
    2,
    unknown_topic=lambda s: {
        "topic_partitions": [{"topic": s.missing(), "partitions": [0]}],
        "timeout": 1000,
    },
    unknown_partition=lambda s: {
        "topic_partitions": [{"topic": s.topic.name, "partitions": [9]}],
        "timeout": 1000,
    },
    unclean=lambda s: {
        "topic_partitions": [{"topic": s.topic.name, "partitions": [0]}],
        "timeout": 1000,
        "election_type": 1,
    },
    unknown_type=lambda s: {
        "topic_partitions": [{"topic": s.topic.name, "partitions": [0]}],
        "timeout": 1000,
        "election_type": 9,
    },
    nothing=lambda s: {"topic_partitions": [], "timeout": 1000},
)


def feature(*updates, **body):
    names = ("feature", "max_version_level", "upgrade_type")
    return lambda s: (
        {"feature_updates": [dict(zip(names, each)) for each in updates], "validate_only": True}
        | body
    )


cases(
    "UpdateFeatures",
    1,
    nothing=feature(),
    unknown_feature=feature(("never.made", 1, 1)),
    same_feature_twice=feature(("metadata.version", 30, 1), ("metadata.version", 29, 1)),
    unknown_kind_of_upgrade=feature(("metadata.version", 30, 9)),
    downgrade_by_an_upgrade=feature(("metadata.version", 29, 1)),
    level_0=feature(("metadata.version", 0, 1)),
    negative_level=feature(("metadata.version", -1, 1)),
    no_name=feature(("", 1, 1)),
    one_good_and_one_bad=feature(("metadata.version", 30, 1), ("never.made", 1, 1)),
)
cases("UpdateFeatures", 2, unknown_feature_in_version_2=feature(("never.made", 1, 1)))
cases(
    "DescribeQuorum",
    2,
    unknown_topic=lambda s: {
        "topics": [{"topic_name": "never-made", "partitions": [{"partition_index": 0}]}]
    },
    unknown_partition=lambda s: {
        "topics": [{"topic_name": "__cluster_metadata", "partitions": [{"partition_index": 7}]}]
    },
    no_topics=lambda s: {"topics": []},
)
cases(
    "DescribeCluster",
    2,
    controllers=lambda s: {"endpoint_type": 2},
    unknown_type_of_endpoint=lambda s: {"endpoint_type": 9},
)
cases(
    "ApiVersions",
    4,
    no_name=lambda s: {"client_software_name": "", "client_software_version": "1"},
    blank_in_the_name=lambda s: {"client_software_name": "a b", "client_software_version": "1"},
    dash_at_the_end=lambda s: {"client_software_name": "a", "client_software_version": "1-"},
)
cases(
    "DescribeLogDirs",
    4,
    unknown_topic=lambda s: {"topics": [{"topic": s.missing(), "partitions": [0]}]},
)
cases(
    "AlterReplicaLogDirs",
    2,
    unknown_directory=lambda s: {
        "dirs": [
            {"path": "/no/such/directory", "topics": [{"name": s.missing(), "partitions": [0]}]}
        ]
    },
    relative_directory=lambda s: {
        "dirs": [{"path": "data", "topics": [{"name": s.missing(), "partitions": [0]}]}]
    },
    no_topics=lambda s: {"dirs": [{"path": "/no/such/directory", "topics": []}]},
)
cases(
    "InitProducerId",
    4,
    epoch_without_an_id=lambda s: {"transactional_id": None, "producer_epoch": 3},
)
cases(
    "InitProducerId", 4, id_without_an_epoch=lambda s: {"transactional_id": None, "producer_id": 3}
)


def header(api_key, version, body=b""):
    return struct.pack(">hhih", api_key, version, 1, -1) + body


raw("a frame without a header", b"\0")
raw("an empty frame", b"")
raw("an API that is none", header(999, 0))
raw("an API that went with ZooKeeper", header(6, 0))
raw("Produce in version 2, which is advertised", header(0, 2, struct.pack(">hii", -1, 1000, 0)))
raw("Produce in a version of the future", header(0, 99))
raw("Metadata in a version of the future", header(3, 99, b"\0"))
raw("Metadata in a negative version", header(3, -1))
raw("Metadata that says it has more topics than bytes", header(3, 1, struct.pack(">i", 1 << 30)))
raw("Metadata whose topic's name is cut off", header(3, 1, struct.pack(">ih", 1, 100) + b"a"))
raw("Fetch in version 0", header(1, 0, struct.pack(">iiii", -1, 1, 1, 0)))
