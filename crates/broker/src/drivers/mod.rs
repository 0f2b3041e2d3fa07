//! The drivers of the machines: each waits, calls its machine, and carries out what the machine says.

pub(crate) mod cluster_view;
pub(crate) mod groups;
pub(crate) mod metadata;
pub(crate) mod producer_ids;
mod shard_log;
pub(crate) mod transactions;
