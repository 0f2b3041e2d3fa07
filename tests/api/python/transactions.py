"""Tests of the APIs of transactions."""

from suite import TIME_MS, api, batch, batches, expect
from wire import error

# The highest version of each API in which partitions are added by AddPartitionsToTxn; newer ones add them by themselves (KIP-890).
PRODUCE_V1, OFFSETS_V1, END_V1 = 11, 4, 4


def begin(world, version=5):
    """A transactional id, its producer id and epoch."""
    name = world.fresh("writer")
    body = {
        "transactional_id": name,
        "transaction_timeout": 60_000,
        "producer_id": -1,
        "producer_epoch": -1,
    }
    ask = lambda: world.call("InitProducerId", version, **body)
    answer = world.until(lambda: (it := ask()).error_code == 0 and it, "the coordinator is there")
    return {
        "transactional_id": name,
        "producer_id": answer.producer_id,
        "producer_epoch": answer.producer_epoch,
    }


def ids(writer):
    return writer["producer_id"], writer["producer_epoch"]


def add(world, version, writer, topic, partitions=(0,)):
    """Adds partitions; returns the errors."""
    topics = [{"name": topic.name, "partitions": list(partitions)}]
    body = {f"v3_and_below_{name}": value for name, value in writer.items()}
    transactions = [dict(writer, verify_only=False, topics=topics)]
    ask = lambda: world.call(
        "AddPartitionsToTxn", version, v3_and_below_topics=topics, transactions=transactions, **body
    )

    def codes():
        answer = ask()
        if version >= 4:
            expect(answer, error_code=0)
            (transaction,) = answer.results_by_transaction
            expect(transaction, transactional_id=writer["transactional_id"])
            results = transaction.topic_results
        else:
            results = answer.results_by_topic_v3_and_below
        (result,) = results
        expect(result, name=topic.name)
        return {
            each.partition_index: error(each.partition_error_code)
            for each in result.results_by_partition
        }

    # The end of the transaction before may not have been written yet.
    done = lambda: (it := codes()) and "CONCURRENT_TRANSACTIONS" not in it.values() and it
    return world.until(done, "the transaction before has ended")


def write(world, writer, topic, sequence, *texts, version=PRODUCE_V1):
    records = batch(*texts, producer=(*ids(writer), sequence), attributes=16)
    data = [{"index": 0, "records": records}]
    topics = [{"name": topic.name, "topic_id": topic.id, "partition_data": data}]
    body = {
        "transactional_id": writer["transactional_id"],
        "acks": -1,
        "timeout": 10_000,
        "topic_data": topics,
    }
    ask = lambda: world.call("Produce", version, **body).responses[0].partition_responses[0]
    done = lambda: (it := ask()) and error(it.error_code) != "CONCURRENT_TRANSACTIONS" and it
    answer = world.until(done, "the transaction before has ended")
    expect(answer, error_code=0)
    return answer


def end(world, version, writer, committed):
    answer = world.call("EndTxn", version, **writer, committed=committed)
    expect(answer, error_code=0)
    return answer


def stable(world, topic, end):
    """The batches up to `end`, when all of it is stable, and what of it is aborted."""
    fetch = lambda offset: world.fetch(topic, offset=offset, isolation_level=1, max_wait=1)
    world.until(lambda: fetch(0).last_stable_offset == end, "all is stable")
    found, offset, aborted = [], 0, []
    while offset < end:
        part = fetch(offset)
        found += batches(part.records)
        aborted += [(each.producer_id, each.first_offset) for each in part.aborted_transactions]
        offset = found[-1].base_offset + found[-1].last_offset_delta + 1
    return found, set(aborted)


@api("AddPartitionsToTxn")
def partitions_are_added(world, version):
    topic, writer = world.topic(partitions=2), begin(world)
    assert add(world, version, writer, topic, (0, 1)) == {0: "NONE", 1: "NONE"}
    write(world, writer, topic, 0, b"a")
    assert world.fetch(topic, isolation_level=1, max_wait=1).last_stable_offset == 0
    end(world, END_V1, writer, committed=True)
    world.until(
        lambda: world.end(topic, partition=1) == 1, "the marker is written to both partitions"
    )
    fenced = dict(writer, producer_epoch=writer["producer_epoch"] + 5)
    assert set(add(world, version, fenced, topic).values()) <= {
        "INVALID_PRODUCER_EPOCH",
        "PRODUCER_FENCED",
    }


@api("EndTxn")
def transactions_are_committed_and_aborted(world, version):
    for committed in (True, False):
        topic, writer = world.topic(), begin(world)
        produce = 12 if version >= 5 else PRODUCE_V1
        if version < 5:
            add(world, 3, writer, topic)
        write(world, writer, topic, 0, b"a", b"b", version=produce)
        answer = end(world, version, writer, committed)
        if version >= 5:
            # Each transaction has an epoch of its own (KIP-890).
            expect(
                answer,
                producer_id=writer["producer_id"],
                producer_epoch=writer["producer_epoch"] + 1,
            )
        # Aborted records come as well, with the list of what to leave out, and the marker at their end.
        (records, marker), aborted = stable(world, topic, 3)
        assert aborted == (set() if committed else {(writer["producer_id"], 0)})
        assert [record.value for record in records.records] == [b"a", b"b"]
        assert marker.attributes & 0x30 == 0x30 and marker.base_offset == 2
        (control,) = marker.records
        assert control.key == bytes((0, 0, 0, committed)), control


