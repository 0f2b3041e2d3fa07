//! A histogram of durations with fixed buckets, each twice as wide as the one before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many buckets have an upper bound: from 64 microseconds to 33.6 seconds.
pub const BUCKETS: usize = 20;

/// The first bucket ends at two to this power, in microseconds.
const FIRST_BOUND_LOG2: u32 = 6;

/// Durations, counted.
#[derive(Debug, Default)]
pub struct Histogram {
    /// Those that are not over the bucket's bound and not in an earlier one; the last has no bound.
    buckets: [AtomicU64; BUCKETS + 1],
    sum_us: AtomicU64,
}

/// A histogram at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// How many durations were not over each bound.
    pub cumulative: [u64; BUCKETS],
    /// How many there were in all.
    pub count: u64,
    /// All of them together.
    pub sum: Duration,
}

impl Histogram {
    /// The upper bounds of the buckets.
    pub fn bounds() -> impl Iterator<Item = Duration> {
        (FIRST_BOUND_LOG2..).take(BUCKETS).map(|log2| Duration::from_micros(1 << log2))
    }

    /// Counts a duration.
    pub(crate) fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bits = u64::BITS - micros.saturating_sub(1).leading_zeros();
        let bucket = bits.saturating_sub(FIRST_BOUND_LOG2) as usize;
        if let Some(bucket) = self.buckets.get(bucket.min(BUCKETS)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
    }

    /// What has been counted. The sum may be ahead of the buckets by what is being counted meanwhile.
    pub fn observed(&self) -> Observed {
        let mut count = 0;
        let mut cumulative = [0; BUCKETS];
        for (bucket, total) in self.buckets.iter().zip(&mut cumulative) {
            count += bucket.load(Ordering::Relaxed);
            *total = count;
        }
        count += self.buckets.last().map_or(0, |last| last.load(Ordering::Relaxed));
        let sum = Duration::from_micros(self.sum_us.load(Ordering::Relaxed));
        Observed { cumulative, count, sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observe_counts_in_the_first_bucket_that_is_wide_enough() {
        for (micros, bucket) in [
            (0, 0),
            (1, 0),
            (64, 0),
            (65, 1),
            (128, 1),
            (129, 2),
            (33_554_432, BUCKETS - 1),
            (33_554_433, BUCKETS),
            (u64::MAX, BUCKETS),
        ] {
            let histogram = Histogram::default();
            histogram.observe(Duration::from_micros(micros));
            let observed = histogram.observed();
            let first = observed.cumulative.iter().position(|count| *count == 1);
            assert_eq!(first.unwrap_or(BUCKETS), bucket, "{micros}");
            assert_eq!((observed.count, observed.sum), (1, Duration::from_micros(micros)));
            let bound = Histogram::bounds().nth(bucket);
            assert!(bound.is_none_or(|bound| u128::from(micros) <= bound.as_micros()), "{micros}");
        }
        assert_eq!(Histogram::bounds().count(), BUCKETS);
    }
}
