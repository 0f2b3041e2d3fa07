//! One run: a row on a side, with the form that says how long everything is, and what was found in earlier runs.

use std::time::Duration;

use crate::brokers::{Broker, Side};
use crate::load::Window;
use crate::report;
use crate::results::Results;
use crate::topics;
use crate::wire::Result;

/// What was measured, by what it is called in the table.
pub(crate) type Values = Vec<(&'static str, f64)>;

/// How long everything is.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) name: &'static str,
    pub(crate) rounds: u32,
    /// Load before the first row of a round, so that the JVM has compiled what it will run.
    pub(crate) warm_up: Duration,
    pub(crate) window: Window,
    /// What a topic may be filled with at most, in time and bytes.
    pub(crate) fill: Window,
    /// How long latency is measured.
    pub(crate) latency: Duration,
    /// How long a broker is left alone before its memory is read.
    pub(crate) settle: Duration,
    /// How many records the tools send or read.
    pub(crate) tool_records: u64,
    /// Many partitions, in two steps, and as many connections as the first.
    pub(crate) many: (i32, i32),
    pub(crate) members: usize,
}

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);
const GB: u64 = 1_000_000_000;

impl Form {
    /// Every row for a moment: whether it runs, not what it says.
    pub(crate) const SMOKE: Self = Self {
        name: "smoke",
        rounds: 1,
        warm_up: Duration::ZERO,
        window: Window {
            warm: Duration::ZERO,
            measured: MILLI.saturating_mul(100),
            bytes_max: GB / 50,
        },
        fill: Window { warm: Duration::ZERO, measured: SECOND, bytes_max: GB / 50 },
        latency: MILLI.saturating_mul(200),
        settle: Duration::ZERO,
        tool_records: 1000,
        many: (50, 100),
        members: 3,
    };
    /// For a look, or a machine that is shared: half an hour.
    pub(crate) const SHORT: Self = Self {
        name: "short",
        rounds: 3,
        warm_up: SECOND.saturating_mul(6),
        window: Window { warm: SECOND, measured: SECOND.saturating_mul(2), bytes_max: GB },
        fill: Window {
            warm: Duration::ZERO,
            measured: SECOND.saturating_mul(20),
            bytes_max: GB / 2,
        },
        latency: SECOND.saturating_mul(10),
        settle: SECOND.saturating_mul(2),
        tool_records: 500_000,
        many: (1000, 10_000),
        members: 50,
    };
    /// For the table: some hours.
    pub(crate) const FULL: Self = Self {
        name: "full",
        rounds: 5,
        warm_up: SECOND.saturating_mul(30),
        window: Window {
            warm: SECOND.saturating_mul(2),
            measured: SECOND.saturating_mul(10),
            bytes_max: GB * 2,
        },
        fill: Window { warm: Duration::ZERO, measured: SECOND.saturating_mul(60), bytes_max: GB },
        latency: SECOND.saturating_mul(60),
        settle: SECOND.saturating_mul(10),
        tool_records: 2_000_000,
        many: (1000, 10_000),
        members: 50,
    };

    /// Whether only the rows themselves are tried.
    pub(crate) fn is_smoke(&self) -> bool {
        self.name == Self::SMOKE.name
    }
}

/// A run.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) broker: &'a Broker,
    pub(crate) side: Side,
    pub(crate) form: &'a Form,
    pub(crate) results: &'a Results,
    /// A name for a topic that no other run has used on this broker.
    pub(crate) topic: String,
}

impl Bench<'_> {
    /// Runs with a topic that is there for this run only.
    pub(crate) fn with_topic(
        &self,
        partitions: i32,
        settings: &[(&str, &str)],
        run: impl FnOnce(&str) -> Result<Values>,
    ) -> Result<Values> {
        if self.side == Side::Bare {
            return run(&self.topic);
        }
        topics::create(self.broker, std::slice::from_ref(&self.topic), partitions, settings)?;
        let values = run(&self.topic);
        topics::delete(self.broker, &self.topic)?;
        values
    }

    /// What Kafka has reached so far in another row.
    pub(crate) fn kafka_median(&self, row: &str, value: &str) -> Option<f64> {
        let mut values = self.results.values(row, Side::Kafka, value);
        values.sort_by(f64::total_cmp);
        report::median(&values)
    }
}
