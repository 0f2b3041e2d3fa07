"""MirrorMaker 2 copies a topic and the offsets of its group from Apache Kafka to Ottla and back: mirror.py BINARY.

Both directions run at once in one MirrorMaker, each with a topic of its own, as it comes: `kafka.orders` is the copy on Ottla
of `orders` on Kafka, and the group that has read the original goes on with what is new in the copy.
"""

import sys
import time

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from processes import Kafka, MirrorMaker, Ottla, temporary_home, wait_until

PARTITIONS, RECORDS, NEW = 3, 3000, 300
GROUP = "billing"
RETENTION = "86400001"


def settings(kafka, ottla):
    lines = {
        "clusters": "kafka, ottla",
        "kafka.bootstrap.servers": kafka.bootstrap,
        "ottla.bootstrap.servers": ottla.bootstrap,
        "kafka->ottla.enabled": "true",
        "kafka->ottla.topics": "orders",
        "ottla->kafka.enabled": "true",
        "ottla->kafka.topics": "invoices",
        # As often as this test can wait for, instead of once a minute.
        "sync.group.offsets.enabled": "true",
        "sync.group.offsets.interval.seconds": 1,
        "emit.checkpoints.interval.seconds": 1,
        "refresh.topics.interval.seconds": 2,
        "refresh.groups.interval.seconds": 2,
        # The offset of a group is translated exactly if it is the last that was noted; by default every hundredth is.
        "offset.lag.max": 0,
    }
    internal = ("", "checkpoints.topic.", "heartbeats.topic.", "offset-syncs.topic.")
    internal += ("offset.storage.", "status.storage.", "config.storage.")
    return lines | {f"{name}replication.factor": 1 for name in internal}


def fill(broker, topic):
    """Writes records to a topic with a setting of its own, and reads them in a group."""
    client = AdminClient({"bootstrap.servers": broker.bootstrap})
    new = NewTopic(topic, PARTITIONS, 1, config={"retention.ms": RETENTION})
    client.create_topics([new])[topic].result(30)
    write(broker, topic, range(RECORDS))
    assert len(read(broker, topic, RECORDS)) == RECORDS


def write(broker, topic, numbers):
    producer = ck.Producer({"bootstrap.servers": broker.bootstrap})
    for number in numbers:
        value = b"%d" % number
        producer.produce(topic, value, b"%d" % (number % 50), headers=[("n", value)])
    assert producer.flush(30) == 0


def read(broker, topic, count):
    """What a member of the group gets until it has so many, after which it commits them."""
    consumer = ck.Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": GROUP,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    found = []

    def enough():
        found.extend(it for it in consumer.consume(100, 0.2) if not it.error())
        return len(found) >= count

    wait_until(enough, lambda: f"{count} records of {topic}, there are {len(found)}")
    consumer.commit(asynchronous=False)
    consumer.close()
    return found


def committed(broker, topic):
    consumer = ck.Consumer({"bootstrap.servers": broker.bootstrap, "group.id": GROUP})
    places = consumer.committed([ck.TopicPartition(topic, it) for it in range(PARTITIONS)], 30)
    consumer.close()
    return [place.offset for place in places]


def check(source, target, topic):
    """The copy is whole, is set as the original is, and the group goes on where it was."""
    copy = f"{source.name}.{topic}"
    at = committed(source, topic)
    wait_until(
        lambda: committed(target, copy) == at, lambda: f"{at}, but {committed(target, copy)}"
    )
    write(source, topic, range(RECORDS, RECORDS + NEW))
    new = read(target, copy, NEW)
    assert sorted(int(it.value()) for it in new) == list(range(RECORDS, RECORDS + NEW))
    for message in new:
        assert message.headers() == [("n", message.value())], message.headers()
        assert message.key() == b"%d" % (int(message.value()) % 50)
        assert message.offset() >= at[message.partition()]
    resource = ConfigResource(ConfigResource.Type.TOPIC, copy)
    client = AdminClient({"bootstrap.servers": target.bootstrap})

    def retention():
        return client.describe_configs([resource])[resource].result(30)["retention.ms"].value

    wait_until(lambda: retention() == RETENTION, lambda: f"the copy has retention.ms={retention()}")
    partitions = client.list_topics(copy, 30).topics[copy].partitions
    assert len(partitions) == PARTITIONS


def main(binary):
    with temporary_home() as home:
        kafka, ottla = Kafka(home), Ottla(home, binary)
        kafka.spawn()
        ottla.start()
        kafka.wait_ready()
        fill(kafka, "orders")
        fill(ottla, "invoices")
        mirror = MirrorMaker(home, settings(kafka, ottla))
        began = time.monotonic()
        mirror.start()
        try:
            check(kafka, ottla, "orders")
            check(ottla, kafka, "invoices")
        except BaseException:
            for process in (ottla, mirror):
                print(f"-- {process.name}:\n{process.tail()}", file=sys.stderr)
            raise
        assert "panicked" not in ottla.log.read_text()
        seconds = time.monotonic() - began
        print(f"topics and group offsets are mirrored both ways {seconds:.1f} s after the start")


if __name__ == "__main__":
    main(sys.argv[1])
