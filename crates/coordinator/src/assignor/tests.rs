//! Small groups by hand, and random ones by their invariants.

use std::collections::BTreeSet;
use std::rc::Rc;

use config::Assignor;
use proptest::prelude::*;
use protocol::{PartitionId, TopicId};

use super::{Assignment, Subscriber, Subscribers, assign};

fn topic(number: u8) -> TopicId {
    TopicId([number; 16])
}

/// A member: its id, its instance id and its topics.
type Row<'a> = (&'a str, Option<&'a str>, &'a [u8]);

/// A group whose members are named by letters, each with its topics.
fn group<'a>(
    members: &[Row<'a>],
    before: &'a [Assignment],
    counts: &[(u8, i32)],
) -> Subscribers<'a> {
    static NOTHING: Assignment = Assignment::new();
    let members = members.iter().enumerate();
    let members = members.map(|(idx, (member_id, instance_id, topics))| Subscriber {
        member_id,
        instance_id: *instance_id,
        topics: Rc::new(topics.iter().copied().map(topic).collect()),
        before: before.get(idx).unwrap_or(&NOTHING),
    });
    let partition_counts = counts.iter().map(|&(number, count)| (topic(number), count)).collect();
    Subscribers { members: members.collect(), partition_counts }
}

/// `1:0,1 2:0` for partitions 0 and 1 of topic 1 and partition 0 of topic 2.
fn show(assignment: &Assignment) -> String {
    let topics = assignment.iter().map(|(topic, partitions)| {
        let partitions: Vec<_> = partitions.iter().map(ToString::to_string).collect();
        format!("{}:{}", topic.0[0], partitions.join(","))
    });
    topics.collect::<Vec<_>>().join(" ")
}

fn check(assignor: Assignor, group: &Subscribers<'_>, expected: &[&str]) {
    let assigned: Vec<_> = assign(assignor, group).iter().map(show).collect();
    assert_eq!(assigned, expected);
}

#[test]
fn range_gives_neighbours_and_the_first_get_more() {
    let members: &[Row<'_>] = &[("a", None, &[1, 2]), ("b", None, &[1, 2]), ("c", None, &[1, 2])];
    let counts = [(1, 5), (2, 3)];
    check(Assignor::Range, &group(members, &[], &counts), &["1:0,1 2:0", "1:2,3 2:1", "1:4 2:2"]);
    let members: &[Row<'_>] =
        &[("a", None, &[1]), ("b", Some("i2"), &[1]), ("c", Some("i1"), &[1])];
    check(Assignor::Range, &group(members, &[], &[(1, 3)]), &["1:2", "1:1", "1:0"]);
    let members: &[Row<'_>] = &[("a", None, &[1]), ("b", None, &[1, 2]), ("c", None, &[])];
    check(Assignor::Range, &group(members, &[], &counts), &["1:0,1,2", "1:3,4 2:0,1,2", ""]);
    let members: &[Row<'_>] = &[("a", None, &[1]), ("b", None, &[1])];
    check(Assignor::Range, &group(members, &[], &[(1, 1)]), &["1:0", ""]);
}

#[test]
fn uniform_moves_only_what_it_must() {
    let two: &[Row<'_>] = &[("a", None, &[1]), ("b", None, &[1])];
    let first = group(two, &[], &[(1, 6)]);
    check(Assignor::Uniform, &first, &["1:0,1,2", "1:3,4,5"]);
    let before = assign(Assignor::Uniform, &first);
    let three: &[Row<'_>] = &[("a", None, &[1]), ("b", None, &[1]), ("c", None, &[1])];
    check(Assignor::Uniform, &group(three, &before, &[(1, 6)]), &["1:0,1", "1:3,4", "1:2,5"]);
    let more = group(two, &before, &[(1, 8)]);
    check(Assignor::Uniform, &more, &["1:0,1,2,6", "1:3,4,5,7"]);
    // The one that has more keeps more.
    let uneven = [Assignment::from([(topic(1), [PartitionId(0)].into())]), before[1].clone()];
    check(Assignor::Uniform, &group(two, &uneven, &[(1, 5)]), &["1:0,2", "1:1,3,4"]);
}

#[test]
fn uniform_with_different_subscriptions_evens_out_what_it_can() {
    let members: &[Row<'_>] = &[("a", None, &[1]), ("b", None, &[1, 2])];
    check(Assignor::Uniform, &group(members, &[], &[(1, 4), (2, 4)]), &["1:0,1,2,3", "2:0,1,2,3"]);
    let members: &[Row<'_>] = &[("a", None, &[1]), ("b", None, &[2]), ("c", None, &[])];
    check(Assignor::Uniform, &group(members, &[], &[(1, 1), (2, 3)]), &["1:0", "2:0,1,2", ""]);
}

#[test]
fn nobody_is_assigned_nothing() {
    for assignor in [Assignor::Uniform, Assignor::Range] {
        assert!(assign(assignor, &group(&[], &[], &[])).is_empty());
    }
}

proptest! {
    /// From any state before: everything that is subscribed to has one owner, who subscribes to it; what is assigned is
    /// assigned in the same way again; and equal subscriptions get equal shares.
    #[test]
    fn every_partition_has_one_owner_and_a_second_round_moves_nothing(
        subscriptions in prop::collection::vec(prop::collection::btree_set(1..4u8, 0..4), 1..6),
        counts in prop::collection::vec(1..9i32, 3),
        before in prop::collection::vec(
            prop::collection::btree_map(1..5u8, prop::collection::btree_set(0..10i32, 1..6), 0..4), 6),
        is_range in any::<bool>(),
    ) {
        let assignor = if is_range { Assignor::Range } else { Assignor::Uniform };
        let names: Vec<_> = (0..subscriptions.len()).map(|idx| format!("m{idx}")).collect();
        let subscriptions: Vec<Vec<u8>> =
            subscriptions.into_iter().map(|topics| topics.into_iter().collect()).collect();
        let members: Vec<_> = names.iter().zip(&subscriptions)
            .map(|(name, topics)| (name.as_str(), None, &topics[..])).collect();
        let subscribed: BTreeSet<u8> = subscriptions.iter().flatten().copied().collect();
        let counts: Vec<(u8, i32)> = (1..4).zip(counts)
            .filter(|(number, _)| subscribed.contains(number)).collect();
        let before: Vec<Assignment> = before.into_iter().map(|topics| {
            topics.into_iter().map(|(number, partitions)| {
                (topic(number), partitions.into_iter().map(PartitionId).collect())
            }).collect()
        }).collect();

        let assigned = assign(assignor, &group(&members, &before, &counts));
        let mut owned = BTreeSet::new();
        for (assignment, topics) in assigned.iter().zip(&subscriptions) {
            for (id, partitions) in assignment {
                prop_assert!(topics.iter().any(|number| topic(*number) == *id));
                for partition in partitions {
                    prop_assert!(owned.insert((*id, partition.0)), "it has two owners");
                }
            }
        }
        let all = counts.iter().flat_map(|&(number, count)| (0..count).map(move |p| (topic(number), p)));
        let all: BTreeSet<_> = all.collect();
        prop_assert_eq!(owned, all);
        let again = assign(assignor, &group(&members, &assigned, &counts));
        prop_assert_eq!(&again, &assigned);
        if !is_range && subscriptions.windows(2).all(|pair| pair[0] == pair[1]) {
            let sizes = assigned.iter().map(|assignment| assignment.values().map(BTreeSet::len).sum());
            let sizes: Vec<usize> = sizes.collect();
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        }
    }
}
