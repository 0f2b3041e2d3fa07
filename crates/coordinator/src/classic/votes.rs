//! Which protocol a generation follows: the members vote, and only for what all of them can follow.

use std::sync::Arc;

use super::group::Group;
use super::member::{Member, Protocol};

impl Group {
    /// True if all members could agree on a protocol with one that offers these.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        let is_common = |protocol: &Protocol| {
            self.votes.get(&protocol.name).copied().unwrap_or(0) == self.members.len()
        };
        self.protocol_type.as_deref() == Some(protocol_type) && protocols.iter().any(is_common)
    }

    /// The protocol that all can follow and that most like best. The first members' wishes decide a tie.
    pub(super) fn elect_protocol(&self) -> Option<Arc<str>> {
        let is_common = |name: &Arc<str>| self.votes.get(name) == Some(&self.members.len());
        let favourite = |member: &Member| {
            member
                .protocols
                .iter()
                .map(|protocol| &protocol.name)
                .find(|name| is_common(name))
                .cloned()
        };
        let mut ballot: Vec<(Arc<str>, usize)> = Vec::new();
        for name in self.members.values().filter_map(favourite) {
            match ballot.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => ballot.push((name, 1)),
            }
        }
        let most = ballot.iter().map(|&(_, count)| count).max()?;
        ballot.into_iter().find(|&(_, count)| count == most).map(|(name, _)| name)
    }

    /// Counts what a member can follow, or no longer does.
    pub(super) fn count_votes(&mut self, protocols: &[Protocol], is_added: bool) {
        for protocol in protocols {
            let count = self.votes.entry(Arc::clone(&protocol.name)).or_default();
            *count = if is_added { *count + 1 } else { count.saturating_sub(1) };
            if *count == 0 {
                self.votes.remove(&protocol.name);
            }
        }
    }
}
