//! One case: a seed, the story that it makes, and what is known about it.

use protocol::{LeaderEpoch, Offset, ProducerId};
use storage::{Error, Slice};
use testkit::Rng;

use crate::history::{History, InFlight};
use crate::world::World;

/// How many operations a case has at most.
const STEPS_MAX: u64 = 70;

pub(crate) struct Case {
    seed: u64,
    pub(crate) rng: Rng,
    pub(crate) world: World,
    pub(crate) history: History,
    /// Where a truncation was to cut that has failed: what comes after it may be gone, or still be there.
    pub(crate) half_cut: Offset,
    /// Batches of each failed append: those of one of them may turn up after a power loss, in the place of what was
    /// written there since and is not flushed.
    pub(crate) in_flight: Vec<InFlight>,
    /// Those from here on are of the group that is being appended.
    pub(crate) in_flight_from: usize,
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) producer_ids: Vec<ProducerId>,
    /// Something is planned to fail, so operations may fail without being asked to.
    pub(crate) expects_fault: bool,
    /// The disk has been made so small that it may be full.
    pub(crate) expects_full_disk: bool,
    /// An operation has failed in a way that only a restart mends.
    pub(crate) is_broken: bool,
    /// A failed sync has lost bytes that the page cache still shows, so only a power loss is a fair restart.
    pub(crate) has_lost_pages: bool,
    /// A cleaning has been tried while something was planned to fail, and may have done something.
    pub(crate) may_be_cleaned: bool,
    /// Slices that are held while the log goes on, and what was in them.
    pub(crate) held: Vec<(Slice, Vec<u8>)>,
    story: Vec<String>,
    is_loud: bool,
}

impl Case {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let world = World::new(&mut rng);
        Self {
            seed,
            rng,
            world,
            history: History::default(),
            half_cut: Offset::MAX,
            in_flight: Vec::new(),
            in_flight_from: 0,
            leader_epoch: LeaderEpoch(0),
            producer_ids: [1, 2, 11, 12].map(ProducerId).to_vec(),
            expects_fault: false,
            expects_full_disk: false,
            is_broken: false,
            has_lost_pages: false,
            may_be_cleaned: false,
            held: Vec::new(),
            story: Vec::new(),
            is_loud: false,
        }
    }

    /// The same case, telling its story while it goes on.
    pub(crate) fn loud(mut self) -> Self {
        self.is_loud = true;
        crate::story::tell_events();
        self
    }

    pub(crate) fn run(&mut self) {
        let topic = format!("{:?}", self.world.topic);
        self.note(|| topic);
        self.start();
        for _ in 0..self.rng.within(5..=STEPS_MAX) {
            self.step();
            if self.is_broken || self.world.disk.is_down() {
                self.restart_after_failure();
            }
        }
        self.restart_at_random();
        self.check();
    }

    /// Adds a line to the story.
    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        let line = line();
        if self.is_loud {
            eprintln!("{line}");
        }
        self.story.push(line);
    }

    /// Prints what has happened.
    pub(crate) fn tell(&self) {
        eprintln!("the story of seed {}:", self.seed);
        for line in &self.story {
            eprintln!("  {line}");
        }
    }

    /// Passes on what an operation has answered; `None` if it failed and had a reason to.
    pub(crate) fn settle<T>(&mut self, result: storage::Result<T>) -> Option<T> {
        match result {
            Ok(answer) => Some(answer),
            Err(err) => {
                self.note(|| format!("    failed: {err}"));
                self.excuse(&err);
                None
            }
        }
    }

    /// Fails the case unless the error had to be reckoned with.
    pub(crate) fn excuse(&mut self, err: &Error) {
        let is_offline = self.world.has_failed_dir();
        let is_excused = match err {
            Error::NoSpace { .. } => self.expects_full_disk || self.expects_fault,
            Error::Io { .. } | Error::Offline { .. } => {
                self.expects_fault || self.world.disk.is_down()
            }
            _ => false,
        };
        assert!(is_excused, "nothing was wrong, and yet: {err}");
        self.is_broken |= is_offline;
    }
}
