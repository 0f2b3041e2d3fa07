"""Tests of the APIs about classic groups and the offsets of all groups."""

from suite import SUBSCRIBED, api, expect, join_body, subscription, sync_body
from wire import error

# READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS, as bits: what may be done to a group.
GROUP_OPERATIONS = sum(1 << bit for bit in (3, 6, 8, 10, 11))


@api("FindCoordinator")
def coordinator_is_found(world, version):
    host, port = world.address.rsplit(":", 1)
    # Groups, transactional ids; a share group's key is its group, topic id and partition.
    for key_type in (0, 1) if version >= 1 else (0,):
        if key_type == 1 and "EndTxn" not in world.advertised:
            continue
        keys = [world.fresh("key") for _ in range(2)]
        ask = lambda: world.call(
            "FindCoordinator", version, key=keys[0], coordinator_keys=keys, key_type=key_type
        )
        found = lambda: ask().coordinators if version >= 4 else [ask()]
        ready = lambda: all(each.error_code == 0 for each in found())
        world.until(ready, "the coordinator is there")
        for coordinator in found():
            expect(coordinator, error_code=0, node_id=1, host=host, port=int(port))
        if version >= 4:
            assert {each.key for each in found()} == set(keys)


@api("JoinGroup")
def members_join(world, version):
    group, known = world.fresh("group"), {}
    if version >= 4:
        # A new member is told its id before it may come in (KIP-394).
        refused = world.call("JoinGroup", version, **join_body(group))
        assert error(refused.error_code) == "MEMBER_ID_REQUIRED" and refused.member_id
        known = {"member_id": refused.member_id}
    member = world.join(group, version, **known)
    assert known.get("member_id", member.id) == member.id
    expect(member.answer, generation_id=1, protocol_name="range", leader=member.id)
    (listed,) = member.answer.members
    expect(listed, member_id=member.id, metadata=SUBSCRIBED)
    assert member.id.startswith("api-test-"), member.id
    if version >= 5:
        expect(listed, group_instance_id=None)
    if version >= 7:
        expect(member.answer, protocol_type="consumer")
    if version >= 9:
        expect(member.answer, skip_assignment=False)
    expect(world.call("SyncGroup", 3, **sync_body(member)), error_code=0)
    # Again, with another subscription: the leader of a stable group starts a new generation.
    changed = subscription("changed")
    protocols = [{"name": "range", "metadata": changed}]
    again = world.call(
        "JoinGroup", version, **join_body(group) | {"member_id": member.id, "protocols": protocols}
    )
    expect(again, error_code=0, generation_id=2, leader=member.id, member_id=member.id)
    assert [each.metadata for each in again.members] == [changed]


@api("JoinGroup")
def static_member_comes_back_without_a_rebalance(world, version):
    if version < 5:
        return world.join(world.fresh("group"), version)
    group = world.fresh("group")
    body = {"group_instance_id": "instance"}
    member = world.join(group, version, **body)
    expect(world.call("SyncGroup", 3, **sync_body(member), **body), error_code=0)
    again = world.join(group, version, **body)
    assert again.id != member.id and again.generation == member.generation
    sync = world.call("SyncGroup", 3, **sync_body(again) | {"assignments": []}, **body)
    expect(sync, error_code=0, assignment=b"assigned")
    stale = {"group_id": group, "generation_id": member.generation, "member_id": member.id}
    answer = world.call("Heartbeat", 3, **stale, **body)
    assert error(answer.error_code) == "FENCED_INSTANCE_ID"


