//! Whether every partition is served, and by as many brokers as it should be.

use client::{Metadata, PartitionMetadata};

use super::Finding;

const CHECK: &str = "partitions";

/// As many names are shown; there may be thousands.
const NAMES_MAX: usize = 5;

pub(super) fn check(metadata: &Metadata) -> Vec<Finding> {
    let without = |is_bad: fn(&PartitionMetadata) -> bool| -> Vec<String> {
        let topics = metadata.topics.iter();
        let named = topics.flat_map(|(name, topic)| {
            let bad = topic.partitions.iter().filter(move |partition| is_bad(partition));
            bad.map(move |partition| format!("{name}-{}", partition.id))
        });
        named.collect()
    };
    let offline = without(|partition| partition.leader.is_none());
    let behind = without(|it| it.leader.is_some() && it.isr.len() < it.replicas.len());
    let mut findings = Vec::new();
    if !offline.is_empty() {
        findings.push(Finding::fail(
            CHECK,
            format!("{} have no leader: {}", offline.len(), names(&offline)),
            "nothing can be read from or written to them; start the brokers that have their replicas",
        ));
    }
    if !behind.is_empty() {
        findings.push(Finding::warn(
            CHECK,
            format!("{} have replicas out of sync: {}", behind.len(), names(&behind)),
            "one more broker lost may stop writes, or lose records",
        ));
    }
    if findings.is_empty() {
        let count: usize = metadata.topics.values().map(|topic| topic.partitions.len()).sum();
        findings.push(Finding::ok(CHECK, format!("all {count} have a leader and their replicas")));
    }
    findings
}

/// Names one after the other, unless they are too many.
pub(super) fn names(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
    let rest = names.len().saturating_sub(NAMES_MAX);
    if rest > 0 { format!("{} and {rest} more", shown.join(", ")) } else { shown.join(", ") }
}
