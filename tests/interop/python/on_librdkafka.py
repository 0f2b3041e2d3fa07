"""The scenarios with confluent-kafka, the Python face of librdkafka."""

import time

import confluent_kafka as ck
from confluent_kafka import admin

import scenarios
from scenarios import LIMIT_S, Record


class Consumer:
    """A member of a group, with the cooperative protocol."""

    def __init__(self, server, group, topic):
        self.consumer = ck.Consumer(
            {
                "bootstrap.servers": server,
                "group.id": group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "heartbeat.interval.ms": 200,
                "partition.assignment.strategy": "cooperative-sticky",
            }
        )
        self.consumer.subscribe([topic])

    def poll(self):
        return [value_of(message) for message in self.consumer.consume(50, 0.1)]

    def assigned(self):
        return len(self.consumer.assignment())

    def commit(self):
        # While a rebalance is being completed no commit is taken, by Kafka neither: it comes again.
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                return self.consumer.commit(asynchronous=False)
            except ck.KafkaException as failure:
                code = failure.args[0].code()
                if code != ck.KafkaError.REBALANCE_IN_PROGRESS or time.monotonic() > deadline:
                    raise
            time.sleep(0.02)

    def close(self):
        self.consumer.close()


class Writer:
    """A producer of transactions."""

    def __init__(self, server, transactional_id, timeout_s):
        self.server = server
        self.producer = ck.Producer(
            {
                "bootstrap.servers": server,
                "transactional.id": transactional_id,
                "transaction.timeout.ms": timeout_s * 1000,
                "linger.ms": 0,
            }
        )
        self.producer.init_transactions(LIMIT_S)

    def begin(self):
        self.producer.begin_transaction()

    def send(self, topic, value):
        self.producer.produce(topic, value, partition=0)

    def send_offset(self, group, topic, offset):
        consumer = ck.Consumer({"bootstrap.servers": self.server, "group.id": group})
        offsets = [ck.TopicPartition(topic, 0, offset)]
        metadata = consumer.consumer_group_metadata()
        self.producer.send_offsets_to_transaction(offsets, metadata, LIMIT_S)
        consumer.close()

    def commit(self):
        self.producer.commit_transaction(LIMIT_S)

    def flush(self):
        assert self.producer.flush(LIMIT_S) == 0

    def abort(self):
        self.flush()
        self.producer.abort_transaction(LIMIT_S)

    def error_of(self, steps):
        try:
            steps()
        except ck.KafkaException as failure:
            return failure.args[0].name()
        return "none"

    def close(self):
        del self.producer


def value_of(message):
    assert message.error() is None, message.error()
    return message.value()


