//! Who is measured: the two brokers, and the bare machine, each a process of its own whose time and memory the kernel counts.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use testkit::{OttlaBroker, kafka_broker};

use crate::bare::BareProcess;
use crate::wire::Result;

/// Background work in quick turns on both, so that a run of seconds sees it, topics that are gone when they are deleted,
/// and groups that do not wait for more members at first; everything else is Kafka's default.
const SETTINGS: [&str; 5] = [
    "log.segment.delete.delay.ms=100",
    "group.initial.rebalance.delay.ms=0",
    "log.retention.check.interval.ms=1000",
    "log.cleaner.backoff.ms=1000",
    "log.initial.task.delay.ms=1000",
];

/// The kernel counts time in these: `USER_HZ`, which is 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// One who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Kafka,
    Ottla,
    /// What the machine can do at best: a socket and a file, and nothing in between.
    Bare,
}

impl Side {
    pub(crate) const ALL: [Self; 3] = [Self::Kafka, Self::Ottla, Self::Bare];
    pub(crate) const BROKERS: [Self; 2] = [Self::Kafka, Self::Ottla];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Ottla => "ottla",
            Self::Bare => "bare",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[derive(Debug)]
enum Process {
    Kafka(kafka_broker::Broker),
    Ottla(OttlaBroker),
    Bare(BareProcess),
}

/// A side that runs, with its data in `home/data`.
#[derive(Debug)]
pub(crate) struct Broker {
    process: Process,
    home: PathBuf,
}

impl Broker {
    /// Starts a side on the data in `home`, and waits until it serves.
    pub(crate) fn start(side: Side, home: &Path) -> Result<Self> {
        fs::create_dir_all(home.join("data"))?;
        let process = match side {
            Side::Kafka => Process::Kafka(kafka_broker::Broker::start_as_shipped(home, &SETTINGS)),
            Side::Ottla => Process::Ottla(OttlaBroker::start(home, &SETTINGS)),
            Side::Bare => Process::Bare(BareProcess::start(&home.join("data"))?),
        };
        Ok(Self { process, home: home.to_owned() })
    }

    /// Its `host:port`.
    pub(crate) fn address(&self) -> &str {
        match &self.process {
            Process::Kafka(broker) => broker.bootstrap(),
            Process::Ottla(broker) => broker.bootstrap(),
            Process::Bare(process) => process.address(),
        }
    }

    /// Where its partitions are.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// Stops it as an operator does.
    pub(crate) fn stop(self) {
        match self.process {
            Process::Kafka(broker) => broker.stop(),
            Process::Ottla(broker) => broker.stop(),
            Process::Bare(process) => drop(process),
        }
    }

    fn pid(&self) -> u32 {
        match &self.process {
            Process::Kafka(broker) => broker.pid(),
            Process::Ottla(broker) => broker.pid(),
            Process::Bare(process) => process.pid(),
        }
    }

    /// The seconds of processor time that it has taken, its own and the kernel's for it.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        // The second field is the name, which may have spaces in it; user and system time are the 14th and 15th.
        let (_, fields) = stat.rsplit_once(')').ok_or("no name in stat")?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: Vec<f64> = ticks.map(str::parse).collect::<std::result::Result<_, _>>()?;
        Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
    }

    /// The megabytes of memory that it has now.
    pub(crate) fn resident_mb(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
        Ok(kib.parse::<f64>()? * 1024.0 / 1e6)
    }
}

/// Waits until `is_true`, for what takes a moment.
pub(crate) fn wait_until(
    what: &str,
    limit: Duration,
    mut is_true: impl FnMut() -> bool,
) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !is_true() {
        if Instant::now() > deadline {
            return Err(format!("{what} has taken longer than {limit:?}").into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
