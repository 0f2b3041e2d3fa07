//! A consumer group becomes a classic one when its last member of the new protocol has left, or has come back with the
//! classic one, and members of the classic protocol remain.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::internal::group::GroupRecord;

use super::draft::Draft;
use super::embedded::{Subscription, write_assignment};
use super::group::Group;
use super::member::Member;
use crate::classic::{self, Handover, Protocol};
use crate::settings::Settings;
use crate::turn::Turn;

impl Group {
    /// True if the group may become a classic one when these members are not counted: at least one is left, and all that
    /// are left speak the classic protocol.
    pub(super) fn may_downgrade_without(
        &self,
        member_ids: &BTreeSet<Arc<str>>,
        settings: &Settings,
    ) -> bool {
        let left = || self.members.values().filter(|member| !member_ids.contains(&member.id));
        let count = left().count();
        settings.consumer.migration_policy.downgrade
            && (1..=settings.group_max_size).contains(&count)
            && left().all(|member| member.classic().is_some())
    }
}

impl Draft<'_> {
    /// The records that make a classic group of it, without some members.
    pub(super) fn downgrade(
        self,
        leaving: &BTreeSet<Arc<str>>,
        turn: &Turn<'_>,
    ) -> Vec<GroupRecord> {
        let members = self.members.values().filter(|member| !leaving.contains(&member.id));
        let members = members.filter_map(|member| self.hand_over(member, turn)).collect();
        let (id, now) = (Arc::clone(&self.id), turn.now.timestamp);
        tracing::info!(group = %id, "the consumer group becomes a classic group");
        let record = classic::Group::taken_over(id, self.epoch, members, now);
        let mut last = self.tombstones();
        last.push(record);
        self.finish(last)
    }

    /// A member of the classic protocol with its target assignment.
    fn hand_over(&self, member: &Member, turn: &Turn<'_>) -> Option<Handover> {
        let classic = member.classic()?;
        let protocols = classic.supported_protocols.iter();
        let protocols: Vec<_> = protocols
            .map(|known| Protocol {
                name: known.name.as_str().into(),
                metadata: known.metadata.clone(),
            })
            .collect();
        let metadata = protocols.first().map(|first| first.metadata.clone()).unwrap_or_default();
        let version = Subscription::read(&metadata).map_or(0, |subscription| subscription.version);
        Some(Handover {
            member_id: Arc::clone(&member.id),
            instance_id: member.instance_id().map(Arc::from),
            client_id: member.about.client_id.clone(),
            client_host: member.about.client_host.clone(),
            rebalance_timeout_ms: member.about.rebalance_timeout_ms,
            session_timeout_ms: classic.session_timeout_ms,
            protocols,
            metadata,
            assignment: write_assignment(&self.target_of(&member.id), version, turn.cluster),
        })
    }
}
