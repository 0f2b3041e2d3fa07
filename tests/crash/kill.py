"""Kills a broker under load: kill.py BINARY HOME ROUNDS.

Idempotent producers (librdkafka, acks=all) write numbers to three partitions all the time, and note which were acknowledged;
a consumer group reads them, and commits what it has noted. Meanwhile the broker is killed by SIGKILL and started again, ROUNDS
times. At the end the log must hold each acknowledged number once, in the order of its producer; the group must have gone on
from its commits.
"""

import random
import socket
import subprocess
import sys
import threading
import time

import confluent_kafka as ck
from confluent_kafka import admin

TOPIC, PARTITIONS = "numbers", 3
GROUP = "readers"
# However slow the machine is, what is waited for comes by then.
LIMIT_S = 120


class Broker:
    """The binary, on one port and one directory all the time."""

    def __init__(self, binary, home):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        settings = [f"listeners=PLAINTEXT://{self.address}", f"log.dirs={home}/data"]
        # Several segments, indexes and snapshots are there to be recovered.
        settings += ["log.segment.bytes=1048576", "group.initial.rebalance.delay.ms=0"]
        settings += ["offsets.topic.num.partitions=4"]
        self.command = [binary, "serve", *(word for each in settings for word in ("--set", each))]
        self.log = open(f"{home}/ottla.log", "ab")
        self.starts = []
        self.start()

    def start(self):
        began = time.monotonic()
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline()
        assert line.startswith(b"ottla ready"), line
        self.starts.append(time.monotonic() - began)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Writer(threading.Thread):
    """A producer of one partition's numbers, 0 and up."""

    def __init__(self, address, partition, stop):
        super().__init__(daemon=True)
        self.partition, self.stop, self.next = partition, stop, 0
        self.acknowledged, self.failed = {}, []
        self.producer = ck.Producer(
            {
                "bootstrap.servers": address,
                "queue.buffering.max.messages": 5000,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 1,
                "batch.size": 2000,
                "reconnect.backoff.ms": 10,
                "reconnect.backoff.max.ms": 100,
                "retry.backoff.ms": 20,
                "message.timeout.ms": LIMIT_S * 1000,
                "log_level": 0,
            }
        )

    def run(self):
        while not self.stop.is_set():
            number = self.next
            # Some thousands a second: enough that a kill always meets some, little enough to check them all.
            if number % 5 == 0:
                self.producer.poll(0.001)
            try:
                self.producer.produce(
                    TOPIC,
                    b"%d" % number,
                    partition=self.partition,
                    on_delivery=lambda error, message, number=number: self.delivered(
                        error, message, number
                    ),
                )
                self.next += 1
            except BufferError:
                self.producer.poll(0.1)
        left = self.producer.flush(LIMIT_S)
        assert left == 0, f"{left} records have no answer"

    def delivered(self, error, message, number):
        if error:
            self.failed.append((number, error))
        else:
            self.acknowledged[number] = message.offset()


class Reader(threading.Thread):
    """A member of the group. It notes what it reads, and commits what it has noted."""

    def __init__(self, address, stop):
        super().__init__(daemon=True)
        self.stop, self.read, self.committed = stop, [], {}
        self.consumer = ck.Consumer(
            {
                "bootstrap.servers": address,
                "group.id": GROUP,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "session.timeout.ms": 10_000,
                "reconnect.backoff.ms": 10,
                "reconnect.backoff.max.ms": 100,
                "log_level": 0,
            }
        )
        self.consumer.subscribe([TOPIC])

    def run(self):
        while not self.stop.is_set():
            messages = [
                message for message in self.consumer.consume(500, 0.1) if not message.error()
            ]
            self.read += [(message.partition(), message.offset()) for message in messages]
            if not messages:
                continue
            try:
                for each in self.consumer.commit(asynchronous=False):
                    if not each.error:
                        self.committed[each.partition] = each.offset
            except ck.KafkaException:
                # The broker was killed before it answered: the next commit says more.
                pass
        self.consumer.close()


