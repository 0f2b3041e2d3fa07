//! The leader of one partition in one epoch.

use std::collections::BTreeMap;

use protocol::{BrokerId, LeaderEpoch, Offset};

/// The leader of one partition in one epoch.
#[derive(Debug)]
pub struct Leader {
    local: BrokerId,
    epoch: LeaderEpoch,
    /// The log end offset of every replica in sync, as far as it is known.
    in_sync: BTreeMap<BrokerId, Offset>,
    high_watermark: Offset,
}

impl Leader {
    /// Begins to lead in `epoch` with a log that ends at `end_offset` and whose high watermark was last seen at
    /// `high_watermark`. What the others in `isr` have is not known before they fetch.
    pub fn new(
        local: BrokerId,
        epoch: LeaderEpoch,
        isr: &[BrokerId],
        end_offset: Offset,
        high_watermark: Offset,
    ) -> Self {
        let known = |id: BrokerId| if id == local { end_offset } else { Offset::NONE };
        let in_sync = isr.iter().map(|id| (*id, known(*id))).collect();
        let mut leader = Self { local, epoch, in_sync, high_watermark };
        leader.advance();
        leader
    }

    /// The epoch in which it leads.
    pub fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// The replicas in sync.
    pub fn isr(&self) -> impl ExactSizeIterator<Item = BrokerId> {
        self.in_sync.keys().copied()
    }

    /// Everything below is on every replica in sync.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// The local log ends at `end_offset` now. Returns the high watermark.
    pub fn on_append(&mut self, end_offset: Offset) -> Offset {
        if let Some(local) = self.in_sync.get_mut(&self.local) {
            *local = end_offset;
        }
        self.advance()
    }

    fn advance(&mut self) -> Offset {
        let everywhere = self.in_sync.values().min().copied().unwrap_or(self.high_watermark);
        self.high_watermark = self.high_watermark.max(everywhere);
        self.high_watermark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(isr: &[i32]) -> Leader {
        let isr: Vec<_> = isr.iter().copied().map(BrokerId).collect();
        Leader::new(BrokerId(1), LeaderEpoch(3), &isr, Offset(10), Offset(4))
    }

    #[test]
    fn leader_alone_in_sync_moves_the_high_watermark_by_itself() {
        let mut leader = leader(&[1]);
        assert_eq!(leader.high_watermark(), Offset(10));
        assert_eq!(leader.on_append(Offset(12)), Offset(12));
    }

    #[test]
    fn leader_waits_for_the_others_in_sync() {
        let mut leader = leader(&[1, 2]);
        assert_eq!(leader.high_watermark(), Offset(4));
        assert_eq!(leader.on_append(Offset(12)), Offset(4));
    }

    #[test]
    fn high_watermark_does_not_fall() {
        let mut leader = leader(&[1]);
        assert_eq!(leader.on_append(Offset(9)), Offset(10));
    }
}
