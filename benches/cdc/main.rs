//! A change on its way from a database to a consumer: how long it takes, on Ottla and on Apache Kafka in the same run.
//!
//! `cargo bench --bench cdc` prints the table, and `UPDATE=1` also writes it to `benches/README.md`. It takes some twelve
//! minutes; `OTTLA_SECONDS` is how long each rate is held. The measuring is done by `tests/interop/cdc/measure.py`.
#![expect(clippy::print_stdout, reason = "the output of a bench is its result")]

use std::fs;
use std::time::Duration;

use testkit::kafka_dist::interop_dir;
use testkit::ottla_broker::binary;
use testkit::{process, python};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/cdc/measure.py");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/README.md");
const MARKERS: (&str, &str) = ("<!-- cdc: written by UPDATE=1 -->\n", "<!-- end of cdc -->");
const LIMIT: Duration = Duration::from_secs(3600);

fn main() {
    let seconds = std::env::var("OTTLA_SECONDS").unwrap_or_else(|_| "30".to_owned());
    let mut command = python::script(SCRIPT);
    command.env("OTTLA_INTEROP", interop_dir()).arg(binary()).arg(seconds);
    let output = process::run(&mut command, LIMIT).unwrap_or_else(|err| panic!("{err}"));
    assert!(output.failure.is_none(), "{}\n{}", output.stdout, output.stderr);
    println!("{}", output.stdout);
    if std::env::var_os("UPDATE").is_some() {
        update(&output.stdout);
    }
}

/// Puts the table between the markers of the page.
fn update(table: &str) {
    let text = fs::read_to_string(PAGE).expect("the page can be read");
    let (before, rest) = text.split_once(MARKERS.0).expect("the page has the first marker");
    let (_, after) = rest.split_once(MARKERS.1).expect("the page has the last marker");
    let text = format!("{before}{}\n{table}\n{}{after}", MARKERS.0, MARKERS.1);
    fs::write(PAGE, text).expect("the page can be written");
}
