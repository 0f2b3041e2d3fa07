//! The target assignment: what each member is to have in the group's epoch.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use protocol::TopicId;

use super::draft::Draft;
use super::member::Member;
use crate::assignor::{self, Assignment, Subscriber, Subscribers};
use crate::turn::Turn;

/// Members of the same subscription share their topics: they are many, and the topics may be too.
type Subscription<'a> = (&'a [String], Option<&'a str>);

impl Draft<'_> {
    /// Computes the target assignment of the group's epoch, unless there is one, or the last one is too young
    /// (KIP-1263): then it is left to a later heartbeat.
    pub(super) fn assign(&mut self, turn: &Turn<'_>) {
        if self.assignment_epoch >= self.epoch || !self.may_assign(turn) {
            return;
        }
        let assignor = self.assignor(&turn.settings.consumer.assignors);
        let members: Vec<_> = self.members.values().cloned().collect();
        let before: Vec<_> = members.iter().map(|member| self.target_of(&member.id)).collect();
        let assigned = assignor::assign(assignor, &self.subscribers(&members, &before, turn));
        for (member, assignment) in members.iter().zip(assigned) {
            let known = self.target.get(&member.id);
            if known.is_none_or(|known| **known != assignment) {
                self.push_target(&member.id, &assignment);
            }
        }
        self.push_assignment_epoch(turn.now.timestamp);
        let (epoch, assignor) = (self.epoch, assignor.name());
        tracing::info!(group = %self.id, epoch, assignor, "the group has a new target assignment");
    }

    fn may_assign(&self, turn: &Turn<'_>) -> bool {
        let interval_ms = turn.cluster.group_config(&self.id).consumer_assignment_interval_ms;
        let age_ms = turn.now.timestamp.0.saturating_sub(self.assignment_timestamp.0);
        // It is not known when an older Kafka computed it; and a clock that was set back does not stop it.
        self.assignment_timestamp.0 == 0
            || u64::try_from(age_ms).map_or(true, |age_ms| age_ms >= interval_ms)
    }

    fn subscribers<'a>(
        &self,
        members: &'a [Arc<Member>],
        before: &'a [Assignment],
        turn: &Turn<'_>,
    ) -> Subscribers<'a> {
        let mut shared: HashMap<Subscription<'a>, Rc<BTreeSet<TopicId>>> = HashMap::new();
        let mut subscribers = Vec::with_capacity(members.len());
        for (member, before) in members.iter().zip(before) {
            let subscription = (&member.about.subscribed_topic_names[..], member.regex());
            let topics = shared
                .entry(subscription)
                .or_insert_with(|| Rc::new(self.topics_of(&member.about, turn.cluster)));
            subscribers.push(Subscriber {
                member_id: &member.id,
                instance_id: member.instance_id(),
                topics: Rc::clone(topics),
                before,
            });
        }
        let topics: BTreeSet<_> = shared.values().flat_map(|topics| topics.iter()).collect();
        let counts = topics.into_iter().filter_map(|id| turn.cluster.topic_by_id(*id));
        let partition_counts: BTreeMap<_, _> =
            counts.map(|topic| (topic.id, topic.partition_count)).collect();
        Subscribers { members: subscribers, partition_counts }
    }
}
