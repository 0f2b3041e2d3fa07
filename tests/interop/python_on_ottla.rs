//! Python's clients against the real binary: librdkafka, kafka-python and aiokafka, each with the scenarios of
//! `python/scenarios.py`. Their environment is made once, in `target/interop`, and again only when the pinned versions
//! have changed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::kafka_dist::{interop_dir, make_once, succeed};
use crate::ottla_broker::OttlaBroker;
use crate::process;

const REQUIREMENTS: &str = include_str!("python/requirements.txt");
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/python");
/// The first one downloads 20 MB.
const INSTALL_LIMIT: Duration = Duration::from_secs(300);
/// All scenarios of one client, with two others beside it.
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn librdkafka_does_all_that_a_client_does() {
    check("on_librdkafka.py");
}

#[test]
fn kafka_python_does_all_that_a_client_does() {
    check("on_kafka_python.py");
}

#[test]
fn aiokafka_does_all_that_a_client_does() {
    check("on_aiokafka.py");
}

/// Runs the scenarios of one client on a broker of its own.
fn check(script: &str) {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &["group.initial.rebalance.delay.ms=500"]);
    let mut command = Command::new(python());
    // -B: the scripts lie in the source tree, where no bytecode is to be left.
    command.arg("-B").arg(Path::new(SCRIPTS).join(script)).arg(broker.bootstrap());
    let output = process::run(&mut command, LIMIT).unwrap_or_else(|err| panic!("{err}"));
    assert!(
        output.failure.is_none() && output.stdout.contains(" passed, 0 failed"),
        "{script}: {}\n{}\nthe broker's log:\n{}",
        output.stdout,
        output.stderr,
        broker.log()
    );
    broker.stop();
}

/// The interpreter that has the clients, installed by the first caller.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        make_environment(&interop_dir())
            .unwrap_or_else(|err| panic!("no Python clients to test with: {err}"))
    })
}

fn make_environment(dir: &Path) -> Result<PathBuf, String> {
    fs::create_dir_all(dir).map_err(|err| format!("cannot make {}: {err}", dir.display()))?;
    // Released when the file is closed: two test processes may come here at once.
    let lock = File::create(dir.join("python.lock"));
    let lock = lock.map_err(|err| format!("no lock file: {err}"))?;
    lock.lock().map_err(|err| format!("cannot lock {}: {err}", dir.display()))?;
    let environment = dir.join("python");
    let python = environment.join("bin/python");
    make_once(&environment, REQUIREMENTS, || install(&environment, &python))?;
    Ok(python)
}

fn install(environment: &Path, python: &Path) -> Result<(), String> {
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(environment);
    succeed(&mut venv, INSTALL_LIMIT, "install Python 3.11 or later with its venv module")?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "-r"]);
    pip.arg(Path::new(SCRIPTS).join("requirements.txt"));
    succeed(&mut pip, INSTALL_LIMIT, "the clients come once from the package index")
}
