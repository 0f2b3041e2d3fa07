//! A strict reader of Prometheus's text format 0.0.4, written from its documentation: what it takes, every scraper takes.

use std::collections::{BTreeMap, HashMap};

type Labels = BTreeMap<String, String>;

/// A page, read.
pub(crate) struct Metrics {
    samples: HashMap<String, HashMap<Labels, f64>>,
}

impl Metrics {
    /// Reads a page; anything that is wrong with it is a panic.
    pub(crate) fn parse(page: &str) -> Self {
        assert!(page.ends_with('\n'), "the last line has no end");
        let mut samples = HashMap::<String, HashMap<Labels, f64>>::new();
        let mut types = HashMap::new();
        let mut family = (String::new(), String::new());
        for line in page.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, _) = help.split_once(' ').expect("a help text");
                check_name(name);
                assert!(!types.contains_key(name), "{name} comes twice");
                family = (name.to_owned(), String::new());
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a type");
                assert_eq!(name, family.0, "the type follows the help");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                types.insert(name.to_owned(), kind.to_owned());
                family.1 = kind.to_owned();
            } else {
                let (name, labels, value) = sample(line);
                check_family(&name, &family, line);
                let before = samples.entry(name).or_default().insert(labels, value);
                assert_eq!(before, None, "twice: {line}");
            }
        }
        let metrics = Self { samples };
        types.iter().filter(|(_, kind)| *kind == "histogram").for_each(|(name, _)| {
            metrics.check_histogram(name);
        });
        metrics
    }

    /// The one sample with exactly these labels.
    #[track_caller]
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let pairs = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let labels: Labels = pairs.collect();
        let samples = self.samples.get(name).unwrap_or_else(|| panic!("there is no {name}"));
        *samples.get(&labels).unwrap_or_else(|| panic!("{name} has no {labels:?}: {samples:?}"))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.samples.keys().map(String::as_str)
    }

    /// How many samples there are of this name.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.samples.get(name).map_or(0, HashMap::len)
    }

    /// Buckets rise with their bounds, and the last holds all.
    fn check_histogram(&self, name: &str) {
        let mut series = HashMap::<Labels, Vec<(f64, f64)>>::new();
        for (labels, value) in &self.samples[&format!("{name}_bucket")] {
            let mut labels = labels.clone();
            let bound = labels.remove("le").expect("a bucket has a bound");
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
            series.entry(labels).or_default().push((bound, *value));
        }
        for (labels, mut buckets) in series {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "{name} {labels:?}: {buckets:?}");
            let (bound, all) = *buckets.last().unwrap();
            assert!(bound.is_infinite());
            assert_eq!(self.samples[&format!("{name}_count")][&labels], all);
            assert!(self.samples[&format!("{name}_sum")].contains_key(&labels));
        }
    }
}

fn check_family(name: &str, (family, kind): &(String, String), line: &str) {
    let suffix = name.strip_prefix(family.as_str());
    let suffixes: &[&str] =
        if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
    assert!(suffix.is_some_and(|suffix| suffixes.contains(&suffix)), "in no family: {line}");
    assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
    assert!(name.starts_with("ottla_"), "{line}");
}

fn check_name(name: &str) {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
    assert!(name.chars().all(is_part) && !name.starts_with(|char: char| char.is_ascii_digit()));
}

/// Takes a sample apart: `name{label="value",...} number`.
fn sample(line: &str) -> (String, Labels, f64) {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    let value = match value {
        "+Inf" => f64::INFINITY,
        "NaN" => f64::NAN,
        value => value.parse().unwrap_or_else(|_| panic!("no number: {line}")),
    };
    let Some((name, labels)) = series.split_once('{') else {
        check_name(series);
        return (series.to_owned(), Labels::new(), value);
    };
    check_name(name);
    let mut rest = labels.strip_suffix('}').expect("an end of the labels");
    let mut parsed = Labels::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"").expect("a label");
        check_name(label);
        let (text, after) = unescape(after);
        assert!(parsed.insert(label.to_owned(), text).is_none(), "twice: {line}");
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    (name.to_owned(), parsed, value)
}

/// Reads up to the closing quotation mark.
fn unescape(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((position, char)) = chars.next() {
        match char {
            '"' => return (value, &text[position + 1..]),
            '\\' => value.push(match chars.next().map(|(_, char)| char) {
                Some('n') => '\n',
                Some(char @ ('\\' | '"')) => char,
                other => panic!("no escape: {other:?}"),
            }),
            char => value.push(char),
        }
    }
    panic!("the label has no end: {text}");
}
