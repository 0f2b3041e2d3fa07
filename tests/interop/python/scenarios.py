"""What every client must be able to do on a broker, written once against a small adapter for each.

An adapter is a class with the methods that are called on `client` here; `Member` says what a member
of a group must have. What a client cannot do is None in its adapter, and is left out.
"""

import sys
import threading
import time
import traceback
from dataclasses import dataclass, field

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
# However slow the machine is, what is waited for comes by then.
LIMIT_S = 60


@dataclass
class Record:
    """A record as it is written and as it is read; only the one that was read has an offset."""

    value: bytes | None
    key: bytes | None = None
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    timestamp_ms: int = 0
    offset: int = field(default=-1, compare=False)


class Member:
    """A member of a group in a thread of its own, which commits after every poll.

    `consumer` is the adapter's: poll() returns values, assigned() says how many partitions it has,
    and there are commit() and close().
    """

    def __init__(self, consumer):
        self.consumer, self.read, self.assigned, self.failure = consumer, [], 0, None
        self.leaving = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.leaving.is_set():
                if records := self.consumer.poll():
                    self.consumer.commit()
                    self.read += records
                self.assigned = self.consumer.assigned()
            self.consumer.close()
        except BaseException as failure:
            traceback.print_exc()
            self.failure = failure

    def leave(self):
        self.leaving.set()
        self.thread.join(LIMIT_S)
        assert not self.thread.is_alive(), "the member does not end"


def now_ms():
    return int(time.time() * 1000)


def wait_until(is_true, what):
    deadline = time.monotonic() + LIMIT_S
    while not (value := is_true()):
        assert time.monotonic() < deadline, f"not in time: {what()}"
        time.sleep(0.02)
    return value


def topics_are_created_and_described(client):
    client.create_topics({"orders": 3, "events": 1}, {"retention.ms": "86400000"})
    assert {"orders", "events"} <= client.topics(), client.topics()
    brokers, controller = client.cluster()
    assert len(brokers) == 1 and controller in brokers, (brokers, controller)
    described = client.describe_topic("orders")
    node = controller
    assert described == [(index, node, [node], [node]) for index in range(3)], described
    configs = client.topic_configs("orders")
    assert configs["retention.ms"] == "86400000", configs
    assert configs["cleanup.policy"] == "delete", configs
    broker = client.broker_configs(controller)
    assert broker["log.retention.hours"] == "168", broker
    error = client.create_topic_error("orders")
    assert error == "TOPIC_ALREADY_EXISTS", error


def records_of_every_codec_come_back_as_they_were_sent(client):
    for idempotent in (False, True):
        for codec in CODECS:
            topic = f"codec-{codec}-{idempotent}"
            client.create_topics({topic: 1}, {"cleanup.policy": "delete"})
            sent = every_kind_of_record(client.null_header)
            offsets = client.produce(topic, sent, codec=codec, idempotent=idempotent)
            assert offsets == list(range(len(sent))), (topic, offsets)
            read = client.read(topic, 0, 0, len(sent))
            assert read == sent, f"{topic}: {first_difference(read, sent)}"
            assert [record.offset for record in read] == offsets, topic


def every_kind_of_record(null_header):
    time_ms = now_ms() - 60_000
    headers = [("trace", b"1"), ("trace", b"2"), ("empty", b""), ("ключ", b"\0\xff")]
    if null_header:
        headers.append(("null", None))
    kinds = [
        Record(b"value only"),
        Record(b"with a key", b"key"),
        Record(None, b"tombstone"),
        Record(b"", b""),
        Record(b"with headers", b"key", headers),
        Record(bytes(range(256)) * 1024, b"large"),
    ]
    kinds += [Record(b"%d" % index, b"key-%d" % (index % 7)) for index in range(200)]
    for index, record in enumerate(kinds):
        record.timestamp_ms = time_ms + index
    return kinds


def first_difference(read, sent):
    if len(read) != len(sent):
        return f"{len(read)} records, not {len(sent)}"
    pairs = zip(read, sent)
    return next(f"{str(a)[:200]} is not {str(b)[:200]}" for a, b in pairs if a != b)


def a_group_of_three_reads_all_once_while_one_leaves(client):
    client.create_topics({"shared": 6}, {"retention.ms": "86400000"})
    members = [Member(client.consumer("readers", "shared")) for _ in range(3)]
    shares(members, [2, 2, 2])
    state, protocol_type, count = client.describe_group("readers")
    assert (state.lower(), protocol_type) == ("stable", "consumer")
    assert count in (None, 3), count
    assert client.groups().get("readers") == "consumer", client.groups()

    produce_to_all(client, "shared", 0, 300)
    all_once(members, 300)
    assert all(member.read for member in members), "a member got nothing"
    members[0].leave()
    produce_to_all(client, "shared", 300, 600)
    all_once(members, 600)
    shares(members[1:], [3, 3])
    for member in members[1:]:
        member.leave()
    assert not failures(members), failures(members)
    assert client.committed("readers", "shared", range(6)) == [100] * 6
    assert client.describe_group("readers")[0].lower() == "empty"

    produce_to_all(client, "shared", 600, 606)
    again = Member(client.consumer("readers", "shared"))
    wait_until(lambda: len(again.read) >= 6, lambda: again.read)
    again.leave()
    # A new member that went on from the commit sees what came after it, and nothing twice.
    all_once([*members, again], 606)


