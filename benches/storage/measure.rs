//! Time: two things in turns, and the middle of what they took. A machine that does other work at times slows both.

use std::fmt;
use std::time::Instant;

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) ours: String,
    pub(crate) limit: Option<String>,
    pub(crate) ratio: Option<f64>,
}

impl Row {
    /// A row without a limit beside it.
    pub(crate) fn alone(what: impl Into<String>, ours: impl Into<String>) -> Self {
        Self { what: what.into(), ours: ours.into(), limit: None, ratio: None }
    }

    /// A row of two speeds, over the bytes of one round.
    pub(crate) fn speeds(what: impl Into<String>, bytes: usize, pair: &Pair) -> Self {
        Self {
            what: what.into(),
            ours: speed(bytes, pair.ours),
            limit: Some(speed(bytes, pair.limit)),
            ratio: Some(pair.ratio),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit.as_deref().unwrap_or("–");
        let ratio = self.ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
        write!(f, "| {} | {} | {limit} | {ratio} |", self.what, self.ours)
    }
}

/// The middle of the seconds that a round takes of either, and of the ratios of the rounds.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) ours: f64,
    pub(crate) limit: f64,
    pub(crate) ratio: f64,
}

/// Measures both in turns, `rounds` times after one round that fills the caches. `prepare` comes before each round and
/// is not measured.
pub(crate) fn in_turns(
    rounds: usize,
    mut prepare: impl FnMut(),
    mut ours: impl FnMut(),
    mut limit: impl FnMut(),
) -> Pair {
    let mut times = Vec::with_capacity(rounds);
    for round in 0..=rounds {
        prepare();
        // Who goes second finds the caches as the other has left them.
        let pair = if round % 2 == 0 {
            let first = seconds(&mut ours);
            (first, seconds(&mut limit))
        } else {
            let first = seconds(&mut limit);
            (seconds(&mut ours), first)
        };
        if round > 0 {
            times.push(pair);
        }
    }
    Pair {
        ours: median(times.iter().map(|(ours, _)| *ours)),
        limit: median(times.iter().map(|(_, limit)| *limit)),
        ratio: median(times.iter().map(|(ours, limit)| limit / ours)),
    }
}

/// How long `work` takes.
pub(crate) fn seconds(work: &mut impl FnMut()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64()
}

/// The middle one.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().expect("there is at least one value")
}

/// Bytes over seconds, for people.
pub(crate) fn speed(bytes: usize, seconds: f64) -> String {
    format!("{:.2} GB/s", bytes as f64 / seconds / 1e9)
}

/// A size as the settings of Kafka name it.
pub(crate) fn size(bytes: usize) -> String {
    if bytes < 1 << 20 { format!("{} KiB", bytes >> 10) } else { format!("{} MiB", bytes >> 20) }
}
