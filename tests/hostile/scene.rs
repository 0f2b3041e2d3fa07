//! A broker, a client of it that behaves, and what both must be like after an attack.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use testkit::{OttlaBroker, say};

use crate::client::{self, Client};
use crate::frames;

pub(crate) const MIB: usize = 1 << 20;

/// The client may wait so long at worst. It is a bound against standstill: a tenth of a second is usual, and two and a half
/// seconds when others keep the disk and the cores busy.
const WAIT_MAX: Duration = Duration::from_secs(15);

const TOPIC: &str = "victim";

/// A broker under attack.
#[derive(Debug)]
pub(crate) struct Scene {
    broker: OttlaBroker,
    client: Client,
    _home: TempDir,
    /// One attack at a time: they measure how the machine bears it.
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

impl Scene {
    pub(crate) fn start(settings: &[&str]) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let home = tempfile::tempdir().expect("the temporary folder is writable");
        let broker = OttlaBroker::start(home.path(), settings);
        client::ask(&client::connect(broker.bootstrap()), &frames::create_topic(TOPIC));
        let client = Client::start(broker.bootstrap(), TOPIC);
        Self { broker, client, _home: home, _alone: alone }
    }

    pub(crate) fn address(&self) -> &str {
        self.broker.bootstrap()
    }

    /// A topic that is there.
    pub(crate) fn topic(&self) -> &'static str {
        TOPIC
    }

    /// The memory that the broker has now, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.status("VmRSS:")
    }

    /// Waits until the broker's memory has stopped growing.
    pub(crate) fn settle(&self) {
        let mut before = self.memory();
        loop {
            thread::sleep(Duration::from_millis(200));
            let now = self.memory();
            if now <= before + MIB {
                return;
            }
            before = now;
        }
    }

    /// The attack is over: the broker has never had more than `memory_max`, has served its client all the time, and stops
    /// as it should.
    pub(crate) fn end(self, attack: &str, memory_max: usize) {
        let most = self.status("VmHWM:");
        let waits = self.client.stop();
        say(format!(
            "{attack}: at most {} MiB; {} answers, the worst after {:?}",
            most / MIB,
            waits.count,
            waits.worst
        ));
        let log = self.broker.log();
        assert!(!log.contains("panicked"), "{log}");
        assert!(most < memory_max, "{most} bytes of memory, more than {memory_max}");
        assert!(waits.worst < WAIT_MAX, "a client waited for {:?}", waits.worst);
        self.broker.stop();
    }

    /// A line of the kernel's page about the process, in bytes.
    fn status(&self, name: &str) -> usize {
        let page = fs::read_to_string(format!("/proc/{}/status", self.broker.pid()));
        let page = page.expect("the broker lives");
        let line = page.lines().find_map(|line| line.strip_prefix(name)).expect("Linux has it");
        let kib = line.split_whitespace().next().expect("it has a number");
        kib.parse::<usize>().expect("it is a number") << 10
    }
}

/// How many files this process may open.
pub(crate) fn open_files_max() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("Linux has it");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).expect("it is a limit");
    soft.parse().unwrap_or(usize::MAX)
}
