//! KafkaJS and franz-go against the real binary. They are fetched once, in the pinned versions, into `target/interop`, and
//! again only when those have changed.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::kafka_dist::{fetched, interop_dir, make_once};
use crate::ottla_broker::OttlaBroker;
use crate::process;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop");
/// The first time downloads some megabytes.
const FETCH_LIMIT: Duration = Duration::from_secs(300);
const LIMIT: Duration = Duration::from_secs(600);
/// What is to be waited for comes soon.
const SETTINGS: [&str; 2] = [
    "group.initial.rebalance.delay.ms=500",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms=200",
];

#[test]
fn kafkajs_does_all_that_a_client_does() {
    let folder = interop_dir().join("js");
    let sources = Path::new(SOURCES).join("js");
    made(&folder, &sources, &["package.json", "package-lock.json"], || {
        for name in ["package.json", "package-lock.json"] {
            fs::copy(sources.join(name), folder.join(name)).map_err(|err| err.to_string())?;
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--silent", "--ignore-scripts"]).current_dir(&folder);
        fetched(
            &mut npm,
            FETCH_LIMIT,
            "install Node.js and npm; KafkaJS comes once from the registry",
        )
    });
    let mut node = Command::new("node");
    node.env("NODE_PATH", folder.join("node_modules")).arg(sources.join("on_kafkajs.js"));
    check(node, 6);
}

#[test]
fn franz_go_does_all_that_a_client_does() {
    let folder = interop_dir().join("go");
    let sources = Path::new(SOURCES).join("go");
    made(&folder, &sources, &["go.mod", "go.sum", "main.go"], || {
        let mut go = Command::new("go");
        go.args(["build", "-o"]).arg(folder.join("on_franz_go")).arg(".").current_dir(&sources);
        fetched(&mut go, FETCH_LIMIT, "install Go; franz-go comes once from the module proxy")
    });
    check(Command::new(folder.join("on_franz_go")), 7);
}

/// Makes a folder of some sources, unless it was made of the same ones before.
fn made(folder: &Path, sources: &Path, names: &[&str], make: impl FnOnce() -> Result<(), String>) {
    fs::create_dir_all(interop_dir()).expect("the target folder is writable");
    // Released when the file is closed: two test processes may come here at once.
    let lock = File::create(folder.with_extension("lock")).expect("the folder is writable");
    lock.lock().expect("a file can be locked");
    let read = |name: &&str| fs::read_to_string(sources.join(name)).expect("the source is there");
    let input: String = names.iter().map(read).collect();
    make_once(folder, &input, make).unwrap_or_else(|err| panic!("no client to test with: {err}"));
}

/// Runs a client, which has so many scenarios, on a broker of its own.
fn check(mut client: Command, scenario_count: usize) {
    let home = tempfile::tempdir().expect("the temporary folder is writable");
    let broker = OttlaBroker::start(home.path(), &SETTINGS);
    client.arg(broker.bootstrap());
    let output = process::run(&mut client, LIMIT).unwrap_or_else(|err| panic!("{err}"));
    assert!(output.failure.is_none(), "{output:#?}\nthe broker's log:\n{}", broker.log());
    assert_eq!(output.stdout.matches("ok ").count(), scenario_count, "{}", output.stdout);
    broker.stop();
}
