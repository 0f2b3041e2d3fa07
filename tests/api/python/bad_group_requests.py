"""Requests that a broker has to refuse, or that are odd: about groups and their offsets."""

import consumer_groups
from comparison import NO_ID, Named, cases
from suite import join_body, subscription, sync_body


def join(**body):
    return lambda stage: join_body(stage.missing("group")) | body


def known(**body):
    return lambda stage: join_body(stage.member.group) | {"member_id": stage.member.id} | body


PROTOCOLS = [{"name": "range", "metadata": subscription("t")}]
cases(
    "JoinGroup",
    9,
    no_group=join(group_id=""),
    session_too_short=join(session_timeout=1),
    session_too_long=join(session_timeout=2_000_000_000),
    negative_rebalance_timeout=join(rebalance_timeout=-1, session_timeout=1),
    no_protocols=join(protocols=[]),
    no_protocol_type=join(protocol_type=""),
    unknown_member=join(member_id="nobody"),
    unknown_member_of_a_group_that_is=known(member_id="nobody"),
    other_protocol_type=known(protocol_type="connect"),
    other_protocols=known(
        protocols=[{"name": "other", "metadata": subscription("t")}], member_id=""
    ),
    no_instance=join(group_instance_id=""),
    unknown_static_member=join(group_instance_id="i", member_id="nobody"),
)
cases(
    "JoinGroup",
    3,
    no_protocols_in_version_3=join(protocols=[]),
    no_group_in_version_3=join(group_id=""),
)


def sync(version=5, **body):
    return lambda stage: sync_body(stage.member) | {"protocol_type": "consumer"} | body


cases(
    "SyncGroup",
    5,
    no_group=sync(group_id=""),
    unknown_group=sync(group_id="never-made"),
    unknown_member=sync(member_id="nobody"),
    no_member=sync(member_id=""),
    old_generation=sync(generation_id=0),
    generation_of_the_future=sync(generation_id=9),
    other_protocol_type=sync(protocol_type="connect"),
    other_protocol=sync(protocol_name="other"),
    unknown_instance=sync(group_instance_id="nobody"),
    no_protocol=sync(protocol_type=None, protocol_name=None),
)


def beat(**body):
    return lambda s: (
        {"group_id": s.member.group, "generation_id": 1, "member_id": s.member.id} | body
    )


cases(
    "Heartbeat",
    4,
    no_group=beat(group_id=""),
    no_member=beat(member_id=""),
    negative_generation=beat(generation_id=-1),
    unknown_instance=beat(group_instance_id="nobody"),
)


def leave(*members, **body):
    return lambda s: (
        {"group_id": s.member.group, "members": [dict(member) for member in members]} | body
    )


cases(
    "LeaveGroup",
    5,
    no_group=leave({"member_id": "a"}, group_id=""),
    unknown_group=leave({"member_id": "a"}, group_id="never-made"),
    unknown_member=leave({"member_id": "a"}),
    unknown_instance=leave({"member_id": "", "group_instance_id": "nobody"}),
    nobody=leave(),
)
cases(
    "LeaveGroup",
    2,
    unknown_member_in_version_2=lambda s: {"group_id": s.member.group, "member_id": "a"},
    unknown_group_in_version_2=lambda s: {"group_id": "never-made", "member_id": "a"},
)


def commit(offset=1, partition=0, topic=None, metadata="", **body):
    def make(stage):
        named = topic(stage) if topic else stage.topic
        committed = {
            "partition_index": partition,
            "committed_offset": offset,
            "committed_metadata": metadata,
        }
        topics = [{"name": named.name, "topic_id": named.id, "partitions": [committed]}]
        return {"group_id": stage.missing("simple"), "topics": topics} | body

    return make


cases(
    "OffsetCommit",
    9,
    no_group=commit(group_id=""),
    unknown_topic=commit(topic=lambda s: Named(s.missing())),
    unknown_partition=commit(partition=9),
    negative_partition=commit(partition=-1),
    negative_offset=commit(-1),
    very_negative_offset=commit(-9),
    large_metadata=commit(metadata="m" * 4097),
    largest_metadata=commit(metadata="m" * 4096),
    null_metadata=commit(metadata=None),
    member_of_an_unknown_group=commit(member_id="nobody", generation_id_or_member_epoch=1),
    generation_without_a_member=commit(generation_id_or_member_epoch=1),
    member_without_a_generation=commit(member_id="nobody"),
    instance_of_an_unknown_group=commit(group_instance_id="nobody"),
    no_topics=commit(topics=[]),
)
cases("OffsetCommit", 10, unknown_topic_id=commit(topic=lambda s: Named("")))
cases("OffsetCommit", 2, unknown_topic_in_version_2=commit(topic=lambda s: Named(s.missing())))


def committed(group, topics=None, **body):
    def make(stage):
        name = group if isinstance(group, str) else group(stage)
        named = topics(stage) if topics else None
        return {"groups": [{"group_id": name, "topics": named} | body]}

    return make


cases(
    "OffsetFetch",
    9,
    no_group=committed(""),
    unknown_group=committed("never-made"),
    unknown_topic=committed(
        lambda s: s.subscriber.group, lambda s: [{"name": "never-made", "partition_indexes": [0]}]
    ),
    unknown_partition=committed(
        lambda s: s.subscriber.group,
        lambda s: [{"name": s.topic.name, "partition_indexes": [9, -1]}],
    ),
    no_topics=committed(lambda s: s.subscriber.group, lambda s: []),
    unknown_member=committed(lambda s: s.subscriber.group, member_id="nobody", member_epoch=3),
    no_groups=lambda s: {"groups": []},
    group_named_twice=lambda s: {"groups": [{"group_id": "never-made", "topics": None}] * 2},
)
cases(
    "OffsetFetch",
    10,
    unknown_topic_id=committed(
        lambda s: s.subscriber.group, lambda s: [{"topic_id": NO_ID, "partition_indexes": [0]}]
    ),
)