def shares(members, expected):
    wait_until(
        lambda: sorted(member.assigned for member in members) == expected,
        lambda: [(member.assigned, member.failure) for member in members],
    )


def produce_to_all(client, topic, start, end):
    for partition in range(6):
        numbers = range(start + partition, end, 6)
        client.produce(topic, numbered(numbers), partition=partition)


def numbered(numbers):
    return [Record(b"%d" % number, timestamp_ms=now_ms()) for number in numbers]


def all_once(members, count):
    def read():
        return [int(value) for member in members for value in member.read]

    wait_until(
        lambda: len(read()) >= count, lambda: f"{len(read())} of {count}: {failures(members)}"
    )
    assert sorted(read()) == list(range(count)), "something came twice"


def failures(members):
    return [member.failure for member in members if member.failure]


def offsets_are_found_by_time(client):
    client.create_topics({"timed": 1}, {"retention.ms": "86400000"})
    start = now_ms() - 100_000
    records = [Record(b"%d" % n, timestamp_ms=start + n * 1000) for n in range(20)]
    for half in (records[:10], records[10:]):
        client.produce("timed", half)
    assert client.offsets("timed", 0) == (0, 20)
    for after_ms, expected in ((-5000, 0), (0, 0), (2500, 3), (12_000, 12), (19_001, None)):
        assert client.offset_at("timed", 0, start + after_ms) == expected, after_ms
    assert client.read("timed", 0, 12, 8) == records[12:]
    if client.max_timestamp_offset:
        assert client.max_timestamp_offset("timed", 0) == 19


def records_topics_and_groups_are_deleted(client):
    client.create_topics({"short": 1}, {"retention.ms": "86400000"})
    client.produce("short", numbered(range(10)))
    assert client.delete_records("short", 0, 4) == 4
    assert client.offsets("short", 0) == (4, 10)
    assert [int(record.value) for record in client.read("short", 0, 4, 6)] == list(range(4, 10))
    if client.delete_group:
        client.delete_group("readers")
        assert "readers" not in client.groups()
    client.delete_topics(["short", "shared"])
    wait_until(lambda: not {"short", "shared"} & client.topics(), client.topics)


def transactions_are_seen_whole_or_not_at_all(client):
    client.create_topics({"ledger": 1, "inbox": 1}, {})
    writer = client.writer("a-writer")
    for number in range(6):
        writer.begin()
        for part in range(2):
            writer.send("ledger", b"%d/%d" % (number, part))
        writer.send_offset("movers", "inbox", number)
        if number % 2 == 0:
            writer.commit()
        else:
            writer.abort()
    committed = [b"%d/%d" % (number, part) for number in (0, 2, 4) for part in range(2)]
    assert client.read_committed("ledger", len(committed)) == committed
    assert client.committed("movers", "inbox", [0]) == [4]

    successor = client.writer("a-writer")
    error = writer.error_of(lambda: transact(writer, "ledger", b"too late"))
    error = error.replace("_", "").lower()
    assert "fenced" in error or "invalidproducerepoch" in error, error
    transact(successor, "ledger", b"after")
    committed.append(b"after")
    assert client.read_committed("ledger", len(committed)) == committed
    writer.close()
    successor.close()


def transact(writer, topic, value):
    writer.begin()
    writer.send(topic, value)
    writer.commit()


def a_transaction_that_takes_too_long_is_aborted(client):
    client.create_topics({"late": 1}, {})
    writer = client.writer("a-slow-writer", timeout_s=3)
    writer.begin()
    writer.send("late", b"never")
    writer.flush()
    client.produce("late", numbered([1]))
    # It holds nobody up for longer.
    assert client.read_committed("late", 1) == [b"1"]
    assert writer.error_of(writer.commit) != "none"
    successor = client.writer("a-slow-writer")
    transact(successor, "late", b"in time")
    assert client.read_committed("late", 2) == [b"1", b"in time"]
    writer.close()
    successor.close()


SCENARIOS = (
    topics_are_created_and_described,
    records_of_every_codec_come_back_as_they_were_sent,
    a_group_of_three_reads_all_once_while_one_leaves,
    offsets_are_found_by_time,
    records_topics_and_groups_are_deleted,
    transactions_are_seen_whole_or_not_at_all,
    a_transaction_that_takes_too_long_is_aborted,
)


def main(make_client):
    """Runs every scenario, or those named from argv[2] on, on the broker at argv[1]."""
    client = make_client(sys.argv[1])
    chosen = [run for run in SCENARIOS if run.__name__ in (sys.argv[2:] or run.__name__)]
    failed = 0
    for run in chosen:
        start = time.monotonic()
        try:
            run(client)
            print(f"ok {run.__name__} in {time.monotonic() - start:.1f} s", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED {run.__name__}\n{traceback.format_exc()}", flush=True)
    client.close()
    print(f"{len(chosen) - failed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)
