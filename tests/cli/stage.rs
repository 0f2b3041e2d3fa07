//! A broker, and the commands that are run against it. A command that does not end is killed, and the test fails.

use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::ottla_broker::OttlaBroker;

/// No command here takes nearly as long, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Where no broker is. Unlike the port of one that has ended, this is never given to the next that asks for any.
pub(crate) const NOBODY: &str = "127.0.0.1:1";

/// What a command has said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A broker of a test.
pub(crate) struct Stage {
    broker: OttlaBroker,
    home: tempfile::TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// With these settings on top of the defaults.
    pub(crate) fn with(settings: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("there is room for a folder");
        let broker = OttlaBroker::start(home.path(), settings);
        Self { broker, home }
    }

    /// A file in the folder of the test.
    pub(crate) fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().expect("temporary folders are UTF-8").to_owned()
    }

    pub(crate) fn bootstrap(&self) -> &str {
        self.broker.bootstrap()
    }

    /// Kills the broker and starts it anew on what it has left, with these settings.
    pub(crate) fn restart(self, settings: &[&str]) -> Self {
        let Self { broker, home } = self;
        broker.kill();
        let broker = OttlaBroker::start(home.path(), settings);
        Self { broker, home }
    }

    /// Stops the broker, which has met nothing that it did not expect.
    pub(crate) fn stop_broker(self) {
        assert!(!self.broker.log().contains("panicked"), "{}", self.broker.log());
        self.broker.stop();
    }

    /// The command with these arguments, spoken to our broker.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = ottla(arguments);
        command.env("OTTLA_BOOTSTRAP", self.bootstrap());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        finish(start(self.command(arguments).stdin(Stdio::null())))
    }

    /// What a command that succeeds prints.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        succeeded(arguments, self.run(arguments))
    }

    /// The same for one that reads `input`.
    #[track_caller]
    pub(crate) fn ok_with(&self, arguments: &[&str], input: &str) -> String {
        succeeded(arguments, self.run_with(arguments, input))
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        let path = self.path("input");
        fs::write(&path, input).expect("the folder is ours");
        let input = fs::File::open(path).expect("it was written");
        finish(start(self.command(arguments).stdin(input)))
    }

    /// What a command prints with `--format json`.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.ok(&[arguments, &["--format", "json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|err| panic!("{err} in {text}"))
    }

    /// What a command that fails says on standard error.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, Some(1), "{arguments:?}: {said:?}");
        said.err
    }

    /// The lines that `consume` prints of what there is now.
    #[track_caller]
    pub(crate) fn consume(&self, arguments: &[&str]) -> Vec<String> {
        let text = self.ok(&[&["consume", "-e"], arguments].concat());
        text.lines().map(str::to_owned).collect()
    }
}

#[track_caller]
fn succeeded(arguments: &[&str], said: Said) -> String {
    assert_eq!(said.code, Some(0), "{arguments:?}: {said:?}");
    said.out
}

/// The binary with these arguments.
pub(crate) fn ottla(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
    command.args(arguments);
    command
}

pub(crate) fn start(command: &mut Command) -> Child {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary was built for this test")
}

/// Waits for the end of a command.
pub(crate) fn finish(child: Child) -> Said {
    let pid = child.id();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(LIMIT) else {
        signal(pid, "KILL");
        panic!("it does not end: {:?}", receiver.recv());
    };
    let Output { status, stdout, stderr } = output.expect("it is our child");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// Sends a signal to a process that we have started.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "{name} can be sent");
}

/// Tries until something comes of it.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "there is still no {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The elements of a JSON list.
#[track_caller]
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("it is no list: {value}"))
}

/// A text in a JSON object.
#[track_caller]
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    let text = value.get(field).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("it has no text {field}: {value}"))
}