def check_log(broker, writers):
    """Each acknowledged number is in the log once, at the offset that was told, and all are in order."""
    consumer = ck.Consumer(
        {"bootstrap.servers": broker.address, "group.id": "checker", "enable.auto.commit": False}
    )
    ends = {}
    for writer in writers:
        partition = ck.TopicPartition(TOPIC, writer.partition, 0)
        _, end = consumer.get_watermark_offsets(partition, LIMIT_S)
        consumer.assign([partition])
        found = []
        while len(found) < end:
            messages = consumer.consume(min(10_000, end - len(found)), LIMIT_S)
            assert messages, f"only {len(found)} of {end} records of partition {writer.partition}"
            found += [
                (message.offset(), int(message.value()))
                for message in messages
                if not message.error()
            ]
        assert [offset for offset, _ in found] == list(range(end)), "an offset is missing"
        numbers = [number for _, number in found]
        assert len(set(numbers)) == len(numbers), (
            f"{len(numbers) - len(set(numbers))} records are there twice"
        )
        assert numbers == sorted(numbers), "the order is not the producer's"
        at = {number: offset for offset, number in found}
        lost = [number for number in writer.acknowledged if number not in at]
        assert not lost, f"{len(lost)} acknowledged records are lost, the first {lost[:5]}"
        # A record whose answer was lost is acknowledged without an offset when it is sent again.
        moved = {n: o for n, o in writer.acknowledged.items() if o not in (at[n], None, -1)}
        assert not moved, f"records are not where it was told: {list(moved.items())[:5]}"
        assert not writer.failed, f"an idempotent producer gave up: {writer.failed[:3]}"
        ends[writer.partition] = end
    consumer.close()
    return ends


def check_group(broker, readers, ends):
    """The group has read every record, and its commits are what it was told."""
    read = {each for reader in readers for each in reader.read}
    for partition, end in ends.items():
        missing = [offset for offset in range(end) if (partition, offset) not in read]
        assert not missing, (
            f"the group has not read {len(missing)} records of {partition}: {missing[:5]}"
        )
    consumer = ck.Consumer({"bootstrap.servers": broker.address, "group.id": GROUP})
    committed = consumer.committed([ck.TopicPartition(TOPIC, each) for each in ends], LIMIT_S)
    for each in committed:
        told = max(reader.committed.get(each.partition, 0) for reader in readers)
        assert each.offset >= told, f"{each} is committed, but {told} was acknowledged"
    consumer.close()


def wait_until(is_true, what):
    deadline = time.monotonic() + LIMIT_S
    while not is_true():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.01)


def main(binary, home, rounds):
    broker = Broker(binary, home)
    client = admin.AdminClient({"bootstrap.servers": broker.address, "log_level": 0})
    client.create_topics([admin.NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(LIMIT_S)
    stop_writing, stop_reading = threading.Event(), threading.Event()
    writers = [Writer(broker.address, partition, stop_writing) for partition in range(PARTITIONS)]
    readers = [Reader(broker.address, stop_reading) for _ in range(2)]
    for thread in [*writers, *readers]:
        thread.start()
    total = lambda: sum(len(writer.acknowledged) for writer in writers)
    wait_until(
        lambda: total() > 100 and any(reader.read for reader in readers), "the load has begun"
    )
    for _ in range(rounds):
        # The next kill comes when the load goes on, at any point of what happens then.
        before = total()
        wait_until(lambda: total() > before + 50, "the producers go on")
        time.sleep(random.uniform(0, 0.4))
        broker.kill()
        broker.start()
    before = total()
    wait_until(lambda: total() > before + 50, "the producers go on")
    stop_writing.set()
    for writer in writers:
        writer.join(LIMIT_S)
        assert not writer.is_alive(), "a producer does not end"
    ends = check_log(broker, writers)
    count = lambda: len({each for reader in readers for each in reader.read})
    wait_until(lambda: count() >= sum(ends.values()), "the group has read everything")
    stop_reading.set()
    for reader in readers:
        reader.join(LIMIT_S)
    check_group(broker, readers, ends)
    again = sum(len(reader.read) for reader in readers) - count()
    slowest = max(broker.starts)
    print(
        f"{rounds} kills, {sum(ends.values())} records in the log, {total()} acknowledged, none lost or twice;"
        f" {again} read again after a lost commit; the slowest start took {slowest:.2f} s"
    )
    broker.kill()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
