//! What members say of themselves, and when that is a reason to assign anew.

use std::collections::BTreeSet;

use protocol::TopicId;
use protocol::internal::group::ConsumerGroupMemberMetadataValue;

use super::draft::Draft;
use super::group::Group;
use super::member::Member;
use super::refusal::Refusal;
use crate::cluster::Cluster;
use crate::turn::Turn;

impl Group {
    /// The topics that a member subscribes to, of those that there are.
    pub(super) fn topics_of(
        &self,
        about: &ConsumerGroupMemberMetadataValue,
        cluster: &dyn Cluster,
    ) -> BTreeSet<TopicId> {
        let regex = about.subscribed_topic_regex.as_deref();
        let matched = regex.and_then(|regex| self.resolved.get(regex));
        let matched = matched.iter().flat_map(|resolved| &resolved.topics);
        let names = about.subscribed_topic_names.iter().chain(matched);
        names.filter_map(|name| cluster.topic(name)).map(|topic| topic.id).collect()
    }
}

impl Draft<'_> {
    /// Takes over what a member says of itself now, and raises the group's epoch if that, or the topics, are a reason to
    /// assign anew. True if the member subscribes to something else than before.
    pub(super) fn update(
        &mut self,
        before: &Member,
        about: ConsumerGroupMemberMetadataValue,
        turn: &Turn<'_>,
    ) -> Result<bool, Refusal> {
        let is_new = !self.members.contains_key(&before.id);
        let after = Member { about, ..before.clone() };
        if is_new || after.about != before.about {
            self.push_about(&after);
        }
        let has_other_regex = before.regex() != after.regex();
        if has_other_regex {
            self.change_regex(before.regex(), after.regex())?;
        }
        let has_other_names =
            before.about.subscribed_topic_names != after.about.subscribed_topic_names;
        let has_other_matches = self.refresh_regexes(turn);
        let has_changed = has_other_names || has_other_regex;
        if is_new || has_changed || has_other_matches || self.have_topics_changed(turn) {
            self.bump_epoch(turn.cluster);
        }
        Ok(has_changed)
    }

    fn have_topics_changed(&self, turn: &Turn<'_>) -> bool {
        self.is_stale && self.hash(turn.cluster) != self.metadata_hash
    }
}
