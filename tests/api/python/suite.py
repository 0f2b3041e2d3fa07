"""What the tests of the APIs share: the table that they register in, and the broker that they ask.

A test takes a `World` and a version, is called for each version of its API, and asserts on the answer:

    @api("ListOffsets")
    def offsets_are_found(world, version): ...

An API that a broker advertises, but that no test asks in each of its versions, fails the run.
"""

import inspect
import io
import pathlib
import struct
import sys
import time
import traceback
from dataclasses import dataclass, field

from kio.records.readers import read_batch
from kio.records.schema import NewRecordBatch, Record, RecordHeader
from kio.records.writers import write_new_batch

import wire
from wire import EPOCH, error

TESTS = {}
# However slow the machine is, what is waited for comes by then.
LIMIT_S = 60
# All timestamps of records are whole seconds: kio reads them so.
TIME_MS = 1_700_000_000_000


def subscription(*topics):
    """What a consumer says when it joins, in its protocol's version 0; Kafka's coordinator reads it."""
    names = b"".join(struct.pack(">h", len(topic)) + topic.encode() for topic in topics)
    return struct.pack(">hi", 0, len(topics)) + names + struct.pack(">i", -1)


SUBSCRIBED = subscription("subscribed")


def api(name):
    """Registers a test of an API."""

    def register(test):
        TESTS.setdefault(name, []).append(test)
        return test

    return register


def table(ottla, kafka=None):
    """The table of what Ottla advertises and what asks it, and of what it lacks of Kafka's."""
    yield "| key | API | versions | tests |"
    yield "|---|---|---|---|"
    for name in sorted(ottla.advertised, key=wire.API_KEYS.get):
        first, last = ottla.advertised[name]
        tests = [f"`{place(test)}`" for test in TESTS.get(name, [])]
        if missing := set(range(first, last + 1)) - set(wire.versions(name)):
            tests.append(
                f"of the versions {sorted(missing)}, which kio does not have: `bad_requests`"
            )
        yield f"| {wire.API_KEYS[name]} | {name} | {first}–{last} | {', '.join(tests)} |"
    if kafka:
        lacking = sorted(set(kafka.advertised) - set(ottla.advertised), key=wire.API_KEYS.get)
        yield ""
        yield (
            "Advertised by Apache Kafka 4.3.1 and not, or not yet, by Ottla: "
            + (", ".join(lacking) or "nothing")
            + "."
        )


def place(test):
    return f"{pathlib.Path(inspect.getfile(test)).stem}.{test.__name__}"


@dataclass
class Topic:
    name: str
    id: object
    partitions: int


@dataclass
class Member:
    """A member of a classic group, after the join."""

    group: str
    id: str
    generation: int
    answer: object = field(repr=False)


