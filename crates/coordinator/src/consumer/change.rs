//! What is to be written when a request has changed a group.

use protocol::internal::group::GroupRecord;

/// The records, in one batch, and what they make of the group.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) records: Vec<GroupRecord>,
    /// Set if the records make a classic group of it.
    pub(crate) downgrade: Option<Downgrade>,
}

/// A consumer group becomes a classic one.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Downgrade {
    /// True if its members must rebalance, for somebody has left.
    pub(crate) rebalances: bool,
}

impl From<Vec<GroupRecord>> for Change {
    fn from(records: Vec<GroupRecord>) -> Self {
        Self { records, downgrade: None }
    }
}
