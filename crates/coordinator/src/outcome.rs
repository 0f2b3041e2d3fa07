//! What the machine asks of its driver, and what it remembers of an append meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use protocol::internal::KeyValue;
use protocol::internal::group::GroupRecord;
use protocol::messages::Response;
use protocol::{ProducerEpoch, ProducerId, Timestamp};

use crate::consumer::Downgrade;

/// The time of an input.
#[derive(Copy, Clone, Debug)]
pub struct Now {
    /// By the clock that never goes back: timers run by it.
    pub instant: Instant,
    /// By the clock on the wall: records carry it.
    pub timestamp: Timestamp,
}

/// A request that is to be answered.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The driver's own number for it, never used twice.
    pub id: u64,
    /// The version of the request, and so of its response.
    pub api_version: i16,
}

/// What the driver is to do, in this order.
#[derive(Debug)]
pub enum Action {
    /// Send the response to this request. It is said exactly once for each.
    Respond {
        /// The request.
        token: Token,
        /// The response.
        response: Box<Response>,
    },
    /// Append the records, and hand them to [`Shard::on_appended`](crate::Shard::on_appended) or to
    /// [`Shard::on_append_failed`](crate::Shard::on_append_failed) before any other input.
    Append(Append),
}

/// Records that go into the log as one batch.
#[derive(Debug)]
pub struct Append {
    /// The records as they are written.
    pub batch: Vec<KeyValue>,
    /// The producer in whose transaction they are, if they are in one.
    pub producer: Option<(ProducerId, ProducerEpoch)>,
    /// The same records, to be replayed.
    pub(crate) records: Vec<GroupRecord>,
    /// What follows when they are committed.
    pub(crate) then: Then,
}

/// What follows when everything up to some offset is committed, or when that fails.
#[derive(Debug)]
pub(crate) enum Then {
    /// Nobody waits.
    Nothing,
    /// The request is answered.
    Respond { token: Token, response: Box<Response> },
    /// The members of a classic group get what their leader assigned, unless the group has moved on.
    Assign { group_id: Arc<str>, assigned: Assigned },
    /// The members of a consumer group go on as those of a classic one; and the request that led to it is answered.
    Downgrade { group_id: Arc<str>, downgrade: Downgrade, answer: Option<(Token, Box<Response>)> },
    /// A member of a consumer group that was silent or slow is gone; if not, that is tried again.
    Fence { group_id: Arc<str> },
    /// A static member of a classic group goes on under a new id, unless the group has moved on.
    Replace { group_id: Arc<str>, replaced: Replaced },
}

/// What the leader of a classic group assigned.
#[derive(Debug)]
pub(crate) struct Assigned {
    /// The leader's SyncGroup.
    pub(crate) token: Token,
    /// The assignments by member id.
    pub(crate) assignments: HashMap<Arc<str>, Bytes>,
}

/// A static member that came back.
#[derive(Clone, Debug)]
pub(crate) struct Replaced {
    /// Its JoinGroup.
    pub(crate) token: Token,
    /// Its new id.
    pub(crate) member_id: Arc<str>,
    /// Who led the group before: older clients that come back as leaders are not to know that they lead.
    pub(crate) old_leader: Arc<str>,
}
