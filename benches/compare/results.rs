//! What was measured so far: a line of JSON for each run, so that a comparison that was broken off goes on where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::bench::Values;
use crate::brokers::Side;
use crate::wire::Result;

/// One run.
#[derive(Debug, Serialize, Deserialize)]
struct Run {
    row: String,
    side: String,
    round: u32,
    values: BTreeMap<String, f64>,
}

/// All runs of a form.
#[derive(Debug)]
pub(crate) struct Results {
    path: PathBuf,
    runs: Vec<Run>,
}

impl Results {
    /// Reads what is there. A line that was not written to its end was no run.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let runs = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let results = Self { path: path.to_owned(), runs };
        let mut lines = Vec::new();
        for run in &results.runs {
            serde_json::to_writer(&mut lines, run)?;
            lines.push(b'\n');
        }
        fs::write(path, lines)?;
        Ok(results)
    }

    /// In how many rounds something was measured.
    pub(crate) fn rounds(&self) -> usize {
        self.runs.iter().map(|run| run.round).collect::<BTreeSet<_>>().len()
    }

    /// Whether a run is there.
    pub(crate) fn has(&self, row: &str, side: Side, round: u32) -> bool {
        let is_it = |run: &Run| run.row == row && run.side == side.name() && run.round == round;
        self.runs.iter().any(is_it)
    }

    /// Keeps a run.
    pub(crate) fn add(&mut self, row: &str, side: Side, round: u32, values: Values) -> Result<()> {
        let values = values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let run = Run { row: row.to_owned(), side: side.name().to_owned(), round, values };
        let mut line = serde_json::to_vec(&run)?;
        line.push(b'\n');
        File::options().create(true).append(true).open(&self.path)?.write_all(&line)?;
        self.runs.push(run);
        Ok(())
    }

    /// What all runs of a row on a side say of one thing.
    pub(crate) fn values(&self, row: &str, side: Side, value: &str) -> Vec<f64> {
        let runs = self.runs.iter().filter(|run| run.row == row && run.side == side.name());
        runs.filter_map(|run| run.values.get(value).copied()).collect()
    }
}
