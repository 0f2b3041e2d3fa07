//! Log directories written by a real Kafka, and what they hold. They are made once in a test process, in
//! `target/interop/made`, which a file lock keeps ours; a test that changes a directory works on a copy.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use crate::broker::Broker;
use crate::kafka_dist::{interop_dir, kafka_dist};

const ROUND_LIMIT: Duration = Duration::from_secs(300);
const CHUNK_BYTES: u64 = 64 << 10;

/// How the broker that wrote a directory ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// By SIGTERM.
    Clean,
    /// By SIGKILL, with records behind its recovery points.
    Killed,
}

/// A log directory of Kafka and what a reader must find in it.
#[derive(Debug)]
pub(crate) struct MadeLogs {
    /// Kafka's log directory, not to be changed.
    pub(crate) dir: PathBuf,
    /// Every record that was written, in the order of offsets within a partition. Of the compacted topic: every record
    /// that the cleaner left.
    pub(crate) records: Vec<Record>,
    /// One for each partition of the topics that the records are in.
    pub(crate) ends: Vec<Ends>,
}

/// One record as its producer saw it stored.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Record {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) key: Option<String>,
    pub(crate) value_crc32c: Option<u32>,
    pub(crate) headers: Vec<(String, Option<String>)>,
    pub(crate) fate: Fate,
}

/// What became of the transaction that a record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// It was written outside of a transaction.
    Plain,
    Committed,
    Aborted,
    /// Its transaction has no end yet.
    Open,
}

/// Where a partition's log begins and ends.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Ends {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) log_start_offset: i64,
    pub(crate) last_stable_offset: i64,
    pub(crate) log_end_offset: i64,
}

/// A line of what `MakeLogs` prints.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Record(Record),
    Ends(Ends),
}

/// A log directory of a real Kafka, written under several leader epochs: topics of every codec, with and without
/// producer ids and transactions, one compacted, one with records deleted.
pub(crate) fn kafka_made_logs(stop: Stop) -> &'static MadeLogs {
    static MADE: OnceLock<(MadeLogs, MadeLogs, File)> = OnceLock::new();
    let (clean, killed, _lock) = MADE.get_or_init(make);
    match stop {
        Stop::Clean => clean,
        Stop::Killed => killed,
    }
}

impl MadeLogs {
    /// A copy of the directory that a test may change.
    pub(crate) fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().expect("the temporary folder is writable");
        copy_folder(&self.dir, copy.path()).expect("a made folder can be copied");
        copy
    }
}

/// Two rounds end in clean stops, so that the clean directory has records of two leader epochs. A third round with a
/// SIGKILL at its end makes the killed directory: its recovery points are those of the second stop, or of a roll since.
fn make() -> (MadeLogs, MadeLogs, File) {
    let home = interop_dir().join("made");
    fs::create_dir_all(&home).expect("target is writable");
    let lock = File::create(home.with_extension("lock")).expect("target is writable");
    lock.lock().expect("a file in target can be locked");
    fs::remove_dir_all(&home).expect("what an earlier run has made can be removed");

    let mut records = Vec::new();
    run_round(&home, 0, Stop::Clean, &mut records);
    let ends = run_round(&home, 1, Stop::Clean, &mut records);
    let dir = home.join("clean");
    copy_folder(&home.join("data"), &dir).expect("a folder that Kafka has closed can be copied");
    let clean = MadeLogs { dir, records: records.clone(), ends };

    let ends = run_round(&home, 2, Stop::Killed, &mut records);
    let dir = home.join("killed");
    fs::rename(home.join("data"), &dir).expect("a folder in target can be renamed");
    (clean, MadeLogs { dir, records, ends }, lock)
}

/// Runs a broker for one round of `MakeLogs`, adds its records to `records` and returns the ends.
fn run_round(home: &Path, round: u32, stop: Stop, records: &mut Vec<Record>) -> Vec<Ends> {
    let broker = Broker::start(home);
    let args = [broker.bootstrap(), &round.to_string()];
    let stdout = kafka_dist().stdout("MakeLogs", &args, ROUND_LIMIT);
    match stop {
        Stop::Clean => broker.stop(),
        Stop::Killed => broker.kill(),
    }
    let mut ends = Vec::new();
    for line in stdout.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Record(record)) => records.push(record),
            Ok(Line::Ends(partition)) => ends.push(partition),
            Err(err) => panic!("MakeLogs printed what is not its own: {err}: {line}"),
        }
    }
    records
        .sort_by(|a, b| (&a.topic, a.partition, a.offset).cmp(&(&b.topic, b.partition, b.offset)));
    ends
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            copy_sparse(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Leaves holes where the file has nothing but zeros: an index of an open segment is 10 MB of them.
fn copy_sparse(from: &Path, to: &Path) -> io::Result<()> {
    let source = File::open(from)?;
    let mut target = File::create(to)?;
    let length = source.metadata()?.len();
    let mut chunk = Vec::new();
    while (&source).take(CHUNK_BYTES).read_to_end(&mut chunk)? > 0 {
        if chunk.iter().all(|&byte| byte == 0) {
            target.seek_relative(chunk.len().try_into().expect("a chunk is small"))?;
        } else {
            target.write_all(&chunk)?;
        }
        chunk.clear();
    }
    target.set_len(length)
}
