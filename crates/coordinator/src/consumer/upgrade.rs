//! A classic group becomes a consumer group when the first member of the new protocol joins it. The others go on with the
//! classic protocol, and are asked to join again where the new target assignment takes something from them.

use protocol::internal::group::{
    ClassicMemberMetadata, ClassicProtocol, ConsumerGroupMemberMetadataValue,
};
use protocol::{ErrorCode, Timestamp};

use super::draft::Draft;
use super::embedded::{Subscription, read_assignment};
use super::group::Group;
use super::heartbeat::sorted;
use super::member::Member;
use super::partitions::since;
use super::refusal::Refusal;
use crate::classic::{self, Handover};
use crate::turn::Turn;

fn refuse(group_id: &str, reason: &str) -> Refusal {
    let message = format!("classic group {group_id} cannot become a consumer group: {reason}");
    Refusal::new(ErrorCode::GroupIdNotFound, message)
}

/// The draft of a consumer group with the members of a classic one.
pub(crate) fn upgrade(
    group_id: &str,
    classic: &classic::Group,
    turn: &Turn<'_>,
) -> Result<Draft<'static>, Refusal> {
    let settings = &turn.settings.consumer;
    if !settings.migration_policy.upgrade {
        return Err(refuse(group_id, "group.consumer.migration.policy does not allow it"));
    } else if !classic.has_consumers() {
        return Err(refuse(group_id, "its members are not consumers"));
    } else if classic.member_count() > settings.max_size {
        return Err(refuse(group_id, "it has more members than group.consumer.max.size"));
    }
    let generation = classic.generation();
    let group = Group::new(group_id.into());
    let mut draft = Draft::new(group, vec![crate::shard::tombstone(group_id)]);
    let members = classic.hand_over().into_iter();
    let members = members.map(|member| take_over(group_id, generation, member, turn));
    let members: Vec<Member> = members.collect::<Result<_, _>>()?;
    for member in &members {
        draft.push_about(member);
    }
    let hash = draft.hash(turn.cluster);
    draft.push_epoch(generation, hash);
    for member in &members {
        draft.push_target(&member.id, &super::partitions::without_epochs(&member.assigned));
    }
    // When it was made is not known, so the next one may be made at once.
    draft.push_assignment_epoch(Timestamp(0));
    for member in &members {
        draft.push_current(member);
    }
    if !classic.is_stable() {
        // What the members were assigned is not what they are to have, or nothing.
        draft.bump_epoch(turn.cluster);
    }
    tracing::info!(group = group_id, "the classic group becomes a consumer group");
    Ok(draft)
}

/// The member as one of a consumer group that is stable in the classic generation.
fn take_over(
    group_id: &str,
    generation: i32,
    member: Handover,
    turn: &Turn<'_>,
) -> Result<Member, Refusal> {
    let malformed = |_| refuse(group_id, "a member's subscription or assignment cannot be read");
    let subscription = Subscription::read(&member.metadata).map_err(malformed)?;
    let (assigned, has_user_data) =
        read_assignment(&member.assignment, turn.cluster).map_err(malformed)?;
    if has_user_data {
        return Err(refuse(group_id, "its assignor keeps user data, which would be lost"));
    }
    let protocols = member.protocols.into_iter();
    let protocols = protocols
        .map(|known| ClassicProtocol { name: known.name.to_string(), metadata: known.metadata });
    let about = ConsumerGroupMemberMetadataValue {
        instance_id: member.instance_id.as_deref().map(str::to_owned),
        rack_id: subscription.rack_id,
        client_id: member.client_id,
        client_host: member.client_host,
        subscribed_topic_names: sorted(subscription.topics.iter().map(String::as_str)),
        subscribed_topic_regex: None,
        rebalance_timeout_ms: member.rebalance_timeout_ms,
        server_assignor: None,
        classic_member_metadata: Some(ClassicMemberMetadata {
            session_timeout_ms: member.session_timeout_ms,
            supported_protocols: protocols.collect(),
        }),
    };
    let new = Member::new(member.member_id);
    let assigned = since(generation, &assigned);
    Ok(Member { about, epoch: generation, previous_epoch: generation, assigned, ..new })
}
