//! Java's consumers of both protocols in groups that are never at rest: members join, leave, die and change their
//! protocol while records come in. No record is lost, and none is read twice but where a member died with it.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::dump_log::dump_log;
use crate::group_member::{Member, last_said, read_counts, wait_for_shares};
use crate::jvm::{wait_until, waited};
use crate::kafka_dist::kafka_dist;
use crate::ottla_broker::OttlaBroker;

const LIMIT: Duration = Duration::from_secs(300);
const NEW: &str = "group.protocol=consumer";
const CLASSIC: &str = "group.protocol=classic";
/// Quick heartbeats, so that a test is not all waiting.
const QUICK: [&str; 6] = [
    "group.consumer.min.heartbeat.interval.ms=300",
    "group.consumer.heartbeat.interval.ms=300",
    "group.consumer.assignment.interval.ms=0",
    "group.initial.rebalance.delay.ms=0",
    "offsets.topic.num.partitions=1",
    "num.partitions=6",
];
/// For tests in which a member dies.
const SHORT_SESSIONS: [&str; 2] =
    ["group.consumer.min.session.timeout.ms=10000", "group.consumer.session.timeout.ms=10000"];
/// Where none does, a machine on which a JVM takes a minute to start is not to make it look as if.
const LONG_SESSIONS: [&str; 2] =
    ["group.consumer.max.session.timeout.ms=600000", "group.consumer.session.timeout.ms=600000"];
/// What classic members say for themselves.
const CLASSIC_QUICK: [&str; 3] =
    [CLASSIC, "heartbeat.interval.ms=300", "session.timeout.ms=600000"];

fn tool(broker: &OttlaBroker, class: &str, args: &[&str]) -> String {
    let args = [&["--bootstrap-server", broker.bootstrap()], args].concat();
    kafka_dist().stdout(&format!("org.apache.kafka.tools.{class}"), &args, LIMIT)
}

/// A producer at work: so many records, at some hundred in a second.
#[derive(Debug)]
pub(crate) struct Load(Child);

