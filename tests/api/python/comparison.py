"""Ottla's answers beside those of Apache Kafka.

A case is a name, an API, a version, and the request made of a `Stage`. The answers are compared field by field, but for
what must differ: ids, ports, and the wording of messages, of which only is compared whether there is one. Where Ottla
answers otherwise on purpose, `DIFFERENCES` says why; a difference that is not there fails, as does a row of it that does
not differ any more.
"""

import uuid

from kio.serial.errors import OutOfBoundValue

import wire
from suite import batch, subscription, sync_body
from wire import error

CASES = []
NO_ID = uuid.UUID(int=0x1234)
# However slow the machine is, an answer comes by then.
ANSWER_LIMIT_S = 60
# What is known not to be answered is not waited for as long.
SILENCE = "Kafka does not answer at all"
SILENCE_S = 5
# The members say nothing while all the requests are made.
SESSION_MS = 600_000

DIFFERENCES = {
    "Produce: cut off batch": "the bytes may have been lost on the way: ours is retriable, Kafka's is not",
    "Produce: cut off header": "the bytes may have been lost on the way: ours is retriable, Kafka's is not",
    "Produce: negative count of records": "counted before the checksum is: the bytes may have been damaged on the way",
    "Produce: bytes after the batch": "Kafka throws them away in silence",
    "Produce: null records": SILENCE,
    "Produce: unknown magic": "sent again it would not be better, and Kafka's error asks for that",
    "Produce: unknown codec": "Kafka's UNKNOWN_SERVER_ERROR says nothing",
    "Produce: not compressed as it says": "Kafka's UNKNOWN_SERVER_ERROR says nothing",
    "Fetch: negative bytes": "taken for 0, where Kafka answers UNKNOWN_SERVER_ERROR",
    "Fetch: negative bytes of the partition": "taken for 0, where Kafka answers UNKNOWN_SERVER_ERROR",
    "Fetch: unknown isolation level": "taken for read_uncommitted, where Kafka answers UNKNOWN_SERVER_ERROR",
    "CreateTopics: negative timeout": "nothing is waited for when topics are only validated",
    "CreatePartitions: far too many": "Kafka's UNKNOWN_SERVER_ERROR says nothing",
    "Metadata: null name": "Kafka's UNKNOWN_SERVER_ERROR says nothing",
    "IncrementalAlterConfigs: unknown operation": "Kafka's UNKNOWN_SERVER_ERROR says nothing",
    "IncrementalAlterConfigs: unknown key of a broker": "a setting that nobody reads is a mistake of whoever sets it",
    "AlterConfigs: resource named twice": SILENCE,
    "OffsetDelete: unknown topic": "offsets of what is gone can be deleted; that there is none is no error",
    "OffsetDelete: unknown partition": "offsets of what is gone can be deleted; that there is none is no error",
    "OffsetFetch: group named twice": "told once: all offsets of a group are far longer than its name",
    "FindCoordinator: no key in version 3": "there is no error; Kafka gives it the message NONE all the same",
}


class Stage:
    """What the requests are about; the same on each broker."""

    def __init__(self, world):
        self.world = world
        # The tests before have made more names on one broker than on the other.
        world.count = 1_000_000
        self.topic = world.topic(partitions=2)
        world.produce(self.topic, batch(b"a", b"b", b"c"))
        # One broker may take what the other refuses, so this one is for writing only.
        self.written = world.topic(partitions=2)
        self.compacted = world.topic(cleanup_policy="compact")
        self.small = world.topic(max_message_bytes="200")
        self.future = world.topic(message_timestamp_after_max_ms="5000")
        self.member = world.group(session_timeout=SESSION_MS)
        self.subscriber = world.join(
            world.fresh("group"),
            session_timeout=SESSION_MS,
            protocols=[{"name": "range", "metadata": subscription(self.topic.name)}],
        )
        world.call("SyncGroup", 5, **sync_body(self.subscriber), protocol_type="consumer")
        world.commit(
            self.subscriber.group,
            self.topic,
            1,
            member_id=self.subscriber.id,
            generation_id_or_member_epoch=1,
        )
        self.producer = world.producer_id()
        world.produce(self.written, batch(b"first", producer=(self.producer, 3, 0)), partition=1)

    def missing(self, word="missing"):
        return self.world.fresh(word)


