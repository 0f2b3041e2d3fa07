//! A member of a group, in the classic protocol that every broker and every other client speaks.
//!
//! | state | event | what follows |
//! |---|---|---|
//! | outside | join | the coordinator gives an id, the members, and to the leader the assignment to make |
//! | joined | sync | the leader's assignment; the member is stable |
//! | stable | a heartbeat says that the group rebalances, or does not know us | join again |

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use protocol::messages::join_group_request::JoinGroupRequestProtocol;
use protocol::messages::leave_group_request::MemberIdentity;
use protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use protocol::messages::{
    GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, StrBytes,
    SyncGroupRequest,
};
use protocol::{ErrorCode, Offset, TopicPartition};

use crate::assign::{RANGE, Subscriptions, range};
use crate::consumer_protocol::{
    decode_assignment, decode_subscription, encode_assignment, encode_subscription,
};
use crate::coordinator::Committer;
use crate::wire::{millis, text};
use crate::{Backoff, Client, Error, Topics};

const PROTOCOL_TYPE: &str = "consumer";

/// What a member is to its group.
#[derive(Clone, Debug)]
pub struct GroupOptions {
    /// The group.
    pub group_id: String,
    /// The topics to consume.
    pub topics: Vec<String>,
    /// After so long without a heartbeat the coordinator gives our partitions to others.
    pub session_timeout: Duration,
    /// How long the others may take to join again.
    pub rebalance_timeout: Duration,
}

/// What a heartbeat brought to light.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// All is as it was.
    Stable,
    /// The assignment is no longer ours: [`GroupMember::rejoin`] gets another.
    Rejoin,
}

/// A member that has its partitions.
#[derive(Debug)]
pub struct GroupMember {
    client: Client,
    options: GroupOptions,
    identity: Committer,
    assignment: Vec<TopicPartition>,
}

impl GroupMember {
    /// Joins the group, and waits until it has settled.
    pub async fn join(client: Client, options: GroupOptions) -> Result<Self, Error> {
        let identity = Committer {
            group_id: options.group_id.clone(),
            generation_id: -1,
            member_id: String::new(),
        };
        let mut member = Self { client, options, identity, assignment: Vec::new() };
        member.rejoin().await?;
        Ok(member)
    }

    /// The partitions that are ours.
    pub fn assignment(&self) -> &[TopicPartition] {
        &self.assignment
    }

    /// Joins once more after [`Heartbeat::Rejoin`].
    pub async fn rejoin(&mut self) -> Result<(), Error> {
        let mut backoff = Backoff::new(self.client.options().retry_timeout);
        loop {
            let err = match self.try_join().await {
                Ok(()) => return Ok(()),
                Err(err) => err,
            };
            match err.code() {
                // The id comes with the refusal (KIP-394), and was kept.
                Some(ErrorCode::MemberIdRequired) => continue,
                Some(ErrorCode::UnknownMemberId) => self.identity.member_id.clear(),
                Some(ErrorCode::IllegalGeneration | ErrorCode::RebalanceInProgress) => {}
                _ if err.is_retriable() => {}
                _ => return Err(err),
            }
            if !backoff.wait().await {
                return Err(err);
            }
        }
    }

    async fn try_join(&mut self) -> Result<(), Error> {
        let joined = self.send_join().await?;
        let what = || format!("joining group {}", self.options.group_id);
        if joined.error_code == ErrorCode::MemberIdRequired.code() {
            self.identity.member_id = joined.member_id.to_string();
        }
        Error::check(joined.error_code, None, what)?;
        self.identity.member_id = joined.member_id.to_string();
        self.identity.generation_id = joined.generation_id;
        let is_leader = joined.leader == joined.member_id;
        let assignments = if is_leader { self.assign(&joined).await? } else { Vec::new() };
        let request = SyncGroupRequest::default()
            .with_group_id(self.group_id())
            .with_generation_id(joined.generation_id)
            .with_member_id(joined.member_id)
            .with_protocol_type(Some(StrBytes::from_static_str(PROTOCOL_TYPE)))
            .with_protocol_name(Some(StrBytes::from_static_str(RANGE)))
            .with_assignments(assignments);
        let coordinator = self.client.coordinator(&self.options.group_id).await?;
        let patience = self.options.rebalance_timeout;
        let synced = coordinator.call_for(0..=i16::MAX, request, patience).await?;
        Error::check(synced.error_code, None, || {
            format!("the assignment of group {}", self.options.group_id)
        })?;
        self.assignment = decode_assignment(&synced.assignment).map_err(|err| Error::Protocol {
            address: format!("the leader of group {}", self.options.group_id),
            reason: err.to_string(),
        })?;
        Ok(())
    }