@api("SyncGroup")
def assignments_are_handed_out(world, version):
    group = world.fresh("group")
    first = world.join(group)
    world.call("SyncGroup", 5, **sync_body(first), protocol_type="consumer")
    # A second member joins while the first comes again, each on a connection of its own.
    new_id = world.call("JoinGroup", 9, **join_body(group)).member_id
    second = world.connect()
    second.send("JoinGroup", 9, **join_body(group) | {"member_id": new_id})
    beat = {"group_id": group, "generation_id": 1, "member_id": first.id}
    rebalances = lambda: (
        error(world.call("Heartbeat", 4, **beat).error_code) == "REBALANCE_IN_PROGRESS"
    )
    world.until(rebalances, "the group rebalances")
    led = world.call("JoinGroup", 9, **join_body(group) | {"member_id": first.id})
    followed = second.receive("JoinGroup", 9)
    expect(led, error_code=0, generation_id=2, leader=first.id)
    expect(followed, error_code=0, generation_id=2, leader=first.id, members=[])
    assert {each.member_id for each in led.members} == {first.id, new_id}

    body = {
        "group_id": group,
        "generation_id": 2,
        "protocol_type": "consumer",
        "protocol_name": "range",
    }
    second.send("SyncGroup", version, **body, member_id=new_id)
    shares = [
        {"member_id": first.id, "assignment": b"1"},
        {"member_id": new_id, "assignment": b"2"},
    ]
    answers = [
        world.call("SyncGroup", version, **body, member_id=first.id, assignments=shares),
        second.receive("SyncGroup", version),
    ]
    second.close()
    for answer, share in zip(answers, (b"1", b"2")):
        expect(answer, error_code=0, assignment=share)
        if version >= 5:
            expect(answer, protocol_type="consumer", protocol_name="range")


@api("Heartbeat")
def member_is_alive(world, version):
    member = world.group()
    body = {"group_id": member.group, "generation_id": member.generation, "member_id": member.id}
    expect(world.call("Heartbeat", version, **body), error_code=0)
    for wrong, expected in (
        ({"generation_id": member.generation + 1}, "ILLEGAL_GENERATION"),
        ({"member_id": "nobody"}, "UNKNOWN_MEMBER_ID"),
        ({"group_id": world.fresh("group")}, "UNKNOWN_MEMBER_ID"),
    ):
        assert error(world.call("Heartbeat", version, **body | wrong).error_code) == expected


@api("LeaveGroup")
def members_leave(world, version):
    member = world.group(group_instance_id="instance")
    leaving = [{"member_id": member.id}]
    if version >= 3:
        leaving = [{"member_id": "", "group_instance_id": "instance"}, {"member_id": "nobody"}]
    answer = world.call(
        "LeaveGroup", version, group_id=member.group, member_id=member.id, members=leaving
    )
    expect(answer, error_code=0)
    if version >= 3:
        left, unknown = answer.members
        expect(left, group_instance_id="instance", error_code=0)
        assert error(unknown.error_code) == "UNKNOWN_MEMBER_ID"
    (group,) = world.call("DescribeGroups", 5, groups=[member.group]).groups
    expect(group, group_state="Empty", members=[])


@api("DescribeGroups")
def groups_are_described(world, version):
    member, missing = world.group(group_instance_id="instance"), world.fresh("missing")
    body = {"groups": [member.group, missing], "include_authorized_operations": True}
    group, dead = world.call("DescribeGroups", version, **body).groups
    expect(
        group,
        error_code=0,
        group_id=member.group,
        group_state="Stable",
        protocol_type="consumer",
        protocol_data="range",
    )
    (described,) = group.members
    expect(described, member_id=member.id, client_id="api-test", client_host="/127.0.0.1")
    expect(described, member_metadata=SUBSCRIBED, member_assignment=b"assigned")
    if version >= 3:
        expect(group, authorized_operations=GROUP_OPERATIONS)
    if version >= 4:
        expect(described, group_instance_id="instance")
    # A group that is not there was dead without an error, until KIP-1043 gave it one.
    expected = "GROUP_ID_NOT_FOUND" if version >= 6 else "NONE"
    expect(dead, group_id=missing, group_state="Dead", protocol_type="", members=[])
    assert error(dead.error_code) == expected, dead
    if version >= 6:
        expect(group, error_message=None)
        assert dead.error_message


@api("ListGroups")
def groups_are_listed(world, version):
    stable = world.group().group
    empty = world.fresh("simple")
    assert world.commit(empty, world.topic(), 1) == "NONE"

    def listed(**filters):
        answer = world.call("ListGroups", version, **filters)
        expect(answer, error_code=0)
        return {each.group_id: each for each in answer.groups}

    everything = listed()
    expect(everything[stable], protocol_type="consumer")
    expect(everything[empty], protocol_type="")
    if version >= 4:
        expect(everything[stable], group_state="Stable")
        expect(everything[empty], group_state="Empty")
        stables = listed(states_filter=["Stable"])
        assert stable in stables and empty not in stables
        assert {empty, stable} <= set(listed(states_filter=["empty", "STABLE"]))
    if version >= 5:
        expect(everything[stable], group_type="classic")
        assert {empty, stable} <= set(listed(types_filter=["Classic"]))
        assert not {empty, stable} & set(listed(types_filter=["consumer"]))


