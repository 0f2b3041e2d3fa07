"""The scenarios with kafka-python."""

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

import scenarios
from scenarios import LIMIT_S, Record


class Consumer:
    """A member of a group, with the eager protocol."""

    def __init__(self, server, group, topic):
        self.consumer = KafkaConsumer(
            topic,
            bootstrap_servers=server,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            heartbeat_interval_ms=200,
        )

    def poll(self):
        polled = self.consumer.poll(100, max_records=50)
        return [record.value for records in polled.values() for record in records]

    def assigned(self):
        return len(self.consumer.assignment())

    def commit(self):
        self.consumer.commit()

    def close(self):
        self.consumer.close()


class Writer:
    """A producer of transactions."""

    def __init__(self, server, transactional_id, timeout_s):
        self.producer = KafkaProducer(
            bootstrap_servers=server,
            transactional_id=transactional_id,
            transaction_timeout_ms=timeout_s * 1000,
        )
        self.producer.init_transactions()

    def begin(self):
        self.producer.begin_transaction()

    def send(self, topic, value):
        self.producer.send(topic, value, partition=0).get(LIMIT_S)

    def send_offset(self, group, topic, offset):
        offsets = {TopicPartition(topic, 0): OffsetAndMetadata(offset, "", -1)}
        self.producer.send_offsets_to_transaction(offsets, group)

    def flush(self):
        self.producer.flush(LIMIT_S)

    def commit(self):
        self.producer.commit_transaction()

    def abort(self):
        self.producer.abort_transaction()

    def error_of(self, steps):
        try:
            steps()
        except KafkaError as failure:
            return type(failure).__name__
        return "none"

    def close(self):
        self.producer.close(0)


class Client:
    # It refuses to send a header without a value.
    null_header = False

    def __init__(self, server):
        self.server = server
        self.admin = KafkaAdminClient(bootstrap_servers=server)

    def close(self):
        self.admin.close()

    def create_topics(self, partitions, configs):
        counts = partitions.items()
        self.admin.create_topics(
            {name: {"num_partitions": count, "configs": configs} for name, count in counts}
        )

    def create_topic_error(self, name):
        try:
            self.admin.create_topics([name])
        except TopicAlreadyExistsError:
            return "TOPIC_ALREADY_EXISTS"

    def topics(self):
        return set(self.admin.list_topics())

    def describe_topic(self, name):
        (topic,) = self.admin.describe_topics([name])
        fields = ("partition_index", "leader_id", "replica_nodes", "isr_nodes")
        return sorted(tuple(p[field] for field in fields) for p in topic["partitions"])

    def cluster(self):
        cluster = self.admin.describe_cluster()
        return [broker["broker_id"] for broker in cluster["brokers"]], cluster["controller_id"]

    def topic_configs(self, name):
        return self._configs(ConfigResourceType.TOPIC, name)

    def broker_configs(self, node):
        return self._configs(ConfigResourceType.BROKER, str(node))

    def _configs(self, kind, name):
        described = self.admin.describe_configs([ConfigResource(kind, name)], config_filter="all")
        (resources,) = described.values()
        return {key: entry["value"] for key, entry in resources[name].items()}

    def produce(self, topic, records, codec="none", idempotent=False, partition=0):
        producer = KafkaProducer(
            bootstrap_servers=self.server,
            compression_type=None if codec == "none" else codec,
            enable_idempotence=idempotent,
            acks="all",
            linger_ms=5,
        )
        sent = [
            producer.send(
                topic, record.value, record.key, record.headers, partition, record.timestamp_ms
            )
            for record in records
        ]
        producer.flush(LIMIT_S)
        offsets = [future.get(LIMIT_S).offset for future in sent]
        producer.close()
        return offsets

    def read_committed(self, topic, count):
        return [r.value for r in self.read(topic, 0, 0, count, isolation_level="read_committed")]

    def writer(self, transactional_id, timeout_s=60):
        return Writer(self.server, transactional_id, timeout_s)

    def read(self, topic, partition, offset, count, **config):
        of = TopicPartition(topic, partition)
        consumer = self._plain_consumer(**config)
        consumer.assign([of])
        consumer.seek(of, offset)
        records = []
        while len(records) < count:
            polled = consumer.poll(LIMIT_S * 1000)
            assert polled, f"{len(records)} of {count} records"
            records += polled[of]
        consumer.close()
        return [Record(r.value, r.key, list(r.headers), r.timestamp, r.offset) for r in records]

    def _plain_consumer(self, **config):
        return KafkaConsumer(bootstrap_servers=self.server, **config)

    def consumer(self, group, topic):
        return Consumer(self.server, group, topic)

    def committed(self, group, topic, partitions):
        offsets = self.admin.list_group_offsets({group: None})[group]
        return [offsets[TopicPartition(topic, partition)].offset for partition in partitions]

    def offsets(self, topic, partition):
        of = TopicPartition(topic, partition)
        consumer = self._plain_consumer()
        begin, end = consumer.beginning_offsets([of])[of], consumer.end_offsets([of])[of]
        consumer.close()
        return begin, end

    def max_timestamp_offset(self, topic, partition):
        of = TopicPartition(topic, partition)
        return self.admin.list_partition_offsets({of: OffsetSpec.MAX_TIMESTAMP})[of].offset

    def offset_at(self, topic, partition, time_ms):
        of = TopicPartition(topic, partition)
        consumer = self._plain_consumer()
        found = consumer.offsets_for_times({of: time_ms})[of]
        consumer.close()
        return found and found.offset

    def groups(self):
        groups = self.admin.list_groups(states_filter=["Stable", "Empty"], types_filter=["classic"])
        return {group["group_id"]: group["protocol_type"] for group in groups}

    def describe_group(self, group):
        described = self.admin.describe_groups([group])[group]
        return described["group_state"], described["protocol_type"], len(described["members"])

    def delete_records(self, topic, partition, before):
        of = TopicPartition(topic, partition)
        return self.admin.delete_records({of: before})[of]["low_watermark"]

    def delete_group(self, group):
        deleted = self.admin.delete_groups([group])
        assert deleted == {group: "OK"}, deleted

    def delete_topics(self, names):
        self.admin.delete_topics(names)


if __name__ == "__main__":
    scenarios.main(Client)
