"""Tests of the APIs of the consumer protocol of KIP-848."""

import uuid

from suite import api, expect
from wire import error


def heartbeat(world, version, group, member_id, epoch, **body):
    base = {"rebalance_timeout": -1, "topic_partitions": None}
    if epoch == 0:
        base = {"rebalance_timeout": 10_000, "topic_partitions": []}
    body = base | body
    return world.call(
        "ConsumerGroupHeartbeat",
        version,
        group_id=group,
        member_id=member_id,
        member_epoch=epoch,
        **body,
    )


def join(world, version, group, topic):
    """A member with all partitions of a topic: its id and epoch."""
    # From version 1 on the client names itself.
    member_id = str(uuid.uuid4()) if version >= 1 else ""
    answer = heartbeat(world, version, group, member_id, 0, subscribed_topic_names=[topic.name])
    expect(answer, error_code=0, error_message=None)
    member_id, assignment = answer.member_id, answer.assignment

    def assigned():
        nonlocal answer, assignment
        answer = heartbeat(world, version, group, member_id, answer.member_epoch)
        expect(answer, error_code=0, member_id=member_id)
        assignment = answer.assignment or assignment
        return assignment and assignment.topic_partitions

    if not assignment.topic_partitions:
        world.until(assigned, "the member has partitions")
    (share,) = assignment.topic_partitions
    expect(share, topic_id=topic.id)
    assert sorted(share.partitions) == list(range(topic.partitions))
    owned = [{"topic_id": topic.id, "partitions": share.partitions}]
    answer = heartbeat(
        world, version, group, member_id, answer.member_epoch, topic_partitions=owned
    )
    expect(answer, error_code=0)
    assert answer.heartbeat_interval == 5000 and answer.member_epoch > 0
    return member_id, answer.member_epoch


@api("ConsumerGroupHeartbeat")
def member_joins_and_leaves(world, version):
    topic, group = world.topic(partitions=3), world.fresh("group")
    member_id, epoch = join(world, version, group, topic)
    ids = {"member_id": member_id, "generation_id_or_member_epoch": epoch}
    assert world.commit(group, topic, 2, **ids) == "NONE"
    assert (
        world.commit(group, topic, 2, **ids | {"generation_id_or_member_epoch": epoch + 1})
        == "STALE_MEMBER_EPOCH"
    )
    fenced = heartbeat(world, version, group, member_id, epoch + 7)
    assert error(fenced.error_code) == "FENCED_MEMBER_EPOCH"
    left = heartbeat(world, version, group, member_id, -1)
    expect(left, error_code=0, member_epoch=-1)
    gone = heartbeat(world, version, group, member_id, epoch)
    assert error(gone.error_code) == "UNKNOWN_MEMBER_ID"
    assert world.committed(group, topic) == 2


@api("ConsumerGroupHeartbeat")
def member_subscribes_by_a_pattern(world, version):
    if version < 1:
        topic = world.topic()
        return join(world, version, world.fresh("group"), topic)
    topic, group = world.topic(), world.fresh("group")
    member_id = str(uuid.uuid4())
    pattern = topic.name[:-1] + "[" + topic.name[-1] + "]"
    answer = heartbeat(world, version, group, member_id, 0, subscribed_topic_regex=pattern)
    expect(answer, error_code=0)
    epoch = answer.member_epoch

    def assigned():
        nonlocal answer, epoch
        answer = heartbeat(world, version, group, member_id, epoch)
        expect(answer, error_code=0)
        epoch = answer.member_epoch
        return answer.assignment and answer.assignment.topic_partitions

    (share,) = (answer.assignment and answer.assignment.topic_partitions) or world.until(
        assigned, "there is an assignment"
    )
    expect(share, topic_id=topic.id, partitions=[0])
    bad = heartbeat(world, version, group, str(uuid.uuid4()), 0, subscribed_topic_regex="[")
    assert error(bad.error_code) == "INVALID_REGULAR_EXPRESSION"
    heartbeat(world, version, group, member_id, -1)


@api("ConsumerGroupDescribe")
def group_is_described(world, version):
    topic, group, missing = world.topic(partitions=2), world.fresh("group"), world.fresh("missing")
    member_id, epoch = join(world, 1, group, topic)
    body = {"group_ids": [group, missing], "include_authorized_operations": True}
    found, dead = world.call("ConsumerGroupDescribe", version, **body).groups
    expect(
        found,
        error_code=0,
        error_message=None,
        group_id=group,
        group_state="Stable",
        assignor_name="uniform",
    )
    expect(found, group_epoch=epoch, assignment_epoch=epoch)
    (member,) = found.members
    expect(
        member,
        member_id=member_id,
        member_epoch=epoch,
        client_id="api-test",
        client_host="/127.0.0.1",
    )
    expect(member, instance_id=None, rack_id=None, subscribed_topic_names=[topic.name])
    for assignment in (member.assignment, member.target_assignment):
        (share,) = assignment.topic_partitions
        expect(share, topic_id=topic.id, topic_name=topic.name)
        assert sorted(share.partitions) == [0, 1]
    if version >= 1:
        expect(member, member_type=1)
    assert error(dead.error_code) == "GROUP_ID_NOT_FOUND" and dead.members == []
    listed = world.call("ListGroups", 5, types_filter=["consumer"]).groups
    assert [each.group_state for each in listed if each.group_id == group] == ["Stable"]
    heartbeat(world, 1, group, member_id, -1)
