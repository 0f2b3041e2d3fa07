//! The operator's commands, as they are typed: the real binary against the real broker.

mod cluster;
mod command_line;
mod groups;
mod records;
mod replay;
mod stage;
mod topics;
mod transactions;
mod writer;
