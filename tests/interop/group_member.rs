//! A member of a group in a JVM of its own (`GroupMember.java`): it joins, reads, leaves when it is asked to, or is killed.

use std::collections::BTreeMap;

use crate::jvm::{Jvm, wait_until, waited};
use crate::kafka_dist::kafka_dist;
use crate::ottla_broker::OttlaBroker;

/// A member.
#[derive(Debug)]
pub(crate) struct Member(Jvm);

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
        Self(Jvm::start(command))
    }

    /// All that it has said.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lines().clone()
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
        self.0.tell("close");
        wait_until("a member to leave", || self.0.end().is_some());
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.0.kill();
    }
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
    assert!(is_shared, "{:?} is not {expected:?}: {:#?}", shares(), last_said(members));
}

/// The last that each member has said, besides what it has read.
pub(crate) fn last_said(members: &[&Member]) -> Vec<Vec<String>> {
    let last_of = |member: &&Member| {
        let lines = member.lines();
        let other = lines.into_iter().filter(|line| !line.starts_with("read "));
        let mut last: Vec<_> = other.rev().take(12).collect();
        last.reverse();
        last
    };
    members.iter().map(last_of).collect()
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
