//! Committed offsets: of groups of every kind, and of those who only keep offsets here.

mod commit;
mod delete;
mod expire;
mod fetch;
mod map;
mod state;
mod uncommitted;

pub use delete::DeletedTopic;
pub(crate) use state::Offsets;
