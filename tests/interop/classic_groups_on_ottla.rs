//! Java's consumers in classic groups under load, eager, cooperative and static: members join, leave and are killed, and
//! nothing is lost, nor read twice but where a member died with it.

use crate::group_member::{Member, wait_for_shares};
use crate::groups_on_ottla::{Load, wait_for_records};
use crate::ottla_broker::OttlaBroker;

const RECORDS: usize = 6_000;
/// A member that dies has read as much and not committed it: `max.poll.records`.
const UNCOMMITTED_MAX: usize = 500;
const SETTINGS: [&str; 4] = [
    "num.partitions=6",
    "offsets.topic.num.partitions=1",
    "group.initial.rebalance.delay.ms=500",
    "group.min.session.timeout.ms=1000",
];

#[test]
fn eager_group_loses_nothing_while_members_come_and_go() {
    check("RangeAssignor", false);
}

#[test]
fn cooperative_group_loses_nothing_while_members_come_and_go() {
    check("CooperativeStickyAssignor", false);
}

#[test]
fn static_group_loses_nothing_while_members_come_and_go() {
    check("RangeAssignor", true);
}

fn check(assignor: &str, is_static: bool) {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &SETTINGS);
    let assignor =
        format!("partition.assignment.strategy=org.apache.kafka.clients.consumer.{assignor}");
    let start = |name: &str| {
        let instance = format!("group.instance.id={name}");
        let quick = ["heartbeat.interval.ms=300", "session.timeout.ms=6000"];
        let mut settings = vec!["group.protocol=classic", &assignor];
        settings.extend(quick);
        if is_static {
            settings.push(&instance);
        }
        Member::start(&broker, "g", "orders", &settings)
    };
    let load = Load::start(&broker, "orders", RECORDS);
    let (mut first, mut second) = (start("a"), start("b"));
    wait_for_shares(&[&first, &second], &[3, 3]);
    let mut third = start("c");
    wait_for_shares(&[&first, &second, &third], &[2, 2, 2]);
    second.kill();
    // A static member takes the place of the one that died; another waits until its session is over.
    let mut fourth = start("b");
    wait_for_shares(&[&first, &third, &fourth], &[2, 2, 2]);
    first.leave();
    wait_for_shares(&[&third, &fourth], &[3, 3]);
    load.finish();

    let members = [&first, &second, &third, &fourth];
    let again = wait_for_records(&members, RECORDS);
    // A member may be told to rebalance between its poll and its commit.
    let refused = members.iter().flat_map(|member| member.lines());
    let refused = refused.filter(|line| line.starts_with("refused")).count();
    let allowed = UNCOMMITTED_MAX * (1 + refused);
    assert!(again <= allowed, "{again} records were read twice; {refused} commits were refused");
    third.leave();
    fourth.leave();
    broker.stop();
}
