"""Requests that a broker has to refuse, or that are odd: about transactions."""

from comparison import NO_ID, Named, cases
from suite import batch
from transactions import add, begin, ids

UNKNOWN = {"transactional_id": "never-begun", "producer_id": 77, "producer_epoch": 0}


def init(**body):
    base = {"transactional_id": "writer", "transaction_timeout": 60_000}
    return lambda stage: base | body


cases(
    "InitProducerId",
    5,
    no_transactional_id=init(transactional_id=""),
    no_time=init(transaction_timeout=0),
    negative_time=init(transaction_timeout=-1),
    too_much_time=init(transaction_timeout=900_001),
    id_without_an_epoch_of_a_transaction=init(transactional_id="writer", producer_id=3),
    epoch_without_an_id_of_a_transaction=init(transactional_id="writer", producer_epoch=3),
    unknown_producer=lambda s: init(
        transactional_id=s.missing("writer"), producer_id=77, producer_epoch=3
    )(s),
)


def partitions(writer=None, topic=None, partition=0, **changed):
    """A request in version 3, by a writer that is begun or another."""

    def make(stage):
        who = (writer or begin(stage.world)) if not callable(writer) else writer(stage)
        named = topic(stage) if topic else stage.topic
        body = {f"v3_and_below_{name}": value for name, value in (who | changed).items()}
        return body | {
            "v3_and_below_topics": [{"name": named.name, "partitions": [partition]}],
        }

    return make


cases(
    "AddPartitionsToTxn",
    3,
    unknown_transactional_id=partitions(UNKNOWN),
    no_transactional_id=partitions(UNKNOWN | {"transactional_id": ""}),
    other_producer=partitions(producer_id=99_999),
    epoch_of_the_future=partitions(producer_epoch=9),
    unknown_topic=partitions(topic=lambda s: Named(s.missing())),
    unknown_partition=partitions(partition=9),
    internal_topic=partitions(topic=lambda s: Named("__consumer_offsets")),
)


def offsets(group="group-of-a-writer", **changed):
    return lambda stage: begin(stage.world) | {"group_id": group} | changed


cases(
    "AddOffsetsToTxn",
    4,
    unknown_transactional_id=lambda s: UNKNOWN | {"group_id": "group"},
    no_transactional_id=offsets(transactional_id=""),
    no_group=offsets(group=""),
    other_producer=offsets(producer_id=99_999),
    epoch_of_the_future=offsets(producer_epoch=9),
)


def end(**changed):
    return lambda stage: begin(stage.world) | {"committed": True} | changed


def end_of_begun(**changed):
    """The end of a transaction that has a partition."""

    def make(stage):
        writer = begin(stage.world)
        add(stage.world, 3, writer, stage.written)
        return writer | {"committed": False} | changed

    return make


cases(
    "EndTxn",
    4,
    unknown_transactional_id=lambda s: UNKNOWN | {"committed": True},
    no_transactional_id=end(transactional_id=""),
    nothing_to_commit=end(),
    nothing_to_abort=end(committed=False),
    other_producer=end_of_begun(producer_id=99_999),
    epoch_of_the_future=end_of_begun(producer_epoch=9),
)
cases(
    "EndTxn",
    5,
    nothing_to_commit_in_version_5=end(),
    nothing_to_abort_in_version_5=end(committed=False),
)


def commit(topic=None, partition=0, metadata="", **changed):
    def make(stage):
        named = topic(stage) if topic else stage.topic
        offset = {
            "partition_index": partition,
            "committed_offset": 1,
            "committed_metadata": metadata,
        }
        topics = [{"name": named.name, "partitions": [offset]}]
        base = {"group_id": stage.missing("group"), "topics": topics, "generation_id": -1}
        return begin(stage.world) | base | changed

    return make


cases(
    "TxnOffsetCommit",
    3,
    unknown_topic=commit(topic=lambda s: Named(s.missing())),
    unknown_partition=commit(partition=9),
    large_metadata=commit(metadata="m" * 4097),
    no_group=commit(group_id=""),
    unknown_member=commit(member_id="nobody", generation_id=1),
    generation_without_a_member=commit(generation_id=4),
)
cases(
    "TxnOffsetCommit",
    5,
    unknown_transactional_id_in_version_5=commit(transactional_id="never-begun", producer_id=77),
    epoch_of_the_future_in_version_5=commit(producer_epoch=9),
)


def write(topic=None, writer=None, **changed):
    """Records of a transaction to which the partition was not added."""

    def make(stage):
        who = (writer or begin(stage.world)) | changed
        records = batch(b"a", producer=(*ids(who), 0), attributes=16)
        named = topic(stage) if topic else stage.written
        data = [{"index": 0, "records": records}]
        topics = [{"name": named.name, "topic_id": named.id, "partition_data": data}]
        name = who["transactional_id"]
        return {"transactional_id": name, "acks": -1, "timeout": 5000, "topic_data": topics}

    return make


cases(
    "Produce",
    11,
    partition_that_was_not_added=write(),
    transaction_that_is_unknown=write(writer=UNKNOWN),
    transaction_with_another_epoch=write(producer_epoch=7),
)
cases(
    "Produce",
    12,
    transaction_that_is_unknown_in_version_12=write(writer=UNKNOWN),
    transaction_with_another_epoch_in_version_12=write(producer_epoch=7),
)
cases(
    "DescribeTransactions",
    0,
    no_name=lambda s: {"transactional_ids": [""]},
    unknown_name=lambda s: {"transactional_ids": ["never-described"]},
    nothing=lambda s: {"transactional_ids": []},
)
cases(
    "ListTransactions",
    2,
    unknown_state=lambda s: {"state_filters": ["Confused"]},
    bad_pattern=lambda s: {"transactional_id_pattern": "["},
    unknown_producer=lambda s: {"producer_id_filters": [987_654]},
)


def marker(topic, partition, **changed):
    def make(stage):
        base = {"producer_id": 987_654, "producer_epoch": 0, "transaction_result": True}
        topics = [{"name": topic(stage).name, "partition_indexes": [partition]}]
        return {"markers": [base | {"coordinator_epoch": 0, "topics": topics} | changed]}

    return make


cases(
    "WriteTxnMarkers",
    1,
    unknown_topic=marker(lambda s: Named(s.missing(), NO_ID), 0),
    unknown_partition=marker(lambda s: s.topic, 9),
)
