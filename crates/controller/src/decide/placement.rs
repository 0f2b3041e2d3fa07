//! Which brokers get the replicas of new partitions (`StripedReplicaPlacer`).
//!
//! Replicas go round the racks, and within a rack round its brokers, so that leaders and followers spread evenly and no
//! rack has two replicas of a partition before each has one. Each partition begins one rack and one broker later than
//! the last. Fenced brokers get replicas only where a rack has no others left, and never the first one, which leads.

use protocol::BrokerId;

use super::random::Random;

/// A broker that may get replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate<'a> {
    pub(super) id: BrokerId,
    pub(super) rack: Option<&'a str>,
    pub(super) is_fenced: bool,
}

/// Why replicas cannot be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PlacementError {
    #[error(
        "{wanted} replicas take as many brokers, and only {brokers} are registered with a log directory that takes new \
         partitions"
    )]
    TooFewBrokers { wanted: usize, brokers: usize },
    #[error("no broker is there that is neither fenced nor has all its log directories cordoned")]
    NoneAlive,
}

/// The replicas of `partitions` new partitions, `replicas` each, the leader first.
pub(super) fn place(
    candidates: &[Candidate<'_>],
    partitions: usize,
    replicas: usize,
    random: &mut Random,
) -> Result<Vec<Vec<BrokerId>>, PlacementError> {
    let alive = candidates.iter().filter(|candidate| !candidate.is_fenced).count();
    if alive == 0 {
        return Err(PlacementError::NoneAlive);
    }
    if replicas > candidates.len() {
        return Err(PlacementError::TooFewBrokers { wanted: replicas, brokers: candidates.len() });
    }
    let mut racks = racks(candidates, random);
    let mut first = random.below(racks.len());
    let mut placed = Vec::with_capacity(partitions);
    for partition in 0..partitions {
        // After as many partitions as there are leaders the pattern would repeat; another order mixes the followers.
        if partition > 0 && partition % alive == 0 {
            random.shuffle(&mut racks);
            racks.iter_mut().for_each(|rack| rack.shuffle(random));
        }
        placed.push(place_one(&mut racks, first, replicas));
        first = (first + 1) % racks.len();
    }
    Ok(placed)
}

/// The brokers of the candidates by rack, each rack beginning anywhere.
fn racks(candidates: &[Candidate<'_>], random: &mut Random) -> Vec<Rack> {
    let mut names: Vec<_> = candidates.iter().map(|candidate| candidate.rack).collect();
    names.sort_unstable();
    names.dedup();
    let mut ids = |rack, is_fenced| {
        let here = candidates.iter().filter(|c| c.rack == rack && c.is_fenced == is_fenced);
        Ring::new(here.map(|candidate| candidate.id).collect(), random)
    };
    let rack = |rack| Rack { alive: ids(rack, false), fenced: ids(rack, true) };
    names.into_iter().map(rack).collect()
}

/// The replicas of one partition. There are enough brokers, and one of them is alive.
fn place_one(racks: &mut [Rack], first: usize, replicas: usize) -> Vec<BrokerId> {
    racks.iter_mut().for_each(Rack::begin);
    let mut brokers = Vec::with_capacity(replicas);
    let order: Vec<_> = (first..racks.len()).chain(0..first).collect();
    let mut led_by = None;
    for &idx in &order {
        if let Some(leader) = racks.get_mut(idx).and_then(|rack| rack.alive.take()) {
            brokers.push(leader);
            led_by = Some(idx);
            break;
        }
    }
    for idx in order.into_iter().cycle() {
        if brokers.len() == replicas {
            break;
        }
        // The leader's rack has had its turn in the first round.
        if led_by.take_if(|leader_idx| *leader_idx == idx).is_none() {
            brokers.extend(racks.get_mut(idx).and_then(Rack::take));
        }
    }
    brokers
}

/// The brokers of one rack.
struct Rack {
    alive: Ring,
    fenced: Ring,
}

impl Rack {
    fn begin(&mut self) {
        self.alive.begin();
        self.fenced.begin();
    }

    fn take(&mut self) -> Option<BrokerId> {
        self.alive.take().or_else(|| self.fenced.take())
    }

    fn shuffle(&mut self, random: &mut Random) {
        random.shuffle(&mut self.alive.brokers);
        random.shuffle(&mut self.fenced.brokers);
    }
}

/// Brokers that are taken in turn, each at most once for a partition.
struct Ring {
    brokers: Vec<BrokerId>,
    start: usize,
    taken: usize,
}

impl Ring {
    fn new(mut brokers: Vec<BrokerId>, random: &mut Random) -> Self {
        brokers.sort_unstable();
        let start = random.below(brokers.len());
        Self { brokers, start, taken: 0 }
    }

    /// Begins a partition, one broker after where the last one began if that took any.
    fn begin(&mut self) {
        if self.taken > 0 {
            self.start = (self.start + 1) % self.brokers.len();
            self.taken = 0;
        }
    }

    fn take(&mut self) -> Option<BrokerId> {
        let position = (self.start + self.taken).checked_rem(self.brokers.len())?;
        let broker = self.brokers.get(position).filter(|_| self.taken < self.brokers.len())?;
        self.taken += 1;
        Some(*broker)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn candidates(racks: &[(i32, Option<&'static str>, bool)]) -> Vec<Candidate<'static>> {
        let candidate = |&(id, rack, is_fenced)| Candidate { id: BrokerId(id), rack, is_fenced };
        racks.iter().map(candidate).collect()
    }

    #[test]
    fn place_on_one_broker_puts_everything_there() {
        let candidates = candidates(&[(1, None, false)]);
        let placed = place(&candidates, 5, 1, &mut Random::new(7)).unwrap();
        assert_eq!(placed, vec![vec![BrokerId(1)]; 5]);
    }

    #[test]
    fn place_beyond_what_is_there_is_refused() {
        let mut random = Random::new(7);
        let one = candidates(&[(1, None, false)]);
        let too_few = PlacementError::TooFewBrokers { wanted: 3, brokers: 1 };
        assert_eq!(place(&one, 1, 3, &mut random), Err(too_few));
        let fenced = candidates(&[(1, None, true), (2, None, true)]);
        assert_eq!(place(&fenced, 1, 1, &mut random), Err(PlacementError::NoneAlive));
        assert_eq!(place(&[], 1, 1, &mut random), Err(PlacementError::NoneAlive));
    }

    #[test]
    fn place_on_three_racks_is_striped() {
        let candidates = candidates(&[
            (1, Some("a"), false),
            (2, Some("a"), false),
            (3, Some("b"), false),
            (4, Some("b"), false),
            (5, Some("c"), false),
            (6, Some("c"), false),
        ]);
        for seed in 0..50 {
            let placed = place(&candidates, 60, 3, &mut Random::new(seed)).unwrap();
            let mut leaders = BTreeMap::new();
            for replicas in &placed {
                let racks: std::collections::BTreeSet<_> =
                    replicas.iter().map(|id| (id.0 - 1) / 2).collect();
                assert_eq!(racks.len(), 3, "{replicas:?}");
                *leaders.entry(replicas[0]).or_insert(0) += 1;
            }
            let (least, most) = (leaders.values().min().unwrap(), leaders.values().max().unwrap());
            assert!(leaders.len() == 6 && most - least <= 10, "{leaders:?}");
        }
    }

    proptest! {
        #[test]
        fn place_keeps_the_rules(
            brokers in prop::collection::btree_map(
                0..40i32, (prop::option::of(0..4usize), any::<bool>()), 1..12,
            ),
            partitions in 1..40usize,
            replicas in 1..12usize,
            seed: u64,
        ) {
            let names = ["a", "b", "c", "d"];
            let rows: Vec<_> = brokers
                .iter()
                .map(|(id, (rack, is_fenced))| (*id, rack.map(|idx| names[idx]), *is_fenced))
                .collect();
            let candidates = candidates(&rows);
            let is_fenced = |id: &BrokerId| brokers[&id.0].1;
            let Ok(placed) = place(&candidates, partitions, replicas, &mut Random::new(seed)) else {
                prop_assert!(replicas > brokers.len() || brokers.values().all(|(_, fenced)| *fenced));
                return Ok(());
            };
            prop_assert_eq!(placed.len(), partitions);
            let racks = rows.iter().map(|(_, rack, _)| rack).collect::<std::collections::BTreeSet<_>>();
            for chosen in placed {
                let distinct: std::collections::BTreeSet<_> = chosen.iter().collect();
                prop_assert_eq!((chosen.len(), distinct.len()), (replicas, replicas));
                prop_assert!(!is_fenced(&chosen[0]));
                let in_racks: std::collections::BTreeSet<_> =
                    chosen.iter().map(|id| brokers[&id.0].0).collect();
                prop_assert_eq!(in_racks.len(), replicas.min(racks.len()));
            }
        }
    }
}
