//! One partition's replication as a pure machine: who is in sync, and up to where everybody has everything.
//!
//! It holds no socket, file or clock. What happens is told to it, and it answers with the high watermark; the broker's
//! partition carries that to the log and to those who wait for it.
//!
//! Invariant: the high watermark never falls while a leader leads, and never passes the end of any replica in the ISR.

mod leader;

pub use leader::Leader;
