//! ConsumerGroupHeartbeat: one request for joining, staying, changing and leaving (KIP-848).

use std::sync::Arc;

use protocol::ErrorCode;
use protocol::internal::group::ConsumerGroupMemberMetadataValue;
use protocol::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};

use super::change::Change;
use super::draft::Draft;
use super::member::{LEFT_EPOCH, LEFT_STATIC_EPOCH, Member};
use super::membership::Sender;
use super::partitions::{reported, to_response};
use super::refusal::Refusal;
use crate::assignor::Assignment;
use crate::settings::Settings;
use crate::shard::Client;
use crate::turn::Turn;
use crate::wire;

/// From this version on, members make their ids themselves (KIP-1082).
const MEMBER_MAKES_ID: i16 = 1;

/// What comes of a heartbeat.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    pub(crate) change: Change,
    pub(crate) response: ConsumerGroupHeartbeatResponse,
}

/// Makes sure that the values of a heartbeat are possible.
pub(crate) fn check(
    request: &ConsumerGroupHeartbeatRequest,
    api_version: i16,
    settings: &Settings,
) -> Result<(), Refusal> {
    let invalid = |message: &str| Err(Refusal::new(ErrorCode::InvalidRequest, message));
    let epoch = request.member_epoch;
    let is_empty = |text: &Option<protocol::messages::StrBytes>| {
        text.as_deref().is_some_and(|text| text.trim().is_empty())
    };
    let must_have_id = api_version >= MEMBER_MAKES_ID || epoch > 0 || epoch == LEFT_EPOCH;
    if must_have_id && request.member_id.trim().is_empty() {
        return invalid("the member id is empty");
    } else if request.group_id.trim().is_empty() {
        return invalid("the group id is empty");
    } else if is_empty(&request.instance_id) {
        return invalid("the instance id is empty");
    } else if is_empty(&request.rack_id) {
        return invalid("the rack id is empty");
    } else if epoch < LEFT_STATIC_EPOCH {
        return invalid("the member epoch is below -2");
    } else if epoch == LEFT_STATIC_EPOCH && request.instance_id.is_none() {
        return invalid("only a static member may leave for a while, and it has no instance id");
    }
    if epoch == 0 {
        check_join(request)?;
    }
    check_assignor(request, settings)
}

fn check_join(request: &ConsumerGroupHeartbeatRequest) -> Result<(), Refusal> {
    let has_nothing = request.topic_partitions.as_ref().is_some_and(Vec::is_empty);
    let message = if request.rebalance_timeout_ms == -1 {
        "a member that joins must say its rebalance timeout"
    } else if !has_nothing {
        "a member that joins must say that it has no partitions"
    } else if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() {
        "a member that joins must subscribe to topics, by name or by regular expression"
    } else {
        return Ok(());
    };
    Err(Refusal::new(ErrorCode::InvalidRequest, message))
}

fn check_assignor(
    request: &ConsumerGroupHeartbeatRequest,
    settings: &Settings,
) -> Result<(), Refusal> {
    let assignors = &settings.consumer.assignors;
    match request.server_assignor.as_deref() {
        Some(name) if !assignors.iter().any(|known| known.name() == name) => {
            let known: Vec<_> = assignors.iter().map(|known| known.name()).collect();
            let message = format!("there is no assignor {name}, but {}", known.join(" and "));
            Err(Refusal::new(ErrorCode::UnsupportedAssignor, message))
        }
        _ => Ok(()),
    }
}

/// A member heartbeats, and the group is changed accordingly. Only who joins may do so in a group that is new.
pub(crate) fn heartbeat(
    draft: Draft<'_>,
    client: Client<'_>,
    request: &ConsumerGroupHeartbeatRequest,
    turn: &mut Turn<'_>,
) -> Result<Heartbeat, Refusal> {
    let instance_id = request.instance_id.as_deref();
    if request.member_epoch < 0 {
        let change = draft.leave(&request.member_id, instance_id, request.member_epoch, turn)?;
        let response = ConsumerGroupHeartbeatResponse::default()
            .with_member_id(Some(request.member_id.clone()))
            .with_member_epoch(request.member_epoch);
        return Ok(Heartbeat { change, response });
    }
    stay(draft, client, request, turn)
}

/// A member joins or stays.
fn stay(
    mut draft: Draft<'_>,
    client: Client<'_>,
    request: &ConsumerGroupHeartbeatRequest,
    turn: &mut Turn<'_>,
) -> Result<Heartbeat, Refusal> {
    let made_id;
    let member_id: &str = if request.member_id.is_empty() {
        made_id = client.uuid.to_string();
        &made_id
    } else {
        &request.member_id
    };
    draft.check_room(member_id, turn.settings.consumer.max_size)?;
    let owned: Option<Assignment> = request.topic_partitions.as_deref().map(reported);
    let joins = request.member_epoch == 0;
    let member = draft.admit(&Sender {
        member_id,
        instance_id: request.instance_id.as_deref(),
        joins,
        is_classic: false,
        epoch: request.member_epoch,
        owned: owned.as_ref(),
    })?;
    let has_changed = draft.update(&member, about(&member, client, request), turn)?;
    draft.assign(turn);
    let after = draft.reconcile(member_id, has_changed, owned.as_ref(), turn)?;
    draft.renew_session(&after, turn);
    if after.state != member.state || after.revoking != member.revoking {
        draft.watch_revocation(&after, turn);
    }
    let is_full = request.rebalance_timeout_ms != -1
        && (request.subscribed_topic_names.is_some() || request.subscribed_topic_regex.is_some())
        && owned.is_some();
    let config = turn.cluster.group_config(&draft.id);
    let interval_ms = config.consumer_heartbeat_interval_ms;
    let mut response = ConsumerGroupHeartbeatResponse::default()
        .with_member_id(Some(wire(member_id)))
        .with_member_epoch(after.epoch)
        .with_heartbeat_interval_ms(i32::try_from(interval_ms).unwrap_or(i32::MAX));
    if joins || is_full || member.assigned != after.assigned {
        response.assignment = Some(to_response(&after.assigned));
    }
    Ok(Heartbeat { change: draft.into_records().into(), response })
}

/// What a member says of itself now: what it leaves out is as before.
fn about(
    member: &Arc<Member>,
    client: Client<'_>,
    request: &ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupMemberMetadataValue {
    let mut about = member.about.clone();
    let said = |text: &Option<protocol::messages::StrBytes>, known: &mut Option<String>| {
        if let Some(text) = text.as_deref() {
            *known = Some(text.to_owned());
        }
    };
    said(&request.instance_id, &mut about.instance_id);
    said(&request.rack_id, &mut about.rack_id);
    said(&request.server_assignor, &mut about.server_assignor);
    said(&request.subscribed_topic_regex, &mut about.subscribed_topic_regex);
    if request.rebalance_timeout_ms != -1 {
        about.rebalance_timeout_ms = request.rebalance_timeout_ms;
    }
    if let Some(names) = &request.subscribed_topic_names {
        about.subscribed_topic_names = sorted(names.iter().map(|name| &***name));
    }
    about.client_id = client.id.to_owned();
    about.client_host = client.host.to_owned();
    about.classic_member_metadata = None;
    about
}

/// The names in order, each once.
pub(super) fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<_> = names.map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}