class World:
    """A broker, and what tests make on it. The same tests make the same names on each broker."""

    def __init__(self, name, address, run):
        self.name, self.address, self.run = name, address, run
        self.asked = set()
        self.connection = self.connect()
        self.count = 0
        answer = self.call("ApiVersions", 0)
        names = {key: name for name, key in wire.API_KEYS.items()}
        self.advertised = {
            names[each.api_key]: (each.min_version, each.max_version) for each in answer.api_keys
        }

    def warm_up(self):
        """Waits until the coordinators and the producer ids of a broker that has just started are there."""
        codes = lambda: {
            self.newest("FindCoordinator", coordinator_keys=["any"]).coordinators[0].error_code,
            self.call("InitProducerId", 4, transactional_id=None, transaction_timeout=1).error_code,
            self.call("OffsetFetch", 2, group_id="any", topics=None).error_code,
        }
        self.until(lambda: codes() == {0}, "the coordinators are there")

    def call(self, api, version, /, **body):
        return self.connection.call(api, version, **body)

    def newest(self, api, /, **body):
        """Asks in the newest version that both the broker and kio have."""
        return self.call(api, self.advertised[api][1], **body)

    def connect(self):
        return wire.Connection(self.address, self.asked)

    def fresh(self, word):
        """A name that nobody has used, also in an earlier run."""
        self.count += 1
        return f"{word}-{self.run}-{self.count}"

    def topic(self, partitions=1, **configs):
        """A new topic, which can be written to."""
        name = self.fresh("topic")
        entries = [
            {"name": key.replace("_", "."), "value": value} for key, value in configs.items()
        ]
        wanted = {
            "name": name,
            "num_partitions": partitions,
            "replication_factor": 1,
            "configs": entries,
        }
        answer = self.newest("CreateTopics", topics=[wanted], timeout=10_000)
        expect(answer.topics[0], error_code=0)
        topic = Topic(name, answer.topics[0].topic_id, partitions)
        for partition in range(partitions):
            self.until(lambda: self.end(topic, partition) == 0, f"{name}-{partition} is there")
        return topic

    def end(self, topic, partition=0, timestamp=-1, version=6):
        """The offset that ListOffsets finds; None if it has an error."""
        wanted = {"partition_index": partition, "timestamp": timestamp}
        topics = [{"name": topic.name, "partitions": [wanted]}]
        answer = self.call("ListOffsets", version, replica_id=-1, topics=topics)
        found = answer.topics[0].partitions[0]
        return found.offset if found.error_code == 0 else None

    def until(self, is_true, what):
        deadline = time.monotonic() + LIMIT_S
        while not (value := is_true()):
            assert time.monotonic() < deadline, f"not in time: {what}"
            time.sleep(0.01)
        return value

    def produce(self, topic, records, version=12, partition=0, acks=-1):
        """The answer for one partition to records, which are `batch`es."""
        return (
            self.call("Produce", version, **produce_body(topic, records, partition, acks))
            .responses[0]
            .partition_responses[0]
        )

    def fetch(self, topic, version=12, partition=0, offset=0, **body):
        """The answer for one partition."""
        body = fetch_body(topic, partition, offset) | body
        answer = self.call("Fetch", version, **body)
        expect(answer, **({"error_code": 0} if version >= 7 else {}))
        return answer.responses[0].partitions[0]

    def join(self, group, version=9, **body):
        """A member that has joined, with the id that the broker gave it."""
        body = join_body(group) | body
        answer = self.call("JoinGroup", version, **body)
        if error(answer.error_code) == "MEMBER_ID_REQUIRED":
            answer = self.call("JoinGroup", version, **body | {"member_id": answer.member_id})
        expect(answer, error_code=0)
        return Member(group, answer.member_id, answer.generation_id, answer)

    def group(self, version=9, **body):
        """A new group with one member, which has its assignment."""
        member = self.join(self.fresh("group"), version, **body)
        answer = self.call("SyncGroup", 5, **sync_body(member), protocol_type="consumer")
        expect(answer, error_code=0, assignment=b"assigned")
        return member

    def commit(self, group, topic, offset, version=9, partition=0, **body):
        """The error of a commit."""
        committed = {
            "partition_index": partition,
            "committed_offset": offset,
            "committed_metadata": "noted",
            "committed_leader_epoch": 0,
        }
        topics = [{"name": topic.name, "topic_id": topic.id, "partitions": [committed]}]
        answer = self.call("OffsetCommit", version, **{"group_id": group, "topics": topics} | body)
        return error(answer.topics[0].partitions[0].error_code)

    def committed(self, group, topic, partition=0):
        """The committed offset; -1 if there is none."""
        topics = [{"name": topic.name, "partition_indexes": [partition]}]
        groups = [{"group_id": group, "topics": topics}]
        answer = self.call("OffsetFetch", 8, groups=groups).groups[0]
        expect(answer, error_code=0)
        return answer.topics[0].partitions[0].committed_offset

    def producer_id(self):
        answer = self.call("InitProducerId", 4, transactional_id=None, transaction_timeout=1000)
        expect(answer, error_code=0, producer_epoch=0)
        return answer.producer_id


