//! The settings of a subscription to the metrics of clients (KIP-714): the whole table of `ClientMetricsConfigs`.

use crate::allowed::Allowed;
use crate::definition::Definition;
use crate::table::{Group, Scope, Table};

/// The settings of a subscription to the metrics of clients.
pub static CLIENT_METRICS: Table =
    Table::new(Scope::ClientMetrics, &[Group { title: "Subscriptions", rows: ROWS }]);

const ROWS: &[Definition] = &[
    Definition::list("metrics", &[])
        .allowed(Allowed::Distinct { or_empty: true })
        .accepted()
        .doc("What the names of the metrics begin with; `*` is all of them."),
    Definition::int("interval.ms", 300_000)
        .allowed(Allowed::Between(100, 3_600_000))
        .accepted()
        .doc("How often clients push their metrics."),
    Definition::list("match", &[]).allowed(Allowed::Selectors).accepted().doc(
        "Which clients push, as `client_id=regular expression` and the like; all, if not set.",
    ),
];
