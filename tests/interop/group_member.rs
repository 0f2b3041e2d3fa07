//! A member of a group in a JVM of its own (`GroupMember.java`): it joins, reads, leaves when it is asked to, or is killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::kafka_dist::kafka_dist;
use crate::ottla_broker::OttlaBroker;

/// What has not happened by then never will.
const LIMIT: Duration = Duration::from_secs(90);

/// A member.
#[derive(Debug)]
pub(crate) struct Member {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Member {
    /// Starts a member of `group` with this subscription and these settings.
    pub(crate) fn start(
        broker: &OttlaBroker,
        group: &str,
        subscription: &str,
        settings: &[&str],
    ) -> Self {
        let mut command = kafka_dist().java_reading_stdin("GroupMember");
        command.args([broker.bootstrap(), group, subscription]).args(settings);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Java runs");
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("it is piped");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                heard.lock().expect("nobody panics with it").push(line);
            }
        });
        Self { child, stdin, lines }
    }

    /// All that it has said.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("nobody panics with it").clone()
    }

    /// The partitions that it has.
    pub(crate) fn assigned(&self) -> Vec<String> {
        let lines = self.lines();
        let last = lines.iter().rev().find_map(|line| line.strip_prefix("assigned"));
        last.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    /// Whether it has said this.
    pub(crate) fn has_said(&self, said: &str) -> bool {
        self.lines().iter().any(|line| line == said)
    }

    /// Asks it to leave, and waits until it has.
    pub(crate) fn leave(&mut self) {
        let mut stdin = self.stdin.take().expect("it leaves once");
        stdin.write_all(b"close\n").expect("it listens");
        stdin.flush().expect("it listens");
        self.stdin = Some(stdin);
        wait_until("a member to leave", || {
            self.child.try_wait().expect("it is our child").is_some()
        });
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Both fail only for a child that has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for something that is bound to happen.
pub(crate) fn wait_until(what: &str, is_true: impl FnMut() -> bool) {
    assert!(waited(is_true), "waited for {what} in vain");
}

/// Waits until the members have so many partitions, in any order, and all of them together have `total` different ones.
pub(crate) fn wait_for_shares(members: &[&Member], expected: &[usize]) {
    let shares = || {
        let mut shares: Vec<_> = members.iter().map(|member| member.assigned().len()).collect();
        shares.sort_unstable();
        shares
    };
    let is_shared = waited(|| {
        let mut all: Vec<_> = members.iter().flat_map(|member| member.assigned()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        shares() == expected && all.len() == count
    });
    let said: Vec<_> = members.iter().map(|member| tail(&member.lines())).collect();
    assert!(is_shared, "{:?} is not {expected:?}: {said:#?}", shares());
}

fn waited(mut is_true: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + LIMIT;
    while !is_true() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

fn tail(lines: &[String]) -> Vec<String> {
    let other = lines.iter().filter(|line| !line.starts_with("read "));
    let mut last: Vec<_> = other.rev().take(12).cloned().collect();
    last.reverse();
    last
}

/// How often each record was read, by partition and offset.
pub(crate) fn read_counts(members: &[&Member]) -> BTreeMap<(String, i64), usize> {
    let mut counts = BTreeMap::new();
    for line in members.iter().flat_map(|member| member.lines()) {
        let mut words = line.split_whitespace();
        if words.next() != Some("read") {
            continue;
        }
        let partition = words.next().expect("a partition").to_owned();
        let mut offset = || words.next().and_then(|word| word.parse().ok()).expect("an offset");
        let (first, last): (i64, i64) = (offset(), offset());
        for offset in first..=last {
            *counts.entry((partition.clone(), offset)).or_default() += 1;
        }
    }
    counts
}
