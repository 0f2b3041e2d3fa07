//! Waiting between tries: short at first, then longer, and not for ever.

use std::time::Duration;

use tokio::time::{Instant, sleep};

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

/// The waits of one operation that is tried again.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    deadline: Instant,
}

impl Backoff {
    /// Tries that begin now and end after `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { next: FIRST, deadline: Instant::now() + limit }
    }

    /// Waits before the next try; false if there is to be none.
    pub(crate) async fn wait(&mut self) -> bool {
        if Instant::now() + self.next > self.deadline {
            return false;
        }
        sleep(self.next).await;
        self.next = (self.next * 2).min(LONGEST);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_double_up_to_the_longest_and_end_at_the_limit() {
        let begin = Instant::now();
        let mut backoff = Backoff::new(Duration::from_secs(5));
        let mut waits = Vec::new();
        let mut last = begin;
        while backoff.wait().await {
            waits.push(last.elapsed().as_millis());
            last = Instant::now();
        }
        assert_eq!(waits[..7], [20, 40, 80, 160, 320, 640, 1000]);
        assert!(begin.elapsed() <= Duration::from_secs(5));
    }
}
