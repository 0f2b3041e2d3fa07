//! Apache Kafka 4.3.1 as it is published, and the small Java programs of `tests/interop/java`. Both are made once, in
//! `target/interop`, and again only when the pom or a source has changed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::ottla_broker::binary;
use crate::process::{self, Output};

const POM: &str = include_str!("../../../tests/interop/java/pom.xml");
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/interop/java");
/// The first fetch downloads 60 MB.
const FETCH_LIMIT: Duration = Duration::from_secs(600);
const COMPILE_LIMIT: Duration = Duration::from_secs(120);
/// A registry that cannot be reached is asked again so often, after a pause.
const FETCH_ATTEMPTS: usize = 3;
const FETCH_PAUSE: Duration = Duration::from_secs(10);
/// These JVMs live for seconds: the quick compiler and the plain collector start them in half the time.
const JVM_FLAGS: [&str; 3] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m"];
/// What Kafka's own start scripts run everything with, for those who measure it.
const SHIPPED_FLAGS: [&str; 5] = [
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
];

/// The jars of Kafka and our own classes, ready to run.
#[derive(Debug)]
pub struct KafkaDist {
    classpath: String,
}

/// Where everything that these tests make is kept.
pub fn interop_dir() -> PathBuf {
    let binary = binary();
    let target = binary.ancestors().nth(2).expect("it lies in a folder of target");
    target.join("interop")
}

/// Kafka, fetched and compiled by the first caller.
pub fn kafka_dist() -> &'static KafkaDist {
    static DIST: OnceLock<KafkaDist> = OnceLock::new();
    DIST.get_or_init(|| {
        make_dist(&interop_dir())
            .unwrap_or_else(|err| panic!("no Apache Kafka to test with: {err}"))
    })
}

impl KafkaDist {
    /// A JVM about to run `class`, for the caller to spawn with a pipe as its stdin: it halts when that pipe closes.
    pub fn java(&self, flags: &[&str], class: &str) -> Command {
        let mut command = Command::new("java");
        command.args(JVM_FLAGS).args(flags).arg("-cp").arg(&self.classpath).args(["Leash", class]);
        command
    }

    /// The same with the flags of Kafka's own scripts, which set the heap for each program.
    pub fn java_as_shipped(&self, heap: &[&str], class: &str) -> Command {
        let mut command = Command::new("java");
        command.args(heap).args(SHIPPED_FLAGS).arg("-cp").arg(&self.classpath);
        command.args(["Leash", class]);
        command
    }

    /// The same for a class that reads its stdin, and ends when that does.
    pub fn java_reading_stdin(&self, class: &str) -> Command {
        let mut command = Command::new("java");
        command.args(JVM_FLAGS).arg("-cp").arg(&self.classpath).arg(class);
        command
    }

    /// Runs `class` to its end, which must come within `limit`.
    pub fn run<A: AsRef<OsStr>>(&self, class: &str, args: &[A], limit: Duration) -> Output {
        process::run(self.java(&[], class).args(args), limit).unwrap_or_else(|err| panic!("{err}"))
    }

    /// Runs `class` to its end and returns its stdout. It panics with all the output when the class fails.
    pub fn stdout<A: AsRef<OsStr>>(&self, class: &str, args: &[A], limit: Duration) -> String {
        let output = self.run(class, args, limit);
        assert!(output.failure.is_none(), "{class} failed: {output:#?}");
        output.stdout
    }
}

fn make_dist(dir: &Path) -> Result<KafkaDist, String> {
    let home = dir.join("kafka-4.3.1");
    fs::create_dir_all(&home).map_err(|err| format!("cannot make {}: {err}", home.display()))?;
    // Released when the file is closed: two test processes may come here at once.
    let lock = File::create(dir.join("lock")).map_err(|err| format!("no lock file: {err}"))?;
    lock.lock().map_err(|err| format!("cannot lock {}: {err}", dir.display()))?;

    let lib = home.join("lib");
    make_once(&lib, POM, || fetch(&lib))?;
    let classes = dir.join("classes");
    let sources = java_sources()?;
    let text = read_all(&sources)?;
    make_once(&classes, &text, || compile(&sources, &classes, &lib))?;
    Ok(KafkaDist { classpath: format!("{}:{}/*", classes.display(), lib.display()) })
}

/// Makes the folder `dir` unless it was made of the same `input` before. The marker that says so is written last.
pub fn make_once(
    dir: &Path,
    input: &str,
    make: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let marker = dir.with_extension("made-of");
    if fs::read_to_string(&marker).is_ok_and(|made_of| made_of == input) {
        return Ok(());
    }
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).map_err(|err| format!("cannot make {}: {err}", dir.display()))?;
    make()?;
    fs::write(&marker, input).map_err(|err| format!("cannot write {}: {err}", marker.display()))
}

fn fetch(lib: &Path) -> Result<(), String> {
    let mut mvn = Command::new("mvn");
    mvn.args(["-q", "-B", "-f"]).arg(Path::new(SOURCES).join("pom.xml"));
    mvn.arg("dependency:copy-dependencies").arg(format!("-DoutputDirectory={}", lib.display()));
    fetched(&mut mvn, FETCH_LIMIT, "install Maven; it fetches Apache Kafka once")
}

fn compile(sources: &[PathBuf], classes: &Path, lib: &Path) -> Result<(), String> {
    let mut javac = Command::new("javac");
    javac.args(["-Xlint:all", "-Werror", "-cp"]).arg(lib.join("*"));
    javac.arg("-d").arg(classes).args(sources);
    succeed(&mut javac, COMPILE_LIMIT, "install a JDK of version 17 or later")
}

/// Runs a command that has to succeed; `remedy` is what to do when it does not.
pub fn succeed(command: &mut Command, limit: Duration, remedy: &str) -> Result<(), String> {
    let output = process::run(command, limit).map_err(|err| format!("{err}; {remedy}"))?;
    match output.failure {
        None => Ok(()),
        Some(failure) => Err(format!(
            "{command:?} failed ({failure}); {remedy}\n{}\n{}",
            output.stdout, output.stderr
        )),
    }
}

/// The same for one that asks a registry, which may be away for a moment.
pub fn fetched(command: &mut Command, limit: Duration, remedy: &str) -> Result<(), String> {
    let mut result = succeed(command, limit, remedy);
    for _ in 1..FETCH_ATTEMPTS {
        if result.is_ok() {
            break;
        }
        std::thread::sleep(FETCH_PAUSE);
        result = succeed(command, limit, remedy);
    }
    result
}

/// The sources in a fixed order, so that the marker compares.
fn java_sources() -> Result<Vec<PathBuf>, String> {
    let folder = Path::new(SOURCES).join("src");
    let entries = fs::read_dir(&folder).map_err(|err| format!("{}: {err}", folder.display()))?;
    let mut sources: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    sources.sort();
    Ok(sources)
}

fn read_all(files: &[PathBuf]) -> Result<String, String> {
    files
        .iter()
        .map(|file| fs::read_to_string(file).map_err(|err| format!("{}: {err}", file.display())))
        .collect()
}
