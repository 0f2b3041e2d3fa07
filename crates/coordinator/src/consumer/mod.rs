//! Groups of the consumer protocol (KIP-848): each member heartbeats, and the coordinator assigns.
//!
//! A [`Group`] is what its records say and nothing else, so a group that is loaded is the group that was. A request is
//! worked on in a [`draft::Draft`], which takes in each record as it is made: the next step already sees it, and the group
//! itself changes when the log has taken the records.
//!
//! ```text
//! a member says something new,     group epoch + 1      target assignment       each member by itself, at its heartbeats:
//! a topic changes, a member   ───▶                 ───▶ of that epoch      ───▶ gives up what is not its target, reports
//! leaves or is silent                                                           that, and gets what others have given up
//! ```
//! A partition has one owner at a time: it is given to the next member when the one before has reported that it has given
//! it up, has left, or was silent for too long. A member that lags behind sends an old epoch and is fenced.
//!
//! Reading order: `group`, `member`, `heartbeat`, `membership`, `subscription`, `target`, `reconcile`, `leave`. Members
//! that still speak the classic protocol are in `classic_member`; how groups go from one protocol to the other, in
//! `upgrade` and `downgrade`.

mod change;
mod classic_join;
mod classic_member;
mod describe;
mod downgrade;
mod draft;
mod embedded;
mod group;
mod heartbeat;
mod leave;
mod member;
mod membership;
mod metadata_hash;
mod offsets;
mod partitions;
mod reconcile;
mod records;
mod refusal;
mod regex;
mod replay;
mod subscription;
mod target;
mod timers;
mod upgrade;

#[cfg(test)]
mod tests;

pub(crate) use change::{Change, Downgrade};
pub(crate) use classic_join::Joined;
pub(crate) use draft::Draft;
pub(crate) use group::{Group, PROTOCOL_TYPE};
pub(crate) use heartbeat::{Heartbeat, check as check_heartbeat, heartbeat};
pub(crate) use offsets::Gate;
pub(crate) use refusal::Refusal;
pub(crate) use upgrade::upgrade;