def batch(*values, producer=(-1, -1, -1), key=b"key", headers=(), attributes=0, start_ms=TIME_MS):
    """A batch of kio's making, with a second between its records."""
    records = tuple(
        Record(
            attributes=0,
            timestamp=EPOCH.fromtimestamp(start_ms // 1000 + index, EPOCH.tzinfo),
            offset=index,
            key=key,
            value=value,
            headers=tuple(RecordHeader(key=name, value=each) for name, each in headers),
        )
        for index, value in enumerate(values)
    )
    producer_id, producer_epoch, base_sequence = producer
    new = NewRecordBatch(
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        base_sequence=base_sequence,
        records=records,
        attributes=attributes,
    )
    buffer = io.BytesIO()
    write_new_batch(buffer, new)
    return buffer.getvalue()


def batches(records):
    """What kio reads of the records of a fetch; it checks magic, CRC and lengths."""
    found, offset = [], 0
    while offset < len(records or b""):
        read, size = read_batch(records, offset)
        found.append(read)
        offset += size
    return found


def values(records):
    return [record.value for each in batches(records) for record in each.records]


def produce_body(topic, records, partition=0, acks=-1):
    data = [{"index": partition, "records": records}]
    topics = [{"name": topic.name, "topic_id": topic.id, "partition_data": data}]
    return {"transactional_id": None, "acks": acks, "timeout": 10_000, "topic_data": topics}


def fetch_body(topic, partition=0, offset=0):
    wanted = {
        "partition": partition,
        "fetch_offset": offset,
        "partition_max_bytes": 1 << 20,
        "current_leader_epoch": -1,
    }
    topics = [{"topic": topic.name, "topic_id": topic.id, "partitions": [wanted]}]
    return {
        "replica_id": -1,
        "max_wait": 500,
        "min_bytes": 1,
        "session_epoch": -1,
        "topics": topics,
    }


def join_body(group):
    return {
        "group_id": group,
        "session_timeout": 60_000,
        "rebalance_timeout": 60_000,
        "member_id": "",
        "protocol_type": "consumer",
        "protocols": [{"name": "range", "metadata": SUBSCRIBED}],
    }


def sync_body(member):
    return {
        "group_id": member.group,
        "generation_id": member.generation,
        "member_id": member.id,
        "protocol_name": "range",
        "assignments": [{"member_id": member.id, "assignment": b"assigned"}],
    }


def expect(answer, **expected):
    """Compares fields; a field that is not in this version of the answer is an error."""
    found = {name: getattr(answer, name) for name in expected}
    assert found == expected, f"{found} is not {expected} in {answer}"


def run(world, chosen=()):
    """Runs every test of what `world` advertises, or those that are chosen, and returns what failed."""
    world.warm_up()
    failures = []
    for name, (first, last) in world.advertised.items():
        tests = TESTS.get(name, [])
        if not tests and world.name == "ottla":
            failures.append(f"{name} is advertised and has no test: write one with @api({name!r})")
            print("FAILED", failures[-1], flush=True)
        versions = sorted(set(range(first, last + 1)) & set(wire.versions(name)))
        for test in tests:
            if chosen and test.__name__ not in chosen:
                continue
            failures += attempt(world, name, versions, test)
    return failures


def attempt(world, name, versions, test):
    """Runs a test in all versions; returns the first failure."""
    failed, reason = [], None
    for version in versions:
        world.asked.discard((name, version))
        try:
            test(world, version)
            assert (name, version) in world.asked, f"{name} {version} has not been asked"
        except Exception:
            failed.append(version)
            reason = reason or where()
            # What is left unread would be taken for the answer to the next request.
            world.connection.close()
            world.connection = world.connect()
    if not failed:
        return []
    failure = f"{place(test)} {failed} on {world.name}: {reason}"
    print("FAILED", failure, flush=True)
    return [failure]


def where():
    """The line of a test that failed, and why."""
    failure = sys.exception()
    line = [each for each in traceback.extract_tb(failure.__traceback__) if each.name != "expect"][
        -1
    ]
    return f"{pathlib.Path(line.filename).name}:{line.lineno} {type(failure).__name__} {failure}"
