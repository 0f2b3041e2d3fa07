//! How a member gets from what it has to its target assignment, one heartbeat after the other (`CurrentAssignmentBuilder`).
//!
//! ```text
//!            to give up something            it has reported that it has
//! Stable ───────────────────────▶ Unrevoked ─────────────────────────────▶ Stable, or Unreleased while another
//!   │                             (old epoch)                              (new epoch)   member still owns a part
//!   └──────────────────────────────── nothing to give up ─────────────────────▲
//! ```

use std::sync::Arc;

use protocol::{ErrorCode, PartitionId, TopicId};

use super::draft::Draft;
use super::member::{Member, State};
use super::partitions::{Owned, each, has};
use super::refusal::Refusal;
use crate::assignor::Assignment;
use crate::cluster::Cluster;
use crate::turn::Turn;

impl Draft<'_> {
    /// Brings a member as far towards its target assignment as it can come now. `owned` is what it says that it has;
    /// `has_changed` if it subscribes to something else than before, and may have to give that up at once.
    pub(super) fn reconcile(
        &mut self,
        member_id: &str,
        has_changed: bool,
        owned: Option<&Assignment>,
        turn: &Turn<'_>,
    ) -> Result<Arc<Member>, Refusal> {
        let Some(member) = self.members.get(member_id).map(Arc::clone) else {
            let message = format!("{member_id} is not a member of group {}", self.id);
            return Err(Refusal::new(ErrorCode::UnknownMemberId, message));
        };
        let next = match member.state {
            _ if !has_changed && member.is_reconciled_to(self.assignment_epoch) => {
                return Ok(member);
            }
            State::Stable if member.epoch == self.assignment_epoch => {
                self.without_unsubscribed(&member, owned, turn.cluster)
            }
            State::UnrevokedPartitions if owns_any(owned, &member.revoking) => {
                if has_changed {
                    self.without_unsubscribed(&member, owned, turn.cluster)
                } else {
                    return Ok(member);
                }
            }
            State::Unknown(state) if owned.is_none_or(|owned| !owned.is_empty()) => {
                let message =
                    format!("state {state} is not known here: the member must join again");
                return Err(Refusal::new(ErrorCode::FencedMemberEpoch, message));
            }
            State::Stable
            | State::UnrevokedPartitions
            | State::UnreleasedPartitions
            | State::Unknown(_) => self.next(&member, owned, turn.cluster),
        };
        if next == *member {
            return Ok(member);
        }
        self.push_current(&next);
        Ok(Arc::new(next))
    }

    /// The member without what it does not subscribe to any more.
    fn without_unsubscribed(
        &self,
        member: &Member,
        owned: Option<&Assignment>,
        cluster: &dyn Cluster,
    ) -> Member {
        let topics = self.topics_of(&member.about, cluster);
        let (assigned, dropped): (Owned, Owned) =
            member.assigned.clone().into_iter().partition(|(topic, _)| topics.contains(topic));
        if dropped.is_empty() {
            return member.clone();
        }
        let mut revoking = member.revoking.clone();
        for (topic, partitions) in dropped {
            revoking.entry(topic).or_default().extend(partitions);
        }
        let mut next = Member { assigned, previous_epoch: member.epoch, ..member.clone() };
        if owns_any(owned, &revoking) {
            next.state = State::UnrevokedPartitions;
            next.revoking = revoking;
        }
        next
    }

    /// The member on its way to the target assignment.
    fn next(&self, member: &Member, owned: Option<&Assignment>, cluster: &dyn Cluster) -> Member {
        let topics = self.topics_of(&member.about, cluster);
        let mut target = self.target_of(&member.id);
        target.retain(|topic, _| topics.contains(topic));
        let in_target = |topic: TopicId, partition: PartitionId| {
            target.get(&topic).is_some_and(|partitions| partitions.contains(&partition))
        };
        let (mut assigned, mut revoking) = (Owned::new(), Owned::new());
        for (topic, partitions) in &member.assigned {
            for (partition, since) in partitions {
                let kept = in_target(*topic, *partition);
                let place = if kept { &mut assigned } else { &mut revoking };
                place.entry(*topic).or_default().insert(*partition, *since);
            }
        }
        if owns_any(owned, &revoking) {
            let (state, previous_epoch) = (State::UnrevokedPartitions, member.epoch);
            return Member { state, previous_epoch, assigned, revoking, ..member.clone() };
        }
        let mut waits = false;
        for (topic, partitions) in &target {
            for partition in partitions.iter().filter(|it| !has(&member.assigned, *topic, **it)) {
                if self.is_owned_by_another(*topic, *partition, &member.id) {
                    waits = true;
                } else {
                    let epoch = self.assignment_epoch;
                    assigned.entry(*topic).or_default().insert(*partition, epoch);
                }
            }
        }
        Member {
            state: if waits { State::UnreleasedPartitions } else { State::Stable },
            epoch: self.assignment_epoch,
            previous_epoch: member.epoch,
            assigned,
            revoking: Owned::new(),
            ..member.clone()
        }
    }
}

/// True if the member has any of the partitions, as far as we know: one that does not say may have them all.
fn owns_any(owned: Option<&Assignment>, partitions: &Owned) -> bool {
    let Some(owned) = owned else { return !partitions.is_empty() };
    each(partitions).any(|(topic, partition)| {
        owned.get(&topic).is_some_and(|partitions| partitions.contains(&partition))
    })
}