impl Load {
    pub(crate) fn start(broker: &OttlaBroker, topic: &str, count: usize) -> Self {
        let mut command = kafka_dist().java(&[], "org.apache.kafka.tools.VerifiableProducer");
        command.args(["--bootstrap-server", broker.bootstrap(), "--topic", topic]);
        command.args(["--max-messages", &count.to_string(), "--throughput", "300"]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(child.spawn().expect("Java runs"))
    }

    /// Waits until all has been acknowledged.
    pub(crate) fn finish(mut self) {
        wait_until("the producer", || self.0.try_wait().expect("it is our child").is_some());
        assert!(self.0.wait().expect("it is our child").success(), "the producer failed");
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // Both fail only for a child that has ended and been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until the members have read so many different records, and returns how many they have read again.
pub(crate) fn wait_for_records(members: &[&Member], count: usize) -> usize {
    let have_all = waited(|| read_counts(members).len() == count);
    let found = read_counts(members).len();
    assert!(have_all, "{found} of {count}: {:#?}", last_said(members));
    read_counts(members).values().map(|times| times - 1).sum()
}

#[test]
fn members_of_the_new_protocol_join_leave_and_die_and_lose_nothing() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &[&QUICK[..], &SHORT_SESSIONS].concat());
    let start = || Member::start(&broker, "g", "orders", &[NEW]);
    let load = Load::start(&broker, "orders", 6_000);
    let mut first = start();
    wait_for_shares(&[&first], &[6]);
    let (mut second, mut third) = (start(), start());
    wait_for_shares(&[&first, &second, &third], &[2, 2, 2]);
    second.leave();
    wait_for_shares(&[&first, &third], &[3, 3]);
    let mut fourth = start();
    wait_for_shares(&[&first, &third, &fourth], &[2, 2, 2]);
    load.finish();
    check_described(&broker);
    // It dies at work.
    let load = Load::start(&broker, "orders", 3_000);
    let members = [&first, &second, &third, &fourth];
    wait_until("the load", || read_counts(&members).len() > 6_300);
    third.kill();
    wait_for_shares(&[&first, &fourth], &[3, 3]);
    load.finish();
    let again = wait_for_records(&[&first, &second, &third, &fourth], 9_000);
    // Only what the one that died had read, and had not committed, is read again.
    assert_eq!(wait_for_records(&[&first, &second, &fourth, &third], 9_000), again);
    assert!(again <= 500, "{again} records were read twice");
    first.leave();
    fourth.leave();
    let state = tool(&broker, "consumer.group.ConsumerGroupCommand", &["--list", "--state"]);
    assert!(state.contains("Empty"), "{state}");
    broker.stop();
    check_log(home.path());
}

/// What Kafka's own tool says of a group with three members.
fn check_described(broker: &OttlaBroker) {
    let describe = |what: &[&str]| {
        let args = [&["--describe", "--group", "g"], what].concat();
        tool(broker, "consumer.group.ConsumerGroupCommand", &args)
    };
    let state = describe(&["--state", "--verbose"]);
    assert!(state.contains("uniform") && state.contains("Stable"), "{state}");
    let members = describe(&["--members", "--verbose"]);
    assert_eq!(members.lines().filter(|line| line.starts_with("g ")).count(), 3, "{members}");
    let offsets = describe(&["--offsets"]);
    assert_eq!(offsets.matches("orders").count(), 6, "{offsets}");
    let groups = tool(broker, "GroupsCommand", &["--list"]);
    assert!(groups.contains("Consumer"), "{groups}");
}

/// Kafka reads our records.
fn check_log(home: &Path) {
    let log = home.join("data/__consumer_offsets-0/00000000000000000000.log");
    let dump = dump_log(&["--offsets-decoder"], &[log]);
    assert_eq!(dump.findings, Vec::<String>::new());
    let records: Vec<_> = dump.files.iter().flat_map(|file| &file.records).collect();
    // The types of the records by Kafka's numbers: epoch, member, and the three of assignments.
    for kind in [3, 5, 6, 7, 8] {
        let kind = format!("\"type\":\"{kind}\"");
        let has = |key: &Option<String>| key.as_deref().is_some_and(|key| key.contains(&kind));
        assert!(records.iter().any(|record| has(&record.key)), "no {kind} in {records:#?}");
    }
}

#[test]
fn regular_expressions_and_static_members_are_what_they_are_in_kafka() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &[&QUICK[..], &LONG_SESSIONS].concat());
    let create = |topic: &str| {
        tool(&broker, "TopicCommand", &["--create", "--topic", topic, "--partitions", "2"]);
    };
    create("orders-1");
    create("other");
    let start = |instance: &str| {
        let instance = format!("group.instance.id={instance}");
        Member::start(&broker, "g", "^orders-.*", &[NEW, &instance])
    };
    let (mut first, second) = (start("a"), start("b"));
    wait_for_shares(&[&first, &second], &[1, 1]);
    // A topic that comes later is found without anybody asking.
    create("orders-2");
    wait_for_shares(&[&first, &second], &[2, 2]);

    // Its place is taken, until it has gone: then the next one has what it had, and nobody else loses anything.
    let (had, others) = (first.assigned(), second.assigned());
    let twin = start("a");
    wait_until("the twin", || twin.has_said("failed UnreleasedInstanceIdException"));
    first.leave();
    let heir = start("a");
    let is_heir = waited(|| heir.assigned() == had);
    assert!(is_heir, "not {had:?}: {:#?}\n{}", last_said(&[&second, &heir]), broker.log());
    assert_eq!(second.assigned(), others);

    let bad = Member::start(&broker, "h", "^(", &[NEW]);
    wait_until("the refusal", || bad.has_said("failed InvalidRegularExpression"));
    broker.stop();
}

#[test]
fn group_goes_to_the_new_protocol_and_back_while_it_works() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &[&QUICK[..], &LONG_SESSIONS].concat());
    let kind = || tool(&broker, "GroupsCommand", &["--list"]);
    let classic = || Member::start(&broker, "g", "orders", &CLASSIC_QUICK);
    let new = || Member::start(&broker, "g", "orders", &[NEW]);
    let load = Load::start(&broker, "orders", 9_000);
    let (mut first, mut second) = (classic(), classic());
    wait_for_shares(&[&first, &second], &[3, 3]);
    assert!(kind().contains("Classic"), "{}", kind());

    let mut third = new();
    wait_for_shares(&[&first, &second, &third], &[2, 2, 2]);
    assert!(kind().contains("Consumer"), "{}", kind());
    first.leave();
    let mut fourth = new();
    wait_for_shares(&[&second, &third, &fourth], &[2, 2, 2]);
    second.leave();
    wait_for_shares(&[&third, &fourth], &[3, 3]);

    let mut fifth = classic();
    wait_for_shares(&[&third, &fourth, &fifth], &[2, 2, 2]);
    third.leave();
    fourth.leave();
    wait_for_shares(&[&fifth], &[6]);
    assert!(kind().contains("Classic"), "{}", kind());
    let mut sixth = classic();
    wait_for_shares(&[&fifth, &sixth], &[3, 3]);
    load.finish();
    let members = [&first, &second, &third, &fourth, &fifth, &sixth];
    let again = wait_for_records(&members, 9_000);
    // A classic member may be told to rebalance between its poll and its commit.
    let refused = members.iter().flat_map(|member| member.lines());
    let refused = refused.filter(|line| line.starts_with("refused")).count();
    assert!(again == 0 || refused > 0, "{again} records were read twice");
    fifth.leave();
    sixth.leave();
    broker.stop();
}
