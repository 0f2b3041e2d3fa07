//! The state of a consumer group, and what can be told from it. Only replay changes it, but for `is_stale`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use config::Assignor;
use protocol::{PartitionId, Timestamp, TopicId};

use super::member::Member;
use crate::assignor::Assignment;

/// What ListGroups calls such groups, and what the groups of their members are, classic or not.
pub(crate) const PROTOCOL_TYPE: &str = "consumer";

/// What a regular expression stood for when it was last matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) topics: BTreeSet<String>,
    /// The offset of the metadata log that counted.
    pub(super) version: i64,
    pub(super) timestamp: Timestamp,
}

/// Where a group stands, in Kafka's words.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Empty,
    /// There is no target assignment for the group's epoch yet.
    Assigning,
    /// Some members are not there yet.
    Reconciling,
    Stable,
}

impl State {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }
}

/// A consumer group. Its parts are shared with the drafts of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    pub(super) id: Arc<str>,
    /// It rises whenever there is a reason to assign anew.
    pub(super) epoch: i32,
    /// The hash of the topics that it is subscribed to, as of that epoch.
    pub(super) metadata_hash: i64,
    /// The group's epoch that the target assignment is for; -1 if there is none.
    pub(super) assignment_epoch: i32,
    /// When it was computed; 0 if that is not known.
    pub(super) assignment_timestamp: Timestamp,
    pub(super) members: BTreeMap<Arc<str>, Arc<Member>>,
    /// The ids of static members by their instance ids.
    pub(super) static_members: BTreeMap<Arc<str>, Arc<str>>,
    /// What each member is to have.
    pub(super) target: BTreeMap<Arc<str>, Arc<Assignment>>,
    /// Whose each partition is.
    pub(super) owners: BTreeMap<TopicId, BTreeMap<PartitionId, Arc<str>>>,
    /// How many members name each topic.
    pub(super) named_topics: BTreeMap<String, usize>,
    /// How many members subscribe by each regular expression.
    pub(super) regex_members: BTreeMap<String, usize>,
    pub(super) resolved: BTreeMap<String, Arc<Resolved>>,
    /// True if the log has its topics as Kafka 4.0 wrote them down.
    pub(super) has_partition_metadata: bool,
    /// True if its topics may have changed since the hash was made. This is not in the log.
    pub(super) is_stale: bool,
}

impl Group {
    /// A group that nobody has joined yet.
    pub(crate) const fn new(id: Arc<str>) -> Self {
        Self {
            id,
            epoch: 0,
            metadata_hash: 0,
            assignment_epoch: -1,
            assignment_timestamp: Timestamp(0),
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            target: BTreeMap::new(),
            owners: BTreeMap::new(),
            named_topics: BTreeMap::new(),
            regex_members: BTreeMap::new(),
            resolved: BTreeMap::new(),
            has_partition_metadata: false,
            is_stale: true,
        }
    }

    /// True if it has no members: it may be deleted.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn state(&self) -> State {
        let lags = |member: &Arc<Member>| !member.is_reconciled_to(self.assignment_epoch);
        if self.members.is_empty() {
            State::Empty
        } else if self.epoch > self.assignment_epoch {
            State::Assigning
        } else if self.members.values().any(lags) {
            State::Reconciling
        } else {
            State::Stable
        }
    }

    /// The static member of this instance id.
    pub(super) fn static_member(&self, instance_id: &str) -> Option<&Arc<Member>> {
        self.members.get(self.static_members.get(instance_id)?)
    }

    /// What a member is to have.
    pub(super) fn target_of(&self, member_id: &str) -> Assignment {
        self.target.get(member_id).map(|target| Assignment::clone(target)).unwrap_or_default()
    }

    /// True if the partition belongs to another member than this one.
    pub(super) fn is_owned_by_another(
        &self,
        topic: TopicId,
        partition: PartitionId,
        member_id: &str,
    ) -> bool {
        let owner = self.owners.get(&topic).and_then(|partitions| partitions.get(&partition));
        owner.is_some_and(|owner| **owner != *member_id)
    }

    /// The topics that members name or match.
    pub(super) fn subscribed_topics(&self) -> BTreeSet<&str> {
        let matched = self.resolved.values().flat_map(|resolved| &resolved.topics);
        self.named_topics.keys().chain(matched).map(String::as_str).collect()
    }

    /// True if its members may need the offsets of the topic.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        self.named_topics.contains_key(topic)
            || self.resolved.values().any(|resolved| resolved.topics.contains(topic))
    }

    /// The assignor that most members ask for, of those that there are; otherwise the first of these.
    pub(super) fn assignor(&self, assignors: &[Assignor]) -> Assignor {
        let votes = |assignor: Assignor| {
            let asks = |member: &&Arc<Member>| {
                member.about.server_assignor.as_deref() == Some(assignor.name())
            };
            self.members.values().filter(asks).count()
        };
        let by_votes = assignors.iter().copied().map(|assignor| (votes(assignor), assignor));
        // The first one wins where others have as many votes.
        let most = by_votes.rev().max_by_key(|(votes, _)| *votes);
        most.map_or(Assignor::Uniform, |(_, assignor)| assignor)
    }

    /// The members that speak the classic protocol.
    pub(super) fn classic_members(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.members.values().filter(|member| member.classic().is_some())
    }

    /// The ids of all members.
    pub(crate) fn member_ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.members.keys()
    }

    /// Its topics may have changed: the next heartbeat of any member is to look.
    pub(crate) const fn mark_stale(&mut self) {
        self.is_stale = true;
    }

    /// Somebody has looked, and the hash is that of the topics as they are.
    pub(crate) const fn mark_fresh(&mut self) {
        self.is_stale = false;
    }
}