@api("AddOffsetsToTxn")
def group_is_added(world, version):
    topic, writer, group = world.topic(), begin(world), world.fresh("group")
    answer = world.call("AddOffsetsToTxn", version, **writer, group_id=group)
    expect(answer, error_code=0)
    assert commit(world, 2, writer, group, topic) == "NONE"
    assert world.committed(group, topic) == -1
    end(world, END_V1, writer, committed=True)
    world.until(lambda: world.committed(group, topic) == 6, "the offset is committed")


def commit(world, version, writer, group, topic):
    partition = {
        "partition_index": 0,
        "committed_offset": 6,
        "committed_metadata": "in a transaction",
    }
    topics = [{"name": topic.name, "partitions": [partition]}]
    body = dict(writer, group_id=group, topics=topics, generation_id=-1)
    ask = lambda: world.call("TxnOffsetCommit", version, **body).topics[0].partitions[0]
    done = lambda: (it := error(ask().error_code)) != "CONCURRENT_TRANSACTIONS" and it
    return world.until(done, "the transaction before has ended")


@api("TxnOffsetCommit")
def offsets_are_committed_with_the_transaction(world, version):
    topic = world.topic()
    for committed in (True, False):
        writer, group = begin(world), world.fresh("group")
        if version <= OFFSETS_V1:
            expect(world.call("AddOffsetsToTxn", 3, **writer, group_id=group), error_code=0)
        assert commit(world, version, writer, group, topic) == "NONE"
        assert world.committed(group, topic) == -1
        end(world, 5 if version > OFFSETS_V1 else END_V1, writer, committed)
        world.until(lambda: not unstable(world, group, topic), "the transaction has ended")
        assert world.committed(group, topic) == (6 if committed else -1)


def unstable(world, group, topic):
    groups = [{"group_id": group, "topics": [{"name": topic.name, "partition_indexes": [0]}]}]
    (answer,) = world.call("OffsetFetch", 8, groups=groups, require_stable=True).groups
    return error(answer.topics[0].partitions[0].error_code) == "UNSTABLE_OFFSET_COMMIT"


@api("DescribeTransactions")
def transactions_are_described(world, version):
    topic, writer, missing = world.topic(partitions=2), begin(world), world.fresh("missing")
    add(world, 3, writer, topic, (0, 1))
    wanted = [writer["transactional_id"], missing]
    answer = world.call("DescribeTransactions", version, transactional_ids=wanted)
    states = {each.transactional_id: each for each in answer.transaction_states}
    state = states[writer["transactional_id"]]
    expect(state, error_code=0, transaction_state="Ongoing", transaction_timeout=60_000)
    expect(state, producer_id=writer["producer_id"], producer_epoch=writer["producer_epoch"])
    assert state.transaction_start_time > TIME_MS
    (found,) = state.topics
    expect(found, topic=topic.name)
    assert sorted(found.partitions) == [0, 1]
    assert error(states[missing].error_code) == "TRANSACTIONAL_ID_NOT_FOUND"
    end(world, END_V1, writer, committed=False)


@api("ListTransactions")
def transactions_are_listed(world, version):
    topic, writer = world.topic(), begin(world)
    name = writer["transactional_id"]
    add(world, 3, writer, topic)

    def listed(**filters):
        answer = world.call("ListTransactions", version, **filters)
        expect(answer, error_code=0)
        return {each.transactional_id: each for each in answer.transaction_states}

    expect(listed()[name], producer_id=writer["producer_id"], transaction_state="Ongoing")
    assert name in listed(state_filters=["Ongoing"], producer_id_filters=[writer["producer_id"]])
    assert name not in listed(state_filters=["Empty"])
    if version >= 1:
        assert name not in listed(duration_filter=3_600_000)
    if version >= 2:
        assert set(listed(transactional_id_pattern=name[:-1] + ".")) >= {name}
        assert name not in listed(transactional_id_pattern="nothing.*")
    answer = world.call("ListTransactions", version, state_filters=["NoSuchState"])
    expect(answer, error_code=0, unknown_state_filters=["NoSuchState"])
    end(world, END_V1, writer, committed=False)


@api("WriteTxnMarkers")
def markers_are_written(world, version):
    topic, writer = world.topic(), begin(world)
    add(world, 3, writer, topic)
    write(world, writer, topic, 0, b"a")
    marker = {
        "producer_id": writer["producer_id"],
        "producer_epoch": writer["producer_epoch"],
        "transaction_result": False,
        "coordinator_epoch": 0,
        "topics": [{"name": topic.name, "partition_indexes": [0]}],
    }
    (written,) = world.call("WriteTxnMarkers", version, markers=[marker]).markers
    expect(written, producer_id=writer["producer_id"])
    expect(written.topics[0], name=topic.name)
    expect(written.topics[0].partitions[0], partition_index=0, error_code=0)
    (records, marker), aborted = stable(world, topic, 2)
    assert (len(records.records), aborted) == (1, {(writer["producer_id"], 0)})
    end(world, END_V1, writer, committed=False)
