//! `range`: of each topic, each subscriber gets a row of neighbours. Topics with the same number of partitions and the same
//! subscribers are cut in the same places, so that their records can be joined (`RangeAssignor`).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use protocol::{PartitionId, TopicId};

use super::{Assignment, Subscriber, Subscribers};

/// A topic that is being cut.
#[derive(Debug)]
struct Cut {
    partition_count: i32,
    subscriber_count: i32,
    /// The first partition of the next subscriber, and how many subscribers have been served.
    next: i32,
    served: i32,
}

impl Cut {
    /// The next row. The first ones are longer by one if the partitions cannot be shared evenly.
    fn take(&mut self) -> impl Iterator<Item = PartitionId> + use<> {
        let is_longer = self.served < self.partition_count % self.subscriber_count;
        let begin = self.next;
        self.next += self.partition_count / self.subscriber_count + i32::from(is_longer);
        self.served += 1;
        (begin..self.next).map(PartitionId)
    }
}

pub(super) fn assign(group: &Subscribers<'_>) -> Vec<Assignment> {
    let mut cuts: BTreeMap<TopicId, Cut> = BTreeMap::new();
    for topic in group.members.iter().flat_map(|member| member.topics.iter()) {
        let partition_count = group.partition_counts.get(topic).copied().unwrap_or_default();
        let cut = Cut { partition_count, subscriber_count: 0, next: 0, served: 0 };
        cuts.entry(*topic).or_insert(cut).subscriber_count += 1;
    }
    let mut order: Vec<_> = group.members.iter().enumerate().collect();
    order.sort_by(|(_, one), (_, other)| static_first(one, other));
    let mut assignments = vec![Assignment::new(); group.members.len()];
    for (idx, member) in order {
        let Some(assignment) = assignments.get_mut(idx) else { continue };
        for topic in member.topics.iter() {
            let row = cuts.get_mut(topic).into_iter().flat_map(Cut::take);
            let row: BTreeSet<_> = row.collect();
            if !row.is_empty() {
                assignment.insert(*topic, row);
            }
        }
    }
    assignments
}

/// Static members come first, by the ids that they keep: then their rows stay the same when they restart.
fn static_first(one: &Subscriber<'_>, other: &Subscriber<'_>) -> Ordering {
    match (one.instance_id, other.instance_id) {
        (Some(one), Some(other)) => one.cmp(other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.member_id.cmp(other.member_id),
    }
}