class Named:
    """Stands for a topic that is not there."""

    def __init__(self, name, id=NO_ID):
        self.name, self.id = name, id


def case(name, api, version, body):
    assert name not in {known for known, *_ in CASES}, f"two cases are named {name}"
    CASES.append((name, api, version, body))


def cases(api, version, **bodies):
    """Cases of one API; their names are those of the arguments."""
    for name, body in bodies.items():
        case(f"{api}: {name.replace('_', ' ')}", api, version, body)


def raw(name, *frames):
    """Frames of which none gets an answer."""
    case(name, None, None, lambda stage: frames)


def answer_of(stage, name, api, version, body):
    """The answer in a form that can be compared; `closed` if the connection was closed instead."""
    connection = stage.world.connect()
    is_silent = DIFFERENCES.get(name) == SILENCE
    connection.socket.settimeout(SILENCE_S if is_silent else ANSWER_LIMIT_S)
    try:
        if api:
            connection.send(api, version, **body(stage))
            frame = connection.receive_frame()
            try:
                return normal(wire.decode(api, version, connection.correlation_id, frame))
            except OutOfBoundValue:
                # kio refuses -1 where a time is not nullable, which is what Kafka sends for no time.
                return {"bytes": frame}
        for frame in body(stage):
            connection.send_frame(frame)
        return {"answer": normal(connection.receive_frame())}
    except ConnectionError:
        return "closed"
    except TimeoutError:
        return "nothing"
    finally:
        connection.close()


def normal(value, name=""):
    """Without what differs from broker to broker."""
    if isinstance(value, dict):
        # Beside an error it means nothing, and Kafka tells it with some errors only.
        meaningless = ("log_start_offset",) if value.get("error_code") else ()
        kept = {
            key: each for key, each in value.items() if key not in ("throttle_time", *meaningless)
        }
        return {key: normal(each, key) for key, each in kept.items()}
    if name == "aborted_transactions" and not value:
        # Null and an empty list say the same.
        return None
    if isinstance(value, list):
        return [normal(each, name) for each in value]
    if name == "error_code" or name.endswith("_error_code"):
        return error(value)
    if name.endswith("error_message"):
        return "a message" if value else None
    if name == "member_epoch" and value > 0:
        # How many epochs it takes to join depends on when assignments are made.
        return "an epoch"
    if isinstance(value, uuid.UUID):
        return str(value) if value == NO_ID else "an id"
    if (
        name
        in (
            "port",
            "session_id",
            "member_id",
            "leader",
            "cluster_id",
            "partition_size",
            "log_dir",
            "producer_id",
        )
        and value
    ):
        return f"a {name}" if value != -1 else value
    if (
        name.endswith("_bytes")
        or name in ("log_end_offset", "high_watermark")
        and isinstance(value, int)
        and value > 3
    ):
        return "a number"
    if (
        name.endswith("_timestamp")
        or name == "leader_epoch"
        and isinstance(value, int)
        and value > 0
    ):
        return "a number"
    return value


def differences(ours, theirs, path=""):
    """Each field that differs: its path, our value, and theirs."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and set(ours) == set(theirs):
        return [
            each for key in ours for each in differences(ours[key], theirs[key], f"{path}.{key}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs))
        return [each for index, pair in pairs for each in differences(*pair, f"{path}[{index}]")]
    # We say what is wrong also where Kafka leaves it at the code.
    says_more = path.endswith("error_message") and ours == "a message"
    return [] if ours == theirs or says_more else [(path.lstrip("."), ours, theirs)]


def compare(ottla, kafka):
    """What differs and is not in the table, and what is in the table and does not differ."""
    stages = Stage(ottla), Stage(kafka)
    problems = []
    for name, api, version, body in CASES:
        if api and not all(api in stage.world.advertised for stage in stages):
            continue
        found = differences(*(answer_of(stage, name, api, version, body) for stage in stages))
        if bool(found) != (name in DIFFERENCES):
            problems.append(f"{name}: {found or 'does not differ any more'}")
    known = {name for name, *_ in CASES}
    problems += [f"{name} is in DIFFERENCES and no case" for name in set(DIFFERENCES) - known]
    return problems
