//! SyncGroup and Heartbeat by members of the classic protocol, in a consumer group: the member's epoch is its generation,
//! and instead of an assignment in a heartbeat it gets one when it has joined again.

use std::sync::Arc;

use protocol::ErrorCode;
use protocol::internal::group::ClassicMemberMetadata;
use protocol::messages::SyncGroupResponse;

use super::embedded::{Subscription, write_assignment};
use super::group::{Group, PROTOCOL_TYPE};
use super::member::{Member, State};
use super::partitions::{has, without_epochs};
use crate::classic::Sync;
use crate::turn::Turn;
use crate::wire;

impl Group {
    /// A member of the classic protocol asks for its assignment.
    pub(crate) fn sync(
        &self,
        sync: &Sync<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<SyncGroupResponse, ErrorCode> {
        let (member, classic) =
            self.in_generation(sync.member_id, sync.instance_id, sync.generation)?;
        let first = classic.supported_protocols.first();
        let differs =
            |said: Option<&str>, known: Option<&str>| said.is_some_and(|said| Some(said) != known);
        if differs(sync.protocol_type, Some(PROTOCOL_TYPE))
            || differs(sync.protocol, first.map(|first| &*first.name))
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        // A member that has yet to give up partitions has joined in this rebalance, and is asked again after it.
        if self.assignment_epoch > member.epoch && member.state != State::UnrevokedPartitions {
            self.ask_to_rejoin(member, turn);
            return Err(ErrorCode::RebalanceInProgress);
        }
        turn.cancel(&self.resync_timer(&member.id));
        self.renew_session(member, turn);
        let subscription = first.and_then(|first| Subscription::read(&first.metadata).ok());
        let version = subscription.map_or(0, |subscription| subscription.version);
        let assignment = write_assignment(&without_epochs(&member.assigned), version, turn.cluster);
        Ok(SyncGroupResponse::default()
            .with_protocol_type(sync.protocol_type.map(wire))
            .with_protocol_name(sync.protocol.map(wire))
            .with_assignment(assignment))
    }

    /// A member of the classic protocol is alive. It is to join again when there is a new target assignment, when it must
    /// give up partitions, or when those that it waits for are free.
    pub(crate) fn heartbeat_classic(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        turn: &mut Turn<'_>,
    ) -> Result<(), ErrorCode> {
        let (member, _) = self.in_generation(member_id, instance_id, generation)?;
        self.renew_session(member, turn);
        let must_rejoin = member.epoch < self.assignment_epoch
            || match member.state {
                State::UnrevokedPartitions => true,
                State::UnreleasedPartitions => !self.waits_for_others(member),
                State::Stable | State::Unknown(_) => false,
            };
        if must_rejoin {
            self.ask_to_rejoin(member, turn);
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// The member of a request in the classic protocol.
    fn in_generation(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> Result<(&Arc<Member>, &ClassicMemberMetadata), ErrorCode> {
        let member = self.known_member(member_id, instance_id).map_err(|error| error.code)?;
        let classic = member.classic().ok_or(ErrorCode::UnknownMemberId)?;
        if generation == member.epoch {
            Ok((member, classic))
        } else {
            Err(ErrorCode::IllegalGeneration)
        }
    }

    fn ask_to_rejoin(&self, member: &Member, turn: &mut Turn<'_>) {
        turn.set_if_absent(self.rejoin_timer(&member.id), member.rebalance_timeout());
    }

    /// True if another member still owns a part of its target assignment.
    fn waits_for_others(&self, member: &Member) -> bool {
        let target = self.target_of(&member.id);
        let mut places = target.iter().flat_map(|(topic, partitions)| {
            partitions.iter().map(|partition| (*topic, *partition))
        });
        places.any(|(topic, partition)| {
            !has(&member.assigned, topic, partition)
                && self.is_owned_by_another(topic, partition, &member.id)
        })
    }
}
