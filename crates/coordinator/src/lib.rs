//! The coordinators of groups and of transactions: pure state machines whose memory is a log.
//!
//! A [`Shard`] of groups is told what happens - a request, a timer that is due, records that the log has taken or committed - and
//! answers with [`Action`]s. It holds no socket, file, clock, thread or random number. What it must not forget, it asks the
//! driver to append; after a restart or on another broker, the replayed log makes the same shard.
//!
//! The driver's part, for each input: carry out the actions in order, and tell the shard about each append at once.
//!
//! ```text
//! input ──▶ Shard ──▶ Respond ─────────────────────────────────▶ client
//!             ▲  └───▶ Append ──▶ log ──▶ on_appended or on_append_failed ──▶ Shard
//!             └── on_high_watermark ◀── the log has committed more
//! ```
//! - An append that failed goes to `on_append_failed`, which answers whoever it was for. If it may be in the log all the
//!   same, or the log is lost, the shard is then unloaded, which answers everybody else, and loaded anew.
//! - While a shard is being loaded, the driver answers `COORDINATOR_LOAD_IN_PROGRESS`, and heartbeats `NONE`, as Kafka does.
//!
//! Reading order: `outcome` (actions), `shard`, `classic` (groups of the classic protocol), `consumer` (those of the
//! consumer protocol, KIP-848), `assignor`, `offsets`, `turn`.
//! Transactions have a shard of their own kind, with the same duties towards the driver: [`txn`].

mod answer;
mod assignor;
mod classic;
mod cluster;
mod consumer;
mod group;
mod offsets;
mod outcome;
mod settings;
mod shard;
mod timers;
mod turn;
pub mod txn;

#[cfg(test)]
mod tests;

use protocol::messages::StrBytes;

pub use cluster::{Cluster, ClusterChange, Topic};
pub use offsets::DeletedTopic;
pub use outcome::{Action, Append, Now, Token};
pub use settings::Settings;
pub use shard::{Client, GroupFilter, GroupSummary, Shard};

/// A text as it goes into a response.
fn wire(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
