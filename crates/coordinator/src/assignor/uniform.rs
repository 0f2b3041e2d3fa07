//! `uniform` where all members subscribe to the same topics: the shares differ by one partition at most, and as few
//! partitions move as that allows (`UniformHomogeneousAssignmentBuilder`).

use std::cmp::Reverse;

use super::{Assignment, Subscribers, by_topic};

pub(super) fn assign(group: &Subscribers<'_>) -> Vec<Assignment> {
    let member_count = group.members.len();
    if member_count == 0 {
        return Vec::new();
    }
    let (mut shares, mut taken) = group.kept();
    let counts = group.partition_counts.values();
    let total: usize = counts.map(|&count| usize::try_from(count).unwrap_or_default()).sum();
    let (share, larger_count) = (total / member_count, total % member_count);
    // Whoever has most keeps most: the larger shares go to those who have the most already.
    let mut order: Vec<_> = shares.iter_mut().collect();
    order.sort_by_key(|places| Reverse(places.len()));
    let sized = |rank: usize| share + usize::from(rank < larger_count);
    for (rank, places) in order.iter_mut().enumerate() {
        for place in places.split_off(places.len().min(sized(rank))) {
            taken.remove(&place);
        }
    }
    let mut free = group.free(&taken);
    for (rank, places) in order.into_iter().enumerate() {
        let missing = sized(rank).saturating_sub(places.len());
        places.extend(free.by_ref().take(missing));
    }
    shares.into_iter().map(by_topic).collect()
}
