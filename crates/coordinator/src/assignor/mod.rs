//! How the broker assigns partitions to the members of a consumer group: `uniform` and `range` of Kafka.
//!
//! Racks play no part, as in Kafka since 4.0. Each partition of each topic that anybody subscribes to is assigned to
//! exactly one member; the order of the members and of the partitions decides where all else is equal, so that the same
//! group is always assigned in the same way.

mod range;
mod uniform;
mod uniform_mixed;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use config::Assignor;
use protocol::{PartitionId, TopicId};

/// The partitions of one member. No topic is without partitions.
pub(crate) type Assignment = BTreeMap<TopicId, BTreeSet<PartitionId>>;

/// A member, as assignors see it.
#[derive(Debug)]
pub(crate) struct Subscriber<'a> {
    /// Its id.
    pub(crate) member_id: &'a str,
    /// The id of a static member, which goes on after a restart.
    pub(crate) instance_id: Option<&'a str>,
    /// What it subscribes to, of the topics that there are.
    pub(crate) topics: Rc<BTreeSet<TopicId>>,
    /// What it was assigned before.
    pub(crate) before: &'a Assignment,
}

/// A group, as assignors see it.
#[derive(Debug)]
pub(crate) struct Subscribers<'a> {
    /// The members.
    pub(crate) members: Vec<Subscriber<'a>>,
    /// All topics that anybody subscribes to, and how many partitions each has.
    pub(crate) partition_counts: BTreeMap<TopicId, i32>,
}

impl Subscribers<'_> {
    /// True if all members subscribe to the same topics.
    fn are_alike(&self) -> bool {
        let mut topics = self.members.iter().map(|member| &member.topics);
        let first = topics.next();
        topics.all(|topics| first.is_none_or(|first| Rc::ptr_eq(topics, first) || topics == first))
    }

    /// What each member keeps of what it was assigned before: of a topic that it still subscribes to, a partition that
    /// is there and that no member before it keeps.
    fn kept(&self) -> (Vec<Vec<Place>>, BTreeSet<Place>) {
        let mut taken = BTreeSet::new();
        let mut kept = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let topics = member.before.iter().filter(|(topic, _)| member.topics.contains(*topic));
            let places = topics.flat_map(|(topic, partitions)| {
                partitions.iter().map(|partition| (*topic, *partition))
            });
            kept.push(places.filter(|&place| self.has(place) && taken.insert(place)).collect());
        }
        (kept, taken)
    }

    fn has(&self, (topic, partition): Place) -> bool {
        let count = self.partition_counts.get(&topic).copied().unwrap_or_default();
        (0..count).contains(&partition.0)
    }

    /// The partitions that nobody has taken.
    fn free<'a>(&'a self, taken: &'a BTreeSet<Place>) -> impl Iterator<Item = Place> + 'a {
        let topics = self.partition_counts.iter();
        let all = topics.flat_map(|(topic, count)| {
            (0..*count).map(|partition| (*topic, PartitionId(partition)))
        });
        all.filter(|place| !taken.contains(place))
    }
}

/// A partition of a topic.
type Place = (TopicId, PartitionId);

/// Assigns all partitions; one assignment for each member, in the order of the members.
pub(crate) fn assign(assignor: Assignor, group: &Subscribers<'_>) -> Vec<Assignment> {
    match assignor {
        Assignor::Range => range::assign(group),
        Assignor::Uniform if group.are_alike() => uniform::assign(group),
        Assignor::Uniform => uniform_mixed::assign(group),
    }
}

/// Gathers the partitions of a member by topic.
fn by_topic(places: impl IntoIterator<Item = Place>) -> Assignment {
    let mut assignment = Assignment::new();
    for (topic, partition) in places {
        assignment.entry(topic).or_default().insert(partition);
    }
    assignment
}
