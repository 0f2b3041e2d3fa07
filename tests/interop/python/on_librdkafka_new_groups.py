"""The group of three with confluent-kafka and the consumer protocol (KIP-848)."""

import confluent_kafka as ck

import on_librdkafka
import scenarios


class Consumer(on_librdkafka.Consumer):
    """A member that the broker assigns to."""

    def __init__(self, server, group, topic):
        self.consumer = ck.Consumer(
            {
                "bootstrap.servers": server,
                "group.id": group,
                "group.protocol": "consumer",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        self.consumer.subscribe([topic])


class Client(on_librdkafka.Client):
    def consumer(self, group, topic):
        return Consumer(self.server, group, topic)

    def describe_group(self, group):
        # It cannot describe such a group yet, but list it.
        listed = self.admin.list_consumer_groups(types={ck.ConsumerGroupType.CONSUMER})
        (found,) = [found for found in listed.result(10).valid if found.group_id == group]
        return found.state.name, "consumer", None


if __name__ == "__main__":
    scenarios.main(Client)
