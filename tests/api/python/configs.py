"""Tests of the APIs about configurations."""

from suite import api, expect

TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32
# Where a value comes from.
DYNAMIC_TOPIC, DYNAMIC_DEFAULT_BROKER, STATIC_BROKER, DEFAULT = 1, 3, 4, 5
SET, DELETE, APPEND, SUBTRACT = range(4)


def describe(world, kind, name, *keys, version=4, **body):
    """The entries of a resource by their names."""
    resource = {
        "resource_type": kind,
        "resource_name": name,
        "configuration_keys": list(keys) or None,
    }
    answer = world.call("DescribeConfigs", version, resources=[resource], **body)
    (result,) = answer.results
    expect(result, error_code=0, resource_type=kind, resource_name=name)
    return {entry.name: entry for entry in result.configs}


@api("DescribeConfigs")
def topic_is_described(world, version):
    topic = world.topic(retention_ms="12345", cleanup_policy="compact,delete")
    entries = describe(world, TOPIC, topic.name, version=version)
    assert len(entries) > 30, sorted(entries)
    expect(
        entries["retention.ms"],
        value="12345",
        config_source=DYNAMIC_TOPIC,
        read_only=False,
        is_sensitive=False,
    )
    expect(entries["retention.ms"], synonyms=[])
    expect(entries["segment.bytes"], value="1073741824", config_source=DEFAULT)
    asked = describe(
        world,
        TOPIC,
        topic.name,
        "retention.ms",
        "cleanup.policy",
        version=version,
        include_synonyms=True,
        include_documentation=True,
    )
    assert set(asked) == {"retention.ms", "cleanup.policy"}
    # What would hold without it comes after it, under the broker's name for it.
    first, second, *_ = asked["retention.ms"].synonyms
    expect(first, name="retention.ms", value="12345", source=DYNAMIC_TOPIC)
    expect(second, name="log.retention.ms", value="-1", source=STATIC_BROKER)
    if version >= 3:
        # A long, and a list; with what they are for.
        assert (asked["retention.ms"].config_type, asked["cleanup.policy"].config_type) == (5, 7)
        assert asked["retention.ms"].documentation


@api("DescribeConfigs")
def broker_is_described(world, version):
    entries = describe(world, BROKER, "1", version=version)
    assert len(entries) > 200, sorted(entries)
    expect(entries["num.partitions"], value="1", config_source=DEFAULT, read_only=True)
    expect(entries["group.initial.rebalance.delay.ms"], value="0", config_source=STATIC_BROKER)
    expect(entries["log.retention.ms"], value="-1", config_source=STATIC_BROKER, read_only=False)
    expect(entries["ssl.keystore.password"], value=None, is_sensitive=True)
    one = describe(world, BROKER, "1", "log.dirs", version=version, include_synonyms=True)
    assert list(one) == ["log.dirs"] and one["log.dirs"].value
    # The defaults of the whole cluster: eligible leader replicas need this one (KIP-966).
    (default,) = describe(world, BROKER, "", version=version).values()
    expect(default, name="min.insync.replicas", value="1", config_source=DYNAMIC_DEFAULT_BROKER)


@api("AlterConfigs")
def configs_are_replaced(world, version):
    topic = world.topic(retention_ms="1000", segment_ms="2000")
    configs = [{"name": "retention.bytes", "value": "3000"}]
    resource = {"resource_type": TOPIC, "resource_name": topic.name, "configs": configs}
    for validate_only, expected in (
        (True, ("1000", "2000", "-1")),
        (False, ("-1", "604800000", "3000")),
    ):
        answer = world.call(
            "AlterConfigs", version, resources=[resource], validate_only=validate_only
        )
        expect(
            answer.responses[0],
            error_code=0,
            error_message=None,
            resource_type=TOPIC,
            resource_name=topic.name,
        )
        has = lambda: tuple(
            describe(world, TOPIC, topic.name)[name].value
            for name in ("retention.ms", "segment.ms", "retention.bytes")
        )
        world.until(lambda: has() == expected, f"the configs are {expected}")


@api("IncrementalAlterConfigs")
def configs_are_changed_one_by_one(world, version):
    topic = world.topic(retention_ms="1000", segment_ms="2000", cleanup_policy="compact")
    changes = (
        ("retention.bytes", SET, "3000"),
        ("segment.ms", DELETE, None),
        ("cleanup.policy", APPEND, "delete"),
    )
    alter(world, version, TOPIC, topic.name, changes, validate_only=True)
    alter(world, version, TOPIC, topic.name, changes)
    expected = {
        "retention.ms": "1000",
        "retention.bytes": "3000",
        "segment.ms": "604800000",
        "cleanup.policy": "compact,delete",
    }
    entries = lambda: {name: describe(world, TOPIC, topic.name)[name].value for name in expected}
    world.until(lambda: entries() == expected, f"the configs are {expected}")
    alter(world, version, TOPIC, topic.name, [("cleanup.policy", SUBTRACT, "compact")])
    world.until(lambda: entries()["cleanup.policy"] == "delete", "compact is subtracted")


@api("IncrementalAlterConfigs")
def every_kind_of_resource_is_changed(world, version):
    for kind, name, key, value in (
        (BROKER, "1", "message.max.bytes", "1000001"),
        (BROKER, "", "message.max.bytes", "1000000"),
        (CLIENT_METRICS, world.fresh("metrics"), "interval.ms", "5000"),
        (GROUP, world.fresh("group"), "consumer.session.timeout.ms", "50000"),
    ):
        alter(world, version, kind, name, [(key, SET, value)])
        entry = lambda: describe(world, kind, name).get(key)
        found = world.until(
            lambda: (it := entry()) and it.value == value and it, f"{key} is {value}"
        )
        expect(found, read_only=False, is_sensitive=False)
        alter(world, version, kind, name, [(key, DELETE, None)])
        world.until(lambda: not (it := entry()) or it.value != value, f"{key} is not set any more")


def alter(world, version, kind, name, changes, **body):
    names = ("name", "config_operation", "value")
    configs = [dict(zip(names, change)) for change in changes]
    resource = {"resource_type": kind, "resource_name": name, "configs": configs}
    answer = world.call("IncrementalAlterConfigs", version, resources=[resource], **body)
    (result,) = answer.responses
    expect(result, error_code=0, error_message=None, resource_type=kind, resource_name=name)


@api("ListConfigResources")
def resources_that_have_configs_are_listed(world, version):
    name = world.fresh("metrics")
    alter(world, 1, CLIENT_METRICS, name, [("interval.ms", SET, "5000")])
    listed = lambda *kinds: world.call("ListConfigResources", version, resource_types=kinds)
    world.until(lambda: name in names_of(listed(CLIENT_METRICS)), f"{name} is listed")
    if version >= 1:
        topic = world.topic()
        every = {(each.resource_type, each.resource_name) for each in listed().config_resources}
        assert {(TOPIC, topic.name), (BROKER, "1"), (CLIENT_METRICS, name)} <= every, every
        assert names_of(listed(BROKER)) == ["1"]
    alter(world, 1, CLIENT_METRICS, name, [("interval.ms", DELETE, None)])
    world.until(lambda: name not in names_of(listed(CLIENT_METRICS)), f"{name} is not listed")


def names_of(answer):
    expect(answer, error_code=0)
    return [each.resource_name for each in answer.config_resources]
