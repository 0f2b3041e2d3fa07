//! Who is a member: joining, coming back, and being told that one's epoch is not the one that counts.

use std::sync::Arc;

use protocol::ErrorCode;

use super::draft::Draft;
use super::group::Group;
use super::member::{LEFT_STATIC_EPOCH, Member};
use super::partitions::has;
use super::refusal::Refusal;
use crate::assignor::Assignment;

/// Who sends a request, and what it believes.
#[derive(Copy, Clone, Debug)]
pub(super) struct Sender<'a> {
    pub(super) member_id: &'a str,
    pub(super) instance_id: Option<&'a str>,
    /// True if it wants to become a member, or to begin anew.
    pub(super) joins: bool,
    /// True if it speaks the classic protocol, whose generations are checked elsewhere.
    pub(super) is_classic: bool,
    pub(super) epoch: i32,
    /// What it says that it has, if it says so.
    pub(super) owned: Option<&'a Assignment>,
}

impl Group {
    /// Makes sure that the group has room for a member.
    pub(super) fn check_room(&self, member_id: &str, size_max: usize) -> Result<(), Refusal> {
        if self.members.len() < size_max || self.members.contains_key(member_id) {
            return Ok(());
        }
        let message = format!("the group has {size_max} members, and may not have more");
        Err(Refusal::new(ErrorCode::GroupMaxSizeReached, message))
    }

    /// The member of a request that is from a member.
    pub(super) fn known_member(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<&Arc<Member>, Refusal> {
        let unknown = || {
            let message = format!("{member_id} is not a member of group {}", self.id);
            Refusal::new(ErrorCode::UnknownMemberId, message)
        };
        let Some(instance_id) = instance_id else {
            return self.members.get(member_id).ok_or_else(unknown);
        };
        let member = self.static_member(instance_id).ok_or_else(unknown)?;
        if *member.id == *member_id {
            return Ok(member);
        }
        let message = format!("{} has taken the place of {instance_id}", member.id);
        Err(Refusal::new(ErrorCode::FencedInstanceId, message))
    }
}

impl Draft<'_> {
    /// The member that sends a request: one that is known, a new one, or one that comes back for another.
    pub(super) fn admit(&mut self, sender: &Sender<'_>) -> Result<Arc<Member>, Refusal> {
        let known = sender.instance_id.map_or_else(
            || self.members.get(sender.member_id),
            |instance_id| self.static_member(instance_id),
        );
        match known.cloned() {
            Some(member) if sender.joins && *member.id != *sender.member_id => {
                self.replace(&member, sender)
            }
            // Whoever has not got the answer to its join joins once more.
            Some(member) if sender.joins => Ok(self.begin_anew(member)),
            None if sender.joins => {
                tracing::info!(group = %self.id, member = sender.member_id, "a member joins");
                // It may be known, and have an instance id from now on.
                let known = self.members.get(sender.member_id).cloned();
                Ok(known.unwrap_or_else(|| Arc::new(Member::new(sender.member_id.into()))))
            }
            _ => {
                let member = self.known_member(sender.member_id, sender.instance_id)?;
                if !sender.is_classic {
                    check_epoch(member, sender)?;
                }
                Ok(Arc::clone(member))
            }
        }
    }

    /// A static member that has left for a while is back under its old id.
    fn begin_anew(&mut self, member: Arc<Member>) -> Arc<Member> {
        if member.epoch != LEFT_STATIC_EPOCH {
            return member;
        }
        let member = Member { epoch: 0, previous_epoch: 0, ..Member::clone(&member) };
        self.push_current(&member);
        Arc::new(member)
    }

    /// A static member comes back under a new id, and takes over what it had.
    fn replace(&mut self, old: &Member, sender: &Sender<'_>) -> Result<Arc<Member>, Refusal> {
        let is_released = old.epoch == LEFT_STATIC_EPOCH;
        // Where one of them speaks the classic protocol, the new one fences the old one, as among classic members.
        if !is_released && !sender.is_classic && old.classic().is_none() {
            let message = format!("member {} has not left, and has the same instance id", old.id);
            return Err(Refusal::new(ErrorCode::UnreleasedInstanceId, message));
        }
        tracing::info!(group = %self.id, member = sender.member_id, old = %old.id, "a static member is back");
        let target = self.target_of(&old.id);
        let id = Arc::from(sender.member_id);
        let member = Member { id, epoch: 0, previous_epoch: 0, ..old.clone() };
        self.push_removal(&old.id);
        self.push_about(&member);
        self.push_target(&member.id, &target);
        self.push_current(&member);
        Ok(Arc::new(member))
    }
}

/// Makes sure that a member is in its epoch. The one before will do if the answer with the new one may have been lost: then
/// the member cannot have more than it has been assigned.
fn check_epoch(member: &Member, sender: &Sender<'_>) -> Result<(), Refusal> {
    let has_missed_answer = || {
        let owned = sender.owned.into_iter().flatten();
        sender.owned.is_some()
            && owned
                .flat_map(|(topic, partitions)| {
                    partitions.iter().map(|partition| (*topic, *partition))
                })
                .all(|(topic, partition)| has(&member.assigned, topic, partition))
    };
    if sender.epoch == member.epoch
        || (sender.epoch == member.previous_epoch
            && sender.epoch < member.epoch
            && has_missed_answer())
    {
        return Ok(());
    }
    let message = format!(
        "member {} is in epoch {}, not {}: it must give up its partitions and join again",
        member.id, member.epoch, sender.epoch
    );
    Err(Refusal::new(ErrorCode::FencedMemberEpoch, message))
}
