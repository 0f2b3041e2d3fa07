//! Python with the clients and codecs of `tests/interop/python/requirements.txt`. The environment is made once, in
//! `target/interop`, and again only when the pinned versions have changed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::kafka_dist::{fetched, interop_dir, make_once, succeed};

const REQUIREMENTS: &str = include_str!("../../../tests/interop/python/requirements.txt");
const REQUIREMENTS_FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/interop/python/requirements.txt");
/// The first one downloads 20 MB.
const INSTALL_LIMIT: Duration = Duration::from_secs(300);

/// A script about to be run by the interpreter that has it all, installed by the first caller.
pub fn script(path: impl AsRef<Path>) -> Command {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    let python = PYTHON.get_or_init(|| {
        make_environment(&interop_dir())
            .unwrap_or_else(|err| panic!("no Python to test with: {err}"))
    });
    let mut command = Command::new(python);
    // -B: the scripts lie in the source tree, where no bytecode is to be left.
    command.arg("-B").arg(path.as_ref());
    command
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
    pip.arg(REQUIREMENTS_FILE);
    fetched(&mut pip, INSTALL_LIMIT, "the packages come once from the package index")
}
