//! Those who wait for something to happen to a partition: an append, a higher watermark, a flush.
//!
//! A waiter registers with as many partitions as it likes and is woken by any; it then looks for itself whether what it
//! waits for has come. Nobody waiting costs the appender one load.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// The waiters of one partition.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    count: AtomicUsize,
    waiting: Mutex<Vec<(usize, Arc<Notify>)>>,
    next_key: AtomicUsize,
}

impl Watchers {
    /// Wakes everyone.
    pub(crate) fn wake(&self) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        for (_, waiter) in &*self.waiting.lock().unwrap_or_else(PoisonError::into_inner) {
            waiter.notify_one();
        }
    }

    /// Lets `waiter` be woken until it leaves. What happened before is not seen: look after joining, then wait.
    fn join(&self, waiter: &Arc<Notify>) -> usize {
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((key, Arc::clone(waiter)));
        self.count.store(waiting.len(), Ordering::SeqCst);
        key
    }

    fn leave(&self, key: usize) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Keys only grow, so the list is sorted by them.
        if let Ok(idx) = waiting.binary_search_by_key(&key, |(key, _)| *key) {
            waiting.remove(idx);
        }
        self.count.store(waiting.len(), Ordering::SeqCst);
    }
}

/// One who waits for any of several partitions; leaves them all when it is dropped.
#[derive(Debug)]
pub(crate) struct Waiter<W: AsRef<Watchers>> {
    wake: Arc<Notify>,
    joined: Vec<(W, usize)>,
}

impl<W: AsRef<Watchers>> Waiter<W> {
    /// Joins the watchers of all of these.
    pub(crate) fn join(watched: impl IntoIterator<Item = W>) -> Self {
        let wake = Arc::new(Notify::new());
        let joined = watched.into_iter().map(|watched| {
            let key = watched.as_ref().join(&wake);
            (watched, key)
        });
        Self { joined: joined.collect(), wake: Arc::clone(&wake) }
    }

    /// Waits until one of them has been woken since the last time.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }
}

impl<W: AsRef<Watchers>> Drop for Waiter<W> {
    fn drop(&mut self) {
        for (watched, key) in &self.joined {
            watched.as_ref().leave(*key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Watched(Watchers);

    impl AsRef<Watchers> for Watched {
        fn as_ref(&self) -> &Watchers {
            &self.0
        }
    }

    #[tokio::test]
    async fn waiter_is_woken_by_any_and_misses_nothing() {
        let (a, b) =
            (Arc::new(Watched(Watchers::default())), Arc::new(Watched(Watchers::default())));
        let waiter = Waiter::join([Arc::clone(&a), Arc::clone(&b)].map(Shared));
        b.0.wake();
        waiter.woken().await;
        a.0.wake();
        waiter.woken().await;
        drop(waiter);
        assert_eq!(a.0.count.load(Ordering::SeqCst), 0);
    }

    struct Shared(Arc<Watched>);

    impl AsRef<Watchers> for Shared {
        fn as_ref(&self) -> &Watchers {
            &self.0.0
        }
    }
}