@api("DeleteGroups")
def empty_groups_are_deleted(world, version):
    topic = world.topic()
    empty, busy, missing = world.fresh("simple"), world.group().group, world.fresh("missing")
    assert world.commit(empty, topic, 1) == "NONE"
    answer = world.call("DeleteGroups", version, groups_names=[empty, busy, missing])
    codes = {each.group_id: error(each.error_code) for each in answer.results}
    assert codes == {empty: "NONE", busy: "NON_EMPTY_GROUP", missing: "GROUP_ID_NOT_FOUND"}, codes
    assert world.committed(empty, topic) == -1


@api("OffsetCommit")
def offsets_are_committed(world, version):
    topic = world.topic()
    # By a member of a group, and by someone who only keeps offsets there.
    member, simple = world.group(), world.fresh("simple")
    assert world.commit(simple, topic, 3, version) == "NONE"
    ids = {"member_id": member.id, "generation_id_or_member_epoch": member.generation}
    assert world.commit(member.group, topic, 4, version, **ids) == "NONE"
    assert (world.committed(simple, topic), world.committed(member.group, topic)) == (3, 4)
    assert world.commit(simple, topic, 1, version) == "NONE"
    assert world.committed(simple, topic) == 1
    for wrong, expected in (
        ({"member_id": member.id, "generation_id_or_member_epoch": 9}, "ILLEGAL_GENERATION"),
        ({"member_id": "nobody", "generation_id_or_member_epoch": 1}, "UNKNOWN_MEMBER_ID"),
        ({}, "UNKNOWN_MEMBER_ID"),
    ):
        assert world.commit(member.group, topic, 9, version, **wrong) == expected, wrong


@api("OffsetFetch")
def offsets_are_fetched(world, version):
    topic, other = world.topic(partitions=2), world.topic()
    group = world.fresh("simple")
    assert world.commit(group, topic, 7, partition=1) == "NONE"

    def fetch(topics):
        body = {
            "group_id": group,
            "topics": topics,
            "groups": [{"group_id": group, "topics": topics}],
        }
        answer = world.call("OffsetFetch", version, **body)
        if version >= 8:
            (answer,) = answer.groups
            expect(answer, group_id=group)
        if version >= 2:
            expect(answer, error_code=0)
        name = (lambda each: each.topic_id) if version >= 10 else (lambda each: each.name)
        return {
            (name(each), p.partition_index): p for each in answer.topics for p in each.partitions
        }

    key = (lambda it: it.id) if version >= 10 else (lambda it: it.name)
    wanted = [
        {"name": topic.name, "topic_id": topic.id, "partition_indexes": [0, 1]},
        {"name": other.name, "topic_id": other.id, "partition_indexes": [0]},
    ]
    found = fetch(wanted)
    assert set(found) == {(key(topic), 0), (key(topic), 1), (key(other), 0)}, found
    expect(found[key(topic), 1], error_code=0, committed_offset=7, metadata="noted")
    for nothing in ((key(topic), 0), (key(other), 0)):
        expect(found[nothing], error_code=0, committed_offset=-1, metadata="")
    if version >= 5:
        expect(found[key(topic), 1], committed_leader_epoch=0)
        expect(found[key(topic), 0], committed_leader_epoch=-1)
    if version >= 2:
        assert set(fetch(None)) == {(key(topic), 1)}


@api("OffsetDelete")
def offsets_are_deleted(world, version):
    topic = world.topic(partitions=2)
    group = world.fresh("simple")
    for partition in (0, 1):
        assert world.commit(group, topic, 5, partition=partition) == "NONE"
    topics = [{"name": topic.name, "partitions": [{"partition_index": 1}]}]
    answer = world.call("OffsetDelete", version, group_id=group, topics=topics)
    expect(answer, error_code=0)
    expect(answer.topics[0].partitions[0], partition_index=1, error_code=0)
    assert [world.committed(group, topic, partition) for partition in (0, 1)] == [5, -1]
    answer = world.call("OffsetDelete", version, group_id=world.fresh("missing"), topics=topics)
    assert error(answer.error_code) == "GROUP_ID_NOT_FOUND"
