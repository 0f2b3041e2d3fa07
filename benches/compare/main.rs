//! Ottla beside Apache Kafka 4.3 and beside the bare machine: the same load on each in turns, on the same disk.
//!
//! `cargo bench --bench compare` takes hours, and `-- --short` half an hour; it can be broken off and goes on where it
//! was. `--smoke` only shows that every row runs. Words choose rows by what their names begin with, `--fresh` forgets what
//! was measured, `--report` measures nothing. The table and the plots go to `benches/` when all rows are there.

mod bare;
mod bench;
mod brokers;
mod consume;
mod groups;
mod latency;
mod load;
mod plot;
mod produce;
mod report;
mod results;
mod rows;
mod small;
mod start;
mod tools;
mod topics;
mod transactions;
mod wire;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use testkit::{kafka_dist, machine, say};

use crate::bench::{Bench, Form, Values};
use crate::brokers::{Broker, Side};
use crate::results::Results;
use crate::rows::{ROWS, Row, Run};
use crate::wire::Result;

/// Threads of the load that sleep until a moment are to wake at that moment.
const TIMER_SLACK: &str = "/proc/self/timerslack_ns";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, data] = arguments.as_slice()
        && first == bare::ARGUMENT
    {
        return bare::serve(PathBuf::from(data));
    }
    // Without it the load is late by 50 µs now and then, with every broker.
    let _refused = fs::write(TIMER_SLACK, "1");
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let form = match () {
        () if has("--smoke") => &Form::SMOKE,
        () if has("--short") => &Form::SHORT,
        () => &Form::FULL,
    };
    let interop = kafka_dist::interop_dir();
    let dir = interop.parent().ok_or("it lies in target")?.join("compare");
    fs::create_dir_all(&dir)?;
    let path = dir.join(format!("{}.jsonl", form.name));
    // A smoke test that skips what ran once would prove nothing.
    if has("--fresh") || has("--smoke") {
        let _none = fs::remove_file(&path);
    }
    let results = Results::open(&path)?;
    let wanted = arguments.iter().filter(|argument| !argument.starts_with('-'));
    let wanted: Vec<&str> = wanted.map(String::as_str).collect();
    let is_wanted =
        |row: &&Row| wanted.is_empty() || wanted.iter().any(|prefix| row.id.starts_with(prefix));
    let rows = ROWS.iter().filter(is_wanted).collect();
    let mut comparison = Comparison { form, dir, results, rows, failed: 0 };
    if !has("--report") {
        machine::warn_of_page_reporting();
        for round in 0..form.rounds {
            comparison.round(round)?;
        }
    }
    if comparison.failed > 0 {
        return Err(format!(
            "{} runs failed; the same command tries them again",
            comparison.failed
        )
        .into());
    }
    if !form.is_smoke() && wanted.is_empty() {
        report::write(&comparison.results, form)?;
    }
    Ok(())
}

/// What one run has written is not to be the next one's load: this waits until nothing is on its way to the disk.
fn settle_disk() {
    rustix::fs::sync();
}

/// All runs of a form.
struct Comparison {
    form: &'static Form,
    dir: PathBuf,
    results: Results,
    rows: Vec<&'static Row>,
    failed: usize,
}

impl Comparison {
    fn round(&mut self, round: u32) -> Result<()> {
        for row in self.rows.clone() {
            if let Run::Own(run) = row.run {
                for side in self.missing(row, round) {
                    let home = self.home(side)?;
                    settle_disk();
                    let start = Instant::now();
                    let values = run(side, &home, self.form);
                    self.keep(row, side, round, (values, start))?;
                    self.home(side)?;
                }
            }
        }
        self.warm_rows(round)
    }

    /// The rows on brokers that stay up for the round. Both are up at once, so that a row is measured on one just after
    /// the other; who has no turn has nothing to do.
    fn warm_rows(&mut self, round: u32) -> Result<()> {
        let rows = self.rows.clone().into_iter().filter_map(|row| match row.run {
            Run::Warm(run) => Some((row, run)),
            Run::Own(_) => None,
        });
        let rows: Vec<_> = rows.filter(|(row, _)| !self.missing(row, round).is_empty()).collect();
        let mut brokers = Vec::new();
        for side in Side::ALL {
            if rows.iter().any(|(row, _)| self.missing(row, round).contains(&side)) {
                let broker = Broker::start(side, &self.home(side)?)?;
                self.warm_up(side, &broker)?;
                brokers.push((side, broker));
            }
        }
        for (row, run) in rows {
            for side in self.missing(row, round) {
                let Some((_, broker)) = brokers.iter().find(|(it, _)| *it == side) else {
                    continue;
                };
                let topic = format!("{}-{round}", row.id);
                let results = &self.results;
                let bench = Bench { broker, side, form: self.form, results, topic };
                settle_disk();
                let start = Instant::now();
                let values = run(&bench);
                self.keep(row, side, round, (values, start))?;
            }
        }
        for (side, broker) in brokers {
            broker.stop();
            self.home(side)?;
        }
        Ok(())
    }

    /// The sides that have yet to run a row. Who goes first takes turns.
    fn missing(&self, row: &Row, round: u32) -> Vec<Side> {
        let mut sides = row.sides.to_vec();
        if round % 2 == 1 {
            sides.reverse();
        }
        sides.retain(|side| !self.results.has(row.id, *side, round));
        sides
    }

    /// An empty directory.
    fn home(&self, side: Side) -> Result<PathBuf> {
        let home = self.dir.join(self.form.name).join(side.name());
        let _leftover = fs::remove_dir_all(&home);
        fs::create_dir_all(&home)?;
        Ok(home)
    }

    fn warm_up(&self, side: Side, broker: &Broker) -> Result<()> {
        let start = Instant::now();
        let mut number = 0;
        while side != Side::Bare && start.elapsed() < self.form.warm_up {
            let topic = format!("warm-up-{number}");
            let bench = Bench { broker, side, form: self.form, results: &self.results, topic };
            rows::warm_up(&bench)?;
            number += 1;
        }
        Ok(())
    }

    /// Keeps what a run has measured, and tells it.
    fn keep(
        &mut self,
        row: &Row,
        side: Side,
        round: u32,
        (values, start): (Result<Values>, Instant),
    ) -> Result<()> {
        let seconds = start.elapsed().as_secs_f64();
        let id = row.id;
        let is_number = |values: &Values| values.iter().all(|(_, value)| value.is_finite());
        match values {
            Ok(values) if self.form.is_smoke() || is_number(&values) => {
                let text = values.iter().map(|(key, value)| format!("{value:.2} {key}"));
                let text = text.collect::<Vec<_>>().join(", ");
                say(format!("round {round}, {id:18} {side:5} {seconds:5.1} s: {text}"));
                self.results.add(id, side, round, values)
            }
            nothing => {
                self.failed += 1;
                say(format!(
                    "round {round}, {id:18} {side:5} {seconds:5.1} s: failed: {nothing:?}"
                ));
                Ok(())
            }
        }
    }
}
