//! One child process that is run to its end, bounded in time, its output kept.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a process that ended by itself said.
#[derive(Debug)]
pub struct Output {
    /// The exit status in words, when it was not success.
    pub failure: Option<String>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `command` to its end. It is killed when it takes longer than `limit`.
pub fn run(command: &mut Command, limit: Duration) -> Result<Output, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        // Held open until the end: see `Leash.java`.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|err| format!("cannot run {program}: {err}"))?;
    let leash = child.stdin.take();
    // Nothing is ever sent: the channel closes when both readers have met the end of their pipe.
    let (open, ended) = mpsc::channel();
    let stdout = collect(child.stdout.take().expect("stdout is piped"), open.clone());
    let stderr = collect(child.stderr.take().expect("stderr is piped"), open);
    let timed_out = ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
    if timed_out {
        child.kill().map_err(|err| format!("cannot kill {program}: {err}"))?;
    }
    let status = child.wait().map_err(|err| format!("cannot wait for {program}: {err}"))?;
    drop(leash);
    let stdout = stdout.join().expect("the reader does not panic");
    let stderr = stderr.join().expect("the reader does not panic");
    if timed_out {
        return Err(format!("{program} did not end within {limit:?}:\n{stdout}\n{stderr}"));
    }
    let failure = (!status.success()).then(|| status.to_string());
    Ok(Output { failure, stdout, stderr })
}

fn collect(mut pipe: impl Read + Send + 'static, open: Sender<()>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that fails has ended as well; what came before it is worth showing.
        let _ = pipe.read_to_end(&mut bytes);
        drop(open);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_of_a_process_that_fails_keeps_both_outputs() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let output = run(&mut command, Duration::from_secs(30)).unwrap();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
        assert!(output.failure.unwrap().contains('3'));
    }

    #[test]
    fn run_of_a_process_that_hangs_kills_it_and_shows_what_it_said() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo waiting; exec sleep 3600"]);
        // As long as it may take a busy machine to start a shell.
        let err = run(&mut command, Duration::from_secs(4)).unwrap_err();
        assert!(err.contains("did not end") && err.contains("waiting"), "{err}");
    }
}