def forget(group, topic, *partitions):
    def make(stage):
        wanted = [{"partition_index": index} for index in partitions]
        return {"group_id": group(stage), "topics": [{"name": topic(stage), "partitions": wanted}]}

    return make


cases(
    "OffsetDelete",
    0,
    no_group=forget(lambda s: "", lambda s: s.topic.name, 0),
    unknown_topic=forget(lambda s: s.member.group, lambda s: "never-made", 0),
    unknown_partition=forget(lambda s: s.member.group, lambda s: s.topic.name, 9),
    topic_that_is_subscribed=forget(lambda s: s.subscriber.group, lambda s: s.topic.name, 0),
    offset_that_is_not_there=forget(lambda s: s.member.group, lambda s: s.topic.name, 1),
)
cases(
    "DeleteGroups",
    2,
    no_name=lambda s: {"groups_names": [""]},
    nothing=lambda s: {"groups_names": []},
)
cases(
    "DeleteGroups",
    2,
    unknown_group_twice=lambda s: {"groups_names": ["never-made"] * 2},
    busy_group=lambda s: {"groups_names": [s.member.group]},
)
cases("DescribeGroups", 6, no_name=lambda s: {"groups": [""]}, nothing=lambda s: {"groups": []})
cases("DescribeGroups", 4, unknown_group_in_version_4=lambda s: {"groups": ["never-made"]})
cases(
    "ListGroups",
    5,
    unknown_state=lambda s: {"states_filter": ["Confused"]},
    unknown_type=lambda s: {"types_filter": ["confused"]},
)
cases(
    "FindCoordinator",
    6,
    unknown_type=lambda s: {"coordinator_keys": ["a"], "key_type": 9},
    negative_type=lambda s: {"coordinator_keys": ["a"], "key_type": -1},
    no_key=lambda s: {"coordinator_keys": [""], "key_type": 0},
    no_keys=lambda s: {"coordinator_keys": [], "key_type": 0},
    bad_key_of_a_share_group=lambda s: {"coordinator_keys": ["a"], "key_type": 2},
)
cases(
    "FindCoordinator",
    3,
    unknown_type_in_version_3=lambda s: {"key": "a", "key_type": 9},
    no_key_in_version_3=lambda s: {"key": "", "key_type": 0},
)


def beat_of(**body):
    """The heartbeat of a member that joins a group of the new protocol (KIP-848)."""

    def make(stage):
        base = {
            "group_id": stage.missing("group"),
            "member_id": "a-member",
            "member_epoch": 0,
            "rebalance_timeout": 10_000,
            "subscribed_topic_names": [stage.topic.name],
            "topic_partitions": [],
        }
        return base | body

    return make


def joined(**body):
    """The next heartbeat of a member of such a group."""

    def make(stage):
        group = stage.missing("group")
        member_id, epoch = consumer_groups.join(stage.world, 1, group, stage.topic)
        base = {"group_id": group, "member_id": member_id, "member_epoch": epoch}
        return base | {"rebalance_timeout": -1, "topic_partitions": None} | body

    return make


def described(version, name):
    """A group of the new protocol in a request of the classic one."""

    def make(stage):
        group = stage.missing("group")
        consumer_groups.join(stage.world, 1, group, stage.topic)
        return {name: [group]}

    return make


def joining(stage):
    group = stage.missing("group")
    consumer_groups.join(stage.world, 1, group, stage.topic)
    return join_body(group)


cases(
    "ConsumerGroupHeartbeat",
    1,
    no_group=beat_of(group_id=""),
    no_member=beat_of(member_id=""),
    unknown_group=beat_of(member_epoch=3),
    negative_epoch=beat_of(member_epoch=-5),
    static_leave_without_an_instance=beat_of(member_epoch=-2),
    leave_of_an_unknown_group=beat_of(member_epoch=-1),
    no_rebalance_timeout=beat_of(rebalance_timeout=-1),
    no_subscription=beat_of(subscribed_topic_names=None),
    empty_subscription=beat_of(subscribed_topic_names=[]),
    no_partitions_named=beat_of(topic_partitions=None),
    partitions_before_the_join=beat_of(topic_partitions=[{"topic_id": NO_ID, "partitions": [0]}]),
    unknown_assignor=beat_of(server_assignor="random"),
    no_assignor=beat_of(server_assignor=""),
    no_instance=beat_of(instance_id=""),
    no_rack=beat_of(rack_id=""),
    bad_pattern=beat_of(subscribed_topic_names=None, subscribed_topic_regex="["),
    classic_group=lambda s: beat_of(group_id=s.member.group, member_epoch=3)(s),
    epoch_of_the_future=joined(member_epoch=99),
    old_epoch=joined(member_epoch=-7),
    unknown_member_of_a_group=joined(member_id="nobody"),
    instance_of_nobody=joined(instance_id="nobody"),
    unknown_topic=joined(subscribed_topic_names=["never-made"]),
)
cases(
    "ConsumerGroupDescribe",
    1,
    no_name=lambda s: {"group_ids": [""]},
    classic_group=lambda s: {"group_ids": [s.member.group]},
    nothing=lambda s: {"group_ids": []},
)
cases("DescribeGroups", 6, group_of_the_new_protocol=described(6, "groups"))
cases("DeleteGroups", 2, group_of_the_new_protocol=described(2, "groups_names"))
cases("JoinGroup", 9, group_of_the_new_protocol_without_a_subscription_to_it=joining)
