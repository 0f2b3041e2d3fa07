"""Tests of the APIs about records and offsets."""

import time

from suite import (
    TIME_MS,
    api,
    batch,
    batches,
    expect,
    fetch_body,
    produce_body,
    values,
)
from wire import error


@api("Produce")
def records_are_appended(world, version):
    topic = world.topic(partitions=2)
    records = batch(b"one", None, b"", headers=[(b"trace", b"1"), (b"null", None)])
    for offset in (0, 3):
        answer = world.produce(topic, records, version, partition=1)
        expect(answer, index=1, error_code=0, base_offset=offset, log_append_time=None)
        if version >= 5:
            expect(answer, log_start_offset=0)
        if version >= 8:
            expect(answer, record_errors=[], error_message=None)
        if version >= 10:
            expect(answer.current_leader, leader_id=-1, leader_epoch=-1)
    first, second = batches(world.fetch(topic, partition=1).records)
    assert (first.base_offset, second.base_offset, first.partition_leader_epoch) == (0, 3, 0)
    assert [record.value for record in first.records] == [b"one", None, b""]
    headers = [(header.key, header.value) for header in first.records[0].headers]
    assert headers == [(b"trace", b"1"), (b"null", None)], headers
    assert (first.base_timestamp, first.max_timestamp) == (TIME_MS, TIME_MS + 2000)


@api("Produce")
def records_without_an_answer_are_appended(world, version):
    topic = world.topic()
    connection = world.connect()
    connection.send("Produce", version, **produce_body(topic, batch(b"silent"), acks=0))
    # The next answer on this connection is not for the produce request.
    expect(connection.call("Metadata", 1, topics=[]), topics=[])
    connection.close()
    world.until(lambda: world.end(topic) == 1, "the record is there")
    assert world.produce(topic, batch(b"heard"), version, acks=1).base_offset == 1


@api("Produce")
def log_append_time_is_the_brokers(world, version):
    topic = world.topic(message_timestamp_type="LogAppendTime")
    before = int(time.time() * 1000)
    answer = world.produce(topic, batch(b"timed"), version)
    assert before <= answer.log_append_time <= time.time() * 1000, answer
    (read,) = batches(world.fetch(topic).records)
    assert (read.max_timestamp, read.attributes & 8) == (answer.log_append_time, 8), read


@api("Fetch")
def records_are_fetched(world, version):
    topic = world.topic()
    for value in (b"a", b"b", b"c"):
        world.produce(topic, batch(value, value.upper()))
    answer = world.fetch(topic, version)
    expect(answer, partition_index=0, error_code=0, high_watermark=6, last_stable_offset=6)
    assert values(answer.records) == [b"a", b"A", b"b", b"B", b"c", b"C"]
    if version >= 5:
        expect(answer, log_start_offset=0)
    if version >= 11:
        expect(answer, preferred_read_replica=-1)
    if version >= 12:
        expect(answer.diverging_epoch, epoch=-1, end_offset=-1)
    # A batch is never cut: it comes whole if the offset lies within it.
    assert values(world.fetch(topic, version, offset=3).records) == [b"b", b"B", b"c", b"C"]
    committed = world.fetch(topic, version, offset=4, isolation_level=1)
    expect(committed, error_code=0, aborted_transactions=[])
    assert values(committed.records) == [b"c", b"C"]
    # The first batch comes even if it is larger than what was asked for.
    assert values(world.fetch(topic, version, max_bytes=1).records) == [b"a", b"A"]
    at_end = world.fetch(topic, version, offset=6, max_wait=10)
    expect(at_end, error_code=0, high_watermark=6)
    assert not at_end.records


@api("Fetch")
def fetch_waits_for_records(world, version):
    topic = world.topic()
    waiting = world.connect()
    waiting.send("Fetch", version, **fetch_body(topic) | {"max_wait": 600_000})
    world.produce(topic, batch(b"at last"))
    # Nobody waits for as long as the fetch may: it is the record that ends it.
    answer = waiting.receive("Fetch", version)
    waiting.close()
    assert values(answer.responses[0].partitions[0].records) == [b"at last"]


@api("Fetch")
def fetch_session_tells_what_is_new(world, version):
    if version < 7:
        # There are no sessions yet.
        return world.fetch(world.topic(), version, max_wait=1)
    topic = world.topic(partitions=2)
    world.produce(topic, batch(b"first"))
    body = fetch_body(topic) | {"session_epoch": 0, "max_wait": 1}
    body["topics"][0]["partitions"].append(dict(body["topics"][0]["partitions"][0], partition=1))
    full = world.call("Fetch", version, **body)
    expect(full, error_code=0)
    assert full.session_id != 0
    assert sorted(p.partition_index for p in full.responses[0].partitions) == [0, 1]
    session = {"session_id": full.session_id, "topics": [], "max_wait": 1, "replica_id": -1}
    # The session knows the offset that was asked for last, so what was sent comes again.
    again = world.call("Fetch", version, **session, session_epoch=1)
    assert [p.partition_index for p in again.responses[0].partitions] == [0], again
    body["topics"][0]["partitions"] = [dict(body["topics"][0]["partitions"][0], fetch_offset=1)]
    nothing = world.call("Fetch", version, **session | {"topics": body["topics"]}, session_epoch=2)
    expect(nothing, error_code=0, session_id=full.session_id, responses=[])
    world.produce(topic, batch(b"second"), partition=1)
    news = world.call("Fetch", version, **session, session_epoch=3)
    (partition,) = news.responses[0].partitions
    assert (partition.partition_index, values(partition.records)) == (1, [b"second"])
    forgotten = [{"topic": topic.name, "topic_id": topic.id, "partitions": [1]}]
    less = world.call("Fetch", version, **session, session_epoch=4, forgotten_topics_data=forgotten)
    expect(less, error_code=0, responses=[])
    stale = world.call("Fetch", version, **session, session_epoch=4)
    assert error(stale.error_code) == "INVALID_FETCH_SESSION_EPOCH"
    closed = world.call("Fetch", version, **session, session_epoch=-1)
    expect(closed, error_code=0, responses=[])
    gone = world.call("Fetch", version, **session, session_epoch=5)
    assert error(gone.error_code) == "FETCH_SESSION_ID_NOT_FOUND"


