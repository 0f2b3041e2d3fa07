//! A real Apache Kafka 4.3.1 broker: one KRaft node on free ports of 127.0.0.1. It never outlives the test: dropping it
//! kills it, and when the whole test process dies, the broker's stdin ends and it halts by itself (`Leash.java`).

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::kafka_dist::kafka_dist;
use crate::process;

/// Any 16 bytes in base64 serve as the id of a cluster; a fixed one keeps the directories comparable.
const CLUSTER_ID: &str = "b3R0bGEtaW50ZXJvcC0xMg";
/// It starts in seven seconds, on two cores that do nothing else.
const LIMIT: Duration = Duration::from_secs(240);
const CLASS: &str = "kafka.Kafka";
/// With it the broker says when it has started.
const LOG_LEVEL: &str = "-Dlog4j2.level=INFO";
/// Every background task of the logs in quick turns. Records are never deleted for their age, since those of the tests
/// have fixed times in the past.
const TEST_SETTINGS: &str = "offsets.topic.num.partitions=1\n\
     transaction.state.log.num.partitions=3\n\
     group.initial.rebalance.delay.ms=0\n\
     log.retention.ms=-1\n\
     log.initial.task.delay.ms=100\n\
     log.retention.check.interval.ms=100\n\
     log.flush.offset.checkpoint.interval.ms=100\n\
     log.flush.start.offset.checkpoint.interval.ms=100\n\
     replica.high.watermark.checkpoint.interval.ms=100\n\
     log.cleaner.backoff.ms=50\n\
     log.cleaner.dedupe.buffer.size=2097152";
/// Another process may take a port between our choice of it and the broker's bind.
const START_ATTEMPTS: usize = 3;

/// A running broker.
#[derive(Debug)]
pub struct Broker {
    child: Child,
    /// Held open: its end makes the broker halt.
    _leash: ChildStdin,
    /// Closes when the process has ended.
    life: Receiver<Started>,
    bootstrap: String,
    log: PathBuf,
}

/// Sent once, when the broker serves.
#[derive(Debug)]
struct Started;

impl Broker {
    /// Starts a broker whose log directory is `home/data`, formatted first if it is new, and waits until it serves.
    /// `home` also gets its `server.properties` and what it logs.
    pub fn start(home: &Path) -> Self {
        let java = || kafka_dist().java(&[LOG_LEVEL], CLASS);
        Self::start_as(home, TEST_SETTINGS, &java)
    }

    /// The same with the JVM's flags of Kafka's own start script and Kafka's own defaults, but for these `key=value`.
    pub fn start_as_shipped(home: &Path, settings: &[&str]) -> Self {
        let java = || kafka_dist().java_as_shipped(&["-Xmx1G", "-Xms1G", LOG_LEVEL], CLASS);
        Self::start_as(home, &settings.join("\n"), &java)
    }

    fn start_as(home: &Path, settings: &str, java: &dyn Fn() -> Command) -> Self {
        let mut refusal = String::new();
        for _ in 0..START_ATTEMPTS {
            match Self::try_start(home, settings, java()) {
                Ok(broker) => return broker,
                Err(log) if log.contains("Address already in use") => refusal = log,
                Err(log) => panic!("the broker did not start:\n{}", tail(&log)),
            }
        }
        panic!("the broker found its ports taken {START_ATTEMPTS} times:\n{}", tail(&refusal));
    }

    /// Its `bootstrap.servers`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it by SIGTERM, which Kafka takes as the order for a controlled shutdown.
    pub fn stop(mut self) {
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -TERM \"$0\""]).arg(self.child.id().to_string());
        let output = process::run(&mut kill, LIMIT).unwrap_or_else(|err| panic!("{err}"));
        assert!(output.failure.is_none(), "no SIGTERM to the broker: {output:?}");
        let ended = matches!(self.life.recv_timeout(LIMIT), Err(RecvTimeoutError::Disconnected));
        assert!(ended, "the broker did not stop within {LIMIT:?}:\n{}", tail(&read(&self.log)));
        self.child.wait().expect("a child of ours can be waited for");
    }

    /// Stops it by SIGKILL: what it had written is in its files, what it had in memory is lost.
    pub fn kill(self) {
        drop(self);
    }

    /// What the broker said is the error: Kafka goes on to speak for 300 lines after the one that tells why.
    fn try_start(home: &Path, settings: &str, mut java: Command) -> Result<Self, String> {
        let data = home.join("data");
        let ports = free_ports();
        let properties = home.join("server.properties");
        fs::create_dir_all(&data).expect("the home of the broker can be made");
        let text = server_properties(ports, &data, settings);
        fs::write(&properties, text).expect("the home is writable");
        if !data.join("meta.properties").exists() {
            format(&properties);
        }

        let log = home.join("broker.log");
        let log_file = File::create(&log).expect("the home is writable");
        let mut child = java
            .arg(&properties)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log_file.try_clone().expect("a file handle can be doubled"))
            .spawn()
            .expect("java was there for the compiler");
        let leash = child.stdin.take().expect("stdin is piped");
        let life = follow(child.stdout.take().expect("stdout is piped"), log_file);
        let bootstrap = format!("127.0.0.1:{}", ports.0);
        // From here on a drop kills the child.
        let broker = Self { child, _leash: leash, life, bootstrap, log };
        match broker.life.recv_timeout(LIMIT) {
            Ok(Started) => Ok(broker),
            Err(_) => Err(read(&broker.log)),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Both fail only for a child that has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn format(properties: &Path) {
    let args = ["format".as_ref(), "-t".as_ref(), CLUSTER_ID.as_ref(), "-c".as_ref()];
    let args = [&args[..], &[properties.as_os_str()]].concat();
    kafka_dist().stdout("kafka.tools.StorageTool", &args, LIMIT);
}

/// Copies what the broker says into its log, and tells when it has started.
fn follow(stdout: ChildStdout, mut log: File) -> Receiver<Started> {
    let (life, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            let _ = writeln!(log, "{line}");
            if line.ends_with("Kafka Server started") {
                let _ = life.send(Started);
            }
        }
    });
    receiver
}

fn read(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_else(|err| err.to_string())
}

/// The last 40 lines.
fn tail(log: &str) -> String {
    let skipped = log.lines().count().saturating_sub(40);
    log.lines().skip(skipped).collect::<Vec<_>>().join("\n")
}

/// Two different ports: both are bound before either is let go.
fn free_ports() -> (u16, u16) {
    let [first, second] =
        [(); 2].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("127.0.0.1 has a free port"));
    let port = |listener: &TcpListener| listener.local_addr().expect("it is bound").port();
    (port(&first), port(&second))
}

/// One node, which has the one replica of everything.
fn server_properties((broker, controller): (u16, u16), data: &Path, settings: &str) -> String {
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
         log.dirs={data}\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         share.coordinator.state.topic.replication.factor=1\n\
         {settings}\n",
        data = data.display(),
    )
}
