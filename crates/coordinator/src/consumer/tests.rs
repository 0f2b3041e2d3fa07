//! What is true of every consumer group at any time.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::{PartitionId, TopicId};

use super::group::Group;
use super::member::{LEFT_STATIC_EPOCH, State};
use super::partitions::each;
use super::records;

impl Group {
    /// Fails if the group contradicts itself.
    pub(crate) fn check(&self) {
        let mut owners: BTreeMap<TopicId, BTreeMap<PartitionId, Arc<str>>> = BTreeMap::new();
        for member in self.members.values() {
            for (topic, partition) in each(&member.assigned).chain(each(&member.revoking)) {
                let before =
                    owners.entry(topic).or_default().insert(partition, Arc::clone(&member.id));
                assert_eq!(before, None, "{partition:?} has two owners: {self:?}");
            }
            assert!(member.epoch <= self.assignment_epoch, "{self:?}");
            let is_revoking = member.state == State::UnrevokedPartitions;
            assert!(
                is_revoking || member.revoking.is_empty() || member.epoch == LEFT_STATIC_EPOCH,
                "{self:?}"
            );
        }
        assert_eq!(self.owners, owners);
        assert!(self.assignment_epoch <= self.epoch, "{self:?}");
        assert!(self.target.keys().all(|id| self.members.contains_key(id)), "{self:?}");
        let resolved: Vec<_> = self.resolved.keys().collect();
        let subscribed: Vec<_> = self.regex_members.keys().collect();
        assert!(
            resolved.iter().all(|regex| subscribed.contains(regex)),
            "{resolved:?} {subscribed:?}"
        );
        // What is counted is what members say.
        let mut counted = Self::new(Arc::clone(&self.id));
        for member in self.members.values() {
            counted.replay(&records::about(&self.id, member));
        }
        assert_eq!(self.named_topics, counted.named_topics);
        assert_eq!(self.regex_members, counted.regex_members);
        assert_eq!(self.static_members, counted.static_members);
    }

    /// What the log is to know of the group: all but whether it has looked at its topics.
    pub(crate) fn lasting(&self) -> Self {
        Self { is_stale: true, ..self.clone() }
    }

    /// Fails unless the members have all that they are to have, and every partition of these topics belongs to somebody.
    pub(crate) fn check_converged(&self, partitions: &[(TopicId, i32)]) {
        assert_eq!(self.state(), super::group::State::Stable, "{self:?}");
        for (topic, count) in partitions {
            let owned = self.owners.get(topic).map_or(0, BTreeMap::len);
            assert_eq!(i32::try_from(owned), Ok(*count), "{self:?}");
        }
    }
}
