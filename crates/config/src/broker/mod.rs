//! The settings of a broker, by theme. So far those that the storage engine stands on.

mod cleaner;
mod flush;
mod log_dirs;
mod producers;
mod records;
mod replication;
mod retention;
mod segments;
mod topics;

use crate::table::{Group, Scope, Table};

/// The settings of a broker.
pub static BROKER: Table = Table::new(
    Scope::Broker,
    &[
        Group { title: "Log directories", rows: log_dirs::ROWS },
        Group { title: "New topics", rows: topics::ROWS },
        Group { title: "Records", rows: records::ROWS },
        Group { title: "Segments", rows: segments::ROWS },
        Group { title: "Flush and checkpoints", rows: flush::ROWS },
        Group { title: "Replication", rows: replication::ROWS },
        Group { title: "Retention", rows: retention::ROWS },
        Group { title: "Compaction", rows: cleaner::ROWS },
        Group { title: "Producers", rows: producers::ROWS },
    ],
);
