//! JoinGroup by a member of the classic protocol, to a consumer group. It is answered at once: there is nobody to wait for,
//! and the coordinator assigns.

use std::collections::BTreeSet;

use protocol::ErrorCode;
use protocol::internal::group::{
    ClassicMemberMetadata, ClassicProtocol, ConsumerGroupMemberMetadataValue,
};
use protocol::messages::JoinGroupResponse;

use super::change::{Change, Downgrade};
use super::draft::Draft;
use super::embedded::Subscription;
use super::group::{Group, PROTOCOL_TYPE};
use super::heartbeat::sorted;
use super::member::Member;
use super::membership::Sender;
use crate::classic::{Join, REQUIRES_MEMBER_ID, refuse_join};
use crate::settings::Settings;
use crate::turn::Turn;
use crate::wire;

/// What comes of a join that is not refused.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) change: Change,
    pub(crate) response: JoinGroupResponse,
}

impl Group {
    /// A member of the classic protocol joins, or joins again.
    pub(crate) fn join(
        &self,
        join: &Join,
        turn: &mut Turn<'_>,
    ) -> Result<Joined, Box<JoinGroupResponse>> {
        let is_unknown = join.member_id.is_empty();
        let member_id = if is_unknown { &join.new_member_id } else { &join.member_id };
        let refuse = |error| Box::new(refuse_join(&join.member_id, error));
        let policy = turn.settings.consumer.migration_policy;
        if !policy.upgrade && !policy.downgrade {
            return Err(refuse(ErrorCode::InconsistentGroupProtocol));
        }
        self.check_room(member_id, turn.settings.consumer.max_size)
            .map_err(|error| Box::new(refuse_join("", error.code)))?;
        let protocol = join.protocols.first().filter(|_| self.supports(join));
        let subscription = protocol.and_then(|first| Subscription::read(&first.metadata).ok());
        let subscription =
            subscription.ok_or_else(|| refuse(ErrorCode::InconsistentGroupProtocol))?;
        if is_unknown && join.instance_id.is_none() && join.token.api_version >= REQUIRES_MEMBER_ID
        {
            return Err(Box::new(refuse_join(member_id, ErrorCode::MemberIdRequired)));
        }
        let replaces_last = self.replaces_last(join, turn.settings);
        let mut draft = Draft::of(self);
        let member = draft.admit(&Sender {
            member_id,
            instance_id: join.instance_id.as_deref(),
            joins: is_unknown || join.instance_id.is_none(),
            is_classic: true,
            epoch: -1,
            owned: None,
        });
        let member = member.map_err(|error| refuse(error.code))?;
        draft.join(join, &member, &subscription, replaces_last, turn).map_err(refuse)
    }

    /// True if it speaks a protocol that all members of the classic protocol can follow.
    fn supports(&self, join: &Join) -> bool {
        let follows = |member: &Member, name: &str| {
            let known = member.classic().into_iter().flat_map(|known| &known.supported_protocols);
            known.into_iter().any(|known| known.name == name)
        };
        let is_common = |name: &str| self.classic_members().all(|member| follows(member, name));
        *join.protocol_type == *PROTOCOL_TYPE
            && join.protocols.iter().any(|protocol| is_common(&protocol.name))
    }

    /// True if it is the last member of the new protocol that comes back with the classic one.
    fn replaces_last(&self, join: &Join, settings: &Settings) -> bool {
        let old = join.instance_id.as_deref().and_then(|id| self.static_member(id));
        old.is_some_and(|old| {
            let others = self.members.values().filter(|member| member.id != old.id);
            old.classic().is_none()
                && others.into_iter().all(|member| member.classic().is_some())
                && settings.consumer.migration_policy.downgrade
                && self.members.len() <= settings.group_max_size
        })
    }
}

impl Draft<'_> {
    fn join(
        mut self,
        join: &Join,
        member: &Member,
        subscription: &Subscription,
        becomes_classic: bool,
        turn: &mut Turn<'_>,
    ) -> Result<Joined, ErrorCode> {
        let about = about(member, join, subscription);
        let has_changed = self.update(member, about, turn).map_err(|error| error.code)?;
        let owned = subscription.owned(turn.cluster);
        if !becomes_classic {
            self.assign(turn);
        }
        let is_behind = self.assignment_epoch < self.epoch;
        let mut epoch = member.epoch;
        if !becomes_classic || !is_behind {
            let after = self.reconcile(&member.id, has_changed, Some(&owned), turn);
            let after = after.map_err(|error| error.code)?;
            epoch = after.epoch;
            self.renew_session(&after, turn);
            turn.cancel(&self.rejoin_timer(&after.id));
            turn.set(self.resync_timer(&after.id), after.rebalance_timeout());
        }
        let protocol = join.protocols.first().map(|first| wire(&first.name));
        let response = JoinGroupResponse::default()
            .with_member_id(wire(&member.id))
            .with_generation_id(epoch)
            .with_protocol_type(Some(wire(PROTOCOL_TYPE)))
            .with_protocol_name(protocol);
        let change = if becomes_classic {
            // As a generation of the classic group, which its next heartbeat or SyncGroup is to name.
            let downgrade = Some(Downgrade { rebalances: is_behind });
            Change { records: self.downgrade(&BTreeSet::new(), turn), downgrade }
        } else {
            self.into_records().into()
        };
        Ok(Joined { change, response })
    }
}

/// What a member says of itself by its JoinGroup. It cannot subscribe by regular expression, nor ask for an assignor.
fn about(
    member: &Member,
    join: &Join,
    subscription: &Subscription,
) -> ConsumerGroupMemberMetadataValue {
    let known = &member.about;
    let instance_id = join.instance_id.as_deref().map(str::to_owned);
    let protocols = join.protocols.iter().map(|protocol| ClassicProtocol {
        name: protocol.name.to_string(),
        metadata: protocol.metadata.clone(),
    });
    ConsumerGroupMemberMetadataValue {
        instance_id: instance_id.or_else(|| known.instance_id.clone()),
        rack_id: subscription.rack_id.clone().or_else(|| known.rack_id.clone()),
        client_id: join.client_id.clone(),
        client_host: join.client_host.clone(),
        subscribed_topic_names: sorted(subscription.topics.iter().map(String::as_str)),
        subscribed_topic_regex: Some(String::new()),
        rebalance_timeout_ms: join.rebalance_timeout_ms,
        server_assignor: known.server_assignor.clone(),
        classic_member_metadata: Some(ClassicMemberMetadata {
            session_timeout_ms: join.session_timeout_ms,
            supported_protocols: protocols.collect(),
        }),
    }
}
