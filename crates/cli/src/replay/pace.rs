//! How fast records may go: so many a second, in small bursts, however long the source had stalled before.

use std::time::{Duration, Instant};

/// The share of a second that may go at once.
const BURST_SECONDS: f64 = 0.1;

/// Reads a number of records a second.
pub(super) fn parse_rate(text: &str) -> Result<f64, String> {
    match text.trim_end_matches("/s").parse() {
        Ok(rate) if (0.001..=1e9).contains(&rate) => Ok(rate),
        _ => Err(format!("'{text}' is not a number of records a second, such as 500 or 0.5")),
    }
}

/// Allowances that gather as time passes, up to a burst.
#[derive(Debug)]
pub(super) struct Pace {
    /// Records a second.
    rate: f64,
    burst: f64,
    allowed: f64,
    at: Instant,
}

impl Pace {
    /// Allows one record at once.
    pub(super) fn new(rate: f64, now: Instant) -> Self {
        Self { rate, burst: (rate * BURST_SECONDS).max(1.0), allowed: 1.0, at: now }
    }

    /// Takes the allowance for one record, or says how long to wait for some.
    pub(super) fn take(&mut self, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.allowed = (self.allowed + passed * self.rate).min(self.burst);
        if self.allowed >= 1.0 {
            self.allowed -= 1.0;
            return None;
        }
        // Half a burst at a time: fewer and larger batches.
        let wanted = (self.burst / 2.0).max(1.0);
        Some(Duration::from_secs_f64((wanted - self.allowed) / self.rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long `count` records take by a clock that only waits move.
    fn seconds(rate: f64, count: usize, stall: Duration) -> f64 {
        let begin = Instant::now();
        let mut now = begin;
        let mut pace = Pace::new(rate, now);
        now += stall;
        for _ in 0..count {
            while let Some(wait) = pace.take(now) {
                now += wait;
            }
        }
        (now - begin - stall).as_secs_f64()
    }

    #[test]
    fn records_take_as_long_as_the_rate_says() {
        for (rate, count, expected) in [(10.0, 101, 10.0), (1000.0, 5001, 5.0), (0.5, 4, 6.0)] {
            let took = seconds(rate, count, Duration::ZERO);
            assert!((took - expected).abs() < 0.06 * expected, "{count} at {rate}: {took}");
        }
    }

    #[test]
    fn stall_is_made_up_for_by_no_more_than_a_burst() {
        let took = seconds(1000.0, 5000, Duration::from_secs(3600));
        assert!(took > 4.85, "{took}");
    }

    #[test]
    fn rate_is_a_number_above_zero() {
        assert_eq!(parse_rate("500"), Ok(500.0));
        assert_eq!(parse_rate("0.5/s"), Ok(0.5));
        for text in ["0", "-1", "fast", "", "inf", "nan", "1e30"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }
}
