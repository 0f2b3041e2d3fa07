//! The table and the plots, made of all runs of a form.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::bench::Form;
use crate::brokers::Side;
use crate::plot::{self, Series};
use crate::results::Results;
use crate::rows::{Bar, ROWS};
use crate::wire::Result;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches");
const MARKERS: (&str, &str) =
    ("<!-- compare: written by the comparison -->\n", "<!-- end of compare -->");

/// What a promise costs: a row beside the same without it.
const COSTS: [(&str, &str, &str); 5] = [
    ("idempotence", "idempotent", "plain"),
    ("transactions of 2 MB", "transactional", "plain"),
    ("transactions of 100 ms", "transactions-100", "plain"),
    ("fsync before acknowledgement", "fsync", "produce-1k-50"),
    ("acks=1 instead of all", "latency-acks-1", "latency"),
];

/// The rows in the plots of throughput and of processor time.
const PLOTTED: [&str; 12] = [
    "produce-1k-1",
    "produce-1k-10",
    "produce-1k-50",
    "produce-100-10",
    "fsync",
    "idempotent",
    "transactional",
    "consume-1",
    "consume-10",
    "tail",
    "java-produce",
    "java-consume",
];
const QUANTILES: [&str; 4] = ["p50 ms", "p99 ms", "p99.9 ms", "p99.99 ms"];

/// The middle of some values, and their ends.
#[derive(Clone, Copy, Debug)]
struct Summary {
    median: f64,
    min: f64,
    max: f64,
}

impl Summary {
    fn of(results: &Results, row: &str, side: Side, value: &str) -> Option<Self> {
        let mut values = results.values(row, side, value);
        values.sort_by(f64::total_cmp);
        Some(Self { median: median(&values)?, min: *values.first()?, max: *values.last()? })
    }

    fn text(summary: Option<Self>) -> String {
        summary.map_or_else(
            || "–".to_owned(),
            |it| format!("{} ({}–{})", short(it.median), short(it.min), short(it.max)),
        )
    }
}

/// The middle of sorted values, or of the two in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some((values.get(low)? + values.get(high)?) / 2.0)
}

/// Three digits, for people.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Writes the table into the page, and the plots beside it.
pub(crate) fn write(results: &Results, form: &Form) -> Result<()> {
    let mut text = table(results)?;
    writeln!(text, "\nWhat a promise costs on each, beside the same load without it:\n")?;
    text.push_str(&costs(results)?);
    for (name, what, plot) in plots(results) {
        fs::write(Path::new(FOLDER).join(name), plot)?;
        writeln!(text, "\n![{what}]({name})")?;
    }
    let page = Path::new(FOLDER).join("README.md");
    let old = fs::read_to_string(&page)?;
    let (before, rest) = old.split_once(MARKERS.0).ok_or("the page has no first marker")?;
    let (_, after) = rest.split_once(MARKERS.1).ok_or("the page has no last marker")?;
    let (name, rounds) = (form.name, results.rounds());
    let head = format!("The {name} form, {rounds} round(s): medians, with the least and the most.");
    let (first, last) = MARKERS;
    fs::write(&page, format!("{before}{first}\n{head}\n\n{text}\n{last}{after}"))?;
    Ok(())
}

fn table(results: &Results) -> Result<String> {
    let mut text = "| what | measure | Ottla ÷ Kafka | the bar | Ottla | Kafka | the bare machine | Ottla ÷ bare |\n\
                    |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for row in ROWS {
        for (value, bar) in row.values {
            let of = |side| Summary::of(results, row.id, side, value);
            let (kafka, ottla, bare) = (of(Side::Kafka), of(Side::Ottla), of(Side::Bare));
            let Some(ours) = ottla else { continue };
            let ratio = kafka.map(|kafka| ours.median / kafka.median);
            let (bar, holds) = match *bar {
                Bar::AtLeast(bar) => (format!("≥ {bar}"), ratio.map(|it| it >= bar)),
                Bar::AtMost(bar) => (format!("≤ {bar}"), ratio.map(|it| it <= bar)),
                Bar::Below(bar) => (format!("Ottla < {bar}"), Some(ours.median < bar)),
            };
            let ratio = ratio.map_or_else(|| "–".to_owned(), short);
            let mark = match holds {
                Some(true) => "",
                Some(false) => ", missed",
                None => ", not measured on Kafka",
            };
            let of_bare = bare.map_or_else(|| "–".to_owned(), |it| short(ours.median / it.median));
            let (ours, kafka) = (Summary::text(ottla), Summary::text(kafka));
            let (what, bare) = (row.what, Summary::text(bare));
            writeln!(
                text,
                "| {what} | {value} | **{ratio}** | {bar}{mark} | {ours} | {kafka} | {bare} | {of_bare} |"
            )?;
        }
    }
    Ok(text)
}

fn costs(results: &Results) -> Result<String> {
    let mut text = "| what | measure | Ottla | Kafka |\n|---|---|---|---|\n".to_owned();
    for (what, row, without) in COSTS {
        let Some(row) = ROWS.iter().find(|it| it.id == row) else { continue };
        for (value, _) in row.values {
            let times = |side| {
                let of = |row| Summary::of(results, row, side, value);
                let (with, without) = (of(row.id)?, of(without)?);
                Some(format!("× {}", short(with.median / without.median)))
            };
            if let (Some(ottla), Some(kafka)) = (times(Side::Ottla), times(Side::Kafka)) {
                writeln!(text, "| {what} | {value} | {ottla} | {kafka} |")?;
            }
        }
    }
    Ok(text)
}

/// The name, the title and the text of each plot.
fn plots(results: &Results) -> Vec<(&'static str, &'static str, String)> {
    let median = |row, side, value| Summary::of(results, row, side, value).map(|it| it.median);
    let bars = |title, value: &'static str| {
        let groups =
            PLOTTED.map(|row| (row, Side::ALL.map(|side| (side, median(row, side, value)))));
        plot::bars(title, &groups)
    };
    let rows = [("latency", "as is"), ("latency-catch-up", "with a catch-up reader")];
    let series = rows.iter().flat_map(|(row, what)| {
        Side::BROKERS.map(|side| Series {
            name: format!("{side}, {what}"),
            side,
            values: QUANTILES.map(|quantile| median(row, side, quantile)).to_vec(),
        })
    });
    let series: Vec<_> = series.collect();
    let (speed, cpu) = ("Throughput, MB/s", "Processor time of the broker, seconds a GB");
    let latency = "Latency end to end at half of Kafka's load, ms";
    vec![
        ("compare-throughput.svg", speed, bars(speed, "MB/s")),
        ("compare-cpu.svg", cpu, bars(cpu, "CPU s/GB")),
        ("compare-latency.svg", latency, plot::lines(latency, &QUANTILES, &series)),
    ]
}
