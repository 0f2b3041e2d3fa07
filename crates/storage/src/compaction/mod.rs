//! Compaction: of the records with one key, the last is kept (`LogCleaner`, `Cleaner`).
//!
//! A cleaning reads the dirty part of a log into a map from key to last offset ([`OffsetMap`]), then writes all segments
//! from the start to the end of the map anew without the records that the map has overtaken, and swaps them in, group
//! by group. `plan` decides and is pure, `run` does. Offsets never change, and a batch that its producer may send
//! again leaves its header behind.
//!
//! A cleaning holds no lock while it reads and writes. It takes the structure lock for each swap, finds out whether the
//! segments are still those it has read, and gives up if not; an append never waits for more than the swap of a list.

mod cleaned;
mod offset_map;
pub(crate) mod plan;
mod run;
mod transactions;

pub use offset_map::OffsetMap;
pub use plan::Plan;
pub use run::{Cleaned, Pace, Unhurried, clean};
