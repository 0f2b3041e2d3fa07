//! A JVM that runs beside a test: what it prints is heard line by line, and it ends with the test.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// What has not happened by then never will, however slow and busy the machine is.
const LIMIT: Duration = Duration::from_secs(300);

/// A JVM, killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Jvm {
    child: Child,
    /// A JVM on a leash halts when this is closed.
    stdin: ChildStdin,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Jvm {
    /// Starts what a [`KafkaDist`](crate::kafka_dist::KafkaDist) has prepared.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("Java runs");
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = child.stdout.take().expect("it is piped");
        let lines = Arc::default();
        let heard: Arc<Mutex<Vec<String>>> = Arc::clone(&lines);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                heard.lock().expect("nobody panics with it").push(line);
            }
        });
        Self { child, stdin, lines }
    }

    /// All that it has printed.
    pub(crate) fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().expect("nobody panics with it")
    }

    /// Writes to its stdin.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").expect("it listens");
        self.stdin.flush().expect("it listens");
    }

    /// How it has ended, if it has.
    pub(crate) fn end(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }
}

impl Drop for Jvm {
    fn drop(&mut self) {
        // Both fail only for a child that has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for something that is bound to happen.
#[track_caller]
pub(crate) fn wait_until(what: &str, is_true: impl FnMut() -> bool) {
    assert!(waited(is_true), "waited for {what} in vain");
}

/// Whether something has happened in time.
pub(crate) fn waited(mut is_true: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + LIMIT;
    while !is_true() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
    true
}
