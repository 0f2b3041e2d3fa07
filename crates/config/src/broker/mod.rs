//! The settings of a broker, by theme.

mod absent;
mod cleaner;
mod connections;
mod consumer_groups;
mod flush;
mod groups;
mod listeners;
mod log_dirs;
mod metadata;
mod node;
pub(crate) mod per_listener;
mod producers;
mod quotas;
mod records;
mod replication;
mod requests;
mod retention;
mod sasl;
mod security;
mod segments;
mod share_groups;
mod ssl;
mod streams_groups;
mod tiered;
mod topics;
mod transactions;

use crate::table::{Group, Scope, Table};

pub use absent::ABSENT;
pub(crate) use absent::why_absent;

/// The settings of a broker: all of Kafka's but [`ABSENT`], and a few that begin with `ottla.`.
pub static BROKER: Table = Table::new(
    Scope::Broker,
    &[
        Group { title: "Node", rows: node::ROWS },
        Group { title: "Listeners", rows: listeners::ROWS },
        Group { title: "Connections", rows: connections::ROWS },
        Group { title: "Requests", rows: requests::ROWS },
        Group { title: "Log directories", rows: log_dirs::ROWS },
        Group { title: "Topics", rows: topics::ROWS },
        Group { title: "Records", rows: records::ROWS },
        Group { title: "Segments", rows: segments::ROWS },
        Group { title: "Flush and checkpoints", rows: flush::ROWS },
        Group { title: "Retention", rows: retention::ROWS },
        Group { title: "Compaction", rows: cleaner::ROWS },
        Group { title: "Producers", rows: producers::ROWS },
        Group { title: "Groups and their offsets", rows: groups::ROWS },
        Group { title: "Consumer groups", rows: consumer_groups::ROWS },
        Group { title: "Transactions", rows: transactions::ROWS },
        Group { title: "Replication", rows: replication::ROWS },
        Group { title: "Controllers and metadata", rows: metadata::ROWS },
        Group { title: "Quotas", rows: quotas::ROWS },
        Group { title: "Security", rows: security::ROWS },
        Group { title: "TLS", rows: ssl::ROWS },
        Group { title: "SASL", rows: sasl::ROWS },
        Group { title: "Share groups", rows: share_groups::ROWS },
        Group { title: "Streams groups", rows: streams_groups::ROWS },
        Group { title: "Tiered storage", rows: tiered::ROWS },
    ],
);
