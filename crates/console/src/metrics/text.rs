//! The text format: families of samples, each with its help and type before it.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use broker::metrics::{Histogram, Observed};

/// What kind of numbers a family has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only rises, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    Histogram,
}

/// A label and its value.
pub(super) type Label<'a> = (&'static str, &'a dyn Display);

/// The page as it grows.
#[derive(Debug, Default)]
pub(super) struct Text(String);

/// A family that samples are added to. One without samples leaves no trace.
#[derive(Debug)]
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
    help: &'static str,
    kind: Kind,
    has_samples: bool,
}

impl Text {
    pub(super) fn counter(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, help, Kind::Counter)
    }

    pub(super) fn gauge(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, help, Kind::Gauge)
    }

    pub(super) fn family(
        &mut self,
        name: &'static str,
        help: &'static str,
        kind: Kind,
    ) -> Family<'_> {
        Family { text: &mut self.0, name, help, kind, has_samples: false }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// Adds a sample.
    pub(super) fn sample(&mut self, labels: &[Label<'_>], value: impl Display) {
        self.line("", labels, value);
    }

    /// Adds a histogram of durations, in seconds.
    pub(super) fn histogram(&mut self, label: Label<'_>, observed: &Observed) {
        for (bound, count) in Histogram::bounds().zip(observed.cumulative) {
            self.line("_bucket", &[label, ("le", &bound.as_secs_f64())], count);
        }
        self.line("_bucket", &[label, ("le", &"+Inf")], observed.count);
        self.line("_sum", &[label], seconds(observed.sum));
        self.line("_count", &[label], observed.count);
    }

    fn line(&mut self, suffix: &str, labels: &[Label<'_>], value: impl Display) {
        let Self { name, help, kind, .. } = *self;
        // Writing to a text never fails.
        if !std::mem::replace(&mut self.has_samples, true) {
            let kind = match kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        }
        let _ = write!(self.text, "{name}{suffix}");
        for (label_idx, (label, value)) in labels.iter().enumerate() {
            let before = if label_idx == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{label}=\"");
            let _ = write!(Escaped(self.text), "{value}");
            self.text.push('"');
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}

pub(super) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// The value of a label as it is written: backslashes, quotation marks and line ends are escaped.
struct Escaped<'a>(&'a mut String);

impl std::fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for part in text.split_inclusive(['\\', '"', '\n']) {
            let plain = part.trim_end_matches(['\\', '"', '\n']);
            self.0.push_str(plain);
            self.0.push_str(match part.strip_prefix(plain) {
                Some("\\") => "\\\\",
                Some("\"") => "\\\"",
                Some("\n") => "\\n",
                _ => "",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_a_head_and_labels_are_escaped() {
        let mut text = Text::default();
        text.gauge("empty", "Not shown.");
        let mut family = text.counter("things_total", "Things.");
        family.sample(&[], 1);
        family.sample(&[("name", &"a\\b\"c\nd\"\""), ("id", &7)], 2.5);
        let expected = "# HELP things_total Things.\n# TYPE things_total counter\nthings_total 1\n\
                        things_total{name=\"a\\\\b\\\"c\\nd\\\"\\\"\",id=\"7\"} 2.5\n";
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn histogram_has_buckets_sum_and_count() {
        let mut text = Text::default();
        let mut observed = Histogram::default().observed();
        observed.count = 3;
        observed.sum = Duration::from_millis(1_500);
        text.family("h", "H.", Kind::Histogram).histogram(("api", &"Fetch"), &observed);
        let text = text.finish();
        assert!(text.contains("\nh_bucket{api=\"Fetch\",le=\"0.000064\"} 0\n"), "{text}");
        let end = "h_bucket{api=\"Fetch\",le=\"+Inf\"} 3\nh_sum{api=\"Fetch\"} 1.5\n\
                   h_count{api=\"Fetch\"} 3\n";
        assert!(text.ends_with(end), "{text}");
    }
}