@api("ListOffsets")
def offsets_are_found(world, version):
    topic = world.topic()
    world.produce(topic, batch(b"a", b"b", b"c", start_ms=TIME_MS))
    world.produce(topic, batch(b"d", b"e", start_ms=TIME_MS + 10_000))
    second = 1000
    expected = {-1: (5, -1), -2: (0, -1), TIME_MS + 2 * second: (2, TIME_MS + 2 * second)}
    expected |= {TIME_MS + 3 * second: (3, TIME_MS + 10 * second), TIME_MS - second: (0, TIME_MS)}
    expected |= {TIME_MS + 99 * second: (-1, -1)}
    # The last timestamp, the local log's start, the last tiered offset, the next to be tiered.
    since = {
        -3: (7, (4, TIME_MS + 11 * second)),
        -4: (8, (0, -1)),
        -5: (9, (-1, -1)),
        -6: (11, (-1, -1)),
    }
    expected |= {time: found for time, (first, found) in since.items() if first <= version}
    for timestamp, (offset, found) in expected.items():
        topics = [
            {"name": topic.name, "partitions": [{"partition_index": 0, "timestamp": timestamp}]}
        ]
        answer = world.call("ListOffsets", version, replica_id=-1, topics=topics, timeout=1000)
        (partition,) = answer.topics[0].partitions
        expect(partition, partition_index=0, error_code=0, offset=offset, timestamp=found)
        if version >= 4:
            expect(partition, leader_epoch=0 if offset >= 0 else -1)


@api("OffsetForLeaderEpoch")
def epoch_ends_at_the_log_end(world, version):
    topic = world.topic()
    world.produce(topic, batch(b"a", b"b"))
    for epoch, current, expected in ((0, 0, (0, 0, 2)), (0, -1, (0, 0, 2)), (5, 0, (0, -1, -1))):
        wanted = {"partition": 0, "leader_epoch": epoch, "current_leader_epoch": current}
        topics = [{"topic": topic.name, "partitions": [wanted]}]
        answer = world.call("OffsetForLeaderEpoch", version, replica_id=-1, topics=topics)
        (found,) = answer.topics[0].partitions
        code, leader_epoch, end = expected
        expect(found, partition=0, error_code=code, leader_epoch=leader_epoch, end_offset=end)


@api("DeleteRecords")
def records_are_deleted(world, version):
    topic = world.topic()
    world.produce(topic, batch(b"a", b"b", b"c"))
    for wanted, low in ((2, 2), (1, 2), (-1, 3)):
        topics = [{"name": topic.name, "partitions": [{"partition_index": 0, "offset": wanted}]}]
        answer = world.call("DeleteRecords", version, topics=topics, timeout=5000)
        (deleted,) = answer.topics[0].partitions
        expect(deleted, partition_index=0, error_code=0, low_watermark=low)
        assert world.end(topic, timestamp=-2) == low
    early = world.call("Fetch", 12, **fetch_body(topic, offset=1)).responses[0].partitions[0]
    assert error(early.error_code) == "OFFSET_OUT_OF_RANGE"


@api("InitProducerId")
def producer_ids_are_new(world, version):
    ids = []
    for _ in range(2):
        answer = world.call("InitProducerId", version, transactional_id=None, transaction_timeout=1)
        expect(answer, error_code=0, producer_epoch=0)
        ids.append(answer.producer_id)
    assert 0 <= ids[0] < ids[1], ids
    topic = world.topic()
    first = batch(b"a", b"b", producer=(ids[1], 0, 0))
    expect(world.produce(topic, first), error_code=0, base_offset=0)
    # The same batch again is not appended again.
    expect(world.produce(topic, first), error_code=0, base_offset=0)
    gap = world.produce(topic, batch(b"d", producer=(ids[1], 0, 9)))
    assert error(gap.error_code) == "OUT_OF_ORDER_SEQUENCE_NUMBER"
    expect(world.produce(topic, batch(b"c", producer=(ids[1], 0, 2))), error_code=0, base_offset=2)
    assert values(world.fetch(topic).records) == [b"a", b"b", b"c"]


@api("DescribeProducers")
def producers_are_described(world, version):
    topic = world.topic()
    producer_id = world.producer_id()
    world.produce(topic, batch(b"a", b"b", producer=(producer_id, 0, 0)))
    topics = [{"name": topic.name, "partition_indexes": [0]}]
    (partition,) = world.call("DescribeProducers", version, topics=topics).topics[0].partitions
    expect(partition, partition_index=0, error_code=0, error_message=None)
    (producer,) = partition.active_producers
    expect(producer, producer_id=producer_id, producer_epoch=0, last_sequence=1)
    expect(
        producer, last_timestamp=TIME_MS + 1000, coordinator_epoch=-1, current_txn_start_offset=-1
    )
