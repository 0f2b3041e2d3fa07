//! What is to go wrong, and when.

use std::io;

/// The operations that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Opening a file that exists as it is.
    Open,
    /// Opening a file that is thereby made or emptied.
    Create,
    /// Reading bytes, or mapping them.
    Read,
    /// Writing bytes.
    Write,
    /// Cutting or extending a file.
    SetLen,
    /// Setting blocks aside.
    Reserve,
    /// Making a file's content durable.
    Sync,
    /// Renaming a file or directory.
    Rename,
    /// Removing a file or directory.
    Remove,
    /// Making directories.
    CreateDir,
    /// Listing a directory.
    List,
    /// Making the names of a directory durable.
    SyncDir,
}

impl Operation {
    /// Whether the disk may look different afterwards, now or after a crash.
    const fn changes_disk(self) -> bool {
        !matches!(self, Self::Open | Self::Read | Self::List)
    }
}

/// What an operation that is carried out answers in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    /// The power goes while it is carried out.
    PowerLoss,
}

impl Outcome {
    pub(super) fn of<T>(self, value: T) -> io::Result<T> {
        match self {
            Self::Success => Ok(value),
            Self::PowerLoss => Err(power_is_off()),
        }
    }
}

/// The plan of faults.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) is_down: bool,
    /// How many operations that change the disk are still carried out whole.
    pub(super) changes_left: Option<u64>,
    /// How many changes there have been.
    pub(super) change_count: u64,
    /// What fails once, and how many operations of its kind come before.
    pub(super) failing: Vec<(Operation, u64)>,
    pub(super) writes_short: bool,
    /// The bytes that all files together may take.
    pub(super) capacity: Option<usize>,
}

impl Faults {
    /// Called before each operation: says whether it fails without having been tried, and what becomes of it if not.
    pub(super) fn enter(&mut self, operation: Operation) -> io::Result<Outcome> {
        if self.is_down {
            return Err(power_is_off());
        }
        let mut is_failing = false;
        self.failing.retain_mut(|(kind, left)| {
            let is_hit = *kind == operation && *left == 0;
            if *kind == operation {
                *left = left.saturating_sub(1);
            }
            is_failing |= is_hit;
            !is_hit
        });
        if operation.changes_disk() {
            self.change_count += 1;
            if let Some(left) = &mut self.changes_left {
                self.is_down = *left == 0;
                *left = left.saturating_sub(1);
            }
        }
        match (is_failing, self.is_down) {
            // As the system reports EIO.
            (true, false) => Err(io::Error::other(format!("injected: {operation:?} failed"))),
            (_, true) => Ok(Outcome::PowerLoss),
            (false, false) => Ok(Outcome::Success),
        }
    }
}

fn power_is_off() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "injected: the power is off")
}
