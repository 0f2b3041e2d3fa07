//! What happens without anybody asking: transactions that are open for too long are aborted, and ids that nobody uses are
//! forgotten.

use std::sync::Arc;

use protocol::ProducerEpoch;

use super::init::rotated;
use super::outcome::{Action, Append, Turn};
use super::shard::{Shard, append};
use super::transaction::tombstone;

/// How many ids one batch deletes at most.
const TOMBSTONES_MAX: usize = 1_000;

impl Shard {
    /// Looks for what is over, if the time for that has come.
    pub(super) fn run_expiry(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now.instant;
        if self.next_abort.take_if(|due| *due <= now).is_some() {
            self.next_abort = now.checked_add(self.settings.abort_interval);
            self.abort_timed_out(turn);
        }
        if self.next_expire.take_if(|due| *due <= now).is_some() {
            self.next_expire = now.checked_add(self.settings.expire_interval);
            self.expire_ids(turn);
        }
    }

    fn abort_timed_out(&self, turn: &mut Turn<'_>) {
        let now = turn.now.timestamp;
        for (id, known) in self.transactions().filter(|(_, known)| known.is_timed_out(now)) {
            // Without a producer id to go on with, it is aborted the next time.
            let Ok(rotated) = rotated(turn, known) else { continue };
            tracing::info!(%id, producer = %known.producer_id, "a transaction is open for too long and is aborted");
            append(turn, id, &known.fenced(turn.transaction_version, rotated, now), None);
        }
    }

    fn expire_ids(&self, turn: &mut Turn<'_>) {
        let before =
            turn.now.timestamp.0.saturating_sub(self.settings.transactional_id_expiration_ms);
        let expired = self.transactions().filter(|(_, known)| known.state.is_idle());
        let expired = expired.filter(|(_, known)| known.updated.0 <= before);
        let expired: Vec<_> = expired.map(|(id, _)| Arc::clone(id)).collect();
        for ids in expired.chunks(TOMBSTONES_MAX) {
            let records = ids.iter().map(|id| tombstone(id)).collect();
            let last_epoch = ProducerEpoch::NONE;
            turn.out.push(Action::Append(Append { records, last_epoch, then: None }));
        }
    }
}
