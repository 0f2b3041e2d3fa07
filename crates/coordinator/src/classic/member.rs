//! One member of a classic group.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::outcome::Token;
use crate::settings::millis;

/// A protocol that a member can follow, the one it likes best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Protocol {
    /// Its name: of an assignor, for consumers.
    pub(crate) name: Arc<str>,
    /// What the leader is told of the member under this protocol.
    pub(crate) metadata: Bytes,
}

/// A member.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its id, which we gave it.
    pub(super) id: Arc<str>,
    /// The id that a static member gave itself (KIP-345).
    pub(super) instance_id: Option<Arc<str>>,
    /// The client's id.
    pub(super) client_id: String,
    /// The client's address, as Kafka prints it.
    pub(super) client_host: String,
    /// How long the group waits for it to join again.
    pub(super) rebalance_timeout_ms: i32,
    /// How long it may be silent.
    pub(super) session_timeout_ms: i32,
    /// What it can follow; the names are distinct.
    pub(super) protocols: Vec<Protocol>,
    /// What the leader assigned to it; empty before.
    pub(super) assignment: Bytes,
    /// Its JoinGroup that waits for the others.
    pub(super) awaiting_join: Option<Token>,
    /// Its SyncGroup that waits for the leader.
    pub(super) awaiting_sync: Option<Token>,
    /// True until its first generation begins: it cannot send heartbeats, for it does not know its generation.
    pub(super) is_new: bool,
}

impl Member {
    /// What it says under a protocol; nothing if it cannot follow it.
    pub(super) fn metadata(&self, protocol: &str) -> Bytes {
        let protocol = self.protocols.iter().find(|known| *known.name == *protocol);
        protocol.map_or_else(Bytes::new, |protocol| protocol.metadata.clone())
    }

    /// How long it may be silent.
    pub(super) fn session_timeout(&self) -> Duration {
        millis(self.session_timeout_ms)
    }

    /// True if it waits for us: then it cannot send heartbeats, and its silence means nothing.
    pub(super) const fn is_waiting(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }
}
