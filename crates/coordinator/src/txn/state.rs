//! How far a transaction is (`TransactionState` of Kafka, which has the numbers and the names).
//!
//! ```text
//!            ┌────────────────── InitProducerId ───────────────────┐
//!            ▼                                                     │
//! Empty ──▶ Ongoing ──▶ PrepareCommit ─ all markers written ─▶ CompleteCommit
//!   │        │  ▲  └──▶ PrepareAbort ── all markers written ─▶ CompleteAbort
//!   │        └──┘ AddPartitions         ▲
//!   └── abort, in the second version ───┘ (also from the two Complete)
//! ```

/// How far a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TransactionState {
    /// The producer has an id, and has not begun a transaction with it.
    Empty,
    /// Partitions have been added.
    Ongoing,
    /// It is committed; markers are being written.
    PrepareCommit,
    /// It is aborted; markers are being written.
    PrepareAbort,
    /// All markers of a commit are written.
    CompleteCommit,
    /// All markers of an abort are written.
    CompleteAbort,
}

impl TransactionState {
    const ALL: [Self; 6] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
    ];

    /// The number that records have for it.
    pub const fn id(self) -> i8 {
        self as i8
    }

    /// The state with this number. Kafka writes neither of the two others that it has, `Dead` and `PrepareEpochFence`.
    pub fn from_id(id: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.id() == id)
    }

    /// The name that clients are shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// True if the end is decided, and markers may still have to be written.
    pub const fn is_preparing(self) -> bool {
        matches!(self, Self::PrepareCommit | Self::PrepareAbort)
    }

    /// True if there is no transaction that a marker has to end.
    pub const fn is_idle(self) -> bool {
        matches!(self, Self::Empty | Self::CompleteCommit | Self::CompleteAbort)
    }
}
