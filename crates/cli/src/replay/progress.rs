//! The bar on standard error, for whoever watches.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const STYLE: &str = "{bar:40} {percent:>3}%  {msg} records  {elapsed} gone, {eta} to go";

/// How far a replay has got, in offsets.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar over so many offsets; none if nobody watches.
    pub(super) fn new(total: u64, is_watched: bool) -> Self {
        let target =
            if is_watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        bar.set_style(ProgressStyle::with_template(STYLE).expect("it is a template"));
        Self { bar }
    }

    /// So many offsets more, and so many records in all.
    pub(super) fn advance(&self, offsets: u64, replayed: u64) {
        self.bar.inc(offsets);
        self.bar.set_message(replayed.to_string());
    }

    /// Takes the bar away: what follows says the same.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
