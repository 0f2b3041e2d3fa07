//! Kafka's own eyes: `kafka-dump-log` on log, index, snapshot and transaction index files, and Kafka's classes on the
//! checkpoint files, which that tool leaves out. What they print is parsed into values for a test to compare.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::kafka_dist::kafka_dist;
use crate::process::Output;

const LIMIT: Duration = Duration::from_secs(300);
/// What the tool says of records whose offsets are not consecutive. It expects each file to begin with offset 0, so it
/// says this of every segment but the first, and of every compacted one.
const GAP: &str = "Non-consecutive offsets in ";

/// What the tool printed about the files it was given.
#[derive(Debug, Default)]
pub(crate) struct Dump {
    /// In the order of the command line.
    pub(crate) files: Vec<DumpedFile>,
    /// Everything that the tool found wrong, in its own words. An empty list is what a test wants.
    pub(crate) findings: Vec<String>,
}

/// One file. Only the list that belongs to its kind has anything in it.
#[derive(Debug, Default)]
pub(crate) struct DumpedFile {
    pub(crate) path: PathBuf,
    /// The batches of a `.log`, with the names that the tool prints: `baseOffset`, `lastOffset`, `compresscodec`, …
    pub(crate) batches: Vec<Fields>,
    /// The records of a `.log`, with `--deep-iteration`.
    pub(crate) records: Vec<DumpedRecord>,
    /// The entries of an index, of a producer snapshot or of a transaction index.
    pub(crate) entries: Vec<Fields>,
    /// The tool says of an index that it is empty, or that it passed the sanity check.
    pub(crate) passed: bool,
}

/// One record or control record of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DumpedRecord {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) header_keys: Vec<String>,
    /// What the record is about, if it is a control record: `COMMIT` or `ABORT`.
    pub(crate) marker: Option<String>,
    /// With `--print-data-log`, if the record has a key.
    pub(crate) key: Option<String>,
    /// With `--print-data-log`, if the record has a value.
    pub(crate) payload: Option<String>,
}

/// The `name: value` pairs of one line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(BTreeMap<String, String>);

/// Runs `kafka-dump-log` once over all `files`, which must not have a comma in their names. The tool cuts an index that
/// it reads to whole entries and makes one that is missing, so indexes belong on a copy.
pub(crate) fn dump_log(flags: &[&str], files: &[PathBuf]) -> Dump {
    let list: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    let list = list.join(",");
    let args = [flags, &["--files", &list]].concat();
    parse(&kafka_dist().run("org.apache.kafka.tools.DumpLogSegments", &args, LIMIT))
}

/// Reads checkpoint files, `partition.metadata`, `meta.properties` and `.kafka_cleanshutdown` with Kafka's own classes.
/// Returns a list for each file, with a text for each entry: `EPOCH START`, `TOPIC-PARTITION OFFSET`, `VERSION ID`.
pub(crate) fn dump_checkpoints(files: &[PathBuf]) -> Vec<Vec<String>> {
    let stdout = kafka_dist().stdout("DumpCheckpoints", files, LIMIT);
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|err| panic!("{err}: {line}"));
    stdout.lines().map(parse).collect()
}

fn parse(output: &Output) -> Dump {
    let mut dump = Dump::default();
    for line in output.stdout.lines() {
        dump.take_line(line);
    }
    dump.findings.extend(stderr_findings(&output.stderr));
    dump.findings.extend(output.failure.clone());
    dump
}

/// All of stderr but the gaps: mismatches come as a title with indented lines below it, anything else as itself.
fn stderr_findings(stderr: &str) -> Vec<String> {
    let mut in_gap = false;
    let mut findings = Vec::new();
    for line in stderr.lines() {
        in_gap = line.starts_with(GAP) || in_gap && line.starts_with("  ");
        if !in_gap {
            findings.push(line.to_owned());
        }
    }
    findings
}

impl Dump {
    fn take_line(&mut self, line: &str) {
        if let Some(path) = line.strip_prefix("Dumping ") {
            self.files.push(DumpedFile { path: path.into(), ..DumpedFile::default() });
            return;
        }
        if line.starts_with("Found ") || line.contains("isvalid: false") {
            self.findings.push(line.to_owned());
        }
        let Some(file) = self.files.last_mut() else {
            return self.findings.push(line.to_owned());
        };
        if let Some(record) = line.strip_prefix("| ") {
            file.records.push(DumpedRecord::parse(record));
        } else if line.starts_with("baseOffset: ") {
            file.batches.push(Fields::parse(line));
        } else if line.ends_with(" is empty.") || line.ends_with(" passed sanity check.") {
            file.passed = true;
        } else if !line.starts_with("Log starting offset: ") {
            file.entries.push(Fields::parse(line));
        }
    }
}

impl DumpedRecord {
    /// The key and the payload are printed raw, at the end: a key must not have ` payload: ` in it.
    fn parse(line: &str) -> Self {
        let (head, rest) = line.split_once(" headerKeys: [").unwrap_or((line, "]"));
        let (header_keys, rest) = rest.split_once(']').unwrap_or((rest, ""));
        let fields = Fields::parse(head);
        let (rest, payload) = match rest.split_once(" payload: ") {
            Some((rest, payload)) => (rest, Some(payload.to_owned())),
            None => (rest, None),
        };
        Self {
            offset: fields.number("offset"),
            timestamp: fields.number(if fields.has("CreateTime") {
                "CreateTime"
            } else {
                "LogAppendTime"
            }),
            header_keys: header_keys
                .split(',')
                .filter(|key| !key.is_empty())
                .map(str::to_owned)
                .collect(),
            marker: Fields::parse(rest).0.remove("endTxnMarker"),
            key: rest.strip_prefix(" key: ").map(str::to_owned),
            payload,
        }
    }
}

impl Fields {
    /// A name is a word that ends in a colon; its value are the words up to the next name.
    fn parse(line: &str) -> Self {
        let mut fields = BTreeMap::<String, String>::new();
        let mut name = None;
        for word in line.split_whitespace() {
            match (word.strip_suffix(':'), &name) {
                (Some(next), _) => name = Some(next.to_owned()),
                (None, Some(name)) => {
                    let value = fields.entry(name.clone()).or_default();
                    value.push_str(if value.is_empty() { "" } else { " " });
                    value.push_str(word);
                }
                (None, None) => {}
            }
        }
        Self(fields)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// A number, which the tool may have wrapped as `OptionalLong[1]`.
    pub(crate) fn number(&self, name: &str) -> i64 {
        let text = self.text(name);
        let bare = text.strip_prefix("OptionalLong[").and_then(|text| text.strip_suffix(']'));
        bare.unwrap_or(text).parse().unwrap_or_else(|err| panic!("{name} {text}: {err}"))
    }
}
