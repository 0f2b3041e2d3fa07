//! `uniform` where members subscribe to different topics: the shares are made as even as the subscriptions allow, topic by
//! topic, and what need not move stays (`UniformHeterogeneousAssignmentBuilder`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use protocol::{PartitionId, TopicId};

use super::{Assignment, Subscribers, by_topic};

/// Evening out one topic may unbalance another; after this many rounds it is good enough, as in Kafka.
const ROUNDS_MAX: usize = 16;

/// The shares as they come to be. Members are known by their places in the list.
#[derive(Debug)]
struct Shares {
    /// How many partitions each member has.
    loads: Vec<usize>,
    /// Who has which partitions of each topic.
    owners: BTreeMap<TopicId, BTreeMap<usize, BTreeSet<PartitionId>>>,
    subscribers: BTreeMap<TopicId, Vec<usize>>,
}

impl Shares {
    fn load(&self, member: usize) -> usize {
        self.loads.get(member).copied().unwrap_or_default()
    }

    fn give(&mut self, topic: TopicId, partition: PartitionId, member: usize) {
        let owners = self.owners.entry(topic).or_default();
        if owners.entry(member).or_default().insert(partition)
            && let Some(load) = self.loads.get_mut(member)
        {
            *load += 1;
        }
    }

    /// Takes the last partition of a topic away from a member.
    fn take(&mut self, topic: TopicId, member: usize) -> Option<PartitionId> {
        let owners = self.owners.get_mut(&topic)?;
        let partitions = owners.get_mut(&member)?;
        let partition = partitions.pop_last()?;
        if partitions.is_empty() {
            owners.remove(&member);
        }
        if let Some(load) = self.loads.get_mut(member) {
            *load -= 1;
        }
        Some(partition)
    }

    /// The subscribers of a topic, the one with the least first.
    fn by_load(&self, topic: TopicId) -> BTreeSet<(usize, usize)> {
        let subscribers = self.subscribers.get(&topic).into_iter().flatten();
        subscribers.map(|&member| (self.load(member), member)).collect()
    }

    /// Gives each of the partitions to whoever has the least.
    fn spread(&mut self, topic: TopicId, partitions: &[PartitionId]) {
        let mut by_load = self.by_load(topic);
        for partition in partitions {
            let Some((load, member)) = by_load.pop_first() else { return };
            self.give(topic, *partition, member);
            by_load.insert((load + 1, member));
        }
    }

    /// Moves partitions of the topic from those with the most to those with the least; true if it moved any.
    fn even_out(&mut self, topic: TopicId) -> bool {
        let mut by_load = self.by_load(topic);
        let owners = self.owners.get(&topic).into_iter().flat_map(BTreeMap::keys);
        let mut givers: BTreeSet<_> = owners.map(|&member| (self.load(member), member)).collect();
        let mut has_moved = false;
        while let (Some(&(least, poor)), Some(&(most, rich))) = (by_load.first(), givers.last()) {
            if most <= least + 1 {
                break;
            }
            givers.remove(&(most, rich));
            let Some(partition) = self.take(topic, rich) else { continue };
            self.give(topic, partition, poor);
            has_moved = true;
            by_load.remove(&(most, rich));
            by_load.remove(&(least, poor));
            by_load.insert((most - 1, rich));
            by_load.insert((least + 1, poor));
            givers.remove(&(least, poor));
            givers.insert((least + 1, poor));
            if self.owners.get(&topic).is_some_and(|owners| owners.contains_key(&rich)) {
                givers.insert((most - 1, rich));
            }
        }
        has_moved
    }
}

pub(super) fn assign(group: &Subscribers<'_>) -> Vec<Assignment> {
    let (kept, taken) = group.kept();
    let mut shares = Shares {
        loads: vec![0; group.members.len()],
        owners: BTreeMap::new(),
        subscribers: BTreeMap::new(),
    };
    for (idx, (member, places)) in group.members.iter().zip(kept).enumerate() {
        for topic in member.topics.iter() {
            shares.subscribers.entry(*topic).or_default().push(idx);
        }
        places.into_iter().for_each(|(topic, partition)| shares.give(topic, partition, idx));
    }
    let mut free: BTreeMap<TopicId, Vec<PartitionId>> = BTreeMap::new();
    for (topic, partition) in group.free(&taken) {
        free.entry(topic).or_default().push(partition);
    }
    let topics = dearest_first(group, &shares);
    for topic in &topics {
        shares.spread(*topic, free.get(topic).map(Vec::as_slice).unwrap_or_default());
    }
    for _ in 0..ROUNDS_MAX {
        let moved = topics.iter().filter(|topic| shares.even_out(**topic)).count();
        if moved == 0 {
            break;
        }
    }
    let mut places = vec![Vec::new(); group.members.len()];
    for (topic, owners) in shares.owners {
        for (member, partitions) in owners {
            let Some(places) = places.get_mut(member) else { continue };
            places.extend(partitions.into_iter().map(|partition| (topic, partition)));
        }
    }
    places.into_iter().map(by_topic).collect()
}

/// The topics, those first that have the most partitions for each subscriber: the others can make up for them.
fn dearest_first(group: &Subscribers<'_>, shares: &Shares) -> Vec<TopicId> {
    let mut topics: Vec<_> = group.partition_counts.keys().copied().collect();
    topics.sort_by_key(|topic| {
        let partitions = group.partition_counts.get(topic).copied().unwrap_or_default();
        let subscribers = shares.subscribers.get(topic).map_or(1, Vec::len).max(1);
        let partitions = usize::try_from(partitions).unwrap_or_default();
        // In thousandths, for a whole number can be sorted by.
        (Reverse(partitions.saturating_mul(1_000) / subscribers), subscribers)
    });
    topics
}
