//! Groups of the classic protocol (KIP-62 and what followed): members join, one of them leads and assigns, all sync.
//!
//! A [`Group`] is what its members last said; the record of it in the log is a picture, taken when an assignment is handed
//! out, when a static member is replaced and when the group becomes empty. What is parked, pending or due is in no
//! picture: after a reload the members are asked again, by their sessions.
//!
//! ```text
//!         member joins                all joined, or time is up              leader's assignment committed
//! Empty ───────────────▶ Preparing ───────────────────────────▶ Completing ─────────────────────────────▶ Stable
//!   ▲                     │  ▲  ▲                                   │                                       │
//!   └─────────────────────┘  │  └───────────────────────────────────┘                                       │
//!        nobody is left      └──────────────────────────────────────────────────────────────────────────────┘
//!                              a member joins, leaves, changes, or is silent for too long
//! ```

mod describe;
mod group;
mod handover;
mod heartbeat;
mod join;
mod leave;
mod member;
mod picture;
mod rebalance;
mod sync;
mod votes;

#[cfg(test)]
mod tests;

pub(crate) use group::Group;
pub(crate) use handover::Handover;
pub(crate) use join::{Join, REQUIRES_MEMBER_ID, refusal as refuse_join};
pub(crate) use leave::left;
pub(crate) use member::Protocol;
pub(crate) use sync::{Sync, refusal as refuse_sync};
