//! kcat, as Debian has it (an old librdkafka), against the real binary.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::ottla_broker::OttlaBroker;

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
const LIMIT: Duration = Duration::from_secs(300);

#[test]
fn kcat_writes_with_every_codec_and_reads_it_back() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &[]);
    for codec in CODECS {
        for idempotence in ["enable.idempotence=true", "enable.idempotence=false"] {
            let topic = format!("{codec}-{}", idempotence.len());
            let lines: String =
                (0..100).map(|number| format!("key{number}:value{number}\n")).collect();
            // -Z makes a null of the empty value: a tombstone.
            let how =
                ["-P", "-t", &topic, "-K:", "-Z", "-z", codec, "-H", "trace=1", "-X", idempotence];
            kcat(&broker, &how, &(lines + "gone:\n"));
            let read = kcat(&broker, &["-C", "-t", &topic, "-e", "-f", "%o %k %s %S %h\n"], "");
            let read: Vec<_> = read.lines().collect();
            assert_eq!(read.len(), 101, "{read:?}");
            assert_eq!(read.first(), Some(&"0 key0 value0 6 trace=1"));
            assert_eq!(read.last(), Some(&"100 gone  -1 trace=1"));
        }
    }
    let metadata = kcat(&broker, &["-L", "-J"], "");
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("it is JSON");
    assert_eq!(metadata["topics"].as_array().map(Vec::len), Some(2 * CODECS.len()));
    assert_eq!(metadata["brokers"][0]["name"], broker.bootstrap());
    broker.stop();
}

#[test]
fn kcat_finds_offsets_by_time_and_reads_the_last_ones() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &[]);
    kcat(&broker, &["-P", "-t", "timed"], "one\ntwo\n");
    let stamps = kcat(&broker, &["-C", "-t", "timed", "-e", "-f", "%T\n"], "");
    let last = stamps.lines().last().and_then(|line| line.parse::<u64>().ok()).expect("a time");
    // A later time than any of the first ones.
    wait_until(|| now_ms() > last, "the clock goes on");
    kcat(&broker, &["-P", "-t", "timed"], "three\nfour\n");
    let after = last + 1;
    let found = kcat(&broker, &["-Q", "-t", &format!("timed:0:{after}")], "");
    assert_eq!(found.trim(), "timed [0] offset 2");
    let read = kcat(&broker, &["-C", "-t", "timed", "-e", "-o", &format!("s@{after}")], "");
    assert_eq!(read, "three\nfour\n");
    assert_eq!(kcat(&broker, &["-C", "-t", "timed", "-e", "-o", "-1"], ""), "four\n");
    broker.stop();
}

#[test]
fn kcat_members_of_a_group_share_the_partitions_and_go_on_from_their_commits() {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let settings = ["num.partitions=6", "group.initial.rebalance.delay.ms=500"];
    let broker = OttlaBroker::start(home.path(), &settings);
    let write = |from: usize| {
        let lines: String =
            (from..from + 300).map(|number| format!("{number}:{number}\n")).collect();
        kcat(&broker, &["-P", "-t", "shared", "-K:"], &lines);
    };
    write(0);
    let mut members: Vec<_> = (0..3).map(|_| Member::start(&broker)).collect();
    let mut read = read_all(&members, 300);
    write(300);
    read.extend(read_all(&members, 300));
    members.drain(..).for_each(Member::leave);
    write(600);
    let again = Member::start(&broker);
    read.extend(read_all(std::slice::from_ref(&again), 300));
    again.leave();
    read.sort_unstable();
    assert_eq!(read, (0..900).collect::<Vec<_>>(), "each is read once");
    broker.stop();
}

/// Runs kcat to its end with this as its standard input.
fn kcat(broker: &OttlaBroker, args: &[&str], input: &str) -> String {
    let mut process = Command::new("kcat")
        .args(["-b", broker.bootstrap(), "-q"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("install kcat");
    let mut stdin = process.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("kcat reads");
    drop(stdin);
    let output = process.wait_with_output().expect("it is our child");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kcat {args:?}: {errors}\n{}", broker.log());
    String::from_utf8(output.stdout).expect("it is text")
}

/// A kcat that reads as the member of a group, until it is told to leave.
#[derive(Debug)]
struct Member {
    process: Child,
    lines: Receiver<usize>,
}

impl Member {
    fn start(broker: &OttlaBroker) -> Self {
        let mut process = Command::new("kcat")
            .args(["-b", broker.bootstrap(), "-q", "-u", "-f", "%s\n"])
            .args(["-X", "auto.offset.reset=earliest", "-G", "readers", "shared"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("install kcat");
        let stdout = BufReader::new(process.stdout.take().expect("it is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let numbers = stdout.lines().map_while(Result::ok).map(|line| line.parse::<usize>());
            for number in numbers {
                // The test may have ended.
                let _heard = sender.send(number.expect("it is a number"));
            }
        });
        Self { process, lines }
    }

    /// It commits and leaves the group.
    fn leave(mut self) {
        let pid = self.process.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.is_ok_and(|status| status.success()), "SIGTERM can be sent");
        self.process.wait().expect("it is our child");
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// So many numbers, of all members together.
fn read_all(members: &[Member], count: usize) -> Vec<usize> {
    let mut read = Vec::new();
    let deadline = Instant::now() + LIMIT;
    while read.len() < count {
        assert!(Instant::now() < deadline, "only {} of {count} were read", read.len());
        for member in members {
            read.extend(member.lines.try_iter());
        }
        thread::sleep(Duration::from_millis(10));
    }
    read
}

fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(now.expect("it is after 1970").as_millis()).expect("it is before the end of time")
}

fn wait_until(is_true: impl Fn() -> bool, what: &str) {
    let deadline = Instant::now() + LIMIT;
    while !is_true() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
