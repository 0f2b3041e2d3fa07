//! The range assignor, which every Kafka client knows: of each topic every member gets partitions that lie together.

use std::collections::BTreeMap;

use protocol::{PartitionId, TopicPartition};

/// Its name in JoinGroup.
pub(crate) const RANGE: &str = "range";

/// Who is subscribed to which topics, by member.
pub(crate) type Subscriptions = BTreeMap<String, Vec<String>>;

/// What each member gets (`RangeAssignor`): the first members get one partition more where it does not come out even.
/// `counts` says how many partitions the topics have; a topic that is not there has none.
pub(crate) fn range(
    subscriptions: &Subscriptions,
    counts: &BTreeMap<String, i32>,
) -> BTreeMap<String, Vec<TopicPartition>> {
    let mut assigned: BTreeMap<_, Vec<_>> =
        subscriptions.keys().map(|member| (member.clone(), Vec::new())).collect();
    for (topic, count) in counts {
        let members = subscriptions.iter().filter(|(_, topics)| topics.contains(topic));
        let members: Vec<_> = members.map(|(member, _)| member).collect();
        let member_count = i32::try_from(members.len()).unwrap_or(i32::MAX).max(1);
        let (share, rest) = (count / member_count, count % member_count);
        let mut next = 0;
        for (place, member) in (0..).zip(members) {
            let end = next + share + i32::from(place < rest);
            let partitions =
                (next..end).map(|id| TopicPartition::new(topic.as_str(), PartitionId(id)));
            assigned.entry(member.clone()).or_default().extend(partitions);
            next = end;
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_gives_every_partition_to_one_member_that_wants_it() {
        let subscriptions = Subscriptions::from([
            ("m1".to_owned(), vec!["a".to_owned(), "b".to_owned()]),
            ("m2".to_owned(), vec!["a".to_owned()]),
            ("m3".to_owned(), vec!["none".to_owned()]),
        ]);
        let counts = BTreeMap::from([("a".to_owned(), 3), ("b".to_owned(), 2)]);
        let assigned = range(&subscriptions, &counts);
        let names = |member: &str| -> Vec<String> {
            assigned[member].iter().map(ToString::to_string).collect()
        };
        assert_eq!(names("m1"), ["a-0", "a-1", "b-0", "b-1"]);
        assert_eq!(names("m2"), ["a-2"]);
        assert!(names("m3").is_empty());
    }
}
