//! What the log costs beside what the machine can do at best, measured in turns in one run.
//!
//! `cargo bench --bench storage` prints the table, and with a word after `--` only the rows of that group;
//! `UPDATE=1` also writes it to `benches/README.md`. The data lies below `target/bench-data` and goes away afterwards.
#![expect(clippy::print_stdout, reason = "the output of a bench is its result")]

mod append;
mod compaction;
mod measure;
#[path = "../../crates/storage/tests/idle/partitions.rs"]
mod partitions;
mod read;
mod scene;
mod start;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use measure::Row;

/// Adds the rows of one group.
type Measure = fn(&mut Vec<Row>);

/// The groups in the order in which they are measured. Memory is measured first, in a process that has used none.
const GROUPS: [(&str, Measure); 4] = [
    ("start", start::measure),
    ("append", append::measure),
    ("read", read::measure),
    ("compaction", compaction::measure),
];

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/README.md");
const MARKERS: (&str, &str) =
    ("<!-- storage: written by UPDATE=1 -->\n", "<!-- end of storage -->");

fn main() {
    testkit::machine::warn_of_page_reporting();
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut table = "| what | Ottla | the machine | of it |\n|---|---|---|---|\n".to_owned();
    print!("{table}");
    for (name, measure) in GROUPS {
        if !wanted.is_empty() && !wanted.iter().any(|word| word == name) {
            continue;
        }
        let mut rows = Vec::new();
        measure(&mut rows);
        for row in rows {
            println!("{row}");
            writeln!(table, "{row}").expect("a String takes all that is written to it");
        }
    }
    if wanted.is_empty() && std::env::var_os("UPDATE").is_some() {
        update(Path::new(PAGE), &table);
    }
}

/// Puts the table between the markers of a page.
fn update(page: &Path, table: &str) {
    let text = fs::read_to_string(page).expect("the page can be read");
    let (before, rest) = text.split_once(MARKERS.0).expect("the page has the first marker");
    let (_, after) = rest.split_once(MARKERS.1).expect("the page has the last marker");
    let text = format!("{before}{}\n{table}\n{}{after}", MARKERS.0, MARKERS.1);
    fs::write(page, text).expect("the page can be written");
}
