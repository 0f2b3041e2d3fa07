//! The transaction coordinator: a pure state machine whose memory is a log, as the group coordinator is one.
//!
//! A [`Shard`] keeps the transactional ids of one partition of `__transaction_state`. Each request is decided upon by
//! looking only; what it leads to is one record, which the driver appends and hands back to be replayed. Only the replay
//! changes what is known. An answer is given when everything is committed that it rests on, so nobody hears of a fence, of
//! a partition or of an end that may yet be lost with this leader (Kafka keeps a pending state beside the state for that,
//! and refuses requests meanwhile).
//!
//! The end of a transaction takes two records. The first decides it. When that is committed, markers go to the partitions,
//! again and again until all have them, and the second record says so. Whoever loads the log goes on where the last
//! coordinator was: markers that are written twice do no harm.
//!
//! Reading order: `state`, `transaction` (what one id may become), `outcome` (actions), `shard`, then the requests: `init`,
//! `partitions`, `end`; `markers`, `expire` and `describe`.

mod describe;
mod end;
mod expire;
mod init;
mod markers;
mod outcome;
mod partitions;
mod shard;
mod state;
mod transaction;

#[cfg(test)]
mod tests;

pub use describe::{Described, Filter, Listed};
pub use init::InitProducerId;
pub use outcome::{Action, Answer, Append, Markers, Ticket, Turn};
pub use partitions::Producer;
pub use shard::{Settings, Shard};
pub use state::TransactionState;
