//! The memory of requests, of all connections together (`queued.max.request.bytes`).
//!
//! A frame is lent memory as its bytes arrive, so one that is only announced takes none. When memory runs short, whoever
//! waits says so, and frames that arrive slowly give theirs back by losing their connections. If all that hold memory
//! wait for more themselves, one of them at a time goes on without a limit but its own length. Small requests have a share
//! that no other can take: they are answered even while large ones wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::futures::Notified;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Frames up to this length are small: they are read before they are lent anything.
pub(super) const SMALL_FRAME_BYTES: usize = 8 << 10;

/// The unit in which memory is counted.
const UNIT_BYTES: usize = 1 << 10;

/// The part of the memory that only small frames get.
const SMALL_SHARE: u32 = 8;

/// Who waits for memory says so this often.
const PRESSURE_INTERVAL: Duration = Duration::from_secs(1);

/// Saying so has not helped if nothing has come after as many times.
const PRESSURES_MAX: u32 = 3;

/// The memory of all requests.
#[derive(Debug)]
pub struct Memory {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    large_units: u32,
    /// For the one that goes on without a limit.
    overdraft: Arc<Semaphore>,
    pressure: Notify,
    lent_bytes: AtomicU64,
    limit_bytes: u64,
}

/// Memory that a frame has been lent; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Loan {
    memory: Arc<Memory>,
    bytes: usize,
    permits: Vec<OwnedSemaphorePermit>,
    is_unlimited: bool,
}

impl Memory {
    /// As much memory as this, in bytes. A single frame may be longer, and then takes all there is.
    pub(crate) fn new(limit_bytes: u64) -> Arc<Self> {
        let units = u32::try_from(limit_bytes / UNIT_BYTES as u64).unwrap_or(u32::MAX >> 3);
        let small = (units / SMALL_SHARE).max(1);
        let large = units.saturating_sub(small).max(1);
        Arc::new(Self {
            small: Arc::new(Semaphore::new(small as usize)),
            large: Arc::new(Semaphore::new(large as usize)),
            large_units: large,
            overdraft: Arc::new(Semaphore::new(1)),
            pressure: Notify::new(),
            lent_bytes: AtomicU64::new(0),
            limit_bytes,
        })
    }

    /// How many bytes the requests take that are being read or served.
    pub fn lent_bytes(&self) -> u64 {
        self.lent_bytes.load(Ordering::Relaxed)
    }

    /// How many they may take.
    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Waits until somebody waits for memory in vain.
    pub(super) fn pressure(&self) -> Notified<'_> {
        self.pressure.notified()
    }

    /// Memory for a small frame.
    pub(super) async fn small(self: &Arc<Self>, bytes: usize) -> Loan {
        let permit = acquire(&self.small, units(bytes).min(self.large_units / SMALL_SHARE)).await;
        let mut loan = self.loan();
        loan.add(bytes, permit);
        loan
    }

    /// A loan of nothing yet.
    pub(super) fn loan(self: &Arc<Self>) -> Loan {
        let (memory, permits) = (Arc::clone(self), Vec::new());
        Loan { memory, bytes: 0, permits, is_unlimited: false }
    }
}

impl Loan {
    /// How much it is.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes it as large as `bytes`, waiting for it. May be dropped and called again.
    pub(super) async fn grow(&mut self, bytes: usize) {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else { return };
        let held = units(self.bytes);
        let wanted = units(bytes).min(self.memory.large_units).saturating_sub(held);
        if self.is_unlimited || wanted == 0 {
            return self.add(more, None);
        }
        for _ in 0..PRESSURES_MAX {
            let permit = acquire(&self.memory.large, wanted);
            if let Ok(permit) = tokio::time::timeout(PRESSURE_INTERVAL, permit).await {
                return self.add(more, permit);
            }
            self.memory.pressure.notify_waiters();
        }
        let permit = tokio::select! {
            biased;
            permit = acquire(&self.memory.large, wanted) => permit,
            permit = acquire(&self.memory.overdraft, 1) => {
                self.is_unlimited = true;
                permit
            }
        };
        self.add(more, permit);
    }

    fn add(&mut self, more: usize, permit: Option<OwnedSemaphorePermit>) {
        self.permits.extend(permit);
        self.bytes += more;
        self.memory.lent_bytes.fetch_add(more as u64, Ordering::Relaxed);
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.memory.lent_bytes.fetch_sub(self.bytes as u64, Ordering::Relaxed);
    }
}

async fn acquire(semaphore: &Arc<Semaphore>, units: u32) -> Option<OwnedSemaphorePermit> {
    // It is never closed.
    Arc::clone(semaphore).acquire_many_owned(units).await.ok()
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn memory_is_lent_up_to_the_limit_and_comes_back() {
        let memory = Memory::new(1 << 20);
        let mut first = memory.loan();
        first.grow(600 << 10).await;
        first.grow(700 << 10).await;
        assert_eq!((first.bytes(), memory.lent_bytes()), (700 << 10, 700 << 10));
        let mut second = memory.loan();
        let wait = tokio::time::timeout(PRESSURE_INTERVAL / 2, second.grow(300 << 10));
        assert!(wait.await.is_err(), "there is no room for both");
        drop(first);
        second.grow(300 << 10).await;
        assert_eq!(memory.lent_bytes(), 300 << 10);
    }

    #[tokio::test(start_paused = true)]
    async fn small_frames_are_lent_memory_while_large_ones_have_all_of_theirs() {
        let memory = Memory::new(1 << 20);
        let mut large = memory.loan();
        large.grow(4 << 20).await;
        let small = tokio::time::timeout(PRESSURE_INTERVAL, memory.small(8 << 10)).await;
        assert_eq!(small.expect("it has a share of its own").bytes(), 8 << 10);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_presses_those_that_hold_memory() {
        let memory = Memory::new(1 << 20);
        let mut holder = memory.loan();
        holder.grow(800 << 10).await;
        let mut waiter = memory.loan();
        let give_back = async {
            memory.pressure().await;
            drop(holder);
        };
        tokio::join!(waiter.grow(800 << 10), give_back);
        assert!(!waiter.is_unlimited);
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_those_that_all_wait_goes_on() {
        let memory = Memory::new(1 << 20);
        let (mut one, mut other) = (memory.loan(), memory.loan());
        one.grow(448 << 10).await;
        other.grow(448 << 10).await;
        let whole = async |mut loan: Loan| {
            loan.grow(900 << 10).await;
            loan.is_unlimited
        };
        let unlimited = tokio::join!(whole(one), whole(other));
        assert!(unlimited.0 != unlimited.1, "only one needs it: it gives its memory back");
        assert_eq!(memory.lent_bytes(), 0);
    }
}
