//! The real `ottla` binary as a broker: on a free port, with its data in a folder of its own, and gone with the test,
//! however that ends.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A broker that is not ready by then never will be, however slow and busy the machine is.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// One that has not stopped by then hangs.
const STOP_LIMIT: Duration = Duration::from_secs(120);

/// The binary, which cargo builds for the tests of the root package and names to them.
pub fn binary() -> PathBuf {
    std::env::var_os("CARGO_BIN_EXE_ottla")
        .expect("cargo runs this test, of the root package")
        .into()
}

/// A running broker.
#[derive(Debug)]
pub struct OttlaBroker {
    process: Child,
    bootstrap: String,
    log: PathBuf,
    _leash: Leash,
}

/// Kills the broker when the whole test process dies: a shell that waits for the end of its stdin, which nobody else
/// holds. It goes after the broker, whose process id it must not outlive.
#[derive(Debug)]
struct Leash(Child);

impl Leash {
    fn on(process: &Child) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", "read -r _; kill -KILL \"$0\""]).arg(process.id().to_string());
        let shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(shell.spawn().expect("there is a shell"))
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl OttlaBroker {
    /// Starts a broker on the data in `home`, with these settings on top of the defaults.
    pub fn start(home: &Path, settings: &[&str]) -> Self {
        let log = home.join("ottla.log");
        let errors = std::fs::File::options().create(true).append(true).open(&log);
        let mut command = Command::new(binary());
        command.arg("serve").args(["--set", "listeners=PLAINTEXT://127.0.0.1:0"]);
        command.args(["--set", &format!("log.dirs={}", home.join("data").display())]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors.expect("the log can be written"))
            .spawn()
            .expect("the binary was built for this test");
        let leash = Leash::on(&process);
        let stdout = process.stdout.take().expect("it is piped");
        let line = first_line(stdout);
        let bootstrap = line.as_deref().and_then(|line| line.split("PLAINTEXT://").nth(1));
        let Some(bootstrap) = bootstrap.map(|address| address.trim().to_owned()) else {
            let _ended = process.kill();
            panic!("no ready line but {line:?}; its log:\n{}", read(&log));
        };
        Self { process, bootstrap, log, _leash: leash }
    }

    /// The address for `--bootstrap-server`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What the broker has logged.
    pub fn log(&self) -> String {
        read(&self.log)
    }

    /// Stops it by SIGTERM, and expects it to end well.
    pub fn stop(mut self) {
        let pid = self.process.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.is_ok_and(|status| status.success()), "SIGTERM can be sent");
        let deadline = Instant::now() + STOP_LIMIT;
        loop {
            match self.process.try_wait().expect("it is our child") {
                Some(status) => {
                    return assert!(status.success(), "{status}; its log:\n{}", read(&self.log));
                }
                None if Instant::now() > deadline => {
                    panic!("it does not stop; its log:\n{}", read(&self.log));
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Kills it.
    pub fn kill(mut self) {
        self.process.kill().expect("it is our child");
        self.process.wait().expect("it is our child");
    }
}

impl Drop for OttlaBroker {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// The first line that the broker prints, if it comes in time.
fn first_line(stdout: impl Read + Send + 'static) -> Option<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        if reader.read_line(&mut line).is_ok() {
            // The test may have given up.
            let _heard = sender.send(line);
        }
    });
    receiver.recv_timeout(READY_LIMIT).ok().filter(|line| !line.is_empty())
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
