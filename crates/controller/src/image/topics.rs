//! Topics and their partitions, found by name, by id, and in the order of their names.
//!
//! Invariant: `by_id`, `by_name` and `names` hold the same topics, and `unified` those of them whose names have a
//! period or an underscore.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use hashbrown::HashMap;
use protocol::{BrokerId, LeaderEpoch, PartitionId, TopicId};
use storage::files::meta_properties::DirectoryId;

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its identity, which a topic created anew under the same name does not share.
    pub id: TopicId,
    /// Its name.
    pub name: Arc<str>,
    /// Its partitions; they run from 0 without a gap once all records of the topic are applied.
    pub partitions: BTreeMap<PartitionId, Arc<Partition>>,
}

/// A partition: who has it, and who leads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The brokers that have it, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// The log directory of each replica, in the order of `replicas`.
    pub directories: Vec<DirectoryId>,
    /// The replicas that are in sync.
    pub isr: Vec<BrokerId>,
    /// The replicas that a reassignment is taking away.
    pub removing_replicas: Vec<BrokerId>,
    /// The replicas that a reassignment is adding.
    pub adding_replicas: Vec<BrokerId>,
    /// The replicas that left the ISR when it was too small already, and so have everything (KIP-966).
    pub elr: Vec<BrokerId>,
    /// The last leader of a partition that has none, as long as nobody leads.
    pub last_known_elr: Vec<BrokerId>,
    /// The leader; `None` while nobody can lead.
    pub leader: Option<BrokerId>,
    /// Whether the leader was elected although it may lack records.
    pub leader_recovery_state: LeaderRecoveryState,
    /// Counts the elections.
    pub leader_epoch: LeaderEpoch,
    /// Counts the changes.
    pub partition_epoch: i32,
}

/// Whether a leader may lack records that were acknowledged, and has not said yet that it is past that (KIP-704).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeaderRecoveryState {
    /// It has them all.
    #[default]
    Recovered,
    /// It was elected uncleanly.
    Recovering,
}

impl LeaderRecoveryState {
    /// Kafka's number for it.
    pub const fn code(self) -> i8 {
        match self {
            Self::Recovered => 0,
            Self::Recovering => 1,
        }
    }

    /// The state with this number.
    pub const fn from_code(code: i8) -> Option<Self> {
        match code {
            0 => Some(Self::Recovered),
            1 => Some(Self::Recovering),
            _ => None,
        }
    }
}

impl Partition {
    /// The log directory that `replica` has it in, if it is one.
    pub fn directory_of(&self, replica: BrokerId) -> Option<DirectoryId> {
        let position = self.replicas.iter().position(|other| *other == replica)?;
        self.directories.get(position).copied()
    }

    /// The replica that leads when all are well.
    pub fn preferred_leader(&self) -> Option<BrokerId> {
        self.replicas.first().copied()
    }
}

/// All topics.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Topics {
    by_id: HashMap<TopicId, Arc<Topic>>,
    by_name: HashMap<Arc<str>, Arc<Topic>>,
    names: Arc<BTreeSet<Arc<str>>>,
    /// The names that are the same once their periods are underscores: Kafka's metrics cannot tell such topics apart.
    unified: Arc<HashMap<String, BTreeSet<Arc<str>>>>,
}

impl Topics {
    pub(crate) fn by_id(&self, id: TopicId) -> Option<&Arc<Topic>> {
        self.by_id.get(&id)
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Arc<Topic>> {
        self.by_name.get(name)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The topics whose names are not before `name`, in the order of their names.
    pub(crate) fn since<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Arc<Topic>> {
        let names = self.names.range::<str, _>((Bound::Included(name), Bound::Unbounded));
        names.filter_map(|name| self.by_name.get(name))
    }

    /// A topic whose name collides with `name`, which may be that topic's own.
    pub(crate) fn colliding(&self, name: &str) -> Option<&Arc<str>> {
        self.unified.get(&unify(name)?)?.first()
    }

    /// Adds a topic; the caller has made sure that neither its name nor its id is there.
    pub(crate) fn insert(&mut self, topic: Topic) {
        let name = Arc::clone(&topic.name);
        if let Some(unified) = unify(&name) {
            let unified = Arc::make_mut(&mut self.unified).entry(unified).or_default();
            unified.insert(Arc::clone(&name));
        }
        Arc::make_mut(&mut self.names).insert(Arc::clone(&name));
        let topic = Arc::new(topic);
        self.by_id.insert(topic.id, Arc::clone(&topic));
        self.by_name.insert(name, topic);
    }

    /// Removes a topic, and returns it.
    pub(crate) fn remove(&mut self, id: TopicId) -> Option<Arc<Topic>> {
        let topic = self.by_id.remove(&id)?;
        self.by_name.remove(&topic.name);
        Arc::make_mut(&mut self.names).remove(&topic.name);
        if let Some(unified) = unify(&topic.name) {
            let all = Arc::make_mut(&mut self.unified);
            if let Some(names) = all.get_mut(&unified) {
                names.remove(&topic.name);
                if names.is_empty() {
                    all.remove(&unified);
                }
            }
        }
        Some(topic)
    }

    /// Changes the topic of this id, if there is one, and returns what `change` does.
    pub(crate) fn update<R>(
        &mut self,
        id: TopicId,
        change: impl FnOnce(&mut Topic) -> R,
    ) -> Option<R> {
        let topic = self.by_id.get_mut(&id)?;
        // Both maps have the topic: with the other one's gone, it is changed in place if no published image has it.
        let name = Arc::clone(&topic.name);
        self.by_name.remove(&name);
        let result = change(Arc::make_mut(topic));
        self.by_name.insert(name, Arc::clone(topic));
        Some(result)
    }
}

/// The name that stands for all those which Kafka's metrics cannot tell from `name`; `None` if that is only itself.
pub(crate) fn unify(name: &str) -> Option<String> {
    name.contains(['.', '_']).then(|| name.replace('.', "_"))
}
