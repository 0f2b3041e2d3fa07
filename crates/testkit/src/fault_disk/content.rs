//! The bytes of one file: those that readers see, those that a power loss leaves, and the changes in between.

use crate::Rng;

/// What a disk writes at once. A write that the power interrupts is torn between two of these.
const SECTOR_BYTES: usize = 512;

/// One file.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// What readers see: the page cache.
    cached: Vec<u8>,
    /// What is on the disk for sure.
    durable: Vec<u8>,
    /// What has been done since, in order.
    dirty: Vec<Change>,
    /// Up to where blocks have been set aside.
    reserved: usize,
    /// When it was last written.
    pub(super) modified_ms: i64,
}

#[derive(Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    SetLen(usize),
}

impl Content {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.cached
    }

    /// The blocks that the file takes, in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.cached.len().max(self.reserved)
    }

    pub(super) fn reserve(&mut self, end: usize) {
        self.reserved = self.reserved.max(end);
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        self.change(Change::Write { at, bytes: bytes.to_vec() });
    }

    pub(super) fn set_len(&mut self, len: usize) {
        self.reserved = 0;
        self.change(Change::SetLen(len));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.cached);
        self.dirty.push(change);
    }

    /// All changes reach the disk.
    pub(super) fn sync(&mut self) {
        for change in self.dirty.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// Some changes reach the disk and the others never will, though readers go on seeing them: Linux marks pages that it
    /// could not write as clean, and the next sync finds nothing to do.
    pub(super) fn sync_badly(&mut self, rng: &mut Rng) {
        for change in self.dirty.drain(..) {
            if let Some(survivor) = change.survivor(rng) {
                survivor.apply(&mut self.durable);
            }
        }
        // The length may have been written ahead of the bytes.
        if self.durable.len() < self.cached.len() && rng.one_in(4) {
            let len = rng.within(self.durable.len() as u64..=self.cached.len() as u64);
            self.durable.resize(usize::try_from(len).expect("it is at most a length"), 0);
        }
    }

    /// The power goes: of what was not synced, each change is on the disk whole, in part or not at all.
    pub(super) fn lose_power(&mut self, rng: &mut Rng) {
        self.sync_badly(rng);
        self.cached.clone_from(&self.durable);
        self.reserved = 0;
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => {
                let end = at + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content.splice(*at..end, bytes.iter().copied());
            }
            Self::SetLen(len) => content.resize(*len, 0),
        }
    }

    /// What the power leaves of the change.
    fn survivor(mut self, rng: &mut Rng) -> Option<Self> {
        let fate = rng.within(0..=9);
        match (&mut self, fate) {
            (_, 0..=3) => None,
            (Self::Write { at, bytes }, 4..=6) => {
                let first_sector = *at / SECTOR_BYTES;
                let sectors = (*at + bytes.len()).div_ceil(SECTOR_BYTES) - first_sector;
                let tear = (first_sector + rng.index(sectors + 1)) * SECTOR_BYTES;
                let tear = tear.saturating_sub(*at).min(bytes.len());
                // Nothing says in which order the disk writes its sectors.
                if rng.one_in(2) {
                    bytes.truncate(tear);
                } else {
                    bytes.drain(..tear);
                    *at += tear;
                }
                (!bytes.is_empty()).then_some(self)
            }
            _ => Some(self),
        }
    }
}
