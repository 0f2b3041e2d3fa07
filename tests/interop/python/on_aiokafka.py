"""The scenarios with aiokafka, whose coroutines and heartbeats run in the loop of one thread."""

import asyncio
import threading

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

import scenarios
from scenarios import LIMIT_S, Record


class Consumer:
    """A member of a group, with the eager protocol."""

    def __init__(self, wait, server, group, topic):
        async def start():
            consumer = AIOKafkaConsumer(
                topic,
                bootstrap_servers=server,
                group_id=group,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                heartbeat_interval_ms=200,
            )
            await consumer.start()
            return consumer

        self.wait, self.consumer = wait, wait(start())

    def poll(self):
        polled = self.wait(self.consumer.getmany(timeout_ms=100, max_records=50))
        return [record.value for records in polled.values() for record in records]

    def assigned(self):
        return len(self.consumer.assignment())

    def commit(self):
        self.wait(self.consumer.commit())

    def close(self):
        self.wait(self.consumer.stop())


class Writer:
    """A producer of transactions."""

    def __init__(self, wait, server, transactional_id, timeout_s):
        async def start():
            producer = AIOKafkaProducer(
                bootstrap_servers=server,
                transactional_id=transactional_id,
                transaction_timeout_ms=timeout_s * 1000,
            )
            await producer.start()
            return producer

        self.wait, self.producer = wait, wait(start())

    def begin(self):
        self.wait(self.producer.begin_transaction())

    def send(self, topic, value):
        self.wait(self.producer.send_and_wait(topic, value, partition=0))

    def send_offset(self, group, topic, offset):
        offsets = {TopicPartition(topic, 0): offset}
        self.wait(self.producer.send_offsets_to_transaction(offsets, group))

    def flush(self):
        self.wait(self.producer.flush())

    def commit(self):
        self.wait(self.producer.commit_transaction())

    def abort(self):
        self.wait(self.producer.abort_transaction())

    def error_of(self, steps):
        try:
            steps()
        except KafkaError as failure:
            return type(failure).__name__
        return "none"

    def close(self):
        self.wait(self.producer.stop())


class Client:
    null_header = True
    # Its admin client has neither.
    delete_group = None
    max_timestamp_offset = None

    def __init__(self, server):
        self.server = server
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

        async def start():
            admin = AIOKafkaAdminClient(bootstrap_servers=server)
            await admin.start()
            return admin

        self.admin = self.wait(start())

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(LIMIT_S)

    def close(self):
        self.wait(self.admin.close())

    def create_topics(self, partitions, configs):
        errors = self._create(partitions, configs)
        assert all(code == 0 for code in errors.values()), errors

    def create_topic_error(self, name):
        return for_code(self._create({name: 1}, {})[name]).message

    def _create(self, partitions, configs):
        counts = partitions.items()
        topics = [NewTopic(name, count, 1, topic_configs=configs) for name, count in counts]
        answer = self.wait(self.admin.create_topics(topics))
        return {topic[0]: topic[1] for topic in answer.topic_errors}

    def topics(self):
        return set(self.wait(self.admin.list_topics()))

    def describe_topic(self, name):
        (topic,) = self.wait(self.admin.describe_topics([name]))
        fields = ("partition", "leader", "replicas", "isr")
        return sorted(tuple(p[field] for field in fields) for p in topic["partitions"])

    def cluster(self):
        cluster = self.wait(self.admin.describe_cluster())
        return [broker["node_id"] for broker in cluster["brokers"]], cluster["controller_id"]

    def topic_configs(self, name):
        return self._configs(ConfigResourceType.TOPIC, name)

    def broker_configs(self, node):
        return self._configs(ConfigResourceType.BROKER, str(node))

    def _configs(self, kind, name):
        (answer,) = self.wait(self.admin.describe_configs([ConfigResource(kind, name)]))
        ((code, message, _kind, _name, entries),) = answer.resources
        assert code == 0, message
        return {entry[0]: entry[1] for entry in entries}

    def produce(self, topic, records, codec="none", idempotent=False, partition=0):
        async def produce():
            producer = AIOKafkaProducer(
                bootstrap_servers=self.server,
                compression_type=None if codec == "none" else codec,
                enable_idempotence=idempotent,
                acks="all",
                linger_ms=5,
            )
            async with producer:
                sent = [
                    await producer.send(
                        topic, r.value, r.key, partition, r.timestamp_ms, r.headers
                    )
                    for r in records
                ]
                return [(await future).offset for future in sent]

        return self.wait(produce())

    def read_committed(self, topic, count):
        async def read(consumer, of):
            consumer.assign([of])
            consumer.seek(of, 0)
            return [(await consumer.getone()).value for _ in range(count)]

        return self._with_consumer(topic, 0, read, isolation_level="read_committed")

    def writer(self, transactional_id, timeout_s=60):
        return Writer(self.wait, self.server, transactional_id, timeout_s)

    def read(self, topic, partition, offset, count):
        async def read(consumer, of):
            consumer.assign([of])
            consumer.seek(of, offset)
            return [await consumer.getone() for _ in range(count)]

        records = self._with_consumer(topic, partition, read)
        return [Record(r.value, r.key, list(r.headers), r.timestamp, r.offset) for r in records]

    def _with_consumer(self, topic, partition, call, **config):
        async def run():
            async with AIOKafkaConsumer(bootstrap_servers=self.server, **config) as consumer:
                return await call(consumer, TopicPartition(topic, partition))

        return self.wait(run())

    def consumer(self, group, topic):
        return Consumer(self.wait, self.server, group, topic)

    def committed(self, group, topic, partitions):
        offsets = self.wait(self.admin.list_consumer_group_offsets(group))
        return [offsets[TopicPartition(topic, partition)].offset for partition in partitions]

    def offsets(self, topic, partition):
        async def offsets(consumer, of):
            begin, end = await consumer.beginning_offsets([of]), await consumer.end_offsets([of])
            return begin[of], end[of]

        return self._with_consumer(topic, partition, offsets)

    def offset_at(self, topic, partition, time_ms):
        async def find(consumer, of):
            return (await consumer.offsets_for_times({of: time_ms}))[of]

        found = self._with_consumer(topic, partition, find)
        return found and found.offset

    def groups(self):
        return dict(self.wait(self.admin.list_consumer_groups()))

    def describe_group(self, group):
        (answer,) = self.wait(self.admin.describe_consumer_groups([group]))
        ((code, _group, state, protocol_type, _protocol, members, *_rest),) = answer.groups
        assert code == 0, for_code(code)
        return state, protocol_type, len(members)

    def delete_records(self, topic, partition, before):
        of = TopicPartition(topic, partition)
        return self.wait(self.admin.delete_records({of: RecordsToDelete(before)}))[of]

    def delete_topics(self, names):
        answer = self.wait(self.admin.delete_topics(names))
        assert all(code == 0 for _name, code, *_rest in answer.topic_error_codes), answer


if __name__ == "__main__":
    scenarios.main(Client)