    async fn send_join(&self) -> Result<JoinGroupResponse, Error> {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str(RANGE))
            .with_metadata(encode_subscription(&self.options.topics));
        let request = JoinGroupRequest::default()
            .with_group_id(self.group_id())
            .with_session_timeout_ms(millis(self.options.session_timeout))
            .with_rebalance_timeout_ms(millis(self.options.rebalance_timeout))
            .with_member_id(text(&self.identity.member_id))
            .with_protocol_type(StrBytes::from_static_str(PROTOCOL_TYPE))
            .with_protocols(vec![protocol]);
        let coordinator = self.client.coordinator(&self.options.group_id).await?;
        coordinator.call_for(0..=i16::MAX, request, self.options.rebalance_timeout).await
    }

    /// The leader's part: who gets what. A member whose subscription cannot be read gets nothing.
    async fn assign(
        &self,
        joined: &JoinGroupResponse,
    ) -> Result<Vec<SyncGroupRequestAssignment>, Error> {
        let subscriptions: Subscriptions = joined
            .members
            .iter()
            .map(|member| {
                let topics = decode_subscription(&member.metadata).unwrap_or_default();
                (member.member_id.to_string(), topics)
            })
            .collect();
        let mut names: Vec<&str> = subscriptions.values().flatten().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let metadata = self.client.metadata(Topics::Named(&names)).await?;
        let counts: BTreeMap<_, _> = metadata
            .topics
            .iter()
            .map(|(name, topic)| (name.clone(), topic.partition_count()))
            .collect();
        let assigned = range(&subscriptions, &counts).into_iter();
        let assigned = assigned.map(|(member, partitions)| {
            let assignment: Bytes = encode_assignment(&partitions);
            SyncGroupRequestAssignment::default()
                .with_member_id(text(&member))
                .with_assignment(assignment)
        });
        Ok(assigned.collect())
    }

    /// Tells the coordinator that we are here; to be called several times in a session timeout.
    pub async fn heartbeat(&self) -> Result<Heartbeat, Error> {
        let request = HeartbeatRequest::default()
            .with_group_id(self.group_id())
            .with_generation_id(self.identity.generation_id)
            .with_member_id(text(&self.identity.member_id));
        let coordinator = self.client.coordinator(&self.options.group_id).await?;
        let response = coordinator.call(request).await?;
        let checked = Error::check(response.error_code, None, || {
            format!("heartbeat in group {}", self.options.group_id)
        });
        match checked {
            Ok(()) => Ok(Heartbeat::Stable),
            Err(err) if is_outdated(&err) => Ok(Heartbeat::Rejoin),
            Err(err) => Err(err),
        }
    }

    /// Keeps where to go on. [`Heartbeat::Rejoin`] says that the partitions may be somebody else's by now: nothing of
    /// this was kept then, and whoever has them reads again what was read since the last commit.
    pub async fn commit(
        &self,
        offsets: &BTreeMap<TopicPartition, Offset>,
    ) -> Result<Heartbeat, Error> {
        match self.client.commit_as(&self.identity, offsets).await {
            Ok(()) => Ok(Heartbeat::Stable),
            Err(err) if is_outdated(&err) => Ok(Heartbeat::Rejoin),
            Err(err) => Err(err),
        }
    }

    /// Leaves, so that others get the partitions at once.
    pub async fn leave(self) -> Result<(), Error> {
        let member = MemberIdentity::default().with_member_id(text(&self.identity.member_id));
        let request =
            LeaveGroupRequest::default().with_group_id(self.group_id()).with_members(vec![member]);
        let coordinator = self.client.coordinator(&self.options.group_id).await?;
        let response = coordinator.call_in(3..=i16::MAX, request).await?;
        let what = || format!("leaving group {}", self.options.group_id);
        Error::check(response.error_code, None, what)
    }

    fn group_id(&self) -> GroupId {
        GroupId(text(&self.options.group_id))
    }
}

/// True if the group has gone on without us.
const fn is_outdated(err: &Error) -> bool {
    matches!(
        err.code(),
        Some(
            ErrorCode::RebalanceInProgress
                | ErrorCode::IllegalGeneration
                | ErrorCode::UnknownMemberId
        )
    )
}
