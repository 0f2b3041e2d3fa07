//! Groups, and how far they are behind.

use std::collections::BTreeMap;

use broker::status::{GroupOffset, Lag, Status};
use protocol::Timestamp;

use super::Detail;
use super::text::Text;

/// What a group has committed of one topic, all its partitions taken together.
#[derive(Debug, Default)]
struct TopicOffset {
    committed: i128,
    records: i128,
    /// That of the partition that is furthest behind.
    seconds: Option<f64>,
}

pub(super) fn write(text: &mut Text, status: &Status, detail: Detail, now: Timestamp) {
    let groups = status.groups();
    let mut by_state = BTreeMap::new();
    for group in &groups {
        *by_state.entry((group.kind, group.state)).or_insert(0_usize) += 1;
    }
    let mut family = text.gauge("ottla_groups", "Groups that this broker coordinates.");
    for ((kind, state), count) in by_state {
        family.sample(&[("type", &kind), ("state", &state)], count);
    }
    if detail == Detail::Broker {
        return;
    }
    let mut family = text.gauge("ottla_group_members", "Members of the group.");
    for group in &groups {
        family.sample(&[("group", &group.id)], group.members);
    }
    let help = "Rises by one with each rebalance of the group that ends.";
    let mut family = text.gauge("ottla_group_generation", help);
    for group in &groups {
        family.sample(&[("group", &group.id)], group.generation);
    }
    let offsets = status.group_offsets(now);
    match detail {
        Detail::Partition => write_offsets(text, &offsets),
        Detail::Topic | Detail::Broker => write_topics(text, &offsets),
    }
}

const COMMITTED: (&str, &str) =
    ("ottla_group_committed_offset", "What the group has committed: the next offset it reads.");
const RECORDS: (&str, &str) = (
    "ottla_group_lag_records",
    "Offsets between what the group has committed and the high watermark.",
);
const SECONDS: (&str, &str) = (
    "ottla_group_lag_seconds",
    "How long ago the first record was produced that the group has not consumed; 0 if there is none.",
);

fn write_offsets(text: &mut Text, offsets: &[GroupOffset]) {
    let mut write = |(name, help), value: fn(&GroupOffset) -> Option<f64>| {
        let mut family = text.gauge(name, help);
        for it in offsets {
            let labels = [("group", &it.group as _), ("topic", &it.topic as _)];
            let [group, topic] = labels;
            if let Some(value) = value(it) {
                family.sample(&[group, topic, ("partition", &it.partition)], value);
            }
        }
    };
    write(COMMITTED, |it| Some(it.committed.0 as f64));
    write(RECORDS, |it| Some(it.lag?.records as f64));
    write(SECONDS, |it| it.lag?.seconds);
}

fn write_topics(text: &mut Text, offsets: &[GroupOffset]) {
    let mut topics = BTreeMap::<_, TopicOffset>::new();
    for it in offsets {
        let topic = topics.entry((&it.group, &it.topic)).or_default();
        topic.committed += i128::from(it.committed.0);
        if let Some(Lag { records, seconds }) = it.lag {
            topic.records += i128::from(records);
            topic.seconds = topic.seconds.into_iter().chain(seconds).reduce(f64::max);
        }
    }
    let mut write = |(name, help), value: fn(&TopicOffset) -> Option<f64>| {
        let mut family = text.gauge(name, help);
        for ((group, topic), offset) in &topics {
            if let Some(value) = value(offset) {
                family.sample(&[("group", group), ("topic", topic)], value);
            }
        }
    };
    write(COMMITTED, |it| Some(it.committed as f64));
    write(RECORDS, |it| Some(it.records as f64));
    write(SECONDS, |it| it.seconds);
}