class Client:
    null_header = True

    def __init__(self, server):
        self.server = server
        self.admin = admin.AdminClient({"bootstrap.servers": server})

    def close(self):
        del self.admin

    def create_topics(self, partitions, configs):
        counts = partitions.items()
        topics = [admin.NewTopic(name, count, 1, config=configs) for name, count in counts]
        results(self.admin.create_topics(topics))

    def create_topic_error(self, name):
        try:
            results(self.admin.create_topics([admin.NewTopic(name, 1, 1)]))
        except ck.KafkaException as failure:
            return failure.args[0].name()

    def topics(self):
        return set(self.admin.list_topics(timeout=LIMIT_S).topics)

    def describe_topic(self, name):
        topics = results(self.admin.describe_topics(ck.TopicCollection([name])))
        partitions = topics[name].partitions
        return [(p.id, p.leader.id, ids(p.replicas), ids(p.isr)) for p in partitions]

    def cluster(self):
        cluster = self.admin.describe_cluster().result(LIMIT_S)
        assert cluster.cluster_id
        return ids(cluster.nodes), cluster.controller.id

    def topic_configs(self, name):
        return self._configs(admin.ResourceType.TOPIC, name)

    def broker_configs(self, node):
        return self._configs(admin.ResourceType.BROKER, str(node))

    def _configs(self, kind, name):
        described = self.admin.describe_configs([admin.ConfigResource(kind, name)])
        (entries,) = results(described).values()
        return {key: entry.value for key, entry in entries.items()}

    def produce(self, topic, records, codec="none", idempotent=False, partition=0):
        producer = ck.Producer(
            {
                "bootstrap.servers": self.server,
                "compression.type": codec,
                "enable.idempotence": idempotent,
                "linger.ms": 5,
            }
        )
        delivered = []

        def on_delivery(error, message):
            assert error is None, error
            delivered.append(message.offset())

        for record in records:
            producer.produce(
                topic,
                record.value,
                record.key,
                partition,
                on_delivery=on_delivery,
                timestamp=record.timestamp_ms,
                headers=record.headers,
            )
        assert producer.flush(LIMIT_S) == 0
        return delivered

    def read(self, topic, partition, offset, count):
        consumer = self._plain_consumer("a-reader")
        consumer.assign([ck.TopicPartition(topic, partition, offset)])
        messages = []
        while len(messages) < count:
            some = consumer.consume(count - len(messages), LIMIT_S)
            assert some, f"{len(messages)} of {count} records"
            messages += some
        consumer.close()
        return [record_of(message) for message in messages]

    def read_committed(self, topic, count):
        # Committed records only are what it reads unless it is told otherwise.
        return [record.value for record in self.read(topic, 0, 0, count)]

    def writer(self, transactional_id, timeout_s=60):
        return Writer(self.server, transactional_id, timeout_s)

    def _plain_consumer(self, group):
        return ck.Consumer(
            {"bootstrap.servers": self.server, "group.id": group, "enable.auto.commit": False}
        )

    def consumer(self, group, topic):
        return Consumer(self.server, group, topic)

    def committed(self, group, topic, partitions):
        wanted = [ck.TopicPartition(topic, partition) for partition in partitions]
        request = ck.ConsumerGroupTopicPartitions(group, wanted)
        (answer,) = results(self.admin.list_consumer_group_offsets([request])).values()
        return [p.offset for p in sorted(answer.topic_partitions, key=lambda p: p.partition)]

    def offsets(self, topic, partition):
        listed = [self._listed(topic, partition, spec) for spec in ("earliest", "latest")]
        consumer = self._plain_consumer("a-watcher")
        watermarks = consumer.get_watermark_offsets(ck.TopicPartition(topic, partition), LIMIT_S)
        consumer.close()
        assert list(watermarks) == listed
        return watermarks

    def _listed(self, topic, partition, spec):
        spec = getattr(admin.OffsetSpec, spec)()
        listed = self.admin.list_offsets({ck.TopicPartition(topic, partition): spec})
        (found,) = results(listed).values()
        return found.offset

    def max_timestamp_offset(self, topic, partition):
        return self._listed(topic, partition, "max_timestamp")

    def offset_at(self, topic, partition, time_ms):
        consumer = self._plain_consumer("a-watcher")
        wanted = ck.TopicPartition(topic, partition, time_ms)
        (found,) = consumer.offsets_for_times([wanted], LIMIT_S)
        consumer.close()
        assert found.error is None, found.error
        return None if found.offset == ck.OFFSET_END else found.offset

    def groups(self):
        listed = self.admin.list_consumer_groups(
            states={ck.ConsumerGroupState.STABLE, ck.ConsumerGroupState.EMPTY}
        ).result(LIMIT_S)
        assert not listed.errors, listed.errors
        groups = [group for group in listed.valid if not group.is_simple_consumer_group]
        return {group.group_id: "consumer" for group in groups}

    def describe_group(self, group):
        (described,) = results(self.admin.describe_consumer_groups([group])).values()
        assert not described.is_simple_consumer_group
        return described.state.name, "consumer", len(described.members)

    def delete_records(self, topic, partition, before):
        (deleted,) = results(
            self.admin.delete_records([ck.TopicPartition(topic, partition, before)])
        ).values()
        return deleted.low_watermark

    def delete_group(self, group):
        results(self.admin.delete_consumer_groups([group]))

    def delete_topics(self, names):
        results(self.admin.delete_topics(names))


def results(futures):
    return {key: future.result(LIMIT_S) for key, future in futures.items()}


def ids(nodes):
    return [node.id for node in nodes]


def record_of(message):
    value = value_of(message)
    kind, time_ms = message.timestamp()
    assert kind == ck.TIMESTAMP_CREATE_TIME
    return Record(value, message.key(), message.headers() or [], time_ms, message.offset())


if __name__ == "__main__":
    scenarios.main(Client)
