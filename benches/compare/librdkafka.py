"""Produces or consumes with librdkafka and prints the seconds: MODE BOOTSTRAP TOPIC COUNT SIZE."""

import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition

QUEUE_MAX = 100_000
PARTITIONS = 6


def produce(bootstrap, topic, count, size):
    failed = []
    producer = Producer({"bootstrap.servers": bootstrap, "queue.buffering.max.messages": QUEUE_MAX})
    value = bytes(i * 7 % 251 for i in range(size))
    begin = time.monotonic()
    for _ in range(count):
        while True:
            try:
                producer.produce(topic, value, on_delivery=lambda err, _: err and failed.append(err))
                break
            except BufferError:
                producer.poll(0.01)
    producer.flush()
    seconds = time.monotonic() - begin
    if failed:
        sys.exit(f"{len(failed)} records were refused: {failed[0]}")
    return seconds


def consume(bootstrap, topic, count, _size):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "none"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    begin = time.monotonic()
    while count > 0:
        records = consumer.consume(min(count, 10_000), timeout=10)
        if not records:
            sys.exit(f"{count} records have not come")
        errors = [record.error() for record in records if record.error()]
        if errors:
            sys.exit(str(errors[0]))
        count -= len(records)
    seconds = time.monotonic() - begin
    consumer.close()
    return seconds


if __name__ == "__main__":
    mode, bootstrap, topic, count, size = sys.argv[1:]
    work = {"produce": produce, "consume": consume}[mode]
    print(work(bootstrap, topic, int(count), int(size)))
